//! Claude Code (`claude -p`). Read from the stream of 2.1.197; `tests/fixtures/claude` holds recordings.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use super::stream::{Known, Protocol, Stream, detail, returned, sum, text};
use super::{Agent, Ended, Event, Reader, Task, Usage, Verdict, signs};
use crate::command::CommandSpec;
use crate::failure::Class;

/// `claude`.
pub struct Claude;

impl Agent for Claude {
    fn command(&self, task: &Task) -> CommandSpec {
        let mut command = CommandSpec::new("claude").args([
            "-p",
            "--output-format",
            "stream-json",
            "--verbose",
            "--dangerously-skip-permissions",
        ]);
        if let Some(model) = &task.model {
            command = command.option("--model", model);
        }
        if task.as_root {
            // It refuses to skip permissions as root anywhere else.
            command = command.env("IS_SANDBOX", "1");
        }
        command.args(task.args.iter().cloned())
    }

    fn tells_cost(&self) -> bool {
        true
    }

    /// From <https://code.claude.com/docs/en/env-vars>.
    fn variables(&self) -> &'static [&'static str] {
        &[
            "ANTHROPIC_BASE_URL",
            "ANTHROPIC_MODEL",
            "ANTHROPIC_SMALL_FAST_MODEL",
            "ANTHROPIC_DEFAULT_OPUS_MODEL",
            "ANTHROPIC_DEFAULT_SONNET_MODEL",
            "ANTHROPIC_DEFAULT_HAIKU_MODEL",
            "ANTHROPIC_CUSTOM_HEADERS",
            "ANTHROPIC_BETAS",
            "API_TIMEOUT_MS",
            "CLAUDE_CODE_SUBAGENT_MODEL",
            "CLAUDE_CODE_EFFORT_LEVEL",
            "CLAUDE_CODE_MAX_RETRIES",
            "CLAUDE_CODE_MAX_OUTPUT_TOKENS",
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC",
            "DISABLE_TELEMETRY",
            "DISABLE_AUTOUPDATER",
            "CLAUDE_CODE_USE_BEDROCK",
            "CLAUDE_CODE_SKIP_BEDROCK_AUTH",
            "ANTHROPIC_BEDROCK_BASE_URL",
            "AWS_REGION",
            "CLAUDE_CODE_USE_VERTEX",
            "CLAUDE_CODE_SKIP_VERTEX_AUTH",
            "ANTHROPIC_VERTEX_BASE_URL",
            "ANTHROPIC_VERTEX_PROJECT_ID",
            "CLOUD_ML_REGION",
            "CLAUDE_CODE_USE_FOUNDRY",
            "ANTHROPIC_FOUNDRY_BASE_URL",
            "ANTHROPIC_FOUNDRY_RESOURCE",
        ]
    }

    fn impatient(&self) -> Option<(&'static str, &'static str)> {
        Some(("CLAUDE_CODE_MAX_RETRIES", "0"))
    }

    fn api(&self) -> Option<(&'static str, &'static str)> {
        Some(("ANTHROPIC_BASE_URL", "api.anthropic.com"))
    }

    fn hosts(&self) -> &'static [&'static str] {
        &["anthropic"]
    }

    fn login_hint(&self) -> &'static str {
        "run `claude` on the host and log in (/login), or set CLAUDE_CODE_OAUTH_TOKEN (`claude setup-token`) or ANTHROPIC_API_KEY"
    }

    fn reader(&self, limit: usize) -> Box<dyn Reader> {
        Box::new(Stream::new(Session::default(), limit))
    }
}

/// Refused requests in a row after which a credential is taken for lost. The first may still be mended: after it claude renews
/// its login, or asks its key helper again.
const REFUSALS: u32 = 2;

/// What was read, cached or not.
const READ: [&str; 3] = ["/usage/input_tokens", "/usage/cache_creation_input_tokens", "/usage/cache_read_input_tokens"];

