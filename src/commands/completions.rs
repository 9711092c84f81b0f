//! `ringfence completions`: a shell's completion script. The script asks this program for the candidates, so that it knows keys, dead
//! letters, sandboxes and whatever else there is at the moment.

use std::ffi::OsString;

use anyhow::{Context, Result};
use clap::{Command, CommandFactory};
use clap_complete::Shell;
use clap_complete::engine::{ArgValueCandidates, CompletionCandidate};
use clap_complete::env::{CompleteEnv, Shells};
use serde_json::json;

use super::run::warm;
use super::sandbox;
use crate::cli::Cli;
use crate::config::{Environment, Flags, Mode, Settings, keys};
use crate::ledger::DeadLetters;
use crate::output::Printer;
use crate::redact::Secrets;
use crate::runner::{Host, Interrupts};

/// The variable in which a shell says who asks for candidates.
const ASKED_BY: &str = "RINGFENCE_COMPLETE";

const NAME: &str = "ringfence";

/// Prints the script for `shell`.
///
/// # Errors
/// A closed standard output.
pub fn run(shell: Shell, printer: &Printer) -> Result<()> {
    let shell = shell.to_string();
    let shells = Shells::builtins();
    let completer = shells.completer(&shell).with_context(|| format!("no completions for {shell}"))?;
    let mut script = Vec::new();
    completer.write_registration(ASKED_BY, NAME, NAME, NAME, &mut script)?;
    if shell == "zsh" {
        // Loaded as a function of the folder of functions it has to answer at once.
        script.extend(b"\nif [[ $funcstack[1] = _ringfence ]]; then _clap_dynamic_completer_ringfence \"$@\"; fi\n");
    }
    let script = String::from_utf8(script)?;
    let script = format!("{}\n", script.trim());
    if printer.is_json() {
        return printer.json(&json!({ "ok": true, "shell": shell, "script": script }));
    }
    printer.answer(script.as_bytes())
}

/// Answers a shell that asks for candidates, on standard output; whether one did.
///
/// # Errors
/// It asks in a way that is not understood.
pub fn answer() -> clap::error::Result<bool> {
    if std::env::var_os(ASKED_BY).is_none() {
        return Ok(false);
    }
    let folder = std::env::current_dir().ok();
    let asked: Vec<OsString> = std::env::args_os().collect();
    CompleteEnv::with_factory(command).var(ASKED_BY).bin(NAME).completer(NAME).try_complete(asked, folder.as_deref())
}

/// What can be typed, with candidates that are not in the types.
fn command() -> Command {
    let in_sandbox = [("exec", "name"), ("stop", "names"), ("rm", "names"), ("save", "name")];
    let in_letters = [("show", "id"), ("replay", "ids"), ("rm", "ids")];
    Cli::command()
        .mut_subcommand("sandbox", |sandbox| {
            let sandbox = sandbox.mut_subcommand("set", |set| offer(set, "key", settable));
            in_sandbox.iter().fold(sandbox, |sandbox, (name, arg)| {
                sandbox.mut_subcommand(name, |command| offer(command, arg, sandboxes))
            })
        })
        .mut_subcommand("run", |run| offer(run, "sandbox", sandboxes))
        .mut_subcommand("dead-letter", |letter| {
            in_letters
                .iter()
                .fold(letter, |letter, (name, arg)| letter.mut_subcommand(name, |command| offer(command, arg, letters)))
        })
}

/// `command` with these candidates for `arg`.
fn offer(command: Command, arg: &'static str, candidates: fn() -> Vec<CompletionCandidate>) -> Command {
    // An argument that is changed goes to the end of the list, and would change its place on the command line with it.
    let positionals: Vec<_> = command.get_positionals().map(|arg| arg.get_id().clone()).collect();
    let placed = positionals.into_iter().enumerate();
    let command = placed.fold(command, |command, (at, id)| command.mut_arg(id, |arg| arg.index(at + 1)));
    command.mut_arg(arg, |arg| arg.add(ArgValueCandidates::new(candidates)))
}

/// What `sandbox set` takes: modes, and keys with what they mean.
fn settable() -> Vec<CompletionCandidate> {
    let keys = keys();
    let modes = Mode::names().map(|mode| CompletionCandidate::new(mode).help(Some("where agents run".into())));
    modes.chain(keys.iter().map(|key| CompletionCandidate::new(&key.name).help(Some(key.about.into())))).collect()
}

fn letters() -> Vec<CompletionCandidate> {
    let state = Environment::of_process().state_dir();
    let ids = state.and_then(|state| DeadLetters::of(&state).ids().ok());
    ids.into_iter().flatten().map(CompletionCandidate::new).collect()
}

fn sandboxes() -> Vec<CompletionCandidate> {
    let env = Environment::of_process();
    let settings = Settings::resolve(&Flags::default(), &env);
    let host = Host { interrupts: Interrupts::default(), verbose: false, secrets: Secrets::default() };
    let names = settings.map(|settings| sandbox::names(&host, &warm::engine(&settings)));
    names.into_iter().flatten().map(CompletionCandidate::new).collect()
}
