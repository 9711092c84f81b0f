//! Runs in warm sandboxes of the real engine: many in one, one ended and the rest alive, whatever dies.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a panic is how tests fail, and tests start processes"
)]

mod support;

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::json;
use support::runtime::Runtime;
use support::stub::{KEY, Place, Stub, Trial, places};
use support::{Engine, PATIENCE, RINGFENCE, Running, Warm, signal, within};

/// Starts a script in the sandbox that makes a file when it is ready, and waits for that.
fn start(warm: &Warm, ready: &str, options: &[&str], script: &str) -> Running {
    let running = warm.bed.spawn(&warm.args(options), script.as_bytes());
    let file = warm.bed.workspace().join(ready);
    within(PATIENCE, &format!("{ready} is there"), || file.exists());
    running
}

/// Ignores TERM, as do its children in sessions and process groups of their own.
fn stubborn(ready: &str) -> String {
    format!(
        "trap '' TERM INT HUP
setsid sh -c 'trap \"\" TERM; setsid sleep 301 & while :; do sleep 1; done' >/dev/null 2>&1 &
sleep 0.2; touch {ready}; while :; do sleep 1; done"
    )
}

/// Ends as soon as there is a file `NAME.go`.
fn waiting(name: &str) -> String {
    format!("touch {name}.ready; while [ ! -e {name}.go ]; do sleep 0.05; done; echo {name} is done")
}

#[test]
fn one_run_is_ended_by_force_and_the_rest_goes_on() {
    let Some(warm) = Warm::new() else { return };
    let other = start(&warm, "other.ready", &[], &waiting("other"));
    for (ready, options, signal_name, class, code) in [
        ("timed", &["--timeout", "1s"][..], None, "timeout", 124),
        ("silent", &["--idle-timeout", "1s"], None, "idle_timeout", 124),
        ("int", &[], Some("INT"), "interrupted", 130),
        ("term", &[], Some("TERM"), "interrupted", 143),
    ] {
        let running = start(&warm, ready, &[&["--json"], options].concat(), &stubborn(ready));
        if let Some(name) = signal_name {
            running.signal(name);
        }
        let json = running.finish().exits(code).json();
        assert_eq!((&json["class"], &json["sandbox"]), (&json!(class), &json!(warm.name)), "{json}");
        within(PATIENCE, "nothing of that run is left", || {
            !warm.processes().iter().any(|line| line.contains("sleep 301") || line.contains("sleep 1"))
        });
    }
    fs::write(warm.bed.workspace().join("other.go"), "").unwrap();
    assert_eq!(other.finish().exits(0).out(), "other is done\n");
    warm.idles(PATIENCE);
}

#[test]
fn twenty_runs_side_by_side_and_none_takes_anothers_answer() {
    let Some(warm) = Warm::new() else { return };
    let script = "touch run-$1.ready; while [ ! -e go ]; do sleep 0.1; done; setsid sleep 300 >/dev/null 2>&1 &
echo \"I am $1\"; exit $(($1 % 3))";
    let runs: Vec<Running> =
        (0..20).map(|number| warm.bed.spawn(&warm.args(&["--", &number.to_string()]), script.as_bytes())).collect();
    within(PATIENCE, "all are there", || {
        (0..20).all(|number| warm.bed.workspace().join(format!("run-{number}.ready")).exists())
    });
    let listed = warm.bed.run(&["sandbox", "ls", "--json"]).exits(0).json();
    let own = listed["sandboxes"].as_array().unwrap().iter().find(|row| row["name"] == warm.name).unwrap();
    assert_eq!(own["runs"], 20);
    let busy = warm.bed.run(&["sandbox", "save", &warm.name, "ringfence-test/never"]).exits(2);
    assert!(busy.stderr.contains("20 runs are in"), "{}", busy.stderr);
    fs::write(warm.bed.workspace().join("go"), "").unwrap();
    for (number, run) in runs.into_iter().enumerate() {
        let done = run.finish().exits(i32::from(number % 3 != 0));
        assert_eq!(done.out(), format!("I am {number}\n"));
    }
    warm.idles(PATIENCE);
}

