//! This machine: what starts processes on it, children with a lifeline as well as short commands.

use std::ffi::OsStr;
use std::io::{self, BufRead, BufReader, PipeReader, PipeWriter, Read, Write};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::Interrupts;
use crate::command::CommandSpec;
use crate::failure::{Class, Failure};

/// The program's path, looked up as a shell would. A missing program is told apart from a missing folder here, because the
/// operating system reports both as "not found".
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
        _ => format!("install {name}, or correct its name"),
    }
}

/// How much of a long command's standard error is kept, bytes.
const TAIL: usize = 16 * 1024;

/// This machine, on which commands are started.
#[derive(Clone, Debug)]
pub struct Host {
    /// The signals that ask this process to end.
    pub interrupts: Interrupts,
    /// Whether every command is echoed on standard error before it is started.
    pub verbose: bool,
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
    /// `spec` as duct takes it: in a process group of its own, so that a Ctrl-C at the terminal reaches us alone.
    #[expect(clippy::disallowed_methods, reason = "the one place where processes are started")]
    fn expression(&self, spec: &CommandSpec) -> Result<duct::Expression> {
        let program = find_program(&spec.program)?;
        if self.verbose {
            // Nobody may be reading standard error; that is no reason to stop.
            let _ = writeln!(io::stderr(), "+ {spec}");
        }
        let mut expression = duct::cmd(program, &spec.args).unchecked();
        for (name, value) in &spec.env {
            expression = expression.env(name, value);
        }
        if let Some(folder) = &spec.cwd {
            expression = expression.dir(folder);
        }
        Ok(expression.before_spawn(|command| {
            command.process_group(0);
            Ok(())
        }))
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
    /// everything in its process group.
    pub fn capture(&self, spec: &CommandSpec, limit: Duration) -> Result<Option<Captured>> {
        let (stdout, stdout_end) = io::pipe().context("making a pipe")?;
        let (stderr, stderr_end) = io::pipe().context("making a pipe")?;
        let (results, done) = channel();
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
        let deadline = Instant::now() + limit;
        let mut answers = [Vec::new(), Vec::new()];
        for _ in 0..2 {
            let Ok((which, bytes)) = done.recv_timeout(deadline.saturating_duration_since(Instant::now())) else {
                kill_group(&child);
                return Ok(None);
            };
            let slot: usize = which;
            answers[slot] = bytes;
        }
        let Some(output) = child.wait_timeout(deadline.saturating_duration_since(Instant::now()))? else {
            kill_group(&child);
            return Ok(None);
        };
        let [stdout, stderr] = answers;
        Ok(Some(Captured { status: output.status, stdout, stderr: String::from_utf8_lossy(&stderr).into_owned() }))
    }

    /// Runs a command that shows progress: both of its streams go to our standard error as they come. The end of its own
    /// standard error is kept.
    pub fn stream(&self, spec: &CommandSpec) -> Result<Captured> {
        let (stderr, stderr_end) = io::pipe().context("making a pipe")?;
        let child = {
            let expression = self.expression(spec)?.stdin_null().stdout_to_stderr().stderr_file(stderr_end);
            expression.start().with_context(|| format!("starting {}", spec.program.to_string_lossy()))?
        };
        let mut tail = Vec::new();
        for line in BufReader::new(stderr).split(b'\n') {
            let mut line = line.context("reading progress")?;
            line.push(b'\n');
            let _ = io::stderr().write_all(&line);
            tail.extend(line);
            let excess = tail.len().saturating_sub(TAIL);
            tail.drain(..excess);
        }
        let output = child.wait().context("waiting for the command")?;
        Ok(Captured { status: output.status, stdout: Vec::new(), stderr: String::from_utf8_lossy(&tail).into_owned() })
    }
}

/// Ends a child and everything that stayed in its process group.
pub(super) fn kill_group(child: &duct::Handle) {
    for pid in child.pids() {
        if let Some(pid) = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw) {
            let _ = rustix::process::kill_process_group(pid, rustix::process::Signal::KILL);
        }
    }
    let _ = child.kill();
}
