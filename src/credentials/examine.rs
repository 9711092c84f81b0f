//! A credential looked at without being used: what `auth check` reports.

use std::path::PathBuf;

use jiff::Timestamp;

use super::{Ask, Rules, Source, expired, merged, rules, value};
use crate::config::{AgentName, AgentSettings, Environment, Variable};
use crate::failure::Failure;

/// Who reads the sources.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reader {
    /// ringfence, for a container.
    Lease,
    /// The agent itself, on the host: it knows no `token_command` and only its own names of variables, and it may renew a login.
    Agent,
}

/// What is known of a credential before anybody is asked about it.
#[derive(Clone, Debug, Default)]
pub struct Examined {
    /// Where it comes from; absent where there is none.
    pub source: Option<String>,
    /// Further sources that are there and are not used.
    pub shadowed: Vec<String>,
    /// Whether it comes from a command that was not asked.
    pub unasked: bool,
    /// Why it cannot be used, though there is one.
    pub flaw: Option<Failure>,
    /// When it ends, if that can be known.
    pub expires: Option<Timestamp>,
    /// Whether it is renewed by itself where it ends.
    pub renewable: bool,
    /// The failure of a run, where its time is over at `expires`.
    pub expired: Option<Failure>,
    /// What to do when there is none, or none that works.
    pub fix: &'static str,
    /// How to renew it.
    pub renew: &'static str,
}

/// Looks at the credential of `agent` that `reader` would use. Without `ask` no command is asked for one.
pub fn examine(
    agent: AgentName,
    settings: &AgentSettings,
    env: &Environment,
    handed_in: &[Variable],
    reader: Reader,
    ask: Option<Ask<'_>>,
) -> Examined {
    let Some(rules) = rules(agent) else { return Examined::default() };
    let mut examined = Examined { fix: rules.fix, renew: rules.renew, ..Examined::default() };
    let mut sources = sources(rules, settings, env, handed_in, reader).into_iter();
    let Some(source) = sources.next() else { return examined };
    let name = source.name();
    examined.shadowed = sources.map(|source| source.name()).collect();
    let found = match (&source, ask) {
        (Source::Command(_), None) => {
            examined.unasked = true;
            None
        }
        (_, ask) => Some(source.open(agent, rules, ask.unwrap_or(&|_, _| Ok(None)))),
    };
    match found {
        Some(Ok(found)) => {
            examined.expires = found.expires;
            examined.renewable = found.renewable && reader == Reader::Agent;
            let over = found.expires.is_some_and(|expires| expires <= Timestamp::now()) && !examined.renewable;
            examined.expired = over.then(|| expired(agent, rules, &name));
        }
        Some(Err(flaw)) => examined.flaw = Some(flaw),
        None => {}
    }
    examined.source = Some(name);
    examined
}

/// The names of the sources that are there for `reader`, the one that wins first. None is opened.
pub fn source_names(
    agent: AgentName,
    settings: &AgentSettings,
    env: &Environment,
    handed_in: &[Variable],
    reader: Reader,
) -> Vec<String> {
    let found = rules(agent).map(|rules| sources(rules, settings, env, handed_in, reader));
    found.into_iter().flatten().map(|source| source.name()).collect()
}

/// The sources that are there, first that wins.
pub(super) fn sources<'a>(
    rules: &Rules,
    settings: &'a AgentSettings,
    env: &Environment,
    handed_in: &[Variable],
    reader: Reader,
) -> Vec<Source<'a>> {
    let names: Vec<(&'static str, &'static str)> = match reader {
        Reader::Lease => rules.variables.to_vec(),
        Reader::Agent => rules.own.iter().map(|name| (*name, *name)).collect(),
    };
    let set = names.into_iter().filter_map(|(name, read_as)| Some((name, read_as, value(name, env, handed_in)?)));
    let mut sources: Vec<Source<'a>> =
        set.map(|(name, read_as, value)| Source::Variables(name, vec![(read_as, value)])).collect();
    if rules.many_providers {
        sources = merged(sources).into_iter().collect();
    }
    if reader == Reader::Lease && !settings.token_command.is_empty() {
        sources.push(Source::Command(&settings.token_command));
    }
    let folders = match reader {
        // Some versions keep the login beside the configuration.
        Reader::Lease => vec![settings.auth_dir.value.clone(), settings.config_dir.value.clone()],
        Reader::Agent => own_folder(rules, env, handed_in).into_iter().collect(),
    };
    let mut files: Vec<PathBuf> =
        folders.into_iter().map(|folder| folder.join(rules.file)).filter(|file| file.exists()).collect();
    files.dedup();
    sources.extend(files.into_iter().map(Source::File));
    sources
}

/// The folder in which the agent itself looks for its login on the host: it knows nothing of our settings.
fn own_folder(rules: &Rules, env: &Environment, handed_in: &[Variable]) -> Option<PathBuf> {
    let [variable, below, usual] = rules.folder;
    value(variable, env, handed_in)
        .map(|folder| PathBuf::from(folder).join(below))
        .or_else(|| Some(env.home()?.join(usual)))
}
