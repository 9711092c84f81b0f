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

use std::process::ExitCode;

use anyhow::Result;

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
    let cli = match commands::understood() {
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
    let (env, flags) = (Environment::of_process(), commands::global_flags(&global));
    let host = Host { interrupts: Interrupts::default(), verbose: global.verbose, secrets: printer.secrets().clone() };
    // What starts processes ends them before it ends itself; everything else a signal ends at once.
    let minding = || anyhow::Ok(Host { interrupts: Interrupts::install()?, ..host.clone() });
    let class = match command {
        Command::Run(args) => {
            let flags = commands::run_flags(&global, &args);
            commands::run::run(*args, &flags, &env, &minding()?, printer)?
        }
        Command::Sandbox(command) => match command {
            SandboxCommand::Show => done(commands::show::run(&flags, &env, &minding()?, printer))?,
            SandboxCommand::Doctor(args) => commands::doctor::run(&args, &flags, &env, &minding()?, printer)?,
            SandboxCommand::Set { key: None, .. } => {
                commands::setup::run(&flags, &env, &host, global.no_input, printer)?
            }
            SandboxCommand::Set { key: Some(key), value } => {
                done(commands::set::run(&key, value.as_deref(), &flags, &env, printer))?
            }
            SandboxCommand::BuildImage(args) => {
                done(commands::build_image::run(&args, &flags, &env, &minding()?, printer))?
            }
            // The code of a command of the caller's own is passed on.
            SandboxCommand::Warm(command) => {
                return commands::sandbox::run(command, &global, &env, &minding()?, printer);
            }
        },
        Command::Auth(AuthCommand::Check(args)) => commands::auth::check(&args, &flags, &env, &minding()?, printer)?,
        Command::DeadLetter(command) => commands::dead_letter::run(command, &flags, &env, &minding()?, printer)?,
        Command::Completions { shell } => done(commands::completions::run(shell, printer))?,
        Command::Schema { name } => done(commands::schema::run(name, printer))?,
        Command::Man => done(commands::man::run(printer))?,
    };
    Ok(class.exit_code())
}

/// A command without degrees: it worked, or there is an error.
fn done(result: Result<()>) -> Result<Class> {
    result.map(|()| Class::Ok)
}

/// Shows an error and gives its class.
fn report(error: &anyhow::Error, printer: &Printer) -> Class {
    let failure = Failure::of(error);
    printer.failure(&failure);
    if printer.is_json() {
        // If even that cannot be written there is nobody left to tell.
        let _ = printer.failure_json(&failure);
    }
    failure.class
}