#[test]
fn nothing_is_left_where_ringfence_or_its_client_is_killed() {
    let Some(warm) = Warm::new() else { return };
    let other = start(&warm, "other.ready", &[], &waiting("other"));

    let running = start(&warm, "one", &[], &stubborn("one"));
    signal(running.pid(), "KILL");
    assert_eq!(running.finish().code, None);
    within(PATIENCE, "it is gone with ringfence", || !warm.processes().iter().any(|line| line.contains("sleep 301")));

    let running = start(&warm, "two", &["--json"], &stubborn("two"));
    let children = fs::read_to_string(format!("/proc/{0}/task/{0}/children", running.pid())).unwrap();
    signal(children.split_whitespace().next().unwrap().parse().unwrap(), "KILL");
    let json = running.finish().exits(75).json();
    assert_eq!((&json["class"], &json["retryable"]), (&json!("engine"), &json!(true)), "{json}");
    within(PATIENCE, "it is gone with the client", || !warm.processes().iter().any(|line| line.contains("sleep 301")));

    fs::write(warm.bed.workspace().join("other.go"), "").unwrap();
    other.finish().exits(0);
    warm.idles(PATIENCE);
}

/// As when the engine is restarted, which ends its containers: what is seen of it from here is the same.
#[test]
fn a_sandbox_that_dies_under_a_run_is_no_success_and_the_next_attempt_starts_it_again() {
    let Some(warm) = Warm::new() else { return };
    let script = "[ ! -e first ] || { echo second; exit; }; touch first; sleep 300";
    let running = start(&warm, "first", &["--json", "--max-attempts", "2"], script);
    Engine.docker(&["kill", &warm.name]);
    let json = running.finish().exits(0).json();
    assert_eq!((&json["attempts"], &json["output"]), (&json!(2), &json!("second\n")), "{json}");

    // One that lives on was not the reason.
    let script = "echo x >>times; kill -KILL $PPID; sleep 300";
    let json = warm.run(&["--json", "--max-attempts", "2"], script).exits(1).json();
    assert_eq!((&json["class"], &json["attempts"]), (&json!("agent_failed"), &json!(1)), "{json}");
    assert_eq!(fs::read_to_string(warm.bed.workspace().join("times")).unwrap(), "x\n");
    warm.idles(PATIENCE);

    let running = start(&warm, "again", &["--json"], "touch again; sleep 300");
    Engine.docker(&["rm", "--force", &warm.name]);
    let json = running.finish().exits(75).json();
    assert_eq!((&json["class"], &json["agentExitCode"]), (&json!("engine"), &json!(null)), "{json}");
    let done = warm.run(&["--json"], "true").exits(69);
    assert_eq!(done.json()["class"], "sandbox_missing");
    done.says("sandbox ls shows those there are; make it with: ringfence")
        .says(&format!("sandbox create {}\n", warm.name));
}

