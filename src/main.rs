//! ringfence: runs AI coding agents on a task, on the host or ring-fenced in a container, and tells the truth about how it ended.

mod agents;
mod cli;
mod command;
mod commands;
mod config;
mod credentials;
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
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return commands::not_understood(&error),
    };
    let printer = commands::printer(&cli);
    let class = dispatch(cli, &printer).unwrap_or_else(|error| report(&error, &printer));
    ExitCode::from(u8::try_from(class.exit_code()).unwrap_or(u8::MAX))
}

fn dispatch(cli: Cli, printer: &Printer) -> Result<Class> {
    let Cli { global, command } = cli;
    let env = Environment::of_process();
    let host = Host { interrupts: Interrupts::default(), verbose: global.verbose, secrets: printer.secrets().clone() };
    match command {
        Command::Run(args) => {
            let flags = commands::run_flags(&global, &args);
            let host = Host { interrupts: Interrupts::install()?, ..host };
            return commands::run::run(*args, &flags, &env, &host, printer);
        }
        Command::Sandbox(command) => {
            let flags = commands::global_flags(&global);
            match command {
                SandboxCommand::Show => commands::show::run(&flags, &env, printer)?,
                SandboxCommand::Doctor(args) => {
                    let host = Host { interrupts: Interrupts::install()?, ..host };
                    return commands::doctor::run(&args, &flags, &env, &host, printer);
                }
                SandboxCommand::Set { key, value } => {
                    commands::set::run(&key, value.as_deref(), &flags, &env, printer)?;
                }
                SandboxCommand::BuildImage(args) => {
                    let host = Host { interrupts: Interrupts::install()?, ..host };
                    commands::build_image::run(&args, &flags, &env, &host, printer)?;
                }
            }
        }
        Command::Auth(AuthCommand::Check(args)) => {
            let host = Host { interrupts: Interrupts::install()?, ..host };
            return commands::auth::check(&args, &commands::global_flags(&global), &env, &host, printer);
        }
        Command::DeadLetter(command) => {
            let flags = commands::global_flags(&global);
            let host = Host { interrupts: Interrupts::install()?, ..host };
            return commands::dead_letter::run(command, &flags, &env, &host, printer);
        }
        Command::Completions { shell } => commands::completions::run(shell, printer)?,
        Command::Schema { name } => commands::schema::run(name, printer)?,
        Command::Man => commands::man::run(printer)?,
    }
    Ok(Class::Ok)
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
