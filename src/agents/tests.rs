//! The readers over recordings of the real agents: `tests/fixtures/README.md` says how they were made.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::json;

use super::*;
use Class::{AgentFailed, AuthMissing, AuthRejected, Network, Ok, Overloaded, QuotaExhausted, RateLimited};

/// Case, class, answer, input and output tokens, a part of the message, milliseconds to wait.
type Row = (&'static str, Class, &'static str, Option<(u64, u64)>, &'static str, Option<u128>);

const NONE: Option<(u64, u64)> = Some((0, 0));

const CLAUDE: &[Row] = &[
    ("ok-text", Ok, "pong", Some((120, 8)), "", None),
    ("ok-shell", Ok, "done", Some((240, 16)), "", None),
    ("failed-command", Ok, "done", Some((240, 16)), "", None),
    ("recovered", Ok, "done", Some((240, 16)), "", None),
    ("lease-ok", Ok, "pong", Some((120, 8)), "", None),
    ("401", AuthRejected, "", NONE, "claude: Invalid API key · Fix external API key", None),
    ("403", AuthRejected, "", NONE, "does not have permission", None),
    ("lease-401", AuthRejected, "", NONE, "Not logged in", None),
    ("429", RateLimited, "", NONE, "Request rejected (429)", Some(1000)),
    ("500", Overloaded, "", NONE, "API Error: 500", Some(505)),
    ("529", Overloaded, "", NONE, "API Error: 529 Overloaded", Some(506)),
    ("credit", QuotaExhausted, "", NONE, "Credit balance is too low", None),
    ("cut", Network, "", NONE, "Connection to the API was lost", None),
    ("no-network", Network, "", NONE, "Unable to connect to API", None),
    ("not-logged-in", AuthMissing, "", NONE, "Not logged in", None),
    ("no-scopes", AuthMissing, "", NONE, "Not logged in", None),
    ("model-not-found", AgentFailed, "", NONE, "(claude-opus-4-8[1m])", None),
    // Its wait ends in the year 2100: `a_used_up_allowance_says_when_it_is_filled_again`.
    ("lease-usage", RateLimited, "", NONE, "You've hit your session limit", None),
];

const CODEX: &[Row] = &[
    ("ok-text", Ok, "pong", Some((120, 8)), "", None),
    ("ok-shell", Ok, "done", Some((240, 16)), "", None),
    ("failed-command", Ok, "done", Some((240, 16)), "", None),
    ("recovered", Ok, "done", Some((240, 16)), "", None),
    ("lease-ok", Ok, "done", Some((240, 16)), "", None),
    ("401", AuthRejected, "", None, "Incorrect API key provided", None),
    ("retrying-401", AuthRejected, "", None, "codex: unexpected status 401", None),
    ("403", AuthRejected, "", None, "insufficient permissions", None),
    ("lease-401", AuthRejected, "", None, "refresh token was revoked", None),
    ("not-logged-in", AuthMissing, "", None, "Missing bearer", None),
    ("429", RateLimited, "", None, "last status: 429", None),
    ("retrying-429", RateLimited, "", None, "codex: exceeded retry limit", None),
    ("lease-usage", RateLimited, "", None, "hit your usage limit", None),
    ("credit", QuotaExhausted, "", None, "Quota exceeded", None),
    ("500", Overloaded, "", None, "high demand", None),
    ("retrying-500", Overloaded, "", None, "codex: We’re currently", None),
    ("529", Overloaded, "", None, "unexpected status 529", None),
    ("cut", Network, "", None, "stream disconnected", None),
    ("no-network", Network, "", None, "waiting for the network", None),
];

const OPENCODE: &[Row] = &[
    ("ok-text", Ok, "pong", Some((120, 8)), "", None),
    ("ok-shell", Ok, "done", Some((240, 16)), "", None),
    ("failed-command", Ok, "done", Some((240, 16)), "", None),
    ("recovered", Ok, "done", Some((240, 16)), "", None),
    ("permission-rejected", AgentFailed, "Running the command.", Some((120, 8)), "rejected permission", None),
    ("401", AuthRejected, "", None, "invalid x-api-key", None),
    ("403", AuthRejected, "", None, "does not have permission", None),
    ("not-logged-in", AuthMissing, "", None, "API key is missing", None),
    ("429", RateLimited, "", None, "exceed your account's rate limit", Some(1000)),
    ("500", Overloaded, "", None, "Internal server error", Some(1000)),
    ("529", Overloaded, "", None, "opencode: Overloaded", Some(1000)),
    ("credit", QuotaExhausted, "", None, "credit balance is too low", None),
    ("no-network", Network, "", None, "Cannot connect to API", None),
    ("model-not-found", AgentFailed, "", None, "opencode: Model not found: anthropic/nope.", None),
];

const TABLE: [(AgentName, &[Row]); 3] =
    [(AgentName::Claude, CLAUDE), (AgentName::Codex, CODEX), (AgentName::Opencode, OPENCODE)];

fn folder(name: AgentName) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name.as_str())
}

