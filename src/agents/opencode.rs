//! opencode (`opencode run --format json`). Read from the stream of 1.18.33; `tests/fixtures/opencode` holds recordings.

use std::ffi::OsString;
use std::time::Duration;

use serde_json::Value;

use super::stream::{Known, Protocol, Stream, detail, returned, sum, text};
use super::{Agent, Ended, Event, Reader, Task, Verdict, signs};
use crate::command::CommandSpec;
use crate::failure::Class;

/// `opencode`.
pub struct Opencode;

impl Agent for Opencode {
    fn command(&self, task: &Task) -> CommandSpec {
        // Some of its errors stand in its log only.
        let mut command = CommandSpec::new("opencode").args([
            "run",
            "--format",
            "json",
            "--auto",
            "--print-logs",
            "--log-level",
            "ERROR",
        ]);
        if let Some(model) = &task.model {
            command = command.option("-m", model);
        }
        command.args(task.args.iter().cloned())
    }

    fn tells_cost(&self) -> bool {
        true
    }

    fn variables(&self) -> &'static [&'static str] {
        &[
            "OPENCODE_CONFIG_CONTENT",
            "OPENCODE_PERMISSION",
            "OPENCODE_MODELS_URL",
            "OPENCODE_DISABLE_MODELS_FETCH",
            "ANTHROPIC_BASE_URL",
            "OPENAI_BASE_URL",
        ]
    }

    /// With neither a login nor a model's name it would send the task to a model that its makers host.
    fn without_login(&self, task: &Task) -> Option<(&'static str, &'static str)> {
        let names_model =
            |arg: &OsString| arg.to_string_lossy().starts_with("-m") || arg.to_string_lossy().starts_with("--model");
        let chosen = task.model.is_some() || task.args.iter().any(names_model);
        (!chosen).then_some(("OPENCODE_CONFIG_CONTENT", r#"{"disabled_providers":["opencode"]}"#))
    }

    /// Those whose credentials it is handed; another provider's are to be listed.
    fn hosts(&self) -> &'static [&'static str] {
        &["anthropic", "openai"]
    }

    fn login_hint(&self) -> &'static str {
        "run `opencode auth login` on the host, or set the API key of its provider, such as ANTHROPIC_API_KEY"
    }

    fn reader(&self, limit: usize) -> Box<dyn Reader> {
        Box::new(Stream::new(Run::default(), limit))
    }
}

#[derive(Default)]
struct Run {
    /// The last error, if no other step followed it.
    error: Option<Value>,
    /// Whether the answer's text is of an earlier step than the present one.
    is_stale: bool,
    /// Whether anything was said at all.
    has_spoken: bool,
    /// Why the last step ended.
    reason: Option<String>,
    /// What the last tool call failed with.
    tool_error: Option<String>,
}

impl Protocol for Run {
    const NAME: &'static str = "opencode";

    fn message(&mut self, kind: &str, message: &Value, known: &mut Known, events: &mut Vec<Event>) {
        if known.session.is_none() {
            known.session = text(message, "sessionID").map(str::to_owned);
        }
        let part = &message["part"];
        match kind {
            "step_start" => (self.is_stale, self.reason, self.error) = (true, None, None),
            "text" => self.text(text(part, "text").unwrap_or_default(), known, events),
            "tool_use" => {
                let state = &part["state"];
                let title = text(state, "title").map(signs::one_line);
                let detail = title.unwrap_or_else(|| detail(&state["input"]));
                let id = text(part, "callID").unwrap_or_default().to_owned();
                let name = text(part, "tool").unwrap_or("tool").to_owned();
                self.tool_error = text(state, "error").map(str::to_owned);
                // It tells of a call when that has returned.
                events.push(Event::Tool { id: id.clone(), name: name.clone(), detail });
                let ok = self.tool_error.is_none();
                let detail = returned(if ok { &state["output"] } else { &state["error"] });
                events.push(Event::ToolResult { id, name, ok, detail });
            }
            "step_finish" => {
                self.reason = text(part, "reason").map(str::to_owned);
                let usage = &mut known.usage;
                let add =
                    |so_far: Option<u64>, more: Option<u64>| so_far.into_iter().chain(more).reduce(u64::saturating_add);
                let read = sum(part, &["/tokens/input", "/tokens/cache/read", "/tokens/cache/write"]);
                usage.input_tokens = add(usage.input_tokens, read);
                usage.output_tokens = add(usage.output_tokens, sum(part, &["/tokens/output"]));
                if let Some(cost) = part["cost"].as_f64() {
                    usage.cost_usd = Some(usage.cost_usd.unwrap_or_default() + cost);
                }
                events.push(Event::Usage(*usage));
            }
            "error" => self.error = Some(message["error"].clone()),
            _ => {}
        }
    }

