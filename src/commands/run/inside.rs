//! What goes in with the agent: variables, credentials and shared files. All of it travels in the frame.

use std::cell::RefCell;
use std::ffi::{OsStr, OsString};
use std::time::Duration;

use anyhow::Result;

use super::place;
use crate::agents;
use crate::command::CommandSpec;
use crate::config::{AgentName, Environment, Flags, Mode, Settings};
use crate::credentials::{self, Answer, Ask};
use crate::failure::{Class, Failure};
use crate::redact::Secrets;
use crate::runner::{Captured, HomeFile, Host, HostName, SHARED, Service, rewrite_loopback};

/// What a dry run answers in the place of a command, which is asked for a token: a text that may be one.
const NOT_ASKED: &[u8] = b"not-asked-in-a-dry-run";
/// How long an engine may take to list the names it knows.
const NAMES_LIMIT: Duration = Duration::from_secs(20);

/// What is handed in.
#[derive(Default)]
pub struct Inside {
    /// Variables, the later ones winning.
    pub variables: Vec<(String, OsString)>,
    /// Files for the agent's home.
    pub files: Vec<HomeFile>,
    /// Links in the agent's home, by their path there, with their targets.
    pub links: Vec<(String, String)>,
    /// Where the credential comes from, in a line.
    pub origin: Option<String>,
    /// Whether this is a container for which no credential was found.
    pub anonymous: bool,
    /// Values that must never be shown.
    pub secrets: Vec<String>,
    /// What the caller should know.
    pub warnings: Vec<String>,
}

/// Asks commands on `host` and notes them in `asked`; a `dry` one only notes them.
pub fn asker<'a>(
    host: &'a Host,
    dry: bool,
    asked: &'a RefCell<Vec<String>>,
) -> impl Fn(&CommandSpec, Duration) -> Result<Option<Answer>> + 'a {
    move |spec, limit| {
        asked.borrow_mut().push(spec.shown(|word| host.secrets.redact(word).into_owned()));
        if dry {
            return Ok(Some(Answer { success: true, stdout: NOT_ASKED.to_vec(), stderr: String::new() }));
        }
        let answer = host.capture(spec, limit)?;
        Ok(answer.map(|Captured { status, stdout, stderr }| Answer { success: status.success(), stdout, stderr }))
    }
}

/// Asks like `ask`, but each command only once: its answer is kept in `answers`.
pub fn remembering<'a>(
    ask: impl Fn(&CommandSpec, Duration) -> Result<Option<Answer>> + 'a,
    answers: &'a RefCell<Vec<(CommandSpec, Option<Answer>)>>,
) -> impl Fn(&CommandSpec, Duration) -> Result<Option<Answer>> + 'a {
    move |spec, limit| {
        if let Some((_, answer)) = answers.borrow().iter().find(|(asked, _)| asked == spec) {
            return Ok(answer.clone());
        }
        let answer = ask(spec, limit)?;
        answers.borrow_mut().push((spec.clone(), answer.clone()));
        Ok(answer)
    }
}

/// The variables that a run of `agent` is handed and whose values name a service, with that service as the caller sees it.
pub fn services(agent: AgentName, settings: &Settings, env: &Environment) -> Vec<(String, Service)> {
    let of_caller = |name: &str| env.get(name).map(OsStr::to_owned);
    let own = agents::agent(agent).variables().iter().map(|name| (*name, None));
    let required = settings.sandbox.required_env.iter().map(|name| (name.as_str(), None));
    let named = settings.variables.iter().map(|variable| (variable.name.as_str(), variable.value.clone()));
    let mut services: Vec<(String, Service)> = Vec::new();
    for (name, value) in own.chain(required).chain(named) {
        let service = value.or_else(|| of_caller(name)).and_then(|value| Service::of(value.to_str()?));
        services.retain(|(known, _)| known != name);
        services.extend(service.map(|service| (name.to_owned(), service)));
    }
    services
}

/// How the names of those of an agent's own variables end that may hold a token: addresses, headers, whole configurations.
const MAY_HOLD_TOKENS: [&str; 3] = ["_URL", "_HEADERS", "_CONTENT"];

/// Makes secrets of the values that were typed, before anything else is known.
pub fn register_typed(flags: &Flags, secrets: &Secrets) {
    for variable in &flags.env {
        if let Some((name, value)) = variable.to_string_lossy().split_once('=') {
            secrets.add_variable(name, value);
        }
    }
}

