//! What can be typed. Types for clap and nothing else: no defaults that the configuration owns, no behaviour.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::styling::{AnsiColor, Styles};
use clap::{Args, Parser, Subcommand, ValueEnum, ValueHint};

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Green.on_default().bold())
    .usage(AnsiColor::Green.on_default().bold())
    .literal(AnsiColor::Cyan.on_default().bold())
    .placeholder(AnsiColor::Cyan.on_default());

const EXAMPLES: &str = "Examples:
  ringfence run 'fix the failing test'                  on the host, with the configured agent
  ringfence run --mode docker -a codex -f task.md       ring-fenced in a container
  git diff | ringfence run --json -                     the task from standard input, the result as JSON
  ringfence sandbox set docker                          make containers the default
  ringfence sandbox show                                what is in force, and what it guarantees";

/// Runs AI coding agents on a task, on the host or ring-fenced in a container, and tells the truth about how it ended.
#[derive(Debug, Parser)]
#[command(
    name = "ringfence",
    version,
    styles = STYLES,
    after_help = EXAMPLES,
    arg_required_else_help = true,
    subcommand_required = true,
    args_override_self = true,
    max_term_width = 110
)]
pub struct Cli {
    /// The options that every command takes.
    #[command(flatten)]
    pub global: GlobalArgs,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The options that every command takes, before or after its name.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Global options")]
pub struct GlobalArgs {
    /// Configuration file instead of the one in the user's config folder
    #[arg(long, global = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub config: Option<PathBuf>,
    /// Where agents run; `sandbox` is the configured container mode
    #[arg(long, global = true, value_name = "MODE", value_parser = ["host", "docker", "apple", "sandbox"])]
    pub mode: Option<String>,
    /// Print exactly one JSON object on standard output, also on failure
    #[arg(long, global = true)]
    pub json: bool,
    /// No progress and no warnings on standard error
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Echo every external command as `+ …` on standard error, secrets redacted
    #[arg(short, long, global = true)]
    pub verbose: bool,
    /// Colour: decided by the terminal, or fixed
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto", hide_default_value = true)]
    pub color: ColorWhen,
    /// Never ask anything
    #[arg(long, global = true)]
    pub no_input: bool,
}

/// When to colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ColorWhen {
    /// On a terminal that can, unless `NO_COLOR` is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run an agent on one task and report how it ended
    Run(Box<RunArgs>),
    /// Look at, set up and build the sandbox
    #[command(subcommand)]
    Sandbox(SandboxCommand),
    /// Print a shell's completion script
    #[command(
        after_help = "Example:\n  ringfence completions bash > ~/.local/share/bash-completion/completions/ringfence"
    )]
    Completions {
        /// The shell to print it for
        shell: clap_complete::Shell,
    },
    /// Print the manual page
    #[command(after_help = "Example:\n  ringfence man | man -l -")]
    Man,
}

/// The agents.
const AGENTS: [&str; 4] = ["claude", "codex", "opencode", "shell"];

const RUN_EXAMPLES: &str = "Examples:
  ringfence run 'add a test for the parser'
  ringfence run -a codex --mode docker --timeout 20m -f task.md
  echo 'make check' | ringfence run -a shell --mode docker --network none
  ringfence run --json 'tidy up' | jq -r .class
  ringfence run --dry-run --mode docker 'show me the command line'";

/// `ringfence run`.
#[derive(Args, Debug)]
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
    /// Run in this warm sandbox
    #[arg(long, value_name = "NAME")]
    pub sandbox: Option<String>,
    /// Run in the warm sandbox of this loop
    #[arg(long = "loop", value_name = "ID")]
    pub loop_id: Option<String>,
    /// Allow network traffic to this host only (repeatable)
    #[arg(long, value_name = "HOST[:PORT]")]
    pub allow_host: Vec<String>,
    /// Run on the host, with a warning, when the container mode cannot start
    #[arg(long, value_name = "MODE", value_parser = ["host"])]
    pub fallback: Option<String>,
    /// Append an event line per attempt to this file
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub events: Option<PathBuf>,
    /// Pass the agent's own stream through untouched
    #[arg(long, conflicts_with = "json")]
    pub raw: bool,
    /// Print the external commands and run nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Arguments for the agent itself (for `shell`: the script's `$1`, `$2`, …)
    #[arg(last = true, value_name = "AGENT_ARGS")]
    pub agent_args: Vec<OsString>,
}

/// What a container is made of, and what it may use.
#[derive(Args, Clone, Debug, Default)]
pub struct ContainerArgs {
    /// Container image
    #[arg(long, value_name = "IMAGE")]
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

/// `ringfence sandbox …`.
#[derive(Debug, Subcommand)]
pub enum SandboxCommand {
    /// Show every effective value with its origin, and what each mode guarantees
    #[command(after_help = "Example:\n  ringfence sandbox show --json | jq .settings")]
    Show,
    /// Change the configuration file: a mode, or any key
    #[command(after_help = "Examples:
  ringfence sandbox set docker
  ringfence sandbox set sandbox.memory 8g
  ringfence sandbox set agents.claude.share '[\"settings.json\", \"skills\"]'")]
    Set {
        /// host, docker or apple; or a key such as sandbox.memory
        #[arg(value_name = "MODE|KEY")]
        key: String,
        /// The key's new value
        value: Option<String>,
    },
    /// Build the worker image that container modes run in
    BuildImage(BuildImageArgs),
}

const BUILD_EXAMPLES: &str = "Examples:
  ringfence sandbox build-image
  ringfence sandbox build-image --agent claude --agent-version claude=2.1.197 --tag team/worker:1
  ringfence sandbox build-image --base debian:bookworm-slim --ca-cert corporate-ca.pem
  ringfence sandbox build-image --print > Dockerfile";

/// `ringfence sandbox build-image`.
#[derive(Args, Debug)]
#[command(after_help = BUILD_EXAMPLES)]
pub struct BuildImageArgs {
    /// Name of the new image (default: the configured one)
    #[arg(long, value_name = "IMAGE")]
    pub tag: Option<String>,
    /// Image to build on: Debian or one of its kin
    #[arg(long, value_name = "IMAGE")]
    pub base: Option<String>,
    /// Agent to install (repeatable; default: all)
    #[arg(long, value_name = "AGENT", value_parser = ["claude", "codex", "opencode"])]
    pub agent: Vec<String>,
    /// Version of an agent, as its registry knows it (repeatable; default: latest)
    #[arg(long, value_name = "NAME=VERSION")]
    pub agent_version: Vec<String>,
    /// Trust the certificates in this PEM file, during the build and in the image (default: those of `$NODE_EXTRA_CA_CERTS`,
    /// else `$SSL_CERT_FILE`)
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub ca_cert: Option<PathBuf>,
    /// Use no layer of an earlier build
    #[arg(long)]
    pub no_cache: bool,
    /// Ask the registry for a newer base image
    #[arg(long)]
    pub pull: bool,
    /// Print the Dockerfile and build nothing
    #[arg(long)]
    pub print: bool,
}
