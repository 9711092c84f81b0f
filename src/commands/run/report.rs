//! The result of a run: for programs the one JSON object, for people the answer and, if need be, three lines.

use std::path::Path;

use anyhow::Result;
use serde::Serialize;
use serde_json::{Value, json};

use super::attachments::Attachment;
use super::attempts::Ended;
use crate::agents::Usage;
use crate::config::{AgentName, HostRule, Mode};
use crate::egress::Denied;
use crate::failure::{Class, Failure};
use crate::output::Printer;
use crate::redact::Secrets;
use crate::runner::{self, Timings};

/// `ringfence.run/1`. The field names are part of the contract.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// What it is among the events of a run, where it is the last of them.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
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
    attachments: Vec<Attachment>,
    egress_denied: Vec<Denied>,
    /// Only with `--learn`.
    #[serde(skip_serializing_if = "Option::is_none")]
    egress_learnt: Option<Vec<String>>,
    warnings: Vec<String>,
}

impl Report {
    /// The report of a run that begins now, and of which nothing else is known yet.
    pub fn begin(run_id: String) -> Self {
        Report {
            kind: None,
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
            egress_learnt: None,
            warnings: Vec::new(),
        }
    }

    /// The same report as the last of a run's events.
    #[must_use]
    pub fn into_event(self) -> Self {
        Report { kind: Some("result"), ..self }
    }

    /// The run's id.
    pub fn run_id(&self) -> &str {
        &self.run_id
    }

    /// When the run began.
    pub fn started_at(&self) -> &str {
        &self.started_at
    }

    /// Prints the report of a run that could not begin, and returns why.
    ///
    /// # Errors
    /// A closed standard output.
    pub fn unstarted(mut self, error: &anyhow::Error, printer: &Printer) -> Result<Class> {
        let failure = Failure::of(error);
        self.fail(&failure, printer.secrets());
        printer.json(&self)?;
        printer.failure(&failure);
        Ok(failure.class)
    }

    fn fail(&mut self, failure: &Failure, secrets: &Secrets) {
        self.class = failure.class;
        self.exit_code = failure.class.exit_code();
        self.retryable = failure.class.retryable();
        self.retry_after_ms = failure.retry_after.map(|time| time.as_millis());
        self.message = Some(secrets.redact(&failure.whole()).into_owned());
        self.hint = Some(secrets.redact(&failure.hint).into_owned());
    }

    /// The whole report of a run by `agent` in `workspace` that has `ended`.
    #[must_use]
    pub fn complete(mut self, agent: AgentName, workspace: &Path, ended: Ended, secrets: &Secrets) -> Self {
        self.agent = Some(agent);
        self.mode = Some(ended.mode);
        self.sandbox = ended.last.sandbox;
        self.workspace = Some(workspace.to_string_lossy().into_owned());
        self.attempts = ended.attempts;
        self.ok = ended.last.conclusion.failure.is_none();
        self.agent_exit_code = ended.last.conclusion.outcome.as_ref().and_then(|outcome| outcome.agent_code);
        self.timings = ended.last.conclusion.outcome.map_or(Value::Null, |outcome| milliseconds(outcome.timings));
        self.output = String::from_utf8(ended.last.answer)
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned());
        self.output_truncated = ended.last.truncated;
        self.session_id = ended.last.session;
        self.usage = ended.totals.usage;
        self.duration_ms = ended.duration.as_millis();
        self.attachments = ended.last.attachments;
        self.egress_denied = ended.totals.knocks.denied().to_vec();
        self.egress_learnt = ended.totals.learnt.map(|rules| rules.iter().map(ToString::to_string).collect());
        self.warnings = ended.totals.warnings.iter().map(|warning| secrets.redact(warning).into_owned()).collect();
        if let Some(failure) = &ended.last.conclusion.failure {
            self.fail(failure, secrets);
        }
        self
    }
}

/// What people see of a run that has ended: the answer, where it is not there already, and the files that it names.
///
/// # Errors
/// A closed standard output.
pub fn show(ended: &Ended, printer: &Printer) -> Result<()> {
    if !ended.last.answer.is_empty() {
        printer.answer(&ended.last.answer)?;
        if !ended.last.answer.ends_with(b"\n") {
            printer.answer(b"\n")?;
        }
    }
    if ended.last.truncated && !ended.last.shown {
        printer.warning("the answer is longer than run.output_limit; its end was left out: ringfence sandbox set run.output_limit 64MiB");
    }
    if let Some(denied) = ended.totals.knocks.in_words() {
        printer.warning(&denied);
    }
    if let Some(learnt) = &ended.totals.learnt {
        printer.note(&enough(learnt));
    }
    for Attachment { path, .. } in &ended.last.attachments {
        printer.note(&format!("attached: {path}"));
    }
    Ok(())
}

/// The list that would have been enough, as it can be typed.
fn enough(learnt: &[HostRule]) -> String {
    let flags: Vec<String> = learnt.iter().map(|rule| format!("--allow-host {rule}")).collect();
    if flags.is_empty() {
        return "it asked for no host but those that are listed, and the agent's own API's".into();
    }
    format!("enough would have been: {}", flags.join(" "))
}

fn milliseconds(timings: Timings) -> Value {
    json!({
        "startMs": timings.start.as_millis(),
        "agentMs": timings.agent.as_millis(),
        "teardownMs": timings.teardown.as_millis(),
    })
}
