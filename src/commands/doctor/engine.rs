//! The engine, looked at without starting anything: at most five calls, side by side.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;

use super::check::Check;
use super::limits::limits;
use super::machine::space;
use super::vm::{self, has_machines};
use crate::command::CommandSpec;
use crate::commands::run::place;
use crate::config::{AgentName, Environment, Settings};
use crate::failure::{Class, Failure};
use crate::image::version_in;
use crate::runner::{
    self, Captured, Engine, EngineFacts, Filter, Host, Listing, Mapping, Row, engine_failure, find_program,
    image_command, info_command, network_command, read_info,
};

/// How long the engine may take to answer a question.
pub const CALL: Duration = Duration::from_secs(15);

/// The containers that somebody owns.
const OWNED: [Filter; 1] = [Filter::Has("ringfence.owner.pid")];

/// What Podman takes for a network beside a network's name.
const PODMANS: [&str; 3] = ["slirp4netns", "pasta", "private"];

/// What is known of the engine, the image and what earlier runs left.
pub struct Looked {
    /// In order.
    pub checks: Vec<Check>,
    /// The agents of which the image does not say whether it has them.
    pub untold: Vec<AgentName>,
    /// Containers whose owner is gone.
    pub leftovers: Vec<Row>,
}

/// An answer of the engine's client, with how long it took.
pub(super) struct Answer {
    result: Result<Captured>,
    pub(super) took: Duration,
}

pub(super) struct Look<'a> {
    pub(super) engine: Engine,
    pub(super) settings: &'a Settings,
    host: &'a Host,
    thorough: bool,
}

/// Looks. A client too old to say its version with everything else is asked for it where `thorough`.
pub fn look(settings: &Settings, agents: &[AgentName], env: &Environment, host: &Host, thorough: bool) -> Looked {
    let engine = place::engine(settings.mode.value, settings);
    let program = match find_program(engine.program.as_ref()) {
        Ok(path) => Check::ok("engine.program", path.display().to_string()),
        Err(failure) => {
            let checks = vec![Check::fail("engine.program", &failure)];
            return Looked { checks, untold: Vec::new(), leftovers: Vec::new() };
        }
    };
    let look = &Look { engine, settings, host, thorough };
    let engine = &look.engine;
    let network =
        Some(settings.sandbox.network.as_str()).filter(|name| !["bridge", "default", "none", "host"].contains(name));
    let (info, image, network, left, names) = thread::scope(|scope| {
        let start = |spec: CommandSpec| scope.spawn(move || look.ask(&spec));
        let info = start(info_command(engine));
        let image = start(image_command(engine, &settings.sandbox.image));
        let network = network.map(|name| start(network_command(engine, name)));
        let left = start(Listing { engine, filters: &OWNED }.command());
        let names = engine.host().known_by.map(start);
        (join(info), join(image), network.map(join), join(left), names.map(join))
    });
    let mut checks = vec![program];
    let Some(facts) = look.daemon(&info, env, &mut checks) else {
        let reason = "the engine does not answer";
        checks.extend(["image", "network", "leftovers"].map(|id| Check::skip(id, reason)));
        return Looked { checks, untold: Vec::new(), leftovers: Vec::new() };
    };
    checks.extend(names.map(|names| vm::host_name(engine, look.answer(&names)).took(names.took)));
    let untold = look.image(&image, &facts, agents, &mut checks);
    checks.push(look.network(network.as_ref(), &facts));
    let leftovers = look.leftovers(&left, &mut checks);
    Looked { checks, untold, leftovers }
}

fn join(thread: thread::ScopedJoinHandle<'_, Answer>) -> Answer {
    let lost = |_| Answer { result: Err(anyhow::anyhow!("a call was lost")), took: Duration::ZERO };
    thread.join().unwrap_or_else(lost)
}

