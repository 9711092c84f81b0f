//! What happens while an agent runs: its stream is read, its answer or its progress shown.

use std::io;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use serde_json::json;

use crate::agents::{Agent, Event, Reader, Usage};
use crate::output::{Guard, Passage, Printer, Status, To, unfinished};
use crate::redact::Secrets;
use crate::runner::{Sink, Stop};

/// Takes an agent's output while it runs.
pub struct Live<'a> {
    reader: Box<dyn Reader>,
    printer: &'a Printer,
    status: Status,
    /// Where standard output is passed through as it comes.
    through: Option<Passage>,
    /// Where standard error is.
    aside: Option<Passage>,
    events: Vec<Event>,
    /// The beginning of a character at the end of an output that is text.
    cut: Option<Vec<u8>>,
    warnings: Vec<String>,
    started: bool,
    /// How much came on standard output.
    bytes: u64,
    /// The end of what was passed through.
    tail: Vec<u8>,
    /// The beginning of a line of standard error that is shown as a log: secrets are found in whole lines.
    partial: Vec<u8>,
    log: bool,
}

/// What a run's output came to.
pub struct Seen {
    /// The reader, with all it has read.
    pub reader: Box<dyn Reader>,
    /// What came up.
    pub warnings: Vec<String>,
    /// Whether the agent was started.
    pub started: bool,
    /// How much came on standard output.
    pub bytes: u64,
    /// The end of what was passed through, where it was.
    pub tail: Option<String>,
}

/// Longest argument of a tool that is shown, characters.
const CALL: usize = 120;
/// Longest beginning of what a tool returned that is, characters.
const RESULT: usize = 200;
/// Longest message of an agent's that is, characters.
pub const REMARK: usize = 300;

/// How much of an output a dead letter keeps, bytes.
const TAIL: usize = 4096;

/// How much of it is looked at for secrets, bytes: one that is cut is none any more, and a part of it would stay.
const LOOKED_AT: usize = 4 * TAIL;

/// The end of an output, as text without `secrets`.
pub fn end_of(bytes: &[u8], secrets: &Secrets) -> String {
    let from = bytes.len().saturating_sub(LOOKED_AT);
    let text = String::from_utf8_lossy(&bytes[from..]);
    let safe = secrets.redact(&text);
    let mut at = safe.len().saturating_sub(TAIL);
    if at == 0 && from > 0 {
        // Little is left of what was looked at: its beginning is in it, and may be that of half a secret.
        at = safe.find('\n').map_or(safe.len(), |newline| newline + 1);
    }
    while !safe.is_char_boundary(at) {
        at += 1;
    }
    safe[at..].trim_start_matches('\u{fffd}').to_owned()
}

/// Longest line of a log that is held back, bytes.
const LOG_LINE: usize = 64 * 1024;

impl<'a> Live<'a> {
    /// Watches `agent`, keeping at most `limit` bytes of its answer.
    pub fn new(agent: &dyn Agent, name: &str, limit: usize, raw: bool, printer: &'a Printer) -> Self {
        let through = (raw || agent.answers_raw()) && !printer.is_json();
        // What is passed through need not be kept as well.
        let limit = if agent.answers_raw() && through { 0 } else { limit };
        let guard = match (raw, agent.answers_raw()) {
            (false, _) => Guard::Pictures,
            // A model's words are in it, whose meaning escapes keep.
            (true, false) => Guard::Escapes,
            (true, true) => Guard::Nothing,
        };
        let aside = agent.passes_stderr() || printer.is_verbose();
        Live {
            reader: agent.reader(limit),
            printer,
            status: Status::new(name, printer.is_live() && !through && !agent.passes_stderr()),
            through: through.then(|| Passage::new(To::Out, guard)),
            aside: aside.then(|| Passage::new(To::Err, if agent.passes_stderr() { guard } else { Guard::Pictures })),
            events: Vec::new(),
            cut: (agent.answers_raw() && printer.has_events()).then(Vec::new),
            warnings: Vec::new(),
            started: false,
            bytes: 0,
            tail: Vec::new(),
            partial: Vec::new(),
            log: !agent.passes_stderr(),
        }
    }

