//! Nobody looks: transient failures are tried again with patience, terminal ones never, and what failed for good is kept.
#![allow(clippy::unwrap_used, reason = "a panic is how tests fail")]

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};
use support::stub::{Place, Stub, Trial, gateway, places};
use support::{Bed, Engine, PATIENCE, start, within};

fn events(path: &Path) -> Vec<Value> {
    fs::read_to_string(path).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// What happened, in short.
fn names(events: &[Value]) -> Vec<String> {
    let name = |event: &Value| {
        let name = event["event"].as_str().unwrap().trim_start_matches("sandbox_invocation_");
        format!("{name} {}", event["attempt"])
    };
    events.iter().map(name).collect()
}

fn letters(bed: &Bed) -> Vec<Value> {
    bed.run(&["dead-letter", "list", "--json"]).exits(0).json()["letters"].as_array().unwrap().clone()
}

fn log(bed: &Bed) -> PathBuf {
    bed.home().join(".local/state/ringfence/events.jsonl")
}

/// Claude on the host, with a stub that answers like this; it asks once per attempt.
fn claude(options: &[&str]) -> Option<(Stub, Trial)> {
    let place = places().into_iter().find(|place| *place == Place::Host)?;
    let stub = Stub::start(options);
    let trial = Trial::new("claude", place, &stub).with_key().set("CLAUDE_CODE_MAX_RETRIES", "0");
    trial.bed.config("[run]\nbackoff = \"50ms\"\n");
    Some((stub, trial))
}

#[test]
fn a_rate_limit_is_waited_out() {
    let Some((stub, trial)) = claude(&["--fail-first", "2", "--status", "429", "--retry-after", "1"]) else { return };
    // Claude tells of the server's wait only when it tries again itself; without one the backoff applies.
    let file = trial.bed.root().join("log/events");
    let options = ["--json", "--max-attempts", "3", "--events", file.to_str().unwrap()];
    let done = trial.run(&options, "stub: text all is well").exits(0);
    let json = done.json();
    assert_eq!((&json["attempts"], &json["ok"], &json["output"]), (&json!(3), &json!(true), &json!("all is well")));
    assert_eq!(stub.calls().len(), 3);
    let events = events(&file);
    assert_eq!(names(&events), ["start 1", "error 1", "start 2", "error 2", "start 3", "end 3"]);
    for event in &events {
        assert_eq!(event["runId"], json["runId"], "{event}");
        assert_eq!(event["workspace"], json["workspace"]);
    }
    assert_eq!((&events[1]["class"], &events[1]["retryable"]), (&json!("rate_limited"), &json!(true)));
    assert!(events[5]["outputBytes"].as_u64().unwrap() > 0 && events[5]["durationMs"].as_u64().unwrap() > 0);
    assert!(
        done.stderr.contains("warning: rate_limited: ") && done.stderr.contains("; attempt 2 of 3 in 0."),
        "{}",
        done.stderr
    );
    assert!(!log(&trial.bed).exists() && letters(&trial.bed).is_empty(), "nobody asked for more than events");
}

#[test]
fn the_servers_wait_is_kept() {
    let Some((_stub, trial)) = claude(&["--fail-first", "4", "--status", "429", "--retry-after", "1"]) else { return };
    // It asks twice per attempt, and the stub refuses both times in two of them.
    let trial = trial.set("CLAUDE_CODE_MAX_RETRIES", "1");
    let file = trial.bed.root().join("events");
    let done =
        trial.run(&["--json", "--max-attempts", "3", "--events", file.to_str().unwrap()], "stub: text fine").exits(0);
    assert_eq!(done.json()["attempts"], 3);
    let time = |event: &Value| event["timestamp"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    let events = events(&file);
    for at in [1, 3] {
        let waited = time(&events[at + 1]).duration_since(time(&events[at]));
        assert!(waited.as_millis() >= 1000, "the next attempt came after {waited:?}");
    }
}

#[test]
fn what_stays_overloaded_becomes_a_dead_letter_that_can_be_replayed() {
    let Some((_stub, mut trial)) = claude(&["--status", "529"]) else { return };
    let done =
        trial.run(&["--json", "--dead-letter", "--max-attempts", "2", "-m", "opus"], "stub: text later").exits(75);
    let (json, letters_now) = (done.json(), letters(&trial.bed));
    assert_eq!((&json["class"], &json["attempts"]), (&json!("overloaded"), &json!(2)));
    assert_eq!(names(&events(&log(&trial.bed))), ["start 1", "error 1", "start 2", "error 2"]);
    let [letter] = &letters_now[..] else { panic!("{letters_now:?}") };
    for (name, value) in [
        ("schema", json!("ringfence.dead-letter/1")),
        ("id", json["runId"].clone()),
        ("runId", json["runId"].clone()),
        ("class", json!("overloaded")),
        ("attempt", json!(2)),
        ("maxAttempts", json!(2)),
        ("task", json!("stub: text later")),
        ("agent", json!("claude")),
        ("mode", json!("host")),
        ("workspace", json["workspace"].clone()),
        ("firstSeenAt", json["startedAt"].clone()),
    ] {
        assert_eq!(letter[name], value, "{name}");
    }
    let id = letter["id"].as_str().unwrap();
    trial.bed.run(&["dead-letter", "show", id]).exits(0).out().find("text later").unwrap();

    // Still overloaded: the letter stays, and counts on.
    let again = trial.bed.run(&["dead-letter", "replay", id, "--json"]).exits(75).json();
    assert_eq!((&again["ok"], &again["replayed"][0]["run"]["class"]), (&json!(false), &json!("overloaded")));
    let kept = letters(&trial.bed).remove(0);
    assert_eq!((&kept["attempt"], &kept["firstSeenAt"]), (&json!(4), &letter["firstSeenAt"]));
    assert_ne!(kept["runId"], letter["runId"]);

    let healthy = Stub::start(&[]);
    trial.bed.set("ANTHROPIC_BASE_URL", format!("http://{}:{}", gateway(), healthy.port()));
    assert_eq!(trial.bed.run(&["dead-letter", "replay", "--all"]).exits(0).out(), "later\n");
    assert_eq!(letters(&trial.bed), Vec::<Value>::new());
    assert_eq!(
        healthy.calls()[0]["model"].as_str().map(|model| model.contains("opus")),
        Some(true),
        "with its options"
    );
    trial.bed.run(&["dead-letter", "replay", id]).exits(2).says("there is no dead letter");
}

#[test]
fn a_refused_credential_is_tried_once() {
    let Some((_stub, trial)) = claude(&["--status", "401"]) else { return };
    let done = trial.run(&["--json", "--dead-letter", "--max-attempts", "5"], "stub: text no").exits(77);
    assert_eq!(done.json()["attempts"], 1);
    assert_eq!(letters(&trial.bed)[0]["class"], "auth_rejected");
}

#[test]
fn neither_money_nor_an_answer_is_spent_twice() {
    let Some((stub, trial)) = claude(&["--status", "529"]) else { return };
    let done = trial.run(&["--json", "--max-attempts", "5", "--max-cost", "0"], "stub: text no").exits(75);
    assert_eq!(done.json()["attempts"], 1);
    assert_eq!(done.json()["warnings"][0], "not tried again: $0.00 of --max-cost 0 are spent");
    let file = trial.bed.root().join("events");
    let before = stub.calls().len();
    let raw =
        trial.run(&["--raw", "--max-attempts", "5", "--events", file.to_str().unwrap()], "stub: text no").exits(75);
    assert_eq!(names(&events(&file)), ["start 1", "error 1"]);
    assert_eq!(stub.calls().len(), before + 1);
    assert!(raw.stderr.contains("not tried again: its output is on standard output already"), "{}", raw.stderr);
    trial.run(&["--max-cost=-1"], "stub: text no").exits(2).says("--max-cost");
}

#[test]
fn a_signal_ends_a_wait_at_once() {
    let Some((_stub, trial)) = claude(&["--status", "529"]) else { return };
    trial.bed.config("[run]\nbackoff = \"60s\"\n");
    let file = trial.bed.root().join("events");
    let args = [
        "run",
        "--json",
        "--dead-letter",
        "-a",
        "claude",
        "--mode",
        "host",
        "--events",
        file.to_str().unwrap(),
        "stub: text no",
    ];
    let running = trial.bed.spawn(&args, b"");
    let failed = || fs::read_to_string(&file).is_ok_and(|text| text.contains("_error"));
    within(PATIENCE, "the first attempt has failed", failed);
    running.signal("INT");
    let began = std::time::Instant::now();
    let done = running.finish().exits(130);
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    let json = done.json();
    assert_eq!((&json["class"], &json["attempts"]), (&json!("interrupted"), &json!(1)));
    assert!(letters(&trial.bed).is_empty(), "who interrupts a task has it in hand");
}

/// An engine whose first call fails with these words; all others reach the real one.
fn fails_once(bed: &mut Bed, words: &str) {
    let called = bed.root().join("called").display().to_string();
    let real = "PATH=${PATH#*:} exec docker \"$@\"";
    bed.program("docker", &format!("[ -e {called} ] || {{ : >{called}; echo '{words}' >&2; exit 125; }}\n{real}"));
}

#[test]
fn an_engine_that_is_gone_is_told_apart_from_one_that_stumbles() {
    let Some(engine) = Engine::get() else { return };
    let tiny = engine.tiny();
    let args =
        ["run", "--json", "--dead-letter", "-a", "shell", "--mode", "docker", "--network", "none", "--image", &tiny];
    let task = "echo here; echo '[send_file: /workspace/made]'; echo x >made";
    let gone = "docker: Cannot connect to the Docker daemon at unix:///x.sock. Is the docker daemon running?";

    let mut bed = engine.bed();
    fails_once(&mut bed, gone);
    let json = bed.run(&[&args[..], &[task]].concat()).exits(69).json();
    assert_eq!((&json["class"], &json["attempts"]), (&json!("daemon_unreachable"), &json!(1)));
    assert_eq!(letters(&bed)[0]["class"], "daemon_unreachable");
    bed.config("[sandbox]\nworkdir = \"/workspace\"\n");
    let replayed = bed.run(&["dead-letter", "replay", "--all", "--json"]).exits(0).json();
    let run = &replayed["replayed"][0]["run"];
    assert_eq!((&run["mode"], &run["output"]), (&json!("docker"), &json!("here\n")));
    let made = bed.workspace().canonicalize().unwrap().join("made");
    assert_eq!(run["attachments"], json!([{"path": made, "bytes": 2}]), "the container's path is the host's again");
    assert!(letters(&bed).is_empty());

    let mut bed = engine.bed();
    bed.config("[run]\nbackoff = \"50ms\"\n");
    fails_once(&mut bed, "docker: Error response from daemon: it is not your day.");
    let json = bed.run(&[&args[..], &["echo here"]].concat()).exits(0).json();
    assert_eq!((&json["attempts"], &json["output"]), (&json!(2), &json!("here\n")));
    let modes: Vec<Value> = events(&log(&bed)).into_iter().map(|event| event["mode"].clone()).collect();
    assert_eq!(modes, ["docker"; 4]);
    assert_eq!(engine.containers_of(&bed), "");
}

#[test]
fn the_host_is_a_fallback_only_where_it_was_asked_for_and_never_in_silence() {
    let mut bed = Bed::new();
    bed.program("docker", "echo 'Cannot connect to the Docker daemon at unix:///x. Is it running?' >&2; exit 125");
    let args = ["run", "-a", "shell", "--mode", "docker"];
    let alone = bed.run(&[&args[..], &["touch ran"]].concat()).exits(69);
    assert!(!bed.workspace().join("ran").exists() && alone.out().is_empty());
    let warned = "the container cannot start (no docker engine answers): the task runs on the host, without a fence";
    let done = bed.run(&[&args[..], &["--fallback", "host", "pwd"]].concat()).exits(0).says(warned);
    assert_eq!(done.out().trim(), bed.workspace().canonicalize().unwrap().to_str().unwrap());
    let file = bed.root().join("events");
    let more = ["--fallback", "host", "--json", "--max-attempts", "1", "--events", file.to_str().unwrap(), "exit 4"];
    let json = bed.run(&[&args[..], &more].concat()).exits(1).json();
    assert_eq!((&json["mode"], &json["attempts"], &json["agentExitCode"]), (&json!("host"), &json!(2), &json!(4)));
    assert!(json["warnings"].to_string().contains(warned), "{json}");
    let modes: Vec<Value> = events(&file).into_iter().map(|event| event["mode"].clone()).collect();
    assert_eq!(modes, ["docker", "docker", "host", "host"]);
}

#[test]
fn secrets_are_written_nowhere() {
    let mut bed = Bed::new();
    let (handed, shaped) = ("correct-horse-battery", "sk-ant-api03-0123456789abcdefghij");
    bed.set("DB_PASSWORD", handed).set("PLAIN", "https://user:swordfish-17@host/");
    let task = format!("echo \"$DB_PASSWORD $PLAIN\"; echo {shaped} Bearer abcdefghijkl0123; exit 3");
    let args = ["run", "-v", "-a", "shell", "--mode", "host", "-e", "DB_PASSWORD", "-e", "PLAIN", "--dead-letter"];
    let done = bed.run(&[&args[..], &[&task, "--", handed]].concat()).exits(1);
    assert_eq!(
        done.out().lines().next().unwrap(),
        format!("{handed} https://user:swordfish-17@host/"),
        "the answer stays"
    );
    let state = bed.home().join(".local/state/ringfence");
    let mut written = done.stderr;
    for folder in [state.clone(), state.join("dead-letters")] {
        for entry in fs::read_dir(folder).unwrap().flatten().filter(|entry| entry.path().is_file()) {
            written += &fs::read_to_string(entry.path()).unwrap();
        }
    }
    for secret in [handed, "swordfish-17", shaped, "abcdefghijkl0123"] {
        assert!(!written.contains(secret), "{secret} is in\n{written}");
    }
    let letter = letters(&bed).remove(0);
    assert_eq!(letter["outputTail"], "[redacted] [redacted]\n[redacted] Bearer [redacted]\n");
    assert_eq!(letter["args"], json!(["--env=DB_PASSWORD", "--env=PLAIN", "--", "[redacted:DB_PASSWORD]"]));
    // What cannot be known again is not run at all.
    bed.run(&["dead-letter", "replay", "--all"]).exits(2).says("held a secret, which was not kept: [redacted]");

    // Nor is a part of one where an agent's words are cut.
    let call = json!({"type": "assistant", "message": {"id": "m", "content": [
        {"type": "tool_use", "id": "t", "name": "Bash", "input": {"command": format!("{} {handed}", "x".repeat(105))}}]}});
    let back = json!({"type": "user", "message": {"content": [
        {"type": "tool_result", "tool_use_id": "t", "content": format!("{} {handed}", "x".repeat(185))}]}});
    let said = format!("{} {handed}", "x".repeat(285));
    let end = json!({"type": "result", "subtype": "success", "is_error": true, "result": said, "session_id": "s"});
    bed.program("claude", &format!("cat >/dev/null; printf '%s\\n' '{call}' '{back}' '{end}'; exit 1"));
    for output in ["--json-stream", "--json", "-v"] {
        let done = bed.run(&["run", output, "-a", "claude", "--mode", "host", "-e", "DB_PASSWORD", "task"]).exits(1);
        let all = format!("{}{}", done.out(), done.stderr);
        assert!(all.contains("xxx [") && !all.contains(&handed[..4]), "{all}");
    }

    // In what the engine says, and in the command that is echoed.
    bed.program("docker", "echo \"docker: no $*, correct-horse-battery\" >&2; exit 125");
    let args = ["run", "-v", "--json", "-a", "shell", "--mode", "docker", "--max-attempts", "1", "-e", "DB_PASSWORD"];
    let mount = bed.write("correct-horse-battery/x", "").parent().unwrap().display().to_string();
    let done = bed.run(&[&args[..], &["--mount", &mount, "true"]].concat()).exits(75);
    assert!(done.stderr.contains("+ docker run ") && done.stderr.contains("[redacted]"), "{}", done.stderr);
    assert!(!done.stderr.contains(handed) && !done.out().contains(handed), "{}\n{}", done.stderr, done.out());
}

#[test]
fn the_lines_of_several_runs_never_mix() {
    let bed = Bed::new();
    let file = bed.root().join("events");
    let args = ["run", "-a", "shell", "--mode", "host", "--events", file.to_str().unwrap(), "exit 3"];
    let running: Vec<_> = (0..12).map(|_| start(bed.command(&args), b"")).collect();
    for one in running {
        one.finish().exits(1);
    }
    let events = events(&file);
    assert_eq!(events.len(), 24);
    assert_eq!(names(&events).iter().filter(|name| *name == "start 1").count(), 12);
    bed.run(&["run", "-a", "shell", "--events", "/dev/null/x", "touch ran"]).exits(2).says("events cannot be written");
    assert!(!bed.workspace().join("ran").exists());
}

#[test]
fn files_that_an_answer_names_are_attached_if_they_are_the_agents_to_give() {
    let bed = Bed::new();
    let outside = bed.write("secret", "x").display().to_string();
    let script = format!(
        "echo hello >report.txt; ln -s {outside} link; mkfifo pipe; echo 'see [send_file: report.txt]'
        for path in link pipe ../secret {outside} missing .; do echo \"[send_file: $path]\"; done; echo end"
    );
    let json = bed.run(&["run", "--json", "-a", "shell", "--mode", "host", &script]).exits(0).json();
    let report = bed.workspace().canonicalize().unwrap().join("report.txt");
    assert_eq!(json["attachments"], json!([{"path": report, "bytes": 6}]));
    assert_eq!(json["output"], "see \nend\n");
    assert_eq!(json["warnings"].as_array().unwrap().len(), 6, "{json}");
}

#[test]
fn no_attempt_shows_a_secret_wherever_it_ends() {
    let mut bed = Bed::new();
    let (secret, quoted) = ("correct-horse-battery", "it's-a-horse");
    bed.set("SECRET", secret).set("QUOTED", quoted);
    let shell = ["run", "-v", "-a", "shell", "--mode", "host", "--dead-letter", "-e", "SECRET"];
    let nowhere = format!("/nowhere/{secret}");
    let long = format!("echo {secret}; exit 3 # {}", "x".repeat(50));
    let args_after = ["-e", "MISSING", long.as_str()];
    let mut written = String::new();
    for args in [
        [&shell[..], &args_after].concat(),
        [&shell[..], &["--mode", "docker", "--mount", &nowhere, "true"]].concat(),
        [&shell[..], &["-C", &nowhere, "true"]].concat(),
        [&shell[..], &["-e", "QUOTED", "exit 3", "--", quoted]].concat(),
        [&shell[..], &["-e", "QUOTED", "--dry-run", "true", "--", quoted]].concat(),
        // It stands where the end of the output is cut.
        [&shell[..], &["head -c 4080 /dev/zero | tr '\\0' x; exit 3"]].concat(),
        [&shell[..], &["printf %s \"$SECRET\"; head -c 4090 /dev/zero | tr '\\0' x; exit 3"]].concat(),
    ] {
        let done = bed.run(&args);
        assert!(done.code != Some(0) || args.contains(&"--dry-run"), "{}", done.stderr);
        written += &done.stderr;
        if args.contains(&"--dry-run") {
            written += &done.out();
        }
    }
    for letter in letters(&bed) {
        written += &letter.to_string();
    }
    written += &fs::read_to_string(log(&bed)).unwrap();
    for part in [secret, "battery", "tery", "s-a-horse"] {
        assert!(!written.contains(part), "{part} is in\n{written}");
    }
}

#[test]
fn a_replay_runs_the_task_that_was_given_or_none() {
    let mut bed = Bed::new();
    bed.set("TOKEN", "correct-horse");
    let task = "echo \"$0 $1 correct-horse\" >>log; [ -e go ]";
    let args = ["run", "-a", "shell", "--mode", "host", "--dead-letter", "-e", "TOKEN", task, "--", "correct-horse"];
    bed.run(&args).exits(1);
    let kept = letters(&bed).remove(0);
    assert!(
        kept["task"].as_str().unwrap().contains("[redacted:TOKEN]") && !kept.to_string().contains("horse"),
        "{kept}"
    );
    // The variable's value is put in again, as it is now.
    bed.write("work/go", "");
    bed.set("TOKEN", "battery-staple");
    bed.run(&["dead-letter", "replay", "--all"]).exits(0);
    let log = fs::read_to_string(bed.workspace().join("log")).unwrap();
    assert!(log.ends_with("battery-staple battery-staple\n") && log.lines().count() == 2, "{log}");

    // So it is where the configuration hands it in.
    bed.config("[sandbox]\nenv = [\"TOKEN\"]\n");
    fs::remove_file(bed.workspace().join("go")).unwrap();
    let script = "echo battery-staple >>log; [ -e go ]";
    bed.run(&["run", "-a", "shell", "--mode", "host", "--dead-letter", script]).exits(1);
    assert_eq!(letters(&bed)[0]["task"], "echo [redacted:TOKEN] >>log; [ -e go ]");
    bed.write("work/go", "");
    bed.run(&["dead-letter", "replay", "--all"]).exits(0);
    assert!(fs::read_to_string(bed.workspace().join("log")).unwrap().ends_with("battery-staple\nbattery-staple\n"));

    // What has no name cannot be.
    let typed = [
        "run",
        "-a",
        "shell",
        "--mode",
        "host",
        "--dead-letter",
        "echo sk-ant-api03-0123456789abcdefghij >>log; exit 3",
    ];
    bed.run(&typed).exits(1);
    let json = bed.run(&["dead-letter", "replay", "--all", "--json"]).exits(2).json();
    assert!(
        json["message"].as_str().unwrap().contains("held a secret")
            && json["hint"].as_str().unwrap().contains("ringfence run"),
        "{json}"
    );
    assert_eq!(fs::read_to_string(bed.workspace().join("log")).unwrap().lines().count(), 5, "it did not run");
}

#[test]
fn what_takes_ringfence_down_is_a_dead_letter_and_counts() {
    let bed = Bed::new();
    let poison = "echo x >>tried; while [ ! -s pid ]; do sleep 0.02; done; kill -9 $(cat pid); sleep 5";
    let args = ["run", "-a", "shell", "--mode", "host", "--dead-letter", "--grace", "1s", poison];
    let down = |running: support::Running| {
        let tried = || bed.workspace().join("tried").exists();
        within(PATIENCE, "the task runs", tried);
        assert!(letters(&bed).iter().all(|letter| letter["attempt"] == 1), "what runs is no letter yet");
        bed.write("work/pid", running.pid().to_string());
        assert_eq!(running.finish().code, None, "it was killed");
        fs::remove_file(bed.workspace().join("tried")).unwrap();
        fs::remove_file(bed.workspace().join("pid")).unwrap();
        letters(&bed).remove(0)
    };
    let letter = down(bed.spawn(&args, b""));
    assert_eq!(
        (&letter["class"], &letter["attempt"], &letter["task"]),
        (&json!("internal"), &json!(1), &json!(poison))
    );
    let id = letter["id"].as_str().unwrap();
    let again = down(bed.spawn(&["dead-letter", "replay", id], b""));
    assert_eq!(
        (&again["id"], &again["attempt"], &again["firstSeenAt"]),
        (&letter["id"], &json!(2), &letter["firstSeenAt"])
    );

    // Who interrupts a replay has the letter as it was; while it runs nobody else takes it.
    let running = bed.spawn(&["dead-letter", "replay", id], b"");
    within(PATIENCE, "the task runs", || bed.workspace().join("tried").exists());
    bed.run(&["dead-letter", "rm", id]).exits(2).says("being replayed already");
    bed.run(&["dead-letter", "replay", id]).exits(2).says("being replayed already");
    running.signal("INT");
    running.finish().exits(130);
    assert_eq!(letters(&bed), [again]);
    let state = bed.home().join(".local/state/ringfence/dead-letters");
    assert_eq!(fs::read_dir(state).unwrap().count(), 1, "nothing is left of what was begun");
}

#[test]
fn letters_answer_as_every_command_does() {
    let bed = Bed::new();
    // Words of the system say more than ours alone, here as in --json.
    let mut broken = Bed::new();
    broken.program("claude", "echo 'the cause of it all' >&2; exit 3");
    broken.run(&["run", "-a", "claude", "--mode", "host", "--dead-letter", "x"]).exits(1);
    for line in [letters(&broken).remove(0), events(&log(&broken)).remove(1)] {
        assert!(line["message"].as_str().unwrap().contains(": the cause of it all"), "{line}");
    }

    let data = bed.write("work/data/x", "").parent().unwrap().to_owned();
    let run = ["run", "-a", "shell", "--mode", "host", "--dead-letter", "--mount", "data:/data", "exit 3"];
    bed.run(&run).exits(1);
    let letter = letters(&bed).remove(0);
    let id = letter["id"].as_str().unwrap();
    assert_eq!(
        letter["args"],
        json!([format!("--mount={}:/data", data.canonicalize().unwrap().display())]),
        "from any folder"
    );
    let shown = bed.run(&["dead-letter", "show", id, "--json"]).exits(0).json();
    assert_eq!((&shown["ok"], &shown["id"], &shown["task"]), (&json!(true), &json!(id), &json!("exit 3")));
    let replayed = bed.run(&["dead-letter", "replay", id, id, "--json"]).exits(1).json();
    assert_eq!(replayed["replayed"].as_array().unwrap().len(), 1, "twice is once");
    assert_eq!(replayed["message"], replayed["replayed"][0]["run"]["message"]);
    assert!(replayed["hint"].is_string(), "{replayed}");
    assert_eq!(letters(&bed)[0]["attempt"], 2);

    // A flag that is typed now wins; where the replay cannot even begin the letter says what it said.
    let failed = bed.run(&["--mode", "apple", "dead-letter", "replay", id, "--json"]).exits(69).json();
    assert_eq!(failed["replayed"][0]["run"]["mode"], "apple");
    let kept = letters(&bed).remove(0);
    assert_eq!((&kept["class"], &kept["mode"], &kept["attempt"]), (&json!("agent_failed"), &json!("host"), &json!(2)));

    bed.write("home/.local/state/ringfence/dead-letters/torn.json", "{");
    let list = bed.run(&["dead-letter", "list", "--json"]).exits(70).json();
    assert_eq!((&list["ok"], list["letters"].as_array().unwrap().len()), (&json!(false), 1));
    assert!(list["message"].as_str().unwrap().contains("torn") && list["hint"].as_str().unwrap().contains("rm torn"));
}

#[test]
fn an_attempt_of_a_replay_counts_though_a_later_one_cannot_begin() {
    let mut bed = Bed::new();
    bed.config("[run]\nbackoff = \"1ms\"\nmax_attempts = 2\n");
    bed.program("claude", "exit 3");
    fs::create_dir(bed.workspace().join("sub")).unwrap();
    bed.run(&["run", "-C", "sub", "-a", "claude", "--mode", "host", "--dead-letter", "x"]).exits(1);
    let said = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/claude/500.jsonl");
    bed.program("claude", &format!("cat {said}; echo why >&2; rmdir \"$PWD\"; exit 1"));
    let replayed = bed.run(&["dead-letter", "replay", "--all", "--json"]).exits(2).json();
    assert_eq!(replayed["replayed"][0]["run"]["attempts"], 2, "{replayed}");
    let letter = letters(&bed).remove(0);
    assert_eq!((&letter["class"], &letter["attempt"]), (&json!("usage"), &json!(3)));
    assert_eq!(letter["outputTail"], "why\n", "what the first said is kept");
}

#[test]
fn a_file_of_somebody_elses_is_not_made_an_event_log() {
    let bed = Bed::new();
    let notes = bed.write("notes", "first\nmy last line has no end");
    let args = ["run", "-a", "shell", "--mode", "host", "--events", notes.to_str().unwrap(), "touch ran"];
    bed.run(&args).exits(2).says("events cannot be written");
    assert_eq!(fs::read_to_string(&notes).unwrap(), "first\nmy last line has no end");
    assert!(!bed.workspace().join("ran").exists());
    fs::write(&notes, "first\n{\"schema\":\"ringfence.event/1\",\"tim").unwrap();
    bed.run(&args).exits(0);
    let text = fs::read_to_string(&notes).unwrap();
    assert!(text.starts_with("first\n{") && text.lines().count() == 3, "half a line of ours goes: {text}");
}

#[test]
fn a_wait_that_nobody_can_sit_out_is_not_begun() {
    let mut bed = Bed::new();
    // What claude says when it will try again, with the server's wait in milliseconds, and at its end.
    let retry =
        json!({"type": "system", "subtype": "api_retry", "retry_delay_ms": 1e18, "error_status": 429, "attempt": 1});
    let end = json!({"type": "result", "subtype": "success", "is_error": true, "api_error_status": 429, "result": "API Error: 429"});
    bed.program("claude", &format!("cat >/dev/null; echo '{retry}'; echo '{end}'; exit 1"));
    let done = bed.run(&["run", "-a", "claude", "--mode", "host", "--json", "--dead-letter", "--max-cost", "1", "x"]);
    let json = done.exits(75).json();
    assert_eq!((&json["class"], &json["attempts"]), (&json!("rate_limited"), &json!(1)), "{json}");
    assert!(json["warnings"].to_string().contains("longer than a day"), "{json}");
    bed.run(&["run", "-a", "shell", "--mode", "host", "--max-cost", "1", "true"])
        .exits(0)
        .says("shell does not say what it costs");
}
