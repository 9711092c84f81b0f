//! `ringfence auth check`: whether an agent's login works, asked where the agent would run.

mod ladder;
mod report;

use std::path::PathBuf;

use anyhow::Result;

use crate::cli::{AuthCheckArgs, EnvironmentArg};
use crate::config::{AgentName, Environment, Flags, Settings};
use crate::failure::{Class, Failure};
use crate::output::Printer;
use crate::runner::Host;
pub(in crate::commands) use ladder::{Depth, Ladder};
pub(in crate::commands) use report::Report;

/// Checks the login and returns the class that decides the exit code. With `--json` the one object is printed here, whatever
/// happens.
///
/// # Errors
/// A check that could not begin, where nothing was printed; and a closed standard output.
pub fn check(args: &AuthCheckArgs, flags: &Flags, env: &Environment, host: &Host, printer: &Printer) -> Result<Class> {
    let climb = |ladder: Ladder<'_>| {
        let forced = ladder.settings.warnings.join("; ");
        let (mut report, class) = ladder.climb();
        if !forced.is_empty() {
            report.elsewhere(&forced);
        }
        (report, class)
    };
    let climbed = ladder(args, flags, env, host).map(climb).and_then(|(report, class)| match class {
        Class::Interrupted(signal) => Err(Failure::interrupted(signal, report.message()).into()),
        _ => Ok((report, class)),
    });
    match climbed {
        Ok((report, class)) => {
            report.print(printer)?;
            Ok(class)
        }
        Err(error) if printer.is_json() => {
            let failure = Failure::of(&error);
            printer.failure(&failure);
            let agent = args.agent.parse().unwrap_or(AgentName::Shell);
            Report::unstarted(agent, args.environment.map(EnvironmentArg::name), &failure).print(printer)?;
            Ok(failure.class)
        }
        Err(error) => Err(error),
    }
}

fn ladder<'a>(args: &AuthCheckArgs, flags: &Flags, env: &'a Environment, host: &'a Host) -> Result<Ladder<'a>> {
    let mode = args.environment.map(|environment| environment.name().to_owned());
    let mode = mode.or_else(|| flags.mode.clone());
    // A login is one whatever limit an engine does not enforce.
    let flags = Flags { agent: Some(args.agent.clone()), mode, allow_partial: true, ..flags.clone() };
    let settings = Settings::resolve(&flags, env)?;
    let limit = args.timeout.clone().map(|text| limit(text, flags, env)).transpose()?;
    let workspace = args.workspace.clone().unwrap_or_else(|| PathBuf::from("."));
    let depth = if args.quick { Depth::Status } else { Depth::Live };
    Ok(Ladder { settings, limit, depth, workspace, env, host })
}

/// `--timeout`: seconds, or a time with its unit, read as every other one is.
fn limit(typed: String, flags: Flags, env: &Environment) -> Result<std::time::Duration, Failure> {
    let bare = !typed.is_empty() && typed.bytes().all(|byte| byte.is_ascii_digit());
    let text = if bare { format!("{typed}s") } else { typed };
    let settings = Settings::resolve(&Flags { timeout: Some(text), ..flags }, env)?;
    settings.run.timeout.value.ok_or_else(|| {
        Failure::usage("--timeout 0: a check without a limit could wait for ever", "give it some seconds: --timeout 60")
    })
}