#[derive(Default)]
struct Session {
    outcome: Option<Outcome>,
    /// The `error` of the line that stands for a failed request.
    error: Option<String>,
    /// The last announced retry: the status it answers to, and the time until then.
    retry: Option<(u64, Duration)>,
    /// Retries announced since the model last spoke.
    retries: u32,
    /// Refused requests since the model last spoke.
    refusals: u32,
    hopeless: bool,
    /// When a used-up allowance is filled again.
    resets: Option<Timestamp>,
    /// The tool calls that have not returned: their ids and names.
    open: Vec<(String, String)>,
    /// The reply whose tokens were counted last: each part of it is a message of its own.
    counted: String,
}

/// The `result` message.
struct Outcome {
    is_error: bool,
    status: Option<u64>,
    text: String,
}

impl Protocol for Session {
    const NAME: &'static str = "claude";

    fn message(&mut self, kind: &str, message: &Value, known: &mut Known, events: &mut Vec<Event>) {
        match (kind, text(message, "subtype")) {
            ("system", Some("init")) => known.session = text(message, "session_id").map(str::to_owned),
            ("system", Some("api_retry")) => self.retry(message, events),
            ("system", Some("model_fallback")) => {
                let said = signs::one_line(text(message, "content").unwrap_or("it uses another model"));
                events.push(Event::Warning(format!("claude: {said}")));
            }
            ("rate_limit_event", _) => self.resets = resets(&message["rate_limit_info"]),
            ("assistant", _) => self.assistant(message, known, events),
            ("user", _) => self.returned(message, events),
            ("result", _) => self.result(message, known, events),
            _ => {}
        }
    }

    fn hopeless(&self) -> bool {
        self.hopeless
    }

    fn verdict(&self, _: &Known, ended: Ended<'_>) -> Option<Verdict> {
        let Some(outcome) = &self.outcome else {
            let refused = "the model API refuses the credential (authentication_failed), again and again";
            return self.hopeless.then(|| signs::failed(Self::NAME, Class::AuthRejected, refused));
        };
        if !outcome.is_error {
            return Some(if ended.code == 0 {
                Verdict::ok()
            } else {
                let text = format!("its task was done, but it exited with {}", ended.code);
                signs::failed(Self::NAME, Class::AgentFailed, &text)
            });
        }
        let class = self.class(outcome);
        let resets = self.resets.filter(|_| class == Class::RateLimited);
        let resets = resets.and_then(|at| Duration::try_from(at.duration_since(Timestamp::now())).ok());
        let retry = self.retry.filter(|(status, _)| signs::class(Some(*status), "") == class).map(|(_, wait)| wait);
        Some(signs::failed(Self::NAME, class, &outcome.text).after(resets.or(retry)))
    }
}

impl Session {
    fn class(&self, outcome: &Outcome) -> Class {
        let error = self.error.as_deref();
        if error == Some("billing_error") {
            return Class::QuotaExhausted;
        }
        match (signs::class(outcome.status, &outcome.text), outcome.status, error) {
            (Class::AgentFailed, None, Some("authentication_failed" | "oauth_org_not_allowed")) => Class::AuthRejected,
            (Class::AgentFailed, None, Some("rate_limit")) => Class::RateLimited,
            (Class::AgentFailed, None, Some("server_error" | "overloaded")) => Class::Overloaded,
            (class, ..) => class,
        }
    }

    fn retry(&mut self, message: &Value, events: &mut Vec<Event>) {
        let status = message["error_status"].as_u64();
        let wait = message["retry_delay_ms"].as_f64().and_then(|ms| Duration::try_from_secs_f64(ms / 1000.0).ok());
        self.retry = status.zip(wait);
        self.retries += 1;
        if self.retries == 1 {
            let what = status.map_or("cannot be reached".to_owned(), |status| format!("answers {status}"));
            events.push(Event::Warning(format!("claude: the model API {what}: trying again")));
        }
        if matches!(status, Some(401 | 403)) {
            self.refusals += 1;
            // Counted by claude for each request, and by us: neither two subagents refused at once nor a refusal after
            // an overload is a credential refused twice.
            let attempt = message["attempt"].as_u64().unwrap_or(u64::MAX);
            self.hopeless = self.refusals >= REFUSALS && attempt >= u64::from(REFUSALS);
        } else {
            self.refusals = 0;
            self.hopeless = false;
        }
    }

