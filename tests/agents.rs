//! The real agents, on the host and in a container, against the stub of their model APIs. Whatever else they want of the internet
//! is refused (`support::stub::Trial`).
#![allow(clippy::unwrap_used, reason = "a panic is how tests fail")]

mod support;

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, symlink};
use std::time::Duration;

use serde_json::{Value, json};
use support::stub::Place::{Docker, Host};
use support::stub::{KEY, Stub, Trial, gateway, places};
use support::{Bed, Done, Engine, PATIENCE, part, processes_with, within};

/// What must never leave the host.
const SECRET: &str = "refresh-SECRET";

/// The directives of the stub as a task.
fn task(directives: &[&str]) -> String {
    directives.iter().fold("Do this.".to_owned(), |task, line| format!("{task}\nstub: {line}"))
}

/// Three lines on standard error, and nothing on standard output.
#[track_caller]
fn three_lines(done: &Done) -> Vec<&str> {
    let lines: Vec<&str> = done.stderr.lines().collect();
    let starts = ["error: ", "caused by: ", "hint: "];
    assert!(
        lines.len() == 3 && lines.iter().zip(starts).all(|(line, start)| line.starts_with(start)),
        "{}",
        done.stderr
    );
    assert_eq!(done.out(), "");
    lines
}

/// Two tasks for `agent` in each place: one for people, with `--model`, and one for programs, with the agent's own argument for it.
fn does_its_task(agent: &'static str, models: [&str; 2]) {
    let stub = Stub::start(&["--require-token", KEY]);
    for place in places() {
        let trial = Trial::new(agent, place, &stub).with_key();
        let work = task(&["sh echo made > made.txt", "text the answer"]);
        let done = trial.run(&["--model", models[0]], &work).exits(0);
        assert_eq!(done.out(), "the answer\n", "{place:?}");
        assert_eq!(trial.file("made.txt"), "made\n");
        let owner = |path| fs::metadata(path).unwrap().uid();
        assert_eq!(owner(trial.bed.workspace().join("made.txt")), owner(trial.bed.workspace()));

        let json = trial.run(&["--json", "--", "--model", models[1]], &work).exits(0).json();
        let expected = json!({"ok": true, "class": "ok", "agent": agent, "exitCode": 0, "agentExitCode": 0, "retryable": false,
            "output": "the answer", "outputTruncated": false, "message": null, "warnings": []});
        for (key, value) in expected.as_object().unwrap() {
            assert_eq!(&json[key], value, "{place:?} {key}: {json}");
        }
        assert_eq!(
            (&json["usage"]["inputTokens"], &json["usage"]["outputTokens"]),
            (&json!(240), &json!(16)),
            "two calls"
        );
        assert!(json["sessionId"].as_str().is_some_and(|id| id.len() > 8), "{json}");
        assert!(json["durationMs"].as_u64().is_some_and(|ms| ms > 100), "{json}");

        let calls = stub.calls();
        let asked = |model: &str| calls.iter().any(|call| model.ends_with(call["model"].as_str().unwrap()));
        assert!(models.into_iter().all(asked), "{calls:?}");
        let through =
            format!("{}:{}", if place == Host { gateway() } else { "host.docker.internal".into() }, stub.port());
        assert_eq!(calls.last().unwrap()["headers"]["host"], through);
    }
}

#[test]
fn claude_does_its_task() {
    does_its_task("claude", ["claude-sonnet-4-5", "claude-haiku-4-5"]);
}

#[test]
fn codex_does_its_task() {
    does_its_task("codex", ["gpt-6-sol", "gpt-6-luna"]);
}

#[test]
fn opencode_does_its_task() {
    does_its_task("opencode", ["anthropic/claude-sonnet-4-5", "anthropic/claude-opus-4-5"]);
}

/// Signs nothing, but looks like a JSON Web Token.
fn jwt(claims: &Value) -> String {
    use base64::Engine as _;
    let part = |value: &Value| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.c2ln", part(&json!({"alg": "none"})), part(claims))
}

/// Runs a task in a container with this login file of the host's, and asserts that the agent had a lease of it and no more.
fn leases(agent: &'static str, file: &str, login: &Value, access: &str, agent_args: &[&str]) {
    let stub = Stub::start(&["--require-token", access]);
    for place in places().into_iter().filter(|place| *place == Docker) {
        let trial = Trial::new(agent, place, &stub);
        let path = trial.bed.write(&format!("home/{file}"), login.to_string());
        let work = task(&[&format!("sh cat ~/{file} > leased; echo yes > made.txt"), "text leased"]);
        let done = trial.run(&[&["--"], agent_args].concat(), &work).exits(0);
        assert_eq!((done.out().as_str(), done.stderr.as_str()), ("leased\n", ""));
        assert_eq!(trial.file("made.txt"), "yes\n");
        assert!(
            trial.file("leased").contains(access) && !trial.file("leased").contains(SECRET),
            "{}",
            trial.file("leased")
        );
        assert!(stub.calls().len() >= 2);
        assert!(stub.calls().iter().all(|call| call["headers"]["authorization"] == format!("Bearer {access}")));
        assert_eq!(fs::read_to_string(&path).unwrap(), login.to_string(), "the host's login is only read");
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "and nothing is put beside it");
    }
}

