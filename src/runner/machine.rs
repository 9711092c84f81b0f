//! This machine: what starts processes on it, children with a lifeline as well as short commands.

use std::ffi::OsStr;
use std::io::{self, BufRead, BufReader, IsTerminal, PipeReader, PipeWriter, Read, Write};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rustix::process::{Pid, Signal, kill_process_group};

use super::Interrupts;
use crate::command::CommandSpec;
use crate::failure::{Class, Failure};
use crate::redact::Secrets;

/// The program's path, looked up as a shell would. A missing program is told apart from a missing folder here, because the
/// operating system reports both as "not found".
///
/// # Errors
/// `cli_missing` (69), with what installs it.
pub fn find_program(program: &OsStr) -> Result<PathBuf, Failure> {
    which::which(program).map_err(|_| {
        let name = program.to_string_lossy();
        Failure::new(Class::CliMissing, format!("{name} is not installed, or not on PATH"), install_hint(&name))
    })
}

fn install_hint(name: &str) -> String {
    match name.rsplit('/').next().unwrap_or(name) {
        "claude" => "npm install -g @anthropic-ai/claude-code".into(),
        "codex" => "npm install -g @openai/codex".into(),
        "opencode" => "npm install -g opencode-ai".into(),
        "docker" => "install Docker Engine, or name another engine: ringfence sandbox set docker.command podman".into(),
        "podman" => "install Podman (Debian: apt-get install podman), or use Docker: ringfence sandbox set docker.command docker".into(),
        "container" => "install Apple's container (it needs a Mac with Apple silicon), or use Docker: --mode docker".into(),
        _ => format!("install {name}, or correct its name"),
    }
}

/// How much of a long command's standard error is kept, bytes.
const TAIL: usize = 16 * 1024;
/// How often signals are looked at while a short command runs.
const TICK: Duration = Duration::from_millis(50);
/// What a short command gets between TERM and KILL when a signal ends us.
const GRACE: Duration = Duration::from_secs(3);
/// What it gets at all after a second one: enough for an engine that is well.
const HURRY: Duration = Duration::from_secs(2);

/// This machine, on which commands are started.
#[derive(Clone, Debug)]
pub struct Host {
    /// The signals that ask this process to end.
    pub interrupts: Interrupts,
    /// Whether every command is echoed on standard error before it is started.
    pub verbose: bool,
    /// What an echoed command must not show.
    pub secrets: Secrets,
}

/// What a short command answered.
#[derive(Clone, Debug)]
pub struct Captured {
    /// Its exit status.
    pub status: ExitStatus,
    /// Its standard output, whole.
    pub stdout: Vec<u8>,
    /// Its standard error, lossily as text.
    pub stderr: String,
}

impl Host {
    /// The same machine for what must be done after a signal, too: the first does not end it. A second one does, and where that came
    /// already, it is done at once or not at all.
    #[must_use]
    pub fn undeterred(&self) -> Host {
        Host { interrupts: self.interrupts.undeterred(), ..self.clone() }
    }

    /// `spec` as duct takes it: in a process group of its own, so that a Ctrl-C at the terminal reaches us alone.
    pub(super) fn expression(&self, spec: &CommandSpec) -> Result<duct::Expression> {
        Ok(self.attached(spec)?.before_spawn(|command| {
            command.process_group(0);
            Ok(())
        }))
    }

    /// `spec` as duct takes it, in our own process group, which is the one that a terminal's keys and size changes reach.
    #[expect(clippy::disallowed_methods, reason = "the one place where processes are started")]
    pub(super) fn attached(&self, spec: &CommandSpec) -> Result<duct::Expression> {
        let program = find_program(&spec.program)?;
        if self.verbose {
            // Nobody may be reading standard error; that is no reason to stop.
            // On a terminal it takes the place of what may stand there, a live line.
            let clear = if io::stderr().is_terminal() { "\r\x1b[J" } else { "" };
            let shown = spec.shown(|word| self.secrets.redact(word).into_owned());
            let _ = writeln!(io::stderr(), "{clear}+ {shown}");
        }
        let mut expression = duct::cmd(program, &spec.args).unchecked();
        for (name, value) in &spec.env {
            expression = expression.env(name, value);
        }
        if let Some(folder) = &spec.cwd {
            expression = expression.dir(folder);
        }
        Ok(expression)
    }

    /// Starts `spec` on these three streams.
    pub(super) fn start(
        &self,
        spec: &CommandSpec,
        stdin: PipeReader,
        stdout: PipeWriter,
        stderr: PipeWriter,
    ) -> Result<duct::Handle> {
        let expression = self.expression(spec)?.stdin_file(stdin).stdout_file(stdout).stderr_file(stderr);
        expression.start().with_context(|| format!("starting {}", spec.program.to_string_lossy()))
    }

