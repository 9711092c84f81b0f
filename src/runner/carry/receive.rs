//! What comes behind the agent's output: told apart by a mark that the agent does not know.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};

use super::super::{Sink, Stop};

/// Two blocks of zeros end an archive.
const TRAILER: i64 = 1024;

/// What came behind the mark.
#[derive(Debug)]
pub struct Received {
    /// The archive, from wherever it was last read.
    pub archive: File,
    /// Why that is not whole, if it is not.
    pub cut: Option<String>,
}

/// Passes the agent's output on, and keeps what is behind the mark.
pub struct Receiver<'s> {
    inner: &'s mut dyn Sink,
    mark: Vec<u8>,
    /// The end of the output where that may be the beginning of the mark.
    held: Vec<u8>,
    file: File,
    receiving: bool,
    /// How many bytes may come yet.
    room: u64,
    cut: Option<String>,
}

impl<'s> Receiver<'s> {
    /// Passes output on to `inner`, up to the mark that carries `nonce`, and keeps at most `room` bytes behind that, in `file`.
    pub fn new(nonce: &str, room: u64, file: File, inner: &'s mut dyn Sink) -> Self {
        let mark = format!("\u{1e}{nonce} files\u{1e}").into_bytes();
        Receiver { inner, mark, held: Vec::new(), file, receiving: false, room, cut: None }
    }

    /// What came, if anything did.
    pub fn finish(mut self) -> Option<Received> {
        if !self.receiving {
            // What was held back did not become the mark.
            let _ = self.inner.stdout(&self.held);
            return None;
        }
        let mut trailer = [1; 1024];
        let whole = self.file.seek(SeekFrom::End(-TRAILER)).is_ok() && self.file.read_exact(&mut trailer).is_ok();
        let cut = self.cut.or_else(|| {
            (!whole || trailer.iter().any(|&byte| byte != 0)).then(|| "it broke off on its way".to_owned())
        });
        Some(Received { archive: self.file, cut })
    }

    fn receive(&mut self, bytes: &[u8]) -> Result<(), Stop> {
        if self.cut.is_none() {
            self.cut = match self.room.checked_sub(bytes.len() as u64) {
                Some(room) => {
                    self.room = room;
                    self.file.write_all(bytes).err().map(|error| format!("it could not be written down: {error}"))
                }
                None => Some("it is larger than a workspace may be that comes back".to_owned()),
            };
        }
        if self.cut.is_some() { Err(Stop::Lost) } else { Ok(()) }
    }
}

impl Sink for Receiver<'_> {
    fn stdout(&mut self, chunk: &[u8]) -> Result<(), Stop> {
        if self.receiving {
            return self.receive(chunk);
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
            let done = if before.is_empty() { Ok(()) } else { self.inner.stdout(before) };
            if common < self.mark.len() {
                self.held = after.to_vec();
                return done;
            }
            self.receiving = true;
            return self.receive(&after[common..]).and(done);
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
    }

    #[test]
    fn the_archive_is_told_apart_at_every_split_and_only_a_whole_one_counts() {
        let archive = [b"x\x1en0nce files\x1e".as_slice(), &[0; 1024]].concat();
        let stream = [b"out\x1e\x1en0nce \x1eput\x1en0nce files\x1e".as_slice(), &archive].concat();
        for first in 0..40 {
            for second in first..40 {
                let mut kept = Kept::default();
                let mut receiver = Receiver::new("n0nce", 1 << 20, tempfile::tempfile().unwrap(), &mut kept);
                for part in [&stream[..first], &stream[first..second], &stream[second..]] {
                    receiver.stdout(part).unwrap();
                }
                let Some(Received { archive: mut file, cut: None }) = receiver.finish() else { panic!("it is whole") };
                let mut bytes = Vec::new();
                file.rewind().unwrap();
                file.read_to_end(&mut bytes).unwrap();
                assert_eq!((kept.0.as_slice(), bytes == archive), (b"out\x1e\x1en0nce \x1eput".as_slice(), true));
            }
        }
        for cut in [stream.len() - 1, 30, 20] {
            let mut kept = Kept::default();
            let mut receiver = Receiver::new("n0nce", 1 << 20, tempfile::tempfile().unwrap(), &mut kept);
            receiver.stdout(&stream[..cut]).unwrap();
            assert!(receiver.finish().is_none_or(|received| received.cut.is_some()), "{cut}");
        }
    }

    #[test]
    fn what_exceeds_the_room_for_it_stops_the_run() {
        let mut kept = Kept::default();
        let mut receiver = Receiver::new("n0nce", 1024, tempfile::tempfile().unwrap(), &mut kept);
        receiver.stdout(b"out\x1en0nce files\x1e").unwrap();
        receiver.stdout(&[0; 1024]).unwrap();
        for _ in 0..2 {
            assert_eq!(receiver.stdout(b"x"), Err(Stop::Lost));
        }
        let Received { archive, cut } = receiver.finish().unwrap();
        assert_eq!(archive.metadata().unwrap().len(), 1024);
        assert!(cut.unwrap().contains("larger"));
    }
}
