//! A plan tried out in silence: what `auth check` and `sandbox doctor` stand on, through the same frame, lease and runner as a
//! run.

use anyhow::Result;

use super::conclude::conclude;
use super::live::REMARK;
use super::plan::Plan;
use crate::agents::{Ended, Event, Reader};
use crate::command::CommandSpec;
use crate::config::duration_text;
use crate::failure::{Class, Failure};
use crate::redact::Secrets;
use crate::runner::{self, End, Job, Limits, Outcome, Prompt, Sink, Stop};

/// What another command than the agent's answered in the agent's place.
pub struct Answered {
    /// Its exit code.
    pub code: i32,
    /// Its standard output.
    pub stdout: String,
    /// The end of its standard error.
    pub stderr: String,
}

/// How much of an answer is kept, bytes.
const KEPT: usize = 64 * 1024;

impl Plan {
    /// Runs the agent as a run would, but for its patience, and says what failed; nothing where it answered.
    ///
    /// # Errors
    /// No name for the run could be made: the system has no random bytes.
    pub fn try_out(&self, limits: &Limits, secrets: &Secrets) -> Result<Option<Failure>> {
        let mut job = self.fresh_job()?;
        if let Some((name, value)) = self.agent.impatient() {
            job.command.env.insert(0, (name.to_owned(), value.into()));
        }
        let mut watch = Watch { reader: self.agent.reader(KEPT), events: Vec::new() };
        let result = self.runner.run(&job, limits, &mut watch);
        let late = match &result {
            Ok(outcome) if outcome.end == End::TimedOut => Some(outcome.stderr_tail.clone()),
            _ => None,
        };
        let mut failure = conclude(result, watch.reader.as_mut(), self.name, limits, secrets).failure;
        if let (Some(stderr), Some(failure)) = (late, &mut failure) {
            // It was still trying, but may have said what is wrong.
            let verdict = watch.reader.verdict(Ended { code: 124, stderr: &stderr });
            let telling =
                [Class::RateLimited, Class::Overloaded, Class::Network, Class::AuthRejected, Class::QuotaExhausted];
            if telling.contains(&verdict.class) {
                (failure.class, failure.message) = (verdict.class, secrets.shortened(&verdict.message, REMARK));
                self.hint(verdict.class).clone_into(&mut failure.hint);
            } else {
                "give it longer: --timeout 60s; and see what it waits for: ringfence run -v -- 'hello'"
                    .clone_into(&mut failure.hint);
            }
        }
        Ok(failure)
    }

    /// Runs `command` in the agent's place, with all that the agent would be handed.
    ///
    /// # Errors
    /// Where it could not be started or was ended by a limit or a signal.
    pub fn ask(&self, command: CommandSpec, limits: &Limits) -> Result<Answered> {
        let mut job = self.fresh_job()?;
        let program = command.to_string();
        job.command = CommandSpec { env: job.command.env, cwd: job.command.cwd, ..command };
        (job.prompt, job.prompt_on) = (Vec::new(), Prompt::Stdin);
        let mut kept = Kept::default();
        let outcome = self.runner.run(&job, limits, &mut kept)?;
        let code = finished(&outcome, &program, limits)?;
        let stdout = String::from_utf8_lossy(&kept.0).into_owned();
        Ok(Answered { code, stdout, stderr: outcome.stderr_tail })
    }

    /// Runs the plan itself, watched by `sink` alone.
    ///
    /// # Errors
    /// Where it could not be started.
    pub fn observe(&self, limits: &Limits, sink: &mut dyn Sink) -> Result<Outcome> {
        self.runner.run(&self.job, limits, sink)
    }

    /// Hands in one more variable, which is nobody's business.
    pub fn hand_in(&mut self, name: &str, value: &str) {
        self.job.command.env.push((name.to_owned(), value.into()));
    }

    /// What the caller should know before it begins.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// The same job under a name of its own.
    fn fresh_job(&self) -> Result<Job> {
        Ok(Job { run_id: runner::new_run_id()?, ..self.job.clone() })
    }

    fn hint(&self, class: Class) -> String {
        super::conclude::hint(class, self.name)
    }
}

/// The exit code of a command that came to its end.
fn finished(outcome: &Outcome, program: &str, limits: &Limits) -> Result<i32, Failure> {
    let fail = |class, message: String| {
        Failure::new(class, message, format!("run it by hand, to see what it waits for: {program}"))
    };
    match outcome.end {
        End::Exited(code) => Ok(code),
        End::Signaled(signal) => Ok(128 + signal),
        End::Cancelled(signal) => Err(fail(Class::Interrupted(signal), format!("{program} was interrupted"))),
        End::TimedOut | End::IdleTimedOut | End::Decided | End::Unwritable(_) => {
            let limit = limits.timeout.map(duration_text).unwrap_or_default();
            Err(fail(Class::Timeout, format!("{program} did not end within {limit}")))
        }
    }
}

struct Watch {
    reader: Box<dyn Reader>,
    events: Vec<Event>,
}

impl Sink for Watch {
    fn stdout(&mut self, chunk: &[u8]) -> Result<(), Stop> {
        self.reader.read(chunk, &mut self.events);
        self.events.clear();
        if self.reader.hopeless() { Err(Stop::Decided) } else { Ok(()) }
    }
}

#[derive(Default)]
struct Kept(Vec<u8>);

impl Sink for Kept {
    fn stdout(&mut self, chunk: &[u8]) -> Result<(), Stop> {
        let room = KEPT - self.0.len();
        self.0.extend(chunk.iter().take(room));
        Ok(())
    }
}
