//! A run, decided but not begun: which agent, where, and with what.

use std::cell::RefCell;
use std::ffi::OsString;

use anyhow::Result;

use super::attachments::Root;
use super::inside::{self, Inside};
use super::order::Order;
use super::place::{self, Instead};
use super::reach::Reach;
use super::warm::{self, Wanted};
use super::workspace::Workspace;
use crate::agents::{self, Agent, Task};
use crate::config::{AgentName, Environment, Mode};
use crate::credentials::Ask;
use crate::egress::{self, Policy};
use crate::failure::Class;
use crate::output::Printer;
use crate::runner::{Host, Job, Limits, Prompt, Runner, Service};

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
    pub(super) raw: bool,
    pub(super) agent: &'static dyn Agent,
    pub(super) name: AgentName,
    mode: Mode,
    pub(super) job: Job,
    pub(super) runner: Box<dyn Runner>,
    pub(super) sandbox: Option<String>,
    pub(super) instead: Option<Instead>,
    pub(super) workspace: Workspace,
    /// What the agent can reach of the host's files, and where it sees it.
    pub(super) roots: Vec<Root>,
    /// What its only way out lets through, where it has but one.
    pub(super) policy: Option<Policy>,
    pub(super) learn: bool,
    pub(super) limits: Limits,
    /// How much of the answer is kept, bytes.
    pub(super) output_limit: usize,
    /// Commands that had to be asked before the run, as they were typed.
    asked: Vec<String>,
    origin: Option<String>,
    pub(super) warnings: Vec<String>,
}

impl Plan {
    /// Decides everything for one attempt at `order`, under the name `run_id`. A dry one asks no `token_command`.
    ///
    /// # Errors
    /// What keeps a run from being begun: the workspace, the place, what is to be handed in.
    pub fn new(order: &Order, run_id: &str, env: &Environment, host: &Host) -> Result<Self> {
        let asked = RefCell::new(Vec::new());
        let ask = inside::asker(host, order.wish.dry, &asked);
        let plan = Plan::asking(order, run_id, env, host, &ask)?;
        Ok(Plan { asked: asked.take(), ..plan })
    }

    /// The same with a way of its own to ask the commands that it needs answers from.
    ///
    /// # Errors
    /// As [`Plan::new`].
    pub fn asking(order: &Order, run_id: &str, env: &Environment, host: &Host, ask: Ask<'_>) -> Result<Self> {
        let Order { settings, workspace, wish, .. } = order;
        let name = settings.agent.value;
        let mode = order.mode();
        let agent = agents::agent(name);
        inside::register(settings, env, &host.secrets);
        workspace.still_there()?;
        let place = match &wish.sandbox {
            Some(wanted) if mode.is_container() => warm::place(wanted, order, env, host)?,
            _ => place::choose(order, env, host)?,
        };
        let Inside { mut variables, files, links, origin, anonymous, secrets, mut warnings } =
            inside::prepare(mode, settings, place.host_name.as_ref(), &place.forwarded, env, ask)?;
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
        let endpoint = agent.endpoint().and_then(|name| endpoint(name, &variables, mode, env));
        let task = Task { model: wish.model.clone(), args: wish.agent_args.clone(), endpoint, as_root: place.as_root };
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
                prompt: wish.prompt.clone(),
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
            workspace: workspace.clone(),
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
    ///
    /// # Errors
    /// A closed standard output.
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
}

/// The address in the variable `name`, as the agent has it.
fn endpoint(name: &str, handed: &[(String, OsString)], mode: Mode, env: &Environment) -> Option<String> {
    let handed = handed.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_os_str());
    let value = handed.or_else(|| env.get(name).filter(|_| mode == Mode::Host))?;
    Some(value.to_string_lossy().into_owned())
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