#[test]
fn claude_gets_a_lease_of_the_hosts_login() {
    let login = json!({"claudeAiOauth": {"accessToken": "sk-ant-oat01-access", "refreshToken": SECRET, "expiresAt": 4_102_444_800_000_u64,
        "scopes": ["user:inference", "user:profile"], "subscriptionType": "max"}});
    leases("claude", ".claude/.credentials.json", &login, "sk-ant-oat01-access", &[]);
}

#[test]
fn codex_gets_a_lease_of_the_hosts_login() {
    let account = json!({"chatgpt_account_id": "acc", "chatgpt_plan_type": "plus"});
    let token =
        jwt(&json!({"exp": 4_102_444_800_u64, "email": "a@example.com", "https://api.openai.com/auth": account}));
    let tokens = json!({"id_token": token, "access_token": token, "refresh_token": SECRET, "account_id": "acc"});
    let login = json!({"OPENAI_API_KEY": null, "tokens": tokens, "last_refresh": "2026-01-01T00:00:00Z"});
    // With such a login it compresses its requests, which the stub cannot read.
    leases("codex", ".codex/auth.json", &login, &token, &["-c", "features.enable_request_compression=false"]);
}

#[test]
fn a_token_command_gives_the_credential_or_a_reason() {
    let stub = Stub::start(&["--require-token", "sk-ant-oat01-issued"]);
    for place in places().into_iter().filter(|place| *place == Docker) {
        let mut trial = Trial::new("claude", place, &stub);
        trial.bed.config("[agents.claude]\ntoken_command = [\"issue-token\", \"it's\"]\n");
        trial.bed.program("issue-token", "[ \"$1\" = \"it's\" ] && echo sk-ant-oat01-issued");
        assert_eq!(trial.run(&[], &task(&["text issued"])).exits(0).out(), "issued\n");
        let calls = stub.calls().len();
        // One that hangs is killed after 20 seconds, too long to wait for here.
        for (script, reason, cause) in [
            ("echo the vault is sealed >&2; exit 3", "failed", "the vault is sealed"),
            ("echo nobody to ask >&2", "printed nothing", "nobody to ask"),
        ] {
            trial.bed.program("issue-token", script);
            let done = trial.run(&[], "hello").exits(77);
            let lines = three_lines(&done);
            assert!(lines[0].ends_with(reason) && lines[1].ends_with(cause), "{lines:?}");
            assert!(lines[2].contains("issue-token 'it'\\''s'"), "{lines:?}");
        }
        let json = trial.run(&["--json"], "hello").exits(77).json();
        assert_eq!(
            (&json["ok"], &json["class"], &json["retryable"]),
            (&json!(false), &json!("auth_missing"), &json!(false))
        );
        assert_eq!(stub.calls().len(), calls, "no agent was started");
    }
}

#[test]
fn a_login_that_cannot_be_used_is_told_before_anything_starts() {
    // No engine answers there, and none is asked.
    let bed = || {
        let mut bed = Bed::new();
        bed.set("DOCKER_HOST", "unix:///nowhere");
        bed
    };
    let ended = r#"{"claudeAiOauth":{"accessToken":"a","scopes":["user:inference"],"expiresAt":1}}"#;
    for (agent, file, contents, class, reason) in [
        ("claude", ".claude/.credentials.json", "{\"claudeAiOauth\"", "auth_missing", "not JSON"),
        (
            "claude",
            ".claude/.credentials.json",
            r#"{"claudeAiOauth":{"accessToken":"a"}}"#,
            "auth_missing",
            "no scopes",
        ),
        ("claude", ".claude/.credentials.json", ended, "auth_expired", "has expired"),
        ("codex", ".codex/auth.json", "{}", "auth_missing", "neither a login"),
        ("opencode", ".local/share/opencode/auth.json", "[]", "auth_missing", "not a JSON object"),
    ] {
        let bed = bed();
        let path = bed.write(&format!("home/{file}"), contents);
        let args = ["run", "--mode", "docker", "--agent", agent, "hello"];
        let done =
            bed.run(&args).exits(77).says(reason).says(path.to_str().unwrap()).says(&format!("hint: run `{agent}"));
        assert_eq!(done.out(), "");
        let json = bed.run(&[&args[..], &["--json"]].concat()).exits(77).json();
        assert_eq!((json["class"].as_str(), json["exitCode"].as_i64().unwrap_or(77)), (Some(class), 77), "{json}");
        assert_eq!(fs::read_to_string(path).unwrap(), contents);
    }
}

