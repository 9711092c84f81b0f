//! `ringfence run`: a task to an agent, and how it ended.

mod conclude;
mod inside;
mod live;
mod place;
mod plan;
mod report;
mod task;
mod workspace;

use anyhow::Result;

use crate::cli::RunArgs;
use crate::config::{Environment, Flags, Settings};
use crate::failure::{Class, Failure};
use crate::output::Printer;
use crate::runner::{self, Host};
use plan::Plan;
use report::Report;
use workspace::Workspace;

/// Runs the task and returns the class that decides the exit code. With `--json` the one object is printed here, whatever
/// happens.
pub fn run(args: RunArgs, flags: &Flags, env: &Environment, host: &Host, printer: &Printer) -> Result<Class> {
    let report = Report::begin(runner::new_run_id()?);
    let plan = match prepare(args, flags, env, host, report.run_id()) {
        Ok(plan) => plan,
        Err(error) if printer.is_json() => return report.unstarted(&error, printer),
        Err(error) => return Err(error),
    };
    if plan.dry {
        return plan.show(printer);
    }
    plan.announce(printer);
    plan.carry_out(report, printer)
}

fn prepare(args: RunArgs, flags: &Flags, env: &Environment, host: &Host, run_id: &str) -> Result<Plan> {
    refuse_what_is_not_there_yet(&args)?;
    let settings = Settings::resolve(flags, env)?;
    let prompt = task::read(args.task, args.file)?;
    let workspace = Workspace::open(args.workspace.as_deref())?;
    let wish = plan::Wish { prompt, model: args.model, agent_args: args.agent_args, raw: args.raw, dry: args.dry_run };
    Plan::new(&settings, workspace, wish, run_id, env, host)
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
