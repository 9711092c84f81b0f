//! `ringfence sandbox prune`: containers whose owner died, and, when asked, old sandboxes.

use std::time::Duration;

use anyhow::Result;
use serde_json::{Value, json};

use super::{Row, list, remove};
use crate::config::{Environment, Flags, Settings, duration_text, parse_duration};
use crate::failure::Failure;
use crate::output::Printer;
use crate::runner::{Host, IS_OURS, runs_in_sandboxes};

/// How long a sandbox may take to be made, after its door.
const MAKING: Duration = Duration::from_secs(180);

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
    let engine = settings.docker_command.as_str();
    let in_use = env.state_dir().map(|state| runs_in_sandboxes(&state)).unwrap_or_default();
    let rows = list(host, engine, &[format!("label={IS_OURS}")])?;
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

/// The containers of ours whose owner is certainly gone. They would have gone with it, had the engine been there to see it.
pub fn orphans(host: &Host, engine: &str) -> Result<Vec<Row>> {
    let rows = list(host, engine, &[format!("label={IS_OURS}")])?;
    let doors = lost_doors(&rows);
    Ok(rows.into_iter().filter(|row| row.is_orphan() || doors.contains(&row.name)).collect())
}

/// The containers that keep a door for a sandbox that is no more. One that was made just now may be waiting for its sandbox.
fn lost_doors(rows: &[Row]) -> Vec<String> {
    let is_lost = |row: &&Row| {
        row.is_lasting_door()
            && row.age().is_some_and(|age| age > MAKING)
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
