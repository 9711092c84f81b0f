//! Codex (`codex exec --json`). Read from the stream of 0.169.0; `tests/fixtures/codex` holds recordings.

use serde_json::Value;

use super::stream::{Known, Protocol, Stream, returned, sum, text};
use super::{Agent, Ended, Event, Reader, Task, Usage, Verdict, signs};
use crate::command::CommandSpec;
use crate::failure::Class;

/// `codex`.
pub struct Codex;

impl Agent for Codex {
    fn command(&self, task: &Task) -> CommandSpec {
        let mut command = CommandSpec::new("codex").args([
            "exec",
            "--json",
            "--dangerously-bypass-approvals-and-sandbox",
            "--skip-git-repo-check",
        ]);
        if let Some(model) = &task.model {
            command = command.option("-m", model);
        }
        // Without the model's network it waits five seconds for that of its analytics (0.33 s to 5.6 s).
        command = command.option("-c", "analytics.enabled=false");
        if let Some(endpoint) = &task.endpoint {
            command = command.option("-c", format!("openai_base_url={}", toml_edit::Value::from(endpoint.as_str())));
        }
        command.args(task.args.iter().cloned()).arg("-")
    }

    fn variables(&self) -> &'static [&'static str] {
        &["OPENAI_BASE_URL"]
    }

    fn endpoint(&self) -> Option<&'static str> {
        Some("OPENAI_BASE_URL")
    }

    fn api(&self) -> Option<(&'static str, &'static str)> {
        Some(("OPENAI_BASE_URL", "api.openai.com"))
    }

    fn hosts(&self) -> &'static [&'static str] {
        &["openai"]
    }

    fn login_hint(&self) -> &'static str {
        "run `codex login` on the host, or set CODEX_API_KEY or OPENAI_API_KEY"
    }

    fn reader(&self, limit: usize) -> Box<dyn Reader> {
        Box::new(Stream::new(Thread::default(), limit))
    }
}

/// "waiting for network" lines in a row after which it is ended: it would wait for ever. They come ever more slowly; with
/// connections refused at once the third comes 30 s after the start, the fourth after 54 s.
const WAITS: u32 = 3;

#[derive(Default)]
struct Thread {
    /// How the last turn ended: well, or with this error.
    end: Option<Result<(), String>>,
    /// The last error since something worked; more may follow, and success too.
    error: Option<String>,
    /// Reconnections announced since something worked.
    reconnections: u32,
    /// "waiting for network" since something worked.
    waits: u32,
}

impl Protocol for Thread {
    const NAME: &'static str = "codex";

    fn message(&mut self, kind: &str, message: &Value, known: &mut Known, events: &mut Vec<Event>) {
        match kind {
            "thread.started" => known.session = text(message, "thread_id").map(str::to_owned),
            "turn.started" => self.end = None,
            "item.started" => self.item(&message["item"], false, known, events),
            "item.completed" => self.item(&message["item"], true, known, events),
            "turn.completed" => {
                self.worked();
                self.end = Some(Ok(()));
                // Those that were cached are among the input tokens.
                known.usage = Usage {
                    input_tokens: sum(message, &["/usage/input_tokens"]),
                    output_tokens: sum(message, &["/usage/output_tokens"]),
                    cost_usd: None,
                };
                events.push(Event::Usage(known.usage));
            }
            "turn.failed" => self.end = Some(Err(text(&message["error"], "message").unwrap_or_default().to_owned())),
            "error" => self.error(text(message, "message").unwrap_or_default(), events),
            _ => {}
        }
    }

    fn hopeless(&self) -> bool {
        self.waits >= WAITS
    }

    fn verdict(&self, _: &Known, ended: Ended<'_>) -> Option<Verdict> {
        let error = match &self.end {
            Some(Ok(())) if ended.code == 0 => return Some(Verdict::ok()),
            Some(Ok(())) => {
                let text = format!("its turn was completed, but it exited with {}", ended.code);
                return Some(signs::failed(Self::NAME, Class::AgentFailed, &text));
            }
            _ if self.hopeless() => {
                let text = "the model API cannot be reached: it was waiting for the network";
                return Some(signs::failed(Self::NAME, Class::Network, text));
            }
            Some(Err(error)) => error,
            // Ended by a signal it did not end for its error.
            None if ended.code < 128 => self.error.as_ref()?,
            None => return None,
        };
        Some(signs::failed(Self::NAME, signs::class(None, error), error).after(signs::wait_in(error)))
    }
}

impl Thread {
    fn worked(&mut self) {
        (self.error, self.reconnections, self.waits) = (None, 0, 0);
    }

    fn error(&mut self, error: &str, events: &mut Vec<Event>) {
        if error.starts_with("Reconnecting") {
            self.reconnections += 1;
            // Any other reconnection got an answer.
            self.waits = if error.contains("waiting for network") { self.waits + 1 } else { 0 };
            if self.reconnections == 1 {
                events.push(Event::Warning(format!("codex: {}", signs::one_line(error))));
            }
        }
        self.error = Some(error.to_owned());
    }

    fn item(&mut self, item: &Value, is_complete: bool, known: &mut Known, events: &mut Vec<Event>) {
        let kind = text(item, "type").unwrap_or_default();
        if kind == "error" {
            let said = text(item, "message").unwrap_or_default();
            events.extend(is_complete.then(|| Event::Warning(format!("codex: {}", signs::one_line(said)))));
            return;
        }
        self.worked();
        let one = |key: &str| signs::one_line(text(item, key).unwrap_or_default());
        let id = || text(item, "id").unwrap_or_default().to_owned();
        let tool = |name: &str, detail: String| Event::Tool { id: id(), name: name.to_owned(), detail };
        let status = text(item, "status");
        let result = |name: &str, said: &Value| {
            let ok = !matches!(status, Some("failed" | "declined")) && item["exit_code"].as_i64().unwrap_or(0) == 0;
            Event::ToolResult { id: id(), name: name.to_owned(), ok, detail: returned(said) }
        };
        match (kind, is_complete) {
            ("agent_message", true) => {
                let said = text(item, "text").unwrap_or_default();
                known.answer.set(said);
                events.push(Event::Text(said.to_owned()));
            }
            ("command_execution", false) => events.push(tool("shell", one("command"))),
            ("command_execution", true) => events.push(result("shell", &item["aggregated_output"])),
            ("mcp_tool_call", false) => events.push(tool(&one("tool"), one("server"))),
            ("mcp_tool_call", true) => {
                let error = &item["error"]["message"];
                let said = if error.is_null() { &item["result"]["content"] } else { error };
                events.push(result(&one("tool"), said));
            }
            ("web_search", true) => {
                events.push(tool("web_search", one("query")));
                events.push(result("web_search", &Value::Null));
            }
            ("file_change", true) => {
                for path in item["changes"].as_array().into_iter().flatten().filter_map(|change| text(change, "path")) {
                    events.push(tool("edit", signs::one_line(path)));
                }
                events.push(result("edit", &Value::Null));
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_endpoint_is_an_argument_whatever_is_in_it() {
        for endpoint in ["http://host.docker.internal:4010/v1", r#"http://h/a'b"c\d"#] {
            let endpoint = Some(endpoint.to_owned());
            let task = Task { model: None, args: Vec::new(), as_root: false, endpoint };
            let command = Codex.command(&task);
            let config = command.args.iter().find_map(|arg| arg.to_str()?.strip_prefix("openai_base_url=")).unwrap();
            let parsed: toml::Table = toml::from_str(&format!("x = {config}")).unwrap();
            assert_eq!(parsed["x"].as_str(), task.endpoint.as_deref());
        }
    }
}
