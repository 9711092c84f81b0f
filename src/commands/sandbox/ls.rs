//! `ringfence sandbox ls`: the warm sandboxes, in one engine call.

use std::time::Duration;

use anyhow::Result;
use serde_json::{Value, json};

use super::list;
use crate::commands::run::warm;
use crate::config::{Environment, Flags, Settings};
use crate::output::{Printer, Table};
use crate::runner::{Filter, Host, Row, runs_in_sandboxes};

/// Lists them by name.
pub fn run(flags: &Flags, env: &Environment, host: &Host, printer: &Printer) -> Result<()> {
    let settings = Settings::resolve(flags, env)?;
    let engine = warm::engine(&settings);
    let mut rows = list(host, &engine, &[Filter::sandboxes()])?;
    rows.sort_by(|one, other| one.name.cmp(&other.name));
    let counts = env.state_dir().map(|state| runs_in_sandboxes(&state)).unwrap_or_default();
    let runs = |row: &Row| if row.state == "running" { counts.get(&row.name).copied().unwrap_or(0) } else { 0 };
    if printer.is_json() {
        let sandboxes: Vec<Value> = rows.iter().map(|row| object(row, runs(row))).collect();
        return printer.json(&json!({ "ok": true, "schema": "ringfence.sandboxes/1", "sandboxes": sandboxes }));
    }
    if rows.is_empty() {
        printer.note(&format!("there are no warm sandboxes; make one with: {}", engine.ours("sandbox create")));
        return Ok(());
    }
    let mut table = Table::new(&["NAME", "AGENT", "LOOP", "WORKSPACE", "IMAGE", "STATE", "AGE", "RUNS"]);
    for row in &rows {
        let age = row.age().map(short).unwrap_or_default();
        let runs = runs(row).to_string();
        table.row([&row.name, &row.agent, &row.loop_id, &row.workspace, &row.image, &row.state, &age, &runs]);
    }
    table.lines().try_for_each(|line| printer.line(&line))
}

fn object(row: &Row, runs: usize) -> Value {
    json!({
        "name": row.name, "id": row.id, "agent": row.agent, "loop": Some(&row.loop_id).filter(|id| !id.is_empty()),
        "workspace": row.workspace, "image": row.image, "state": row.state, "createdAt": row.created,
        "ageSeconds": row.age().map(|age| age.as_secs()), "runs": runs,
    })
}

/// An age by its two largest units.
fn short(age: Duration) -> String {
    let seconds = age.as_secs();
    match seconds {
        86_400.. => format!("{}d{}h", seconds / 86_400, seconds / 3600 % 24),
        3600.. => format!("{}h{}m", seconds / 3600, seconds / 60 % 60),
        60.. => format!("{}m{}s", seconds / 60, seconds % 60),
        _ => format!("{seconds}s"),
    }
}
