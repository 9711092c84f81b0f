//! One file per command: what was typed, the calls below, what is shown.

pub mod auth;
pub mod build_image;
pub mod completions;
pub mod dead_letter;
pub mod doctor;
pub mod man;
pub mod run;
pub mod sandbox;
pub mod schema;
pub mod set;
pub mod setup;
pub mod show;

use std::ffi::OsString;
use std::io::Write;
use std::process::ExitCode;

use clap::CommandFactory;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::cli::{Cli, ColorWhen, Command, ContainerArgs, CreateArgs, GlobalArgs, RunArgs};
use crate::config::Flags;
use crate::failure::Failure;
use crate::output::{Colors, Printer};

/// What is shown where nothing was typed.
const CONCISE: &str = "{about}{after-help}\n\n{usage-heading} {usage}\n\nCommands:\n{subcommands}\n
Everything else: ringfence --help, ringfence COMMAND --help, ringfence man\n";

/// The printer that the options ask for.
pub fn printer(cli: &Cli) -> Printer {
    let global = &cli.global;
    let colors = match global.color {
        ColorWhen::Auto => Colors::Auto,
        ColorWhen::Always => Colors::Always,
        ColorWhen::Never => Colors::Never,
    };
    let printer = Printer::new(global.json, global.quiet, global.verbose, colors);
    match &cli.command {
        Command::Run(args) if args.json_stream => printer.with_events(),
        _ => printer,
    }
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

/// Help and version as clap prints them; anything else that was typed wrongly as every error: three lines, or one object.
pub fn not_understood(error: &clap::Error) -> ExitCode {
    let typed: Vec<OsString> = std::env::args_os().skip(1).take_while(|arg| arg != "--").collect();
    let events = typed.iter().any(|arg| arg == "--json-stream");
    let json = events || typed.iter().any(|arg| arg == "--json");
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand && typed.is_empty() {
        // A reader that has gone away is no error.
        let _ = write!(anstream::stderr(), "{}", Cli::command().help_template(CONCISE).render_help().ansi());
        return ExitCode::from(2);
    }
    let asked = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
    if asked || (error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand && !json) {
        // A reader that has gone away is no error.
        let _ = error.print();
        return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
    }
    let printer = Printer::new(json, false, false, Colors::Auto);
    let printer = if events { printer.with_events() } else { printer };
    let failure = usage(error, &typed);
    printer.failure(&failure);
    if json {
        let _ = printer.failure_json(&failure);
    }
    ExitCode::from(2)
}

fn usage(error: &clap::Error, typed: &[OsString]) -> Failure {
    let mut command = &Cli::command();
    let mut path = command.get_name().to_owned();
    for word in typed {
        if let Some(below) = command.find_subcommand(word) {
            command = below;
            path = format!("{path} {}", below.get_name());
        }
    }
    let help = format!("type: {path} --help");
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        return Failure::usage(format!("{path} needs a command"), help);
    }
    let text = error.render().to_string();
    let problem = text.split("\n\n").next().unwrap_or_default().trim_start_matches("error: ");
    let message = problem.split_whitespace().collect::<Vec<_>>().join(" ");
    let meant = [ContextKind::SuggestedSubcommand, ContextKind::SuggestedArg, ContextKind::SuggestedValue]
        .into_iter()
        .find_map(|kind| match error.get(kind)? {
            ContextValue::String(name) => Some(name.clone()),
            ContextValue::Strings(names) => names.first().cloned(),
            _ => None,
        })
        .or_else(|| nearest_command(error, command));
    Failure::usage(message, meant.map_or_else(|| help.clone(), |meant| format!("did you mean {meant}? if not, {help}")))
}

/// Letters that changed places, which clap does not forgive in a short name.
fn nearest_command(error: &clap::Error, command: &clap::Command) -> Option<String> {
    let Some(ContextValue::String(typed)) = error.get(ContextKind::InvalidSubcommand) else { return None };
    let names = command.get_subcommands().map(clap::Command::get_name);
    let near = names.map(|name| (strsim::osa_distance(name, typed), name)).min()?;
    (near.0 <= 1 + near.1.len() / 4).then(|| near.1.to_owned())
}
