//! A stream of JSON objects, one a line, from pieces cut anywhere.

use std::borrow::Cow;
use std::collections::VecDeque;

use serde::Deserialize;
use serde_json::Value;

/// The longest line that is read, in bytes: far above any that an agent was seen to write, and the bound on our memory.
const LONGEST: usize = 16 << 20;
/// How many lines of plain text are remembered, and how many bytes of each.
const PLAIN_LINES: usize = 3;
const PLAIN_BYTES: usize = 400;

/// Puts lines together.
pub(super) struct Lines {
    partial: Vec<u8>,
    longest: usize,
    /// Inside a line that is too long.
    skipping: bool,
    skipped: bool,
    plain: VecDeque<String>,
}

/// One JSON object, not yet read but for its kind.
pub(super) struct Message<'a> {
    /// Its `type`, empty where it has none.
    pub(super) kind: Cow<'a, str>,
    raw: &'a [u8],
}

#[derive(Deserialize)]
struct Head<'a> {
    #[serde(borrow, default, rename = "type")]
    kind: Option<Cow<'a, str>>,
}

impl Lines {
    pub(super) fn new() -> Self {
        Lines::up_to(LONGEST)
    }

    fn up_to(longest: usize) -> Self {
        Lines { partial: Vec::new(), longest, skipping: false, skipped: false, plain: VecDeque::new() }
    }

    /// Takes a piece of the stream, and hands on every message that it completes.
    pub(super) fn read(&mut self, chunk: &[u8], each: &mut dyn FnMut(&Message<'_>)) {
        let mut pieces = chunk.split(|&byte| byte == b'\n');
        let rest = pieces.next_back().unwrap_or_default();
        for piece in pieces {
            if self.partial.is_empty() && !self.skipping && piece.len() <= self.longest {
                self.line(piece, each);
            } else {
                self.hold(piece);
                self.finish(each);
            }
        }
        self.hold(rest);
    }

    /// Takes what is there of the last line as a whole one.
    pub(super) fn finish(&mut self, each: &mut dyn FnMut(&Message<'_>)) {
        let line = std::mem::take(&mut self.partial);
        if !std::mem::take(&mut self.skipping) {
            self.line(&line, each);
        }
    }

    /// Whether a line was too long; true once.
    pub(super) fn take_skipped(&mut self) -> bool {
        std::mem::take(&mut self.skipped)
    }

    /// The last lines that were no JSON objects: where an agent fails early, its error.
    pub(super) fn plain(&self) -> String {
        self.plain.iter().map(String::as_str).collect::<Vec<_>>().join(" ")
    }

    fn hold(&mut self, piece: &[u8]) {
        if self.skipping {
            return;
        }
        if self.partial.len() + piece.len() > self.longest {
            self.partial = Vec::new();
            self.skipping = true;
            self.skipped = true;
        } else {
            self.partial.extend_from_slice(piece);
        }
    }

    fn line(&mut self, line: &[u8], each: &mut dyn FnMut(&Message<'_>)) {
        let line = line.trim_ascii();
        if line.is_empty() {
            return;
        }
        if line.starts_with(b"{") {
            let mended = mend_bytes(line);
            if let Ok(Head { kind }) = serde_json::from_slice(&mended) {
                each(&Message { kind: kind.unwrap_or_default(), raw: &mended });
                return;
            }
        }
        if self.plain.len() == PLAIN_LINES {
            self.plain.pop_front();
        }
        self.plain.push_back(String::from_utf8_lossy(&line[..line.len().min(PLAIN_BYTES)]).into_owned());
    }
}

impl Message<'_> {
    /// The whole message.
    pub(super) fn value(&self) -> Value {
        serde_json::from_slice(self.raw)
            .or_else(|_| serde_json::from_slice(&mend_surrogates(self.raw)))
            .unwrap_or_default()
    }
}

/// Bytes that are no UTF-8 become U+FFFD.
fn mend_bytes(line: &[u8]) -> Cow<'_, [u8]> {
    match String::from_utf8_lossy(line) {
        Cow::Borrowed(_) => Cow::Borrowed(line),
        Cow::Owned(mended) => Cow::Owned(mended.into_bytes()),
    }
}

/// Halves of characters become U+FFFD: JavaScript cuts strings between them and writes them as `\ud83d`, which is valid JSON (RFC
/// 8259, section 8.2) but no text.
fn mend_surrogates(line: &[u8]) -> Vec<u8> {
    let half = |at: usize| -> Option<u16> {
        let digits = line.get(at..at + 6)?.strip_prefix(br"\u")?;
        u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
    };
    let mut mended = Vec::with_capacity(line.len());
    let mut at = 0;
    while at < line.len() {
        let (copied, is_lone) = match (half(at), half(at + 6)) {
            (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => (12, false),
            (Some(0xd800..=0xdfff), _) => (6, true),
            _ if line[at] == b'\\' => (2, false),
            _ => (1, false),
        };
        let next = (at + copied).min(line.len());
        mended.extend_from_slice(if is_lone { br"\ufffd" } else { &line[at..next] });
        at = next;
    }
    mended
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(stream: &[u8], size: usize, lines: &mut Lines) -> Vec<Value> {
        let mut values = Vec::new();
        let mut each = |message: &Message<'_>| values.push(message.value());
        for chunk in stream.chunks(size) {
            lines.read(chunk, &mut each);
        }
        lines.finish(&mut each);
        values
    }

    #[test]
    fn the_cuts_make_no_difference() {
        let stream = "plain\r\n{\"type\":\"a\",\"n\":1}\n\n 7\n{\"type\":\"ü\"}\r\n{broken\n{\"n\":2}".as_bytes();
        for size in [1, 2, 7, 1000] {
            let mut lines = Lines::new();
            let values = read(stream, size, &mut lines);
            assert_eq!(
                values,
                [r#"{"type":"a","n":1}"#, r#"{"type":"ü"}"#, r#"{"n":2}"#]
                    .map(|text| { serde_json::from_str::<Value>(text).unwrap() })
            );
            assert_eq!(lines.plain(), "plain 7 {broken");
            assert!(!lines.take_skipped());
        }
    }

    #[test]
    fn a_line_that_is_too_long_is_left_out_and_nothing_else() {
        let stream = [b"{\"n\":1}\n{\"n\":".as_slice(), &[b'1'; 100], b"}\n{\"n\":2}\n"].concat();
        for size in [1, 30, 1000] {
            let mut lines = Lines::up_to(64);
            assert_eq!(read(&stream, size, &mut lines), [serde_json::json!({"n": 1}), serde_json::json!({"n": 2})]);
            assert!(lines.partial.capacity() <= 128);
            assert!(lines.take_skipped());
            assert!(!lines.take_skipped());
        }
    }

    #[test]
    fn broken_text_is_mended() {
        let half =
            read(br#"{"type":"t","text":"\\ud83d cut \ud83d, whole \ud83d\ude00, \"\ude00"}"#, 9, &mut Lines::new());
        assert_eq!(half[0]["text"], "\\ud83d cut \u{fffd}, whole \u{1f600}, \"\u{fffd}");
        let bytes = read(b"{\"text\":\"a\xffb\"}\n", 9, &mut Lines::new());
        assert_eq!(bytes[0]["text"], "a\u{fffd}b");
    }
}