    fn verdict(&self, _: &Known, ended: Ended<'_>) -> Option<Verdict> {
        if let Some(error) = &self.error {
            return Some(judge(error, ended.stderr));
        }
        let unfinished = self.reason.as_deref().is_none_or(|reason| reason == "tool-calls");
        match &self.tool_error {
            _ if ended.code != 0 => {
                let logged = logged_error(ended.stderr)?;
                Some(signs::failed(Self::NAME, signs::class(None, &logged), &logged))
            }
            // So ends a run whose permissions forbid what the model wants, with 0.
            Some(error) if unfinished => {
                Some(signs::failed(Self::NAME, Class::AgentFailed, &format!("it stopped after a tool call: {error}")))
            }
            _ if unfinished || !self.has_spoken => None,
            _ => Some(Verdict::ok()),
        }
    }
}

impl Run {
    fn text(&mut self, said: &str, known: &mut Known, events: &mut Vec<Event>) {
        if std::mem::take(&mut self.is_stale) || !self.has_spoken {
            known.answer.set(said);
        } else {
            known.answer.add("\n");
            known.answer.add(said);
        }
        self.has_spoken = true;
        events.push(Event::Text(said.to_owned()));
    }
}

fn judge(error: &Value, stderr: &str) -> Verdict {
    let data = &error["data"];
    let name = text(error, "name").unwrap_or_default();
    let message = text(data, "message").or_else(|| text(error, "message")).unwrap_or(name);
    let failed = |class, text: &str| signs::failed(Run::NAME, class, text);
    match name {
        "ProviderAuthError" => match signs::class(None, message) {
            class @ (Class::AuthExpired | Class::AuthRejected) => failed(class, message),
            _ => failed(Class::AuthMissing, message),
        },
        "APIError" => {
            let status = data["statusCode"].as_u64();
            let class = signs::class(status, &format!("{message} {}", text(data, "responseBody").unwrap_or_default()));
            failed(class, message).after(wait(&data["responseHeaders"]))
        }
        // "Unexpected server error. Check server logs for details."
        "UnknownError" => {
            let logged = logged_error(stderr);
            let message = logged.as_deref().unwrap_or(message);
            failed(signs::class(None, message), message)
        }
        _ => failed(Class::AgentFailed, message),
    }
}

/// The wait that a server asks for (RFC 9110, section 10.2.3; a date is not read).
fn wait(headers: &Value) -> Option<Duration> {
    let number = |name| text(headers, name)?.parse::<f64>().ok();
    let seconds = number("retry-after-ms").map(|ms| ms / 1000.0).or_else(|| number("retry-after"))?;
    Duration::try_from_secs_f64(seconds).ok()
}

/// The last `error=…` in its log, without the name of a JavaScript class before it.
fn logged_error(stderr: &str) -> Option<String> {
    let (_, error) = stderr.lines().rev().find_map(|line| line.split_once(" error="))?;
    let error = match error.strip_prefix('"') {
        None => error.split(' ').next()?,
        Some(quoted) => {
            let is_end = |at: usize| !quoted[..at].ends_with('\\');
            &quoted[..quoted.match_indices('"').map(|(at, _)| at).find(|&at| is_end(at)).unwrap_or(quoted.len())]
        }
    };
    let plain = error.split_once("Error: ").filter(|(name, _)| name.chars().all(char::is_alphanumeric));
    Some(plain.map_or(error, |(_, text)| text).replace(r"\n", " ").replace(r#"\""#, "\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_makers_model_is_only_used_when_asked_for() {
        let guarded = |model: Option<&str>, args: &[&str]| {
            let (model, args) = (model.map(str::to_owned), args.iter().map(OsString::from).collect());
            Opencode.without_login(&Task { model, args, as_root: false, endpoint: None }).is_some()
        };
        assert!(guarded(None, &[]) && guarded(None, &["--share"]));
        for (model, args) in [(Some("opencode/x"), &[][..]), (None, &["-m", "x"]), (None, &["--model=x"])] {
            assert!(!guarded(model, args), "{model:?} {args:?}");
        }
    }
}
