//! The agents: what each is started with, what it may be handed, and what its output means. Pure: nothing here runs anything.

mod answer;
mod claude;
mod codex;
mod lines;
mod opencode;
mod shell;
mod signs;
mod status;
mod stream;
#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::time::Duration;

use serde::Serialize;

pub use status::{Login, login, status_command};

use crate::command::CommandSpec;
use crate::config::AgentName;
use crate::failure::Class;

/// A task, as typed.
#[derive(Clone, Debug)]
pub struct Task {
    /// The model, in the agent's own spelling.
    pub model: Option<String>,
    /// Arguments that the caller hands to the agent itself.
    pub args: Vec<OsString>,
    /// Whether the agent will be root where it runs.
    pub as_root: bool,
    /// The model API's address as the agent reaches it, for an agent that takes it as an argument only ([`Agent::endpoint`]).
    pub endpoint: Option<String>,
}

/// Something that an agent did, in words that all agents share.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// A piece of the agent's own text.
    Text(String),
    /// A tool was called.
    Tool {
        /// Names the call, so that its result can be told; empty where the agent has no name for it.
        id: String,
        /// As the agent calls it.
        name: String,
        /// A path, a command, a pattern: whatever says most of its argument, in one line.
        detail: String,
    },
    /// What a tool returned.
    ToolResult {
        /// The call's.
        id: String,
        /// The tool's.
        name: String,
        /// Whether it worked, by the agent's word.
        ok: bool,
        /// The beginning of what it returned, in one line.
        detail: String,
    },
    /// What has been used so far.
    Usage(Usage),
    /// Something that the caller should know.
    Warning(String),
}

/// Tokens and money. Absent where the agent does not say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Usage {
    /// Tokens read, cached ones included.
    pub input_tokens: Option<u64>,
    /// Tokens written.
    pub output_tokens: Option<u64>,
    /// US dollars, as the agent reckons them.
    pub cost_usd: Option<f64>,
}

impl Usage {
    /// Both together.
    #[must_use]
    pub fn and(self, other: Usage) -> Usage {
        fn sum<T: std::ops::Add<Output = T>>(one: Option<T>, other: Option<T>) -> Option<T> {
            match (one, other) {
                (Some(one), Some(other)) => Some(one + other),
                (one, other) => one.or(other),
            }
        }
        Usage {
            input_tokens: sum(self.input_tokens, other.input_tokens),
            output_tokens: sum(self.output_tokens, other.output_tokens),
            cost_usd: sum(self.cost_usd, other.cost_usd),
        }
    }
}

/// What is known of the agent's process when its stream is over.
#[derive(Clone, Copy, Debug)]
pub struct Ended<'a> {
    /// Its exit code, 128 + n for a signal.
    pub code: i32,
    /// The end of its standard error.
    pub stderr: &'a str,
}

/// What a run came to, by the agent's own word.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// The class; [`Class::Ok`] only where the agent says so itself and exited with 0.
    pub class: Class,
    /// What went wrong, in one line; empty when nothing did.
    pub message: String,
    /// How long the server asked to wait.
    pub retry_after: Option<Duration>,
}

impl Verdict {
    fn ok() -> Self {
        Verdict { class: Class::Ok, message: String::new(), retry_after: None }
    }
}

/// Reads one agent's output stream.
pub trait Reader {
    /// A piece of standard output, cut anywhere. Events are added to `events`.
    fn read(&mut self, chunk: &[u8], events: &mut Vec<Event>);
    /// The agent's answer so far, whole at the end.
    fn answer(&self) -> &[u8];
    /// Whether something of the answer was left out for its size.
    fn truncated(&self) -> bool;
    /// The id under which the agent can resume.
    fn session(&self) -> Option<&str>;
    /// What was used.
    fn usage(&self) -> Usage;
    /// Whether the stream shows that the agent will never succeed although it goes on: it may be ended now, and the verdict
    /// will say why.
    fn hopeless(&self) -> bool {
        false
    }
    /// What it came to.
    fn verdict(&mut self, ended: Ended<'_>) -> Verdict;
}

/// An agent.
pub trait Agent {
    /// Its program and arguments for `task`; the task's text comes on standard input, or on descriptor 4.
    fn command(&self, task: &Task) -> CommandSpec;
    /// Whether the task is a program for the agent to read from descriptor 4, and standard input stays empty.
    fn task_is_program(&self) -> bool {
        false
    }
    /// Whether its standard error belongs to its answer's reader, and is passed through.
    fn passes_stderr(&self) -> bool {
        false
    }
    /// Whether its standard output is its answer, to be passed through as it comes.
    fn answers_raw(&self) -> bool {
        false
    }
    /// Variables that it documents for its endpoint and model: handed in when set.
    fn variables(&self) -> &'static [&'static str];
    /// Whether its stream says what a run costs.
    fn tells_cost(&self) -> bool {
        false
    }
    /// The presets of hosts without which it cannot work: those of its model's API.
    fn hosts(&self) -> &'static [&'static str];
    /// The variable whose value it must be handed as [`Task::endpoint`], because it ignores the variable itself.
    fn endpoint(&self) -> Option<&'static str> {
        None
    }
    /// A variable to set, where it is not, when the agent has no credential in its container: what keeps it from handing the task to a
    /// model that nobody chose.
    fn without_login(&self, task: &Task) -> Option<(&'static str, &'static str)> {
        let _ = task;
        None
    }
    /// A variable that keeps it from trying again for minutes, for who only wants to know whether it can work.
    fn impatient(&self) -> Option<(&'static str, &'static str)> {
        None
    }
    /// The variable that names its model API, and the host of that where it is not set; absent where it depends on a provider.
    fn api(&self) -> Option<(&'static str, &'static str)> {
        None
    }
    /// What to type when it needs a login.
    fn login_hint(&self) -> &'static str;
    /// A reader for its stream that keeps at most `limit` bytes of the answer.
    fn reader(&self, limit: usize) -> Box<dyn Reader>;
}

/// The agent of this name.
pub fn agent(name: AgentName) -> &'static dyn Agent {
    match name {
        AgentName::Claude => &claude::Claude,
        AgentName::Codex => &codex::Codex,
        AgentName::Opencode => &opencode::Opencode,
        AgentName::Shell => &shell::Shell,
    }
}