    /// Runs a short command with no input and returns its answer; absent when it took longer than `limit` and was killed, with
    /// everything in its process group. A signal to us ends it likewise, and is the error.
    ///
    /// # Errors
    /// As [`find_program`]; it could not be started; interrupted.
    pub fn capture(&self, spec: &CommandSpec, limit: Duration) -> Result<Option<Captured>> {
        let (stdout, stdout_end) = io::pipe().context("making a pipe")?;
        let (stderr, stderr_end) = io::pipe().context("making a pipe")?;
        let (results, done) = channel();
        let mut asked = Asked::of(self);
        let child = {
            let expression = self.expression(spec)?.stdin_null().stdout_file(stdout_end).stderr_file(stderr_end);
            expression.start().with_context(|| format!("starting {}", spec.program.to_string_lossy()))?
        };
        for (which, mut stream) in [(0, stdout), (1, stderr)] {
            let results = results.clone();
            thread::spawn(move || {
                let mut bytes = Vec::new();
                let _ = stream.read_to_end(&mut bytes);
                let _ = results.send((which, bytes));
            });
        }
        let deadline = Instant::now() + if self.interrupts.is_urgent() { limit.min(HURRY) } else { limit };
        let mut answers = [Vec::new(), Vec::new()];
        let mut open = 2;
        while open > 0 {
            let left = deadline.saturating_duration_since(Instant::now());
            match done.recv_timeout(left.min(TICK)) {
                Ok((which, bytes)) => {
                    let slot: usize = which;
                    answers[slot] = bytes;
                    open -= 1;
                }
                Err(_) if left.is_zero() => {
                    kill_group(&child);
                    return Ok(None);
                }
                Err(_) => {}
            }
            if asked.heed(&child) {
                break;
            }
        }
        asked.result(spec)?;
        let Some(output) = child.wait_timeout(deadline.saturating_duration_since(Instant::now()))? else {
            kill_group(&child);
            return Ok(None);
        };
        let [stdout, stderr] = answers;
        Ok(Some(Captured { status: output.status, stdout, stderr: String::from_utf8_lossy(&stderr).into_owned() }))
    }

    /// Runs a command that shows progress: `show` gets each line of both of its streams as it comes. Their end is kept, as its
    /// standard error. A signal to us ends it, with everything in its process group, and is the error.
    ///
    /// # Errors
    /// As [`Host::capture`].
    pub fn stream(&self, spec: &CommandSpec, show: &mut dyn FnMut(&[u8])) -> Result<Captured> {
        let (output, end) = io::pipe().context("making a pipe")?;
        let mut asked = Asked::of(self);
        let child = {
            let also = end.try_clone().context("making a pipe")?;
            let expression = self.expression(spec)?.stdin_null().stdout_file(also).stderr_file(end);
            expression.start().with_context(|| format!("starting {}", spec.program.to_string_lossy()))?
        };
        let (lines, inbox) = channel();
        thread::spawn(move || {
            let lines_of = BufReader::new(output).split(b'\n');
            lines_of.map_while(Result::ok).try_for_each(|line| lines.send(line))
        });
        let mut tail = Vec::new();
        loop {
            match inbox.recv_timeout(TICK) {
                Ok(line) => {
                    show(&line);
                    tail.extend(line);
                    tail.push(b'\n');
                    let excess = tail.len().saturating_sub(TAIL);
                    tail.drain(..excess);
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if asked.heed(&child) {
                break;
            }
        }
        asked.result(spec)?;
        let output = child.wait().context("waiting for the command")?;
        Ok(Captured { status: output.status, stdout: Vec::new(), stderr: String::from_utf8_lossy(&tail).into_owned() })
    }
}

/// What signals to us mean for a short command: the first asks it to end, a second or the grace's end ends it.
pub(super) struct Asked<'h> {
    interrupts: &'h Interrupts,
    until: Option<Instant>,
}

impl<'h> Asked<'h> {
    pub(super) fn of(host: &'h Host) -> Self {
        Asked { interrupts: &host.interrupts, until: None }
    }

    /// Passes on what came. Whether the child was ended by force.
    pub(super) fn heed(&mut self, child: &duct::Handle) -> bool {
        let came = self.interrupts.count();
        match self.until {
            None if came > 0 => {
                self.until = Some(Instant::now() + GRACE);
                signal_group(child, Signal::TERM);
                false
            }
            Some(until) if came > 1 || Instant::now() >= until => {
                kill_group(child);
                true
            }
            _ => false,
        }
    }

    pub(super) fn result(&self, spec: &CommandSpec) -> Result<(), Failure> {
        if self.until.is_none() {
            return Ok(());
        }
        let program = spec.program.to_string_lossy();
        Err(Failure::interrupted(self.interrupts.signal(), format!("interrupted; {program} was ended")))
    }
}

fn signal_group(child: &duct::Handle, signal: Signal) {
    for pid in child.pids() {
        if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
            let _ = kill_process_group(pid, signal);
        }
    }
}

/// Ends a child and everything that stayed in its process group.
pub(super) fn kill_group(child: &duct::Handle) {
    signal_group(child, Signal::KILL);
    let _ = child.kill();
}