/// The reader and its events after `stream` in pieces of `size` bytes.
fn read(name: AgentName, stream: &[u8], size: usize) -> (Box<dyn Reader>, Vec<Event>) {
    let (mut reader, mut events) = (agent(name).reader(1 << 20), Vec::new());
    for chunk in stream.chunks(size) {
        reader.read(chunk, &mut events);
    }
    (reader, events)
}

fn fixture(name: AgentName, case: &str) -> (Vec<u8>, String, i32) {
    let path = |kind: &str| folder(name).join(format!("{case}.{kind}"));
    // A run without a code was ended from outside.
    let code = fs::read_to_string(path("exit")).map_or(143, |code| code.trim().parse().unwrap());
    (fs::read(path("jsonl")).unwrap(), fs::read_to_string(path("stderr")).unwrap_or_default(), code)
}

fn verdict(name: AgentName, stream: &str, code: i32) -> Verdict {
    read(name, stream.as_bytes(), 1000).0.verdict(Ended { code, stderr: "" })
}

#[test]
fn every_recording_is_read_for_what_it_is() {
    for (name, rows) in TABLE {
        let cases: BTreeSet<_> = rows.iter().map(|row| row.0.to_owned()).collect();
        let files = fs::read_dir(folder(name)).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let recorded: BTreeSet<_> = files.filter_map(|file| file.strip_suffix(".jsonl").map(str::to_owned)).collect();
        assert_eq!(cases, recorded, "{name}");
        for &(case, class, answer, tokens, message, wait) in rows {
            let (stream, stderr, code) = fixture(name, case);
            let mut seen = Vec::new();
            for size in [1, 7, 64, usize::MAX] {
                let (mut reader, events) = read(name, &stream, size);
                let mut verdict = reader.verdict(Ended { code, stderr: &stderr });
                if case == "lease-usage" {
                    verdict.retry_after = None;
                }
                assert_eq!(verdict.class, class, "{name} {case}: {}", verdict.message);
                assert!(verdict.message.contains(message), "{name} {case}: {}", verdict.message);
                assert_eq!(verdict.message.is_empty(), class == Ok);
                assert_eq!(verdict.retry_after.map(|wait| wait.as_millis()), wait, "{name} {case}");
                assert_eq!(String::from_utf8_lossy(reader.answer()), answer, "{name} {case}");
                assert!(!reader.truncated());
                assert!(reader.session().is_some_and(|id| id.len() > 20), "{name} {case}");
                let usage = reader.usage();
                assert_eq!(usage.input_tokens.zip(usage.output_tokens), tokens, "{name} {case}");
                assert_eq!(usage.cost_usd.is_some(), tokens.is_some() && name != AgentName::Codex, "{name} {case}");
                assert_eq!(reader.hopeless(), (name, case) == (AgentName::Codex, "no-network"), "{name} {case}");
                seen.push((verdict, events));
            }
            assert!(seen.windows(2).all(|pair| pair[0] == pair[1]), "{name} {case}");
        }
    }
}

#[test]
fn events_tell_what_the_agent_does() {
    for (name, _) in TABLE {
        let (stream, ..) = fixture(name, "ok-shell");
        let (_, events) = read(name, &stream, 7);
        let tool = events.iter().find_map(|event| match event {
            Event::Tool { id, name, detail } => {
                assert!(
                    events.iter().any(|event| matches!(event, Event::ToolResult { id: of, ok: true, .. } if of == id))
                );
                Some((name.as_str(), detail.contains("echo hi > made.txt")))
            }
            _ => None,
        });
        let expected = match name {
            AgentName::Claude => "Bash",
            AgentName::Codex => "shell",
            _ => "bash",
        };
        assert_eq!(tool, Some((expected, true)));
        assert!(events.contains(&Event::Text("done".into())));
        assert!(events.iter().any(|event| matches!(event, Event::Usage(_))));
        assert!(!events.iter().any(|event| matches!(event, Event::Warning(_))));
        // What stands for an error is nothing that the model said.
        let (stream, ..) = fixture(name, "429");
        assert!(!read(name, &stream, 7).1.iter().any(|event| matches!(event, Event::Text(_))), "{name}");
    }
    let (stream, ..) = fixture(AgentName::Claude, "recovered");
    let warnings: Vec<_> =
        read(AgentName::Claude, &stream, 7).1.into_iter().filter(|event| matches!(event, Event::Warning(_))).collect();
    assert_eq!(warnings, [Event::Warning("claude: the model API answers 529: trying again".into())]);
}

