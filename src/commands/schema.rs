//! `ringfence schema`: the JSON Schema of what a command prints.

use anyhow::{Context, Result};
use clap::ValueEnum;

use crate::cli::SchemaName;
use crate::output::{Printer, schema};

/// Prints the schema, for people on many lines.
///
/// # Errors
/// A closed standard output.
pub fn run(name: SchemaName, printer: &Printer) -> Result<()> {
    let name = name.to_possible_value().context("a schema without a name")?;
    let schema = schema(name.get_name())?.with_context(|| format!("no schema {}", name.get_name()))?;
    if printer.is_json() { printer.json(&schema) } else { printer.line(&serde_json::to_string_pretty(&schema)?) }
}
