//! The lease: an agent in a container gets an access-only credential, and the host stays the only one that can renew it.
//!
//! Sources, first that is there: a variable of the caller's, `token_command`, the host's login files. Those are only read.

mod claude;
mod codex;
mod examine;
mod opencode;
mod token;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Map, Value};

pub use examine::{Examined, Reader, examine, source_names};
use token::Printed;
pub use token::{Answer, Ask};

use crate::config::{AgentName, AgentSettings, Environment, Variable, duration_text};
use crate::failure::{Class, Failure};

/// A file of a lease, for the agent's home.
#[derive(Clone, PartialEq, Eq)]
pub struct LeaseFile {
    /// Relative to the home.
    pub path: &'static str,
    /// Secret.
    pub contents: Vec<u8>,
}

/// What an agent in a container is handed to be logged in.
#[derive(Clone, Default)]
pub struct Lease {
    /// Where it comes from, such as `$ANTHROPIC_API_KEY`; absent where no credential was found.
    pub source: Option<String>,
    /// Further sources that are there and were not used.
    pub shadowed: Vec<String>,
    /// Variables to set.
    pub env: Vec<(&'static str, OsString)>,
    /// Files to write.
    pub files: Vec<LeaseFile>,
    /// When the access ends, if that can be known.
    pub expires: Option<Timestamp>,
}

impl Lease {
    /// Which source it is from and what that shadows, in a line.
    pub fn origin(&self) -> Option<String> {
        let source = self.source.as_ref().filter(|_| !self.env.is_empty() || !self.files.is_empty())?;
        let shadowed =
            if self.shadowed.is_empty() { String::new() } else { format!(", not from {}", self.shadowed.join(", ")) };
        Some(format!("credential from {source}{shadowed}"))
    }

    /// Every value in it that must never be shown.
    pub fn secrets(&self) -> Vec<String> {
        let variables = self.env.iter().map(|(_, value)| value.to_string_lossy().into_owned());
        let files = self.files.iter().filter_map(|file| serde_json::from_slice(&file.contents).ok());
        variables.chain(files.flat_map(|file| tokens(&file))).collect()
    }

    /// What the caller should know before a run of at most `timeout`.
    pub fn warnings(&self, agent: AgentName, timeout: Option<Duration>, now: Timestamp) -> Vec<String> {
        if self.source.is_none() {
            return vec![format!("no {agent} credential was found; {}", rules(agent).map_or("", |rules| rules.fix))];
        }
        let (Some(expires), Some(timeout)) = (self.expires, timeout) else { return Vec::new() };
        let left = Duration::try_from(expires.duration_since(now)).unwrap_or_default();
        if left >= timeout {
            return Vec::new();
        }
        let (left, timeout) = (whole_seconds(left), whole_seconds(timeout));
        vec![format!(
            "the {agent} login ends in {left}, before the timeout of {timeout}; to renew it first, run {agent} once on the host"
        )]
    }
}

/// The strings of a login file that are long enough to be tokens.
fn tokens(value: &Value) -> Vec<String> {
    const SHORTEST: usize = 12;
    match value {
        Value::String(text) if text.len() >= SHORTEST && !text.contains(' ') => vec![text.clone()],
        Value::Array(values) => values.iter().flat_map(tokens).collect(),
        Value::Object(values) => values.values().flat_map(tokens).collect(),
        _ => Vec::new(),
    }
}

fn whole_seconds(time: Duration) -> String {
    duration_text(Duration::from_secs(time.as_secs()))
}

/// A credential that one source holds.
struct Found {
    env: Vec<(&'static str, OsString)>,
    files: Vec<LeaseFile>,
    expires: Option<Timestamp>,
    /// Whether an agent that reads the source itself can renew it: what a lease never can.
    renewable: bool,
}

impl Found {
    fn variable(name: &'static str, value: impl Into<OsString>) -> Self {
        Found::variables(vec![(name, value.into())])
    }

    fn variables(env: Vec<(&'static str, OsString)>) -> Self {
        Found { env, files: Vec::new(), expires: None, renewable: false }
    }

    fn file(path: &'static str, contents: Vec<u8>, expires: Option<Timestamp>, renewable: bool) -> Self {
        Found { env: Vec::new(), files: vec![LeaseFile { path, contents }], expires, renewable }
    }
}

/// What differs between the agents.
struct Rules {
    /// Variables that hold a credential, strongest first, each with the name under which the agent reads it.
    variables: &'static [(&'static str, &'static str)],
    /// Those that the agent itself reads on the host, in its own order.
    own: &'static [&'static str],
    /// Whether they stand for different providers, so that all that are set are handed in; else the first one is.
    many_providers: bool,
    /// The login file in the agent's folder.
    file: &'static str,
    /// Where the agent itself looks for that folder on the host: a variable, the path below its value, and the path below the home
    /// where it is not set.
    folder: [&'static str; 3],
    /// The same in the home of who runs it.
    login: &'static str,
    /// The access-only form of that file's contents; the error says in a few words why it cannot be used.
    lease: fn(&[u8]) -> Result<Found, String>,
    /// A printed token as a credential.
    token: fn(String) -> Found,
    /// What to do when there is none.
    fix: &'static str,
    /// How to renew a login that is over.
    renew: &'static str,
}

fn rules(agent: AgentName) -> Option<&'static Rules> {
    match agent {
        AgentName::Claude => Some(&claude::RULES),
        AgentName::Codex => Some(&codex::RULES),
        AgentName::Opencode => Some(&opencode::RULES),
        AgentName::Shell => None,
    }
}

/// Variables that hold a credential of `agent`, strongest first.
pub fn credential_variables(agent: AgentName) -> impl Iterator<Item = &'static str> {
    rules(agent).into_iter().flat_map(|rules| rules.variables.iter().map(|(name, _)| *name))
}

/// Where a lease of `agent` puts its login, in the home.
pub fn login(agent: AgentName) -> Option<&'static str> {
    rules(agent).map(|rules| rules.login)
}

