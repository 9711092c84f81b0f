//! `ringfence sandbox exec`: a command of the caller's in a warm sandbox, as one `docker exec` on the caller's streams.

use std::cell::RefCell;
use std::ffi::OsString;
use std::io::{self, IsTerminal};
use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use serde_json::json;
use signal_hook::low_level;

use super::{list, missing};
use crate::agents;
use crate::cli::ExecArgs;
use crate::command::CommandSpec;
use crate::commands::run::inside::{self, Inside};
use crate::commands::run::reach;
use crate::config::{AgentName, Environment, Flags, Mode, Settings};
use crate::failure::{Class, Failure};
use crate::output::Printer;
use crate::runner::{
    Dialect, Host, Interrupts, Job, Limits, Pass, Passed, Prompt, Runner, Sandbox, Sink, Stop, Streams, WarmRunner,
    is_sandbox_name, is_stopped, named, new_run_id, run_marker, sandbox_failure, start_sandbox,
};

/// How long a credential may take on its way in, and a signal.
const CALL: Duration = Duration::from_secs(30);

/// The exit code of a Docker client that lost its engine meanwhile (-1).
const LOST: i32 = 255;

/// Runs the command and returns its exit code.
pub fn run(args: &ExecArgs, flags: &Flags, env: &Environment, host: &Host, printer: &Printer) -> Result<i32> {
    if !is_sandbox_name(&args.name) {
        return Err(missing(&args.name).into());
    }
    if args.tty && args.interactive && !io::stdin().is_terminal() {
        let hint = "leave out --tty where no terminal is";
        return Err(Failure::usage("--tty, but standard input is not a terminal", hint).into());
    }
    let agent = agent_of(args);
    let flags = Flags { agent: Some(agent.as_str().to_owned()), env: args.env.clone(), ..flags.clone() };
    let settings = Settings::resolve(&flags, env)?;
    inside::register(&settings, env, &host.secrets);
    let asked = RefCell::new(Vec::new());
    let ask = inside::asker(host, false, &asked);
    let host_name = Dialect::of(&settings.docker_command).host(&settings.docker_command);
    let inside = inside::prepare(Mode::Docker, agents::agent(agent), &settings, Some(&host_name), &[], env, &ask)?;
    for secret in &inside.secrets {
        host.secrets.add(secret);
    }
    for warning in settings.warnings.iter().chain(&inside.warnings) {
        printer.warning(warning);
    }
    let sandbox = Sandbox { engine: settings.docker_command.value.clone(), name: args.name.clone() };
    let run_id = new_run_id()?;
    hand_in(&sandbox, &inside, &run_id, env, host)?;
    let grace = settings.run.grace.value;
    let exec = Exec { marker: run_marker(&run_id), grace, sandbox, host, json: printer.is_json() };
    let command = command(&exec.sandbox, &exec.marker, args, &inside.variables);
    exec.carry_out(&command, args, printer)
}

/// Whose credential goes in: the named one's, or that of the agent that the command is.
fn agent_of(args: &ExecArgs) -> AgentName {
    let program = args.command.first().map(Path::new).and_then(Path::file_name).and_then(|name| name.to_str());
    let named = args.agent.as_deref().or(program).and_then(|name| name.parse().ok());
    named.unwrap_or(AgentName::Shell)
}

/// Writes an agent's login into the home before its command comes: the one thing that variables cannot carry.
fn hand_in(sandbox: &Sandbox, inside: &Inside, run_id: &str, env: &Environment, host: &Host) -> Result<()> {
    if inside.files.is_empty() && inside.links.is_empty() {
        return Ok(());
    }
    let job = Job {
        run_id: format!("{run_id}-lease"),
        command: CommandSpec::new("true"),
        prompt: Vec::new(),
        prompt_on: Prompt::Stdin,
        files: inside.files.clone(),
        links: inside.links.clone(),
        relays: Vec::new(),
        door: None,
    };
    let limits = Limits { timeout: Some(CALL), idle_timeout: None, grace: Duration::from_secs(1) };
    let runner = WarmRunner::new(host.clone(), sandbox.clone(), reach::inside(), env.state_dir());
    runner.run(&job, &limits, &mut Silence)?;
    Ok(())
}

/// Takes the output of a command that has none.
struct Silence;

