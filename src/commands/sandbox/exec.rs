//! `ringfence sandbox exec`: a command of the caller's in a warm sandbox, as one `docker exec` on the caller's streams.

use std::cell::RefCell;
use std::io::{self, IsTerminal};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use jiff::Timestamp;
use serde_json::json;
use signal_hook::consts::{SIGHUP, SIGKILL, SIGPIPE, SIGTERM};
use signal_hook::low_level;

use super::entry::{Known, NO_DOOR, SUCCESS, command, has_lifeline};
use super::{list, missing};
use crate::cli::ExecArgs;
use crate::command::CommandSpec;
use crate::commands::run::inside::{self, Inside};
use crate::commands::run::reach;
use crate::commands::run::warm;
use crate::config::{AgentName, Environment, Flags, Mode, Settings};
use crate::failure::{Class, Failure};
use crate::output::Printer;
use crate::runner::{
    Filter, Guard, Host, Input, Job, Limits, Pass, Passed, Prompt, Runner, Sandbox, Sink, Stop, Streams, WarmRunner,
    announce_in_sandbox, is_sandbox_name, new_nonce, new_run_id, run_marker, sandbox_failure, says_stopped,
    start_sandbox, without_door,
};

/// How long a credential may take on its way in, and a signal.
const CALL: Duration = Duration::from_secs(30);

/// The exit code of a Docker client that lost its engine meanwhile (-1).
const LOST: i32 = 255;

/// Runs the command and returns its exit code.
pub fn run(args: &ExecArgs, flags: &Flags, env: &Environment, host: &Host, printer: &Printer) -> Result<i32> {
    if args.tty && args.interactive && !io::stdin().is_terminal() {
        let hint = "leave out --tty where no terminal is";
        return Err(Failure::usage("--tty, but standard input is not a terminal", hint).into());
    }
    // A sandbox is where it was made, whichever agent the command is.
    let engine = warm::engine(&Settings::resolve(&Flags { agent: args.agent.clone(), ..flags.clone() }, env)?);
    if !is_sandbox_name(&args.name) {
        return Err(missing(&engine, &args.name).into());
    }
    let agent = agent_of(args);
    let flags = Flags { agent: Some(agent.as_str().to_owned()), env: args.env.clone(), ..flags.clone() };
    let settings = Settings::resolve(&flags, env)?;
    inside::register(&settings, env, &host.secrets);
    let asked = RefCell::new(Vec::new());
    let ask = inside::asker(host, false, &asked);
    let host_name = warm::host_name(&engine, &settings, env);
    let inside = inside::prepare(Mode::Docker, &settings, host_name.as_ref(), &[], env, &ask)?;
    for secret in &inside.secrets {
        host.secrets.add(secret);
    }
    for warning in settings.warnings.iter().chain(&inside.warnings) {
        printer.warning(warning);
    }
    let sandbox = Sandbox { engine, name: args.name.clone() };
    let run_id = new_run_id()?;
    let _present = announce_in_sandbox(env.state_dir().as_deref(), &sandbox.name, &run_id);
    hand_in(&sandbox, &inside, &run_id, env, host)?;
    let grace = settings.run.grace.value;
    let limit = usize::try_from(settings.run.output_limit.bytes()).unwrap_or(usize::MAX);
    let kept = printer.is_json().then_some(limit);
    let exec = Exec { marker: run_marker(&run_id), nonce: new_nonce()?, grace, sandbox, host, kept };
    let known = Known { marker: &exec.marker, nonce: &exec.nonce, grace };
    let command = command(&exec.sandbox, &known, args, &inside.variables, settings.is_listed());
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
    let runner = WarmRunner::new(host.clone(), sandbox.clone(), reach::inside(false), env.state_dir()).partly(true);
    runner.run(&job, &limits, &mut Silence)?;
    Ok(())
}

/// Takes the output of a command that has none.
struct Silence;

impl Sink for Silence {
    fn stdout(&mut self, _: &[u8]) -> Result<(), Stop> {
        Ok(())
    }
}

/// The beginnings of what engines' clients say when a command could not be brought in.
const ENGINES_WORDS: [&str; 8] = [
    "Error response from daemon",
    "OCI runtime exec failed",
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
    /// The secret of the mark that tells the command's end.
    nonce: String,
    grace: Duration,
    host: &'a Host,
    /// How much of standard output is kept for a report, where there is to be one.
    kept: Option<usize>,
}