    /// Something for people to know.
    pub fn warn(&mut self, text: String) {
        let printer = self.printer;
        self.status.around(|| printer.warning(&text));
        self.warnings.push(text);
    }

    /// What it all came to.
    pub fn finish(mut self) -> Seen {
        self.show_log(true);
        for passage in [&mut self.through, &mut self.aside].into_iter().flatten() {
            // Whether anybody reads it no longer matters.
            let _ = passage.finish();
        }
        if let Some(rest) = self.cut.take().filter(|rest| !rest.is_empty()) {
            let _ = self.printer.event("text", &json!({ "text": String::from_utf8_lossy(&rest) }));
        }
        let tail = self.through.is_some().then(|| end_of(&self.tail, self.printer.secrets()));
        Seen { reader: self.reader, warnings: self.warnings, started: self.started, bytes: self.bytes, tail }
    }

    /// Shows the whole lines of the log that came, and at its end the rest.
    fn show_log(&mut self, all: bool) {
        let newline = self.partial.iter().rposition(|&byte| byte == b'\n').map(|at| at + 1);
        let end = if all || self.partial.len() > LOG_LINE { Some(self.partial.len()) } else { newline };
        let (Some(end), Some(aside)) = (end.filter(|end| *end > 0), &mut self.aside) else { return };
        let lines: Vec<u8> = self.partial.drain(..end).collect();
        let mut text = self.printer.secrets().redact(&String::from_utf8_lossy(&lines)).into_owned();
        if !text.ends_with('\n') {
            text.push('\n');
        }
        // Nobody may be reading standard error; that is no reason to stop.
        let _ = self.status.around(|| aside.write(text.as_bytes()));
    }

    /// An output that is text itself, as events.
    fn tell_text(&mut self, chunk: &[u8]) {
        let Some(cut) = &mut self.cut else { return };
        cut.extend_from_slice(chunk);
        let rest = cut.split_off(cut.len() - unfinished(cut));
        let whole = std::mem::replace(cut, rest);
        if !whole.is_empty() {
            self.events.push(Event::Text(String::from_utf8_lossy(&whole).into_owned()));
        }
    }

    fn show(&mut self) -> io::Result<()> {
        let printer = self.printer;
        let safe = |text: &str, longest| printer.secrets().shortened(text, longest);
        let step = |status: &Status, text: &str| {
            if printer.is_verbose() && !text.is_empty() {
                status.around(|| printer.note(text));
            }
        };
        for event in self.events.drain(..) {
            match event {
                Event::Text(text) => {
                    self.status.doing(text.trim().lines().next().unwrap_or_default());
                    if self.log {
                        text.trim().lines().for_each(|line| step(&self.status, line));
                    }
                    printer.event("text", &json!({ "text": text }))?;
                }
                Event::Tool { id, name, detail } => {
                    let detail = safe(&detail, CALL);
                    let call = format!("{name} {detail}");
                    self.status.doing(&call);
                    step(&self.status, &format!("· {}", call.trim_end()));
                    printer.event("tool", &json!({ "id": id, "name": name, "detail": detail }))?;
                }
                Event::ToolResult { id, name, ok, detail } => {
                    let detail = safe(&detail, RESULT);
                    let how = if ok { "" } else { "failed: " };
                    step(&self.status, format!("  {how}{detail}").trim_end());
                    let fields = json!({ "id": id, "name": name, "ok": ok, "detail": detail });
                    printer.event("tool_result", &fields)?;
                }
                Event::Usage(usage) if usage == Usage::default() => {}
                Event::Usage(usage) => {
                    self.status.used(&in_short(usage));
                    printer.event("usage", &usage)?;
                }
                Event::Warning(text) => {
                    let text = safe(&text, REMARK);
                    self.status.around(|| printer.warning(&text));
                    self.warnings.push(text);
                }
            }
        }
        Ok(())
    }
}

