//! What a run writes down: an event when an attempt begins and ends, and a dead letter when there is no further one.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::attempts::{Ended, Follower};
use super::order::Order;
use super::plan::Attempt;
use crate::cli::RunArgs;
use crate::config::Environment;
use crate::failure::{Class, Failure};
use crate::ledger::{DeadLetters, Event, EventLog, Invocation, Kind, LETTER_SCHEMA, Letter};
use crate::redact::Secrets;
use crate::runner::now_rfc3339;

/// Where attempts are written down; a run at a terminal that asks for none of it writes nothing.
pub struct Record {
    events: Option<EventLog>,
    letters: Option<DeadLetters>,
    secrets: Secrets,
    /// Whether the caller knows already that events cannot be written.
    told: AtomicBool,
}

impl Record {
    /// What `args` ask for. An unattended run (`--dead-letter`, `--batch`) without `--events` writes to the state folder's log.
    ///
    /// # Errors
    /// Usage (2) for an event file that cannot be written, internal (70) for the state folder.
    pub fn of(args: &RunArgs, env: &Environment, secrets: &Secrets) -> Result<Self, Failure> {
        let unattended = args.dead_letter || args.batch.is_some();
        let state = if unattended { Some(state_dir(env)?) } else { None };
        let log = args.events.clone().or_else(|| state.as_deref().map(|state| state.join("events.jsonl")));
        Ok(Record {
            events: log.map(|path| open(&path)).transpose()?,
            letters: state.as_deref().map(DeadLetters::of),
            secrets: secrets.clone(),
            told: AtomicBool::new(false),
        })
    }

    /// An attempt is about to begin.
    pub fn start(&self, invocation: &Invocation, follower: &mut dyn Follower) {
        self.write(Kind::Start, invocation, follower);
    }

    /// It is over.
    pub fn end(&self, invocation: &Invocation, attempt: &Attempt, took: Duration, follower: &mut dyn Follower) {
        let (duration_ms, output_bytes) = (took.as_millis(), attempt.bytes);
        let kind = match &attempt.conclusion.failure {
            None => Kind::End { duration_ms, output_bytes },
            Some(failure) => Kind::Error {
                duration_ms,
                output_bytes,
                class: failure.class,
                retryable: failure.class.retryable(),
                message: self.secrets.redact(&failure.message).into_owned(),
            },
        };
        self.write(kind, invocation, follower);
    }

    /// A run is worth more than its log: where that cannot be written the run goes on, and its caller is told once.
    fn write(&self, kind: Kind, invocation: &Invocation, follower: &mut dyn Follower) {
        let Some(log) = &self.events else { return };
        let written = log.append(&Event::new(now_rfc3339(), kind, invocation));
        if let Err(error) = written
            && !self.told.swap(true, Ordering::Relaxed)
        {
            follower.tell(&format!("events cannot be written to {}: {error}", log.path().display()));
        }
    }

    /// Keeps a task that failed for good as a dead letter named `id`, and forgets the letter of one that succeeded. Whether there
    /// is a letter now.
    ///
    /// # Errors
    /// Internal (70): the letter cannot be written.
    pub fn settle(&self, id: &str, order: &Order, run: &Summary<'_>, ended: &Ended) -> Result<bool, Failure> {
        let Some(letters) = &self.letters else { return Ok(false) };
        let settled = match &ended.conclusion.failure {
            Some(Failure { class: Class::Interrupted(_), .. }) => return Ok(false),
            None => letters.remove(id).map(|_| false),
            Some(failure) => letters.put(&self.letter(id, order, run, ended, failure)).map(|()| true),
        };
        settled.map_err(|error| {
            let path = letters.path(id);
            let message = format!("the dead letter {} cannot be written", path.display());
            Failure::new(
                Class::Internal,
                message,
                "make room in the state folder, or name another: RINGFENCE_STATE_DIR",
            )
            .because(error.to_string())
        })
    }

    fn letter(&self, id: &str, order: &Order, run: &Summary<'_>, ended: &Ended, failure: &Failure) -> Letter {
        let safe = |text: &str| self.secrets.redact(text).into_owned();
        let settings = &order.settings;
        Letter {
            schema: LETTER_SCHEMA.into(),
            id: id.to_owned(),
            failed_at: now_rfc3339(),
            first_seen_at: run.first_seen_at.to_owned(),
            class: failure.class.name().to_owned(),
            message: safe(&failure.message),
            attempt: run.earlier + ended.attempts,
            max_attempts: settings.run.max_attempts.value,
            run_id: run.run_id.to_owned(),
            task: safe(&String::from_utf8_lossy(&order.wish.prompt)),
            agent: settings.agent.value.to_string(),
            mode: settings.mode_for(settings.agent.value).value.to_string(),
            workspace: order.workspace.path.to_string_lossy().into_owned(),
            args: order.args.iter().map(|arg| safe(arg)).collect(),
            output_tail: safe(&ended.tail),
        }
    }
}

/// What a letter says of a run beyond its end.
pub struct Summary<'a> {
    /// The run's id.
    pub run_id: &'a str,
    /// When the task was first begun.
    pub first_seen_at: &'a str,
    /// Attempts of earlier runs, which a replayed letter has counted.
    pub earlier: u32,
}

fn open(path: &Path) -> Result<EventLog, Failure> {
    EventLog::open(path).map_err(|error| {
        let message = format!("events cannot be written to {}", path.display());
        Failure::usage(message, "name a file that you can write: --events FILE").because(error.to_string())
    })
}

/// The state folder.
///
/// # Errors
/// Config (78): the user has none.
pub fn state_dir(env: &Environment) -> Result<std::path::PathBuf, Failure> {
    env.state_dir().ok_or_else(|| {
        Failure::config(
            "there is no state folder: HOME is not set",
            "set HOME, or RINGFENCE_STATE_DIR to a folder of yours",
        )
    })
}
