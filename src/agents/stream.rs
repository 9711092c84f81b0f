//! What the readers of JSON streams have in common; the agents' own files say what their messages mean.

use serde_json::Value;

use super::answer::Answer;
use super::lines::Lines;
use super::{Ended, Event, Reader, Usage, Verdict, signs};

/// What is known so far, whichever agent it is.
pub(super) struct Known {
    pub(super) answer: Answer,
    pub(super) session: Option<String>,
    pub(super) usage: Usage,
}

/// One agent's way of telling what it does.
pub(super) trait Protocol {
    /// The agent's name, for messages.
    const NAME: &'static str;
    /// Takes a message of type `kind`.
    fn message(&mut self, kind: &str, message: &Value, known: &mut Known, events: &mut Vec<Event>);
    /// [`Reader::hopeless`].
    fn hopeless(&self) -> bool {
        false
    }
    /// [`Reader::verdict`], or nothing where the stream has no word about its end.
    fn verdict(&self, known: &Known, ended: Ended<'_>) -> Option<Verdict>;
}

/// Reads the stream of one agent.
pub(super) struct Stream<P> {
    lines: Lines,
    protocol: P,
    known: Known,
}

impl<P: Protocol> Stream<P> {
    /// A reader that keeps at most `limit` bytes of the answer.
    pub(super) fn new(protocol: P, limit: usize) -> Self {
        let known = Known { answer: Answer::new(limit), session: None, usage: Usage::default() };
        Stream { lines: Lines::new(), protocol, known }
    }
}

impl<P: Protocol> Reader for Stream<P> {
    fn read(&mut self, chunk: &[u8], events: &mut Vec<Event>) {
        self.lines.read(chunk, &mut |message| {
            self.protocol.message(&message.kind, &message.value(), &mut self.known, events);
        });
        if self.lines.take_skipped() {
            let text = format!("a line of more than 16 MiB in the output of {} was left out", P::NAME);
            events.push(Event::Warning(text));
        }
    }

    fn answer(&self) -> &[u8] {
        self.known.answer.bytes()
    }

    fn truncated(&self) -> bool {
        self.known.answer.truncated()
    }

    fn session(&self) -> Option<&str> {
        self.known.session.as_deref()
    }

    fn usage(&self) -> Usage {
        self.known.usage
    }

    fn hopeless(&self) -> bool {
        self.protocol.hopeless()
    }

    fn verdict(&mut self, ended: Ended<'_>) -> Verdict {
        self.lines.finish(&mut |message| {
            self.protocol.message(&message.kind, &message.value(), &mut self.known, &mut Vec::new());
        });
        if let Some(verdict) = self.protocol.verdict(&self.known, ended) {
            return verdict;
        }
        // Without a word about its end it has not succeeded, whatever its exit code. What it says in plain text is its error.
        let plain = self.lines.plain();
        if plain.is_empty() {
            return signs::unfinished(P::NAME, ended.code);
        }
        signs::failed(P::NAME, signs::class(None, &plain), &plain)
    }
}

/// The string at `key`, where there is one that is not empty.
pub(super) fn text<'a>(value: &'a Value, key: &str) -> Option<&'a str> {
    value.get(key).and_then(Value::as_str).filter(|text| !text.is_empty())
}

/// The sum of the numbers at `pointers` (RFC 6901); nothing where none is there.
pub(super) fn sum(value: &Value, pointers: &[&str]) -> Option<u64> {
    pointers.iter().filter_map(|pointer| value.pointer(pointer)?.as_u64()).reduce(u64::saturating_add)
}

/// What says most of a tool's argument, in one line.
pub(super) fn detail(input: &Value) -> String {
    const TELLING: [&str; 10] =
        ["command", "file_path", "filePath", "path", "pattern", "query", "url", "description", "name", "prompt"];
    let found = TELLING.iter().find_map(|key| text(input, key));
    signs::one_line(found.unwrap_or_default())
}

/// What a tool returned, in one line: a text, or the first text of a list of parts.
pub(super) fn returned(content: &Value) -> String {
    let mut parts = content.as_array().into_iter().flatten();
    let said = content.as_str().or_else(|| parts.find_map(|part| text(part, "text")));
    signs::one_line(said.unwrap_or_default())
}
