//! The attempts of a run: one after the other until one of them succeeds, or fails in a way that will not pass.

use std::borrow::Cow;
use std::thread;
use std::time::{Duration, Instant};

use signal_hook::consts::SIGTERM;

use super::attempt::{Attempt, Totals};
use super::budget::Budget;
use super::order::Order;
use super::plan::Plan;
use super::record::Record;
use super::traces::Traces;
use super::warm::Wanted;
use crate::config::{Environment, Mode, Settings, duration_text};
use crate::failure::{Class, Failure};
use crate::output::{Printer, Status};
use crate::runner::{Host, Present, announce_in_sandbox, stopped_under};

/// Longest wait that doubling alone leads to; a server may ask for more.
const LONGEST_BACKOFF: Duration = Duration::from_secs(300);
/// Longest wait that a server may ask for: what it says beyond is a mistake, or no wait that a task can sit out.
const LONGEST_WAIT: Duration = Duration::from_secs(24 * 3600);
/// How often signals are looked at while waiting.
const TICK: Duration = Duration::from_millis(20);

/// What all runs of one command have in common.
pub struct Attempts<'a> {
    /// The caller's environment.
    pub env: &'a Environment,
    /// This machine.
    pub host: &'a Host,
    /// What people see of a run.
    pub printer: &'a Printer,
    /// Where attempts are written down.
    pub record: &'a Record,
    /// What may be spent.
    pub budget: &'a Budget,
    /// Whether a run may take place on the host when its container cannot start.
    pub fallback: bool,
    /// Whether a wait may be longer than a run: nobody is there to whom it would seem stuck.
    pub patient: bool,
}

/// Who follows a run's attempts.
pub trait Follower {
    /// Attempt `number` is about to begin; an error keeps it from it, and ends the run.
    fn before(&mut self, number: u32) -> Result<(), Failure>;
    /// Whether there is no sense in waiting for the next attempt.
    fn stopped(&self) -> bool {
        false
    }
    /// Something for people to know between two attempts.
    fn tell(&mut self, text: &str);
}

/// How a run ended, after all its attempts.
pub struct Ended {
    /// Where the last attempt took place.
    pub mode: Mode,
    /// The last attempt.
    pub last: Attempt,
    /// The end of what the agent said in the last attempt that started it; absent where none did.
    pub tail: Option<String>,
    /// What all attempts came to.
    pub totals: Totals,
    /// How many attempts were made.
    pub attempts: u32,
    /// How long it all took, waits included.
    pub duration: Duration,
}

impl Ended {
    /// Why it failed, if it did.
    pub fn failure(&self) -> Option<&Failure> {
        self.last.conclusion.failure.as_ref()
    }
}

/// What comes after an attempt.
enum Next {
    Nothing,
    /// Nothing, although it might have passed: the reason.
    Forgone(String),
    Again(Duration),
    OnHost,
}

