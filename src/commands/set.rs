//! `ringfence sandbox set`: a mode, or any key, changed in the configuration file.

use anyhow::Result;
use serde::Serialize;
use serde_json::Value;

use crate::config::{Change, Environment, Flags, Mode, Settings, edit, keys};
use crate::failure::Failure;
use crate::output::Printer;

/// The JSON form.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Set {
    ok: bool,
    schema: &'static str,
    key: String,
    /// Null where the file did not have the key.
    before: Option<Value>,
    after: Value,
    changed: bool,
    config_file: String,
    /// The variable or flag that is stronger than the file now.
    overridden_by: Option<String>,
}

/// Sets `key` to `value`; a mode alone sets the mode.
///
/// # Errors
/// What [`edit`] refuses, a key without a value, and a closed standard output.
pub fn run(key: &str, value: Option<&str>, flags: &Flags, env: &Environment, out: &Printer) -> Result<()> {
    let change = match value {
        Some(value) => edit(flags, env, key, value)?,
        None if key.parse::<Mode>().is_ok() => edit(flags, env, "mode", key)?,
        None => return Err(no_value(key).into()),
    };
    let overridden_by = overridden_by(&change, flags, env);
    if out.is_json() {
        return out.json(&Set {
            ok: true,
            schema: "ringfence.set/1",
            changed: change.before.as_ref() != Some(&change.after),
            key: change.key,
            before: change.before,
            after: change.after,
            config_file: change.path.display().to_string(),
            overridden_by,
        });
    }
    out.line(&sentence(&change))?;
    if let Some(origin) = overridden_by {
        out.warning(&format!("{origin} overrides {} now", change.key));
    }
    Ok(())
}

fn sentence(change: &Change) -> String {
    let Change { key, before, after, path } = change;
    let (after, path) = (text(after), path.display());
    match before {
        Some(before) if text(before) == after => format!("{key}: {after} already, in {path}"),
        Some(before) => format!("{key}: {} → {after} in {path}", text(before)),
        None => match keys().into_iter().find(|known| known.name == *key).map(|known| known.default) {
            None | Some("") => format!("{key}: {after} in {path}"),
            Some(default) => format!("{key}: {default} (default) → {after} in {path}"),
        },
    }
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// The flag or variable that keeps the new value from being in force.
fn overridden_by(change: &Change, flags: &Flags, env: &Environment) -> Option<String> {
    let flags = Flags { config: Some(change.path.clone()), ..flags.clone() };
    let settings = Settings::resolve(&flags, env).ok()?;
    let row = settings.rows().iter().find(|row| row.key == change.key)?;
    row.origin.starts_with(['$', '-']).then(|| row.origin.clone())
}

fn no_value(key: &str) -> Failure {
    if keys().iter().any(|known| known.name == key) {
        let hint =
            format!("type: ringfence sandbox set {key} VALUE; see the value in force with: ringfence sandbox show");
        return Failure::usage(format!("{key} needs a value"), hint);
    }
    let near = Mode::names().min_by_key(|mode| strsim::osa_distance(mode, key)).unwrap_or("host");
    let modes = Mode::names().collect::<Vec<_>>().join(", ");
    let message = format!("{key:?} is neither a mode ({modes}) nor a key with a value");
    Failure::usage(message, format!("type: ringfence sandbox set {near}, or: ringfence sandbox set KEY VALUE"))
}
