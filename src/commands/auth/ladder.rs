//! The ladder: found, parsed, unexpired, outlives, status, live. The first rung that breaks decides.

use std::cell::RefCell;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Result;
use jiff::Timestamp;

use super::report::{Failed, Report, Rung, SCHEMA, UNKNOWN, code};
use crate::agents::{Login, login, status_command};
use crate::command::CommandSpec;
use crate::commands::run::{Order, Plan, Workspace, asker, remembering};
use crate::config::{AgentName, Environment, Mode, Settings, duration_text};
use crate::credentials::{self, Ask, Examined, Reader};
use crate::failure::{Class, Failure};
use crate::runner::{self, Host, Limits};

/// How long the agent may take on the host, and in a container, where nothing else was said.
const HOST_LIMIT: Duration = Duration::from_secs(15);
const CONTAINER_LIMIT: Duration = Duration::from_secs(20);
/// The longest grace: nothing that a probe starts has work to save.
const GRACE: Duration = Duration::from_secs(2);

pub(super) const RUNGS: [&str; 6] = ["found", "parsed", "unexpired", "outlives", "status", "live"];
const PROMPT: &str = "Reply with the single word: pong";

/// How far a ladder is climbed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Depth {
    /// What can be told without starting anything.
    Found,
    /// The agent's own status command as well.
    Status,
    /// A request of one word to its server as well.
    Live,
}

/// What to check, and where.
pub struct Ladder<'a> {
    /// In which the agent and the mode are those asked for.
    pub settings: Settings,
    /// The wall clock of all that is started.
    pub limit: Option<Duration>,
    /// How far to climb.
    pub depth: Depth,
    /// Where the agent would work.
    pub workspace: PathBuf,
    /// The caller's environment.
    pub env: &'a Environment,
    /// This machine.
    pub host: &'a Host,
}

/// The rungs so far.
#[derive(Default)]
struct Climbed {
    rungs: Vec<Rung>,
    /// Whether something was started where the agent would run.
    started: Option<bool>,
    /// What is worth doing although nothing broke.
    advice: Option<String>,
}

impl Climbed {
    fn rung(&mut self, ok: Option<bool>, detail: impl Into<String>, since: Instant) {
        let ms = u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.rungs.push(Rung { name: RUNGS[self.rungs.len()], ok, detail: detail.into(), ms });
    }

    /// A rung that broke.
    fn broke(&mut self, failure: Failure, since: Instant) -> Failure {
        let cause = failure.cause.as_ref().map(|cause| format!(" ({cause})")).unwrap_or_default();
        self.rung(Some(false), format!("{}{cause}", failure.message), since);
        failure
    }
}

