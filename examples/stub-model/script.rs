//! What the stub's "model" does with a conversation.
//!
//! It is steered by lines of the task's prompt:
//!
//! | line | what happens |
//! |---|---|
//! | `stub: sh COMMAND` | asks for this shell command; several lines are asked for one after the other |
//! | `stub: text TEXT` | the final answer (default `pong`, after a command `done`) |
//! | `stub: big MIB` | a final answer of that size |
//! | `stub: status CODE [retry-after=S]` | fails; `400-credit`, `429-quota` and `429-usage` have their vendor's own body |
//! | `stub: slow SECONDS` | waits before every answer |
//! | `stub: hang` | accepts the call and never answers |
//! | `stub: cut` | closes the connection at the start of the answer |
//!
//! A `--script` file holds the same lines, as a JSON array of strings without the `stub:`, for prompts that have none.
//! How far a task has got is read from its requests (how many tool results follow the prompt), so any number of tasks
//! can share one stub. A call that offers no shell tool is one of an agent's side calls, for a title say, and always
//! gets the short default text.

use std::io;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;

/// Reported for every call.
pub const INPUT_TOKENS: u64 = 120;
/// Reported for every call.
pub const OUTPUT_TOKENS: u64 = 8;

/// A request, whatever its dialect.
pub struct Conversation {
    /// As named by the agent.
    pub model: String,
    /// Whether it wants server-sent events.
    pub stream: bool,
    /// The names of the offered tools.
    pub tools: Vec<String>,
    /// Prompts and tool results in order.
    pub items: Vec<Item>,
}

impl Conversation {
    /// The offered tool that runs a shell command.
    pub fn shell_tool(&self) -> Option<ShellTool> {
        self.tools.iter().find_map(|name| ShellTool::named(name))
    }

    /// Whether any command has been run already.
    pub fn has_tool_result(&self) -> bool {
        self.items.iter().any(|item| matches!(item, Item::ToolResult))
    }
}

/// One thing the agent has sent.
pub enum Item {
    /// A piece of a user message.
    Prompt(String),
    /// The outcome of a command.
    ToolResult,
}

/// The agents' shell tools, by what their arguments look like.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ShellTool {
    /// claude.
    Bash,
    /// opencode.
    LowerBash,
    /// codex since late 2025.
    ExecCommand,
    /// codex with some models.
    ShellCommand,
    /// codex with its newest models: a piece of JavaScript that calls `exec_command`.
    Exec,
    /// codex with older models: the command is an argument vector.
    Shell,
}

impl ShellTool {
    /// The tool of that name, if it is one that runs shell commands.
    pub fn named(name: &str) -> Option<Self> {
        [Self::Bash, Self::LowerBash, Self::ExecCommand, Self::ShellCommand, Self::Exec, Self::Shell]
            .into_iter()
            .find(|tool| tool.name() == name)
    }

    /// As the agent names it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bash => "Bash",
            Self::LowerBash => "bash",
            Self::ExecCommand => "exec_command",
            Self::ShellCommand => "shell_command",
            Self::Exec => "exec",
            Self::Shell => "shell",
        }
    }

    /// The arguments that make it run `command`.
    pub fn arguments(self, command: &str) -> Value {
        match self {
            Self::Bash | Self::LowerBash => {
                serde_json::json!({"command": command, "description": "Run the stub's command"})
            }
            Self::ExecCommand | Self::Exec => serde_json::json!({"cmd": command}),
            Self::ShellCommand => serde_json::json!({"command": command}),
            Self::Shell => serde_json::json!({"command": ["sh", "-c", command]}),
        }
    }
}

/// An answer and how long to wait before it.
pub struct Plan {
    pub delay: Duration,
    pub reply: Reply,
}

/// What the model does next.
pub enum Reply {
    /// The final answer.
    Say(Text),
    /// One shell command.
    Shell { tool: ShellTool, command: String },
    /// An error of the API.
    Fail(Failure),
    /// No answer.
    Hang,
    /// A broken connection.
    Cut,
}

/// A text as equal pieces, so that a large one is streamed without building it first.
pub struct Text {
    pub piece: String,
    pub times: usize,
}

impl Text {
    fn once(piece: &str) -> Self {
        Self { piece: piece.to_owned(), times: 1 }
    }

    fn of_mebibytes(mebibytes: usize) -> Self {
        const PIECE: usize = 64 * 1024;
        Self { piece: format!("{}\n", "x".repeat(63)).repeat(PIECE / 64), times: mebibytes * (1024 * 1024 / PIECE) }
    }

