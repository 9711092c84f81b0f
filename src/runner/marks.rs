//! The supervisor's marks on standard error: told apart by a nonce that only this run knows, and taken out.

use std::collections::VecDeque;

use super::fence;

/// Starts and ends a mark: the ASCII record separator, which text does not hold.
const RECORD: u8 = 0x1e;

/// The longest mark, without its separators and its nonce, bytes: one with the longest path that a system takes. Anything longer
/// is text.
const LONGEST: usize = 64 + 4096;

/// What the supervisor says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mark {
    /// Before its start: what the workspace is called where that has another path.
    Inside(String),
    /// The agent is about to be started.
    Start,
    /// The agent ended.
    End {
        /// Its exit code, 128 + n for a signal.
        code: i32,
        /// How many processes the kernel killed for the memory limit meanwhile.
        ooms: u64,
    },
    /// Before that: how many packets found no way out of a sandbox with one door.
    Strays(u64),
    /// Before that, too: a line of what the door of a sandbox with many runs has counted.
    Knocks(String),
    /// The agent could not be started.
    Fail(Fault),
    /// The workspace can be sent.
    Ready,
    /// The workspace is about to come back, behind the agent's output.
    Returning,
    /// It came back; whether all of it could be read.
    Returned(bool),
    /// This was asked for and is not in force, in the words of the fence.
    Lacks(Vec<&'static str>),
}

/// Why the supervisor could not start the agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Its program is not installed.
    Missing,
    /// The door, or a service of this machine, could not be brought to it.
    Relay,
    /// The credential files could not be written.
    Files,
    /// The task could not be written.
    Task,
    /// The folder to work in is not there.
    Folder,
    /// The workspace could not be unpacked.
    Workspace,
    /// The container is not the sandbox that was meant.
    Sandbox,
    /// The sandbox has no door, and was to have one.
    Door,
}

/// A piece of standard error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// Somebody's text.
    Text(Vec<u8>),
    /// One of ours.
    Mark(Mark),
}

/// Splits standard error into text and marks, however the bytes arrive.
pub struct Splitter {
    prefix: Vec<u8>,
    held: Vec<u8>,
}

impl Splitter {
    /// A splitter for the marks that carry `nonce`.
    pub fn new(nonce: &str) -> Self {
        let mut prefix = vec![RECORD];
        prefix.extend_from_slice(nonce.as_bytes());
        prefix.push(b' ');
        Splitter { prefix, held: Vec::new() }
    }

    /// The pieces that are complete after `chunk`. What may still become a mark is held back.
    pub fn push(&mut self, chunk: &[u8]) -> VecDeque<Piece> {
        self.held.extend_from_slice(chunk);
        let mut pieces = VecDeque::new();
        let mut text = Vec::new();
        let mut rest = self.held.as_slice();
        while let Some(at) = rest.iter().position(|&byte| byte == RECORD) {
            let (before, candidate) = rest.split_at(at);
            text.extend_from_slice(before);
            match self.mark(candidate) {
                Found::Mark(mark, length) => {
                    if !text.is_empty() {
                        pieces.push_back(Piece::Text(std::mem::take(&mut text)));
                    }
                    pieces.push_back(Piece::Mark(mark));
                    rest = &candidate[length..];
                }
                Found::Text => {
                    text.push(RECORD);
                    rest = &candidate[1..];
                }
                Found::Unfinished => {
                    rest = candidate;
                    break;
                }
            }
        }
        if rest.first() != Some(&RECORD) {
            text.extend_from_slice(rest);
            rest = &[];
        }
        self.held = rest.to_vec();
        if !text.is_empty() {
            pieces.push_back(Piece::Text(text));
        }
        pieces
    }

    /// What was held back and did not become a mark.
    pub fn finish(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.held)
    }

    fn mark(&self, candidate: &[u8]) -> Found {
        let common = candidate.len().min(self.prefix.len());
        if candidate[..common] != self.prefix[..common] {
            return Found::Text;
        }
        let Some(body) = candidate.get(self.prefix.len()..) else { return Found::Unfinished };
        match body.iter().position(|&byte| byte == RECORD) {
            Some(end) => match parse(&body[..end]) {
                Some(mark) => Found::Mark(mark, self.prefix.len() + end + 1),
                None => Found::Text,
            },
            None if body.len() > LONGEST => Found::Text,
            None => Found::Unfinished,
        }
    }
}

