//! One file per command: what was typed, the calls below, what is shown.

pub mod build_image;
pub mod completions;
pub mod man;
pub mod run;
pub mod set;
pub mod show;

use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::cli::{ColorWhen, GlobalArgs, RunArgs};
use crate::config::Flags;
use crate::failure::Failure;
use crate::output::{Colors, Printer};

/// The printer that the global options ask for.
pub fn printer(global: &GlobalArgs) -> Printer {
    let colors = match global.color {
        ColorWhen::Auto => Colors::Auto,
        ColorWhen::Always => Colors::Always,
        ColorWhen::Never => Colors::Never,
    };
    Printer::new(global.json, global.quiet, global.verbose, colors)
}

/// What the global options override.
pub fn global_flags(global: &GlobalArgs) -> Flags {
    Flags { config: global.config.clone(), mode: global.mode.clone(), ..Flags::default() }
}

/// What the options of `run` override.
pub fn run_flags(global: &GlobalArgs, args: &RunArgs) -> Flags {
    let container = args.container.clone();
    Flags {
        agent: args.agent.clone(),
        image: container.image,
        network: container.network,
        memory: container.memory,
        cpus: container.cpus,
        timeout: args.timeout.clone(),
        idle_timeout: args.idle_timeout.clone(),
        grace: args.grace.clone(),
        max_attempts: args.max_attempts.clone(),
        mounts: container.mount,
        allow_hosts: args.allow_host.clone(),
        env: args.env.clone(),
        ..global_flags(global)
    }
}

/// Help and version as clap prints them; anything else that was typed wrongly as every error: three lines, or one object.
pub fn not_understood(error: &clap::Error) -> ExitCode {
    if matches!(
        error.kind(),
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
    ) {
        // A reader that has gone away is no error.
        let _ = error.print();
        return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
    }
    let json = std::env::args_os().take_while(|arg| arg != "--").any(|arg| arg == "--json");
    let printer = Printer::new(json, false, false, Colors::Auto);
    let failure = usage(error);
    printer.failure(&failure);
    if json {
        let _ = printer.failure_json(&failure);
    }
    ExitCode::from(2)
}

fn usage(error: &clap::Error) -> Failure {
    let text = error.render().to_string();
    let mut parts = text.split("\n\n");
    let problem = parts.next().unwrap_or_default().trim_start_matches("error: ");
    let message = problem.split_whitespace().collect::<Vec<_>>().join(" ");
    let tip = text.lines().find_map(|line| line.trim().strip_prefix("tip: ")).map(str::to_owned);
    let suggestion = match error.get(ContextKind::SuggestedSubcommand) {
        Some(ContextValue::Strings(names)) => names.first().map(|name| format!("did you mean `{name}`?")),
        _ => None,
    };
    let command = text.lines().find_map(|line| line.strip_prefix("Usage: ")).unwrap_or("ringfence");
    let names: Vec<&str> =
        command.split_whitespace().take_while(|word| word.starts_with(|c: char| c.is_ascii_lowercase())).collect();
    let help = format!("type: {} --help", names.join(" "));
    Failure::usage(message, tip.or(suggestion).map_or_else(|| help.clone(), |tip| format!("{tip}; or {help}")))
}
