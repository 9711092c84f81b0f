//! `ringfence completions`: a shell's completion script, made from the same types that parse.

use anyhow::Result;
use clap::CommandFactory;
use clap_complete::Shell;
use serde_json::json;

use crate::cli::Cli;
use crate::output::Printer;

/// Prints the script for `shell`.
pub fn run(shell: Shell, printer: &Printer) -> Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "ringfence", &mut script);
    if printer.is_json() {
        return printer.json(&json!({ "ok": true, "shell": shell.to_string(), "script": String::from_utf8(script)? }));
    }
    Ok(printer.answer(&script)?)
}
