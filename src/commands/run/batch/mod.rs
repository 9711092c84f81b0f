//! `ringfence run --batch`: many tasks, a few at a time, and after an interruption the same command goes on with what is left.

mod file;
mod queue;
mod results;

use std::collections::BTreeSet;
use std::num::NonZero;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;

use self::file::{Item, Tasks};
use self::queue::Queue;
use self::results::Results;
use super::attempt::{Attempt, Totals};
use super::attempts::{Attempts, Ended, Follower, in_words};
use super::budget::Budget;
use super::order::Order;
use super::record::{Record, Summary, state_dir};
use super::report::Report;
use super::unlimited;
use crate::cli::RunArgs;
use crate::config::{AgentName, Environment, Flags, Settings};
use crate::failure::{Class, Failure};
use crate::ledger::{Journal, fingerprint};
use crate::output::{Printer, Progress};
use crate::runner::{self, Host};

/// Runs the tasks of `--batch` that have not finished yet.
///
/// # Errors
/// What keeps the batch from being begun: usage (2) above all. What ends it in the middle is in the class.
pub fn run(args: &RunArgs, flags: &Flags, env: &Environment, host: &Host, printer: &Printer) -> Result<Class> {
    let began = Instant::now();
    if printer.is_json() && args.results.is_none() {
        let hint = "name a file for the results of the tasks: --results FILE";
        return Err(Failure::usage("--json prints one object, and a batch has many results", hint).into());
    }
    let tasks = Tasks::open(args.batch.as_deref().unwrap_or(Path::new("")), args, flags, env, &host.secrets)?;
    let record = Record::of(args, env, printer.secrets())?;
    let state = state_dir(env)?.join("batches");
    let mut others = vec![(tasks.path.as_path(), "the batch")];
    others.extend(args.events.as_deref().map(|events| (events, "the file of --events")));
    let named = args.results.as_deref().map(|typed| results::locate(typed, &others)).transpose()?;
    let key = [tasks.path.as_os_str(), named.as_deref().unwrap_or(Path::new("")).as_os_str()].map(OsStrExt::as_bytes);
    let key = fingerprint(&key.join(&0));
    let journal = open_journal(&state.join(format!("{key}.journal")))?;
    let results = named.as_ref().map_or_else(|| state.join(format!("{key}.results.jsonl")), Clone::clone);
    let results = Results::open(&results, named.is_none(), &tasks.items)?;
    let width = width(args, flags, env, printer)?;
    let inner = printer.of_one_among_many();
    let budget = Budget::new(args.max_cost, results.spent);
    let agents: BTreeSet<AgentName> = tasks.items.iter().map(|item| item.settings.agent.value).collect();
    for warning in args.max_cost.iter().flat_map(|_| agents.iter().copied().filter_map(unlimited)) {
        printer.warning(&warning);
    }
    let total = tasks.items.len();
    let known = |item: &&Item| results.finished.contains_key(&item.id);
    let earlier = tasks.items.iter().filter(known).count();
    let failed = tasks.items.iter().filter(|item| results.finished.get(&item.id) == Some(&false)).count();
    let queue = Queue::new(tasks.items.iter().filter(|item| !known(item)).cloned(), args.shared_workspace);
    let batch = Batch {
        tasks: &tasks,
        results: &results,
        record: &record,
        attempts: Attempts {
            env,
            host,
            printer: &inner,
            record: &record,
            budget: &budget,
            fallback: args.fallback.is_some(),
            patient: true,
        },
        printer,
        progress: Progress::new(total, earlier, printer.is_live()),
        journal: Mutex::new(journal),
        tally: Mutex::new(Tally { done: earlier, failed, fatal: None }),
    };
    if earlier > 0 {
        printer.note(&format!("{earlier} of {total} tasks had finished before: {}", results.path().display()));
        results.print_earlier()?;
    }
    batch.work_through(&queue, width);
    batch.conclude(total, earlier, began.elapsed())
}

fn open_journal(path: &Path) -> Result<Journal, Failure> {
    let opened = Journal::open(path).map_err(|error| {
        let message = format!("the journal of the batch cannot be written: {}", path.display());
        Failure::new(Class::Internal, message, "make room in the state folder, or name another: RINGFENCE_STATE_DIR")
            .because(error.to_string())
    })?;
    opened.ok_or_else(|| {
        let hint = "wait for it, or give this one other results: --results FILE";
        Failure::usage("this batch is being run already, by another ringfence", hint)
    })
}