/// Makes secrets of all values that a run by `settings` is handed or finds, so that whatever keeps it from beginning shows none.
pub fn register(settings: &Settings, env: &Environment, secrets: &Secrets) {
    let agent = settings.agent.value;
    let own = agents::agent(agent).variables().iter().copied();
    let own = own.filter(|name| MAY_HOLD_TOKENS.iter().any(|end| name.ends_with(end)));
    let add = |name: &str| {
        if let Some(value) = env.text(name) {
            secrets.add_variable(name, value);
            let headers = value.lines().filter(|_| name.ends_with("_HEADERS"));
            headers.filter_map(|line| line.split_once(':')).for_each(|(_, value)| secrets.add(value));
        }
    };
    own.chain(credentials::credential_variables(agent)).for_each(add);
    settings.sandbox.required_env.iter().for_each(|name| add(name));
    for variable in &settings.variables {
        if let Some(value) = variable.value.as_deref().or_else(|| env.get(&variable.name)) {
            secrets.add_variable(&variable.name, &value.to_string_lossy());
        }
    }
}

/// Gathers what this run hands in. On the host the agent has the caller's environment and logins anyway. `host_name` is what the
/// host is called inside, where `localhost` is somebody else but at the `forwarded` ports.
///
/// # Errors
/// `env_missing` (78) for a variable that is to be handed in and is not set, what [`credentials::lease`] says, and config (78) where
/// the host has no name inside yet.
pub fn prepare(
    mode: Mode,
    settings: &Settings,
    host_name: Option<&HostName>,
    forwarded: &[u16],
    env: &Environment,
    ask: Ask<'_>,
) -> Result<Inside> {
    required(settings, env)?;
    let mut inside = Inside::default();
    if mode.is_container() {
        inside.agents_own(settings.agent.value, env);
        inside.credentials(settings, env, ask)?;
        inside.shared(settings);
    }
    inside.named(mode, settings, env)?;
    inside.reach_host(host_name, forwarded, ask)?;
    Ok(inside)
}

/// Every variable of `required_env` must be set, here or by `--env`.
fn required(settings: &Settings, env: &Environment) -> Result<(), Failure> {
    let given =
        |name: &str| settings.variables.iter().any(|variable| variable.name == name && variable.value.is_some());
    let missing: Vec<&str> = settings
        .sandbox
        .required_env
        .iter()
        .map(String::as_str)
        .filter(|name| !given(name) && env.get(name).is_none_or(OsStr::is_empty))
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let message = format!(
        "not set, but in sandbox.required_env ({}): {}",
        settings.sandbox.required_env.origin,
        missing.join(", ")
    );
    Err(Failure::new(
        Class::EnvMissing,
        message,
        format!("export {}=…, or give it with -e {}=…", missing[0], missing[0]),
    ))
}

impl Inside {
    fn set(&mut self, name: &str, value: impl Into<OsString>) {
        self.variables.retain(|(known, _)| known != name);
        self.variables.push((name.to_owned(), value.into()));
    }

    /// What the agent itself documents for its endpoint and model.
    fn agents_own(&mut self, agent: AgentName, env: &Environment) {
        for name in agents::agent(agent).variables() {
            if let Some(value) = env.get(name) {
                self.set(name, value);
            }
        }
    }

    fn credentials(&mut self, settings: &Settings, env: &Environment, ask: Ask<'_>) -> Result<()> {
        let agent = settings.agent.value;
        let lease = credentials::lease(agent, settings.agent(agent), env, &settings.variables, ask)?;
        self.warnings.extend(lease.warnings(agent, settings.run.timeout.value, jiff::Timestamp::now()));
        self.origin = lease.origin();
        self.anonymous = lease.source.is_none();
        self.secrets.extend(lease.secrets());
        for (name, value) in lease.env {
            self.set(name, value);
        }
        self.files = lease
            .files
            .into_iter()
            .map(|file| HomeFile { path: file.path.to_owned(), contents: file.contents })
            .collect();
        let unset = credentials::login(agent).filter(|login| !self.files.iter().any(|file| file.path == *login));
        self.files.extend(unset.map(|login| HomeFile { path: login.to_owned(), contents: Vec::new() }));
        Ok(())
    }

