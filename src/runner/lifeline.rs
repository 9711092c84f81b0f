//! The lifeline: one child process, a frame on its standard input, and the end of everything when that input closes.
//!
//! While our end is open the run lives. A line on it asks the supervisor to end the agent politely, and its end then asks for
//! force; its end alone, as when this process dies, means politely and then by force.

use std::fs::File;
use std::io::{self, PipeWriter};
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::marked;
use super::marks::{Mark, Piece, Splitter};
use super::observed::Observed;
use super::pipes::{Heard, Order, Streams, Tail, hold, widen};
use super::{End, Host, Interrupts, Limits, Sink, Stop, Timings};
use crate::command::CommandSpec;

/// What KILL may take after the grace, and what closing may take after KILL.
const SLACK: Duration = Duration::from_millis(800);
/// The same where the workspace has to come back behind the agent's end, from an engine that may be far away.
const RETURN_SLACK: Duration = Duration::from_secs(10);
/// The longest silence of an engine from which the workspace comes back.
const STALLED: Duration = Duration::from_secs(60);
/// The longest time that a workspace may take on its way back, however fast it comes.
const LONGEST_RETURN: Duration = Duration::from_secs(30 * 60);

/// What the two ends of a lifeline agree on.
pub struct Ends<'a> {
    /// Sent first.
    pub frame: Vec<u8>,
    /// Sent when the supervisor is ready for it.
    pub parcel: Option<File>,
    /// The secret of the supervisor's marks.
    pub nonce: &'a str,
    /// The marker of the run's processes, where they can be seen from here.
    pub marker: Option<String>,
}

/// Starts `spec`, sends the frame, passes its output to `sink`, keeps `limits`, and sees it to its end.
pub fn drive(
    host: &Host,
    spec: &CommandSpec,
    ends: Ends<'_>,
    limits: &Limits,
    sink: &mut dyn Sink,
) -> Result<Observed> {
    let began = Instant::now();
    let (stdin, lifeline) = io::pipe().context("making the lifeline")?;
    let (stdout, stdout_end) = io::pipe().context("making a pipe")?;
    let (stderr, stderr_end) = io::pipe().context("making a pipe")?;
    widen(&stdout);
    // Where our own standard output is no pipe, this does nothing.
    widen(&io::stdout());
    let child = host.start(spec, stdin, stdout_end, stderr_end)?;
    Watch::new(host, ends, limits, lifeline, began).run(&child, Streams::new(stdout, stderr), sink)
}

/// How far the end has come.
#[derive(Clone, Copy)]
enum Phase {
    Running,
    /// TERM was asked for; KILL follows at this time.
    Asked(Instant),
    /// KILL was asked for; at this time the child itself is killed.
    Forced(Instant),
}

struct Watch<'a> {
    limits: &'a Limits,
    interrupts: &'a Interrupts,
    seen: usize,
    slack: Duration,
    returning: Option<Instant>,
    parcel: Option<File>,
    lifeline: Option<Sender<Order>>,
    marker: Option<String>,
    phase: Phase,
    told: bool,
    began: Instant,
    heard: Instant,
    drained: Option<Instant>,
    splitter: Splitter,
    agent_start: Option<Instant>,
    agent_end: Option<Instant>,
    tail: Tail,
    outside: Tail,
    early: Vec<u8>,
    observed: Observed,
}

impl<'a> Watch<'a> {
    fn new(host: &'a Host, ends: Ends<'_>, limits: &'a Limits, lifeline: PipeWriter, began: Instant) -> Self {
        Watch {
            limits,
            interrupts: &host.interrupts,
            seen: 0,
            slack: if ends.parcel.is_some() { RETURN_SLACK } else { SLACK },
            returning: None,
            parcel: ends.parcel,
            lifeline: Some(hold(lifeline, ends.frame)),
            marker: ends.marker,
            phase: Phase::Running,
            told: false,
            heard: began,
            began,
            drained: None,
            splitter: Splitter::new(ends.nonce),
            agent_start: None,
            agent_end: None,
            tail: Tail::default(),
            outside: Tail::default(),
            early: Vec::new(),
            observed: Observed::default(),
        }
    }

