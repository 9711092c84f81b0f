//! What happens while an agent runs: its stream is read, its answer or its progress shown.

use std::io;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::agents::{Agent, Event, Reader};
use crate::output::{Printer, Status};
use crate::runner::{Sink, Stop};

/// Takes an agent's output while it runs.
pub struct Live<'a> {
    reader: Box<dyn Reader>,
    printer: &'a Printer,
    status: Status,
    /// Whether standard output is passed through as it comes.
    through: bool,
    /// Whether standard error is.
    aside: bool,
    events: Vec<Event>,
    warnings: Vec<String>,
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
    /// How much came on standard output.
    pub bytes: u64,
    /// The end of what was passed through, where it was.
    pub tail: Option<String>,
}

/// How much of an output a dead letter keeps, bytes.
const TAIL: usize = 4096;

/// The end of an output, as text.
pub fn last_of(bytes: &[u8]) -> String {
    String::from_utf8_lossy(&bytes[bytes.len().saturating_sub(TAIL)..]).trim_start_matches('\u{fffd}').to_owned()
}

/// Longest line of a log that is held back, bytes.
const LOG_LINE: usize = 64 * 1024;

impl<'a> Live<'a> {
    /// Watches `agent`, keeping at most `limit` bytes of its answer.
    pub fn new(agent: &dyn Agent, name: &str, limit: usize, raw: bool, printer: &'a Printer) -> Self {
        let through = (raw || agent.answers_raw()) && !printer.is_json();
        // What is passed through need not be kept as well.
        let limit = if agent.answers_raw() && through { 0 } else { limit };
        Live {
            reader: agent.reader(limit),
            printer,
            status: Status::new(name, printer.is_live() && !through),
            through,
            aside: agent.passes_stderr() || printer.is_verbose(),
            events: Vec::new(),
            warnings: Vec::new(),
            bytes: 0,
            tail: Vec::new(),
            partial: Vec::new(),
            log: !agent.passes_stderr(),
        }
    }

    /// What it all came to.
    pub fn finish(mut self) -> Seen {
        self.show_log(true);
        let tail = self.through.then(|| last_of(&self.tail));
        Seen { reader: self.reader, warnings: self.warnings, bytes: self.bytes, tail }
    }

    /// Shows the whole lines of the log that came, and at its end the rest.
    fn show_log(&mut self, all: bool) {
        let newline = self.partial.iter().rposition(|&byte| byte == b'\n').map(|at| at + 1);
        let end = if all || self.partial.len() > LOG_LINE { Some(self.partial.len()) } else { newline };
        if let Some(end) = end.filter(|end| *end > 0) {
            let printer = self.printer;
            let lines: Vec<u8> = self.partial.drain(..end).collect();
            let text = String::from_utf8_lossy(&lines);
            self.status.around(|| printer.aside(printer.secrets().redact(&text).as_bytes()));
        }
    }

    fn show(&mut self) {
        for event in self.events.drain(..) {
            match event {
                Event::Text(text) => {
                    self.status.doing(text.trim().lines().next().unwrap_or_default());
                    if self.printer.is_verbose() {
                        self.printer.note(text.trim_end());
                    }
                }
                Event::Tool { name, detail } => {
                    let step = format!("{name} {detail}");
                    self.status.doing(&step);
                    if self.printer.is_verbose() {
                        self.printer.note(&format!("· {}", step.trim_end()));
                    }
                }
                Event::Usage(_) => {}
                Event::Warning(text) => {
                    let printer = self.printer;
                    self.status.around(|| printer.warning(&text));
                    self.warnings.push(text);
                }
            }
        }
    }
}

impl Sink for Live<'_> {
    fn stdout(&mut self, chunk: &[u8]) -> Result<(), Stop> {
        self.bytes += chunk.len() as u64;
        self.reader.read(chunk, &mut self.events);
        self.show();
        if self.through {
            self.tail.extend_from_slice(&chunk[chunk.len().saturating_sub(TAIL)..]);
            let excess = self.tail.len().saturating_sub(TAIL);
            self.tail.drain(..excess);
            self.printer.answer(chunk)?;
        }
        if self.reader.hopeless() { Err(Stop::Decided) } else { Ok(()) }
    }

    fn stderr(&mut self, chunk: &[u8]) -> Result<(), Stop> {
        if self.aside && self.log {
            self.partial.extend_from_slice(chunk);
            self.show_log(false);
        } else if self.aside {
            let printer = self.printer;
            self.status.around(|| printer.aside(chunk));
        }
        Ok(())
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
