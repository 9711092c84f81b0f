//! A run, decided but not begun: which agent, where, and with what.

use std::cell::RefCell;
use std::ffi::OsString;

use anyhow::Result;

use super::attachments::{self, Attachment, Root};
use super::conclude::{Conclusion, conclude};
use super::inside::{self, Inside};
use super::live::{Live, Seen, end_of};
use super::order::Order;
use super::place::{self, Instead};
use super::reach::Reach;
use super::warm::{self, Wanted};
use super::workspace::Workspace;
use crate::agents::{self, Agent, Task, Usage};
use crate::config::{AgentName, Environment, HostRule, Mode, Settings};
use crate::credentials::Ask;
use crate::egress::{self, Knocks, Policy};
use crate::failure::{Class, Failure};
use crate::output::Printer;
use crate::runner::{Host, Job, Limits, Outcome, Prompt, Runner, Service};

/// What the caller wants of this run in particular.
#[derive(Clone)]
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
    /// The warm sandbox to run in, if any.
    pub sandbox: Option<Wanted>,
    /// What it may reach, but for the listed hosts.
    pub reach: Reach,
}

/// A run, decided but not begun.
pub struct Plan {
    raw: bool,
    pub(super) agent: &'static dyn Agent,
    pub(super) name: AgentName,
    mode: Mode,
    pub(super) job: Job,
    pub(super) runner: Box<dyn Runner>,
    sandbox: Option<String>,
    instead: Option<Instead>,
    workspace: Workspace,
    /// What the agent can reach of the host's files, and where it sees it.
    roots: Vec<Root>,
    /// What its only way out lets through, where it has but one.
    policy: Option<Policy>,
    learn: bool,
    limits: Limits,
    output_limit: usize,
    /// Commands that had to be asked before the run, as they were typed.
    asked: Vec<String>,
    origin: Option<String>,
    pub(super) warnings: Vec<String>,
}

impl Plan {
    /// The plan for one attempt at `order`, under the name `run_id`.
    pub fn of(order: &Order, run_id: &str, env: &Environment, host: &Host) -> Result<Self> {
        Plan::new(&order.settings, order.workspace.clone(), order.wish.clone(), run_id, env, host)
    }

    /// Decides everything. A dry plan asks no `token_command`.
    pub fn new(
        settings: &Settings,
        workspace: Workspace,
        wish: Wish,
        run_id: &str,
        env: &Environment,
        host: &Host,
    ) -> Result<Self> {
        let asked = RefCell::new(Vec::new());
        let ask = inside::asker(host, wish.dry, &asked);
        let plan = Plan::asking(settings, workspace, wish, run_id, env, host, &ask)?;
        Ok(Plan { asked: asked.take(), ..plan })
    }

