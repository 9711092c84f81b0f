//! Commands that are the caller's own: on the caller's streams, for as long as they like.

use std::io::{self, PipeWriter, Write};
use std::process::ExitStatus;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use signal_hook::consts::{SIGKILL, SIGQUIT, SIGUSR1, SIGUSR2};
use signal_hook::iterator::Signals;

use super::Host;
use super::machine::kill_group;
use super::marks::{Mark, Piece, Splitter};
use super::pipes::{self, Heard};
use crate::command::CommandSpec;

/// How much later than the client a signal may reach us.
const LATE: Duration = Duration::from_millis(50);
/// What an engine may take to report an end that was asked for.
const SLACK: Duration = Duration::from_secs(2);
/// How much of standard error is kept, bytes.
const KEPT: usize = 16 * 1024;
/// How long standard error is held back that may be the engine's: its client ends right after its words.
const HELD: Duration = Duration::from_millis(250);

/// What a command of the caller's has for standard input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input {
    /// The caller's.
    Callers,
    /// Nothing.
    Empty,
    /// A pipe whose other end closes with this process.
    Lifeline,
}

/// On which streams a command runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Streams<'a> {
    /// What it reads.
    pub input: Input,
    /// Whether that is a terminal, whose keys the command is to get: it then stays in the foreground with us.
    pub terminal: bool,
    /// How much of its standard output is kept for a report, bytes, where it is kept instead of passed on.
    pub kept: Option<usize>,
    /// The secret of the mark that tells on standard error that it ended, where there is to be one.
    pub nonce: Option<&'a str>,
}

/// How a command of the caller's ended.
#[derive(Debug)]
pub struct Passed {
    /// Its status; absent where it had to be killed, or its client was ended by the signal that came to us.
    pub status: Option<ExitStatus>,
    /// The code that its mark told: it has ended, whatever became of the client.
    pub code: Option<i32>,
    /// Its standard output, where it was kept.
    pub stdout: Vec<u8>,
    /// Whether there was more of it than was to be kept.
    pub truncated: bool,
    /// The beginning of its standard error.
    pub words: Vec<u8>,
    /// Standard error that was held back because it begins as an engine's does.
    held: Vec<u8>,
    /// The signal by which we were asked to end it, and which was passed on.
    pub asked: Option<i32>,
}

impl Passed {
    /// Passes on what was held back.
    pub fn release(&mut self) {
        release(&mut self.held);
    }
}

/// What becomes of a signal to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pass {
    /// This one goes to the command.
    On(i32),
    /// The engine's client may have left the command behind: it gets this signal, if it did not get it yet, and then this long.
    Late(Option<i32>, Duration),
}

/// How far an end that was asked for has come.
#[derive(Clone, Copy)]
enum Phase {
    Running,
    /// The signal was passed on; KILL follows at this time.
    Asked(Instant),
    /// KILL was sent; at this time the client itself is killed.
    Forced(Instant),
}

impl Host {
    /// Runs `spec` on the caller's streams. Signals to us go to `forward`: what came first, and KILL when a second one comes or
    /// `grace` is over. What begins on standard error as `suspicious` says is held back for a moment.
    pub fn pass(
        &self,
        spec: &CommandSpec,
        streams: Streams<'_>,
        grace: Duration,
        suspicious: fn(&[u8]) -> bool,
        forward: &mut dyn FnMut(Pass),
    ) -> Result<Passed> {
        let mut others = Signals::new([SIGQUIT, SIGUSR1, SIGUSR2]).context("watching for signals")?;
        let (child, mut pipes, lifeline) = self.start_on(spec, streams)?;
        let splitter = streams.nonce.map(Splitter::new);
        let mut errors = Errors { splitter, code: None, words: Vec::new(), held: Vec::new(), since: None, suspicious };
        let mut kept = Kept { bytes: Vec::new(), limit: streams.kept.unwrap_or_default(), truncated: false };
        let (mut phase, mut killed, mut open) = (Phase::Running, false, true);
        while open {
            let heard = pipes.wait(|heard| match heard {
                Heard::Out(chunk) => kept.take(chunk),
                Heard::Err(chunk) => errors.take(chunk),
                Heard::OutEnded => {}
                Heard::Tick => errors.release_late(),
            });
            open = heard.context("waiting for the command's output")?;
            for signal in others.pending() {
                forward(Pass::On(signal));
            }
            let (count, now) = (self.interrupts.count(), Instant::now());
            match phase {
                Phase::Running if count > 0 && open => {
                    forward(Pass::On(self.interrupts.signal()));
                    phase = Phase::Asked(Instant::now() + grace);
                }
                Phase::Asked(until) if now >= until || count > 1 => {
                    forward(Pass::On(SIGKILL));
                    phase = Phase::Forced(Instant::now() + SLACK);
                }
                Phase::Forced(until) if now >= until => {
                    kill_group(&child);
                    killed = true;
                    break;
                }
                _ => {}
            }
        }
        if streams.terminal {
            // What reached the client reached us as well, perhaps a moment later.
            thread::sleep(LATE);
        }
        let status = child.wait().context("waiting for the command")?.status;
        let asked = (self.interrupts.count() > 0).then(|| self.interrupts.signal());
        let status = match (phase, asked) {
            (Phase::Running, Some(signal)) => {
                // It was the client that the signal ended; its status says nothing about the command, which goes on.
                forward(Pass::Late(Some(signal), grace));
                None
            }
            (_, Some(_)) if streams.terminal => {
                // The terminal may have sent it to the client as well.
                forward(Pass::Late(None, grace));
                None
            }
            _ if killed => None,
            _ => Some(status),
        };
        drop(lifeline);
        errors.finish();
        let Errors { code, words, held, .. } = errors;
        Ok(Passed { status, code, stdout: kept.bytes, truncated: kept.truncated, words, held, asked })
    }