/// How many tasks at a time.
fn width(args: &RunArgs, flags: &Flags, env: &Environment, printer: &Printer) -> Result<NonZero<usize>, Failure> {
    let most = Settings::resolve(flags, env)?.run.max_concurrency;
    let wanted = args.jobs.map_or(most.value, usize::from);
    if wanted > most.value {
        printer.warning(&format!(
            "-j {wanted} is more than run.max_concurrency ({}, {}): ringfence sandbox set run.max_concurrency {wanted}",
            most.value, most.origin
        ));
    }
    Ok(NonZero::new(wanted.min(most.value)).unwrap_or(NonZero::<usize>::MIN))
}

struct Batch<'a> {
    tasks: &'a Tasks<'a>,
    results: &'a Results,
    record: &'a Record,
    attempts: Attempts<'a>,
    printer: &'a Printer,
    progress: Progress,
    journal: Mutex<Journal>,
    tally: Mutex<Tally>,
}

struct Tally {
    done: usize,
    failed: usize,
    /// Why nothing further can be run.
    fatal: Option<Failure>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Batch<'_> {
    fn stopped(&self) -> bool {
        let interrupted = self.attempts.host.interrupts.count() > 0;
        interrupted || self.attempts.budget.exhausted().is_some() || locked(&self.tally).fatal.is_some()
    }

    /// Runs what is in the queue, `width` tasks at a time.
    fn work_through(&self, queue: &Queue, width: NonZero<usize>) {
        thread::scope(|scope| {
            let workers: Vec<_> = (0..width.get()).map(|_| scope.spawn(|| self.work(queue))).collect();
            for worker in workers {
                if worker.join().is_err() {
                    let hint = "please report it, with the words above; the same command goes on with what is left";
                    let failure = Failure::new(Class::Internal, "a worker of the batch panicked", hint);
                    locked(&self.tally).fatal.get_or_insert(failure);
                }
            }
        });
    }

    fn work(&self, queue: &Queue) {
        while let Some(claim) = queue.next(|| self.stopped()) {
            if let Err(error) = self.task(&claim.item) {
                locked(&self.tally).fatal.get_or_insert(Failure::of(&error));
            }
        }
    }

    /// Runs one task to its end and writes down its result.
    ///
    /// # Errors
    /// What keeps the batch from going on: something that must be written down cannot be.
    fn task(&self, item: &Item) -> Result<()> {
        let order = self.tasks.order(item)?;
        let report = Report::begin(runner::new_run_id()?);
        let lost = locked(&self.journal).lost(&item.id);
        let mut follower = InBatch { batch: self, id: &item.id, begun: 0, failed: None };
        self.progress.began(&item.id);
        let ended = if lost < order.settings.run.max_attempts.value {
            self.attempts.make(&order, report.run_id(), lost, &mut follower)
        } else {
            given_up(&order, lost, &item.letter)
        };
        self.progress.ended(&item.id);
        let (begun, failed) = (follower.begun, follower.failed);
        let settled = match failed {
            Some(failure) => Err(failure.into()),
            None => self.settle(item, &order, report, ended, lost),
        };
        // From here on they are accounted for. Should this fail, they count once more if the task is ever run again.
        let _ = locked(&self.journal).over(&item.id, begun);
        settled
    }

    fn settle(&self, item: &Item, order: &Order, report: Report, mut ended: Ended, lost: u32) -> Result<()> {
        if matches!(ended.failure(), Some(Failure { class: Class::Interrupted(_), .. })) {
            return Ok(());
        }
        let (run_id, first_seen_at) = (report.run_id(), report.started_at());
        let summary = Summary { letter: &item.letter, run_id, first_seen_at, earlier: 0, replayed: false, lost };
        match self.record.settle(order, &summary, &ended) {
            Ok(_) => {}
            Err(unsettled) if unsettled.full => return Err(unsettled.failure.into()),
            // Its result says what became of the task; the others need not wait for its letter.
            Err(unsettled) => {
                let warning = unsettled.failure.whole();
                self.tell(&format!("{}: {warning}", item.id));
                ended.totals.warnings.push(warning);
            }
        }
        let took = in_words(ended.duration);
        let failure = ended.failure().cloned();
        let agent = order.settings.agent.value;
        let report = report.complete(agent, &order.workspace.path, ended, self.printer.secrets());
        self.results.add(item, &report)?;
        let done = {
            let mut tally = locked(&self.tally);
            tally.done += 1;
            tally.failed += usize::from(failure.is_some());
            tally.done
        };
        let head = format!("{done}/{}", self.tasks.items.len());
        self.progress.advance();
        match failure {
            Some(Failure { class, message, .. }) => {
                self.tell(&format!("{head} failed {} ({took}) {}: {message}", item.id, class.name()));
            }
            None if !self.printer.is_live() => self.tell(&format!("{head} ok {} ({took})", item.id)),
            None => {}
        }
        Ok(())
    }

