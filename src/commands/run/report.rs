//! The result of a run: for programs the one JSON object, for people the answer and, if need be, three lines.

use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use serde::Serialize;
use serde_json::{Value, json};

use super::conclude::Conclusion;
use crate::agents::{Reader, Usage};
use crate::config::{AgentName, Mode};
use crate::failure::{Class, Failure};
use crate::output::Printer;
use crate::runner::{self, Timings};

/// `ringfence.run/1`. The field names are part of the contract.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    schema: &'static str,
    run_id: String,
    ok: bool,
    agent: Option<AgentName>,
    mode: Option<Mode>,
    sandbox: Option<String>,
    workspace: Option<String>,
    attempts: u32,
    exit_code: i32,
    agent_exit_code: Option<i32>,
    class: Class,
    retryable: bool,
    retry_after_ms: Option<u128>,
    message: Option<String>,
    hint: Option<String>,
    output: String,
    output_truncated: bool,
    session_id: Option<String>,
    usage: Usage,
    started_at: String,
    duration_ms: u128,
    timings: Value,
    attachments: Vec<Value>,
    egress_denied: Vec<Value>,
    warnings: Vec<String>,
}

impl Report {
    /// The report of a run that begins now, and of which nothing else is known yet.
    pub fn begin(run_id: String) -> Self {
        Report {
            schema: "ringfence.run/1",
            run_id,
            ok: false,
            agent: None,
            mode: None,
            sandbox: None,
            workspace: None,
            attempts: 0,
            exit_code: 0,
            agent_exit_code: None,
            class: Class::Ok,
            retryable: false,
            retry_after_ms: None,
            message: None,
            hint: None,
            output: String::new(),
            output_truncated: false,
            session_id: None,
            usage: Usage::default(),
            started_at: runner::now_rfc3339(),
            duration_ms: 0,
            timings: Value::Null,
            attachments: Vec::new(),
            egress_denied: Vec::new(),
            warnings: Vec::new(),
        }
    }

    /// The run's id.
    pub fn run_id(&self) -> &str {
        &self.run_id
    }

    /// The report of a run of which this has been decided.
    pub fn of(self, agent: AgentName, mode: Mode, workspace: &Path) -> Self {
        let workspace = Some(workspace.to_string_lossy().into_owned());
        Report { agent: Some(agent), mode: Some(mode), workspace, attempts: 1, ..self }
    }

    /// Prints the report of a run that could not begin, and returns why.
    pub fn unstarted(mut self, error: &anyhow::Error, printer: &Printer) -> Result<Class> {
        let failure = Failure::of(error);
        self.fail(&failure);
        printer.json(&self)?;
        printer.failure(&failure);
        Ok(failure.class)
    }

    fn fail(&mut self, failure: &Failure) {
        self.class = failure.class;
        self.exit_code = failure.class.exit_code();
        self.retryable = failure.class.retryable();
        self.retry_after_ms = failure.retry_after.map(|time| time.as_millis());
        self.message = Some(with_cause(&failure.message, failure.cause.as_deref()));
        self.hint = Some(failure.hint.clone());
    }

    /// Completes the report and prints it. `shown` says whether the answer is on standard output already.
    pub fn finish(
        mut self,
        conclusion: Conclusion,
        reader: &dyn Reader,
        warnings: Vec<String>,
        duration: Duration,
        shown: bool,
        printer: &Printer,
    ) -> Result<Class> {
        let failure = conclusion.failure;
        let class = failure.as_ref().map_or(Class::Ok, |failure| failure.class);
        if printer.is_json() {
            self.ok = class == Class::Ok;
            self.agent_exit_code = conclusion.outcome.as_ref().and_then(|outcome| outcome.agent_code);
            self.timings = conclusion.outcome.map_or(Value::Null, |outcome| milliseconds(outcome.timings));
            self.output = String::from_utf8_lossy(reader.answer()).into_owned();
            self.output_truncated = reader.truncated();
            self.session_id = reader.session().map(str::to_owned);
            self.usage = reader.usage();
            self.duration_ms = duration.as_millis();
            self.warnings = warnings;
            if let Some(failure) = &failure {
                self.fail(failure);
            }
            printer.json(&self)?;
        } else if !shown {
            show_answer(reader, printer)?;
        }
        if let Some(failure) = &failure {
            printer.failure(failure);
        }
        Ok(class)
    }
}

fn show_answer(reader: &dyn Reader, printer: &Printer) -> Result<()> {
    let answer = reader.answer();
    if !answer.is_empty() {
        printer.answer(answer)?;
        if !answer.ends_with(b"\n") {
            printer.answer(b"\n")?;
        }
    }
    if reader.truncated() {
        printer.warning("the answer is longer than run.output_limit; its end was left out: ringfence sandbox set run.output_limit 64MiB");
    }
    Ok(())
}

fn with_cause(message: &str, cause: Option<&str>) -> String {
    cause.map_or_else(|| message.to_owned(), |cause| format!("{message}: {cause}"))
}

fn milliseconds(timings: Timings) -> Value {
    json!({
        "startMs": timings.start.as_millis(),
        "agentMs": timings.agent.as_millis(),
        "teardownMs": timings.teardown.as_millis(),
    })
}
