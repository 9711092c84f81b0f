//! Running things: the only place that starts processes.
//!
//! A [`Runner`] carries a [`Job`] to its end. [`HostRunner`] puts it under a supervisor in a child shell; [`DockerRunner`] wraps
//! the same supervisor in one `docker run` and hands that to the host runner; [`WarmRunner`] brings it into a sandbox that is there
//! already by one `docker exec`.

mod addresses;
mod apple;
mod ask;
mod carry;
mod container;
mod dialect;
mod distant;
mod docker;
mod door;
mod endpoint;
mod engine;
mod fence;
mod forward;
mod frame;
mod guard;
mod host;
mod identity;
mod interrupts;
mod lifeline;
mod listing;
mod loopback;
mod machine;
mod made_with;
mod mapping;
mod marked;
mod marks;
mod mount;
mod observed;
mod owner;
mod pass;
mod pipes;
mod presence;
mod rootless;
mod sandbox;
mod sidecar;
mod stock;
mod warm;

use std::io;
use std::time::Duration;

pub use addresses::of_this_machine;
pub use ask::{
    EngineFacts, ImageFacts, beside_command, image_command, info_command, inspect_command, is_told_of, network_command,
    read_image, read_info, read_info_errors, remove_command,
};
pub use carry::Remote;
pub use container::{Container, HOME, SHARED};
pub use dialect::{Engine, HostName};
pub use docker::{DockerRunner, unenforced};
pub use door::{Door, DoorInside, PUMP};
pub use endpoint::{address as engine_address, is_remote};
pub use fence::dropped as dropped_limits;
pub use forward::{Forward, Forwards};
pub use frame::{MAKE_HOME, marker as run_marker};
pub use guard::Guard;
pub use host::HostRunner;
pub use identity::{new_nonce, new_run_id, now_rfc3339};
pub use interrupts::Interrupts;
pub use listing::{Filter, Listing, Row};
pub use loopback::{Service, rewrite as rewrite_loopback};
pub use machine::{Captured, Host, find_program};
pub use made_with::{NAME as NAME_INSIDE, OWN as OWN_INSIDE};
pub use mapping::Mapping;
pub use marked::with_argument as processes_with_argument;
pub use mount::Mount;
pub use owner::Owner;
pub use pass::{Input, Pass, Passed, Streams};
pub use presence::{
    Present, announce as announce_in_sandbox, count as runs_in_sandboxes, tell as tell_runs_in_sandbox,
};
pub use sandbox::{
    LOOP, SIGNAL as SIGNAL_INSIDE, Sandbox, default_name, is_sandbox_name, loop_name, shape as sandbox_shape, tenths,
};
pub use sidecar::{forget as forget_door, keep as keep_door};
pub use stock::look as look_for_image;
pub use warm::{WarmRunner, sandbox_failure, says_stopped, start as start_sandbox, stopped_under, without_door};

use crate::command::CommandSpec;
use crate::failure::Failure;

/// One task for one agent, ready to be carried out anywhere.
#[derive(Clone, Debug)]
pub struct Job {
    /// Names the run in labels, marks and reports.
    pub run_id: String,
    /// The agent: its program and arguments, the variables handed in (secret), and the folder it works in.
    pub command: CommandSpec,
    /// The task.
    pub prompt: Vec<u8>,
    /// Where the agent reads the task.
    pub prompt_on: Prompt,
    /// Files to write into the agent's home before it starts.
    pub files: Vec<HomeFile>,
    /// Links to make there: the path in the home, and what it leads to.
    pub links: Vec<(String, String)>,
    /// Unix sockets to bring to 127.0.0.1 first: `PORT=SOCKET`, or `PORT=?SOCKET` for one that is to be waited for. The runner's.
    pub relays: Vec<String>,
    /// The only way out, where there may be such a one. The runner's.
    pub door: Option<DoorInside>,
}

/// Where an agent reads its task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prompt {
    /// On its standard input.
    Stdin,
    /// On file descriptor 4, as `/dev/fd/4`; its standard input is empty.
    Fd4,
}

/// A file for the agent's home.
#[derive(Clone, PartialEq, Eq)]
pub struct HomeFile {
    /// Relative to the home, with `/` between folders.
    pub path: String,
    /// Never shown. Empty where there is to be none: what an earlier run in the same home was handed goes, and nothing else.
    pub contents: Vec<u8>,
}