/// `12.3k in, 456 out, $0.04`: what is known of it.
fn in_short(usage: Usage) -> String {
    let tokens =
        |count: Option<u64>, what| count.filter(|count| *count > 0).map(|count| format!("{} {what}", rounded(count)));
    let cost = usage.cost_usd.filter(|cost| *cost > 0.0).map(|cost| format!("${cost:.2}"));
    let parts = [tokens(usage.input_tokens, "in"), tokens(usage.output_tokens, "out"), cost];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// A count in at most five characters.
fn rounded(count: u64) -> String {
    let tenths = |unit: u64| format!("{}.{}", count / unit, count % unit * 10 / unit);
    match count {
        0..1_000 => count.to_string(),
        1_000..100_000 => format!("{}k", tenths(1_000)),
        100_000..1_000_000 => format!("{}k", count / 1_000),
        _ => format!("{}M", tenths(1_000_000)),
    }
}

impl Sink for Live<'_> {
    fn stdout(&mut self, chunk: &[u8]) -> Result<(), Stop> {
        self.bytes += chunk.len() as u64;
        self.reader.read(chunk, &mut self.events);
        self.tell_text(chunk);
        self.show()?;
        if let Some(through) = &mut self.through {
            // One byte more than is looked at, so that what was left out is known to have been there.
            self.tail.extend_from_slice(&chunk[chunk.len().saturating_sub(LOOKED_AT + 1)..]);
            let excess = self.tail.len().saturating_sub(LOOKED_AT + 1);
            self.tail.drain(..excess);
            through.write(chunk)?;
        }
        if self.reader.hopeless() { Err(Stop::Decided) } else { Ok(()) }
    }

    fn stderr(&mut self, chunk: &[u8]) -> Result<(), Stop> {
        if self.log && self.aside.is_some() {
            self.partial.extend_from_slice(chunk);
            self.show_log(false);
        } else if let Some(aside) = &mut self.aside {
            // Nobody may be reading standard error; that is no reason to stop.
            let _ = aside.write(chunk);
        }
        Ok(())
    }

    fn started(&mut self) {
        self.started = true;
    }

    fn ending(&mut self) {
        self.status.doing("ending it (Ctrl-C: at once)");
    }

    /// Notices a reader of our standard output that has gone away, although there may be nothing to write for a long time.
    fn tick(&mut self) -> Result<(), Stop> {
        if !self.printer.needs_reader() {
            return Ok(());
        }
        let stdout = io::stdout();
        let mut watched = [PollFd::new(&stdout, PollFlags::empty())];
        poll(&mut watched, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })).map_err(io::Error::from)?;
        if watched[0].revents().intersects(PollFlags::ERR) { Err(Stop::ReaderGone) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_part_of_a_secret_stays_at_the_cut() {
        let secrets = Secrets::default();
        secrets.add("correct-horse-battery-staple");
        let end = |text: &str| end_of(text.as_bytes(), &secrets);
        for filler in [TAIL - 10, LOOKED_AT - 10] {
            let tail = end(&format!("x\ncorrect-horse-battery-staple{}", ".".repeat(filler)));
            assert!(!tail.contains("staple") && tail.len() <= TAIL, "{}", &tail[..40]);
        }
        // Little is left of what was looked at, which began in one of them.
        let long = "half-a-secret-".repeat(9);
        secrets.add(&long);
        let tail = end(&format!("{long}\n").repeat(LOOKED_AT / 100));
        assert!(tail.starts_with("[redacted]\n") && !tail.contains("half"), "{}", &tail[..200]);
        assert!(end(&"ü".repeat(TAIL)).chars().all(|c| c == 'ü'));
    }

    #[test]
    fn what_was_used_is_told_in_short() {
        let usage =
            |input, output, cost| in_short(Usage { input_tokens: input, output_tokens: output, cost_usd: cost });
        assert_eq!(usage(Some(12_345), Some(456), Some(0.0449)), "12.3k in, 456 out, $0.04");
        assert_eq!(usage(None, Some(1_250_000), None), "1.2M out");
        assert_eq!(usage(Some(0), None, Some(0.0)), "");
        assert_eq!([rounded(999), rounded(99_999), rounded(123_456)], ["999", "99.9k", "123k"]);
    }
}
