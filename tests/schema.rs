//! What programs read is what the schemas say: real output of every kind is held against `ringfence schema`.
#![allow(clippy::unwrap_used, reason = "a panic is how tests fail")]

mod support;

use std::fs;

use serde_json::{Value, json};
use support::schema::Schema;
use support::stub::{Place, Stub, Trial, places};
use support::{Bed, Done};

const SHELL: [&str; 5] = ["run", "-a", "shell", "--json-stream", "--mode=host"];

/// The lines of a stream, each of which fits.
#[track_caller]
fn lines(done: &Done, schema: &Schema) -> Vec<Value> {
    let lines: Vec<Value> = done.out().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for line in &lines {
        schema.fits(line);
    }
    lines
}

fn types(lines: &[Value]) -> Vec<&str> {
    lines.iter().map(|line| line["type"].as_str().unwrap()).collect()
}

#[test]
fn the_schemas_refuse_what_is_wrong() {
    let run: Value = Bed::new().run(&["run", "-a", "shell", "--json", "true"]).exits(0).json();
    let schema = Schema::of("run");
    schema.fits(&run);
    for (field, wrong) in [
        ("class", json!("fine")),
        ("attempts", json!(-1)),
        ("usage", json!({})),
        ("warnings", json!([1])),
        ("startedAt", json!("today")),
        ("unheardOf", json!(1)),
    ] {
        let mut changed = run.clone();
        changed[field] = wrong;
        schema.refuses(&changed);
    }
    let mut lacking = run.clone();
    lacking.as_object_mut().unwrap().remove("timings");
    schema.refuses(&lacking);
    Schema::of("events").refuses(&run);
}

#[test]
fn runs_and_failures_are_what_the_schema_says() {
    let mut bed = Bed::new();
    let (run, events) = (Schema::of("run"), Schema::of("events"));
    bed.write("work/report.txt", "x");
    let script = "echo '[send_file: report.txt]'; echo '[send_file: /etc/passwd]'";
    let json = bed.run(&["run", "-a", "shell", "--json", script]).exits(0).json();
    assert_eq!((json["attachments"].as_array().unwrap().len(), json["type"].is_null()), (1, true));
    run.fits(&json);
    for (args, code) in [
        (&["run", "-a", "shell", "exit 3"][..], 1),
        (&["run", "-a", "shell", "--timeout", "200ms", "sleep 60"], 124),
        (&["run", "-a", "shell", "-e", "NOT_SET", "true"], 78),
        (&["run", "-a", "shell", "-C", "/nowhere", "true"], 2),
        (&["run", "-a", "shell", " "], 2),
        (&["run", "--agnet", "shell"], 2),
    ] {
        run.fits(&bed.run(&[args, &["--json"]].concat()).exits(code).json());
        let done = bed.run(&[args, &["--json-stream"]].concat()).exits(code);
        let lines = lines(&done, &events);
        assert_eq!(lines.last().unwrap()["type"], "result", "{}", done.out());
        run.fits(lines.last().unwrap());
    }
    bed.set("RINGFENCE_MODE", "nowhere");
    run.fits(&bed.run(&["run", "--json", "x"]).exits(78).json());
}

#[test]
fn a_script_is_told_in_the_same_words() {
    let (bed, events) = (Bed::new(), Schema::of("events"));
    // A character cut in two, and half of one at the end.
    let script = "printf 'gr\\303'; sleep 0.3; printf '\\274n\\n\\303'; echo aside >&2";
    let done = bed.run(&[&SHELL[..], &[script]].concat()).exits(0).says("aside");
    let lines = lines(&done, &events);
    let told = types(&lines);
    assert_eq!((told[0], *told.last().unwrap()), ("started", "result"), "{told:?}");
    assert_eq!((&lines[0]["attempt"], &lines[0]["agent"]), (&json!(1), &json!("shell")));
    let text: String = lines.iter().filter_map(|line| line["text"].as_str()).collect();
    assert_eq!(
        (text.as_str(), lines.last().unwrap()["output"].as_str().unwrap()),
        ("grün\n\u{fffd}", "grün\n\u{fffd}")
    );
}

#[test]
fn warnings_come_as_events_and_stay_in_the_result() {
    let (bed, events) = (Bed::new(), Schema::of("events"));
    let done = bed.run(&[&SHELL[..], &["-q", "--image", "x", "true"]].concat()).exits(0);
    let lines = lines(&done, &events);
    assert_eq!(types(&lines), ["started", "warning", "result"]);
    assert_eq!(json!([lines[1]["message"]]), lines[2]["warnings"]);
    assert_eq!(done.stderr, "");
}

