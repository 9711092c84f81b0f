//! `ringfence sandbox set` with nothing named, on a terminal: a short guided setup. Enter takes what stands in brackets.

use std::io::{self, BufRead, IsTerminal, Write};
use std::time::Duration;

use anyhow::Result;

use super::{doctor, set};
use crate::cli::DoctorArgs;
use crate::config::{AgentName, Environment, Flags, Settings};
use crate::credentials::{Reader, source_names};
use crate::failure::{Class, Failure};
use crate::output::{Cell, Printer, Table, sanitize};
use crate::runner::{Engine, Host, Interrupts, find_program, image_command, info_command, read_info};

/// How long an engine may take to answer.
const CALL: Duration = Duration::from_secs(10);

/// Engines that are looked for, with the mode that uses them. The last one is on one system only.
const ENGINES: [(&str, &str); 4] =
    [("docker", "docker"), ("podman", "docker"), ("nerdctl", "docker"), ("container", "apple")];

/// A place where agents can run here.
struct Choice {
    mode: &'static str,
    /// Absent on the host.
    engine: Option<Engine>,
    words: String,
}

impl Choice {
    /// What it may be called in an answer.
    fn name(&self) -> &str {
        self.engine.as_ref().map_or(self.mode, |engine| &engine.program)
    }
}

/// Looks around, asks, writes the configuration, and lets the doctor have the last word.
///
/// # Errors
/// Usage (2) where nobody can be asked; nothing was changed then, nor where the questions were left.
pub fn run(flags: &Flags, env: &Environment, host: &Host, no_input: bool, printer: &Printer) -> Result<Class> {
    let terminal = io::stdin().is_terminal() && io::stderr().is_terminal();
    if no_input || printer.is_json() || !terminal {
        let hint = "type: ringfence sandbox set docker, or: ringfence sandbox set KEY VALUE";
        return Err(Failure::usage("sandbox set needs a mode or a key where nobody can be asked", hint).into());
    }
    let settings = Settings::resolve(flags, env)?;
    say("A short setup. Enter takes what stands in brackets; Ctrl-C leaves everything as it is.\n");
    let (choices, mut found) = places(host);
    let agents = agents(&settings, env, &mut found);
    for line in found.lines() {
        printer.note_styled(&line);
    }
    say("\nWhere are agents to run?\n");
    for (at, choice) in choices.iter().enumerate() {
        say(&format!("  {}  {}", at + 1, choice.words));
    }
    let names: Vec<&str> = choices.iter().map(Choice::name).collect();
    let choice = &choices[ask(&names)?];
    say("\nWhich agent, where none is named?\n");
    for (at, agent) in agents.iter().enumerate() {
        say(&format!("  {}  {agent}", at + 1));
    }
    let names: Vec<&str> = agents.iter().map(|agent| agent.as_str()).collect();
    let agent = agents[ask(&names)?];
    say("");
    set::run(choice.mode, None, flags, env, printer)?;
    set::run("agent", Some(agent.as_str()), flags, env, printer)?;
    if let Some(engine) = &choice.engine {
        if choice.mode == "docker" && engine.program != settings.docker_command.as_str() {
            set::run("docker.command", Some(&engine.program), flags, env, printer)?;
        }
        let image = settings.sandbox.image.as_str();
        let there = host.capture(&image_command(engine, image), CALL)?.is_some_and(|answer| answer.status.success());
        if !there {
            say(&format!(
                "\nOne thing is left: the image {image} is to be built, in a few minutes:\n  ringfence sandbox build-image"
            ));
            return Ok(Class::Ok);
        }
    }
    say("\nNow the doctor looks whether that works:\n");
    let args = DoctorArgs { agent: Vec::new(), quick: false, live: false, workspace: None };
    // From here on a signal has to end what was started.
    let host = Host { interrupts: Interrupts::install()?, ..host.clone() };
    doctor::run(&args, flags, env, &host, printer)
}