impl Sink for Silence {
    fn stdout(&mut self, _: &[u8]) -> Result<(), Stop> {
        Ok(())
    }

    fn stderr(&mut self, _: &[u8]) -> Result<(), Stop> {
        Ok(())
    }

    fn tick(&mut self) -> Result<(), Stop> {
        Ok(())
    }
}

/// The one engine call. Variables stand in it by their names, and their values in the client's own environment, so that they are in
/// no command line. One that would mean something to the client itself travels under another name, and a shell inside renames it.
fn command(sandbox: &Sandbox, marker: &str, args: &ExecArgs, variables: &[(String, OsString)]) -> CommandSpec {
    let mut spec = CommandSpec::new(&sandbox.engine).arg("exec");
    for (wanted, flag) in [(args.interactive, "--interactive"), (args.tty, "--tty")] {
        spec = if wanted { spec.arg(flag) } else { spec };
    }
    spec = spec.option("--env", marker);
    let mut rename = String::new();
    for (at, (name, value)) in variables.iter().enumerate() {
        let carrier = if clients_own(name) { format!("RINGFENCE_CARRIED_{at}") } else { name.clone() };
        if carrier != *name {
            for part in ["export ", name, "=\"$", &carrier, "\"; unset ", &carrier, "; "] {
                rename.push_str(part);
            }
        }
        spec = spec.option("--env", carrier.as_str()).env(carrier, value.clone());
    }
    if let Some(folder) = &args.workdir {
        spec = spec.option("--workdir", folder.clone());
    }
    spec = spec.arg(sandbox.name.as_str());
    if !rename.is_empty() {
        spec = spec.args(["sh", "-c", &format!("{rename}exec \"$@\""), "sh"]);
    }
    spec.args(args.command.iter().cloned())
}

/// Whether a variable of this name means something to the engine's client itself.
fn clients_own(name: &str) -> bool {
    let beginnings = ["DOCKER_", "CONTAINER", "XDG_", "LD_", "DYLD_", "GO", "SSL_CERT_", "OTEL_", "SSH_"];
    ["PATH", "HOME", "TMPDIR", "TERM"].contains(&name)
        || name.to_ascii_uppercase().ends_with("_PROXY")
        || beginnings.iter().any(|beginning| name.starts_with(beginning))
}

/// The beginnings of what engines' clients say when a command could not be brought in.
const ENGINES_WORDS: [&str; 7] = [
    "Error response from daemon",
    "Error: ",
    "Cannot connect to",
    "failed to connect to",
    "permission denied while",
    "error during connect",
    "Got permission denied",
];

/// Whether this is, or may become, an engine's error.
fn suspicious(words: &[u8]) -> bool {
    let words = words.trim_ascii_start();
    ENGINES_WORDS.iter().any(|known| {
        let common = known.len().min(words.len());
        known.as_bytes()[..common] == words[..common]
    })
}

struct Exec<'a> {
    sandbox: Sandbox,
    /// The variable by which the command's processes are found again.
    marker: String,
    grace: Duration,
    host: &'a Host,
    json: bool,
}