enum Found {
    Mark(Mark, usize),
    Text,
    Unfinished,
}

fn parse(body: &[u8]) -> Option<Mark> {
    let body = str::from_utf8(body).ok()?;
    if let Some(line) = body.strip_prefix("knocks ") {
        return Some(Mark::Knocks(line.to_owned()));
    }
    if let Some(folder) = body.strip_prefix("inside ") {
        return Some(Mark::Inside(folder.to_owned()));
    }
    let mut words = body.split(' ');
    let mark = match words.next()? {
        "start" => Mark::Start,
        "end" => Mark::End { code: words.next()?.parse().ok()?, ooms: words.next()?.parse().ok()? },
        "strays" => Mark::Strays(words.next()?.parse().ok()?),
        "ready" => Mark::Ready,
        "returning" => Mark::Returning,
        "returned" => Mark::Returned(words.next()? == "0"),
        "lacks" => Mark::Lacks(words.next()?.split(',').map(fence::name_of).collect::<Option<_>>()?),
        "fail" => Mark::Fail(match words.next()? {
            "relay" => Fault::Relay,
            "missing" => Fault::Missing,
            "files" => Fault::Files,
            "task" => Fault::Task,
            "folder" => Fault::Folder,
            "workspace" => Fault::Workspace,
            "sandbox" => Fault::Sandbox,
            "door" => Fault::Door,
            _ => return None,
        }),
        _ => return None,
    };
    words.next().is_none().then_some(mark)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(chunks: &[&[u8]]) -> (Vec<u8>, Vec<Mark>) {
        let mut splitter = Splitter::new("n0nce");
        let (mut text, mut marks) = (Vec::new(), Vec::new());
        for chunk in chunks {
            for piece in splitter.push(chunk) {
                match piece {
                    Piece::Text(bytes) => text.extend(bytes),
                    Piece::Mark(mark) => marks.push(mark),
                }
            }
        }
        text.extend(splitter.finish());
        (text, marks)
    }

    #[test]
    fn marks_are_found_at_every_split_of_the_stream() {
        let stream = b"warning\x1en0nce start\x1eagent \x1e other\x1e\x1en0nce knocks denied 2 a.test 443 unlisted\x1e\x1en0nce end 137 1\x1e\x1en0nce tail";
        for first in 0..stream.len() {
            for second in first..stream.len() {
                let (text, marks) = all(&[&stream[..first], &stream[first..second], &stream[second..]]);
                assert_eq!(text, b"warningagent \x1e other\x1e\x1en0nce tail");
                let knocks = Mark::Knocks("denied 2 a.test 443 unlisted".into());
                assert_eq!(marks, [Mark::Start, knocks, Mark::End { code: 137, ooms: 1 }]);
            }
        }
    }

    #[test]
    fn the_longest_path_is_a_mark_however_it_arrives() {
        let folder = "/folder".repeat(4095 / 7);
        let stream = format!("\x1en0nce inside {folder}\x1e");
        for split in [8, 600, stream.len() - 1] {
            let (text, marks) = all(&[&stream.as_bytes()[..split], &stream.as_bytes()[split..]]);
            assert_eq!((text.as_slice(), marks), (&b""[..], vec![Mark::Inside(folder.clone())]), "{split}");
        }
    }

    #[test]
    fn a_mark_without_our_nonce_is_text() {
        let (text, marks) = all(&[b"\x1eother end 0 0\x1e", b"\x1en0nce end zero 0\x1e"]);
        assert_eq!(text, b"\x1eother end 0 0\x1e\x1en0nce end zero 0\x1e");
        assert_eq!(marks, []);
    }

    #[test]
    fn an_endless_mark_is_not_held_back_for_ever() {
        let mut splitter = Splitter::new("n0nce");
        splitter.push(b"\x1en0nce ");
        let pieces = splitter.push(&[b'x'; LONGEST + 1]);
        assert_eq!(pieces.len(), 1);
        assert!(splitter.finish().is_empty());
    }
}