    fn assistant(&mut self, message: &Value, known: &mut Known, events: &mut Vec<Event>) {
        if let Some(error) = text(message, "error") {
            self.error = Some(error.to_owned());
            return;
        }
        let body = &message["message"];
        if text(body, "model") == Some("<synthetic>") {
            return;
        }
        (self.error, self.retry, self.retries, self.refusals, self.hopeless) = (None, None, 0, 0, false);
        let is_own = message["parent_tool_use_id"].is_null();
        for part in body["content"].as_array().into_iter().flatten() {
            match text(part, "type") {
                Some("text") => {
                    let Some(said) = text(part, "text") else { continue };
                    // Until there is a result, the last that was said is the answer.
                    if is_own {
                        known.answer.set(said);
                    }
                    events.push(Event::Text(said.to_owned()));
                }
                Some("tool_use") => {
                    let name = text(part, "name").unwrap_or("tool").to_owned();
                    let id = text(part, "id").unwrap_or_default().to_owned();
                    self.open.push((id.clone(), name.clone()));
                    events.push(Event::Tool { id, name, detail: detail(&part["input"]) });
                }
                _ => {}
            }
        }
        self.count(body, known, events);
    }

    /// What the model has read for this reply. How much it wrote is known at the end only: the number here is of its beginning.
    fn count(&mut self, body: &Value, known: &mut Known, events: &mut Vec<Event>) {
        let Some(id) = text(body, "id").filter(|id| *id != self.counted) else { return };
        let read = sum(body, &READ);
        if let Some(read) = read.filter(|read| *read > 0) {
            id.clone_into(&mut self.counted);
            known.usage.input_tokens = Some(known.usage.input_tokens.unwrap_or_default().saturating_add(read));
            events.push(Event::Usage(known.usage));
        }
    }

    fn returned(&mut self, message: &Value, events: &mut Vec<Event>) {
        // What the model says next is another reply.
        self.counted.clear();
        for part in message["message"]["content"].as_array().into_iter().flatten() {
            if text(part, "type") != Some("tool_result") {
                continue;
            }
            let id = text(part, "tool_use_id").unwrap_or_default();
            let Some(at) = self.open.iter().position(|(open, _)| open == id) else { continue };
            let (id, name) = self.open.swap_remove(at);
            let ok = part["is_error"] != true;
            events.push(Event::ToolResult { id, name, ok, detail: returned(&part["content"]) });
        }
    }

    fn result(&mut self, message: &Value, known: &mut Known, events: &mut Vec<Event>) {
        // `subtype` says "success" of failed requests too.
        let is_error = message["is_error"].as_bool().unwrap_or(true);
        let said = text(message, "result");
        if !is_error {
            known.answer.set(said.unwrap_or_default());
        }
        if let Some(session) = text(message, "session_id") {
            known.session = Some(session.to_owned());
        }
        known.usage = Usage {
            input_tokens: sum(message, &READ),
            output_tokens: sum(message, &["/usage/output_tokens"]),
            cost_usd: message["total_cost_usd"].as_f64(),
        };
        events.push(Event::Usage(known.usage));
        let status = message["api_error_status"].as_u64();
        self.outcome = Some(Outcome { is_error, status, text: said.map_or_else(|| reason(message), str::to_owned) });
    }
}

/// Why a run that has no result ended: `error_max_turns`, for one.
fn reason(message: &Value) -> String {
    let errors = message["errors"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let subtype = text(message, "subtype").filter(|subtype| *subtype != "success");
    subtype.into_iter().chain(errors).collect::<Vec<_>>().join(": ")
}

/// When the allowance is filled again, where it is used up.
fn resets(info: &Value) -> Option<Timestamp> {
    (text(info, "status") == Some("rejected")).then(|| Timestamp::from_second(info["resetsAt"].as_i64()?).ok())?
}
