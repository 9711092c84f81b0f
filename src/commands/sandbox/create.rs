//! `ringfence sandbox create`: a hardened container that stays, for many runs.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;
use serde_json::json;

use super::{list, prune, remove};
use crate::cli::CreateArgs;
use crate::commands::run::reach::{self, Reach};
use crate::commands::run::{Workspace, warm};
use crate::config::{AgentName, Environment, Flags, Settings};
use crate::failure::{Class, Failure};
use crate::output::{Printer, Status};
use crate::runner::{
    Container, Filter, Host, Row, Sandbox, default_name, dropped_limits, forget_door, is_sandbox_name, keep_door,
    look_for_image, loop_name, new_run_id, sandbox_failure, sandbox_shape, start_sandbox,
};

/// How long an engine may take to make a container, with an image that is there.
const UP: Duration = Duration::from_secs(120);
/// How often, and how many times, a sandbox is looked at that somebody else is removing just now.
const MEANWHILE: Duration = Duration::from_millis(100);
const LOOKS: u32 = 100;

/// Makes the sandbox, and meanwhile looks for containers whose owner died.
pub fn run(args: &CreateArgs, flags: &Flags, env: &Environment, host: &Host, printer: &Printer) -> Result<()> {
    let settings = Settings::resolve(flags, env)?;
    let workspace = Workspace::open(args.workspace.as_deref())?;
    let reach = Reach { agent_hosts: !args.no_agent_hosts, warm: true, ..Reach::default() };
    let ways = reach::decide(&settings, &reach, env)?;
    let (container, mut warnings) = warm::container(&settings, ways, &workspace, env)?;
    match container.unheeded() {
        none if none.is_empty() => {}
        some => warnings.push(format!(
            "{} does not enforce {} for root: runs in this sandbox are refused without --allow-partial",
            container.engine,
            some.join(", ")
        )),
    }
    for warning in settings.warnings.iter().chain(&warnings) {
        printer.warning(warning);
    }
    let name = name(args, &container, settings.agent.value)?;
    if let Some(id) = args.loop_id.as_ref().filter(|id| !container.engine.dialect.can_label(id)) {
        let message = format!("{} cannot be told of a loop with `=` in its id: {id:?}", container.engine);
        return Err(Failure::usage(message, "choose another id: --loop ID").into());
    }
    let sandbox = Sandbox { engine: container.engine.clone(), name };
    let status = Status::new(&format!("making {}", sandbox.name), printer.is_live());
    let made = thread::scope(|scope| {
        let leftovers = scope.spawn(|| (prune::orphans(host, &container.engine), Instant::now()));
        let made = ensure(args, &sandbox, &container, host);
        if let Ok((Ok(mut rows), seen)) = leftovers.join() {
            // Somebody else's leftovers are no reason to fail, nor to wait: those that may still end by themselves are left to it.
            rows.retain(|row| row.grace() <= seen.elapsed());
            let _ = remove(host, &container.engine, &rows);
        }
        made
    });
    drop(status);
    let made = made?;
    for line in made.as_deref().map(dropped_limits).into_iter().flatten() {
        let warning = format!(
            "{} does not enforce a limit of this sandbox, so runs in it are refused without --allow-partial: {line}",
            container.engine
        );
        printer.warning(&warning);
        warnings.push(warning);
    }
    if printer.is_json() {
        return printer.json(&json!({
            "ok": true, "schema": "ringfence.sandbox/1", "name": sandbox.name, "created": made.is_some(), "agent": container.agent,
            "loop": args.loop_id, "workspace": container.workspace.to_string_lossy(), "image": container.image,
            "warnings": warnings,
        }));
    }
    if made.is_none() {
        printer.note("it was there already");
    }
    printer.line(&sandbox.name)
}

fn name(args: &CreateArgs, container: &Container, agent: AgentName) -> Result<String, Failure> {
    match (&args.name, &args.loop_id) {
        (Some(name), _) if is_sandbox_name(name) => Ok(name.clone()),
        (Some(name), _) => Err(Failure::usage(
            format!("{name:?} cannot be the name of a sandbox"),
            "2 to 63 letters, digits, `_`, `.` and `-`, the first a letter or a digit",
        )),
        (None, Some(id)) => Ok(loop_name(id, agent.as_str())),
        (None, None) => Ok(default_name(&container.workspace.to_string_lossy(), agent.as_str())),
    }
}

