//! The probe watched from outside: its steps as they come, and a look at it while it waits.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::command::CommandSpec;
use crate::failure::Failure;
use crate::runner::{Host, Sink, Stop, processes_with_argument};

use super::engine::CALL;

/// A step that the probe took.
#[derive(Clone, Debug)]
pub struct Step {
    /// Its name, as the probe prints it.
    pub key: String,
    /// What it found.
    pub value: String,
    /// Since the step before it.
    pub took: Duration,
}

/// What was seen from outside while the probe waited.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// The ids of processes in whose arguments the canary stood; absent where that cannot be seen.
    pub in_arguments: Option<Vec<String>>,
    /// Whether the canary stood in what the engine knows of the container, or why that is not known; absent where there is none.
    pub in_inspect: Option<Result<bool, String>>,
    /// Where we listened for the container, or why we could not.
    pub listened: Option<Result<String, String>>,
    /// Whether somebody came.
    pub reached: bool,
    /// How long the looking took.
    pub took: Duration,
}

/// How the waiting probe is let go on: by a file `go` in its folder.
pub enum Go {
    /// It has our files: this one.
    File(PathBuf),
    /// It has copies of them: what executes a script of a shell, the last argument, in its folder.
    Beside(CommandSpec),
}

/// Watches.
pub struct Watch<'a> {
    host: &'a Host,
    /// What is asked of the engine about the container.
    inspect: Option<CommandSpec>,
    go: Go,
    canary: String,
    partial: Vec<u8>,
    last: Instant,
    listener: Option<TcpListener>,
    /// All steps so far.
    pub steps: Vec<Step>,
    /// What was seen.
    pub seen: Seen,
}

impl<'a> Watch<'a> {
    /// A watch on the probe with this canary, which waits for `go`.
    pub fn new(host: &'a Host, inspect: Option<CommandSpec>, go: Go, canary: &str) -> Self {
        Watch {
            host,
            inspect,
            go,
            canary: canary.to_owned(),
            partial: Vec::new(),
            last: Instant::now(),
            listener: None,
            steps: Vec::new(),
            seen: Seen::default(),
        }
    }

    /// The value of a step.
    pub fn value(&self, key: &str) -> Option<&str> {
        self.steps.iter().find(|step| step.key == key).map(|step| step.value.as_str())
    }

    fn line(&mut self, line: &[u8]) {
        let text = String::from_utf8_lossy(line);
        let Some((key, value)) = text.split_once('=') else { return };
        let now = Instant::now();
        self.steps.push(Step { key: key.to_owned(), value: value.trim().to_owned(), took: now - self.last });
        self.last = now;
        if key == "ready" {
            self.look();
            self.last = Instant::now();
        }
    }

    /// Looks at the waiting probe, and lets it go on.
    fn look(&mut self) {
        let began = Instant::now();
        self.seen.in_arguments = processes_with_argument(&self.canary);
        self.seen.in_inspect = self.inspect.as_ref().map(|spec| match self.host.capture(spec, CALL) {
            Ok(Some(said)) if said.status.success() => Ok(String::from_utf8_lossy(&said.stdout).contains(&self.canary)),
            Ok(Some(said)) => Err(said.stderr.trim().to_owned()),
            Ok(None) => Err(format!("{spec} did not answer")),
            Err(error) => Err(Failure::of(&error).message),
        });
        let address = self.value("host").and_then(|address| address.parse::<IpAddr>().ok());
        if let Some(address) = address {
            self.seen.listened = Some(self.listen(address));
        }
        let port = self.listener.as_ref().and_then(|listener| listener.local_addr().ok()).map_or(0, |own| own.port());
        // Where it cannot be written the probe waits until its limit, and that is told.
        match &self.go {
            Go::File(path) => drop(fs::write(path, format!("{port}\n"))),
            Go::Beside(shell) => drop(self.host.capture(&shell.clone().arg(format!("echo {port} >go")), CALL)),
        }
        self.seen.took = began.elapsed();
    }

    /// Listens at the address by which the container knows this machine. Where that is none of its own, the engine is in a
    /// virtual machine, which hands such connections on to our loopback.
    fn listen(&mut self, address: IpAddr) -> Result<String, String> {
        let loopback = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let bound = TcpListener::bind((address, 0)).or_else(|_| TcpListener::bind((loopback, 0)));
        let listener = bound.and_then(|listener| listener.set_nonblocking(true).map(|()| listener));
        let listener = listener.map_err(|error| error.to_string())?;
        let at = listener.local_addr().map_err(|error| error.to_string())?;
        self.listener = Some(listener);
        Ok(at.ip().to_string())
    }

    /// Lets in who came.
    pub fn accept(&mut self) {
        while self.listener.as_ref().is_some_and(|listener| listener.accept().is_ok()) {
            self.seen.reached = true;
        }
    }
}

impl Sink for Watch<'_> {
    fn stdout(&mut self, chunk: &[u8]) -> Result<(), Stop> {
        self.partial.extend_from_slice(chunk);
        while let Some(end) = self.partial.iter().position(|&byte| byte == b'\n') {
            let line: Vec<u8> = self.partial.drain(..=end).collect();
            self.line(&line);
        }
        self.accept();
        Ok(())
    }

    fn tick(&mut self) -> Result<(), Stop> {
        self.accept();
        Ok(())
    }
}
