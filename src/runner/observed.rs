//! What was seen of a child with a lifeline.

use std::process::ExitStatus;

use super::marks::Fault;
use super::{End, Timings};

/// What was seen of a child with a lifeline.
#[derive(Debug, Default)]
pub struct Observed {
    /// What we did to it, if anything.
    pub ours: Option<End>,
    /// The child's own status; absent when it had to be left behind.
    pub status: Option<ExitStatus>,
    /// Whether the supervisor started the agent.
    pub started: bool,
    /// The agent's code and how many of its processes exceeded the memory limit.
    pub ended: Option<(i32, u64)>,
    /// What the workspace is called where the agent is, if it is called otherwise there.
    pub inside: Option<String>,
    /// How many packets found no way out, where only a door leads there.
    pub strays: u64,
    /// What the door of a sandbox with many runs counted in this one, in lines.
    pub knocks: String,
    /// Why the supervisor could not start the agent.
    pub fault: Option<Fault>,
    /// What was asked for and is not in force.
    pub lacking: Vec<&'static str>,
    /// Whether the workspace could be read, where it was to come back and did.
    pub returned: Option<bool>,
    /// What was said before the agent's start, and on standard error after its end: the engine's words, never the agent's.
    pub outside: String,
    /// The last of the agent's standard error.
    pub stderr_tail: String,
    /// Where the time went.
    pub timings: Timings,
}
