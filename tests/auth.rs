//! `auth check`: every failure made for real, with the real agents against the stub of their model APIs.
#![allow(clippy::unwrap_used, reason = "a panic is how tests fail")]

mod support;

use std::fs;
use std::time::Duration;

use serde_json::{Value, json};
use support::stub::Place::{self, Docker, Host};
use support::stub::{Stub, Trial, places};
use support::{Bed, Engine, PATIENCE, part, processes_with, within};

/// Checks `trial`'s agent where it is, and asserts how that ends.
#[track_caller]
fn check(trial: &Trial, options: &[&str], code: &str, exit: i32) -> Value {
    trial.bed.config("[sandbox]\nenv = [\"HTTPS_PROXY\", \"NO_PROXY\"]\n");
    let place = if trial.place == Host { "host" } else { "sandbox" };
    let args = [&["auth", "check", trial.agent, "--environment", place, "--json"], options].concat();
    let json = trial.bed.run(&args).exits(exit).json();
    assert_eq!(json["code"], code, "{:?} {json}", trial.place);
    assert_eq!(json["authenticated"], json!(code == "ok"), "{json}");
    assert_eq!((&json["schema"], &json["executionEnvironment"]), (&json!("ringfence.auth/1"), &json!(place)));
    let names: Vec<_> = json["rungs"].as_array().unwrap().iter().map(|rung| rung["rung"].as_str().unwrap()).collect();
    assert_eq!(names, ["found", "parsed", "unexpired", "outlives", "status", "live"]);
    assert!(code == "ok" || json["hint"].as_str().is_some_and(|hint| !hint.is_empty()), "{json}");
    json
}

fn rung<'a>(json: &'a Value, name: &str) -> &'a Value {
    json["rungs"].as_array().unwrap().iter().find(|rung| rung["rung"] == name).unwrap()
}

fn trial(agent: &'static str, place: Place, stub: &Stub) -> Trial {
    Trial::new(agent, place, stub).with_image()
}

trait WithImage {
    fn with_image(self) -> Self;
}

impl WithImage for Trial {
    fn with_image(self) -> Self {
        if self.place == Docker { self.set("SANDBOX_DOCKER_IMAGE", &part("RINGFENCE_TEST_WORKER")) } else { self }
    }
}

#[test]
fn what_the_server_says_to_claude_decides() {
    for (status, code, exit) in [
        (None, "ok", 0),
        (Some("401"), "auth_rejected", 77),
        (Some("429"), "rate_limited", 75),
        (Some("529"), "unknown", 75),
    ] {
        let options: Vec<&str> = status.iter().flat_map(|status| ["--status", status]).collect();
        let stub = Stub::start(&options);
        // What the others mean is shown by runs. That it is read in a container, too, is shown by the first two.
        let everywhere = matches!(status, None | Some("401"));
        for place in places().into_iter().filter(|place| everywhere || *place == Host) {
            let json = check(&trial("claude", place, &stub).with_key(), &[], code, exit);
            assert_eq!(rung(&json, "status")["ok"], true, "{json}");
            assert_eq!(rung(&json, "live")["ok"], json!(status.is_none()), "{json}");
            assert_eq!((&json["available"], &json["source"]), (&json!(true), &json!("$ANTHROPIC_API_KEY")));
        }
    }
}

#[test]
fn what_the_server_says_to_codex_and_opencode_decides() {
    let (good, refusing) = (Stub::start(&[]), Stub::start(&["--status", "401"]));
    for place in places() {
        let json = check(&trial("codex", place, &good).with_key(), &[], "ok", 0);
        assert_eq!(rung(&json, "status")["ok"], Value::Null, "codex does not count a key as a login: {json}");
        check(&trial("codex", place, &refusing).with_key(), &[], "auth_rejected", 77);
        check(&trial("opencode", place, &good).with_key(), &["--timeout", "60"], "ok", 0);
    }
}

#[test]
fn quick_asks_no_server_and_what_is_not_known_is_not_authenticated() {
    let stub = Stub::start(&["--status", "401"]);
    for place in places() {
        check(&trial("claude", place, &stub).with_key(), &["--quick"], "ok", 0);
        check(&trial("codex", place, &stub).with_key(), &["--quick"], "unknown", 77);
        for agent in ["claude", "codex", "opencode"] {
            let json = check(&trial(agent, place, &stub), &["--quick"], "auth_missing", 77);
            assert_eq!(json["source"], Value::Null);
        }
    }
    assert_eq!(stub.calls().len(), 0);
}

