//! `ringfence run`: a task to an agent, and how it ended.

mod conclude;
mod inside;
mod live;
mod place;
mod report;
mod task;
mod workspace;

use std::time::Instant;

use anyhow::Result;

use crate::agents::{self, Agent, Task};
use crate::cli::RunArgs;
use crate::config::{AgentName, Environment, Flags, Mode, Settings};
use crate::failure::{Class, Failure};
use crate::output::Printer;
use crate::runner::{self, Host, Job, Limits, Prompt, Runner};
use conclude::conclude;
use inside::Inside;
use live::Live;
use report::Report;
use workspace::Workspace;

/// Runs the task and returns the class that decides the exit code. With `--json` the one object is always printed here, once
/// the run has a name; before that, an error is the caller's to print.
pub fn run(args: RunArgs, flags: &Flags, env: &Environment, host: &Host, printer: &Printer) -> Result<Class> {
    refuse_what_is_not_there_yet(&args)?;
    let settings = Settings::resolve(flags, env)?;
    let prompt = task::read(args.task, args.file)?;
    let workspace = Workspace::open(args.workspace.as_deref())?;
    let mut plan = Plan::new(&settings, workspace, args.model, args.agent_args, env, host, args.dry_run)?;
    plan.job.prompt = prompt;
    if args.dry_run {
        return plan.show(printer);
    }
    if let Some(origin) = plan.origin.as_ref().filter(|_| printer.is_verbose()) {
        printer.note(origin);
    }
    for warning in &plan.warnings {
        printer.warning(warning);
    }
    plan.carry_out(&settings, args.raw, printer)
}

fn refuse_what_is_not_there_yet(args: &RunArgs) -> Result<(), Failure> {
    let later = [
        ("--sandbox", args.sandbox.is_some()),
        ("--loop", args.loop_id.is_some()),
        ("--allow-host", !args.allow_host.is_empty()),
        ("--max-attempts", args.max_attempts.is_some()),
        ("--events", args.events.is_some()),
        ("--fallback", args.fallback.is_some()),
    ];
    match later.iter().find(|(_, used)| *used) {
        Some((flag, _)) => Err(Failure::usage(
            format!("{flag} is not in this version of ringfence"),
            format!("leave out {flag}; ringfence run --help lists what there is"),
        )),
        None => Ok(()),
    }
}

/// A run, decided but not begun.
struct Plan {
    agent: &'static dyn Agent,
    name: AgentName,
    mode: Mode,
    job: Job,
    runner: Box<dyn Runner>,
    workspace: Workspace,
    origin: Option<String>,
    warnings: Vec<String>,
}

impl Plan {
    fn new(
        settings: &Settings,
        workspace: Workspace,
        model: Option<String>,
        agent_args: Vec<std::ffi::OsString>,
        env: &Environment,
        host: &Host,
        dry: bool,
    ) -> Result<Self> {
        let name = settings.agent.value;
        let mode = settings.mode_for(name).value;
        let agent = agents::agent(name);
        let place = place::choose(mode, settings, &workspace, env, host)?;
        let Inside { variables, files, links, origin, mut warnings } =
            inside::prepare(mode, agent, settings, &place, env, host, dry)?;
        warnings.splice(0..0, settings.warnings.iter().cloned().chain(place.warnings));
        let handed = |name| variables.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_os_str());
        let endpoint =
            agent.endpoint().and_then(|name| handed(name).or_else(|| env.get(name).filter(|_| mode == Mode::Host)));
        let endpoint = endpoint.map(|value| value.to_string_lossy().into_owned());
        let task = Task { model, args: agent_args, as_root: place.as_root, endpoint };
        let mut command = agent.command(&task);
        command.cwd = Some(workspace.path.clone());
        command.env.extend(variables);
        let run_id = runner::new_run_id()?;
        let prompt_on = if agent.task_is_program() { Prompt::Fd4 } else { Prompt::Stdin };
        let job = Job { run_id, command, prompt: Vec::new(), prompt_on, files, links };
        Ok(Plan { agent, name, mode, job, runner: place.runner, workspace, origin, warnings })
    }

    /// `--dry-run`.
    fn show(&self, printer: &Printer) -> Result<Class> {
        let outside = self.runner.plan(&self.job).to_string();
        let inside = self.job.command.to_string();
        if printer.is_json() {
            printer.json(&serde_json::json!({
                "ok": true, "schema": "ringfence.plan/1", "mode": self.mode, "workspace": self.workspace.path.to_string_lossy(),
                "commands": [outside], "agentCommand": inside, "warnings": self.warnings,
            }))?;
        } else {
            printer.line(&outside)?;
            printer.line(&format!("# inside, by a frame over standard input: {inside}"))?;
            for warning in &self.warnings {
                printer.warning(warning);
            }
        }
        Ok(Class::Ok)
    }

    fn carry_out(self, settings: &Settings, raw: bool, printer: &Printer) -> Result<Class> {
        let limits = Limits {
            timeout: settings.run.timeout.value,
            idle_timeout: settings.run.idle_timeout.value,
            grace: settings.run.grace.value,
        };
        let limit = usize::try_from(settings.run.output_limit.bytes()).unwrap_or(usize::MAX);
        let report = Report::begin(&self.job.run_id, self.name, self.mode, &self.workspace.path);
        let began = Instant::now();
        let mut live = Live::new(self.agent, &self.name.to_string(), limit, raw, printer);
        let result = self.runner.run(&self.job, &limits, &mut live);
        let (mut reader, warnings) = live.finish();
        let duration = began.elapsed();
        let conclusion = conclude(result, reader.as_mut(), self.agent, self.name, &limits);
        let warnings = [self.warnings, warnings].concat();
        let shown = raw || self.agent.answers_raw();
        report.finish(conclusion, reader.as_ref(), warnings, duration, shown, printer)
    }
}
