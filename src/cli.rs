//! What can be typed. Types for clap and nothing else: no defaults that the configuration owns, no behaviour.

mod run;
mod sandbox;

use std::path::PathBuf;

use clap::builder::styling::{AnsiColor, Styles};
use clap::{Args, Parser, Subcommand, ValueEnum, ValueHint};

use run::AGENTS;
pub use run::{ContainerArgs, RunArgs};
pub use sandbox::{CreateArgs, ExecArgs, NetworkArgs, PolicyArg, RemoveArgs, WarmCommand};

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Green.on_default().bold())
    .usage(AnsiColor::Green.on_default().bold())
    .literal(AnsiColor::Cyan.on_default().bold())
    .placeholder(AnsiColor::Cyan.on_default());

/// The agents that stand for a model: they need a login, and an image has them.
const MODEL_AGENTS: [&str; 3] = ["claude", "codex", "opencode"];

const EXAMPLES: &str = "Examples:
  ringfence run 'fix the failing test'                  on the host, with the configured agent
  ringfence run --mode docker -a codex -f task.md       ring-fenced in a container
  ringfence run --json - < task.md                      the result as one JSON object
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
    /// Never ask anything: `sandbox set` without a key is an error then
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
    #[command(subcommand, after_help = "Examples:\n  ringfence sandbox show\n  ringfence sandbox set docker")]
    Sandbox(SandboxCommand),
    /// Find out whether an agent's login works
    #[command(subcommand, after_help = "Example:\n  ringfence auth check claude")]
    Auth(AuthCommand),
    /// Look at tasks that failed for good, and run them again
    #[command(subcommand, after_help = "Examples:\n  ringfence dead-letter list\n  ringfence dead-letter replay --all")]
    DeadLetter(DeadLetterCommand),
    /// Print a shell's completion script
    #[command(
        after_help = "Examples:\n  ringfence completions bash > ~/.local/share/bash-completion/completions/ringfence\n  source <(ringfence completions zsh)"
    )]
    Completions {
        /// The shell to print it for
        shell: clap_complete::Shell,
    },
    /// Print the JSON Schema of what a command prints for programs
    #[command(after_help = "Example:\n  ringfence schema events >events.schema.json")]
    Schema {
        /// What to describe
        name: SchemaName,
    },
    /// Print the manual page
    #[command(after_help = "Example:\n  ringfence man | man -l -")]
    Man,
}

/// What a schema describes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SchemaName {
    /// The object of `run --json`.
    Run,
    /// A line of `run --json-stream`, or of an event file.
    Events,
    /// The object of `sandbox doctor --json`.
    Doctor,
    /// The object of `auth check --json`.
    Auth,
    /// A dead letter, and what `dead-letter` prints with `--json`.
    DeadLetter,
}

/// `ringfence sandbox …`.
#[derive(Debug, Subcommand)]
pub enum SandboxCommand {
    /// Show every effective value with its origin, and what each mode guarantees
    #[command(after_help = "Example:\n  ringfence sandbox show --json | jq .settings")]
    Show,
    /// Find out whether runs work here: the real path, every step of it, and what to type where one does not
    Doctor(DoctorArgs),
    /// Change the configuration file: a mode, or any key; with neither, on a terminal, a short guided setup
    #[command(after_help = "Examples:
  ringfence sandbox set
  ringfence sandbox set docker
  ringfence sandbox set sandbox.memory 8g
  ringfence sandbox set agents.claude.share '[\"settings.json\", \"skills\"]'")]
    Set {
        /// host, docker or apple; or a key such as sandbox.memory
        #[arg(value_name = "MODE|KEY")]
        key: Option<String>,
        /// The key's new value
        value: Option<String>,
    },
    /// Build the worker image that container modes run in
    BuildImage(BuildImageArgs),
    /// Warm sandboxes.
    #[command(flatten)]
    Warm(WarmCommand),
}

const DOCTOR_EXAMPLES: &str = "Examples:
  ringfence sandbox doctor
  ringfence sandbox doctor --mode docker --agent claude --live
  ringfence sandbox doctor --quick --json | jq '.checks[] | select(.status != \"ok\")'";

/// `ringfence sandbox doctor`.
#[derive(Args, Debug)]
#[command(after_help = DOCTOR_EXAMPLES)]
pub struct DoctorArgs {
    /// Agent to check (repeatable; default: the configured one)
    #[arg(short, long, value_parser = AGENTS)]
    pub agent: Vec<String>,
    /// Only look: start nothing, neither a sandbox nor an agent in one
    #[arg(long)]
    pub quick: bool,
    /// Ask each agent's model for one word
    #[arg(long, conflicts_with = "quick")]
    pub live: bool,
    /// The folder agents would work in (default: the current one)
    #[arg(short = 'C', long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub workspace: Option<PathBuf>,
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
    #[arg(long, value_name = "AGENT", value_parser = MODEL_AGENTS)]
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

/// `ringfence auth …`.
#[derive(Debug, Subcommand)]
pub enum AuthCommand {
    /// Ask, step by step, whether a run of this agent would be logged in
    Check(AuthCheckArgs),
}

const AUTH_EXAMPLES: &str = "Examples:
  ringfence auth check claude
  ringfence auth check codex --environment sandbox --quick
  ringfence auth check claude --json | jq -r .code";

/// `ringfence auth check`.
#[derive(Args, Debug)]
#[command(after_help = AUTH_EXAMPLES, args_override_self = true)]
pub struct AuthCheckArgs {
    /// The agent
    #[arg(value_parser = MODEL_AGENTS)]
    pub agent: String,
    /// Where it would run (default: the configured mode)
    #[arg(long, value_name = "WHERE")]
    pub environment: Option<EnvironmentArg>,
    /// Stop before its model is asked for one word
    #[arg(long)]
    pub quick: bool,
    /// Wall clock limit of what is started, in seconds or such as 1m (default: 15 on the host, 20 in a container)
    #[arg(long, value_name = "S")]
    pub timeout: Option<String>,
    /// The folder the agent would work in (default: the current one)
    #[arg(short = 'C', long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub workspace: Option<PathBuf>,
}

/// Where an agent's login is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum EnvironmentArg {
    /// On the host.
    Host,
    /// In the configured container mode.
    Sandbox,
}

impl EnvironmentArg {
    /// The name, as typed.
    pub const fn name(self) -> &'static str {
        match self {
            EnvironmentArg::Host => "host",
            EnvironmentArg::Sandbox => "sandbox",
        }
    }
}

/// `ringfence dead-letter …`.
#[derive(Debug, Subcommand)]
pub enum DeadLetterCommand {
    /// List the letters, oldest first
    #[command(after_help = "Example:\n  ringfence dead-letter list --json | jq -r '.letters[] | .class'")]
    List,
    /// Show one letter
    #[command(after_help = "Example:\n  ringfence dead-letter show 20261121-031140-9f2c4e1a --json | jq -r .task")]
    Show {
        /// The letter
        id: String,
    },
    /// Run the tasks of letters again, one after the other; a letter goes once its task succeeded
    #[command(
        after_help = "Examples:\n  ringfence dead-letter replay 20261121-031140-9f2c4e1a\n  ringfence dead-letter replay --all"
    )]
    Replay(WhichLetters),
    /// Remove letters
    #[command(name = "rm", after_help = "Example:\n  ringfence dead-letter rm --all")]
    Remove(WhichLetters),
}

/// Some letters, or all.
#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
pub struct WhichLetters {
    /// The letters
    #[arg(value_name = "ID")]
    pub ids: Vec<String>,
    /// Every letter
    #[arg(long)]
    pub all: bool,
}