impl Exec<'_> {
    fn carry_out(&self, command: &CommandSpec, args: &ExecArgs, printer: &Printer) -> Result<i32> {
        let mut passed = self.pass(command, args)?;
        if was_stopped(&passed) {
            start_sandbox(self.host, &self.sandbox)?;
            passed = self.pass(command, args)?;
        }
        let code = match (passed.status.and_then(|status| status.code()), passed.asked) {
            (None, asked) => 128 + asked.unwrap_or(signal_hook::consts::SIGKILL),
            (Some(code), None) if code == LOST || (code != 0 && is_engines(&passed.words)) => {
                self.check(&passed, code)?;
                code
            }
            (Some(code), _) => code,
        };
        passed.release();
        if printer.is_json() {
            printer.json(&report(&self.sandbox.name, code, &passed))?;
        }
        Ok(code)
    }

    fn pass(&self, command: &CommandSpec, args: &ExecArgs) -> Result<Passed> {
        let terminal = args.tty || (args.interactive && io::stdin().is_terminal());
        let streams = Streams { input: args.interactive, terminal, kept: self.json };
        self.host.pass(command, streams, self.grace, suspicious, &mut |pass| {
            let (signal, patience) = match pass {
                Pass::On(signal) => (Some(signal), None),
                Pass::Late(signal, patience) => (signal, Some(patience)),
            };
            // By name: the numbers differ between this system and the one inside. 0 is no signal.
            let name = signal.and_then(low_level::signal_name).unwrap_or("0").trim_start_matches("SIG");
            let host = Host { interrupts: Interrupts::default(), ..self.host.clone() };
            let limit = CALL + patience.unwrap_or_default();
            let _ = host.capture(&self.sandbox.signal_command(name, &self.marker, patience), limit);
        })
    }

    /// Tells an engine's fault from a command that failed likewise, and perhaps said the same: by looking whether the sandbox is
    /// there and runs.
    fn check(&self, passed: &Passed, code: i32) -> Result<()> {
        let rows = list(self.host, &self.sandbox.engine, &[named(&self.sandbox.name)])?;
        if rows.iter().any(|row| row.state == "running") {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&passed.words);
        let words = match rows.first() {
            None => format!("no such container\n{said}"),
            Some(row) => format!("{said}\nthe sandbox is {}", row.state),
        };
        let failure = sandbox_failure(&self.sandbox, &words, Some(code));
        // Nothing is to be retried by itself: the command may have begun.
        let class = if failure.class == Class::Engine { Class::SandboxMissing } else { failure.class };
        Err(Failure { class, ..failure }.into())
    }
}

fn is_engines(words: &[u8]) -> bool {
    !words.is_empty() && suspicious(words)
}

fn was_stopped(passed: &Passed) -> bool {
    let failed = passed.status.is_some_and(|status| !status.success());
    let words = String::from_utf8_lossy(&passed.words);
    failed && passed.asked.is_none() && is_engines(&passed.words) && is_stopped(&words)
}

fn report(name: &str, code: i32, passed: &Passed) -> serde_json::Value {
    let class = match passed.asked {
        Some(signal) => Class::Interrupted(signal),
        None if code == 0 => Class::Ok,
        None => Class::AgentFailed,
    };
    let message = (code != 0).then(|| format!("the command exited with {code}"));
    let hint = (code != 0).then_some("what it said on standard error stands there");
    json!({
        "ok": code == 0, "schema": "ringfence.exec/1", "sandbox": name, "exitCode": code, "class": class,
        "message": message, "hint": hint, "stdout": String::from_utf8_lossy(&passed.stdout),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{Cli, Command, SandboxCommand, WarmCommand};
    use clap::Parser;

    #[test]
    fn what_may_be_an_engines_error() {
        for words in ["E", "Error response from daemon: No such container: x", "Cannot connect to the Docker daemon"] {
            assert!(suspicious(words.as_bytes()), "{words}");
        }
        for words in ["error: mine", "Erratum", "warning: Error response from daemon"] {
            assert!(!suspicious(words.as_bytes()), "{words}");
        }
    }

    #[test]
    fn values_are_in_no_command_line_and_the_clients_own_variables_are_left_alone() {
        let words = ["ringfence", "sandbox", "exec", "box", "-i", "-w", "/w", "--", "make", "a b"];
        let Command::Sandbox(SandboxCommand::Warm(WarmCommand::Exec(args))) = Cli::parse_from(words).command else {
            panic!("not understood");
        };
        let sandbox = Sandbox { engine: "docker".into(), name: "box".into() };
        let variables = [("TOKEN".to_owned(), "secret1".into()), ("HTTPS_PROXY".to_owned(), "secret2".into())];
        let spec = command(&sandbox, "MARK=1", &args, &variables);
        assert_eq!(
            spec.to_string(),
            "TOKEN=… RINGFENCE_CARRIED_1=… docker exec --interactive --env MARK=1 --env TOKEN --env RINGFENCE_CARRIED_1 \
             --workdir /w box sh -c 'export HTTPS_PROXY=\"$RINGFENCE_CARRIED_1\"; unset RINGFENCE_CARRIED_1; exec \"$@\"' \
             sh make 'a b'"
        );
        let plain = command(&sandbox, "MARK=1", &args, &variables[..1]).to_string();
        assert!(plain.ends_with("--workdir /w box make 'a b'"), "{plain}");
    }
}