#[test]
fn an_engine_that_goes_away_is_told_from_the_run() {
    let Some(mut warm) = Warm::bed() else { return };
    let (program, lost) = match Runtime::chosen() {
        Runtime::Apple => {
            ("container", r#"Error: interrupted: "internalError: "XPC connection error: Connection invalid"""#)
        }
        Runtime::Podman => (
            "podman",
            "Error: unable to connect to Podman socket: Get \"http://d/v4.3.1/libpod/_ping\": dial unix ///x: connect: no such file",
        ),
        Runtime::Docker => {
            ("docker", "Cannot connect to the Docker daemon at unix:///x. Is the docker daemon running?")
        }
    };
    warm.bed.run(&["sandbox", "set", "apple.command", "container"]).exits(0);
    warm.bed.program(program, &format!("echo '{lost}' >&2; exit 1"));
    assert_eq!(warm.run(&["--json"], "true").exits(69).json()["class"], "daemon_unreachable");
    for arguments in [&["exec", "box", "--", "true"][..], &["ls"], &["stop", "box"], &["create", "box"]] {
        let done = warm.bed.run(&[&["--json", "sandbox"], arguments].concat()).exits(69);
        assert_eq!(done.json()["class"], "daemon_unreachable", "{arguments:?}");
    }
    // Begun, and then no engine any more. This one only says so: nothing of the frame is carried out here, on the host.
    let begun = "IFS= read -r length; IFS= read -r line; eval \"$line\"; printf '\\036%s start\\036' \"$rf_nonce\" >&2";
    warm.bed.program(program, &format!("[ \"$2\" != --interactive ] || {{ {begun}; }}; echo '{lost}' >&2; exit 1"));
    let json = warm.run(&["--json"], "true").exits(75).json();
    assert_eq!((&json["class"], &json["retryable"]), (&json!("engine"), &json!(true)), "{json}");
}

#[test]
fn a_sandbox_is_stopped_and_starts_again_by_itself_with_an_empty_home() {
    let Some(warm) = Warm::new() else { return };
    warm.run(&[], "echo kept >~/file; echo here >file").exits(0);
    assert_eq!(warm.run(&[], "cat ~/file").exits(0).out(), "kept\n", "runs share the home");
    for again in [&["run"][..], &["exec"]] {
        assert_eq!(warm.bed.run(&["sandbox", "stop", &warm.name]).exits(0).out().trim(), warm.name);
        assert_eq!(Engine.docker(&["inspect", "--format", "{{.State.Running}}", &warm.name]), "false");
        let look = "ls ~; cat file";
        let done = if again == ["run"] { warm.run(&[], look) } else { warm.exec(&["sh", "-c", look]) };
        let done = done.exits(0);
        assert_eq!(done.out(), "here\n", "{again:?}");
        assert!(done.stderr.lines().all(|line| line.contains("without (--allow-partial)")), "{}", done.stderr);
    }
}

#[test]
fn a_run_works_where_its_workspace_is_in_the_sandbox_or_nowhere() {
    let Some(warm) = Warm::bed() else { return };
    let root = warm.bed.root();
    for folder in ["work/deep er/it's", "data/sub", "elsewhere", "gone"] {
        fs::create_dir_all(root.join(folder)).unwrap();
    }
    let at = |folder: &str| root.join(folder).to_str().unwrap().to_owned();
    let (data, gone) = (format!("{}:/data", at("data")), at("gone"));
    warm.create(&["--mount", &data, "--mount", &gone]);
    for (folder, inside) in [("work/deep er/it's", at("work/deep er/it's")), ("data/sub", "/data/sub".into())] {
        let done = warm.run(&["-C", &at(folder)], "pwd; echo made >made").exits(0);
        assert_eq!(done.out(), format!("{inside}\n"));
        assert!(root.join(folder).join("made").exists());
    }
    let outside = warm.run(&["-C", &at("elsewhere"), "--json"], "echo ran").exits(2);
    let json = outside.json();
    assert_eq!((&json["class"], &json["output"]), (&json!("usage"), &json!("")), "{json}");
    let message = json["message"].as_str().unwrap();
    assert!(message.contains(&at("elsewhere")) && message.contains(&at("work")), "{message}");
    assert!(json["hint"].as_str().unwrap().contains("sandbox create -C"), "{json}");

    // A mount goes on with a folder that was removed, in which nothing can be made.
    fs::remove_dir(&gone).unwrap();
    fs::create_dir(&gone).unwrap();
    warm.run(&["-C", &gone], "echo ran").exits(2).says("it was removed on the host since the sandbox was made");

    // A container of somebody else's has no say in where a run is.
    let foreign = format!("{}-foreign", warm.name);
    Engine.docker(&["run", "-d", "--name", &foreign, "--init", &Engine.tiny(), "sleep", "600"]);
    warm.bed.run(&["run", "--sandbox", &foreign, "echo ran"]).exits(69).says("is no sandbox of ringfence");
}

#[test]
fn a_workspace_may_have_another_path_inside() {
    let Some(warm) = Warm::bed() else { return };
    fs::create_dir(warm.bed.workspace().join("sub")).unwrap();
    warm.bed.run(&["sandbox", "set", "sandbox.workdir", "/workspace"]).exits(0);
    warm.create(&[]);
    assert_eq!(warm.run(&[], "pwd; touch made").exits(0).out(), "/workspace\n");
    assert_eq!(warm.run(&["-C", "sub"], "pwd").exits(0).out(), "/workspace/sub\n");
    assert!(warm.bed.workspace().join("made").exists());
    let json =
        warm.run(&["-C", "sub", "--json"], "echo x >file; echo '[send_file: /workspace/sub/file]'").exits(0).json();
    let path = warm.bed.workspace().canonicalize().unwrap().join("sub/file");
    assert_eq!(json["attachments"][0]["path"], path.to_str().unwrap(), "{json}");
}

#[test]
fn a_loop_without_a_sandbox_runs_in_a_throwaway_container_and_never_on_the_host() {
    let Some(mut warm) = Warm::bed() else { return };
    let id = warm.name.clone();
    let where_am_i = "echo $HOME; hostname";
    let runtime = Runtime::chosen();
    let home = runtime.home();
    let args = [&["run", "--loop", &id, "--json"], runtime.partly(), &[where_am_i]].concat();
    let cold = warm.bed.run(&args).exits(0).json();
    assert_eq!(cold["sandbox"], json!(null));
    assert!(cold["output"].as_str().unwrap().starts_with(&format!("{home}\n")), "{cold}");
    assert!(cold["warnings"][0].as_str().unwrap().contains(&format!("no sandbox loop-{id}-shell")), "{cold}");

    let name = warm.bed.run(&["sandbox", "create", "--loop", &id]).exits(0).out().trim().to_owned();
    assert_eq!(name, format!("loop-{id}-shell"));
    let json = warm.bed.run(&args).exits(0).json();
    assert_eq!(json["sandbox"], name);
    // Of what it does without, with Apple's, it is told.
    assert_eq!(json["warnings"].as_array().unwrap().len(), runtime.partly().len(), "{json}");
    let host_name = Engine.docker(&["inspect", "--format", "{{.Config.Hostname}}", &name]);
    assert_eq!(json["output"], format!("{home}\n{host_name}\n"));

    // A batch works in it, too.
    warm.bed.write("queue.jsonl", "{\"task\": \"hostname\"}\n{\"task\": \"hostname\"}\n");
    let queue = warm.bed.root().join("queue.jsonl");
    let done = warm
        .bed
        .run(&[&["run", "--batch", queue.to_str().unwrap(), "--loop", &id], runtime.partly()].concat())
        .exits(0);
    let lines: Vec<serde_json::Value> = done.out().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 2);
    for line in lines {
        assert_eq!((&line["sandbox"], &line["output"]), (&json!(name), &json!(format!("{host_name}\n"))), "{line}");
    }

    warm.bed.run(&["run", "--mode", "host", "--loop", &id, "touch on-host"]).exits(2).says("cannot be on the host");
    assert!(!warm.bed.workspace().join("on-host").exists());
    // The one variable that forces the host for everything says so.
    warm.bed.set("AGENT_LOOP_HOST", "1");
    let forced = warm.bed.run(&["run", "--loop", &id, "echo $HOME"]).exits(0).says("$AGENT_LOOP_HOST forces the host");
    assert_eq!(forced.out().trim(), warm.bed.home().to_str().unwrap());
}

