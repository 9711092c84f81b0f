//! A run, decided but not begun: which agent, where, and with what.

use std::cell::RefCell;
use std::ffi::OsString;
use std::time::Instant;

use anyhow::Result;

use super::conclude::conclude;
use super::inside::{self, Inside};
use super::live::Live;
use super::place;
use super::report::Report;
use super::workspace::Workspace;
use crate::agents::{self, Agent, Task};
use crate::config::{AgentName, Environment, Mode, Settings};
use crate::failure::Class;
use crate::output::Printer;
use crate::runner::{Host, Job, Limits, Prompt, Runner};

/// What the caller wants of this run in particular.
pub struct Wish {
    /// The task.
    pub prompt: Vec<u8>,
    /// The model, in the agent's own spelling.
    pub model: Option<String>,
    /// Arguments for the agent itself.
    pub agent_args: Vec<OsString>,
    /// Whether the agent's stream is passed through untouched.
    pub raw: bool,
    /// Whether nothing is run at all.
    pub dry: bool,
}

/// A run, decided but not begun.
pub struct Plan {
    /// Whether it is only to be shown.
    pub dry: bool,
    raw: bool,
    agent: &'static dyn Agent,
    name: AgentName,
    mode: Mode,
    job: Job,
    runner: Box<dyn Runner>,
    workspace: Workspace,
    limits: Limits,
    output_limit: usize,
    /// Commands that had to be asked before the run, as they were typed.
    asked: Vec<String>,
    origin: Option<String>,
    warnings: Vec<String>,
}

impl Plan {
    /// Decides everything. A dry plan asks no `token_command`.
    pub fn new(
        settings: &Settings,
        workspace: Workspace,
        wish: Wish,
        run_id: &str,
        env: &Environment,
        host: &Host,
    ) -> Result<Self> {
        let name = settings.agent.value;
        let mode = settings.mode_for(name).value;
        let agent = agents::agent(name);
        let place = place::choose(mode, settings, &workspace, env, host)?;
        let asked = RefCell::new(Vec::new());
        let ask = inside::asker(host, wish.dry, &asked);
        let Inside { variables, files, links, origin, anonymous, mut warnings } =
            inside::prepare(mode, agent, settings, place.host_name, env, &ask)?;
        warnings.splice(0..0, settings.warnings.iter().cloned().chain(place.warnings));
        let handed = |name| variables.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_os_str());
        let endpoint =
            agent.endpoint().and_then(|name| handed(name).or_else(|| env.get(name).filter(|_| mode == Mode::Host)));
        let endpoint = endpoint.map(|value| value.to_string_lossy().into_owned());
        let task = Task { model: wish.model, args: wish.agent_args, endpoint, as_root: place.as_root };
        let mut command = agent.command(&task);
        command.cwd = Some(workspace.path.clone());
        let unset = |name: &str| !variables.iter().any(|(known, _)| known == name);
        let guard = agent.without_login(&task).filter(|(name, _)| anonymous && unset(name));
        command.env.extend(guard.map(|(name, value)| (name.to_owned(), value.into())));
        command.env.extend(variables);
        let prompt_on = if agent.task_is_program() { Prompt::Fd4 } else { Prompt::Stdin };
        Ok(Plan {
            dry: wish.dry,
            raw: wish.raw,
            agent,
            name,
            mode,
            job: Job { run_id: run_id.to_owned(), command, prompt: wish.prompt, prompt_on, files, links },
            runner: place.runner,
            workspace,
            limits: Limits {
                timeout: settings.run.timeout.value,
                idle_timeout: settings.run.idle_timeout.value,
                grace: settings.run.grace.value,
            },
            output_limit: usize::try_from(settings.run.output_limit.bytes()).unwrap_or(usize::MAX),
            asked: asked.take(),
            origin,
            warnings,
        })
    }

    /// `--dry-run`.
    pub fn show(&self, printer: &Printer) -> Result<Class> {
        let mut commands = self.asked.clone();
        commands.push(self.runner.plan(&self.job).to_string());
        let inside = self.job.command.to_string();
        if printer.is_json() {
            printer.json(&serde_json::json!({
                "ok": true, "schema": "ringfence.plan/1", "mode": self.mode, "workspace": self.workspace.path.to_string_lossy(),
                "commands": commands, "agentCommand": inside, "warnings": self.warnings,
            }))?;
        } else {
            for command in commands {
                printer.line(&command)?;
            }
            printer.line(&format!("# inside, by a frame over standard input: {inside}"))?;
            self.announce(printer);
        }
        Ok(Class::Ok)
    }

    /// What the caller should know before it begins.
    pub fn announce(&self, printer: &Printer) {
        if let Some(origin) = self.origin.as_ref().filter(|_| printer.is_verbose()) {
            printer.note(origin);
        }
        for warning in &self.warnings {
            printer.warning(warning);
        }
    }

    /// Runs it, prints the result and returns its class.
    pub fn carry_out(self, report: Report, printer: &Printer) -> Result<Class> {
        let report = report.of(self.name, self.mode, &self.workspace.path);
        let began = Instant::now();
        let mut live = Live::new(self.agent, &self.name.to_string(), self.output_limit, self.raw, printer);
        let result = self.runner.run(&self.job, &self.limits, &mut live);
        let (mut reader, warnings) = live.finish();
        let duration = began.elapsed();
        let conclusion = conclude(result, reader.as_mut(), self.agent, self.name, &self.limits);
        let warnings = [self.warnings, warnings].concat();
        let shown = self.raw || self.agent.answers_raw();
        report.finish(conclusion, reader.as_ref(), warnings, duration, shown, printer)
    }
}
