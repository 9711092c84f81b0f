//! A stub of the model APIs that coding agents talk to: Anthropic's Messages, `OpenAI`'s Responses and Chat
//! Completions. It lets the tests and the quickstart run a real agent without an account and without a network.
//!
//! ```text
//! stub-model [--listen 127.0.0.1:0] [--port-file FILE] [--script FILE.json] [--log FILE] [--until-eof]
//!            [--status CODE] [--fail-first N] [--retry-after SECONDS] [--require-token TOKEN]...
//! ```
//!
//! The first line on stdout is the listening address. What the "model" does is steered by lines of the task's prompt,
//! by `--script`, or by `--status`; `script.rs` has the list. One thread per connection, nothing but `std` and
//! `serde_json`.

mod anthropic;
mod http;
mod openai;
mod options;
mod script;

use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use serde_json::{Value, json};

use http::{Answer, Request};
use options::Options;
use script::{Cause, Conversation, Failure, Reply, Script};

fn main() -> ExitCode {
    match serve() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "stub-model: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Listens until standard input ends (with `--until-eof`) or for good.
fn serve() -> io::Result<()> {
    let options = Options::parse(std::env::args_os().skip(1).collect())?;
    let listener = TcpListener::bind(options.listen.as_str())?;
    let address = listener.local_addr()?;
    if let Some(path) = &options.port_file {
        write_whole(path, &format!("{}\n", address.port()))?;
    }
    let mut stdout = io::stdout();
    writeln!(stdout, "{address}")?;
    stdout.flush()?;

    let until_eof = options.until_eof;
    let stub = Arc::new(Stub::new(options)?);
    let acceptor = thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let stub = Arc::clone(&stub);
            // A client that goes away in the middle of an answer is its own business.
            thread::spawn(move || stub.converse(&stream));
        }
    });
    if until_eof {
        io::copy(&mut io::stdin(), &mut io::sink())?;
        return Ok(());
    }
    acceptor.join().map_err(|_| io::Error::other("the accepting thread panicked"))
}

/// Writes beside the target and renames, so that a poller never reads half a file.
fn write_whole(path: &Path, text: &str) -> io::Result<()> {
    let mut beside = OsString::from(path);
    beside.push(".part");
    std::fs::write(&beside, text)?;
    std::fs::rename(&beside, path)
}

/// Which vendor's API a request speaks.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Dialect {
    Messages,
    Responses,
    ChatCompletions,
}

/// What all connections share.
struct Stub {
    script: Script,
    /// The failure of `--status`.
    failure: Option<Failure>,
    /// Failures still to be given out; `None` means every call fails.
    failures_left: Option<AtomicU32>,
    tokens: Vec<String>,
    log: Option<Mutex<File>>,
}

impl Stub {
    fn new(options: Options) -> io::Result<Self> {
        let script = match &options.script {
            Some(path) => Script::read(path)?,
            None => Script::default(),
        };
        let failure = match (&options.status, options.fail_first) {
            (Some(status), _) => Some(Failure::parse(status)?),
            (None, Some(_)) => Some(Failure::parse("529")?),
            (None, None) => None,
        };
        let failure = failure.map(|failure| Failure { retry_after: options.retry_after, ..failure });
        let log = match &options.log {
            Some(path) => Some(Mutex::new(OpenOptions::new().create(true).append(true).open(path)?)),
            None => None,
        };
        Ok(Self { script, failure, failures_left: options.fail_first.map(AtomicU32::new), tokens: options.tokens, log })
    }

    /// Answers one connection's requests until either side has enough.
    fn converse(&self, stream: &TcpStream) -> io::Result<()> {
        // Without this a small answer after a small header waits for the client's delayed ACK.
        stream.set_nodelay(true)?;
        let mut reader = BufReader::new(stream);
        while let Some(request) = Request::read(&mut reader)? {
            let mut answer = Answer::new(stream, &request);
            if self.answer(&request, &mut answer)?.is_none() || !request.keep_alive {
                break;
            }
        }
        Ok(())
    }

    /// `None`: the connection is of no more use.
    fn answer(&self, request: &Request, answer: &mut Answer) -> io::Result<Option<()>> {
        let dialect = match (request.method.as_str(), request.path.trim_end_matches('/')) {
            ("POST", path) if path.ends_with("/messages") => Some(Dialect::Messages),
            ("POST", path) if path.ends_with("/responses") => Some(Dialect::Responses),
            ("POST", path) if path.ends_with("/chat/completions") => Some(Dialect::ChatCompletions),
            _ => None,
        };
        let Some(dialect) = dialect else {
            self.note(request, None)?;
            return self.answer_other(request, answer).map(Some);
        };
        // Codex with a ChatGPT login sends zstd, which is more than std can read: such a call gets the default answer.
        // `-c features.enable_request_compression=false` makes its prompt readable.
        let compressed = request.header("content-encoding").is_some_and(|encoding| encoding != "identity");
        let body =
            if compressed { Ok(json!({"stream": true})) } else { serde_json::from_slice::<Value>(&request.body) };
        let Ok(body) = body else {
            self.note(request, None)?;
            return fail(dialect, &Failure::plain(400), answer).map(Some);
        };
        let conversation = match dialect {
            Dialect::Messages => anthropic::conversation(&body),
            Dialect::Responses => openai::responses_conversation(&body),
            Dialect::ChatCompletions => openai::chat_conversation(&body),
        };
        self.note(request, Some(&conversation))?;

        let plan = self.script.plan(&conversation);
        let reply = if let Some(failure) = self.refusal(request, &conversation) {
            Reply::Fail(failure)
        } else {
            thread::sleep(plan.delay);
            plan.reply
        };
        match &reply {
            Reply::Fail(failure) => fail(dialect, failure, answer).map(Some),
            // Holds the line until the client gives up, so that no connection outlives its client.
            Reply::Hang => answer.wait_for_hangup().map(|()| None),
            Reply::Cut => answer.cut().map(|()| None),
            Reply::Say(_) | Reply::Shell { .. } => match dialect {
                Dialect::Messages => anthropic::reply(&conversation, &reply, answer),
                Dialect::Responses => openai::responses_reply(&conversation, &reply, answer),
                Dialect::ChatCompletions => openai::chat_reply(&conversation, &reply, answer),
            }
            .map(Some),
        }
    }