    fn run(mut self, child: &duct::Handle, mut streams: Streams, sink: &mut dyn Sink) -> Result<Observed> {
        while streams.wait(|heard| self.hear(heard, sink)).context("waiting for the agent's output")? {
            if !self.told && matches!(self.phase, Phase::Asked(_)) && self.observed.ours.is_some() {
                self.told = true;
                sink.ending();
            }
            self.look_for_leftovers();
            if !self.keep_limits(child)? {
                break;
            }
        }
        self.lifeline = None;
        self.observed.status = child.wait_timeout(SLACK).context("waiting for the child")?.map(|output| output.status);
        Ok(self.finish())
    }

    fn hear(&mut self, heard: Heard<'_>, sink: &mut dyn Sink) {
        match heard {
            // The engine's words, or the agent's that have overtaken the start mark: which of them will show.
            Heard::Out(chunk) if !self.observed.started => self.early.extend(chunk),
            Heard::Out(chunk) => {
                self.heard = Instant::now();
                self.heed(sink.stdout(chunk));
            }
            Heard::Err(chunk) => self.stderr(chunk, sink),
            // All that comes back has come, or nothing more of it will.
            Heard::OutEnded => self.returning = None,
            Heard::Tick => self.heed(sink.tick()),
        }
    }

    fn stderr(&mut self, chunk: &[u8], sink: &mut dyn Sink) {
        for piece in self.splitter.push(chunk) {
            match piece {
                Piece::Text(text) => self.text(&text, sink),
                Piece::Mark(Mark::Inside(folder)) => self.observed.inside = Some(folder),
                Piece::Mark(Mark::Start) => {
                    self.heard = Instant::now();
                    self.observed.started = true;
                    self.agent_start = Some(self.heard);
                    sink.started();
                    let early = std::mem::take(&mut self.early);
                    if !early.is_empty() {
                        self.heed(sink.stdout(&early));
                    }
                }
                Piece::Mark(Mark::Strays(strays)) => self.observed.strays = strays,
                Piece::Mark(Mark::Knocks(line)) => {
                    self.observed.knocks.push_str(&line);
                    self.observed.knocks.push('\n');
                }
                Piece::Mark(Mark::End { code, ooms }) => {
                    self.observed.ended = Some((code, ooms));
                    self.agent_end = Some(Instant::now());
                    sink.ended();
                }
                Piece::Mark(Mark::Fail(fault)) => self.observed.fault = Some(fault),
                Piece::Mark(Mark::Ready) => self.parcel.take().into_iter().for_each(|it| self.send(Order::Parcel(it))),
                Piece::Mark(Mark::Returning) => {
                    self.heard = Instant::now();
                    self.returning = Some(self.heard);
                }
                // It may be here before the last of what it tells of, which is on another stream.
                Piece::Mark(Mark::Returned(whole)) => self.observed.returned = Some(whole),
                Piece::Mark(Mark::Lacks(lacking)) => self.observed.lacking = lacking,
            }
        }
    }

    fn text(&mut self, text: &[u8], sink: &mut dyn Sink) {
        if self.observed.started && self.observed.ended.is_none() {
            self.heard = Instant::now();
            self.tail.push(text);
            self.heed(sink.stderr(text));
        } else {
            self.outside.push(text);
        }
    }

    fn heed(&mut self, wish: Result<(), Stop>) {
        match wish {
            Ok(()) => {}
            // As a program ends on SIGPIPE.
            Err(Stop::ReaderGone) => self.end(End::Cancelled(signal_hook::consts::SIGPIPE)),
            Err(Stop::Decided) => self.end(End::Decided),
            Err(Stop::Unwritable(kind)) => self.end(End::Unwritable(kind)),
            Err(Stop::Lost) if matches!(self.phase, Phase::Forced(_)) => {}
            Err(Stop::Lost) => self.force(),
        }
    }

    /// Asks for the polite end, once, and remembers why.
    fn end(&mut self, why: End) {
        if matches!(self.phase, Phase::Running) {
            // What an agent did before it ended by itself stands, but an answer that was lost is no success.
            if self.observed.ended.is_none() || matches!(why, End::Unwritable(_)) {
                self.observed.ours = Some(why);
            }
            self.ask();
        }
    }