/// A claude that shows the login it has, and whether that is whole.
const CLAUDE: &str = r#"cat >/dev/null
seen=$(cat "$HOME/.claude/.credentials.json")
case $seen in '{'*'}') ;; *) seen=torn ;; esac
case $seen in *refresh-SECRET*) seen=whole ;; esac
token=$(printf %s "$seen" | grep -o 'access-[0-9]*')
echo "{\"type\":\"result\",\"subtype\":\"success\",\"is_error\":false,\"result\":\"has $token\",\"session_id\":\"s\"}""#;

#[test]
fn every_run_has_a_fresh_lease_and_never_half_of_one() {
    let Some(mut warm) = Warm::bed() else { return };
    warm.bed.program("claude", CLAUDE);
    let login = |number: u32| {
        let text = json!({"claudeAiOauth": {"accessToken": format!("access-{number}"), "refreshToken": "refresh-SECRET",
            "expiresAt": 4_102_444_800_000_u64, "scopes": ["user:inference"]}});
        // As claude itself does it: in one step.
        let new = warm.bed.write("home/.claude/new", text.to_string());
        fs::rename(new, warm.bed.home().join(".claude/.credentials.json")).unwrap();
    };
    let program = format!("{}:/agents:ro", warm.bed.root().join("bin").display());
    warm.create(&["--agent", "claude", "--mount", &program]);
    let options = ["--agent", "claude", "-e", "PATH=/agents:/bin:/usr/bin"];
    for number in [1, 2] {
        login(number);
        assert_eq!(warm.run(&options, "which?").exits(0).out(), format!("has access-{number}\n"));
    }
    // Side by side in one home, while the host's login is refreshed.
    let runs: Vec<Running> = (3..11)
        .map(|number| {
            login(number);
            warm.bed.spawn(&warm.args(&options), b"which?")
        })
        .collect();
    for run in runs {
        let done = run.finish().exits(0);
        assert!(done.out().starts_with("has access-"), "{done:?}");
    }
    assert_eq!(warm.exec(&["sh", "-c", "ls -A ~/.claude"]).exits(0).out(), ".credentials.json\n");
    // It is for whoever is in the sandbox, and a command that needs it gets a fresh one as well.
    login(11);
    let file = format!("{}/.claude/.credentials.json", Runtime::chosen().home());
    let cat = ["sandbox", "exec", &warm.name, "--agent", "claude", "--", "cat", &file];
    let leased = warm.bed.run(&cat).exits(0).out();
    assert!(leased.contains("access-11") && !leased.contains("SECRET"), "{leased}");
    // Where the host has none any more, the last lease goes; a login that was made in the sandbox stays.
    fs::remove_file(warm.bed.home().join(".claude/.credentials.json")).unwrap();
    assert_eq!(warm.run(&options, "which?").exits(0).out(), "has \n");
    let own = "cd ~/.claude; echo '{access-99}' >new; mv new .credentials.json";
    warm.exec(&["sh", "-c", own]).exits(0);
    assert_eq!(warm.run(&options, "which?").exits(0).out(), "has access-99\n");
}