#[test]
fn every_agent_tells_the_same_story() {
    let (stub, events) = (Stub::start(&[]), Schema::of("events"));
    for agent in ["claude", "codex", "opencode"] {
        if !places().contains(&Place::Host) {
            return;
        }
        let model: &[&str] = match agent {
            "claude" => &[],
            "codex" => &["-m", "gpt-5.1"],
            _ => &["-m", "anthropic/claude-opus-4-8"],
        };
        let trial = Trial::new(agent, Place::Host, &stub).with_key();
        let done = trial
            .run(&[model, &["--json-stream"]].concat(), "stub: sh echo told >made.txt; cat made.txt\nstub: text done")
            .exits(0);
        let lines = lines(&done, &events);
        let told = types(&lines);
        assert_eq!((told[0], told[told.len() - 1]), ("started", "result"), "{agent} {told:?}");
        let find =
            |kind: &str| lines.iter().find(|line| line["type"] == kind).unwrap_or_else(|| panic!("{agent} {kind}"));
        let (call, result) = (find("tool"), find("tool_result"));
        assert!(call["detail"].as_str().unwrap().contains("made.txt"), "{agent} {call}");
        assert!(!call["id"].as_str().unwrap().is_empty(), "{agent} {call}");
        assert_eq!(
            (&call["id"], &call["name"], &result["ok"]),
            (&result["id"], &result["name"], &json!(true)),
            "{agent}"
        );
        assert_eq!(result["detail"], "told", "{agent} {result}");
        assert!(lines.iter().any(|line| line["text"] == "done"), "{agent}");
        let (used, last) = (lines.iter().rfind(|line| line["type"] == "usage").unwrap(), lines.last().unwrap());
        assert_eq!((&used["inputTokens"], &last["output"]), (&last["usage"]["inputTokens"], &json!("done")), "{agent}");
    }
}

#[test]
fn dead_letters_event_files_and_batches_are_what_the_schemas_say() {
    let (bed, letters, events) = (Bed::new(), Schema::of("dead-letter"), Schema::of("events"));
    let log = bed.root().join("events.jsonl");
    bed.run(&["run", "-a", "shell", "--dead-letter", "--events", log.to_str().unwrap(), "exit 3"]).exits(1);
    bed.run(&["run", "-a", "shell", "--events", log.to_str().unwrap(), "true"]).exits(0);
    let logged = fs::read_to_string(&log).unwrap();
    let logged: Vec<Value> = logged.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(logged.len(), 4);
    for line in &logged {
        events.fits(line);
    }
    let list = bed.run(&["dead-letter", "list", "--json"]).exits(0).json();
    letters.fits(&list);
    letters.fits(&list["letters"][0]);
    let id = list["letters"][0]["id"].as_str().unwrap();
    letters.fits(&bed.run(&["dead-letter", "show", id, "--json"]).exits(0).json());
    letters.fits(&bed.run(&["dead-letter", "replay", id, "--json"]).exits(1).json());
    letters.fits(&bed.run(&["dead-letter", "rm", "--all", "--json"]).exits(0).json());
    letters.fits(&bed.run(&["dead-letter", "show", id, "--json"]).exits(2).json());
    let queue = bed.write("queue.jsonl", "{\"id\": \"one\", \"task\": \"echo 1\", \"agent\": \"shell\"}\n");
    let done = bed.run(&["run", "--batch", queue.to_str().unwrap()]).exits(0);
    Schema::of("run").fits(&done.json());
}

#[test]
fn login_checks_are_what_the_schema_says() {
    let schema = Schema::of("auth");
    let mut bed = Bed::new();
    bed.program("claude", "echo '{\"loggedIn\": false}'; exit 1");
    schema.fits(&bed.run(&["auth", "check", "claude", "--quick", "--json"]).exits(77).json());
    bed.set("ANTHROPIC_API_KEY", "sk-test-key")
        .program("claude", "echo '{\"loggedIn\": true, \"authMethod\": \"api_key\"}'");
    schema.fits(&bed.run(&["auth", "check", "claude", "--quick", "--json"]).exits(0).json());
    schema.fits(&bed.run(&["auth", "check", "claude", "--timeout", "0", "--json"]).exits(2).json());
}

#[test]
fn the_readmes_events_are_what_the_schema_says() {
    let events = Schema::of("events");
    let readme = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let shown = readme.lines().filter(|line| line.starts_with(r#"{"type":""#) && !line.contains('…'));
    let mut lines: Vec<Value> = shown.map(|line| serde_json::from_str(line).unwrap()).collect();
    for line in &mut lines {
        line["timestamp"] = json!("2026-11-21T06:42:25.785Z");
        events.fits(line);
    }
    assert_eq!(types(&lines), ["started", "tool", "tool_result", "usage", "text"]);
}
