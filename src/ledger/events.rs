//! The event log: one JSON line when an attempt begins and one when it is over.

use std::io;
use std::path::Path;

use serde::Serialize;

use super::lines::Lines;
use crate::config::{AgentName, Mode};
use crate::failure::Class;

/// The size at which a log is put aside, bytes.
const ROTATE_AT: u64 = 16 << 20;

/// How every event begins.
const HEAD: &str = r#"{"schema":"ringfence.event/1""#;

/// Longest message in an event, characters: the whole of it is in the run's report.
const MESSAGE: usize = 500;

/// An attempt, as every event names it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Invocation {
    /// The run, as in its report.
    pub run_id: String,
    /// The agent.
    pub agent: AgentName,
    /// Where it runs.
    pub mode: Mode,
    /// The workspace on the host.
    pub workspace: String,
    /// Which attempt this is, from 1.
    pub attempt: u32,
}

/// What happened to an attempt.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "event", rename_all_fields = "camelCase")]
pub enum Kind {
    /// It is about to begin.
    #[serde(rename = "sandbox_invocation_start")]
    Start,
    /// It worked.
    #[serde(rename = "sandbox_invocation_end")]
    End {
        /// How long it took.
        duration_ms: u128,
        /// What the agent wrote on its standard output.
        output_bytes: u64,
    },
    /// It failed, or could not begin.
    #[serde(rename = "sandbox_invocation_error")]
    Error {
        /// How long it took.
        duration_ms: u128,
        /// What the agent wrote on its standard output.
        output_bytes: u64,
        /// How it ended.
        class: Class,
        /// Whether the same may succeed later.
        retryable: bool,
        /// In one line.
        message: String,
    },
}

/// A line of the log. The field names are part of the contract.
#[derive(Clone, Debug, Serialize)]
pub struct Event<'a> {
    schema: &'static str,
    timestamp: String,
    #[serde(flatten)]
    kind: Kind,
    #[serde(flatten)]
    invocation: &'a Invocation,
}

impl<'a> Event<'a> {
    /// That `kind` happened to `invocation` at `timestamp`, in RFC 3339.
    pub fn new(timestamp: String, mut kind: Kind, invocation: &'a Invocation) -> Self {
        if let Kind::Error { message, .. } = &mut kind
            && let Some((cut, _)) = message.char_indices().nth(MESSAGE)
        {
            message.truncate(cut);
            message.push('…');
        }
        Event { schema: "ringfence.event/1", timestamp, kind, invocation }
    }
}

/// A log that several processes may append to at once.
#[derive(Debug)]
pub struct EventLog(Lines);

impl EventLog {
    /// The log at `path`, made where it is missing.
    ///
    /// # Errors
    /// It cannot be made or written to, or is somebody else's.
    pub fn open(path: &Path) -> io::Result<Self> {
        Ok(EventLog(Lines::open(path, HEAD, Some(ROTATE_AT))?))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// Appends one event, whole or not at all.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn append(&self, event: &Event<'_>) -> io::Result<()> {
        self.0.append(&serde_json::to_vec(event)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_have_the_fields_of_the_contract() {
        let folder = tempfile::tempdir().unwrap();
        let log = EventLog::open(&folder.path().join("events.jsonl")).unwrap();
        let invocation = Invocation {
            run_id: "r".into(),
            agent: AgentName::Claude,
            mode: Mode::Docker,
            workspace: "/w".into(),
            attempt: 2,
        };
        let error = Kind::Error {
            duration_ms: 5,
            output_bytes: 7,
            class: Class::Overloaded,
            retryable: true,
            message: "ü".repeat(600),
        };
        for kind in [Kind::Start, Kind::End { duration_ms: 5, output_bytes: 7 }, error] {
            log.append(&Event::new("2026-11-21T04:00:00.000Z".into(), kind, &invocation)).unwrap();
        }
        let text = std::fs::read_to_string(log.path()).unwrap();
        let head =
            r#"{"schema":"ringfence.event/1","timestamp":"2026-11-21T04:00:00.000Z","event":"sandbox_invocation_"#;
        let about = r#""runId":"r","agent":"claude","mode":"docker","workspace":"/w","attempt":2}"#;
        let cut = format!("{}…", "ü".repeat(500));
        assert_eq!(
            text.lines().collect::<Vec<_>>(),
            [
                format!(r#"{head}start",{about}"#),
                format!(r#"{head}end","durationMs":5,"outputBytes":7,{about}"#),
                format!(
                    r#"{head}error","durationMs":5,"outputBytes":7,"class":"overloaded","retryable":true,"message":"{cut}",{about}"#
                ),
            ]
        );
    }
}
