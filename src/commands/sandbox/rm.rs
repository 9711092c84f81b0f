//! `ringfence sandbox rm`: sandboxes go, with whatever runs in them.

use anyhow::Result;
use serde_json::json;

use super::{find, list, remove, tell};
use crate::cli::RemoveArgs;
use crate::commands::run::warm;
use crate::config::{Environment, Flags, Settings};
use crate::output::Printer;
use crate::runner::{Filter, Host, LOOP};

/// Removes the named ones, which must exist; or a loop's, or all, of which there may be none.
pub fn run(args: &RemoveArgs, flags: &Flags, env: &Environment, host: &Host, printer: &Printer) -> Result<()> {
    let settings = Settings::resolve(flags, env)?;
    let engine = &warm::engine(&settings);
    let mut filters = vec![Filter::sandboxes()];
    let rows = match &args.loop_id {
        Some(id) => {
            filters.push(Filter::Label(LOOP, id.clone()));
            list(host, engine, &filters)?.into_iter().filter(|row| row.loop_id == *id).collect()
        }
        None if args.all => list(host, engine, &filters)?,
        None => find(host, engine, &args.names)?,
    };
    tell(env, &rows);
    remove(host, engine, &rows)?;
    let names: Vec<&str> = rows.iter().map(|row| row.name.as_str()).collect();
    if printer.is_json() {
        return printer.json(&json!({ "ok": true, "schema": "ringfence.removed/1", "removed": names }));
    }
    if names.is_empty() {
        printer.note("there was none to remove");
    }
    names.iter().try_for_each(|name| printer.line(name))
}
