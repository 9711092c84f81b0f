//! `ringfence sandbox stop`: everything in them ends, and they stay.

use anyhow::Result;
use serde_json::json;

use super::{call, find, tell};
use crate::commands::run::warm;
use crate::config::{Environment, Flags, Settings};
use crate::output::Printer;
use crate::runner::Host;

/// Stops sandboxes at once: whatever runs in them has its lifeline, and idling needs no time to end.
pub fn run(names: &[String], flags: &Flags, env: &Environment, host: &Host, printer: &Printer) -> Result<()> {
    let settings = Settings::resolve(flags, env)?;
    let engine = &warm::engine(&settings);
    let rows = find(host, engine, names)?;
    tell(env, &rows);
    call(host, engine, &engine.stop_command().args(rows.iter().map(|row| row.id.as_str())))?;
    if printer.is_json() {
        return printer.json(&json!({ "ok": true, "schema": "ringfence.stopped/1", "stopped": names }));
    }
    names.iter().try_for_each(|name| printer.line(name))
}
