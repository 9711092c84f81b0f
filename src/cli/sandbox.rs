//! `ringfence sandbox create`, `exec`, `ls` and so on as they can be typed.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, Subcommand, ValueEnum, ValueHint};

use super::run::{AGENTS, ContainerArgs};

/// What can be done with warm sandboxes.
#[derive(Debug, Subcommand)]
pub enum WarmCommand {
    /// Make a warm sandbox: a hardened container that stays, for many runs
    Create(CreateArgs),
    /// Run a command of your own in a warm sandbox
    Exec(ExecArgs),
    /// List the warm sandboxes
    #[command(
        after_help = "Example:\n  ringfence sandbox ls --json | jq -r '.sandboxes[] | select(.runs == 0) | .name'"
    )]
    Ls,
    /// Stop warm sandboxes; the next run or exec starts them again, with an empty home
    #[command(after_help = "Example:\n  ringfence sandbox stop loop-nightly-claude")]
    Stop {
        /// Their names
        #[arg(required = true, value_name = "NAME")]
        names: Vec<String>,
    },
    /// Remove warm sandboxes, with whatever runs in them
    #[command(name = "rm")]
    Remove(RemoveArgs),
    /// Show or change what a warm sandbox may reach, while it lives
    Network(NetworkArgs),
    /// Save what was installed in a warm sandbox as an image
    #[command(
        after_help = "Example:\n  ringfence sandbox save mybox team/worker:tools\n\nA sandbox that is to be saved is made with a \
                      root that can be changed:\n  ringfence sandbox set sandbox.read_only_root false"
    )]
    Save {
        /// The sandbox
        name: String,
        /// The name of the new image
        image: String,
    },
    /// Remove containers whose owner died, and old warm sandboxes
    #[command(after_help = "Examples:\n  ringfence sandbox prune --dry-run\n  ringfence sandbox prune --older-than 7d")]
    Prune {
        /// Say what would go, and remove nothing
        #[arg(long)]
        dry_run: bool,
        /// Remove warm sandboxes that were made longer ago than this, too
        #[arg(long, value_name = "TIME")]
        older_than: Option<String>,
    },
}

const NETWORK_EXAMPLES: &str = "Examples:
  ringfence sandbox network mybox
  ringfence sandbox network mybox --allow-host @npm --block-host telemetry.example.com
  ringfence sandbox network mybox --log --json | jq '.log[] | select(.verdict == \"denied\")'";

/// `ringfence sandbox network`.
#[derive(Args, Debug)]
#[command(after_help = NETWORK_EXAMPLES, args_override_self = true)]
pub struct NetworkArgs {
    /// The sandbox, which was made with a list of hosts
    pub name: String,
    /// What becomes of hosts that no rule is about
    #[arg(long)]
    pub policy: Option<PolicyArg>,
    /// Let it reach this host, from now on (repeatable; see `run`)
    #[arg(long, value_name = "HOST[:PORT]")]
    pub allow_host: Vec<String>,
    /// Let it reach this host no more, from now on; open connections end (repeatable)
    #[arg(long, value_name = "HOST[:PORT]")]
    pub block_host: Vec<String>,
    /// Show what was let through and what was denied
    #[arg(long)]
    pub log: bool,
}

/// What becomes of hosts that no rule is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PolicyArg {
    /// They are let through.
    Allow,
    /// They are denied.
    Deny,
}

const CREATE_EXAMPLES: &str = "Examples:
  ringfence sandbox create --agent claude --loop nightly
  ringfence sandbox create mybox -C ~/src/app --mount ~/data:/data:ro --memory 8g
  ringfence sandbox create mybox --allow-host @npm --allow-host git.example.com
  name=$(ringfence sandbox create --if-missing) && ringfence run --sandbox \"$name\" 'fix the failing test'";

/// `ringfence sandbox create`.
#[derive(Args, Debug)]
#[command(after_help = CREATE_EXAMPLES, args_override_self = true)]
pub struct CreateArgs {
    /// Its name (default: after its loop, or after its agent and folder)
    pub name: Option<String>,
    /// The agent it is for
    #[arg(short, long, value_parser = AGENTS)]
    pub agent: Option<String>,
    /// The loop it is for: `run --loop ID` then finds it
    #[arg(long = "loop", value_name = "ID", value_parser = NonEmptyStringValueParser::new(), conflicts_with = "name")]
    pub loop_id: Option<String>,
    /// The folder it is for (default: the current one)
    #[arg(short = 'C', long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub workspace: Option<PathBuf>,
    /// What the container is made of, and what it may use.
    #[command(flatten)]
    pub container: ContainerArgs,
    /// Let it reach this host only, `*.DOMAIN` for all below one, or the hosts of a preset such as @npm (repeatable; see `run`)
    #[arg(long, value_name = "HOST[:PORT]")]
    pub allow_host: Vec<String>,
    /// With a list of hosts, do not add those of the agent's own API
    #[arg(long)]
    pub no_agent_hosts: bool,
    /// It is no error that it is there already
    #[arg(long)]
    pub if_missing: bool,
}

const EXEC_EXAMPLES: &str = "The command ends with ringfence, even by kill -9. With -i or -t it is ended from beside it: where a whole cgroup is killed with
everything in it, such a command stays until its input ends, or sandbox stop.

Examples:
  ringfence sandbox exec mybox -- make test
  ringfence sandbox exec mybox -it -- bash
  ringfence sandbox exec mybox -it -- claude
  tar -c src | ringfence sandbox exec mybox -i -w /tmp -- tar -x";

/// `ringfence sandbox exec`.
#[derive(Args, Debug)]
#[command(after_help = EXEC_EXAMPLES, args_override_self = true)]
pub struct ExecArgs {
    /// The sandbox
    pub name: String,
    /// Give the command our standard input
    #[arg(short, long)]
    pub interactive: bool,
    /// Give the command a terminal
    #[arg(short, long, conflicts_with = "json")]
    pub tty: bool,
    /// Hand in a variable, with a value or from the caller's environment (repeatable)
    #[arg(short, long, value_name = "NAME[=VALUE]")]
    pub env: Vec<OsString>,
    /// The folder to start in, as the sandbox calls it (default: its workspace)
    #[arg(short, long, value_name = "DIR")]
    pub workdir: Option<OsString>,
    /// Whose credential to hand in (default: the command's own, where that is an agent)
    #[arg(short, long, value_parser = AGENTS)]
    pub agent: Option<String>,
    /// The command and its arguments
    #[arg(last = true, required = true, value_name = "CMD")]
    pub command: Vec<OsString>,
}

/// `ringfence sandbox rm`.
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  ringfence sandbox rm mybox\n  ringfence sandbox rm --loop nightly\n  ringfence sandbox rm --all"
)]
#[group(required = true, multiple = false)]
pub struct RemoveArgs {
    /// Their names
    #[arg(value_name = "NAME")]
    pub names: Vec<String>,
    /// All of this loop
    #[arg(long = "loop", value_name = "ID", value_parser = NonEmptyStringValueParser::new())]
    pub loop_id: Option<String>,
    /// All there are
    #[arg(long)]
    pub all: bool,
}