    /// The same with a way of its own to ask the commands that it needs answers from.
    pub fn asking(
        settings: &Settings,
        workspace: Workspace,
        wish: Wish,
        run_id: &str,
        env: &Environment,
        host: &Host,
        ask: Ask<'_>,
    ) -> Result<Self> {
        let name = settings.agent.value;
        let mode = settings.mode_for(name).value;
        let agent = agents::agent(name);
        inside::register(settings, env, &host.secrets);
        workspace.still_there()?;
        let place = match wish.sandbox {
            Some(wanted) if mode.is_container() => {
                warm::place(wanted, settings, &wish.reach, agent, &workspace, env, host)?
            }
            _ => place::choose(mode, settings, &wish.reach, agent, &workspace, env, host)?,
        };
        let Inside { mut variables, files, links, origin, anonymous, secrets, mut warnings } =
            inside::prepare(mode, agent, settings, place.host_name.as_ref(), &place.forwarded, env, ask)?;
        if place.far {
            warnings.extend(out_of_reach(&variables));
        }
        if place.policy.is_some() {
            warnings.extend(use_door(&mut variables));
        }
        for secret in &secrets {
            host.secrets.add(secret);
        }
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
            raw: wish.raw,
            agent,
            name,
            mode,
            job: Job {
                run_id: run_id.to_owned(),
                command,
                prompt: wish.prompt,
                prompt_on,
                files,
                links,
                relays: Vec::new(),
                door: None,
            },
            policy: place.policy,
            learn: wish.reach.learn,
            runner: place.runner,
            sandbox: place.sandbox,
            instead: place.instead,
            workspace,
            roots: place.roots,
            limits: Limits {
                timeout: settings.run.timeout.value,
                idle_timeout: settings.run.idle_timeout.value,
                grace: settings.run.grace.value,
            },
            output_limit: usize::try_from(settings.run.output_limit.bytes()).unwrap_or(usize::MAX),
            asked: Vec::new(),
            origin,
            warnings,
        })
    }

    /// `--dry-run`.
    pub fn show(&self, printer: &Printer) -> Result<Class> {
        let safe = |text: &str| printer.secrets().redact(text).into_owned();
        let mut commands = self.asked.clone();
        commands.extend(self.runner.companions(&self.job).iter().map(|command| command.shown(safe)));
        commands.push(self.runner.plan(&self.job).shown(safe));
        let inside = self.job.command.shown(safe);
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
            self.announce(&[], printer);
        }
        Ok(Class::Ok)
    }

    /// What the caller should know before it begins, and does not know yet.
    pub fn announce(&self, known: &[String], printer: &Printer) {
        if let Some(origin) = self.origin.as_ref().filter(|_| printer.is_verbose()) {
            printer.note(origin);
        }
        for warning in self.warnings.iter().filter(|warning| !known.contains(warning)) {
            printer.warning(warning);
        }
    }

    /// Runs it.
    pub fn carry_out(mut self, printer: &Printer) -> Attempt {
        let mut live = Live::new(self.agent, &self.name.to_string(), self.output_limit, self.raw, printer);
        let mut result = self.runner.run(&self.job, &self.limits, &mut live);
        if let Some(instead) = self.instead.take() {
            let is_missing = is_sandbox_missing(&result);
            for warning in if is_missing { instead.warnings } else { instead.otherwise } {
                live.warn(warning);
            }
            if is_missing {
                // Nothing was started, so nothing happens twice.
                self.sandbox = None;
                result = instead.runner.run(&self.job, &self.limits, &mut live);
            }
        }
        if let Ok(Outcome { inside: Some(inside), .. }) = &result {
            // A sandbox that was made for a folder above has that one where this run's own container would have its workspace.
            self.roots.splice(..1, [Root { outside: self.workspace.path.clone(), inside: inside.into() }]);
        }
        if let Ok(outcome) = &result {
            let lacking = (!outcome.lacking.is_empty()).then(|| place::without("the engine", &outcome.lacking));
            for warning in lacking.into_iter().chain(outcome.warnings.iter().cloned()) {
                live.warn(warning);
            }
        }
        let Seen { mut reader, warnings, bytes, tail } = live.finish();
        let conclusion = conclude(result, reader.as_mut(), self.agent, self.name, &self.limits, printer.secrets());
        let shown = (self.raw || self.agent.answers_raw()) && !printer.is_json();
        let taken = attachments::take(if shown { &[] } else { reader.answer() }, &self.roots);
        for warning in &taken.warnings {
            printer.warning(warning);
        }
        let tail = match (tail, taken.text.is_empty(), &conclusion.outcome) {
            (Some(tail), ..) if !tail.is_empty() => tail,
            (_, true, Some(outcome)) => end_of(outcome.stderr_tail.as_bytes(), printer.secrets()),
            _ => end_of(&taken.text, printer.secrets()),
        };
        let knocks = self.knocks(&conclusion);
        let learnt = self.policy.as_ref().filter(|_| self.learn).map(|policy| policy.missing(&knocks));
        let lost = self.policy.is_some() && conclusion.outcome.as_ref().is_some_and(|outcome| outcome.door.is_none());
        let lost = lost.then(|| {
            let warning = "the sandbox's door was ended from outside: from then on the agent had no network, and what was denied is not known";
            printer.warning(warning);
            warning.to_owned()
        });
        Attempt {
            sandbox: self.sandbox,
            knocks,
            learnt,
            conclusion,
            answer: taken.text.into_owned(),
            truncated: reader.truncated(),
            shown,
            bytes,
            tail,
            attachments: taken.attachments,
            session: reader.session().map(str::to_owned),
            usage: reader.usage(),
            warnings: [self.warnings, warnings, taken.warnings, lost.into_iter().collect()].concat(),
        }
    }
}