#[test]
fn a_variable_of_one_run_is_in_no_other_and_in_nothing_that_the_engine_keeps() {
    let Some(mut warm) = Warm::new() else { return };
    warm.bed.set("TOKEN", "of-the-first-run");
    let first = start(&warm, "first.ready", &["-e", "TOKEN"], &waiting("first"));
    let second = warm.run(&[], "echo \"${TOKEN-none}\"").exits(0);
    assert_eq!(second.out(), "none\n");
    assert!(!Engine.docker(&["inspect", &warm.name]).contains("of-the-first-run"));
    // What they do share, and the README says so: the user, hence what /proc shows of it.
    let seen = warm.exec(&["sh", "-c", "cat /proc/[0-9]*/environ | tr '\\0' '\\n' | grep -c ^TOKEN="]).exits(0);
    assert!(seen.out().trim().parse::<u32>().unwrap() >= 1);
    fs::write(warm.bed.workspace().join("first.go"), "").unwrap();
    first.finish().exits(0);
}

#[test]
fn the_loop_example_does_its_stories_against_the_stub() {
    if !places().contains(&Place::Docker) || Runtime::chosen().skips_podman("it has no image with the agents here") {
        return;
    }
    let stub = Stub::start(&["--require-token", KEY]);
    let mut trial = Trial::new("claude", Place::Docker, &stub).with_key();
    trial.bed.set("CODEX_API_KEY", KEY);
    trial.bed.program("ringfence", &format!("exec {RINGFENCE} \"$@\""));
    trial.bed.config(&format!("[sandbox]\nimage = \"{}\"\nenv = [\"HTTPS_PROXY\", \"NO_PROXY\"]\n", Engine.worker()));
    let stories: Vec<String> = (1..=3)
        .map(|number| {
            let story = format!("Story {number}.\nstub: sh echo story {number} >> log.txt\nstub: text done {number}\n");
            trial.bed.write(&format!("stories/{number}.md"), story).to_str().unwrap().to_owned()
        })
        .collect();
    let id = format!("example-{}", trial.bed.root().file_name().unwrap().to_string_lossy());
    trial.bed.set("LOOP_ID", &id);
    let bed = &trial.bed;
    let plain = bed.command(&[]);
    let mut command = Command::new("bash");
    command.env_clear().envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/loop.sh")).args(&stories);
    let output = command.current_dir(bed.workspace()).stdin(Stdio::null()).output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{out}\n{err}");
    let log = trial.file("log.txt");
    assert_eq!(
        log, "story 1\nstory 1\nstory 2\nstory 2\nstory 3\nstory 3\n",
        "both agents, three stories: {out}\n{err}"
    );
    assert!(!err.contains("throwaway"), "{err}");
    let left = Engine.docker(&["ps", "--all", "--quiet", "--filter", &format!("label=ringfence.loop={id}")]);
    assert_eq!(left, "", "the sandboxes are gone");
}