#[test]
fn without_a_credential_there_is_a_warning_and_then_the_agents_own_refusal() {
    let stub = Stub::start(&["--require-token", KEY]);
    for place in places().into_iter().filter(|place| *place == Docker) {
        for (agent, fix) in [("claude", "`claude`"), ("codex", "`codex login`"), ("opencode", "`opencode auth login`")]
        {
            let json = Trial::new(agent, place, &stub).run(&["--json"], "hello").exits(77);
            assert!(
                json.stderr.starts_with(&format!("warning: no {agent} credential was found; run {fix}")),
                "{}",
                json.stderr
            );
            let json = json.json();
            assert_eq!((json["class"].as_str(), json["output"].as_str()), (Some("auth_missing"), Some("")), "{json}");
            assert!(json["hint"].as_str().unwrap().contains(fix), "{json}");
        }
    }
    // Left alone, opencode would have taken the task to a model that its makers host.
    let strays =
        stub.requests().into_iter().filter(|request| request["path"].as_str().unwrap().contains("opencode.ai"));
    assert_eq!(strays.count(), 0);
}

/// Asserts how a run fails: class, exit code, whether to retry, and that there is a reason and a way out.
#[track_caller]
fn fails(trial: &Trial, directive: &str, class: &str, code: i32) -> Value {
    let done = trial.run(&["--json"], &task(&[directive])).exits(code);
    let (json, stderr) = (done.json(), &done.stderr);
    let shown = (json["class"].as_str(), json["ok"].as_bool(), json["retryable"].as_bool(), json["exitCode"].as_i64());
    assert_eq!(shown, (Some(class), Some(false), Some(code == 75), Some(code.into())), "{directive}: {json}");
    let message = json["message"].as_str().unwrap();
    assert!(message.starts_with(trial.agent) && message.len() < 400 && !message.contains("level=ERROR"), "{message}");
    let hint = json["hint"].as_str().unwrap();
    assert!(
        stderr.contains(&format!("error: {message}")) && stderr.ends_with(&format!("\nhint: {hint}\n")),
        "{stderr}"
    );
    json
}

/// The failures that cost claude no waiting once it may not retry.
const CLASSES: &[(&str, &str, i32)] = &[
    ("status 403", "auth_rejected", 77),
    ("status 429", "rate_limited", 75),
    ("status 500", "overloaded", 75),
    ("status 529", "overloaded", 75),
    ("status 400-credit", "quota_exhausted", 77),
];

#[test]
fn claudes_failures_have_their_class() {
    let stub = Stub::start(&[]);
    for place in places() {
        let trial = Trial::new("claude", place, &stub).with_key().set("CLAUDE_CODE_MAX_RETRIES", "0");
        // They are told alike everywhere; that they come out of a container is shown by the first ones.
        for (directive, class, code) in CLASSES.iter().take(if place == Host { CLASSES.len() } else { 2 }) {
            fails(&trial, directive, class, *code);
        }
        let free = TcpListener::bind((gateway(), 0)).unwrap().local_addr().unwrap();
        let host = if place == Host { gateway() } else { "localhost".into() };
        let trial = Trial::at("claude", place, &format!("http://{host}:{}", free.port())).with_key();
        fails(&trial.set("CLAUDE_CODE_MAX_RETRIES", "0"), "text never", "network", 75);
    }
}

#[test]
fn claude_is_ended_when_its_credential_is_refused_again_and_told_how_long_to_wait() {
    let stub = Stub::start(&[]);
    for place in places() {
        let began = std::time::Instant::now();
        // It would try ten times, for minutes.
        let json = fails(&Trial::new("claude", place, &stub).with_key(), "status 401", "auth_rejected", 77);
        assert!(began.elapsed() < Duration::from_secs(60), "{:?}", began.elapsed());
        assert_eq!(json["warnings"], json!(["claude: the model API answers 401: trying again"]));
    }
    for place in places().into_iter().take(1) {
        let trial = Trial::new("claude", place, &stub).with_key().set("CLAUDE_CODE_MAX_RETRIES", "1");
        assert_eq!(fails(&trial, "status 429 retry-after=1", "rate_limited", 75)["retryAfterMs"], 1000);
    }
}