/// Where agents can run, the best first, and what was found.
fn places(host: &Host) -> (Vec<Choice>, Table) {
    let mut found = Table::new(&["FOUND", ""]);
    let mut choices = Vec::new();
    for (program, mode) in ENGINES {
        let elsewhere = mode == "apple" && !cfg!(target_os = "macos");
        if elsewhere || find_program(program.as_ref()).is_err() {
            continue;
        }
        let engine = if mode == "apple" { Engine::apple(program) } else { Engine::docker(program) };
        let said = match version(&engine, host) {
            Ok(said) => {
                let words = format!(
                    "in a container of {engine}: it gets the workspace and an access-only login, and nothing else of this machine"
                );
                choices.push(Choice { mode, engine: Some(engine), words });
                said
            }
            Err(reason) => reason,
        };
        found.row([Cell::from(program), Cell::from(said)]);
    }
    if choices.is_empty() {
        found.row(["no engine", "for a fence install Docker Engine, start it, and come back: ringfence sandbox set"]);
    }
    choices.push(Choice {
        mode: "host",
        engine: None,
        words: "on the host: as a program of yours, with all your permissions and no fence; only for what you would run yourself"
            .into(),
    });
    (choices, found)
}

/// What an engine says of itself, or why it cannot be used.
fn version(engine: &Engine, host: &Host) -> Result<String, String> {
    let answer = host.capture(&info_command(engine), CALL).map_err(|error| Failure::of(&error).message)?;
    let answer = answer.ok_or_else(|| format!("did not answer within {} s", CALL.as_secs()))?;
    if let Some(facts) = read_info(&answer.stdout) {
        let rootless = if facts.rootless { ", rootless" } else { "" };
        return Ok(format!("answers: {} {}{rootless}", facts.name, facts.server));
    }
    let said = answer.stderr.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or("nothing said");
    Err(format!("no engine answers: {said}"))
}

/// The agents, those with a login first.
fn agents(settings: &Settings, env: &Environment, found: &mut Table) -> Vec<AgentName> {
    let mut known = Vec::new();
    for agent in AgentName::MODELS {
        let here = find_program(agent.as_str().as_ref()).is_ok();
        let login =
            source_names(agent, settings.agent(agent), env, &settings.variables, Reader::Lease).into_iter().next();
        let said = format!(
            "{}, {}",
            if here { "installed" } else { "not installed here" },
            login.as_ref().map_or("no login found".into(), |source| format!("login: {source}"))
        );
        found.row([Cell::from(agent.as_str()), Cell::from(said)]);
        known.push((login.is_none(), !here, agent));
    }
    known.sort_by_key(|(no_login, absent, _)| (*no_login, *absent));
    known.into_iter().map(|(.., agent)| agent).chain([AgentName::Shell]).collect()
}

/// Questions and what belongs to them are for people, and go where they look.
fn say(text: &str) {
    let _ = writeln!(io::stderr(), "{}", sanitize(text));
}

/// Which of the choices with these names is taken, by its number or its name; Enter takes the first. The end of the input leaves
/// the setup.
fn ask(names: &[&str]) -> Result<usize> {
    loop {
        let _ = write!(io::stderr(), "\nNumber or name [1]: ").and_then(|()| io::stderr().flush());
        let mut line = String::new();
        if io::stdin().lock().read_line(&mut line)? == 0 {
            let hint = "begin again: ringfence sandbox set";
            return Err(Failure::usage("left without an answer; nothing was changed", hint).into());
        }
        let typed = line.trim();
        let number = typed.parse::<usize>().ok().filter(|number| (1..=names.len()).contains(number));
        let by_name = || names.iter().position(|name| name.eq_ignore_ascii_case(typed));
        match (typed, number.map(|number| number - 1).or_else(by_name)) {
            ("", _) => return Ok(0),
            (_, Some(at)) => return Ok(at),
            _ => say(&format!("a number from 1 to {}, or a name, please: {}", names.len(), names.join(", "))),
        }
    }
}
