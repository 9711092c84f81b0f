//! ringfence: runs AI coding agents on a task, on the host or ring-fenced in a container, and tells the truth about how it ended.

mod agents;
mod cli;
mod command;
mod commands;
mod config;
mod credentials;
mod egress;
mod failure;
mod image;
mod ledger;
mod output;
mod redact;
mod runner;

use std::io;
use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;

use cli::{AuthCommand, Cli, Command, SandboxCommand};
use config::Environment;
use failure::{Class, Failure};
use output::Printer;
use runner::{Host, Interrupts};

fn main() -> ExitCode {
    match commands::completions::answer() {
        Ok(false) => {}
        Ok(true) => return ExitCode::SUCCESS,
        Err(error) => return commands::not_understood(&error),
    }
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return commands::not_understood(&error),
    };
    let printer = commands::printer(&cli);
    let code = dispatch(cli, &printer).unwrap_or_else(|error| report(&error, &printer).exit_code());
    ExitCode::from(u8::try_from(code).unwrap_or(u8::MAX))
}

/// Carries out what was typed, and gives the exit code.
fn dispatch(cli: Cli, printer: &Printer) -> Result<i32> {
    let Cli { global, command } = cli;
    let env = Environment::of_process();
    let host = Host { interrupts: Interrupts::default(), verbose: global.verbose, secrets: printer.secrets().clone() };
    match command {
        Command::Run(args) => {
            let flags = commands::run_flags(&global, &args);
            let host = Host { interrupts: Interrupts::install()?, ..host };
            return Ok(commands::run::run(*args, &flags, &env, &host, printer)?.exit_code());
        }
        Command::Sandbox(command) => {
            let flags = commands::global_flags(&global);
            match command {
                SandboxCommand::Show => {
                    let host = Host { interrupts: Interrupts::install()?, ..host };
                    commands::show::run(&flags, &env, &host, printer)?;
                }
                SandboxCommand::Doctor(args) => {
                    let host = Host { interrupts: Interrupts::install()?, ..host };
                    return Ok(commands::doctor::run(&args, &flags, &env, &host, printer)?.exit_code());
                }
                SandboxCommand::Set { key: None, .. } => {
                    return Ok(commands::setup::run(&flags, &env, &host, global.no_input, printer)?.exit_code());
                }
                SandboxCommand::Set { key: Some(key), value } => {
                    commands::set::run(&key, value.as_deref(), &flags, &env, printer)?;
                }
                SandboxCommand::BuildImage(args) => {
                    let host = Host { interrupts: Interrupts::install()?, ..host };
                    commands::build_image::run(&args, &flags, &env, &host, printer)?;
                }
                SandboxCommand::Warm(command) => {
                    let host = Host { interrupts: Interrupts::install()?, ..host };
                    return commands::sandbox::run(command, &global, &env, &host, printer);
                }
            }
        }
        Command::Auth(AuthCommand::Check(args)) => {
            let host = Host { interrupts: Interrupts::install()?, ..host };
            let flags = commands::global_flags(&global);
            return Ok(commands::auth::check(&args, &flags, &env, &host, printer)?.exit_code());
        }
        Command::DeadLetter(command) => {
            let flags = commands::global_flags(&global);
            let host = Host { interrupts: Interrupts::install()?, ..host };
            return Ok(commands::dead_letter::run(command, &flags, &env, &host, printer)?.exit_code());
        }
        Command::Completions { shell } => commands::completions::run(shell, printer)?,
        Command::Schema { name } => commands::schema::run(name, printer)?,
        Command::Man => commands::man::run(printer)?,
    }
    Ok(Class::Ok.exit_code())
}

/// Shows an error and gives its class. A reader of ours that has gone away is no error.
fn report(error: &anyhow::Error, printer: &Printer) -> Class {
    if error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe) {
        return Class::Ok;
    }
    let failure = Failure::of(error);
    printer.failure(&failure);
    if printer.is_json() {
        // If even that cannot be written there is nobody left to tell.
        let _ = printer.failure_json(&failure);
    }
    failure.class
}