    /// The failure that this stub was started to give, if this call is one to fail.
    fn refusal(&self, request: &Request, conversation: &Conversation) -> Option<Failure> {
        if let Some(failure) = self.unauthorized(request) {
            return Some(failure);
        }
        let failure = self.failure.as_ref()?;
        if let Some(left) = &self.failures_left {
            // An agent's side calls (titles, summaries) must not use up the failures meant for the task.
            conversation.shell_tool()?;
            left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).ok()?;
        }
        Some(failure.clone())
    }

    /// The 401 that the tokens this stub insists on, or `--status 401`, ask for. The vendors word it differently when
    /// there is no credential at all.
    fn unauthorized(&self, request: &Request) -> Option<Failure> {
        let given = request.header("x-api-key").or_else(|| {
            let value = request.header("authorization")?;
            Some(value.strip_prefix("Bearer ").unwrap_or(value))
        });
        let insists = !self.tokens.is_empty() || self.failure.as_ref().is_some_and(|failure| failure.status == 401);
        match given {
            None if insists => Some(Failure { cause: Cause::NoCredential, ..Failure::plain(401) }),
            Some(given) if !self.tokens.is_empty() && self.tokens.iter().all(|token| token != given) => {
                Some(Failure::plain(401))
            }
            _ => None,
        }
    }

    /// Everything that is not a model call.
    fn answer_other(&self, request: &Request, answer: &mut Answer) -> io::Result<()> {
        let path = request.path.trim_end_matches('/');
        if request.header("upgrade").is_some_and(|value| value.eq_ignore_ascii_case("websocket")) {
            // 426 is what makes codex fall back to plain HTTP at once.
            return answer.json(
                426,
                &[],
                &json!({"error": {"message": "no WebSockets here", "type": "invalid_request_error"}}),
            );
        }
        if path.ends_with("/count_tokens") {
            return answer.json(200, &[], &json!({"input_tokens": script::INPUT_TOKENS}));
        }
        if path.ends_with("/models") {
            let always = self.failure.clone().filter(|_| self.failures_left.is_none());
            if let Some(failure) = self.unauthorized(request).or(always) {
                let anthropic = request.header("anthropic-version").is_some();
                return fail(if anthropic { Dialect::Messages } else { Dialect::Responses }, &failure, answer);
            }
            return answer.json(200, &[], &json!({"object": "list", "data": [], "models": [], "has_more": false}));
        }
        if path.ends_with("/oauth/token") {
            // A lease carries no refresh token, so asking for a fresh one must fail as it does at the vendor.
            let error = json!({"message": "Could not validate your refresh token.", "type": "invalid_request_error", "code": "refresh_token_invalidated"});
            return answer.json(401, &[], &json!({"error": error}));
        }
        if path.is_empty() && matches!(request.method.as_str(), "GET" | "HEAD") {
            return answer.json(200, &[], &json!({"stub": "model"}));
        }
        answer.json(
            404,
            &[],
            &json!({"type": "error", "error": {"type": "not_found_error", "message": format!("no such path: {path}")}}),
        )
    }

    /// One line of the log: enough to prove which credential was sent, and how far the task got.
    fn note(&self, request: &Request, conversation: Option<&Conversation>) -> io::Result<()> {
        const NOTED: [&str; 10] = [
            "authorization",
            "x-api-key",
            "chatgpt-account-id",
            "anthropic-version",
            "anthropic-beta",
            "openai-beta",
            "content-encoding",
            "upgrade",
            "user-agent",
            "host",
        ];
        let Some(log) = &self.log else { return Ok(()) };
        let headers: serde_json::Map<String, Value> =
            NOTED.iter().filter_map(|name| Some(((*name).to_owned(), Value::from(request.header(name)?)))).collect();
        let line = json!({
            "method": request.method,
            "path": request.target,
            "headers": headers,
            "model": conversation.map(|conversation| &conversation.model),
            "tools": conversation.map(|conversation| &conversation.tools),
            "toolResult": conversation.is_some_and(Conversation::has_tool_result),
            "bodyBytes": request.body.len(),
        });
        let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
        log.write_all(format!("{line}\n").as_bytes())
    }
}

fn fail(dialect: Dialect, failure: &Failure, answer: &mut Answer) -> io::Result<()> {
    match dialect {
        Dialect::Messages => anthropic::fail(failure, answer),
        Dialect::Responses | Dialect::ChatCompletions => openai::fail(failure, answer),
    }
}
