//! `ringfence dead-letter`: the tasks that failed for good, and what becomes of them.

use std::fs::File;
use std::io;
use std::path::Path;

use anyhow::Result;
use serde_json::json;

use super::run;
use crate::cli::{DeadLetterCommand, WhichLetters};
use crate::command::shell_word;
use crate::config::{Environment, Flags};
use crate::failure::{Class, Failure};
use crate::ledger::{DeadLetters, Letter};
use crate::output::{Printer, Table};
use crate::runner::Host;

/// Lists, shows, replays or removes letters; the class decides the exit code.
///
/// # Errors
/// Usage (2) for a letter that is not there or in use, internal (70) for one that cannot be read.
pub fn run(
    command: DeadLetterCommand,
    flags: &Flags,
    env: &Environment,
    host: &Host,
    printer: &Printer,
) -> Result<Class> {
    let letters = DeadLetters::of(&run::state_dir(env)?);
    match command {
        DeadLetterCommand::List => return list(&letters, printer),
        DeadLetterCommand::Show { id } => show(&letter(&letters, &id)?, printer),
        DeadLetterCommand::Replay(which) => {
            return replay(&letters, &named(&letters, which)?, flags, env, host, printer);
        }
        DeadLetterCommand::Remove(which) => remove(&letters, &named(&letters, which)?, printer),
    }?;
    Ok(Class::Ok)
}

fn ids(letters: &DeadLetters) -> Result<Vec<String>> {
    letters.ids().map_err(|error| closed(letters, letters.folder(), "read", &error).into())
}

/// That the letters' folder lets nobody do with `path` what was to be done.
fn closed(letters: &DeadLetters, path: &Path, what: &str, error: &io::Error) -> Failure {
    let folder = shell_word(letters.folder().as_os_str());
    let hint = format!("look at it with: ls -ld {folder}; or name another state folder in RINGFENCE_STATE_DIR");
    Failure::config(format!("{} cannot be {what}", path.display()), hint).because(error.to_string())
}

/// The letters that were named, every one of which must be there.
fn named(letters: &DeadLetters, which: WhichLetters) -> Result<Vec<String>> {
    let there = ids(letters)?;
    if which.all {
        return Ok(there);
    }
    let mut named: Vec<String> = Vec::new();
    for id in which.ids {
        if !there.contains(&id) {
            return Err(no_letter(&id).into());
        }
        if !named.contains(&id) {
            named.push(id);
        }
    }
    Ok(named)
}

fn no_letter(id: &str) -> Failure {
    Failure::usage(format!("there is no dead letter {id}"), "see which there are: ringfence dead-letter list")
}

fn letter(letters: &DeadLetters, id: &str) -> Result<Letter> {
    let read = letters.get(id).map_err(|error| {
        let message = format!("the dead letter {} cannot be read", letters.path(id).display());
        Failure::new(Class::Internal, message, format!("look at it, or remove it: ringfence dead-letter rm {id}"))
            .because(error.to_string())
    })?;
    Ok(read.ok_or_else(|| no_letter(id))?)
}

fn list(letters: &DeadLetters, printer: &Printer) -> Result<Class> {
    let (mut found, mut unreadable) = (Vec::new(), Vec::new());
    for id in ids(letters)? {
        match letter(letters, &id) {
            Ok(letter) => found.push(letter),
            Err(error) => {
                printer.warning(&Failure::of(&error).whole());
                unreadable.push(id);
            }
        }
    }
    found.sort_by(|one, other| one.failed_at.cmp(&other.failed_at));
    let failure = (!unreadable.is_empty()).then(|| {
        let message = format!("{} dead letters cannot be read: {}", unreadable.len(), unreadable.join(", "));
        let hint = format!("look at them, or remove them: ringfence dead-letter rm {}", unreadable.join(" "));
        Failure::new(Class::Internal, message, hint)
    });
    let class = failure.as_ref().map_or(Class::Ok, |failure| failure.class);
    if printer.is_json() {
        let mut object = json!({"schema": "ringfence.dead-letters/1", "ok": failure.is_none(), "letters": found});
        if let Some(failure) = &failure {
            object["class"] = json!(failure.class);
            object["message"] = json!(failure.message);
            object["hint"] = json!(failure.hint);
        }
        printer.json(&object)?;
        return Ok(class);
    }
    if found.is_empty() && failure.is_none() {
        printer.note("no dead letters");
        return Ok(class);
    }
    let mut table = Table::new(&["ID", "FAILED", "CLASS", "ATTEMPTS", "AGENT", "TASK"]);
    for letter in &found {
        let first: String = letter.task.trim().lines().next().unwrap_or_default().chars().take(50).collect();
        let attempts = format!("{}", letter.attempt);
        table.row([&letter.id, &letter.failed_at, &letter.class, &attempts, &letter.agent, &first]);
    }
    table.lines().try_for_each(|line| printer.line(&line))?;
    if let Some(failure) = &failure {
        printer.failure(failure);
    }
    Ok(class)
}