    /// All of it.
    pub fn whole(&self) -> String {
        self.piece.repeat(self.times)
    }
}

/// An error of the API.
#[derive(Clone, Debug)]
pub struct Failure {
    pub status: u16,
    pub cause: Cause,
    /// Seconds for the `retry-after` header.
    pub retry_after: Option<u64>,
}

/// What tells failures of one status apart.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cause {
    /// What the status says.
    Plain,
    /// The call carried none.
    NoCredential,
    /// Paid by use, and the account is empty.
    Credit,
    /// A subscription whose allowance is used up.
    Usage,
}

impl Failure {
    /// A failure that its status says all about.
    pub fn plain(status: u16) -> Self {
        Self { status, cause: Cause::Plain, retry_after: None }
    }

    /// Reads `429`, `429-quota` or `429 retry-after=1`.
    pub fn parse(text: &str) -> io::Result<Self> {
        let wrong = || io::Error::new(io::ErrorKind::InvalidInput, format!("not a status: {text}"));
        let mut words = text.split_whitespace();
        let (code, cause) = match words.next().ok_or_else(wrong)?.split_once('-') {
            None => (text.split_whitespace().next().unwrap_or_default(), Cause::Plain),
            Some((code, "credit" | "quota")) => (code, Cause::Credit),
            Some((code, "usage")) => (code, Cause::Usage),
            Some(_) => return Err(wrong()),
        };
        let status = code.parse().ok().filter(|status| (400..600).contains(status)).ok_or_else(wrong)?;
        let retry_after = match words.next() {
            None => None,
            Some(word) => {
                Some(word.strip_prefix("retry-after=").and_then(|seconds| seconds.parse().ok()).ok_or_else(wrong)?)
            }
        };
        Ok(Self { status, cause, retry_after })
    }
}

/// Directives for prompts that have none.
#[derive(Default)]
pub struct Script {
    lines: Vec<String>,
}

impl Script {
    /// Reads a JSON array of directives.
    pub fn read(path: &Path) -> io::Result<Self> {
        let wrong = |error: serde_json::Error| {
            io::Error::new(io::ErrorKind::InvalidData, format!("{}: {error}", path.display()))
        };
        let lines = serde_json::from_slice(&std::fs::read(path)?).map_err(wrong)?;
        Ok(Self { lines })
    }

    /// What to do next in a conversation.
    pub fn plan(&self, conversation: &Conversation) -> Plan {
        let Some(tool) = conversation.shell_tool() else {
            return Plan { delay: Duration::ZERO, reply: Reply::Say(Text::once("pong")) };
        };
        let mut lines: Vec<&str> = self.lines.iter().map(String::as_str).collect();
        let mut done = 0;
        for item in &conversation.items {
            match item {
                Item::ToolResult => done += 1,
                Item::Prompt(text) => {
                    let found: Vec<&str> = text.lines().filter_map(|line| line.trim().strip_prefix("stub:")).collect();
                    if !found.is_empty() {
                        lines = found;
                        done = 0;
                    }
                }
            }
        }
        plan(&lines, done, tool)
    }
}

/// `done`: how many commands have been run.
fn plan(lines: &[&str], done: usize, tool: ShellTool) -> Plan {
    let mut delay = Duration::ZERO;
    let mut commands = Vec::new();
    let mut text = None;
    let mut special = None;
    for line in lines {
        let line = line.trim();
        let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let rest = rest.trim();
        match word {
            "sh" => commands.push(rest),
            "text" => text = Some(Text::once(rest)),
            "big" => text = rest.parse().ok().map(Text::of_mebibytes),
            "slow" => {
                let seconds = rest.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
                delay = seconds.unwrap_or_default();
            }
            "hang" => special = Some(Reply::Hang),
            "cut" => special = Some(Reply::Cut),
            "status" => special = Failure::parse(rest).ok().map(Reply::Fail),
            // A typing error in a test shows in the answer rather than as a puzzling "pong".
            _ => text = Some(Text::once(&format!("stub: no such directive: {line}"))),
        }
    }
    let reply = match (commands.get(done), special) {
        (Some(command), _) => Reply::Shell { tool, command: (*command).to_owned() },
        (None, Some(special)) => special,
        (None, None) => Reply::Say(text.unwrap_or_else(|| Text::once(if done > 0 { "done" } else { "pong" }))),
    };
    Plan { delay, reply }
}
