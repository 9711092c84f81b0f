//! `ringfence sandbox doctor`: whether runs work here, by looking, and then by walking the way that every run goes.

mod check;
mod engine;
mod image;
mod limits;
mod machine;
mod path;
mod reach;
mod scratch;
#[cfg(test)]
mod tests;
mod verdict;
mod vm;
mod watch;
mod workspace;

use std::path::Path as FilePath;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::cli::DoctorArgs;
use crate::commands::auth::{Depth, Ladder};
use crate::commands::run::{Order, Workspace, place};
use crate::commands::sandbox;
use crate::commands::sandbox::prune::outlasting;
use crate::config::{AgentName, Environment, Flags, Mode, Settings};
use crate::failure::{Class, Failure};
use crate::output::{Printer, Status};
use crate::runner::{Host, Row};
use check::{Check, Report};
use engine::{Looked, names};
use path::Path;

/// The longest that is waited for what may end by itself.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long an agent may take until its model has answered: a busy machine is not to read as a login that does not work.
const LIVE: Duration = Duration::from_secs(60);

/// Checks everything and returns the class that decides the exit code.
///
/// # Errors
/// A signal, and a closed standard output.
pub fn run(args: &DoctorArgs, flags: &Flags, env: &Environment, host: &Host, printer: &Printer) -> Result<Class> {
    let status = Status::new("doctor", printer.is_live());
    let doctor = Doctor { args, flags, env, host, status: &status };
    let (mode, checks) = doctor.examine();
    drop(status);
    if host.interrupts.count() > 0 {
        return Err(Failure::interrupted(host.interrupts.signal(), "interrupted").into());
    }
    let report = Report::new(mode, checks, printer.secrets());
    report.print(printer)?;
    Ok(report.class())
}

struct Doctor<'a> {
    args: &'a DoctorArgs,
    flags: &'a Flags,
    env: &'a Environment,
    host: &'a Host,
    status: &'a Status,
}

/// What all parts of an examination look at.
struct Case {
    /// As a run of the first agent would have them.
    settings: Settings,
    agents: Vec<AgentName>,
    mode: Mode,
    /// As a script's run in that mode would have them.
    script: Settings,
    /// The agents that run in that mode.
    walking: Vec<AgentName>,
    /// Those that run on the host beside them, and a script's settings there.
    beside: Option<(Vec<AgentName>, Settings)>,
    workspace: Workspace,
}

