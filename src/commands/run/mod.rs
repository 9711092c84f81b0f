//! `ringfence run`: a task to an agent, and how it ended.

mod attachments;
mod attempt;
mod attempts;
mod batch;
mod budget;
mod conclude;
pub(in crate::commands) mod inside;
mod live;
mod order;
pub(in crate::commands) mod place;
mod plan;
mod probe;
pub(in crate::commands) mod reach;
mod record;
mod report;
mod task;
mod traces;
pub(in crate::commands) mod warm;
mod workspace;

use std::sync::Arc;

use anyhow::Result;
use clap::Parser;

use crate::agents;
use crate::cli::{Cli, Command, RunArgs};
use crate::config::{AgentName, Environment, Flags, Settings};
use crate::failure::{Class, Failure};
use crate::ledger::{Begun, Letter};
use crate::output::Printer;
use crate::runner::{self, Host};
use attempts::{Attempts, Follower};
use budget::Budget;
pub(in crate::commands) use inside::{asker, remembering, services};
pub(in crate::commands) use order::Order;
pub(in crate::commands) use plan::Plan;
use plan::Wish;
use reach::Reach;
pub(in crate::commands) use record::state_dir;
use record::{Record, Summary};
use report::Report;
use warm::Wanted;
pub(in crate::commands) use workspace::Workspace;

/// Runs the task, or the tasks of a batch, and returns the class that decides the exit code. With `--json` the one object is
/// printed here, whatever happens.
///
/// # Errors
/// What keeps the run from being begun, where nothing was printed; and a closed standard output.
pub fn run(mut args: RunArgs, flags: &Flags, env: &Environment, host: &Host, printer: &Printer) -> Result<Class> {
    if !printer.is_quiet() {
        host.interrupts.remark_on_stop(
            "ringfence is stopped; the agent goes on, and so does its time: fg to watch it again, Ctrl-C there to end it",
        );
    }
    inside::register_typed(flags, &host.secrets);
    if args.batch.is_some() {
        return batch::run(&args, flags, env, host, printer);
    }
    let report = begin(printer)?;
    let prepared = prepare(&mut args, flags, env, host).and_then(|order| {
        let dry = order.wish.dry.then(|| Plan::new(&order, report.run_id(), env, host)).transpose()?;
        Ok((order, dry, Record::of(&args, env, printer.secrets())?))
    });
    match prepared {
        Ok((_, Some(plan), _)) => plan.show(printer),
        Ok((order, None, record)) => {
            let budget = Budget::new(args.max_cost, 0.0);
            let agent = order.settings.agent.value;
            if let Some(warning) = args.max_cost.and_then(|_| unlimited(agent)) {
                printer.warning(&warning);
            }
            let attempts = Attempts {
                env,
                host,
                printer,
                record: &record,
                budget: &budget,
                fallback: args.fallback.is_some(),
                patient: args.dead_letter,
            };
            let told = one(&order, report, &attempts, &Earlier::default())?;
            told.report.map_or(Ok(()), |report| printer.json(&report))?;
            Ok(told.class)
        }
        Err(error) if printer.is_json() => report.unstarted(&error, printer),
        Err(error) => Err(error),
    }
}

fn begin(printer: &Printer) -> Result<Report> {
    let report = Report::begin(runner::new_run_id()?);
    Ok(if printer.has_events() { report.into_event() } else { report })
}

/// Prints the one object of a run whose command line could not be understood.
///
/// # Errors
/// Standard output cannot be written to.
pub fn not_begun(failure: &Failure, printer: &Printer) -> Result<()> {
    begin(printer)?.unstarted(&failure.clone().into(), printer).map(drop)
}

fn prepare(args: &mut RunArgs, flags: &Flags, env: &Environment, host: &Host) -> Result<Order> {
    let settings = Settings::resolve(flags, env)?;
    let prompt = task::read(args.task.take(), args.file.take(), &host.interrupts)?;
    order(args, flags, settings.into(), prompt, env, host)
}

/// What `args` say about the task `prompt`.
fn order(
    args: &RunArgs,
    flags: &Flags,
    settings: Arc<Settings>,
    prompt: Vec<u8>,
    env: &Environment,
    host: &Host,
) -> Result<Order> {
    inside::register(&settings, env, &host.secrets);
    let workspace = Workspace::open(args.workspace.as_deref())?;
    let (model, agent_args) = (args.model.clone(), args.agent_args.clone());
    let sandbox = Wanted::of(args, &settings)?;
    let reach = Reach::of(args)?;
    if args.fallback.is_some() && !settings.sandbox.allow_hosts.is_empty() {
        let message = "--fallback host and a list of hosts contradict each other: the host has no fence";
        return Err(Failure::usage(message, "leave out --fallback host").into());
    }
    let wish = Wish { prompt, model, agent_args, raw: args.raw, dry: args.dry_run, sandbox, reach };
    Ok(Order { settings, workspace, wish, args: order::options(args, flags), bare: false })
}

