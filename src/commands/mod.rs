//! One file per command: what was typed, the calls below, what is shown.

pub mod auth;
pub mod build_image;
pub mod completions;
pub mod dead_letter;
pub mod doctor;
pub mod man;
mod misunderstood;
pub mod run;
pub mod sandbox;
pub mod schema;
pub mod set;
pub mod setup;
pub mod show;

pub use misunderstood::{not_understood, understood};

use crate::cli::{Cli, ColorWhen, Command, ContainerArgs, CreateArgs, GlobalArgs, RunArgs};
use crate::config::Flags;
use crate::output::{Colors, Form, Printer, Talk};

/// The printer that the options ask for.
pub fn printer(cli: &Cli) -> Printer {
    let global = &cli.global;
    let colors = match global.color {
        ColorWhen::Auto => Colors::Auto,
        ColorWhen::Always => Colors::Always,
        ColorWhen::Never => Colors::Never,
    };
    let form = match &cli.command {
        Command::Run(args) if args.json_stream => Form::Events,
        _ if global.json => Form::Object,
        _ => Form::Text,
    };
    let talk = match (global.quiet, global.verbose) {
        (true, _) => Talk::Quiet,
        (false, true) => Talk::Verbose,
        (false, false) => Talk::Usual,
    };
    Printer::new(form, talk, colors)
}

/// What the global options override.
pub fn global_flags(global: &GlobalArgs) -> Flags {
    Flags { config: global.config.clone(), mode: global.mode.clone(), ..Flags::default() }
}

/// What the options of a container override, whoever takes them.
fn container_flags(global: &GlobalArgs, container: &ContainerArgs) -> Flags {
    let container = container.clone();
    Flags {
        image: container.image,
        network: container.network,
        memory: container.memory,
        cpus: container.cpus,
        mounts: container.mount,
        ..global_flags(global)
    }
}

/// What the options of `run` override.
pub fn run_flags(global: &GlobalArgs, args: &RunArgs) -> Flags {
    let in_sandbox = args.sandbox.is_some() || args.loop_id.is_some();
    Flags {
        agent: args.agent.clone(),
        timeout: args.timeout.clone(),
        idle_timeout: args.idle_timeout.clone(),
        grace: args.grace.clone(),
        max_attempts: args.max_attempts.clone(),
        allow_hosts: args.allow_host.clone(),
        env: args.env.clone(),
        allow_partial: args.allow_partial,
        // A sandbox that is named is where it runs, wherever other runs do.
        mode: global.mode.clone().or_else(|| in_sandbox.then(|| "sandbox".to_owned())),
        ..container_flags(global, &args.container)
    }
}

/// What the options of `sandbox create` override.
pub fn create_flags(global: &GlobalArgs, args: &CreateArgs) -> Flags {
    Flags {
        agent: args.agent.clone(),
        allow_hosts: args.allow_host.clone(),
        ..container_flags(global, &args.container)
    }
}