impl Doctor<'_> {
    fn examine(&self) -> (Option<Mode>, Vec<Check>) {
        match self.case() {
            Ok(case) => (Some(case.mode), self.examine_case(&case)),
            Err(check) => (None, vec![check]),
        }
    }

    /// The settings, in force for the agents that were named, else for the configured one.
    fn case(&self) -> Result<Case, Check> {
        let resolve = |agent: Option<String>, mode: Option<String>| {
            // What an engine does not enforce is looked at here one by one, and told as such.
            let mode = mode.or_else(|| self.flags.mode.clone());
            let flags = Flags { agent, mode, allow_partial: true, ..self.flags.clone() };
            Settings::resolve(&flags, self.env).map_err(|failure| Check::fail("config", &failure))
        };
        let settings = resolve(self.args.agent.first().cloned(), None)?;
        let mut agents: Vec<AgentName> = Vec::new();
        for agent in self.args.agent.iter().filter_map(|name| name.parse().ok()) {
            if !agents.contains(&agent) {
                agents.push(agent);
            }
        }
        if agents.is_empty() {
            agents.push(settings.agent.value);
        }
        let modes: Vec<Mode> = agents.iter().map(|agent| settings.mode_for(*agent).value).collect();
        // One that runs in a container is enough for everything about containers.
        let mode = modes.iter().copied().find(|mode| mode.is_container()).unwrap_or(modes[0]);
        let script = resolve(Some(AgentName::Shell.to_string()), Some(mode.to_string()))?;
        let workspace = Workspace::open(self.args.workspace.as_deref())
            .map_err(|error| Check::fail("workspace", &Failure::of(&error)))?;
        let is_walking = |agent: &AgentName| settings.mode_for(*agent).value.is_container() == mode.is_container();
        let (walking, beside): (Vec<AgentName>, Vec<AgentName>) = agents.iter().partition(|agent| is_walking(agent));
        let beside = if beside.is_empty() {
            None
        } else {
            Some((beside, resolve(Some(AgentName::Shell.to_string()), Some(Mode::Host.to_string()))?))
        };
        Ok(Case { settings, agents, mode, script, walking, beside, workspace })
    }

    fn examine_case(&self, case: &Case) -> Vec<Check> {
        self.status.doing("looking");
        let mut checks = machine::configuration(&case.settings);
        checks.extend(machine::modes(&case.settings, &case.agents));
        checks.extend(machine::workspace(&case.workspace, case.mode));
        let planned = self.planned(case);
        let runs = !planned.failed();
        checks.push(planned);
        let early = self.args.quick || !runs;
        let (looked, early_logins) = thread::scope(|scope| {
            let logins = early.then(|| scope.spawn(|| self.logins(case, Depth::Found)));
            (self.look(case), logins.map(|logins| logins.join().unwrap_or_default()))
        });
        let (Looked { checks: seen, untold, leftovers }, seen_at) = (looked, Instant::now());
        checks.extend(seen);
        let here =
            if case.mode.is_container() { case.beside.as_ref().map(|(agents, _)| agents) } else { Some(&case.walking) };
        let here = here.into_iter().flatten().filter(|agent| agent.is_model());
        checks.extend(here.map(|agent| machine::agent(*agent, self.host, !self.args.quick)));
        if case.mode.is_container() {
            checks.push(machine::agents_here());
        }
        let broken = checks.iter().any(|check| check.failed() && !check.id().starts_with("agent."));
        if let Some(logins) = early_logins {
            checks.extend(
                untold
                    .iter()
                    .map(|agent| Check::skip(format!("agent.{agent}"), "the image does not say whether it has it")),
            );
            checks.push(Check::skip(
                "run",
                if self.args.quick { "left out: --quick" } else { "not tried: a run cannot begin" },
            ));
            checks.extend(logins);
            return checks;
        }
        if broken {
            checks.push(Check::skip("run", "not tried: what failed above must work first"));
            checks.extend(self.logins(case, Depth::Found));
            return checks;
        }
        checks.extend(self.walk(case, &untold));
        checks.extend(self.walk_here(case));
        if !leftovers.is_empty() && self.host.interrupts.count() == 0 {
            checks.retain(|check| check.id() != "leftovers");
            checks.push(self.sweep(&case.script, leftovers, seen_at));
        }
        checks
    }

    /// Whether a run can be planned: what it needs of the environment, and of this version.
    fn planned(&self, case: &Case) -> Check {
        let path = self.path(case, &[]);
        let nothing = Order::of_ours(case.script.clone(), case.workspace.clone(), "true", Vec::new());
        match path.plan(&nothing, "doctor") {
            Err(error) => Check::fail("plan", &Failure::of(&error)),
            Ok(plan) => {
                let git = case.workspace.common_git_folder().and_then(Result::err);
                let told =
                    |warning: &&String| case.settings.warnings.contains(warning) || git.as_ref() == Some(warning);
                let news: Vec<&str> =
                    plan.warnings().iter().filter(|warning| !told(warning)).map(String::as_str).collect();
                if news.is_empty() {
                    return Check::ok("plan", "a run has all that it must be handed");
                }
                Check::warn("plan", news.join("; "), "choose a smaller folder with -C, or: ringfence sandbox show")
            }
        }
    }

    fn path<'p>(&'p self, case: &'p Case, untold: &'p [AgentName]) -> Path<'p> {
        let Case { script, workspace, walking, .. } = case;
        Path { settings: script, workspace, agents: walking, untold, env: self.env, host: self.host }
    }

    /// The real path on the host, of the agents that run there while others run in containers.
    fn walk_here(&self, case: &Case) -> Vec<Check> {
        let Some((agents, settings)) = case.beside.as_ref().filter(|_| self.host.interrupts.count() == 0) else {
            return Vec::new();
        };
        self.status.doing("the real path on the host");
        let path = Path { settings, workspace: &case.workspace, agents, untold: &[], env: self.env, host: self.host };
        let (mut checks, started_in) = path.probe();
        if self.host.interrupts.count() == 0 && !checks.first().is_some_and(Check::failed) {
            checks.extend(path.stubborn(started_in));
        }
        checks.into_iter().map(|check| check.below("host")).collect()
    }

    fn look(&self, case: &Case) -> Looked {
        if case.mode.is_container() {
            return engine::look(&case.script, &case.walking, self.env, self.host, !self.args.quick);
        }
        Looked { checks: Vec::new(), untold: Vec::new(), leftovers: Vec::new() }
    }

    /// The real path, and the logins along it. The probe is alone, because a container that comes or goes can disturb the bridge;
    /// what is then ended by force has no network, and so does not disturb the agents.
    fn walk(&self, case: &Case, untold: &[AgentName]) -> Vec<Check> {
        self.status.doing("the real path: a probe in a throwaway sandbox");
        let path = self.path(case, untold);
        let (mut checks, started_in) = path.probe();
        if self.host.interrupts.count() > 0 {
            return checks;
        }
        if checks.first().is_some_and(Check::failed) {
            checks.extend(self.logins(case, Depth::Found));
            return checks;
        }
        self.status.doing("the real path: an agent that does not want to end, and the logins");
        let depth = if self.args.live { Depth::Live } else { Depth::Status };
        let (ended, logins) = thread::scope(|scope| {
            let ended = scope.spawn(|| {
                let path = self.path(case, untold);
                let mut checks = if case.mode.is_container() { path.inside() } else { Vec::new() };
                checks.extend(path.stubborn(started_in));
                checks
            });
            let logins = self.logins(case, depth);
            (ended.join().unwrap_or_default(), logins)
        });
        checks.extend(ended);
        checks.extend(logins);
        checks
    }

    /// Each agent's login, where that agent would run, one after the other.
    fn logins(&self, case: &Case, depth: Depth) -> Vec<Check> {
        let named = case.agents.iter().filter(|agent| agent.is_model());
        named.map(|agent| self.login(*agent, depth, &case.workspace.path)).collect()
    }

    fn login(&self, agent: AgentName, depth: Depth, workspace: &FilePath) -> Check {
        let (id, began) = (format!("auth.{agent}"), Instant::now());
        let flags = Flags { agent: Some(agent.to_string()), allow_partial: true, ..self.flags.clone() };
        let settings = match Settings::resolve(&flags, self.env) {
            Ok(settings) => settings,
            Err(failure) => return Check::fail(id, &failure),
        };
        let limit = (depth == Depth::Live).then_some(LIVE);
        let ladder = Ladder { settings, limit, depth, workspace: workspace.to_owned(), env: self.env, host: self.host };
        let (report, class) = ladder.climb();
        let check = match (report.trouble(class), report.advice()) {
            (None, None) => Check::ok(id, report.message()),
            (None, Some((late, hint))) => Check::warn(id, format!("{}; {late}", report.message()), hint),
            (Some((true, failure)), _) => Check::warn(id, failure.message, failure.hint),
            (Some((false, failure)), _) => Check::fail(id, &failure),
        };
        check.took(began.elapsed())
    }

    /// Removes what earlier runs left that nobody owns any more, once it has had the time to end by itself.
    fn sweep(&self, settings: &Settings, mut rows: Vec<Row>, seen: Instant) -> Check {
        let (id, fix, began) = ("leftovers", "ringfence sandbox prune", Instant::now());
        let engine = &place::engine(settings.mode.value, settings);
        self.status.doing("leftovers that may still end by themselves");
        let swept = outlasting(self.host, engine, &mut rows, seen, PATIENCE)
            .and_then(|ending| sandbox::remove(self.host, engine, &rows).map(|()| ending));
        let check = match swept {
            Err(error) => Check::warn(id, Failure::of(&error).message, fix),
            Ok(ending) if !ending.is_empty() => {
                Check::warn(id, format!("their ringfence is gone, and they may be ending: {}", names(&ending)), fix)
            }
            Ok(_) if rows.is_empty() => Check::ok(id, "what a ringfence that is gone had left has ended by itself"),
            Ok(_) => Check::ok(id, format!("removed, for their ringfence is gone: {}", names(&rows))),
        };
        check.took(began.elapsed())
    }
}