fn show(letter: &Letter, printer: &Printer) -> Result<()> {
    if printer.is_json() {
        let mut object = serde_json::to_value(letter)?;
        object["ok"] = true.into();
        return printer.json(&object);
    }
    let attempts = format!("{} (of {} at a time)", letter.attempt, letter.max_attempts);
    let mut table = Table::new(&[&letter.id, ""]);
    for (name, value) in [
        ("failed", &letter.failed_at),
        ("first seen", &letter.first_seen_at),
        ("class", &letter.class),
        ("message", &letter.message),
        ("attempts", &attempts),
        ("run", &letter.run_id),
        ("agent", &letter.agent),
        ("mode", &letter.mode),
        ("workspace", &letter.workspace),
        ("options", &letter.args.join(" ")),
    ] {
        table.row([name, value]);
    }
    table.lines().try_for_each(|line| printer.line(&line))?;
    for (title, text) in [("task", &letter.task), ("end of its output", &letter.output_tail)] {
        if !text.trim().is_empty() {
            printer.line(&format!("\n{title}:"))?;
            printer.answer(text.trim_end().as_bytes())?;
            printer.answer(b"\n")?;
        }
    }
    Ok(())
}

fn remove(letters: &DeadLetters, ids: &[String], printer: &Printer) -> Result<()> {
    let (mut removed, mut busy) = (Vec::new(), Vec::new());
    for id in ids {
        // Its replay would write it anew.
        let Some(_held) = hold(letters, id)? else {
            busy.push(id.as_str());
            continue;
        };
        if letters.remove(id).map_err(|error| closed(letters, &letters.path(id), "removed", &error))? {
            removed.push(id);
        }
    }
    if printer.is_json() && busy.is_empty() {
        return printer.json(&json!({"schema": "ringfence.dead-letter-rm/1", "ok": true, "removed": removed}));
    }
    printer.note(&format!("{} removed", removed.len()));
    if busy.is_empty() { Ok(()) } else { Err(in_use(&busy.join(", ")).into()) }
}

fn hold(letters: &DeadLetters, id: &str) -> Result<Option<File>> {
    letters.hold(id).map_err(|error| closed(letters, &letters.path(id), "opened", &error).into())
}

fn in_use(id: &str) -> Failure {
    let hint = "wait for it; see which are left: ringfence dead-letter list";
    Failure::usage(format!("the dead letter {id} is gone, or being replayed already"), hint)
}

/// Runs the tasks of `ids` again, one after the other. The class of one alone is its run's; of several, the first failure makes it
/// `agent_failed`.
fn replay(
    letters: &DeadLetters,
    ids: &[String],
    flags: &Flags,
    env: &Environment,
    host: &Host,
    printer: &Printer,
) -> Result<Class> {
    let (mut class, mut failed) = (Class::Ok, Vec::new());
    let mut runs = Vec::new();
    for id in ids {
        if host.interrupts.count() > 0 {
            class = Class::Interrupted(host.interrupts.signal());
            break;
        }
        let (came, report) = match one(letters, id, flags, env, host, printer) {
            Ok(run::Told { class, report }) => (class, serde_json::to_value(report)?),
            Err(error) => {
                let failure = Failure::of(&error);
                printer.failure(&failure);
                let safe = |text: &str| printer.secrets().redact(text).into_owned();
                let (message, hint) = (safe(&failure.whole()), safe(&failure.hint));
                (failure.class, json!({"ok": false, "class": failure.class, "message": message, "hint": hint}))
            }
        };
        if came != Class::Ok {
            failed.push(id.as_str());
        }
        runs.push(json!({"id": id, "run": report}));
        class = match (class, came) {
            (_, Class::Interrupted(_)) => came,
            (class, Class::Ok) => class,
            (_, came) if ids.len() == 1 => came,
            _ => Class::AgentFailed,
        };
    }
    if printer.is_json() {
        let mut object = json!({
            "schema": "ringfence.dead-letter-replay/1", "ok": class == Class::Ok, "class": class, "retryable": class.retryable(),
            "replayed": runs,
        });
        if class != Class::Ok {
            let left = ids.len() - runs.len();
            let of = ids.len();
            let message = match (&failed[..], left) {
                ([_], 0) if of == 1 => runs[0]["run"]["message"].clone(),
                (_, 0) => json!(format!("{} of {of} failed again: {}", failed.len(), failed.join(", "))),
                _ => json!(format!("interrupted: {left} of {of} were not replayed")),
            };
            let hint = "see which are left: ringfence dead-letter list";
            object["message"] = message;
            object["hint"] = if of == 1 { runs[0]["run"]["hint"].clone() } else { json!(hint) };
        }
        printer.json(&object)?;
    } else if ids.is_empty() {
        printer.note("no dead letters");
    }
    Ok(class)
}

fn one(
    letters: &DeadLetters,
    id: &str,
    flags: &Flags,
    env: &Environment,
    host: &Host,
    printer: &Printer,
) -> Result<run::Told> {
    let Some(_held) = hold(letters, id)? else { return Err(in_use(id).into()) };
    run::again(&letter(letters, id)?, flags, env, host, printer)
}
