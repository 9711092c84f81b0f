//! `ringfence man`: the manual page, made from the same types that parse.

use anyhow::Result;
use clap::{Command, CommandFactory};
use clap_mangen::Man;
use serde_json::json;

use crate::cli::Cli;
use crate::failure::Class;
use crate::output::Printer;

/// Prints one page in roff: the program, then each command.
///
/// # Errors
/// A closed standard output.
pub fn run(printer: &Printer) -> Result<()> {
    let mut page = Vec::new();
    let mut root = Cli::command();
    root.build();
    Man::new(root.clone()).render(&mut page)?;
    for command in root.get_subcommands() {
        describe(command, "", &mut page)?;
    }
    exit_codes(&mut page);
    if printer.is_json() {
        return printer.json(&json!({ "ok": true, "page": String::from_utf8(page)? }));
    }
    printer.answer(&page)
}

fn describe(command: &Command, path: &str, page: &mut Vec<u8>) -> Result<()> {
    let path = format!("{path} {}", command.get_name());
    page.extend(format!(".SH \"RINGFENCE{}\"\n", path.to_uppercase()).into_bytes());
    let man = Man::new(command.clone());
    man.render_synopsis_section(page)?;
    man.render_description_section(page)?;
    man.render_options_section(page)?;
    if let Some(help) = command.get_after_help() {
        examples(&help.to_string(), page);
    }
    for below in command.get_subcommands().filter(|below| below.get_name() != "help") {
        describe(below, &path, page)?;
    }
    Ok(())
}

/// What stands below a command's help, as it stands there.
fn examples(text: &str, page: &mut Vec<u8>) {
    page.extend_from_slice(b".SH EXAMPLES\n.nf\n");
    for line in text.lines().filter(|line| !line.starts_with("Example")) {
        let line = line.trim_start_matches("  ").replace('\\', "\\e").replace('-', "\\-");
        // A line must not begin like a request.
        page.extend(format!("\\&{line}\n").into_bytes());
    }
    page.extend_from_slice(b".fi\n");
}

fn exit_codes(page: &mut Vec<u8>) {
    page.extend_from_slice(b".SH \"EXIT STATUS\"\n");
    for class in Class::ALL {
        page.extend(format!(".TP\n{}\n{}\n", class.exit_code(), class.name().replace('_', "\\_")).into_bytes());
    }
    page.extend_from_slice(b".TP\n128+n\ninterrupted by signal n\n");
}