impl Ladder<'_> {
    fn agent(&self) -> AgentName {
        self.settings.agent.value
    }

    fn mode(&self) -> Mode {
        self.settings.mode_for(self.agent()).value
    }

    /// Climbs as far as it holds. The class decides the exit code.
    pub fn climb(self) -> (Report, Class) {
        let began = Instant::now();
        let mut climbed = Climbed::default();
        let (asked, answers) = (RefCell::default(), RefCell::default());
        let limit = self.limit.unwrap_or(if self.mode().is_container() { CONTAINER_LIMIT } else { HOST_LIMIT });
        let until = began + limit;
        let ask = asker(self.host, false, &asked);
        let ask = |spec: &CommandSpec, patience: Duration| {
            ask(spec, patience.min(until.saturating_duration_since(Instant::now())))
        };
        // The token that is looked at is the one that is then handed in: its command is asked once.
        let ask = remembering(ask, &answers);
        let mut examined = self.examine((self.depth > Depth::Found).then_some(&ask));
        if let Some(flaw) =
            examined.flaw.as_mut().filter(|flaw| flaw.class == Class::AuthMissing && Instant::now() >= until)
        {
            flaw.class = Class::Timeout;
            "give it longer: --timeout 60s".clone_into(&mut flaw.hint);
        }
        let end = self
            .static_rungs(&examined, &mut climbed, began)
            .and_then(|()| self.asked_rungs(&examined, &mut climbed, &ask, until));
        for name in &RUNGS[climbed.rungs.len()..] {
            climbed.rungs.push(Rung { name, ok: None, detail: "not reached".into(), ms: 0 });
        }
        let (class, message, hint) = match end {
            Ok(message) => (Class::Ok, message, climbed.advice),
            Err(failure) => (failure.class, failure.message, Some(failure.hint)),
        };
        let cannot_start = [
            Class::DaemonUnreachable,
            Class::DaemonPermission,
            Class::ImageMissing,
            Class::InvalidImage,
            Class::CliMissing,
        ];
        let report = Report {
            schema: SCHEMA,
            available: if cannot_start.contains(&class) { Some(false) } else { climbed.started },
            authenticated: class == Class::Ok,
            checked_at: runner::now_rfc3339(),
            execution_environment: Some(if self.mode().is_container() { "sandbox" } else { "host" }),
            message,
            code: if class == Class::AuthMissing && climbed.rungs.iter().any(|rung| rung.detail.ends_with(UNTOLD)) {
                UNKNOWN
            } else {
                code(class)
            },
            agent: self.agent(),
            source: examined.source,
            shadowed: examined.shadowed,
            expires_at: examined.expires.map(|end| end.to_string()),
            rungs: climbed.rungs,
            hint,
            failed: Failed::of(class),
        };
        (report, class)
    }

    fn examine(&self, ask: Option<Ask<'_>>) -> Examined {
        let reader = if self.mode().is_container() { Reader::Lease } else { Reader::Agent };
        let agent = self.agent();
        credentials::examine(agent, self.settings.agent(agent), self.env, &self.settings.variables, reader, ask)
    }

    /// What can be told without asking anybody.
    fn static_rungs(&self, examined: &Examined, climbed: &mut Climbed, began: Instant) -> Result<(), Failure> {
        let agent = self.agent();
        let Some(source) = &examined.source else {
            // It may have means that ringfence does not know: a keychain, a key helper, a cloud's own login.
            climbed.rung(None, format!("no {agent} credential was found; {}", examined.fix), began);
            for _ in 1..4 {
                climbed.rung(None, "nothing to look at", Instant::now());
            }
            return Ok(());
        };
        let shadowed = if examined.shadowed.is_empty() {
            String::new()
        } else {
            format!(", which shadows {}", examined.shadowed.join(", "))
        };
        climbed.rung(Some(true), format!("{source}{shadowed}"), began);
        if examined.unasked {
            for _ in 1..4 {
                climbed.rung(None, "the command was not asked", Instant::now());
            }
            return Ok(());
        }
        let now = Instant::now();
        if let Some(flaw) = &examined.flaw {
            return Err(climbed.broke(flaw.clone(), now));
        }
        climbed.rung(Some(true), "it has what a login needs", now);
        if let Some(expired) = &examined.expired {
            return Err(climbed.broke(expired.clone(), now));
        }
        self.lasts(examined, climbed);
        Ok(())
    }

    /// The two rungs about its end.
    fn lasts(&self, examined: &Examined, climbed: &mut Climbed) {
        let now = Instant::now();
        let Some(expires) = examined.expires else {
            climbed.rung(Some(true), "it names no end", now);
            climbed.rung(None, "it names no end", now);
            return;
        };
        let left = Duration::try_from(expires.duration_since(Timestamp::now())).unwrap_or_default();
        let left_text = duration_text(Duration::from_secs(left.as_secs()));
        let agent = self.agent();
        if examined.renewable {
            let renews = format!("{agent} renews it by itself");
            climbed.rung(Some(true), format!("until {expires}; {renews}"), now);
            climbed.rung(Some(true), renews, now);
            return;
        }
        climbed.rung(Some(true), format!("{left_text} left, until {expires}"), now);
        match self.settings.run.timeout.value {
            None => climbed.rung(Some(false), format!("{left_text} left, and run.timeout is none"), now),
            Some(timeout) if left < timeout => {
                climbed.rung(
                    Some(false),
                    format!("{left_text} left, less than run.timeout ({})", duration_text(timeout)),
                    now,
                );
            }
            Some(timeout) => {
                climbed.rung(Some(true), format!("longer than run.timeout ({})", duration_text(timeout)), now);
            }
        }
        if climbed.rungs.last().is_some_and(|rung| rung.ok == Some(false)) {
            climbed.advice = Some(examined.renew.to_owned());
        }
    }

    /// What the agent itself says, and then its server.
    fn asked_rungs(
        &self,
        examined: &Examined,
        climbed: &mut Climbed,
        ask: Ask<'_>,
        until: Instant,
    ) -> Result<String, Failure> {
        if self.depth == Depth::Found {
            return self.unasked(examined, climbed);
        }
        let limits = || Limits {
            timeout: Some(until.saturating_duration_since(Instant::now()).max(Duration::from_secs(1))),
            idle_timeout: None,
            grace: self.settings.run.grace.value.min(GRACE),
        };
        let agent = self.agent();
        let now = Instant::now();
        let plan = self.plan(ask).map_err(|error| climbed.broke(Failure::of(&error), now))?;
        let source = examined.source.as_deref().unwrap_or("a login of its own");
        let Some(command) = status_command(agent) else {
            return Err(Failure::usage("a script needs no login", "name an agent: claude, codex or opencode"));
        };
        let answer = plan.ask(command, &limits()).map_err(|error| climbed.broke(Failure::of(&error), now))?;
        climbed.started = Some(true);
        let by_key = examined.source.as_ref().is_some_and(|source| source.starts_with('$'));
        let missing = |message: &str| Failure::new(Class::AuthMissing, message, examined.fix);
        let said = login(agent, answer.code, &answer.stdout, &answer.stderr, by_key);
        match &said {
            Login::Accepted(words) => climbed.rung(Some(true), words, now),
            Login::Refused(words) => return Err(climbed.broke(missing(words), now)),
            Login::Unsaid(words) => {
                climbed.rung(None, format!("{words}{}", if self.depth == Depth::Status { UNTOLD } else { "" }), now);
            }
        }
        if self.depth == Depth::Status {
            climbed.rung(None, "left out: --quick", Instant::now());
            return match said {
                Login::Accepted(_) => {
                    Ok(format!("{agent} says that it is logged in, by {source}; its server was not asked"))
                }
                _ => Err(self.untold(&format!("there is {source}"))),
            };
        }
        let now = Instant::now();
        let failure =
            plan.try_out(&limits(), &self.host.secrets).map_err(|error| climbed.broke(Failure::of(&error), now))?;
        if let Some(failure) = failure {
            return Err(climbed.broke(failure, now));
        }
        climbed.rung(Some(true), "it answered a request of one word", now);
        Ok(format!("{agent} is logged in, by {source}: it answered"))
    }

    /// The end of a ladder that asks nobody.
    fn unasked(&self, examined: &Examined, climbed: &mut Climbed) -> Result<String, Failure> {
        let agent = self.agent();
        climbed.rung(None, format!("nobody was asked{UNTOLD}"), Instant::now());
        let Some(source) = &examined.source else {
            let message = format!("no {agent} credential was found, and {agent} was not asked for one of its own");
            return Err(Failure::new(Class::AuthMissing, message, examined.fix));
        };
        Ok(format!("there is a {agent} credential, {source}; nobody was asked whether it works"))
    }

    fn untold(&self, found: &str) -> Failure {
        Failure::new(
            Class::AuthMissing,
            format!("{found}, but without its server nobody can tell whether it works"),
            format!("ask its server: ringfence auth check {}", self.agent()),
        )
    }

    fn plan(&self, ask: Ask<'_>) -> Result<Plan> {
        let workspace = Workspace::open(Some(&self.workspace))?;
        let order = Order::of_ours(self.settings.clone(), workspace, PROMPT, Vec::new()).bare();
        Plan::asking(&order, &runner::new_run_id()?, self.env, self.host, ask)
    }
}

/// Ends the words of a status rung after which nothing more is asked.
const UNTOLD: &str = "; only its server can tell";