impl Look<'_> {
    fn ask(&self, spec: &CommandSpec) -> Answer {
        let began = Instant::now();
        let result = self.host.capture(spec, CALL).and_then(|answer| {
            answer.ok_or_else(|| {
                let message = format!("{spec} did not answer within {} s", CALL.as_secs());
                let hint = if has_machines(self.settings) {
                    format!("{0} system stop && {0} system start", self.engine)
                } else {
                    "start the engine again (sudo systemctl restart docker, or Docker Desktop)".to_owned()
                };
                Failure::new(Class::DaemonUnreachable, message, hint).into()
            })
        });
        Answer { result, took: began.elapsed() }
    }

    /// The answer, where it is one; else what it means that it is none.
    pub(super) fn answer<'r>(&self, answer: &'r Answer) -> Result<&'r Captured, Failure> {
        let captured = answer.result.as_ref().map_err(Failure::of)?;
        if captured.status.success() { Ok(captured) } else { Err(self.failure(captured)) }
    }

    fn failure(&self, answer: &Captured) -> Failure {
        let sandbox = &self.settings.sandbox;
        let words = runner::read_info_errors(&answer.stdout).unwrap_or_else(|| answer.stderr.clone());
        engine_failure(&self.engine, &sandbox.image, &sandbox.network, &words, answer.status.code())
    }

    /// What the engine says of itself, where one answers.
    fn daemon(&self, info: &Answer, env: &Environment, checks: &mut Vec<Check>) -> Option<EngineFacts> {
        let facts = info.result.as_ref().map_err(Failure::of).and_then(|captured| {
            // A client exits with 0 or 1 where it has no engine, by its age; what it prints tells.
            read_info(&captured.stdout).ok_or_else(|| self.failure(captured))
        });
        match facts {
            Err(failure) => {
                checks.push(Check::fail("engine", &failure).took(info.took));
                None
            }
            Ok(facts) => {
                checks.push(Check::ok("engine", self.versions(&facts, env)).took(info.took));
                checks.push(self.user(&facts, env));
                if has_machines(self.settings) {
                    checks.push(vm::version(&self.engine, &facts));
                    checks.push(vm::limits());
                } else {
                    checks.push(limits(&facts));
                    checks.extend(storage(&self.engine, &facts, env));
                }
                Some(facts)
            }
        }
    }

    fn versions(&self, facts: &EngineFacts, env: &Environment) -> String {
        if has_machines(self.settings) {
            let origin = &self.settings.apple_command.origin;
            return format!("{} {} answers (apple.command: {origin})", facts.name, facts.server);
        }
        let asked = || if self.thorough { self.client() } else { None };
        let client = facts.client.clone().or_else(asked).map(|client| format!("client {client}"));
        let place = match (place::address(&self.engine, env), &facts.context) {
            (Some(address), Some(context)) if context != "default" => Some(format!("context {context}, at {address}")),
            (Some(address), _) => Some(format!("at {address}")),
            (None, Some(context)) => Some(format!("context {context}")),
            (None, None) => None,
        };
        let rootless = facts.rootless.then(|| "rootless".to_owned());
        let more: Vec<String> = [client, place, rootless].into_iter().flatten().collect();
        let origin = &self.settings.docker_command.origin;
        format!("{} {} answers ({}; docker.command: {origin})", facts.name, facts.server, more.join(", "))
    }

    fn client(&self) -> Option<String> {
        let answer = self.ask(&self.engine.command().arg("--version"));
        let words = answer.result.ok()?.stdout;
        Some(version_in(&String::from_utf8_lossy(&words))?.trim_end_matches(',').to_owned())
    }

    /// Whether files will come out as the caller's.
    fn user(&self, facts: &EngineFacts, env: &Environment) -> Check {
        let id = "engine.user";
        if has_machines(self.settings) {
            return Check::ok(
                id,
                "each container is a machine of its own: agents get your numbers, and no capabilities",
            );
        }
        let mapping =
            Mapping::of_caller(self.engine.dialect, |name| env.text(name).map(str::to_owned), env.home().as_deref());
        if !self.engine.dialect.is_apple() && place::is_copied(self.settings, env) {
            return Check::ok(id, "the workspace is copied there: what comes back is yours");
        }
        match (facts.rootless, mapping) {
            (true, Mapping::Same { uid, .. }) if uid != 0 => Check::warn(
                id,
                "the engine is rootless, which its address does not show: files will not come out as yours",
                format!("export DOCKER_HOST=unix:///run/user/{uid}/docker.sock"),
            ),
            (true, _) => Check::ok(id, "rootless: files come out as yours"),
            (false, _) => Check::ok(id, "runs as root: agents get your numbers, and no capabilities"),
        }
    }

    fn network(&self, answer: Option<&Answer>, engine: &EngineFacts) -> Check {
        let setting = &self.settings.sandbox.network;
        let name = setting.as_str();
        let Some(answer) = answer else {
            let meaning = match name {
                "none" => "no network",
                "host" => "the host's own network, without a fence",
                _ if self.settings.is_listed() => "only through the door to sandbox.allow_hosts",
                _ => "the engine's default network, open to the outside",
            };
            return Check::ok("network", format!("{name} ({}): {meaning}", setting.origin));
        };
        match self.answer(answer) {
            Ok(captured) if is_nothing(&captured.stdout) => {
                let words = format!("network {name} not found");
                Check::fail("network", &engine_failure(&self.engine, "", name, &words, None))
            }
            Ok(captured) => {
                let said = String::from_utf8_lossy(&captured.stdout).to_lowercase();
                // Docker's words, then Apple's.
                let closed = said.contains("\"internal\": true") || said.contains("\"hostonly\"");
                let fact = if closed { "is there, and closed to the outside" } else { "is there" };
                Check::ok("network", format!("{name} ({}) {fact}", setting.origin))
            }
            // Podman's own ways out are no networks that it could be asked about.
            Err(_) if engine.name == "Podman" && PODMANS.contains(&name) => {
                Check::ok("network", format!("{name} ({}): one of Podman's own", setting.origin))
            }
            Err(failure) => Check::fail("network", &failure),
        }
        .took(answer.took)
    }

    fn leftovers(&self, answer: &Answer, checks: &mut Vec<Check>) -> Vec<Row> {
        let id = "leftovers";
        let listing = Listing { engine: &self.engine, filters: &OWNED };
        let rows = self
            .answer(answer)
            .and_then(|captured| listing.rows(&String::from_utf8_lossy(&captured.stdout)))
            .map(|rows| rows.into_iter().filter(Row::is_orphan).collect::<Vec<_>>());
        let (rows, check) = match rows {
            Err(failure) => (Vec::new(), Check::warn(id, failure.message, failure.hint)),
            Ok(rows) if rows.is_empty() => (rows, Check::ok(id, "no container is without a living owner")),
            Ok(rows) => {
                let fact = format!("their ringfence is gone: {}", names(&rows));
                (rows, Check::warn(id, fact, "ringfence sandbox prune"))
            }
        };
        checks.push(check.took(answer.took));
        rows
    }
}

/// Whether an engine answers in JSON that there is nothing of that name: Apple's does, before 1.0.
fn is_nothing(answer: &[u8]) -> bool {
    answer.trim_ascii() == b"[]"
}

/// The names of containers, for people.
pub fn names(rows: &[Row]) -> String {
    rows.iter().map(|row| row.name.as_str()).collect::<Vec<_>>().join(", ")
}

/// The room that the engine has, where it is certainly on this machine: a folder of that name may be here, too.
fn storage(engine: &Engine, facts: &EngineFacts, env: &Environment) -> Option<Check> {
    let local = match (place::address(engine, env), facts.context.as_deref()) {
        (Some(address), _) => address.starts_with("unix:"),
        (None, context) => context.is_none_or(|context| ["default", "rootless"].contains(&context)),
    };
    let root = facts.root.as_deref().filter(|root| local && root.exists())?;
    let fix = "docker system prune, or move the engine's folder to a larger disk (data-root)";
    space("disk.engine", "the engine's folder", root, 2 << 30, fix)
}
