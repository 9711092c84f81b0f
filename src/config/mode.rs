//! Which mode is in force. From the strongest: `AGENT_LOOP_HOST`, `--mode`, `RINGFENCE_MODE`, `EXECUTION_ENVIRONMENT`,
//! `LAUNCH_MODE`, then the file.

use super::layers::{failure, variable};
use super::read::{Complaint, nearest};
use super::{Environment, Flags, Mode, Origin, Setting};
use crate::failure::Failure;

/// What a flag or a variable asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request {
    /// This mode.
    Exactly(Mode),
    /// The configured container mode.
    Sandbox,
}

type Names = &'static [(&'static str, Request)];

const MODES: Names = &[
    ("host", Request::Exactly(Mode::Host)),
    ("docker", Request::Exactly(Mode::Docker)),
    ("apple", Request::Exactly(Mode::Apple)),
    ("sandbox", Request::Sandbox),
];

const VARIABLES: [(&str, Names); 3] = [
    ("RINGFENCE_MODE", MODES),
    ("EXECUTION_ENVIRONMENT", &[("host", Request::Exactly(Mode::Host)), ("sandbox", Request::Sandbox)]),
    ("LAUNCH_MODE", &[("process", Request::Exactly(Mode::Host)), ("docker", Request::Exactly(Mode::Docker))]),
];

const FORCE_HOST: &str = "AGENT_LOOP_HOST";

/// What is asked for, by the strongest that asks, and what to warn of. Every variable is checked, also a weaker one.
///
/// # Errors
/// Usage (2) for a flag, config (78) for a variable.
pub fn requested(flags: &Flags, env: &Environment) -> Result<(Option<Setting<Request>>, Vec<String>), Failure> {
    let mut requests = Vec::new();
    if let Some(text) = &flags.mode {
        requests.push(read(text, MODES, Origin::Flag("--mode".to_owned()))?);
    }
    for (name, names) in VARIABLES {
        if let Some(text) = variable(env, name)? {
            requests.push(read(text, names, Origin::Variable(name.to_owned()))?);
        }
    }
    let mut warnings = Vec::new();
    if forces_host(env)? {
        let asked = requests.first().filter(|request| request.value != Request::Exactly(Mode::Host));
        let instead =
            asked.map_or(String::new(), |request| format!(", although {} asks for a sandbox", request.origin));
        warnings.push(format!("${FORCE_HOST} forces the host: nothing is ring-fenced{instead}"));
        let origin = Origin::Variable(FORCE_HOST.to_owned());
        requests.insert(0, Setting { value: Request::Exactly(Mode::Host), origin });
    }
    Ok((requests.into_iter().next(), warnings))
}

/// The mode in force: what is asked for, else the first of `configured`, the own before the general.
pub fn in_force(request: Option<&Setting<Request>>, configured: &[&Setting<Mode>]) -> Setting<Mode> {
    match request {
        Some(Setting { value: Request::Exactly(mode), origin }) => Setting { value: *mode, origin: origin.clone() },
        Some(Setting { value: Request::Sandbox, origin }) => {
            let container = configured.iter().map(|mode| mode.value).find(|mode| mode.is_container());
            Setting { value: container.unwrap_or(Mode::Docker), origin: origin.clone() }
        }
        None => match configured {
            [first, ..] => (*first).clone(),
            [] => Setting { value: Mode::Host, origin: Origin::Default },
        },
    }
}

fn read(text: &str, names: Names, origin: Origin) -> Result<Setting<Request>, Failure> {
    match names.iter().find(|(name, _)| *name == text) {
        Some((_, request)) => Ok(Setting { value: *request, origin }),
        None => Err(complain(text, &names.iter().map(|(name, _)| *name).collect::<Vec<_>>(), &origin)),
    }
}

fn forces_host(env: &Environment) -> Result<bool, Failure> {
    match variable(env, FORCE_HOST)? {
        None | Some("0" | "false" | "no" | "off") => Ok(false),
        Some("1" | "true" | "yes" | "on") => Ok(true),
        Some(text) => Err(complain(text, &["1", "0"], &Origin::Variable(FORCE_HOST.to_owned()))),
    }
}

fn complain(text: &str, names: &[&str], origin: &Origin) -> Failure {
    // The last name is the most careful one.
    let near = nearest(text, names.iter().copied()).unwrap_or(names[names.len() - 1]);
    let (last, others) = names.split_last().unwrap_or((&"", &[]));
    let takes = format!("{} or {last}", others.join(", "));
    failure(Complaint::new(format!("{text:?} is not one of its values"), takes, near), origin, "mode", None)
}