impl Attempts<'_> {
    /// Makes as many attempts at `order` as it takes, under this run's id. `lost` is how many an earlier process began.
    pub fn make(&self, order: &Order, run_id: &str, lost: u32, follower: &mut dyn Follower) -> Ended {
        let began = Instant::now();
        let traces = Traces::before(order, self.fallback);
        let mut order = Cow::Borrowed(order);
        let (mut number, mut totals, mut tail) = (lost, Totals::default(), None);
        loop {
            number += 1;
            let mut attempt = self.attempt(&order, run_id, number, &mut totals, follower);
            if attempt.started {
                tail = Some(std::mem::take(&mut attempt.tail));
            }
            match self.next(&attempt, &order.settings, number) {
                Next::Nothing => {}
                Next::Forgone(reason) => {
                    totals.warnings.push(forgone(&reason, follower));
                }
                Next::OnHost => {
                    let warning = without_fence(&attempt);
                    follower.tell(&warning);
                    totals.warnings.push(warning);
                    let settings = order.settings.on_host("--fallback");
                    order.to_mut().settings = settings.into();
                    continue;
                }
                Next::Again(wait) => {
                    follower.tell(&again(&attempt, wait, number, order.settings.run.max_attempts.value));
                    if let Err(failure) = self.wait(wait, run_id, attempt.sandbox.as_deref(), follower) {
                        attempt.conclusion.failure = Some(failure);
                    } else if let Some(reason) = self.budget.exhausted() {
                        totals.warnings.push(forgone(&reason, follower));
                    } else {
                        // What it did there is not done again elsewhere, where that sandbox is gone meanwhile.
                        if let Some(name) = attempt.sandbox.take() {
                            order.to_mut().wish.sandbox = Some(Wanted::Named(name));
                        }
                        continue;
                    }
                }
            }
            for warning in traces.warnings() {
                follower.tell(&warning);
                totals.warnings.push(warning);
            }
            let duration = began.elapsed();
            return Ended { mode: order.mode(), last: attempt, tail, totals, attempts: number, duration };
        }
    }

    /// Attempt `number`, which is added to `totals`.
    fn attempt(
        &self,
        order: &Order,
        run_id: &str,
        number: u32,
        totals: &mut Totals,
        follower: &mut dyn Follower,
    ) -> Attempt {
        if let Err(failure) = follower.before(number) {
            return Attempt::failed(failure);
        }
        let invocation = order.invocation(run_id, number, self.printer.secrets());
        self.record.start(&invocation, follower);
        // A reader that has gone away is noticed by what the agent writes.
        let _ = self.printer.event("started", &invocation);
        let began = Instant::now();
        // Nothing of an earlier attempt may stand in the way, not even a container that the engine is slow to remove.
        let name = if number == 1 { run_id.to_owned() } else { format!("{run_id}-{number}") };
        let (attempt, its_totals) = match Plan::new(order, &name, self.env, self.host) {
            Ok(plan) => {
                plan.announce(&totals.warnings, self.printer);
                plan.carry_out(self.printer)
            }
            Err(error) => (Attempt::failed(Failure::of(&error)), Totals::default()),
        };
        self.record.end(&invocation, &attempt, began.elapsed(), follower);
        self.budget.spend(its_totals.usage.cost_usd);
        totals.add(its_totals);
        attempt
    }

    fn next(&self, attempt: &Attempt, settings: &Settings, number: u32) -> Next {
        let Some(failure) = &attempt.conclusion.failure else { return Next::Nothing };
        let in_container = settings.mode_for(settings.agent.value).is_container();
        // Nothing ran yet: the engine, the image or the network is missing, or the engine could not start it.
        let never_started = !attempt.started;
        let cannot_start = never_started && (failure.class.exit_code() == 69 || failure.class == Class::Engine);
        let exhausted = !failure.class.retryable() || number >= settings.run.max_attempts.value;
        if self.fallback && in_container && cannot_start && exhausted {
            return Next::OnHost;
        }
        if exhausted {
            return Next::Nothing;
        }
        if attempt.shown && attempt.bytes > 0 {
            return Next::Forgone("its output is on standard output already, and would be there twice".into());
        }
        if let Some(reason) = self.budget.exhausted() {
            return Next::Forgone(reason);
        }
        let asked = failure.retry_after.unwrap_or_default();
        if asked > LONGEST_WAIT {
            return Next::Forgone(format!("the server asks for a wait of {}, longer than a day", in_words(asked)));
        }
        let wait = backoff(settings.run.backoff.value, number, jitter()).max(asked);
        match settings.run.timeout.value {
            Some(longest) if !self.patient && wait > longest => {
                let (wait, longest) = (in_words(wait), duration_text(longest));
                Next::Forgone(format!(
                    "the server asks for a wait of {wait}, longer than run.timeout ({longest}); --dead-letter and --batch wait that long"
                ))
            }
            _ => Next::Again(wait),
        }
    }

    /// Waits for the next attempt of the run `run_id`, which is in this warm sandbox all the while, if it was in one.
    ///
    /// # Errors
    /// Interrupted: a signal came first, somebody stopped the sandbox, or there is no sense in it any more.
    fn wait(
        &self,
        time: Duration,
        run_id: &str,
        sandbox: Option<&str>,
        follower: &dyn Follower,
    ) -> Result<(), Failure> {
        let present = sandbox.and_then(|name| announce_in_sandbox(self.env.state_dir().as_deref(), name, run_id));
        let status = Status::new("waiting", self.printer.is_live());
        let began = Instant::now();
        loop {
            if let (Some(name), true) = (sandbox, present.as_ref().is_some_and(Present::was_told)) {
                return Err(stopped_under(name));
            }
            let stopped = follower.stopped();
            if stopped || self.host.interrupts.count() > 0 {
                let signal = if stopped { SIGTERM } else { self.host.interrupts.signal() };
                return Err(Failure::interrupted(signal, "interrupted while waiting for the next attempt"));
            }
            let left = time.saturating_sub(began.elapsed());
            if left.is_zero() || self.budget.exhausted().is_some() {
                return Ok(());
            }
            status.doing(&format!("next attempt in {}", in_words(left)));
            thread::sleep(left.min(TICK));
        }
    }
}