/// No stream that stops early, and no exit code but 0, is a success.
#[test]
fn nothing_is_guessed_into_success() {
    for (name, rows) in TABLE {
        for (case, ..) in rows {
            let (stream, stderr, _) = fixture(name, case);
            let ends: Vec<_> =
                stream.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at).collect();
            for &at in ends.iter().rev().skip(1).chain(&[0]) {
                let (mut reader, _) = read(name, &stream[..at], 64);
                assert_ne!(reader.verdict(Ended { code: 0, stderr: &stderr }).class, Ok, "{name} {case} {at}");
            }
            for code in [1, 137] {
                let (mut reader, _) = read(name, &stream, 64);
                assert_ne!(reader.verdict(Ended { code, stderr: &stderr }).class, Ok, "{name} {case}");
            }
        }
        for stream in
            ["", "\n", "Segmentation fault\n", "null\n{}\n[]\n", "{\"type\":\"result\"}", "{\"type\":\"turn.done\"}"]
        {
            let verdict = verdict(name, stream, 0);
            assert_eq!(verdict.class, AgentFailed, "{name} {stream}");
            assert!(verdict.message.starts_with(name.as_str()), "{}", verdict.message);
        }
        assert!(verdict(name, "Segmentation fault\n", 1).message.contains("Segmentation fault"));
    }
}

#[test]
fn answers_are_kept_up_to_the_limit() {
    for (name, _) in TABLE {
        let (stream, ..) = fixture(name, "ok-text");
        let mut reader = agent(name).reader(3);
        reader.read(&stream, &mut Vec::new());
        assert_eq!((reader.answer(), reader.truncated()), (b"pon".as_slice(), true));
        assert_eq!(reader.verdict(Ended { code: 0, stderr: "" }).class, Ok);
    }
}

#[test]
fn a_line_without_an_end_costs_no_memory_and_no_verdict() {
    let (stream, ..) = fixture(AgentName::Claude, "ok-text");
    let mut reader = agent(AgentName::Claude).reader(1 << 20);
    let mut events = Vec::new();
    reader.read(b"{\"type\":\"user\",\"x\":\"", &mut events);
    for _ in 0..40 {
        reader.read(&vec![b'x'; 1 << 20], &mut events);
    }
    reader.read(b"\"}\n", &mut events);
    reader.read(&stream, &mut events);
    assert_eq!(events.iter().filter(|event| matches!(event, Event::Warning(_))).count(), 1);
    assert_eq!(reader.verdict(Ended { code: 0, stderr: "" }).class, Ok);
}

#[test]
fn a_used_up_allowance_says_when_it_is_filled_again() {
    let (stream, stderr, code) = fixture(AgentName::Claude, "lease-usage");
    let wait = read(AgentName::Claude, &stream, 99).0.verdict(Ended { code, stderr: &stderr }).retry_after;
    assert!(wait > Some(Duration::from_secs(3600)), "{wait:?}");
}

#[test]
fn claude_gives_up_when_its_credential_is_refused_again() {
    let retry = |attempt: u32, status: u32| {
        let message = json!({"type": "system", "subtype": "api_retry", "attempt": attempt, "retry_delay_ms": 500.0,
            "error_status": status, "error": "authentication_failed"});
        format!("{message}\n")
    };
    let said =
        "{\"type\":\"assistant\",\"message\":{\"model\":\"m\",\"content\":[{\"type\":\"text\",\"text\":\"hi\"}]}}\n";
    for (stream, hopeless) in [
        // After the first refusal claude renews its login, and may go on.
        (retry(1, 401), false),
        (retry(1, 401) + &retry(2, 401), true),
        (retry(1, 401) + &retry(2, 403), true),
        // Two subagents at once; a refusal after an overload; another after work was done.
        (retry(1, 401) + &retry(1, 401), false),
        (retry(1, 529) + &retry(2, 401), false),
        (retry(1, 401) + said + &retry(1, 401), false),
        (retry(1, 401) + &retry(2, 401) + said, false),
        (retry(1, 529) + &retry(2, 529) + &retry(3, 529), false),
    ] {
        let (mut reader, _) = read(AgentName::Claude, stream.as_bytes(), 5);
        assert_eq!(reader.hopeless(), hopeless, "{stream}");
        let expected = if hopeless { AuthRejected } else { AgentFailed };
        assert_eq!(reader.verdict(Ended { code: 143, stderr: "" }).class, expected, "{stream}");
    }
}