/// Left out: codex with a 5xx (25 s of its retries) or without a network (30 s until it is ended), and opencode with a 429, a 5xx
/// or without a network, which it tries again for minutes. The recordings in `tests/fixtures` have them.
#[test]
fn the_failures_of_codex_and_opencode_have_their_class() {
    let stub = Stub::start(&[]);
    for place in places().into_iter().take(1) {
        let [codex, opencode] = ["codex", "opencode"].map(|agent| Trial::new(agent, place, &stub).with_key());
        fails(&codex, "status 401", "auth_rejected", 77);
        fails(&codex, "status 429", "rate_limited", 75);
        fails(&codex, "status 429-quota", "quota_exhausted", 77);
        fails(&opencode, "status 401", "auth_rejected", 77);
        fails(&opencode, "status 400-credit", "quota_exhausted", 77);
    }
}

#[test]
fn raw_is_the_agents_own_stream_to_the_last_byte() {
    let stub = Stub::start(&[]);
    for place in places().into_iter().take(1) {
        let mut trial = Trial::new("claude", place, &stub).with_key();
        fs::remove_file(trial.bed.root().join("bin/claude")).unwrap();
        trial.bed.program("claude", &format!("{} \"$@\" | tee \"$HOME/own\"", part("RINGFENCE_TEST_CLAUDE")));
        let done = trial.run(&["--raw"], &task(&["sh echo ü", "text the answer"])).exits(0);
        assert_eq!(done.stdout, fs::read(trial.bed.home().join("own")).unwrap());
        let lines: Vec<Value> = done.out().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!((&lines[0]["type"], &lines[0]["subtype"]), (&json!("system"), &json!("init")));
        assert_eq!(lines.last().unwrap()["result"], "the answer");
    }
}

#[test]
fn an_agent_that_hangs_is_ended_by_the_clock_and_leaves_nothing() {
    let stub = Stub::start(&[]);
    for (number, place) in places().into_iter().enumerate() {
        let token = format!("AGENTS_HANG_{}_{number}", std::process::id());
        let trial = Trial::new("claude", place, &stub).with_key().set(&token, "1");
        let hang = |limit: &str| {
            let done = trial.run(&["--json", "--timeout", limit, "--env", &token], &task(&["hang"])).exits(124);
            assert_eq!(processes_with(&format!("{token}=1")), Vec::<String>::new(), "{place:?}");
            done
        };
        let mut done = hang("10s");
        if stub.calls().len() == number {
            // A busy machine takes longer than that to start it.
            done = hang("50s");
        }
        assert_eq!(stub.calls().len(), number + 1, "it hung at the model, not before");
        assert_eq!(done.json()["class"], "timeout");
        assert!(done.json()["sessionId"].is_string(), "a session can be resumed");
        assert!(done.took < Duration::from_secs(50) + PATIENCE, "{:?}", done.took);
        if place == Docker {
            within(PATIENCE, "the container is gone", || Engine.containers_of(&trial.bed).is_empty());
        }
    }
}

#[test]
fn a_mebibyte_of_task_arrives() {
    let stub = Stub::start(&[]);
    for place in places() {
        let trial = Trial::new("claude", place, &stub).with_key();
        let work = format!(
            "{}\n{}",
            "$(x) `y` 'z' \"ü\" \\ \r\t \u{1f600} END_OF_TASK\n".repeat(1 << 15),
            task(&["text read"])
        );
        assert!(work.len() > 1 << 20);
        assert_eq!(trial.run(&[], &work).exits(0).out(), "read\n");
        let bytes = stub.calls().last().unwrap()["bodyBytes"].as_u64().unwrap();
        assert!(bytes > work.len() as u64, "{bytes}");
    }
}

#[test]
fn an_agent_that_is_not_installed_is_named_with_what_installs_it() {
    for (agent, package) in
        [("claude", "@anthropic-ai/claude-code"), ("codex", "@openai/codex"), ("opencode", "opencode-ai")]
    {
        let mut bed = Bed::new();
        fs::create_dir(bed.root().join("bin")).unwrap();
        // This machine may have the agent, but not among these.
        for name in ["sh", "head", "grep", "sleep", "ps"] {
            let program = ["/usr/bin", "/bin"]
                .map(|folder| format!("{folder}/{name}"))
                .into_iter()
                .find(|path| fs::exists(path).unwrap());
            symlink(program.unwrap(), bed.root().join("bin").join(name)).unwrap();
        }
        bed.set("PATH", bed.root().join("bin"));
        let args = ["run", "--mode", "host", "--agent", agent, "hello"];
        bed.run(&args)
            .exits(69)
            .says(&format!("error: {agent} is not installed"))
            .says(&format!("hint: npm install -g {package}"));
        let json = bed.run(&[&args[..], &["--json"]].concat()).exits(69).json();
        assert_eq!((json["class"].as_str(), json["retryable"].as_bool()), (Some("cli_missing"), Some(false)));
    }
}