/// Tells that there is no further attempt, and returns it as a warning.
fn forgone(reason: &str, follower: &mut dyn Follower) -> String {
    let warning = format!("not tried again: {reason}");
    follower.tell(&warning);
    warning
}

fn without_fence(attempt: &Attempt) -> String {
    let why = attempt.conclusion.failure.as_ref().map_or("", |failure| &failure.message);
    format!("the container cannot start ({why}): the task runs on the host, without a fence (--fallback host)")
}

fn again(attempt: &Attempt, wait: Duration, number: u32, of: u32) -> String {
    let why = attempt.conclusion.failure.as_ref();
    let (class, message) = why.map_or(("", ""), |failure| (failure.class.name(), &failure.message));
    format!("{class}: {message}; attempt {} of {of} in {}", number + 1, in_words(wait))
}

/// To the tenth of a second below a minute, to the second above.
pub(super) fn in_words(time: Duration) -> String {
    if time < Duration::from_secs(60) {
        return format!("{:.1}s", time.as_secs_f64());
    }
    duration_text(Duration::from_secs(time.as_secs()))
}

/// The wait after attempt `number`: `base`, doubled for every attempt before it, and by `jitter`, from 0 to 1, up to a half longer,
/// so that runs that failed together do not come back together.
fn backoff(base: Duration, number: u32, jitter: f64) -> Duration {
    let doubled = base.saturating_mul(1 << number.saturating_sub(1).min(20)).min(LONGEST_BACKOFF.max(base));
    doubled.saturating_add(doubled.mul_f64(jitter / 2.0))
}

fn jitter() -> f64 {
    let mut byte = [0];
    // Without random bytes the waits are merely regular.
    let _ = getrandom::fill(&mut byte);
    f64::from(byte[0]) / 255.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_doubles_with_jitter_up_to_a_limit() {
        let base = Duration::from_secs(2);
        let seconds = |number, jitter| backoff(base, number, jitter).as_secs();
        assert_eq!([seconds(1, 0.0), seconds(2, 0.0), seconds(3, 0.0)], [2, 4, 8]);
        assert_eq!([seconds(1, 1.0), seconds(100, 0.0), seconds(100, 1.0)], [3, 300, 450]);
        assert_eq!(backoff(Duration::ZERO, 5, 1.0), Duration::ZERO);
        assert_eq!(backoff(Duration::MAX, 5, 1.0), Duration::MAX);
        assert_eq!(backoff(Duration::from_secs(900), 1, 0.0), Duration::from_secs(900), "what was configured is kept");
    }
}