    /// Starts `spec` on the caller's streams, as far as these are not ours to read. The last is the other end of a lifeline, to be
    /// held while the command lives.
    fn start_on(&self, spec: &CommandSpec, streams: Streams<'_>) -> Result<(duct::Handle, pipes::Streams, PipeWriter)> {
        let (stdin, lifeline) = io::pipe().context("making a pipe")?;
        let (stdout, stdout_end) = io::pipe().context("making a pipe")?;
        let (stderr, stderr_end) = io::pipe().context("making a pipe")?;
        let expression = if streams.terminal { self.attached(spec)? } else { self.expression(spec)? };
        let expression = match streams.input {
            Input::Callers => expression,
            Input::Empty => expression.stdin_null(),
            Input::Lifeline => expression.stdin_file(stdin),
        };
        let expression = expression.stderr_file(stderr_end);
        let expression = if streams.kept.is_some() { expression.stdout_file(stdout_end) } else { expression };
        let child = expression.start().with_context(|| format!("starting {}", spec.program.to_string_lossy()))?;
        Ok((child, pipes::Streams::new(stdout, stderr), lifeline))
    }
}

/// Standard output that is kept for a report.
struct Kept {
    bytes: Vec<u8>,
    limit: usize,
    truncated: bool,
}

impl Kept {
    fn take(&mut self, chunk: &[u8]) {
        let room = chunk.len().min(self.limit - self.bytes.len());
        self.truncated |= room < chunk.len();
        self.bytes.extend_from_slice(&chunk[..room]);
    }
}

/// Standard error on its way to ours.
struct Errors {
    splitter: Option<Splitter>,
    code: Option<i32>,
    words: Vec<u8>,
    held: Vec<u8>,
    /// When the first of it came.
    since: Option<Instant>,
    suspicious: fn(&[u8]) -> bool,
}

impl Errors {
    fn take(&mut self, bytes: &[u8]) {
        let Some(splitter) = &mut self.splitter else { return self.text(bytes) };
        for piece in splitter.push(bytes) {
            match piece {
                Piece::Text(text) => self.text(&text),
                Piece::Mark(Mark::End { code, .. }) => self.code = Some(code),
                Piece::Mark(_) => {}
            }
        }
    }

    fn finish(&mut self) {
        if let Some(rest) = self.splitter.as_mut().map(Splitter::finish).filter(|rest| !rest.is_empty()) {
            self.text(&rest);
        }
    }

    fn text(&mut self, bytes: &[u8]) {
        let room = KEPT - self.words.len();
        self.words.extend(bytes.iter().take(room));
        self.held.extend(bytes);
        let since = *self.since.get_or_insert_with(Instant::now);
        if since.elapsed() > HELD || self.words.len() == KEPT || !(self.suspicious)(&self.words) {
            release(&mut self.held);
        }
    }

    fn release_late(&mut self) {
        if self.since.is_some_and(|since| since.elapsed() > HELD) {
            release(&mut self.held);
        }
    }
}

fn release(held: &mut Vec<u8>) {
    // Nobody may be reading standard error; that is no reason to stop.
    let mut err = io::stderr().lock();
    let _ = err.write_all(held).and_then(|()| err.flush());
    held.clear();
}
