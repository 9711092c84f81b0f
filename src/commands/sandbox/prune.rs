//! `ringfence sandbox prune`: containers whose owner died, and, when asked, old sandboxes.

use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::Result;
use serde_json::{Value, json};

use super::{list, remove};
use crate::commands::run::warm;
use crate::config::{Environment, Flags, Settings, duration_text, parse_duration};
use crate::failure::Failure;
use crate::output::{Printer, Status};
use crate::runner::{Engine, Filter, Host, Row, runs_in_sandboxes};

/// How long a sandbox may take to be made, after its door.
const MAKING: Duration = Duration::from_secs(180);
/// The longest that is waited for what may end by itself.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often it is looked at meanwhile.
const LOOK: Duration = Duration::from_millis(250);

/// Removes them, or says which would go.
pub fn run(
    dry: bool,
    older_than: Option<&str>,
    flags: &Flags,
    env: &Environment,
    host: &Host,
    printer: &Printer,
) -> Result<()> {
    let oldest = older_than.map(limit).transpose()?;
    let settings = Settings::resolve(flags, env)?;
    let engine = &warm::engine(&settings);
    let in_use = env.state_dir().map(|state| runs_in_sandboxes(&state)).unwrap_or_default();
    let mut rows = list(host, engine, &[Filter::ours()])?;
    if !dry {
        let status = Status::new("what is ending by itself", printer.is_live());
        let ending = outlasting(host, engine, &mut rows, Instant::now(), PATIENCE)?;
        drop(status);
        for row in ending {
            let left = duration_text(row.grace());
            printer.note(&format!(
                "{} may take {left} to end by itself: {}",
                row.name,
                engine.remove_command().arg(&row.name)
            ));
        }
    }
    let doors = lost_doors(&rows);
    let (rows, reasons): (Vec<Row>, Vec<String>) = rows
        .into_iter()
        .filter(|row| !(row.is_sandbox() && row.state == "running" && in_use.contains_key(&row.name)))
        .filter_map(|row| {
            let lost = doors.contains(&row.name).then(|| "its sandbox is gone".to_owned());
            lost.or_else(|| reason(&row, oldest)).map(|reason| (row, reason))
        })
        .unzip();
    if !dry {
        remove(host, engine, &rows)?;
    }
    let gone = rows.iter().zip(&reasons);
    if printer.is_json() {
        let gone: Vec<Value> = gone
            .map(|(row, reason)| json!({ "name": row.name, "kind": row.kind, "agent": row.agent, "reason": reason }))
            .collect();
        return printer.json(&json!({ "ok": true, "schema": "ringfence.pruned/1", "dryRun": dry, "removed": gone }));
    }
    if rows.is_empty() {
        printer.note("there is nothing to remove");
    }
    let would = if dry { "would remove " } else { "" };
    gone.into_iter().try_for_each(|(row, reason)| printer.line(&format!("{would}{} ({reason})", row.name)))
}

/// Waits, `patience` at most, until the orphans among `rows`, first seen at `seen`, have had their grace: a container whose owner has
/// just died ends what runs in it as every run is ended, and goes. Those that went, and those that are still to be left alone, are
/// taken out of `rows`; the latter are returned.
pub fn outlasting(
    host: &Host,
    engine: &Engine,
    rows: &mut Vec<Row>,
    seen: Instant,
    patience: Duration,
) -> Result<Vec<Row>> {
    let ending = |row: &Row| row.is_orphan() && row.grace() > seen.elapsed();
    while rows.iter().any(ending) && seen.elapsed() < patience {
        sleep(LOOK);
        let now = list(host, engine, &[Filter::ours()])?;
        rows.retain_mut(|row| match now.iter().find(|other| other.id == row.id) {
            Some(there) => {
                row.clone_from(there);
                true
            }
            None => false,
        });
    }
    let (early, late) = std::mem::take(rows).into_iter().partition(ending);
    *rows = late;
    Ok(early)
}

/// The containers of ours whose owner is certainly gone. They would have gone with it, had the engine been there to see it.
pub fn orphans(host: &Host, engine: &Engine) -> Result<Vec<Row>> {
    let rows = list(host, engine, &[Filter::ours()])?;
    let doors = lost_doors(&rows);
    Ok(rows.into_iter().filter(|row| row.is_orphan() || doors.contains(&row.name)).collect())
}

/// The containers that keep a door for a sandbox that is no more. One that was made just now may be
/// waiting for its sandbox, unless it has ended.
fn lost_doors(rows: &[Row]) -> Vec<String> {
    let is_lost = |row: &&Row| {
        row.is_lasting_door()
            && (row.state == "exited" || row.age().is_some_and(|age| age > MAKING))
            && !rows.iter().any(|other| other.is_sandbox() && other.door == row.name)
    };
    rows.iter().filter(is_lost).map(|row| row.name.clone()).collect()
}

fn reason(row: &Row, oldest: Option<Duration>) -> Option<String> {
    if row.is_orphan() {
        return Some("its owner is gone".to_owned());
    }
    let oldest = oldest.filter(|_| row.is_sandbox())?;
    (row.age()? > oldest).then(|| format!("older than {}", duration_text(oldest)))
}

fn limit(text: &str) -> Result<Duration, Failure> {
    parse_duration(text)
        .map_err(|(why, _)| Failure::usage(format!("--older-than: {text:?} {why}"), "type: --older-than 7d"))
}
