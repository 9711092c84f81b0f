//! JSON Schemas (draft 2020-12) of what programs read of us. The tests hold real output against them.

use serde_json::Value;

/// The schema of `run`'s object, to which the others refer.
const RUN: &str = include_str!("schemas/run.json");

/// The schema named `name`, whole: what it refers to is in it.
///
/// # Errors
/// It is not JSON; never, by the tests.
pub fn schema(name: &str) -> serde_json::Result<Option<Value>> {
    let text = match name {
        "run" => RUN,
        "events" => include_str!("schemas/events.json"),
        "doctor" => include_str!("schemas/doctor.json"),
        "auth" => include_str!("schemas/auth.json"),
        "dead-letter" => include_str!("schemas/dead-letter.json"),
        _ => return Ok(None),
    };
    let mut schema: Value = serde_json::from_str(text)?;
    if name != "run" {
        schema["$defs"]["run"] = serde_json::from_str(RUN)?;
    }
    Ok(Some(schema))
}