impl std::fmt::Debug for HomeFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "HomeFile({}, {} bytes)", self.path, self.contents.len())
    }
}

/// How long a run may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Wall clock, from the start of the attempt; none where absent.
    pub timeout: Option<Duration>,
    /// Longest silence of the agent on both of its streams; none where absent.
    pub idle_timeout: Option<Duration>,
    /// Between TERM and KILL.
    pub grace: Duration,
}

/// Why a sink wants the run to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// Nobody reads what it writes any more.
    ReaderGone,
    /// What it writes cannot be written, for another reason.
    Unwritable(io::ErrorKind),
    /// It has seen enough: the agent goes on, but cannot succeed.
    Decided,
    /// What comes back behind the agent's output cannot be kept: there is nothing to wait for.
    Lost,
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Stop::ReaderGone,
            kind => Stop::Unwritable(kind),
        }
    }
}

/// Takes what an agent writes while it runs.
pub trait Sink {
    /// A piece of the agent's standard output.
    fn stdout(&mut self, chunk: &[u8]) -> Result<(), Stop>;
    /// A piece of the agent's standard error, without our marks.
    fn stderr(&mut self, _: &[u8]) -> Result<(), Stop> {
        Ok(())
    }
    /// Called many times a second, however much the agent says.
    fn tick(&mut self) -> Result<(), Stop> {
        Ok(())
    }
    /// Called once, when the agent is started.
    fn started(&mut self) {}
    /// Called once, when the agent has ended, however much of it is left.
    fn ended(&mut self) {}
    /// Called once, when we ask the agent to end.
    fn ending(&mut self) {}
}

/// How a run ended. What we did ourselves wins over whatever status the child then had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The agent ended by itself with this code.
    Exited(i32),
    /// A signal that was not ours ended the agent.
    Signaled(i32),
    /// Ended by us: the wall clock limit was reached.
    TimedOut,
    /// Ended by us: the agent was silent for too long.
    IdleTimedOut,
    /// Ended by us, on this signal.
    Cancelled(i32),
    /// Ended by us: its stream had shown that it could not succeed.
    Decided,
    /// Ended by us: its output could not be written.
    Unwritable(io::ErrorKind),
}

/// What is known about a run after its end.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// How it ended.
    pub end: End,
    /// The agent's own exit code (128 + n for a signal), where the supervisor lived to report it.
    pub agent_code: Option<i32>,
    /// What the workspace is called where the agent was, if it is called otherwise there.
    pub inside: Option<String>,
    /// Whether the kernel killed something of the run for exceeding the memory limit.
    pub oom: bool,
    /// What the container was asked for and does not enforce.
    pub lacking: Vec<&'static str>,
    /// What the caller should know of it.
    pub warnings: Vec<String>,
    /// The end of what the agent wrote on standard error.
    pub stderr_tail: String,
    /// Where the time went.
    pub timings: Timings,
    /// How many packets found no way out, where only a door leads there.
    pub strays: u64,
    /// What that door said at its end, where there was one that lived to say it.
    pub door: Option<String>,
}

/// Where the time of a run went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timings {
    /// From the call to the agent's start.
    pub start: Duration,
    /// From the agent's start to its end.
    pub agent: Duration,
    /// From the agent's end to the end of everything.
    pub teardown: Duration,
}

/// Carries a job to its end.
pub trait Runner {
    /// What the host would execute: pure, for `--dry-run`, `-v` and tests.
    fn plan(&self, job: &Job) -> CommandSpec;
    /// What it would execute before that and beside it.
    fn companions(&self, job: &Job) -> Vec<CommandSpec> {
        let _ = job;
        Vec::new()
    }
    /// `Err` only when the job could not be started or observed; a non-zero exit is `Ok`.
    fn run(&self, job: &Job, limits: &Limits, sink: &mut dyn Sink) -> anyhow::Result<Outcome>;
}

/// What an engine's words mean, where it was to use `image` on `network` and said `text`.
pub fn engine_failure(engine: &Engine, image: &str, network: &str, text: &str, status: Option<i32>) -> Failure {
    engine::classify(engine, image, network, text, status)
}

/// Whether a process of this run can be seen on this machine.
pub fn survives(run_id: &str) -> bool {
    marked::any(&frame::marker(run_id))
}