#[test]
fn a_login_file_is_judged_before_anything_starts() {
    let claude = |rest: &str| format!(r#"{{"claudeAiOauth":{{"accessToken":"a"{rest}}}}}"#);
    let scopes = r#","scopes":["user:inference"]"#;
    let soon = jiff::Timestamp::now().as_millisecond() + 600_000;
    for (contents, code, broken) in [
        ("{\"claudeAiOauth\"".to_owned(), "auth_missing", "parsed"),
        (claude(""), "auth_missing", "parsed"),
        (claude(&format!(r#"{scopes},"expiresAt":1,"refreshToken":"r""#)), "auth_expired", "unexpired"),
        (claude(&format!(r#"{scopes},"expiresAt":1"#)), "auth_expired", "unexpired"),
        // This one is good for ten minutes, less than a run may take: what then fails is the engine, of which there is none.
        (claude(&format!(r#"{scopes},"expiresAt":{soon}"#)), "daemon_unreachable", "outlives"),
    ] {
        let mut bed = Bed::new();
        bed.set("DOCKER_HOST", "unix:///nowhere");
        let file = bed.write("home/.claude/.credentials.json", &contents);
        let args = ["auth", "check", "claude", "--environment", "sandbox", "--json"];
        let exit = if code == "daemon_unreachable" { 69 } else { 77 };
        let json = bed.run(&args).exits(exit).json();
        assert_eq!((json["code"].as_str(), &json["authenticated"]), (Some(code), &json!(false)), "{json}");
        assert_eq!(rung(&json, broken)["ok"], false, "{json}");
        assert_eq!(json["source"], file.to_str().unwrap());
        assert_eq!(fs::read_to_string(file).unwrap(), contents);
    }
}

#[test]
fn on_the_host_the_agent_renews_its_login_itself_and_reads_only_its_own_variables() {
    let json = |contents: &str, agent: &str, name: &str| {
        let mut bed = Bed::new();
        bed.program(agent, "echo '{\"loggedIn\":true,\"authMethod\":\"x\"}'").set(name, "stale");
        bed.write("home/.claude/.credentials.json", contents);
        bed.run(&["auth", "check", agent, "--environment", "host", "--quick", "--json"]).json()
    };
    let expired = r#"{"claudeAiOauth":{"accessToken":"a","scopes":["x"],"expiresAt":1REST}}"#;
    let renewable = json(&expired.replace("REST", r#","refreshToken":"r""#), "claude", "UNRELATED");
    assert_eq!((&renewable["code"], &rung(&renewable, "unexpired")["ok"]), (&json!("ok"), &json!(true)), "{renewable}");
    assert_eq!(json(&expired.replace("REST", ""), "claude", "UNRELATED")["code"], "auth_expired");
    let shadowing = json(&expired.replace("REST", ""), "claude", "ANTHROPIC_API_KEY");
    assert_eq!(shadowing["source"], "$ANTHROPIC_API_KEY");
    assert!(shadowing["shadowed"][0].as_str().unwrap().ends_with(".credentials.json"), "{shadowing}");
    assert_eq!(json("", "codex", "OPENAI_API_KEY")["source"], Value::Null, "codex ignores it");
}

#[test]
fn an_agent_that_hangs_ends_as_timeout_and_leaves_nothing() {
    let mut bed = Bed::new();
    let token = format!("AUTH_HANG_{}", std::process::id());
    bed.program("claude", "trap '' TERM; while :; do sleep 1; done").set(&token, "1").set("ANTHROPIC_API_KEY", "x");
    let args = ["auth", "check", "claude", "--environment", "host", "--timeout", "1", "--json"];
    let done = bed.run(&args).exits(124);
    assert_eq!((&done.json()["code"], &done.json()["authenticated"]), (&json!("timeout"), &json!(false)));
    assert!(done.took < Duration::from_secs(20), "{:?}", done.took);
    within(PATIENCE, "nothing is left", || processes_with(&format!("{token}=1")).is_empty());
    bed.run(&["auth", "check", "claude", "--timeout", "0"]).exits(2).says("--timeout 0");
}

#[test]
fn what_is_not_there_is_named() {
    let mut host = Bed::new();
    host.set("ANTHROPIC_API_KEY", "x");
    let done = host.run(&["auth", "check", "claude", "--environment", "host"]).exits(69);
    assert!(done.out().contains("cli_missing") && done.out().contains("npm install -g"), "{}", done.out());
    assert!(!done.out().contains('\u{1b}'));
    let Some(engine) = Engine::get() else { return };
    for (image, code, exit) in [("ringfence-test/nope:1", "image_missing", 69), (&engine.tiny(), "cli_missing", 69)] {
        let mut bed = engine.bed();
        bed.set("ANTHROPIC_API_KEY", "x").set("SANDBOX_DOCKER_IMAGE", image);
        let json = bed.run(&["auth", "check", "claude", "--environment", "sandbox", "--json"]).exits(exit).json();
        assert_eq!((json["code"].as_str(), &json["available"]), (Some(code), &json!(false)), "{json}");
        assert_eq!(engine.containers_of(&bed), "");
    }
}

#[test]
fn a_check_that_cannot_begin_has_the_same_form() {
    let bed = Bed::new();
    for (args, config, exit, code, words) in [
        (&["--timeout", "0"][..], "", 2, "unknown", "--timeout 0"),
        (&["--timeout", "soon"], "", 2, "unknown", "--timeout"),
        (&[], "[sandbox]\nimage = \"Team/Worker\"\n", 78, "invalid_image", "Team/Worker"),
        (&[], "mode = \"dokcer\"\n", 78, "unknown", "dokcer"),
    ] {
        bed.config(config);
        let args = [&["auth", "check", "claude", "--environment", "sandbox", "--json"], args].concat();
        let json = bed.run(&args).exits(exit).says(words).json();
        assert_eq!((json["schema"].as_str(), json["code"].as_str()), (Some("ringfence.auth/1"), Some(code)), "{json}");
        assert_eq!((&json["authenticated"], &json["executionEnvironment"]), (&json!(false), &json!("sandbox")));
        assert!(json["message"].as_str().unwrap().contains(words) && json["hint"].is_string(), "{json}");
        assert_eq!((json["rungs"].as_array().unwrap().len(), &json["ok"]), (6, &json!(false)));
    }
}

#[test]
fn a_token_command_is_asked_once() {
    let Some(engine) = Engine::get() else { return };
    let mut bed = engine.bed();
    bed.program("vault", "echo asked >>\"$HOME/asked\"; echo sk-ant-api-7");
    bed.config("[agents.claude]\ntoken_command = [\"vault\"]\n");
    bed.set("SANDBOX_DOCKER_IMAGE", part("RINGFENCE_TEST_WORKER"));
    let args = ["auth", "check", "claude", "--environment", "sandbox", "--quick", "--timeout", "60", "--json"];
    let json = bed.run(&args).exits(0).json();
    assert_eq!((&json["source"], &json["code"]), (&json!("token_command (vault)"), &json!("ok")), "{json}");
    assert_eq!(fs::read_to_string(bed.home().join("asked")).unwrap(), "asked\n");
}

#[test]
fn on_the_host_the_agents_own_order_and_its_own_folder_decide() {
    let mut bed = Bed::new();
    bed.program("claude", "echo '{\"loggedIn\":true,\"authMethod\":\"x\"}'");
    // Only ringfence knows this folder; an agent on the host does not look there.
    let login = r#"{"claudeAiOauth":{"accessToken":"a","scopes":["x"]}}"#;
    bed.write("elsewhere/.credentials.json", login);
    bed.set("CLAUDE_AUTH_DIR", bed.root().join("elsewhere"));
    let check = |bed: &Bed, place: &str| {
        let args = ["auth", "check", "claude", "--environment", place, "--quick", "--json"];
        let mut json = bed.run(&args).json();
        (json["source"].take(), json["shadowed"].take())
    };
    assert_eq!(check(&bed, "host").0, Value::Null);
    bed.write("home/own/.credentials.json", login);
    bed.set("CLAUDE_CONFIG_DIR", bed.home().join("own"));
    assert_eq!(check(&bed, "host").0, bed.home().join("own/.credentials.json").to_str().unwrap());
    for name in ["CLAUDE_CODE_OAUTH_TOKEN", "ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN"] {
        bed.set(name, "x");
        assert_eq!(check(&bed, "host").0, format!("${name}"), "the strongest of those so far");
    }
    bed.set("DOCKER_HOST", "unix:///nowhere");
    assert_eq!(check(&bed, "sandbox").0, "$CLAUDE_CODE_OAUTH_TOKEN", "a lease has one order of its own");
}

#[test]
fn a_token_command_is_within_the_limit_too() {
    let mut bed = Bed::new();
    bed.program("vault", "exec sleep 300").set("DOCKER_HOST", "unix:///nowhere");
    bed.config("[agents.claude]\ntoken_command = [\"vault\"]\n");
    let args = ["auth", "check", "claude", "--environment", "sandbox", "--timeout", "1", "--json"];
    let done = bed.run(&args).exits(124);
    assert_eq!(
        (&done.json()["code"], &done.json()["hint"]),
        (&json!("timeout"), &json!("give it longer: --timeout 60s"))
    );
    assert!(done.took < Duration::from_secs(60), "{:?}", done.took);
}

#[test]
fn a_sandbox_that_is_overridden_is_named() {
    let mut bed = Bed::new();
    bed.program("claude", "echo '{\"loggedIn\":true,\"authMethod\":\"x\"}'");
    bed.set("AGENT_LOOP_HOST", "1").set("ANTHROPIC_API_KEY", "x");
    let json = bed.run(&["auth", "check", "claude", "--environment", "sandbox", "--quick", "--json"]).exits(0).json();
    assert_eq!(json["executionEnvironment"], "host");
    assert!(json["message"].as_str().unwrap().contains("$AGENT_LOOP_HOST forces the host"), "{json}");
}