#[test]
fn who_stops_a_sandbox_is_not_undone_by_the_runs_in_it() {
    let Some(warm) = Warm::bed() else { return };
    let partly = Runtime::chosen().partly();
    for (command, ready) in [("stop", "stopped"), ("rm", "removed")] {
        let id = format!("{}-{command}", warm.name);
        let name = warm.bed.run(&["sandbox", "create", "--loop", &id]).exits(0).out().trim().to_owned();
        let script = format!("echo x >>{ready}; sleep 300");
        let args = [&["run", "--json", "--loop", &id, "--max-attempts", "3", "--timeout", "60s"], partly].concat();
        let running = warm.bed.spawn(&args, script.as_bytes());
        let file = warm.bed.workspace().join(ready);
        within(PATIENCE, "it runs", || file.exists());
        warm.bed.run(&["sandbox", command, &name]).exits(0);
        let json = running.finish().exits(143).json();
        assert_eq!((&json["class"], &json["attempts"]), (&json!("interrupted"), &json!(1)), "{json}");
        assert_eq!(fs::read_to_string(file).unwrap(), "x\n", "and nowhere else");
        let state = Engine.docker(&["ps", "--all", "--filter", &format!("name={name}"), "--format", "{{.State}}"]);
        // Podman's state is a sentence.
        let state = state.split(' ').next().unwrap_or_default().to_lowercase();
        assert_eq!(state, if command == "stop" { "exited" } else { "" });
    }
    // Also between two attempts.
    let bed = &warm.bed;
    bed.run(&["sandbox", "set", "run.backoff", "20s"]).exits(0);
    warm.create(&[]);
    let args = [&["run", "--json", "--sandbox", &warm.name, "--timeout", "40s", "--events", "events"], partly].concat();
    let running = bed.spawn(&args, b"echo x >>between; sleep 300");
    let file = bed.workspace().join("between");
    within(PATIENCE, "it runs", || file.exists());
    Engine.docker(&["kill", &warm.name]);
    let events = || fs::read_to_string(bed.workspace().join("events")).unwrap();
    within(PATIENCE, "the first attempt is over", || events().contains("invocation_error"));
    bed.run(&["sandbox", "stop", &warm.name]).exits(0);
    let json = running.finish().exits(143).json();
    assert_eq!((&json["class"], &json["attempts"]), (&json!("interrupted"), &json!(1)), "{json}");
    assert_eq!(fs::read_to_string(file).unwrap(), "x\n");
    bed.run(&["sandbox", "set", "run.backoff", "1ms"]).exits(0);
    // Likewise where it went by other means: the next attempt is in it or nowhere.
    let id = format!("{}-lost", warm.name);
    let name = warm.bed.run(&["sandbox", "create", "--loop", &id]).exits(0).out().trim().to_owned();
    let args = [&["run", "--json", "--loop", &id, "--max-attempts", "3"], partly].concat();
    let running = warm.bed.spawn(&args, b"echo x >>lost; sleep 300");
    let file = warm.bed.workspace().join("lost");
    within(PATIENCE, "it runs", || file.exists());
    Engine.docker(&["rm", "--force", &name]);
    assert_eq!(running.finish().exits(69).json()["class"], "sandbox_missing");
    assert_eq!(fs::read_to_string(file).unwrap(), "x\n");
}

