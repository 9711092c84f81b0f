//! `ringfence auth check`: whether an agent's login works, asked where the agent would run.

mod ladder;
mod report;

use std::path::PathBuf;

use anyhow::Result;

use crate::cli::{AuthCheckArgs, EnvironmentArg};
use crate::config::{Environment, Flags, Settings};
use crate::failure::{Class, Failure};
use crate::output::Printer;
use crate::runner::Host;
use ladder::Ladder;

/// Checks the login and returns the class that decides the exit code. With `--json` the one object is printed here, whatever
/// happens.
pub fn check(args: AuthCheckArgs, flags: Flags, env: &Environment, host: &Host, printer: &Printer) -> Result<Class> {
    let mode = args.environment.map(|environment| match environment {
        EnvironmentArg::Host => "host".to_owned(),
        EnvironmentArg::Sandbox => "sandbox".to_owned(),
    });
    let flags = Flags { agent: Some(args.agent), mode: mode.or(flags.mode), ..flags };
    let settings = Settings::resolve(&flags, env)?;
    let limit = args.timeout.map(|text| limit(text, flags, env)).transpose()?;
    let workspace = args.workspace.unwrap_or_else(|| PathBuf::from("."));
    let (report, class) = Ladder { settings, limit, quick: args.quick, workspace, env, host }.climb();
    if let Class::Interrupted(_) = class {
        let message = report.message().to_owned();
        return Err(Failure::new(class, message, "run it again when you want it to go on").into());
    }
    report.print(printer)?;
    Ok(class)
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