    fn tell(&self, text: &str) {
        self.progress.around(|| self.printer.note(text));
    }

    /// Says what it all came to.
    fn conclude(self, total: usize, earlier: usize, took: Duration) -> Result<Class> {
        drop(self.progress);
        let Tally { done, failed, fatal } = self.tally.into_inner().unwrap_or_else(PoisonError::into_inner);
        let left = total - done;
        let failure = failure(&Tally { done, failed, fatal }, total, &self.attempts);
        if left == 0 {
            // Nothing in it counts any more; what it says about finished tasks is never asked.
            let _ = locked(&self.journal).remove();
            self.results.forget_printed();
            if earlier == total && total > 0 {
                let path = self.results.path();
                self.printer.warning(&format!(
                    "every task had finished before; to run them again remove {}, or name another --results",
                    path.display()
                ));
            }
        }
        let succeeded = done - failed;
        let class = failure.as_ref().map_or(Class::Ok, |failure| failure.class);
        if self.printer.is_json() {
            let secrets = self.printer.secrets();
            self.printer.json(&serde_json::json!({
                "schema": "ringfence.batch/1", "ok": failure.is_none(), "class": class, "exitCode": class.exit_code(),
                "retryable": class.retryable(), "total": total, "succeeded": succeeded, "failed": failed, "left": left,
                "finishedBefore": earlier, "results": self.results.path().to_string_lossy(),
                "durationMs": u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
                "message": failure.as_ref().map(|failure| secrets.redact(&failure.message)),
                "hint": failure.as_ref().map(|failure| &failure.hint),
            }))?;
        } else {
            self.printer.note(&format!("{total} tasks: {succeeded} succeeded, {failed} failed, {left} left"));
        }
        if let Some(failure) = &failure {
            self.printer.failure(failure);
        }
        Ok(class)
    }
}

/// Why a batch of `total` tasks failed, if it did.
fn failure(Tally { done, failed, fatal }: &Tally, total: usize, attempts: &Attempts<'_>) -> Option<Failure> {
    let left = total - done;
    let interrupts = &attempts.host.interrupts;
    let on = "the same command goes on with what is left";
    if interrupts.count() > 0 && left > 0 {
        let message = format!("interrupted: {done} of {total} tasks had finished, {left} are left");
        return Some(Failure::new(Class::Interrupted(interrupts.signal()), message, on));
    }
    if fatal.is_some() {
        return fatal.clone();
    }
    if let Some(reason) = attempts.budget.exhausted().filter(|_| left > 0) {
        let message = format!("{reason}: {left} of {total} tasks are left");
        return Some(Failure::new(Class::AgentFailed, message, format!("with a higher --max-cost {on}")));
    }
    let hint = "ringfence dead-letter list, then ringfence dead-letter replay --all";
    (*failed > 0).then(|| Failure::new(Class::AgentFailed, format!("{failed} of {total} tasks failed"), hint))
}

/// The end of a task whose attempts all took ringfence down with them.
fn given_up(order: &Order, lost: u32, letter: &str) -> Ended {
    let message =
        format!("{lost} attempts were begun, and ringfence was ended in each of them before it came to its end");
    let hint = format!(
        "look at what the task does to this machine (memory, kills); then ringfence dead-letter replay {letter}"
    );
    let attempt = Attempt::failed(Failure::new(Class::Internal, message, hint));
    let (mode, totals, duration) = (order.mode(), Totals::default(), Duration::ZERO);
    Ended { mode, last: attempt, tail: None, totals, attempts: lost, duration }
}

/// Follows the attempts of one task among many.
struct InBatch<'a> {
    batch: &'a Batch<'a>,
    id: &'a str,
    begun: u32,
    /// Why an attempt could not be written down.
    failed: Option<Failure>,
}

impl Follower for InBatch<'_> {
    fn stopped(&self) -> bool {
        locked(&self.batch.tally).fatal.is_some()
    }

    fn before(&mut self, _: u32) -> Result<(), Failure> {
        let written = locked(&self.batch.journal).begin(self.id);
        written.inspect(|()| self.begun += 1).map_err(|error| {
            let hint = "make room in the state folder, then give the same command again: it goes on with what is left";
            let failure = Failure::new(Class::Internal, "the journal of the batch cannot be written", hint);
            let failure = failure.because(error.to_string());
            self.failed = Some(failure.clone());
            failure
        })
    }

    fn tell(&mut self, text: &str) {
        self.batch.tell(&format!("{}: {text}", self.id));
    }
}