#[test]
fn what_was_decided_when_a_sandbox_was_made_stays_and_is_said() {
    let Some(warm) = Warm::bed() else { return };
    let id = warm.name.clone();
    // Apple's has no network of the host's.
    if Runtime::chosen() != Runtime::Apple {
        let look = format!("grep {} /etc/hosts", Runtime::chosen().host_name());
        let cold = ["run", "--loop", &id, "--network", "host", &look];
        assert!(warm.bed.run(&cold).exits(0).out().starts_with("127.0.0.1"), "there it is the loopback");
    }
    let create = ["sandbox", "create", "--if-missing", "--loop", &id];
    warm.bed.run(&create).exits(0);
    warm.bed.run(&create).exits(0);
    for other in [&["--memory", "1g"][..], &["--network", "bridge"], &["--mount", "/usr:/data:ro"]] {
        let refused = warm.bed.run(&[&create[..], other].concat()).exits(2);
        refused.says("are not these").says("sandbox rm");
        let run = [&["run", "--loop", &id], other, Runtime::chosen().partly(), &["true"]].concat();
        let warned = warm.bed.run(&run).exits(0);
        warned.says(&format!("{} has no effect in a warm sandbox", other[0]));
    }
    for args in
        [&["run", "--loop", "", "true"][..], &["sandbox", "create", "--loop", ""], &["sandbox", "rm", "--loop", ""]]
    {
        warm.bed.run(args).exits(2);
    }
}

#[test]
fn what_happens_to_others_in_a_sandbox_is_not_a_runs_own() {
    let Some(warm) = Warm::bed() else { return };
    warm.create(&["--memory", Runtime::chosen().little_memory()]);
    let large = "x=$(head -c 10000000 /dev/zero | tr '\\0' x)";
    let waits = format!("{large}; touch one.ready; while [ ! -e go ]; do sleep 0.05; done; exit 3");
    let running = start(&warm, "one.ready", &["--json"], &waits);
    // Of two runs that use it up at once each is told its own.
    let greedy = "touch greedy; while [ ! -e eat ]; do sleep 0.05; done; exec tail /dev/zero";
    let other = start(&warm, "greedy", &["--json"], greedy);
    fs::write(warm.bed.workspace().join("eat"), "").unwrap();
    for done in [warm.run(&["--json"], "exec tail /dev/zero"), other.finish()] {
        let json = done.exits(1).json();
        assert_eq!((&json["class"], &json["agentExitCode"]), (&json!("oom"), &json!(137)), "{json}");
    }
    // Nor does an agent end for the greed of a command.
    warm.exec(&["tail", "/dev/zero"]).exits(137);
    fs::write(warm.bed.workspace().join("go"), "").unwrap();
    let json = running.finish().exits(1).json();
    assert_eq!((&json["class"], &json["agentExitCode"]), (&json!("agent_failed"), &json!(3)), "{json}");
    assert!(json["warnings"].to_string().contains("the memory of the sandbox"), "{json}");
    // An agent may end all that sleeps.
    warm.run(&[], "echo kept >~/file").exits(0);
    for signal in ["-TERM", "-KILL"] {
        warm.run(&[], &format!("killall {signal} sleep; :")).exits(0);
        assert_eq!(warm.run(&[], "cat ~/file").exits(0).out(), "kept\n", "{signal}");
    }
}

#[test]
fn a_folder_that_is_another_one_in_the_sandbox_is_no_place_to_work() {
    let Some(warm) = Warm::bed() else { return };
    let root = warm.bed.root();
    let at = |folder: &str| root.join(folder).to_str().unwrap().to_owned();
    for folder in ["work/hidden", "data", "moved/sub"] {
        fs::create_dir_all(root.join(folder)).unwrap();
    }
    let (over, moved) = (format!("{}:{}", at("data"), at("work/hidden")), at("moved"));
    warm.create(&["--mount", &over, "--mount", &moved]);
    warm.run(&["-C", &at("moved/sub")], "true").exits(0);
    warm.run(&["-C", &at("work/hidden")], "touch ran").exits(2).says("another one is mounted there");
    fs::rename(&moved, root.join("away")).unwrap();
    fs::create_dir_all(root.join("moved/sub")).unwrap();
    for folder in ["moved", "moved/sub"] {
        warm.run(&["-C", &at(folder)], "touch ran").exits(2).says("it is another folder now");
    }
    assert!(!root.join("away/ran").exists() && !root.join("away/sub/ran").exists() && !root.join("data/ran").exists());
}