/// The lease of `agent` for a container.
///
/// # Errors
/// `auth_missing` where the source that applies cannot be used, with the reason; `auth_expired` where its time is over.
pub fn lease(
    agent: AgentName,
    settings: &AgentSettings,
    env: &Environment,
    handed_in: &[Variable],
    ask: Ask<'_>,
) -> Result<Lease, Failure> {
    let Some(rules) = rules(agent) else { return Ok(Lease { source: Some("none needed".into()), ..Lease::default() }) };
    let mut sources = examine::sources(rules, settings, env, handed_in, Reader::Lease).into_iter();
    let Some(source) = sources.next() else { return Ok(Lease::default()) };
    let name = source.name();
    let found = source.open(agent, rules, ask)?;
    if found.expires.is_some_and(|expires| expires <= Timestamp::now()) {
        return Err(expired(agent, rules, &name));
    }
    Ok(Lease {
        source: Some(name),
        shadowed: sources.map(|source| source.name()).collect(),
        env: found.env,
        files: found.files,
        expires: found.expires,
    })
}

fn expired(agent: AgentName, rules: &Rules, source: &str) -> Failure {
    Failure::new(Class::AuthExpired, format!("the {agent} login in {source} has expired"), rules.renew)
}

fn value(name: &str, env: &Environment, handed_in: &[Variable]) -> Option<OsString> {
    let explicit = handed_in.iter().find(|variable| variable.name == name).and_then(|variable| variable.value.clone());
    explicit.or_else(|| env.get(name).map(Into::into)).filter(|value| !value.is_empty())
}

/// All variables as one source, named after the first.
fn merged(sources: Vec<Source<'_>>) -> Option<Source<'_>> {
    sources.into_iter().reduce(|first, next| match (first, next) {
        (Source::Variables(name, mut all), Source::Variables(_, more)) => {
            all.extend(more);
            Source::Variables(name, all)
        }
        (first, _) => first,
    })
}

enum Source<'a> {
    /// The name in the caller's environment, and what the agent gets.
    Variables(&'static str, Vec<(&'static str, OsString)>),
    Command(&'a [String]),
    File(PathBuf),
}

impl Source<'_> {
    fn name(&self) -> String {
        match self {
            Source::Variables(name, _) => format!("${name}"),
            Source::Command(words) => format!("token_command ({})", words.first().map_or("", String::as_str)),
            Source::File(path) => path.display().to_string(),
        }
    }

    fn open(self, agent: AgentName, rules: &Rules, ask: Ask<'_>) -> Result<Found, Failure> {
        match self {
            Source::Variables(_, env) => Ok(Found::variables(env)),
            Source::Command(words) => {
                let login = match token::fetch(agent, words, ask)? {
                    Printed::Token(token) => return Ok((rules.token)(token)),
                    Printed::Login(login) => login,
                };
                (rules.lease)(login.as_bytes()).map_err(|reason| {
                    let message = format!("what token_command printed cannot be used: {reason}");
                    Failure::new(
                        Class::AuthMissing,
                        message,
                        format!("ringfence sandbox show, then correct agents.{agent}.token_command"),
                    )
                })
            }
            Source::File(path) => read(&path).and_then(|contents| (rules.lease)(&contents)).map_err(|reason| {
                Failure::new(Class::AuthMissing, format!("{} cannot be used: {reason}", path.display()), rules.renew)
            }),
        }
    }
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    // A pipe would be waited for without an end.
    match std::fs::metadata(path) {
        Ok(there) if !there.is_file() => Err("it is no regular file".into()),
        _ => std::fs::read(path).map_err(|error| error.to_string()),
    }
}

/// A login file's JSON object; the error says why it is none.
fn object(contents: &[u8]) -> Result<Map<String, Value>, String> {
    match serde_json::from_slice(contents) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err("it is not a JSON object".into()),
        Err(error) => Err(format!("it is not JSON ({error})")),
    }
}

/// Whether there is a text that is not empty.
fn is_text(value: Option<&Value>) -> bool {
    value.and_then(Value::as_str).is_some_and(|text| !text.is_empty())
}

#[cfg(test)]
mod tests;
