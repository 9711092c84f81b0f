//! What an agent writes, passed on as it comes: as it is into a pipe, without control characters onto a terminal.

use std::borrow::Cow;
use std::io::{self, IsTerminal, Write};

use super::sanitize::{escape, sanitize};

/// What a terminal gets to see of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guard {
    /// Pictures in place of control characters.
    Pictures,
    /// JSON escapes in their place, for a stream of JSON.
    Escapes,
    /// Everything.
    Nothing,
}

/// Which of our own streams it goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum To {
    /// Standard output.
    Out,
    /// Standard error.
    Err,
}

/// A stream of an agent on its way to one of ours.
#[derive(Debug)]
pub struct Passage {
    to: To,
    guard: Guard,
    /// The beginning of a character whose end has not come.
    held: Vec<u8>,
}

impl Passage {
    /// A passage that a terminal sees through `guard`.
    pub fn new(to: To, guard: Guard) -> Self {
        let terminal = match to {
            To::Out => io::stdout().is_terminal(),
            To::Err => io::stderr().is_terminal(),
        };
        Passage { to, guard: if terminal { guard } else { Guard::Nothing }, held: Vec::new() }
    }

    /// Writes a piece, cut anywhere.
    ///
    /// # Errors
    /// Our stream cannot be written to.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let bytes = self.whole(bytes);
        self.put(&bytes)
    }

    /// Writes what was held back.
    ///
    /// # Errors
    /// Our stream cannot be written to.
    pub fn finish(&mut self) -> io::Result<()> {
        let rest = std::mem::take(&mut self.held);
        if rest.is_empty() { Ok(()) } else { self.put(&rest) }
    }

    /// `bytes` with what was held back, up to the last whole character.
    fn whole<'b>(&mut self, bytes: &'b [u8]) -> Cow<'b, [u8]> {
        if self.guard == Guard::Nothing {
            return Cow::Borrowed(bytes);
        }
        let mut all = if self.held.is_empty() {
            Cow::Borrowed(bytes)
        } else {
            Cow::Owned([std::mem::take(&mut self.held), bytes.to_vec()].concat())
        };
        let cut = all.len() - unfinished(&all);
        self.held = all[cut..].to_vec();
        match &mut all {
            Cow::Borrowed(bytes) => *bytes = &bytes[..cut],
            Cow::Owned(bytes) => bytes.truncate(cut),
        }
        all
    }

    fn put(&self, bytes: &[u8]) -> io::Result<()> {
        let text = match self.guard {
            Guard::Nothing => Cow::Borrowed(bytes),
            Guard::Pictures => Cow::Owned(sanitize(&String::from_utf8_lossy(bytes)).into_bytes()),
            Guard::Escapes => Cow::Owned(escape(&String::from_utf8_lossy(bytes)).into_bytes()),
        };
        let write = |out: &mut dyn Write| out.write_all(&text).and_then(|()| out.flush());
        match self.to {
            To::Out => write(&mut io::stdout().lock()),
            To::Err => write(&mut io::stderr().lock()),
        }
    }
}

/// How many bytes at the end of `bytes` begin a character of UTF-8 (RFC 3629) that more bytes could finish.
pub fn unfinished(bytes: &[u8]) -> usize {
    let longest = bytes.len().min(3);
    (1..=longest)
        .find(|&count| {
            let lead = bytes[bytes.len() - count];
            let tail = &bytes[bytes.len() - count + 1..];
            let length = match lead {
                0xc2..=0xdf => 2,
                0xe0..=0xef => 3,
                0xf0..=0xf4 => 4,
                _ => 0,
            };
            length > count && tail.iter().all(|byte| byte & 0xc0 == 0x80)
        })
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_character_cut_anywhere_comes_out_whole() {
        let text = "aü漢🎉b";
        for size in 1..=text.len() {
            let mut passage = Passage { to: To::Out, guard: Guard::Pictures, held: Vec::new() };
            let mut seen = String::new();
            for chunk in text.as_bytes().chunks(size) {
                seen += str::from_utf8(&passage.whole(chunk)).unwrap();
            }
            assert_eq!((seen.as_str(), passage.held.len()), (text, 0), "{size}");
        }
    }

    #[test]
    fn what_can_be_no_character_is_not_held() {
        for (bytes, held) in [
            (&b"a\xff"[..], 0),
            (b"a\x80\x80\x80\x80", 0),
            (b"a\xf0\x9f", 2),
            (b"\xe6\xbc", 2),
            (b"\xc3", 1),
            ("ü".as_bytes(), 0),
            (b"", 0),
        ] {
            assert_eq!(unfinished(bytes), held, "{bytes:?}");
        }
    }
}