    fn shared(&mut self, settings: &Settings) {
        let folder = match settings.agent.value {
            AgentName::Claude => ".claude",
            AgentName::Codex => ".codex",
            AgentName::Opencode => ".local/share/opencode",
            AgentName::Shell => return,
        };
        for (name, _) in place::shared(settings) {
            self.links.push((format!("{folder}/{name}"), format!("{SHARED}/{name}")));
        }
    }

    /// What the caller named: `sandbox.env` and `sandbox.required_env` where set, `--env NAME`, which must be, and `--env NAME=VALUE`.
    fn named(&mut self, mode: Mode, settings: &Settings, env: &Environment) -> Result<(), Failure> {
        for name in settings.sandbox.required_env.iter() {
            if let Some(value) = env.get(name) {
                self.set(name, value);
            }
        }
        let from_file = |name: &String| settings.sandbox.env.contains(name);
        // The lease has decided already which of an agent's credentials go in, and under which name.
        let leased = |name: &str| {
            mode.is_container() && credentials::credential_variables(settings.agent.value).any(|known| known == name)
        };
        for variable in settings.variables.iter().filter(|variable| !leased(&variable.name)) {
            match (&variable.value, env.get(&variable.name)) {
                (Some(value), _) => self.set(&variable.name, value),
                (None, Some(value)) => self.set(&variable.name, value),
                (None, None) if from_file(&variable.name) => {}
                (None, None) => {
                    let message = format!("--env {name}: {name} is not set", name = variable.name);
                    let hint = format!("export it, or give its value: -e {}=VALUE", variable.name);
                    return Err(Failure::new(Class::EnvMissing, message, hint));
                }
            }
        }
        Ok(())
    }

    /// Addresses of this machine must be called by the name that it has inside, if it has one, and services that are brought there by
    /// the address that they have there.
    fn reach_host(&mut self, host: Option<&HostName>, forwarded: &[u16], ask: Ask<'_>) -> Result<()> {
        let (mut local, name) = (None, host.map(|host| host.name));
        for (variable, value) in &mut self.variables {
            if let Some(rewritten) = value.to_str().and_then(|value| rewrite_loopback(value, name, forwarded)) {
                self.secrets.push(rewritten.clone());
                *value = rewritten.into();
                local = Some(&*variable);
            }
        }
        let (Some(variable), Some(host)) = (local, host) else { return Ok(()) };
        let Some(question) = &host.known_by else { return Ok(()) };
        let answer = ask(question, NAMES_LIMIT)?;
        let known = |names: &[u8]| {
            names == NOT_ASKED || String::from_utf8_lossy(names).split_whitespace().any(|word| word == host.name)
        };
        if answer.is_some_and(|answer| known(&answer.stdout)) {
            return Ok(());
        }
        let message = format!("{variable} names a service of this machine, which a container cannot reach yet");
        Err(Failure::config(message, host.named_by.to_string()).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_agent_is_handed_for_its_endpoint_is_secret_and_its_model_is_not() {
        let shown = |agent: &str, name: &str, value: &str, text: &str| {
            let env = Environment::of([(name, value)]);
            let flags = Flags { agent: Some(agent.into()), ..Flags::default() };
            let secrets = Secrets::default();
            register(&Settings::resolve(&flags, &env).unwrap(), &env, &secrets);
            secrets.redact(text).into_owned()
        };
        for (agent, name, value, secret) in [
            ("claude", "ANTHROPIC_CUSTOM_HEADERS", "X-Team: one\nX-Key: correct-horse", "correct-horse"),
            ("claude", "ANTHROPIC_BASE_URL", "https://user:correct-horse@gateway.example", "correct-horse"),
            (
                "opencode",
                "OPENCODE_CONFIG_CONTENT",
                r#"{"provider":{"x":{"apiKey":"correct-horse"}}}"#,
                "correct-horse",
            ),
            ("claude", "ANTHROPIC_API_KEY", "correct-horse", "correct-horse"),
        ] {
            assert_eq!(shown(agent, name, value, secret), "[redacted]", "{name}");
        }
        for (name, value) in
            [("ANTHROPIC_MODEL", "claude-opus-4-1"), ("ANTHROPIC_BASE_URL", "https://gateway.example/v1")]
        {
            assert_eq!(shown("claude", name, value, value), value);
        }
    }
}
