//! What was typed, and what of it cannot be understood: help and version are shown as clap has them, everything else as every error is.

use std::ffi::OsString;
use std::io::Write;
use std::mem::ManuallyDrop;
use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory, FromArgMatches};

use crate::cli::Cli;
use crate::config::nearest;
use crate::failure::Failure;
use crate::output::{Colors, Form, Printer, Talk};

/// What is shown where nothing was typed.
const CONCISE: &str = "{about}{after-help}\n\n{usage-heading} {usage}\n\nCommands:\n{subcommands}\n
Everything else: ringfence --help, ringfence COMMAND --help, ringfence man\n";

/// What was typed, as clap's own `try_parse` has it. But the description of all that could have been typed is left to the end of the
/// process: taking it apart is a tenth of what is done until a command of the caller's begins.
pub fn understood() -> Result<Cli, clap::Error> {
    let mut known = ManuallyDrop::new(Cli::command());
    let mut matches = known.try_get_matches_from_mut(std::env::args_os())?;
    Cli::from_arg_matches_mut(&mut matches).map_err(|error| error.format(&mut known))
}

/// Help and version as clap prints them; anything else that was typed wrongly as every error: three lines, or one object.
pub fn not_understood(error: &clap::Error) -> ExitCode {
    let typed: Vec<OsString> = std::env::args_os().skip(1).take_while(|arg| arg != "--").collect();
    let has = |option: &str| typed.iter().any(|arg| arg == option);
    let form = match (has("--json-stream"), has("--json")) {
        (true, _) => Form::Events,
        (false, true) => Form::Object,
        (false, false) => Form::Text,
    };
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand && typed.is_empty() {
        // A reader that has gone away is no error.
        let _ = write!(anstream::stderr(), "{}", Cli::command().help_template(CONCISE).render_help().ansi());
        return ExitCode::from(2);
    }
    let asked = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
    if asked || (error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand && form == Form::Text) {
        // A reader that has gone away is no error.
        let _ = error.print();
        return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
    }
    let printer = Printer::new(form, Talk::Usual, Colors::Auto);
    let whole = Cli::command();
    let (command, path) = meant_by(&whole, &typed);
    let failure = usage(error, command, &path);
    // If even that cannot be written there is nobody left to tell.
    let _ = match (printer.is_json(), command.get_name()) {
        (true, "run") => super::run::not_begun(&failure, &printer),
        (true, _) => {
            printer.failure(&failure);
            printer.failure_json(&failure)
        }
        (false, _) => {
            printer.failure(&failure);
            Ok(())
        }
    };
    ExitCode::from(2)
}

/// The command that `typed` names, with its whole name. An option's value names none.
fn meant_by<'c>(whole: &'c clap::Command, typed: &[OsString]) -> (&'c clap::Command, String) {
    let (mut command, mut path) = (whole, whole.get_name().to_owned());
    let mut words = typed.iter();
    while let Some(word) = words.next() {
        if [whole, command].iter().any(|known| wants_another(known, &word.to_string_lossy())) {
            words.next();
        } else if let Some(below) = command.find_subcommand(word) {
            command = below;
            path = format!("{path} {}", below.get_name());
        }
    }
    (command, path)
}

/// Whether `word` is an option of `command`, or several in one, whose value is the next word.
fn wants_another(command: &clap::Command, word: &str) -> bool {
    let takes = |known: &clap::Arg| {
        known.get_action().takes_values() && known.get_num_args().is_none_or(|number| number.min_values() > 0)
    };
    let by_long = |name: &str| command.get_arguments().find(|known| known.get_long() == Some(name));
    let by_short = |name: char| command.get_arguments().find(|known| known.get_short() == Some(name));
    match (word.strip_prefix("--"), word.strip_prefix('-')) {
        (Some(name), _) => by_long(name).is_some_and(takes),
        // What stands behind one that takes a value is that.
        (None, Some(names)) => {
            let at = names.char_indices().find(|(_, name)| by_short(*name).is_some_and(takes));
            at.is_some_and(|(at, name)| at + name.len_utf8() == names.len())
        }
        (None, None) => false,
    }
}

fn usage(error: &clap::Error, command: &clap::Command, path: &str) -> Failure {
    let help = format!("type: {path} --help");
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        return Failure::usage(format!("{path} needs a command"), help);
    }
    let text = error.render().to_string();
    let problem = text.split("\n\n").next().unwrap_or_default().trim_start_matches("error: ");
    let message = problem.split_whitespace().collect::<Vec<_>>().join(" ");
    let meant = [ContextKind::SuggestedSubcommand, ContextKind::SuggestedArg, ContextKind::SuggestedValue]
        .into_iter()
        .find_map(|kind| match error.get(kind)? {
            ContextValue::String(name) => Some(name.clone()),
            ContextValue::Strings(names) => names.first().cloned(),
            _ => None,
        })
        .or_else(|| nearest_command(error, command));
    Failure::usage(message, meant.map_or_else(|| help.clone(), |meant| format!("did you mean {meant}? if not, {help}")))
}

/// Letters that changed places, which clap does not forgive in a short name.
fn nearest_command(error: &clap::Error, command: &clap::Command) -> Option<String> {
    let Some(ContextValue::String(typed)) = error.get(ContextKind::InvalidSubcommand) else { return None };
    nearest(typed, command.get_subcommands().map(clap::Command::get_name)).map(str::to_owned)
}
