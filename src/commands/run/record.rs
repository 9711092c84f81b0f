//! What a run writes down: an event when an attempt begins and ends, and a dead letter when there is no further one.

use std::io::{self, ErrorKind};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::attempt::Attempt;
use super::attempts::{Ended, Follower};
use super::order::Order;
use crate::cli::RunArgs;
use crate::config::Environment;
use crate::failure::{Class, Failure};
use crate::ledger::{Begun, DeadLetters, Event, EventLog, Invocation, Kind, LETTER_SCHEMA, Letter};
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
                message: self.secrets.redact(&failure.whole()).into_owned(),
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

    /// Writes down what is left of a task should ringfence be ended in this `attempt` of it.
    ///
    /// # Errors
    /// Internal (70): it cannot be written, and the attempt must not begin.
    pub fn begin(&self, order: &Order, run: &Summary<'_>, attempt: u32) -> Result<Option<Begun>, Failure> {
        let Some(letters) = &self.letters else { return Ok(None) };
        let attempt = run.earlier + attempt;
        let hint = "look at what the task does to this machine (memory, kills), then replay it";
        let failure = Failure::new(Class::Internal, format!("ringfence was ended in attempt {attempt}"), hint);
        let letter = self.letter(order, run, attempt, &failure, "");
        letters.begin(&letter).map(Some).map_err(|error| unwritten(&letters.path(run.letter), &error))
    }

    /// Keeps a task that failed for good as a dead letter, and forgets the letter of one that succeeded. Whether there
    /// is a letter now.
    ///
    /// # Errors
    /// Internal (70): the letter cannot be written.
    pub fn settle(&self, order: &Order, run: &Summary<'_>, ended: &Ended) -> Result<bool, Unsettled> {
        let Some(letters) = &self.letters else { return Ok(false) };
        let id = run.letter;
        let settled = match ended.failure() {
            Some(Failure { class: Class::Interrupted(_), .. }) => return Ok(false),
            // It could not even begin: what its letter says of the task itself is worth more.
            Some(_) if run.replayed && ended.tail.is_none() => return Ok(true),
            None => letters.remove(id).map(|_| false),
            Some(failure) => {
                // A letter that cannot be read is replaced.
                let known = letters.get(id).ok().flatten().filter(|_| !run.replayed);
                let earlier = known.as_ref().map_or(run.earlier, |known| known.attempt.saturating_sub(run.lost));
                let run = &Summary {
                    first_seen_at: known.as_ref().map_or(run.first_seen_at, |known| &known.first_seen_at),
                    ..*run
                };
                let tail = ended.tail.as_deref().unwrap_or_default();
                let letter = self.letter(order, run, earlier + ended.attempts, failure, tail);
                letters.put(&letter).map(|()| true)
            }
        };
        settled.map_err(|error| Unsettled {
            full: matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded),
            failure: unwritten(&letters.path(id), &error),
        })
    }

    fn letter(&self, order: &Order, run: &Summary<'_>, attempt: u32, failure: &Failure, tail: &str) -> Letter {
        let settings = &order.settings;
        let of_file = settings.sandbox.required_env.iter();
        let names: Vec<String> =
            settings.variables.iter().map(|variable| &variable.name).chain(of_file).cloned().collect();
        let sealed = |text: &str| self.secrets.seal(text, &names);
        let (task, workspace) =
            (sealed(&String::from_utf8_lossy(&order.wish.prompt)), sealed(&order.workspace.path.to_string_lossy()));
        let mut args: Vec<String> = order.args.iter().map(|arg| sealed(arg)).collect();
        // What the configuration hands in, and stands in this letter, must be handed in again.
        for name in &names {
            let (option, mark) = (format!("--env={name}"), format!("[redacted:{name}]"));
            let holds = |text: &String| text.contains(&mark);
            if !args.contains(&option) && (holds(&task) || holds(&workspace) || args.iter().any(holds)) {
                args.insert(0, option);
            }
        }
        Letter {
            schema: LETTER_SCHEMA.into(),
            id: run.letter.to_owned(),
            failed_at: now_rfc3339(),
            first_seen_at: run.first_seen_at.to_owned(),
            class: failure.class.name().to_owned(),
            message: self.secrets.redact(&failure.whole()).into_owned(),
            attempt,
            max_attempts: settings.run.max_attempts.value,
            run_id: run.run_id.to_owned(),
            task,
            agent: settings.agent.value.to_string(),
            mode: settings.mode_for(settings.agent.value).value.to_string(),
            workspace,
            args,
            output_tail: self.secrets.redact(tail).into_owned(),
        }
    }
}

/// A letter that could not be written.
pub struct Unsettled {
    /// Why.
    pub failure: Failure,
    /// Whether it is the disk, so that nothing else can be written either.
    pub full: bool,
}

fn unwritten(path: &Path, error: &io::Error) -> Failure {
    let message = format!("the dead letter {} cannot be written", path.display());
    let hint = "make room in the state folder, or name another: RINGFENCE_STATE_DIR";
    Failure::new(Class::Internal, message, hint).because(error.to_string())
}

/// What a letter says of a run beyond its end.
#[derive(Clone, Copy)]
pub struct Summary<'a> {
    /// The letter's id.
    pub letter: &'a str,
    /// The run's id.
    pub run_id: &'a str,
    /// When the task was first begun.
    pub first_seen_at: &'a str,
    /// Attempts of earlier runs, which a replayed letter has counted.
    pub earlier: u32,
    /// Whether it replays a letter.
    pub replayed: bool,
    /// Attempts among this run's that ringfence was ended in: a letter of an earlier end has counted them.
    pub lost: u32,
}

fn open(path: &Path) -> Result<EventLog, Failure> {
    EventLog::open(path).map_err(|error| {
        let message = format!("events cannot be written to {}", path.display());
        Failure::usage(
            message,
            "name a file that you can write: --events FILE, or another state folder: RINGFENCE_STATE_DIR",
        )
        .because(error.to_string())
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