impl Plan {
    /// What knocked at the door.
    fn knocks(&self, conclusion: &Conclusion) -> Knocks {
        let outcome = conclusion.outcome.as_ref();
        let table = outcome.and_then(|outcome| outcome.door.as_deref()).unwrap_or_default();
        Knocks::read(table, outcome.map_or(0, |outcome| outcome.strays), self.sandbox.as_deref())
    }
}

/// That a variable names a service which no other machine can reach.
fn out_of_reach(variables: &[(String, OsString)]) -> Vec<String> {
    let is_here = |value: &OsString| value.to_str().and_then(Service::of).is_some_and(|service| service.here);
    let named = variables.iter().filter(|(_, value)| is_here(value));
    named
        .map(|(name, _)| {
            format!("{name} names a service of this machine, which an engine on another one does not reach")
        })
        .collect()
}

/// Takes out the caller's own proxies, which cannot be reached; the door sets them.
fn use_door(variables: &mut Vec<(String, OsString)>) -> Option<String> {
    let ours = egress::variables();
    let is_ours = |name: &str| ours.iter().any(|(known, _)| *known == name);
    let replaced: Vec<String> =
        variables.iter().filter(|(name, _)| is_ours(name)).map(|(name, _)| name.clone()).collect();
    variables.retain(|(name, _)| !is_ours(name));
    let names = replaced.join(", ");
    (!replaced.is_empty()).then(|| format!("{names}: not handed in, for only the sandbox's own proxy can be reached"))
}

/// What came of one attempt.
pub struct Attempt {
    /// The warm sandbox that it was in, if it was in one.
    pub sandbox: Option<String>,
    /// What knocked at the sandbox's door.
    pub knocks: Knocks,
    /// With `--learn`, the hosts that would have had to be listed.
    pub learnt: Option<Vec<HostRule>>,
    /// How it ended.
    pub conclusion: Conclusion,
    /// The agent's answer, where it is not on standard output already.
    pub answer: Vec<u8>,
    /// Whether the answer was longer than what is kept.
    pub truncated: bool,
    /// Whether the agent's output went to standard output as it came.
    pub shown: bool,
    /// How much the agent wrote on its standard output.
    pub bytes: u64,
    /// The end of what the agent said.
    pub tail: String,
    /// The files that the answer names.
    pub attachments: Vec<Attachment>,
    /// The id under which the agent can resume.
    pub session: Option<String>,
    /// What was used.
    pub usage: Usage,
    /// What the caller should know.
    pub warnings: Vec<String>,
}

impl Attempt {
    /// An attempt that failed before anything was started.
    pub fn failed(failure: Failure) -> Self {
        Attempt {
            sandbox: None,
            knocks: Knocks::default(),
            learnt: None,
            conclusion: Conclusion { failure: Some(failure), outcome: None },
            answer: Vec::new(),
            truncated: false,
            shown: false,
            bytes: 0,
            tail: String::new(),
            attachments: Vec::new(),
            session: None,
            usage: Usage::default(),
            warnings: Vec::new(),
        }
    }
}

fn is_sandbox_missing(result: &Result<Outcome>) -> bool {
    result.as_ref().is_err_and(|error| Failure::of(error).class == Class::SandboxMissing)
}
