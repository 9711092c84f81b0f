//! What comes behind the agent's output: told apart by a mark that the agent does not know.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};

use super::super::{Sink, Stop};

/// Two blocks of zeros end an archive.
const TRAILER: i64 = 1024;

/// Passes the agent's output on, and keeps what is behind the mark.
pub struct Receiver<'s> {
    inner: &'s mut dyn Sink,
    mark: Vec<u8>,
    /// The end of the output where that may be the beginning of the mark.
    held: Vec<u8>,
    file: File,
    receiving: bool,
    error: Option<io::Error>,
}

impl<'s> Receiver<'s> {
    /// Passes output on to `inner`, up to the mark that carries `nonce`.
    pub fn new(nonce: &str, inner: &'s mut dyn Sink) -> io::Result<Self> {
        let mark = format!("\u{1e}{nonce} files\u{1e}").into_bytes();
        Ok(Receiver { inner, mark, held: Vec::new(), file: tempfile::tempfile()?, receiving: false, error: None })
    }

    /// The archive, if it came and is whole.
    pub fn finish(mut self) -> io::Result<Option<File>> {
        if let Some(error) = self.error {
            return Err(error);
        }
        if !self.receiving {
            // What was held back did not become the mark.
            let _ = self.inner.stdout(&self.held);
            return Ok(None);
        }
        let mut trailer = [1; 1024];
        let whole = self.file.seek(SeekFrom::End(-TRAILER)).is_ok() && self.file.read_exact(&mut trailer).is_ok();
        Ok((whole && trailer.iter().all(|&byte| byte == 0)).then_some(self.file))
    }

    fn receive(&mut self, bytes: &[u8]) {
        if self.error.is_none() {
            self.error = self.file.write_all(bytes).err();
        }
    }
}

impl Sink for Receiver<'_> {
    fn stdout(&mut self, chunk: &[u8]) -> Result<(), Stop> {
        if self.receiving {
            self.receive(chunk);
            return Ok(());
        }
        let whole;
        let mut text = chunk;
        if !self.held.is_empty() {
            whole = [self.held.as_slice(), chunk].concat();
            self.held.clear();
            text = &whole;
        }
        let mut from = 0;
        while let Some(at) = text[from..].iter().position(|byte| *byte == self.mark[0]).map(|at| from + at) {
            let common = self.mark.len().min(text.len() - at);
            if text[at..at + common] != self.mark[..common] {
                from = at + 1;
                continue;
            }
            let (before, after) = text.split_at(at);
            if common == self.mark.len() {
                self.receiving = true;
                self.receive(&after[common..]);
            } else {
                self.held = after.to_vec();
            }
            return if before.is_empty() { Ok(()) } else { self.inner.stdout(before) };
        }
        self.inner.stdout(text)
    }

    fn stderr(&mut self, chunk: &[u8]) -> Result<(), Stop> {
        self.inner.stderr(chunk)
    }

    fn tick(&mut self) -> Result<(), Stop> {
        self.inner.tick()
    }

    fn ending(&mut self) {
        self.inner.ending();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Kept(Vec<u8>);

    impl Sink for Kept {
        fn stdout(&mut self, chunk: &[u8]) -> Result<(), Stop> {
            self.0.extend_from_slice(chunk);
            Ok(())
        }

        fn stderr(&mut self, _: &[u8]) -> Result<(), Stop> {
            Ok(())
        }

        fn tick(&mut self) -> Result<(), Stop> {
            Ok(())
        }
    }

    #[test]
    fn the_archive_is_told_apart_at_every_split_and_only_a_whole_one_counts() {
        let archive = [b"x\x1en0nce files\x1e".as_slice(), &[0; 1024]].concat();
        let stream = [b"out\x1e\x1en0nce \x1eput\x1en0nce files\x1e".as_slice(), &archive].concat();
        for first in 0..40 {
            for second in first..40 {
                let mut kept = Kept::default();
                let mut receiver = Receiver::new("n0nce", &mut kept).unwrap();
                for part in [&stream[..first], &stream[first..second], &stream[second..]] {
                    receiver.stdout(part).unwrap();
                }
                let mut file = receiver.finish().unwrap().unwrap();
                let mut bytes = Vec::new();
                file.rewind().unwrap();
                file.read_to_end(&mut bytes).unwrap();
                assert_eq!((kept.0.as_slice(), bytes == archive), (b"out\x1e\x1en0nce \x1eput".as_slice(), true));
            }
        }
        for cut in [stream.len() - 1, 30, 20] {
            let mut kept = Kept::default();
            let mut receiver = Receiver::new("n0nce", &mut kept).unwrap();
            receiver.stdout(&stream[..cut]).unwrap();
            assert!(receiver.finish().unwrap().is_none(), "{cut}");
        }
    }
}