    fn order(&self, line: &'static [u8]) {
        self.send(Order::Line(line));
    }

    fn send(&self, order: Order) {
        if let Some(lifeline) = &self.lifeline {
            let _ = lifeline.send(order);
        }
    }

    /// Once the agent has ended: says that nothing of it is left, or asks for the end of what is.
    fn look_for_leftovers(&mut self) {
        if self.agent_end.is_none() {
            return;
        }
        let Some(marker) = &self.marker else { return };
        if !marked::any(marker) {
            self.marker = None;
            self.order(b"done\n");
        } else if matches!(self.phase, Phase::Running) {
            self.ask();
        }
    }

    fn ask(&mut self) {
        self.order(b"\n");
        self.phase = Phase::Asked(Instant::now() + self.limits.grace + self.slack / 2);
    }

    fn force(&mut self) {
        self.order(b"\n");
        self.lifeline = None;
        self.phase = Phase::Forced(Instant::now() + SLACK);
    }

    /// Looks at the clock, the signals and the child. False when there is nothing left to wait for.
    fn keep_limits(&mut self, child: &duct::Handle) -> Result<bool> {
        let now = Instant::now();
        let count = self.interrupts.count();
        for _ in std::mem::replace(&mut self.seen, count)..count {
            match self.phase {
                Phase::Running => self.end(End::Cancelled(self.interrupts.signal())),
                Phase::Asked(_) => self.force(),
                Phase::Forced(_) => self.phase = Phase::Forced(now),
            }
        }
        match self.phase {
            Phase::Running => self.keep_clock(now),
            Phase::Asked(deadline) if now >= deadline && !self.comes_back(now) => self.force(),
            Phase::Forced(deadline) if now >= deadline => {
                child.kill().context("killing the child")?;
                return Ok(false);
            }
            _ => {}
        }
        self.child_lives(child, now)
    }

    /// Whether the workspace is on its way.
    fn comes_back(&self, now: Instant) -> bool {
        self.returning.is_some_and(|since| is_coming(since, self.heard, now))
    }

    fn keep_clock(&mut self, now: Instant) {
        let over = |limit: Option<Duration>, since: Instant| limit.is_some_and(|limit| now - since >= limit);
        if let Some(end) = self.agent_end {
            // The agent is done and only its leftovers keep the streams open: the supervisor ends them within the grace.
            if now - end >= self.limits.grace + self.slack && !self.comes_back(now) {
                self.force();
            }
        } else if over(self.limits.timeout, self.began) {
            self.end(End::TimedOut);
        } else if self.observed.started && over(self.limits.idle_timeout, self.heard) {
            self.end(End::IdleTimedOut);
        }
    }

    /// A child that is gone while its streams stay open was survived by something: the lifeline closes, and what is still
    /// in the streams is read for a moment.
    fn child_lives(&mut self, child: &duct::Handle, now: Instant) -> Result<bool> {
        if let Some(until) = self.drained {
            return Ok(now < until);
        }
        if child.try_wait().context("looking at the child")?.is_some() {
            self.lifeline = None;
            self.drained = Some(now + SLACK);
        }
        Ok(true)
    }

    fn finish(mut self) -> Observed {
        self.outside.push(&self.early);
        let held = self.splitter.finish();
        self.outside.push(&held);
        let ended = Instant::now();
        let start = self.agent_start.unwrap_or(ended);
        let end = self.agent_end.unwrap_or(ended);
        self.observed.timings = Timings { start: start - self.began, agent: end - start, teardown: ended - end };
        self.observed.outside = self.outside.text();
        self.observed.stderr_tail = self.tail.text();
        self.observed
    }
}

/// Whether what is on its way back `since` then, and was last `heard` of then, is waited for any longer.
fn is_coming(since: Instant, heard: Instant, now: Instant) -> bool {
    now - since < LONGEST_RETURN && now - heard < STALLED
}

#[cfg(test)]
#[path = "lifeline_tests.rs"]
mod tests;
