//! `ringfence sandbox create`, `exec`, `ls` and so on: warm sandboxes, as the engine's labels list them.

mod create;
mod entry;
mod exec;
mod ls;
mod network;
pub(in crate::commands) mod prune;
mod rm;
mod save;
mod stop;

use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::cli::{GlobalArgs, WarmCommand};
use crate::command::CommandSpec;
use crate::config::Environment;
use crate::failure::{Class, Failure};
use crate::output::Printer;
use crate::runner::{Engine, Filter, Host, Listing, Row, engine_failure, tell_runs_in_sandbox};

/// Carries out a command about warm sandboxes, and gives the exit code.
pub fn run(
    command: WarmCommand,
    global: &GlobalArgs,
    env: &Environment,
    host: &Host,
    printer: &Printer,
) -> Result<i32> {
    let flags = super::global_flags(global);
    match command {
        WarmCommand::Create(args) => create::run(&args, &super::create_flags(global, &args), env, host, printer)?,
        WarmCommand::Exec(args) => return exec::run(&args, &flags, env, host, printer),
        WarmCommand::Ls => ls::run(&flags, env, host, printer)?,
        WarmCommand::Stop { names } => stop::run(&names, &flags, env, host, printer)?,
        WarmCommand::Remove(args) => rm::run(&args, &flags, env, host, printer)?,
        WarmCommand::Network(args) => network::run(&args, &flags, env, host, printer)?,
        WarmCommand::Save { name, image } => save::run(&name, &image, &flags, env, host, printer)?,
        WarmCommand::Prune { dry_run, older_than } => {
            prune::run(dry_run, older_than.as_deref(), &flags, env, host, printer)?;
        }
    }
    Ok(Class::Ok.exit_code())
}

/// How long the engine may take for an answer, and to end what it has to end.
const CALL: Duration = Duration::from_secs(60);

/// The containers that fit all filters: one engine call.
pub fn list(host: &Host, engine: &Engine, filters: &[Filter]) -> Result<Vec<Row>> {
    let listing = Listing { engine, filters };
    let answer = call(host, engine, &listing.command())?;
    Ok(listing.rows(&answer)?)
}

/// The names of all sandboxes, for who would rather have none than wait.
pub fn names(host: &Host, engine: &Engine) -> Vec<String> {
    let listing = Listing { engine, filters: &[Filter::sandboxes()] };
    let Ok(Some(answer)) = host.capture(&listing.command(), Duration::from_secs(2)) else { return Vec::new() };
    let rows = listing.rows(&String::from_utf8_lossy(&answer.stdout)).unwrap_or_default();
    rows.into_iter().map(|row| row.name).collect()
}

/// The sandboxes with these names.
///
/// # Errors
/// `sandbox_missing` where there is one that does not exist; then nothing has been done to the others.
pub fn find(host: &Host, engine: &Engine, names: &[String]) -> Result<Vec<Row>> {
    let rows: Vec<Row> =
        list(host, engine, &[Filter::sandboxes()])?.into_iter().filter(|row| names.contains(&row.name)).collect();
    match names.iter().find(|name| !rows.iter().any(|row| row.name == **name)) {
        Some(name) => Err(missing(engine, name).into()),
        None => Ok(rows),
    }
}

fn missing(engine: &Engine, name: &str) -> Failure {
    let hint = format!("{} shows those there are", engine.ours("sandbox ls"));
    Failure::new(Class::SandboxMissing, format!("there is no sandbox named {name}"), hint)
}

/// What an engine's command prints, where it succeeds.
fn call(host: &Host, engine: &Engine, command: &CommandSpec) -> Result<String> {
    match host.capture(command, CALL)? {
        Some(answer) if answer.status.success() => Ok(String::from_utf8_lossy(&answer.stdout).into_owned()),
        Some(answer) => Err(engine_said(engine, &answer.stderr, answer.status.code()).into()),
        None => Err(engine_said(engine, &format!("no answer within {} s", CALL.as_secs()), None).into()),
    }
}

/// What an engine's words mean where they are about no image and no run.
fn engine_said(engine: &Engine, words: &str, status: Option<i32>) -> Failure {
    let failure = engine_failure(engine, "", "", words, status);
    match failure.class {
        Class::Engine => Failure { message: format!("{engine} could not do what it was asked to"), ..failure },
        _ => failure,
    }
}

/// Lets the runs in these sandboxes know that they are about to end.
fn tell(env: &Environment, rows: &[Row]) {
    if let Some(state) = env.state_dir() {
        rows.iter().filter(|row| row.is_sandbox()).for_each(|row| tell_runs_in_sandbox(&state, &row.name));
    }
}

/// What engines say of a container that is gone, or that somebody else removes; the last is Apple's.
const GONE: [&str; 3] = ["no such container", "already in progress", "container with id"];
/// What Apple's says of one that is about to have ended, and can be removed then.
const ENDING: &str = "is stopping and can not be deleted";
/// How often that is tried.
const MEANWHILE: Duration = Duration::from_millis(100);

/// Removes containers by id, with whatever runs in them. One that is gone already, or about to be, is as wanted.
pub fn remove(host: &Host, engine: &Engine, rows: &[Row]) -> Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let doors = rows.iter().map(|row| row.door.as_str()).filter(|door| !door.is_empty());
    let command = engine.remove_command().args(rows.iter().map(|row| row.id.as_str()).chain(doors));
    let until = Instant::now() + CALL;
    loop {
        let Some(answer) = host.capture(&command, CALL)? else {
            return Err(engine_said(engine, &format!("no answer within {} s", CALL.as_secs()), None).into());
        };
        let said = answer.stderr.to_lowercase();
        let is_gone = |line: &str| line.trim().is_empty() || GONE.iter().any(|part| line.contains(part));
        if answer.status.success() || said.lines().all(is_gone) {
            return Ok(());
        }
        if !said.lines().all(|line| is_gone(line) || line.contains(ENDING)) || Instant::now() > until {
            return Err(engine_said(engine, &answer.stderr, answer.status.code()).into());
        }
        sleep(MEANWHILE);
    }
}
