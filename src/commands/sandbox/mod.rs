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

use std::time::Duration;

use anyhow::Result;
use jiff::Timestamp;
use serde::{Deserialize, Deserializer};

use crate::cli::{GlobalArgs, WarmCommand};
use crate::command::CommandSpec;
use crate::config::Environment;
use crate::failure::{Class, Failure};
use crate::output::Printer;
use crate::runner::{Host, IS_SANDBOX, Owner, engine_failure, list_command, tell_runs_in_sandbox};

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

/// A container, as the engine lists it; what a label does not say is empty.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Row {
    /// The engine's id.
    pub id: String,
    /// The container's name.
    #[serde(deserialize_with = "first")]
    pub name: String,
    /// `running`, `exited`, `created`, `paused`, …
    #[serde(deserialize_with = "state")]
    pub state: String,
    /// The image, as it was named.
    pub image: String,
    /// `sandbox`, `run`, …
    pub kind: String,
    /// The agent it was made for.
    pub agent: String,
    /// The id of its loop.
    #[serde(rename = "loop")]
    pub loop_id: String,
    /// The folder it was made for.
    pub workspace: String,
    /// When it was made, as RFC 3339 writes it.
    pub created: String,
    /// The container that keeps its door.
    pub door: String,
    /// What it is and may do, in a word.
    #[serde(default)]
    pub shape: String,
    /// The process that it must not outlive, if any.
    #[serde(flatten)]
    owner: Owner,
}

/// A container's name, which one engine gives as a text and another as a list.
fn first<'de, D: Deserializer<'de>>(names: D) -> Result<String, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Names {
        One(String),
        Many(Vec<String>),
    }
    Ok(match Names::deserialize(names)? {
        Names::One(name) => name,
        Names::Many(names) => names.into_iter().next().unwrap_or_default(),
    })
}

/// A container's state, in Docker's words: Podman 4.3 says `Up 5 seconds` and `Exited (0) …`.
fn state<'de, D: Deserializer<'de>>(state: D) -> Result<String, D::Error> {
    let state = String::deserialize(state)?.to_lowercase();
    Ok(match state.split_whitespace().next() {
        Some("up") => "running".to_owned(),
        Some(word) => word.to_owned(),
        None => state,
    })
}

impl Row {
    /// Whether this is a warm sandbox.
    pub fn is_sandbox(&self) -> bool {
        self.kind == "sandbox"
    }

    /// Whether the process that it must not outlive is certainly gone.
    pub fn is_orphan(&self) -> bool {
        !self.is_sandbox() && self.owner.is_gone()
    }

    /// How long it may take to end by itself, counted from when it was seen to be an orphan at the latest.
    pub fn grace(&self) -> Duration {
        if matches!(self.state.as_str(), "exited" | "dead") { Duration::ZERO } else { self.owner.grace() }
    }

    /// Whether it keeps the door of a warm sandbox.
    pub fn is_lasting_door(&self) -> bool {
        self.kind == "door" && self.owner.pid.is_empty()
    }

    /// Time since it was made, where that is known.
    pub fn age(&self) -> Option<Duration> {
        let created: Timestamp = self.created.parse().ok()?;
        Some(Duration::try_from(Timestamp::now().duration_since(created)).unwrap_or_default())
    }
}

/// The containers that fit all filters: one engine call.
pub fn list(host: &Host, engine: &str, filters: &[String]) -> Result<Vec<Row>> {
    let lines = call(host, engine, &list_command(engine, filters))?;
    Ok(rows(engine, &lines)?)
}

/// The containers in the answer to [`list_command`].
pub fn rows(engine: &str, lines: &str) -> Result<Vec<Row>, Failure> {
    let rows = lines.lines().filter(|line| !line.trim().is_empty()).map(serde_json::from_str);
    rows.collect::<Result<_, _>>().map_err(|error| {
        let hint = format!("see what it answers: {engine} ps --all");
        Failure::new(Class::Engine, format!("{engine} lists its containers in a form of its own"), hint)
            .because(error.to_string())
    })
}

/// The names of all sandboxes, for who would rather have none than wait.
pub fn names(host: &Host, engine: &str) -> Vec<String> {
    let command = list_command(engine, &[format!("label={IS_SANDBOX}")]);
    let Ok(Some(answer)) = host.capture(&command, Duration::from_secs(2)) else { return Vec::new() };
    let lines = String::from_utf8_lossy(&answer.stdout).into_owned();
    let rows = lines.lines().filter_map(|line| serde_json::from_str::<Row>(line).ok());
    rows.map(|row| row.name).collect()
}

/// The sandboxes with these names.
///
/// # Errors
/// `sandbox_missing` where there is one that does not exist; then nothing has been done to the others.
pub fn find(host: &Host, engine: &str, names: &[String]) -> Result<Vec<Row>> {
    let rows: Vec<Row> = list(host, engine, &[format!("label={IS_SANDBOX}")])?
        .into_iter()
        .filter(|row| names.contains(&row.name))
        .collect();
    match names.iter().find(|name| !rows.iter().any(|row| row.name == **name)) {
        Some(name) => Err(missing(name).into()),
        None => Ok(rows),
    }
}

fn missing(name: &str) -> Failure {
    let hint = "ringfence sandbox ls shows those there are";
    Failure::new(Class::SandboxMissing, format!("there is no sandbox named {name}"), hint)
}

/// What an engine's command prints, where it succeeds.
fn call(host: &Host, engine: &str, command: &CommandSpec) -> Result<String> {
    match host.capture(command, CALL)? {
        Some(answer) if answer.status.success() => Ok(String::from_utf8_lossy(&answer.stdout).into_owned()),
        Some(answer) => Err(engine_said(engine, &answer.stderr, answer.status.code()).into()),
        None => Err(engine_said(engine, &format!("no answer within {} s", CALL.as_secs()), None).into()),
    }
}

/// What an engine's words mean where they are about no image and no run.
fn engine_said(engine: &str, words: &str, status: Option<i32>) -> Failure {
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

/// Removes containers by id, with whatever runs in them. One that is gone already, or about to be, is as wanted.
pub fn remove(host: &Host, engine: &str, rows: &[Row]) -> Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let command = CommandSpec::new(engine).args(["rm", "--force", "--volumes"]);
    let doors = rows.iter().map(|row| row.door.as_str()).filter(|door| !door.is_empty());
    let answer = host.capture(&command.args(rows.iter().map(|row| row.id.as_str()).chain(doors)), CALL)?;
    let Some(answer) = answer else {
        return Err(engine_said(engine, &format!("no answer within {} s", CALL.as_secs()), None).into());
    };
    let is_gone = |line: &str| {
        let line = line.to_lowercase();
        line.trim().is_empty() || line.contains("no such container") || line.contains("already in progress")
    };
    if answer.status.success() || answer.stderr.lines().all(is_gone) {
        return Ok(());
    }
    Err(engine_said(engine, &answer.stderr, answer.status.code()).into())
}