#[test]
fn codex_gives_up_when_there_is_no_network_for_long() {
    let wait = "{\"type\":\"error\",\"message\":\"Reconnecting... waiting for network (Connection failed)\"}\n";
    let other = "{\"type\":\"error\",\"message\":\"Reconnecting... 2/5 (unexpected status 502 Bad Gateway)\"}\n";
    let item = "{\"type\":\"item.completed\",\"item\":{\"type\":\"agent_message\",\"text\":\"hi\"}}\n";
    let failed = "{\"type\":\"turn.failed\",\"error\":{\"message\":\"interrupted\"}}\n";
    for (stream, hopeless) in [
        ([wait, wait, item, wait].concat(), false),
        ([wait, wait, other, wait].concat(), false),
        ([wait, wait, wait].concat(), true),
        ([wait, wait, wait, failed].concat(), true),
        ([wait, wait, wait, item].concat(), false),
    ] {
        let (mut reader, _) = read(AgentName::Codex, stream.as_bytes(), 5);
        assert_eq!(reader.hopeless(), hopeless, "{stream}");
        let verdict = reader.verdict(Ended { code: 143, stderr: "" });
        assert_eq!(verdict.class == Network, hopeless, "{stream}");
    }
    // It ended by itself in the middle of its attempts, and on its way out: by a signal.
    assert_eq!(verdict(AgentName::Codex, other, 1).class, Overloaded);
    assert_eq!(verdict(AgentName::Codex, other, 137).class, AgentFailed);
}

#[test]
fn words_of_claude() {
    let failed = |error: &str, result: serde_json::Value| {
        let assistant =
            json!({"type": "assistant", "error": error, "message": {"model": "<synthetic>", "content": []}});
        let verdict = verdict(AgentName::Claude, &format!("{assistant}\n{result}"), 1);
        (verdict.class, verdict.message)
    };
    let result = |status: Option<u32>, text: &str| json!({"type": "result", "is_error": true, "api_error_status": status, "result": text});
    for (error, status, text, class) in [
        ("authentication_failed", Some(401), "API Error: 401 OAuth token has expired.", Class::AuthExpired),
        ("authentication_failed", None, "OAuth token revoked · Please run /login", AuthRejected),
        ("authentication_failed", None, "Words of a later version", AuthRejected),
        ("rate_limit", None, "You've hit your weekly limit", RateLimited),
        ("billing_error", None, "Words of a later version", QuotaExhausted),
        ("server_error", None, "Words of a later version", Overloaded),
        ("unknown", None, "Words of a later version", AgentFailed),
        ("invalid_request", Some(400), "Prompt is too long", AgentFailed),
    ] {
        assert_eq!(failed(error, result(status, text)), (class, format!("claude: {text}")));
    }
    let turns =
        json!({"type": "result", "subtype": "error_max_turns", "is_error": true, "errors": ["Reached 3 turns"]});
    assert_eq!(failed("", turns), (AgentFailed, "claude: error_max_turns: Reached 3 turns".into()));
}

#[test]
fn words_of_opencode() {
    let error = |error: &serde_json::Value| format!("{}\n", json!({"type": "error", "sessionID": "s", "error": error}));
    let quota = json!({"name": "APIError", "data": {"message": "Too many requests", "statusCode": 429,
        "responseBody": "{\"error\":{\"code\":\"insufficient_quota\"}}", "responseHeaders": {"retry-after": "5"}}});
    assert_eq!(
        verdict(AgentName::Opencode, &error(&quota), 1),
        Verdict { class: QuotaExhausted, message: "opencode: Too many requests".into(), retry_after: None }
    );
    let unknown = error(&json!({"name": "UnknownError", "data": {"message": "Unexpected server error."}}));
    let log = "time=1 level=ERROR message=failed error=\"Error: Token refresh failed: 400\" stack=\"x\"\n";
    let (mut reader, _) = read(AgentName::Opencode, unknown.as_bytes(), 7);
    let verdict = reader.verdict(Ended { code: 1, stderr: log });
    assert_eq!((verdict.class, verdict.message.as_str()), (Class::AuthExpired, "opencode: Token refresh failed: 400"));
    let (mut reader, _) = read(AgentName::Opencode, unknown.as_bytes(), 7);
    assert_eq!(reader.verdict(Ended { code: 1, stderr: "" }).message, "opencode: Unexpected server error.");
}

#[test]
fn commands_are_headless_and_carry_no_prompt() {
    let task = Task { model: Some("m".into()), args: vec![OsString::from("--x")], as_root: true, endpoint: None };
    let line = |name, task: &Task| agent(name).command(task).to_string();
    assert_eq!(
        line(AgentName::Claude, &task),
        "IS_SANDBOX=… claude -p --output-format stream-json --verbose --dangerously-skip-permissions --model m --x"
    );
    assert_eq!(
        line(AgentName::Opencode, &task),
        "opencode run --format json --auto --print-logs --log-level ERROR -m m --x"
    );
    let plain = Task { model: None, as_root: false, args: Vec::new(), ..task };
    assert_eq!(
        line(AgentName::Codex, &plain),
        "codex exec --json --dangerously-bypass-approvals-and-sandbox --skip-git-repo-check -c analytics.enabled=false -"
    );
    assert!(agent(AgentName::Claude).command(&plain).env.is_empty());
}
