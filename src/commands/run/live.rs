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
}

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
        }
    }

    /// The reader, with all it has read, and the warnings that came up.
    pub fn finish(self) -> (Box<dyn Reader>, Vec<String>) {
        (self.reader, self.warnings)
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
        self.reader.read(chunk, &mut self.events);
        self.show();
        if self.through {
            self.printer.answer(chunk)?;
        }
        if self.reader.hopeless() { Err(Stop::Decided) } else { Ok(()) }
    }

    fn stderr(&mut self, chunk: &[u8]) -> Result<(), Stop> {
        if self.aside {
            let printer = self.printer;
            self.status.around(|| printer.aside(chunk));
        }
        Ok(())
    }

    /// Notices a reader of our standard output that has gone away, although there may be nothing to write for a long time.
    fn tick(&mut self) -> Result<(), Stop> {
        let stdout = io::stdout();
        let mut watched = [PollFd::new(&stdout, PollFlags::empty())];
        poll(&mut watched, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })).map_err(io::Error::from)?;
        if watched[0].revents().intersects(PollFlags::ERR) { Err(Stop::ReaderGone) } else { Ok(()) }
    }
}