/// Makes the sandbox, or with `--if-missing` finds it there. Where it was made, what the engine said.
fn ensure(args: &CreateArgs, sandbox: &Sandbox, container: &Container, host: &Host) -> Result<Option<String>> {
    for _ in 0..LOOKS {
        // The engine decides who is first; to look before would only leave room for another in between. But a door is made first,
        // and mostly for nothing where the sandbox is there.
        let look =
            || anyhow::Ok(list(host, &sandbox.engine, &[Filter::Named(sandbox.name.clone())])?.into_iter().next());
        let before = if container.door.is_some() { look()? } else { None };
        if before.is_none() {
            match make(args, sandbox, container, host) {
                Ok(Some(words)) => return Ok(Some(words)),
                Ok(None) => {}
                // Somebody else removed it before it was up.
                Err(error) if Failure::is(&error, Class::SandboxMissing) => continue,
                Err(error) => return Err(error),
            }
        }
        let there = look()?;
        match there {
            Some(row) if !row.is_sandbox() => return Err(foreign(sandbox).into()),
            Some(row) if row.is_going() => thread::sleep(MEANWHILE),
            Some(_) if !args.if_missing => return Err(there_already(sandbox).into()),
            Some(row) => {
                fits(&row, container, args.loop_id.as_deref())?;
                // Somebody else's, who may have died before it was up; to start it twice does no harm.
                if row.state != "created" {
                    return Ok(None);
                }
                match start_sandbox(host, sandbox, &reach::inside(false)) {
                    Err(error) if Failure::is(&error, Class::SandboxMissing) => {}
                    started => return started.map(|_| None),
                }
            }
            // Gone again.
            None => thread::sleep(MEANWHILE),
        }
    }
    let message = format!("somebody else makes or removes the sandbox {} all the time", sandbox.name);
    Err(Failure::new(Class::Engine, message, format!("{}; then try again", sandbox.engine.ours("sandbox ls"))).into())
}

/// Makes it, unless its name is taken. What the engine said.
fn make(args: &CreateArgs, sandbox: &Sandbox, container: &Container, host: &Host) -> Result<Option<String>> {
    let id = new_run_id()?;
    let command = sandbox.create_command(container, args.loop_id.as_deref(), &id);
    look_for_image(host, container)?;
    let made = keep_door(host, container, &id).and_then(|()| host.capture(&command, UP));
    let (failure, looks) = match made {
        Ok(Some(answer)) if answer.status.success() => return Ok(Some(answer.stderr)),
        Ok(Some(answer)) if sandbox.engine.dialect.says_taken(&answer.stderr) => {
            forget_door(host, container, &id);
            return Ok(None);
        }
        Ok(Some(answer)) => {
            let (words, status) = (answer.stderr.as_str(), answer.status.code());
            let gone = Some(sandbox_failure(sandbox, words, status)).filter(|one| one.class == Class::SandboxMissing);
            (gone.unwrap_or_else(|| container.failure(words, status)).into(), 1)
        }
        Ok(None) => (container.failure(&format!("it was not up after {} s", UP.as_secs()), None).into(), 5),
        // A signal: the engine may be about to make it still.
        Err(error) => (error, 5),
    };
    // What there is of it is found by its label, for the name may be somebody else's.
    let host = host.undeterred();
    for _ in 0..looks {
        match list(&host, &sandbox.engine, &[Filter::Label("ringfence.made", id.clone())]) {
            Ok(rows) if !rows.is_empty() => {
                let _ = remove(&host, &sandbox.engine, &rows);
                break;
            }
            // No answer, or nobody waits for one any more.
            Err(_) => break,
            Ok(_) => thread::sleep(MEANWHILE),
        }
    }
    Err(failure)
}

fn there_already(Sandbox { engine, name }: &Sandbox) -> Failure {
    let remove = engine.ours("sandbox rm");
    let hint = format!("use it as it is: --if-missing; or make it again: {remove} {name}");
    Failure::usage(format!("there is a sandbox named {name} already"), hint)
}

fn foreign(Sandbox { engine, name }: &Sandbox) -> Failure {
    let message = format!("a container named {name} exists already, and it is no sandbox of ringfence's");
    Failure::usage(message, format!("choose another name: {} NAME", engine.ours("sandbox create")))
}

/// Whether a sandbox that is there is the one that was asked for.
fn fits(row: &Row, container: &Container, loop_id: Option<&str>) -> Result<(), Failure> {
    let workspace = container.workspace.to_string_lossy();
    let pairs = [
        ("workspace", row.workspace.as_str(), &*workspace),
        ("agent", row.agent.as_str(), container.agent.as_str()),
        ("loop", row.loop_id.as_str(), loop_id.unwrap_or_default()),
    ];
    let message = match pairs.into_iter().find(|(_, has, wanted)| has != wanted) {
        Some((what, has, wanted)) => {
            format!("the sandbox {} is there, but with the {what} {has:?}, not {wanted:?}", row.name)
        }
        None if row.shape == sandbox_shape(container) => return Ok(()),
        None => format!("the sandbox {} is there, but its image, limits, network or mounts are not these", row.name),
    };
    let remove = container.engine.ours("sandbox rm");
    let hint = format!("choose another name, or make it again: {remove} {}", row.name);
    Err(Failure::usage(message, hint))
}