impl Exec<'_> {
    fn carry_out(&self, command: &CommandSpec, args: &ExecArgs, printer: &Printer) -> Result<i32> {
        let began = Timestamp::now();
        let mut passed = self.pass(command, args)?;
        if self.was_stopped(&passed, began)? {
            passed = self.pass(command, args)?;
        }
        self.refused(&passed, args)?;
        // It is the command's own, however that ended.
        passed.release();
        let code = self.code(&passed, args)?;
        if printer.is_json() {
            printer.json(&report(&self.sandbox.name, code, &passed))?;
        }
        Ok(code)
    }

    fn pass(&self, command: &CommandSpec, args: &ExecArgs) -> Result<Passed> {
        let terminal = args.tty || (args.interactive && io::stdin().is_terminal());
        let nonce = (!args.tty).then_some(self.nonce.as_str());
        let input = match () {
            () if has_lifeline(args) => Input::Lifeline,
            () if args.interactive => Input::Callers,
            () => Input::Empty,
        };
        let streams = Streams { input, terminal, kept: self.kept, nonce };
        // Where the caller's own input goes to the command, nothing there tells our death from its end.
        let ending = self.sandbox.signal_command("HUP", &self.marker, Some(self.grace));
        let guard = (input != Input::Lifeline).then(|| self.host.guard(&ending)).transpose()?;
        let passed = self.host.pass(command, streams, self.grace, suspicious, &mut |pass| {
            self.signal(pass);
        })?;
        guard.into_iter().for_each(Guard::release);
        Ok(passed)
    }

    /// Whether there was a process to get it.
    fn signal(&self, pass: Pass) -> bool {
        let (signal, patience) = match pass {
            Pass::On(signal) => (Some(signal), None),
            Pass::Late(signal, patience) => (signal, Some(patience)),
        };
        // By name: the numbers differ between this system and the one inside. 0 is no signal.
        let name = signal.and_then(low_level::signal_name).unwrap_or("0").trim_start_matches("SIG");
        let host = self.host.undeterred();
        let limit = CALL + patience.unwrap_or_default();
        let answer = host.capture(&self.sandbox.signal_command(name, &self.marker, patience), limit);
        answer.is_ok_and(|answer| answer.is_some_and(|answer| answer.status.success()))
    }

    /// Whether the sandbox did not run, so that nothing was done; it does now. A command that only says so was done, and is not
    /// done again.
    fn was_stopped(&self, passed: &Passed, began: Timestamp) -> Result<bool> {
        let failed = passed.status.is_some_and(|status| !status.success());
        let words = String::from_utf8_lossy(&passed.words);
        if !failed || passed.asked.is_some() || passed.code.is_some() || !says_stopped(&words) {
            return Ok(false);
        }
        // Somebody else may have started it meanwhile.
        Ok(start_sandbox(self.host, &self.sandbox, &reach::inside(false))?.is_none_or(|since| since > began))
    }

    /// Fails where it was the engine that failed, with its words.
    fn refused(&self, passed: &Passed, args: &ExecArgs) -> Result<()> {
        let code = passed.status.and_then(|status| status.code()).filter(|code| *code != 0);
        let own = passed.code.is_some() || passed.asked.is_some() || (args.tty && code == Some(SUCCESS));
        match code {
            Some(code) if !own && (code == LOST || is_engines(&passed.words)) => self.check(passed, code),
            _ => Ok(()),
        }
    }

    /// The command's own code, as far as there is one.
    fn code(&self, passed: &Passed, args: &ExecArgs) -> Result<i32> {
        let Some(status) = passed.status else { return Ok(128 + passed.asked.unwrap_or(SIGKILL)) };
        if let Some(code) = passed.code {
            return Ok(code);
        }
        let code = match status.code() {
            Some(SUCCESS) if args.tty => return Ok(0),
            Some(0) if args.tty => return self.unclear(),
            code => code,
        };
        // The command did not end by itself, or the client before it: nothing of it is to go on unseen.
        if code.is_none() || !args.tty {
            self.signal(Pass::Late(Some(SIGHUP), self.grace));
        }
        match (code, passed.asked) {
            (None, Some(signal)) => Ok(128 + signal),
            // Nobody reads its output any more.
            (None, None) if status.signal() == Some(SIGPIPE) => Ok(128 + SIGPIPE),
            (None, None) | (Some(0), _) => Err(self.client_ended().into()),
            (Some(code), _) => Ok(code),
        }
    }

    /// A client with a terminal was asked to end, or the command's own code is the one that stands for success.
    fn unclear(&self) -> Result<i32> {
        if self.signal(Pass::Late(Some(SIGHUP), self.grace)) {
            return Err(Failure { class: Class::Interrupted(SIGTERM), ..self.client_ended() }.into());
        }
        Ok(SUCCESS)
    }

    fn client_ended(&self) -> Failure {
        let message = format!("the {} client was ended from outside before the command was done", self.sandbox.engine);
        let hint = "the command was ended, too: run it again, if it may be done twice";
        Failure::new(Class::DaemonUnreachable, message, hint)
    }

    /// Tells an engine's fault from a command that failed likewise, and perhaps said the same: by looking whether the sandbox is
    /// there and runs.
    fn check(&self, passed: &Passed, code: i32) -> Result<()> {
        if String::from_utf8_lossy(&passed.words).trim() == NO_DOOR {
            return Err(without_door(&self.sandbox).into());
        }
        let rows = list(self.host, &self.sandbox.engine, &[Filter::Named(self.sandbox.name.clone())])?;
        if rows.iter().any(|row| row.is_sandbox() && row.state == "running") {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&passed.words);
        let words = match rows.iter().find(|row| row.is_sandbox()) {
            None => format!("no such container\n{said}"),
            Some(row) => format!("{said}\nthe sandbox is {}", row.state),
        };
        let failure = sandbox_failure(&self.sandbox, &words, Some(code));
        // Nothing is to be retried by itself: the command may have begun.
        let is_engines_code = failure.class.exit_code() == Class::SandboxMissing.exit_code();
        let class = if is_engines_code { failure.class } else { Class::SandboxMissing };
        Err(Failure { class, ..failure }.into())
    }
}

fn is_engines(words: &[u8]) -> bool {
    !words.is_empty() && suspicious(words)
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
        "stdoutTruncated": passed.truncated,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_an_engines_error() {
        for words in ["E", "Error response from daemon: No such container: x", "Cannot connect to the Docker daemon"] {
            assert!(suspicious(words.as_bytes()), "{words}");
        }
        for words in ["error: mine", "Erratum", "warning: Error response from daemon"] {
            assert!(!suspicious(words.as_bytes()), "{words}");
        }
    }
}