/// What a run came to.
pub(in crate::commands) struct Told {
    /// How it ended.
    pub class: Class,
    /// With `--json` its report, to be printed yet.
    pub report: Option<Report>,
}

/// Makes the attempts at one task, shows people how they ended, and settles the task's dead letter.
fn one(order: &Order, report: Report, attempts: &Attempts<'_>, earlier: &Earlier) -> Result<Told> {
    let printer = attempts.printer;
    let id = earlier.letter.as_deref().unwrap_or(report.run_id());
    let summary = Summary {
        letter: id,
        run_id: report.run_id(),
        first_seen_at: earlier.first_seen_at.as_deref().unwrap_or(report.started_at()),
        earlier: earlier.attempts,
        replayed: earlier.letter.is_some(),
        lost: 0,
    };
    let mut follower = Alone { printer, record: attempts.record, order, summary, begun: None };
    let mut ended = attempts.make(order, report.run_id(), 0, &mut follower);
    let kept = attempts.record.settle(order, &summary, &ended).unwrap_or_else(|unsettled| {
        // The run's own end says more; that its letter is missing must not be missed.
        follower.begun.take().into_iter().for_each(Begun::keep);
        let warning = unsettled.failure.whole();
        printer.warning(&warning);
        ended.totals.warnings.push(warning);
        false
    });
    // Only now: had ringfence been ended before, this is what would have been left of the task.
    drop(follower);
    let failure = ended.failure().cloned();
    let letter = kept.then(|| format!("kept as a dead letter: ringfence dead-letter replay {id}"));
    let report = if printer.is_json() {
        let agent = order.settings.agent.value;
        Some(report.complete(agent, &order.workspace.path, ended, printer.secrets()))
    } else {
        report::show(&ended, printer)?;
        None
    };
    if let Some(failure) = &failure {
        printer.failure(failure);
    }
    if let Some(letter) = letter {
        printer.note(&letter);
    }
    Ok(Told { class: failure.map_or(Class::Ok, |failure| failure.class), report })
}

/// What a dead letter knows of a task that is run again.
#[derive(Default)]
struct Earlier {
    letter: Option<String>,
    first_seen_at: Option<String>,
    attempts: u32,
}

/// Runs the task of `letter` again, as if it were typed anew. The letter goes where it succeeds.
///
/// # Errors
/// What keeps it from being begun.
pub(in crate::commands) fn again(
    letter: &Letter,
    global: &Flags,
    env: &Environment,
    host: &Host,
    printer: &Printer,
) -> Result<Told> {
    let letter = &order::unsealed(letter, env)?;
    let mode = global.mode.as_deref().unwrap_or(&letter.mode);
    let words = order::typed(&letter.agent, mode, &letter.workspace, &letter.args);
    let unusable = || {
        let hint = format!("look at it: ringfence dead-letter show {}", letter.id);
        Failure::usage(format!("the dead letter {} cannot be understood", letter.id), hint)
    };
    let cli = Cli::try_parse_from(words).map_err(|error| unusable().because(error.to_string()))?;
    let Command::Run(mut args) = cli.command else { return Err(unusable().into()) };
    args.dead_letter = true;
    let mut flags = super::run_flags(&cli.global, &args);
    flags.config = flags.config.or_else(|| global.config.clone());
    let settings = Settings::resolve(&flags, env)?.into();
    let order = order(&args, &flags, settings, letter.task.clone().into_bytes(), env, host)?;
    let report = Report::begin(runner::new_run_id()?);
    let record = Record::of(&args, env, printer.secrets())?;
    let budget = Budget::new(args.max_cost, 0.0);
    let fallback = args.fallback.is_some();
    let attempts = Attempts { env, host, printer, record: &record, budget: &budget, fallback, patient: true };
    let earlier = Earlier {
        letter: Some(letter.id.clone()),
        first_seen_at: Some(letter.first_seen_at.clone()),
        attempts: letter.attempt,
    };
    one(&order, report, &attempts, &earlier)
}

/// Follows the attempts of a run that has the terminal for itself.
struct Alone<'a> {
    printer: &'a Printer,
    record: &'a Record,
    order: &'a Order,
    summary: Summary<'a>,
    /// The attempt that is being made, as it is written down.
    begun: Option<Begun>,
}

impl Follower for Alone<'_> {
    fn before(&mut self, number: u32) -> Result<(), Failure> {
        // The last one has counted; it goes once this one stands there.
        self.begun = self.record.begin(self.order, &self.summary, number)?;
        Ok(())
    }

    fn tell(&mut self, text: &str) {
        self.printer.warning(text);
    }
}

/// That `--max-cost` does nothing for an agent that does not say what it costs.
fn unlimited(agent: AgentName) -> Option<String> {
    let tells = agents::agent(agent).tells_cost();
    (!tells).then(|| format!("{agent} does not say what it costs: --max-cost cannot end its attempts"))
}
