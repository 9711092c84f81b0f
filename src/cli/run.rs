//! `ringfence run` as it can be typed.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, ValueHint};

/// The agents.
pub(super) const AGENTS: [&str; 4] = ["claude", "codex", "opencode", "shell"];

const RUN_EXAMPLES: &str = "Examples:
  ringfence run 'add a test for the parser'
  ringfence run -a codex --mode docker --timeout 20m -f task.md
  echo 'make check' | ringfence run -a shell --mode docker --network none
  ringfence run --json 'tidy up' | jq -r .class
  ringfence run --mode docker --allow-host @npm --allow-host git.example.com --forward 5432 'upgrade the dependencies'
  ringfence run --batch queue.jsonl -j 4 --results results.jsonl
  ringfence run --dry-run --mode docker 'show me the command line'";

/// `ringfence run`.
#[derive(Args, Clone, Debug)]
#[command(after_help = RUN_EXAMPLES, args_override_self = true)]
pub struct RunArgs {
    /// The task; `-` or none reads it from standard input
    pub task: Option<OsString>,
    /// Read the task from a file; `-` is standard input
    #[arg(short, long, value_name = "PATH", value_hint = ValueHint::FilePath)]
    pub file: Option<PathBuf>,
    /// The agent
    #[arg(short, long, value_parser = AGENTS)]
    pub agent: Option<String>,
    /// The folder the agent works in (default: the current one)
    #[arg(short = 'C', long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub workspace: Option<PathBuf>,
    /// The model, in the agent's own spelling
    #[arg(short, long)]
    pub model: Option<String>,
    /// What the container is made of, and what it may use.
    #[command(flatten)]
    pub container: ContainerArgs,
    /// Hand in a variable, with a value or from the caller's environment (repeatable)
    #[arg(short, long, value_name = "NAME[=VALUE]")]
    pub env: Vec<OsString>,
    /// Wall clock limit, such as 30m or 1h30m; 0 is none
    #[arg(long, value_name = "TIME")]
    pub timeout: Option<String>,
    /// Limit on the agent's silence; 0 is none
    #[arg(long, value_name = "TIME")]
    pub idle_timeout: Option<String>,
    /// Time between asking the agent to end (TERM) and ending it (KILL)
    #[arg(long, value_name = "TIME")]
    pub grace: Option<String>,
    /// Total runs of the task when it fails in a way that may pass
    #[arg(long, value_name = "N")]
    pub max_attempts: Option<String>,
    /// Run in this warm sandbox (sandbox create)
    #[arg(long, value_name = "NAME", conflicts_with = "loop_id")]
    pub sandbox: Option<String>,
    /// Run in the warm sandbox of this loop, or in a throwaway container where there is none
    #[arg(long = "loop", value_name = "ID", value_parser = NonEmptyStringValueParser::new())]
    pub loop_id: Option<String>,
    /// Let the container reach this host only, `*.DOMAIN` for all below one, or the hosts of a preset: @anthropic, @openai,
    /// @github, @npm, @pypi, @crates, @debian (repeatable; ports 443 and 80 unless one is named)
    #[arg(long, value_name = "HOST[:PORT]")]
    pub allow_host: Vec<String>,
    /// With a list of hosts, do not add those of the agent's own API
    #[arg(long)]
    pub no_agent_hosts: bool,
    /// Let everything through, and print the list of hosts that would have been enough
    #[arg(long)]
    pub learn: bool,
    /// Bring a TCP service that this machine reaches (default: its own, on the same port) to 127.0.0.1:PORT in the container
    /// (repeatable)
    #[arg(long, value_name = "PORT[:HOST:PORT]")]
    pub forward: Vec<String>,
    /// Run on the host, with a warning, when the container mode cannot start
    #[arg(long, value_name = "MODE", value_parser = ["host"])]
    pub fallback: Option<String>,
    /// Run without a limit that the engine does not enforce, with a warning, instead of refusing
    #[arg(long)]
    pub allow_partial: bool,
    /// Append event lines for every attempt to this file
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub events: Option<PathBuf>,
    /// Begin no further attempt once this much is spent, in US dollars (for a batch: by all of its tasks)
    #[arg(long, value_name = "USD", value_parser = dollars)]
    pub max_cost: Option<f64>,
    /// Keep the task as a dead letter if it fails for good: see `ringfence dead-letter`
    #[arg(long)]
    pub dead_letter: bool,
    /// Run the tasks of this file, one JSON object a line: {"task", "agent"?, "workspace"?, "model"?, "timeout"?, "id"?}
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath,
        conflicts_with_all = ["task", "file", "raw", "dry_run"])]
    pub batch: Option<PathBuf>,
    /// Tasks of a batch at a time (default, and at most: `run.max_concurrency`)
    #[arg(short, long, value_name = "N", requires = "batch", value_parser = clap::value_parser!(u16).range(1..))]
    pub jobs: Option<u16>,
    /// Append the results of a batch to this file, and run what is not in it yet (default: standard output)
    #[arg(long, value_name = "FILE", requires = "batch", value_hint = ValueHint::FilePath)]
    pub results: Option<PathBuf>,
    /// Let tasks of a batch work in one workspace at the same time
    #[arg(long, requires = "batch")]
    pub shared_workspace: bool,
    /// Print a JSON line for everything that happens, the last of them the object of --json: see `ringfence schema events`
    #[arg(long, conflicts_with_all = ["json", "raw", "batch", "dry_run"])]
    pub json_stream: bool,
    /// Pass the agent's own stream through untouched (a model's control characters reach a terminal as JSON escapes only)
    #[arg(long, conflicts_with = "json")]
    pub raw: bool,
    /// Print the external commands and run nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Arguments for the agent itself (for `shell`: the script's `$1`, `$2`, …)
    #[arg(last = true, value_name = "AGENT_ARGS")]
    pub agent_args: Vec<OsString>,
}

fn dollars(text: &str) -> Result<f64, String> {
    let sum: f64 = text.trim_start_matches('$').parse().map_err(|_| "not a sum of money, such as 2.50".to_owned())?;
    if sum.is_finite() && sum >= 0.0 { Ok(sum) } else { Err("not a sum of money, such as 2.50".to_owned()) }
}

/// What a container is made of, and what it may use.
#[derive(Args, Clone, Debug, Default)]
pub struct ContainerArgs {
    /// Container image
    #[arg(long, value_name = "IMAGE", visible_alias = "template")]
    pub image: Option<String>,
    /// Container network: bridge, none, or a network's name
    #[arg(long, value_name = "NETWORK")]
    pub network: Option<String>,
    /// Memory limit, such as 4g
    #[arg(long, value_name = "SIZE")]
    pub memory: Option<String>,
    /// CPU limit, such as 2 or 1.5
    #[arg(long, value_name = "N")]
    pub cpus: Option<String>,
    /// Mount a further folder or file; read-only with `:ro` (repeatable)
    #[arg(long, value_name = "SRC[:DST][:ro]")]
    pub mount: Vec<String>,
}
