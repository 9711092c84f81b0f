//! Warm sandboxes of the real engine: made, looked at, entered, stopped, saved and removed, by several at once.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a panic is how tests fail, and tests start processes"
)]

mod support;

use std::fs;

use std::process::{Command, Stdio};

use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use support::runtime::Runtime;
use support::{Bed, Done, Engine, PATIENCE, RINGFENCE, Running, Warm, part, signal, space, within};

fn rows(warm: &Warm) -> Vec<Value> {
    let listed = warm.bed.run(&["sandbox", "ls", "--json"]).exits(0).json();
    let all = listed["sandboxes"].as_array().unwrap().iter();
    all.filter(|row| row["name"].as_str().unwrap().contains(&warm.name)).cloned().collect()
}

fn inspect(name: &str) -> Value {
    serde_json::from_str::<Value>(&Engine.docker(&["inspect", name])).unwrap()[0].clone()
}

#[test]
fn a_sandbox_is_made_once_and_as_hard_as_a_run() {
    let Some(warm) = Warm::new() else { return };
    let made = inspect(&warm.name);
    let host = &made["HostConfig"];
    assert_eq!((&host["ReadonlyRootfs"], &host["Init"]), (&json!(true), &json!(true)));
    assert_eq!((&host["AutoRemove"], &host["LogConfig"]["Type"]), (&json!(false), &json!("none")));
    if Runtime::chosen() == Runtime::Apple {
        assert_eq!((&host["CapDrop"], &host["Ulimits"][0]["Hard"]), (&json!(["ALL"]), &json!(512)), "{host}");
        assert_eq!(warm.exec(&["sh", "-c", "stat -c %a ~; ulimit -u"]).exits(0).out(), "700\n512\n");
    } else {
        // Podman says the rest in other words.
        assert_eq!(host["PidsLimit"], 512);
        let look = "stat -c %a ~; grep -hE '^(CapBnd|NoNewPrivs)' /proc/self/status | tr '\\t\\n' '  '";
        let seen = warm.exec(&["sh", "-c", look]).exits(0).out();
        assert_eq!(seen, "700\nCapBnd: 0000000000000000 NoNewPrivs: 1 ", "{host}");
    }

    let row = &rows(&warm)[0];
    let expected = json!({"name": warm.name, "agent": "shell", "loop": null, "state": "running", "runs": 0,
        "workspace": warm.bed.workspace()});
    // Podman's name of it begins with where it came from.
    assert!(row["image"].as_str().unwrap().ends_with(&Engine.tiny()), "{row}");
    for (key, value) in expected.as_object().unwrap() {
        assert_eq!(&row[key], value, "{key}: {row}");
    }
    assert!(row["ageSeconds"].as_u64().is_some_and(|age| age < 3600), "{row}");
    let table = warm.bed.run(&["sandbox", "ls"]).exits(0).out();
    assert!(table.starts_with("NAME") && table.contains(&warm.name), "{table}");

    let again = ["sandbox", "create", &warm.name, "--json"];
    let refused = warm.bed.run(&again).exits(2).json();
    assert_eq!(refused["class"], "usage");
    assert!(refused["hint"].as_str().unwrap().contains("--if-missing"), "{refused}");
    let found = warm.bed.run(&[&again[..], &["--if-missing"]].concat()).exits(0).json();
    assert_eq!((&found["created"], &found["name"]), (&json!(false), &json!(warm.name)), "{found}");
    // Apple's limit of processes is a user's.
    let unlimited = Runtime::chosen() == Runtime::Apple && rustix::process::geteuid().is_root();
    assert_eq!(found["warnings"].to_string().contains("does not enforce sandbox.pids"), unlimited, "{found}");
    warm.bed.run(&["sandbox", "create", &warm.name, "--if-missing", "--agent", "codex"]).exits(2).says("agent");
    assert_eq!(inspect(&warm.name)["Id"], made["Id"], "it is the same one");
}

#[test]
fn what_cannot_be_made_leaves_nothing_behind() {
    let Some(warm) = Warm::bed() else { return };
    let own: &[(&[&str], &str, i32)] = match Runtime::chosen() {
        Runtime::Apple => {
            &[(&["--memory", "199m"], "config", 78), (&["--network", "bridge", "--allow-host", "a.test"], "config", 78)]
        }
        _ => &[(&["--memory", "1m"], "usage", 2), (&["--mode", "apple"], "cli_missing", 69)],
    };
    let all: &[(&[&str], &str, i32)] = &[
        (&["--image", "ringfence-test/none"], "image_missing", 69),
        (&["--network", "ringfence-test-none"], "network_missing", 69),
        (&["--mount", "/nowhere"], "usage", 2),
    ];
    for (options, class, code) in [all, own].concat() {
        let done = warm.bed.run(&[&["sandbox", "create", &warm.name, "--json"], options].concat()).exits(code);
        assert_eq!(done.json()["class"], class, "{options:?}");
        assert_eq!(Engine.docker(&["ps", "-aq", "--filter", &format!("name={}", warm.name)]), "", "{options:?}");
    }
    let name = warm.bed.run(&["sandbox", "create", "no/name"]).exits(2);
    name.says("cannot be the name of a sandbox");
    if Runtime::chosen() == Runtime::Apple {
        warm.bed.run(&["sandbox", "create", "--loop", "a=b"]).exits(2).says("cannot be told of a loop");
        let network = warm.bed.run(&["--json", "sandbox", "network", &warm.name]).exits(78).json();
        assert!(network["message"].as_str().unwrap().contains("no door"), "{network}");
    }
}

fn together(warm: &Warm, commands: &[&[&str]]) -> Vec<Done> {
    let running: Vec<Running> =
        commands.iter().map(|rest| warm.bed.spawn(&[&["sandbox", "--json"], *rest].concat(), b"")).collect();
    running.into_iter().map(Running::finish).collect()
}

#[test]
fn of_many_creators_one_makes_it_and_removers_break_nothing() {
    let Some(warm) = Warm::bed() else { return };
    let name = warm.name.as_str();
    let (create, remove) = (&["create", name, "--if-missing"][..], &["rm", name][..]);
    let made: Vec<Value> = together(&warm, &[create; 6]).into_iter().map(|done| done.exits(0).json()).collect();
    assert_eq!(made.iter().filter(|json| json["created"] == true).count(), 1, "{made:?}");
    for _ in 0..2 {
        let done = together(&warm, &[create, remove, create, remove, create, remove]);
        for (at, done) in done.into_iter().enumerate() {
            let json = done.json();
            let fine = json["ok"] == true || (at % 2 == 1 && json["class"] == "sandbox_missing");
            assert!(fine, "{json}");
        }
        assert!(rows(&warm).len() <= 1);
        warm.bed.run(&[&["sandbox"], create].concat()).exits(0);
        assert_eq!(warm.run(&[], "echo works").exits(0).out(), "works\n");
    }
}

#[test]
fn loops_whose_ids_differ_late_have_sandboxes_of_their_own() {
    let Some(warm) = Warm::bed() else { return };
    let long = format!("{}/{}", warm.name, "x".repeat(80));
    let (one, two) = (format!("{long}1"), format!("{long}2"));
    let names: Vec<String> = [&one, &two]
        .map(|id| warm.bed.run(&["sandbox", "create", "--loop", id]).exits(0).out().trim().to_owned())
        .to_vec();
    assert_ne!(names[0], names[1]);
    assert_eq!(rows(&warm).len(), 2);
    let run = [&["run", "--loop", &two, "--json", "true"], Runtime::chosen().partly()].concat();
    assert_eq!(warm.bed.run(&run).exits(0).json()["sandbox"], names[1]);
    assert_eq!(warm.bed.run(&["sandbox", "rm", "--loop", &one]).exits(0).out().trim(), names[0]);
    assert_eq!(rows(&warm).iter().map(|row| row["loop"].clone()).collect::<Vec<_>>(), [json!(two)]);
    // A name that cannot be found keeps the others, and one that is a container of somebody else's is none of ours.
    let foreign = format!("{}-foreign", warm.name);
    Engine.docker(&["run", "-d", "--init", "--name", &foreign, &Engine.tiny(), "sleep", "600"]);
    for (command, other) in [("rm", "nobody"), ("stop", "nobody"), ("rm", foreign.as_str()), ("stop", &foreign)] {
        let done = warm.bed.run(&["--json", "sandbox", command, &names[1], other]).exits(69);
        assert_eq!(done.json()["class"], "sandbox_missing", "{command} {other}");
    }
    warm.bed.run(&["sandbox", "create", &foreign, "--if-missing"]).exits(2).says("it is no sandbox of ringfence's");
    for name in [&names[1], &foreign] {
        assert_eq!(Engine.docker(&["inspect", "--format", "{{.State.Running}}", name]), "true", "{name}");
    }
}

/// A hundred sandboxes, as an engine lists them, by one that notes what it is asked.
const HUNDRED: &str = r#"echo "$@" >>"$CALLS"
case $1 in ps) i=0; while [ $i -lt 100 ]; do i=$((i + 1)); name='"box'$i'"'; [ $i != 7 ] || name="[$name]"
echo '{"id":"id'$i'","name":'"$name"',"state":"running","image":"i","kind":"sandbox","agent":"claude","loop":"7","workspace":"/w","created":"2026-01-01T00:00:00Z","door":"","host":"","pid":"","start":""}'
done ;; esac"#;

#[test]
fn a_hundred_sandboxes_are_listed_and_removed_in_as_few_calls_as_one() {
    let mut bed = Bed::new();
    let calls = bed.root().join("calls");
    bed.set("CALLS", &calls).program("docker", HUNDRED);
    let took = |bed: &Bed, args: &[&str]| {
        let _ = fs::remove_file(&calls);
        let json = bed.run(&[&["sandbox", "--json"], args].concat()).exits(0).json();
        (json, fs::read_to_string(&calls).unwrap_or_default())
    };
    let (listed, asked) = took(&bed, &["ls"]);
    assert_eq!(listed["sandboxes"].as_array().unwrap().len(), 100);
    assert_eq!(asked.lines().count(), 1, "{asked}");
    for (args, key) in [
        (&["rm", "--all"][..], "removed"),
        (&["rm", "--loop", "7"], "removed"),
        (&["prune", "--older-than", "1d"], "removed"),
        (&["stop", "box1", "box2"], "stopped"),
    ] {
        let (done, asked) = took(&bed, args);
        assert_eq!(done[key].as_array().unwrap().len(), if key == "stopped" { 2 } else { 100 }, "{args:?}");
        assert_eq!(asked.lines().count(), 2, "{asked}");
    }
    let (young, asked) = took(&bed, &["prune", "--older-than", "9000d"]);
    assert_eq!((young["removed"].as_array().unwrap().len(), asked.lines().count()), (0, 1), "{asked}");
}

#[test]
fn prune_takes_what_has_no_owner_and_what_is_old_and_nothing_else() {
    let Some(warm) = Warm::new() else { return };
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let label = |name: &str, value: &str| format!("ringfence.{name}={value}");
    let run = |suffix: &str, labels: &[String]| {
        let name = format!("{}-{suffix}", warm.name);
        let mut args = vec!["run", "-d", "--init", "--name", &name, "--label", "ringfence=1"];
        args.extend(labels.iter().flat_map(|label| ["--label", label.as_str()]));
        let image = Engine.tiny();
        args.extend([image.as_str(), "sleep", "600"]);
        Engine.docker(&args);
        name
    };
    let own = std::process::id().to_string();
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    let began = stat.rsplit(')').next().unwrap().split_whitespace().nth(19).unwrap().to_owned();
    let owned = |host: &str, start: &str| {
        let mut labels = vec![
            label("kind", "run"),
            label("owner.host", host),
            label("owner.pid", &own),
            label("owner.start", start),
        ];
        labels.push(label("owner.space", &space()));
        labels
    };
    let living = run("living", &owned(&host, &began));
    let elsewhere = run("elsewhere", &owned("another machine", "1"));
    // Its id counts among the processes of some other container on this machine.
    let namesake = run("namesake", &[&owned(&host, "1")[..4], &[label("owner.space", "pid:[1]")]].concat());
    let orphan = run("orphan", &owned(&host, "1"));
    let old = run("old", &[label("kind", "sandbox"), label("created", "2001-01-01T00:00:00Z")]);

    let names = |json: &Value| -> Vec<String> {
        let all = json["removed"].as_array().unwrap().iter().map(|row| row["name"].as_str().unwrap().to_owned());
        let mut own: Vec<String> = all.filter(|name| name.contains(&warm.name)).collect();
        own.sort();
        own
    };
    let prune = ["--json", "sandbox", "prune", "--older-than", "9000d"];
    let dry = warm.bed.run(&[&prune[..], &["--dry-run"]].concat()).exits(0).json();
    assert!(names(&dry).contains(&old), "{dry}");
    let there = |name: &str| !Engine.docker(&["ps", "-aq", "--filter", &format!("name=^{name}$")]).is_empty();
    assert!(there(&old), "a dry run removes nothing");
    assert_eq!(names(&warm.bed.run(&prune).exits(0).json())[0], old);
    // Whoever makes a sandbox sweeps what has no owner, so this one may be gone before; by now it must be.
    assert!(!there(&orphan) && !there(&old));
    assert!(there(&living) && there(&elsewhere) && there(&namesake) && there(&warm.name));
    run("orphan", &owned(&host, "1"));
    warm.bed.run(&["sandbox", "create", &format!("{}-next", warm.name)]).exits(0);
    assert!(!there(&orphan));
    warm.bed.run(&["sandbox", "prune", "--older-than", "7"]).exits(2).says("7d");
}

#[test]
fn an_image_is_saved_without_credentials_or_not_at_all() {
    let Some(warm) = Warm::bed() else { return };
    let image = format!("ringfence-test/{}", warm.name.to_lowercase());
    warm.bed.run(&["sandbox", "set", "sandbox.read_only_root", "false"]).exits(0);
    warm.create(&[]);
    let save = |name: &str| warm.bed.run(&["--json", "sandbox", "save", name, &image]);
    if Runtime::chosen() == Runtime::Apple {
        let refused = save(&warm.name).exits(78).json();
        assert!(refused["hint"].as_str().unwrap().contains(&format!("build --tag {image} .")), "{refused}");
        return;
    }
    if rustix::process::geteuid().is_root() {
        for (path, text) in [
            ("/root/.netrc", "machine x".to_owned()),
            ("/usr/opt/settings", format!("key = {}{}", "sk-", "abcdefghijklmnop")),
            ("/usr/opt/token", format!("{}.{}", "eyJhbGciOiJIUzI1NiJ9", "eyJzdWIiOiIxMjM0NTY3ODkwIn0")),
            ("/usr/opt/key", format!("-----BEGIN {} KEY-----\nabc", "PRIVATE")),
            ("/usr/opt/aws", format!("{}{}", "AKIA", "IOSFODNN7EXAMPLE")),
            ("/usr/opt/env", "export CLAUDE_CODE_OAUTH_TOKEN=abcdefgh1234".to_owned()),
            ("/usr/opt/json", "{\"CODEX_API_KEY\": \"abcdefgh1234\"}".to_owned()),
            ("/usr/opt/a b/config.json", r#"{"refresh_token": "abcdefgh"}"#.to_owned()),
        ] {
            let script = format!("mkdir -p \"$(dirname '{path}')\"; echo '{text}' >'{path}'");
            warm.exec(&["sh", "-c", &script]).exits(0);
            let refused = save(&warm.name).exits(2).json();
            assert!(refused["message"].as_str().unwrap().contains(path), "{refused}");
            warm.exec(&["rm", path]).exits(0);
        }
        // Nothing is ever read from a pipe, and a constant of a program is no key.
        let tool = "mkfifo /usr/opt/pipe; echo tool >/usr/opt/tool; printf 'a\\0-----BEGIN RSA PRIVATE KEY-----\\nb' >/usr/opt/program";
        warm.exec(&["sh", "-c", tool]).exits(0);
        assert_eq!(Engine.docker(&["images", "--quiet", &image]), "", "nothing has the name before it is clean");
    }
    warm.exec(&["sh", "-c", "mkdir ~/.claude; echo in-the-home >~/.claude/.credentials.json; echo tmp >/tmp/x"])
        .exits(0);
    warm.bed.run(&["sandbox", "stop", &warm.name]).exits(0);
    save(&warm.name).exits(0);
    assert_eq!(Engine.docker(&["inspect", "--format", "{{.State.Running}}", &warm.name]), "false", "it stays stopped");
    let saved = inspect(&image);
    let config = saved["Config"].to_string();
    assert!(!config.contains(&warm.name) && !config.contains("rf_dir"), "{config}");
    assert!(saved["Config"]["Labels"].as_object().unwrap().values().all(|value| value == ""), "{config}");
    let look =
        "cat /usr/opt/tool; find / -xdev -name '.credentials.json' -o -xdev -name x; ls -A /home/ringfence /tmp; :";
    let inside = Engine.docker(&["run", "--rm", "--network", "none", &image, "sh", "-c", look]);
    assert!(!inside.contains("credentials"), "{inside}");
    assert!(inside.starts_with(if rustix::process::geteuid().is_root() { "tool\n" } else { "cat:" }), "{inside}");
    // And it is an image to make sandboxes of, none of which is taken for the one it was saved from.
    let next = format!("{}-next", warm.name);
    warm.bed.run(&["sandbox", "create", &next, "--template", &image]).exits(0);
    assert_eq!(rows(&warm).len(), 2);
    warm.bed.run(&["sandbox", "save", &next, "Bad:Name"]).exits(78);
    Engine.docker(&["rm", "-f", &next]);
    Engine.docker(&["rmi", "--force", &image]);
}

#[test]
fn exec_passes_streams_codes_and_signals_through() {
    let Some(mut warm) = Warm::new() else { return };
    assert_eq!(warm.exec(&["sh", "-c", "echo out; echo err >&2; exit 42"]).exits(42).says("err\n").out(), "out\n");
    let interactive = ["sandbox", "exec", "-i", "-w", "/tmp", &warm.name, "--", "sh", "-c", "pwd; cat"];
    assert_eq!(warm.bed.run_with(&interactive, b"in\0put").exits(0).stdout, b"/tmp\nin\0put");
    let json =
        warm.bed.run(&["sandbox", "--json", "exec", &warm.name, "--", "sh", "-c", "echo a; exit 3"]).exits(3).json();
    assert_eq!((&json["exitCode"], &json["stdout"], &json["ok"]), (&json!(3), &json!("a\n"), &json!(false)), "{json}");

    // A command may say what an engine says, at once or while it goes on, and it is the command's.
    let words = "echo 'Error response from daemon: Container x is not running' >&2; exit 1";
    warm.exec(&["sh", "-c", words]).exits(1).says("Error response from daemon: Container x is not running\n");
    warm.exec(&["sh", "-c", "echo 'Error: mine' >&2; sleep 1; echo more >&2; exit 5"])
        .exits(5)
        .says("Error: mine\nmore\n");
    assert!(matches!(warm.exec(&["no-such-command"]).code, Some(126 | 127)), "engines differ in this");

    // Values are in no command line on their way in.
    warm.bed.set("TOKEN", "value-of-the-token").set("HTTPS_PROXY", "http://user:value-of-the-proxy@x");
    let args = [
        "-v",
        "sandbox",
        "exec",
        "-e",
        "TOKEN",
        "-e",
        "HTTPS_PROXY",
        "-e",
        "MINE=value-of-mine",
        &warm.name,
        "--",
        "sh",
        "-c",
        "echo $TOKEN $HTTPS_PROXY $MINE; env | grep -c CARRIED; touch said; while [ ! -e go ]; do sleep 0.1; done",
    ];
    let running = warm.bed.spawn(&args, b"");
    let said = warm.bed.workspace().join("said");
    within(PATIENCE, "it runs", || said.exists());
    let lines: Vec<String> = fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter_map(|entry| fs::read_to_string(entry.path().join("cmdline")).ok())
        .filter(|line| line.contains(&warm.name))
        .collect();
    assert!(lines.iter().any(|line| line.contains("--env\0TOKEN\0")), "{lines:?}");
    // What was typed with its value is in our own, typed one.
    let foreign = lines.iter().filter(|line| !line.starts_with(RINGFENCE));
    assert!(!foreign.clone().any(|line| line.contains("value-of-")), "{lines:?}");
    assert!(!Engine.docker(&["inspect", &warm.name]).contains("value-of-"));
    fs::write(warm.bed.workspace().join("go"), "").unwrap();
    let done = running.finish().exits(0);
    assert_eq!(done.out(), "value-of-the-token http://user:value-of-the-proxy@x value-of-mine\n0\n");
    assert!(!done.stderr.contains("value-of-"), "{}", done.stderr);

    // The shell in front of it has no names of its own.
    let args = ["sandbox", "exec", "-e", "rf=a", "-e", "line=b", &warm.name, "--", "sh", "-c", "echo $rf $line"];
    assert_eq!(warm.bed.run(&args).exits(0).out(), "a b\n");

    for (trap, name, code) in [("exit 3", "TERM", 3), ("exit 4", "USR1", 4), ("", "INT", 130)] {
        let _ = fs::remove_file(warm.bed.workspace().join("ready"));
        let trap = if trap.is_empty() { String::new() } else { format!("trap '{trap}' {name};") };
        let script = format!("{trap} touch ready; while :; do sleep 0.1; done");
        let running = warm.bed.spawn(&["sandbox", "exec", &warm.name, "--", "sh", "-c", &script], b"");
        let ready = warm.bed.workspace().join("ready");
        within(PATIENCE, "it is ready", || ready.exists());
        running.signal(name);
        running.finish().exits(code);
    }
    // One that does not heed gets KILL after the grace, in whatever session it is.
    let stubborn = "trap '' HUP TERM; setsid sleep 300 & touch stubborn; while :; do sleep 1; done";
    let running = warm.bed.spawn(&["sandbox", "exec", &warm.name, "--", "sh", "-c", stubborn], b"");
    let ready = warm.bed.workspace().join("stubborn");
    within(PATIENCE, "it is ready", || ready.exists());
    running.signal("TERM");
    running.finish().exits(137);
    warm.idles(PATIENCE);

    // A second signal does not wait for the grace, however quickly it follows.
    warm.bed.run(&["sandbox", "set", "run.grace", "60s"]).exits(0);
    fs::remove_file(&ready).unwrap();
    let running = warm.bed.spawn(&["sandbox", "exec", &warm.name, "--", "sh", "-c", stubborn], b"");
    within(PATIENCE, "it is ready", || ready.exists());
    let asked = Instant::now();
    for name in ["STOP", "HUP", "TERM", "CONT"] {
        running.signal(name);
    }
    running.finish().exits(137);
    assert!(asked.elapsed() < PATIENCE, "{:?}", asked.elapsed());
    warm.idles(PATIENCE);
}

#[test]
fn an_engines_fault_is_no_code_of_the_command() {
    let Some(warm) = Warm::new() else { return };
    let gone = warm.bed.run(&["--json", "sandbox", "exec", "nobody", "--", "true"]).exits(69);
    assert_eq!(gone.json()["class"], "sandbox_missing");
    gone.says("sandbox ls shows those there are");
    let mut lost = Bed::new();
    lost.set("DOCKER_HOST", "unix:///nowhere/docker.sock");
    let lost = lost.run(&["--json", "sandbox", "exec", &warm.name, "--", "true"]).exits(69);
    assert_eq!(lost.json()["class"], "daemon_unreachable");
    // It goes under the command: the code is that of the signal, never a success. Podman may say that the container is gone instead.
    let running = warm.bed.spawn(&["sandbox", "exec", &warm.name, "--", "sh", "-c", "touch there; sleep 300"], b"");
    let there = warm.bed.workspace().join("there");
    within(PATIENCE, "it runs", || there.exists());
    warm.bed.run(&["sandbox", "rm", &warm.name]).exits(0);
    let code = running.finish().code;
    assert!(code == Some(137) || (code == Some(69) && Runtime::chosen() == Runtime::Podman), "{code:?}");
}

/// The pid of the engine's client that this one started.
fn client(running: &Running) -> i32 {
    let file = format!("/proc/{0}/task/{0}/children", running.pid());
    let mut pid = None;
    within(PATIENCE, "the client is there", || {
        pid = fs::read_to_string(&file).unwrap_or_default().split_whitespace().next().and_then(|pid| pid.parse().ok());
        pid.is_some()
    });
    pid.unwrap()
}

#[test]
fn a_command_is_done_once_and_ends_with_its_client_and_its_reader() {
    let Some(warm) = Warm::new() else { return };
    let there = |name: &str| warm.bed.workspace().join(name);
    // What it says may read like the engine's.
    let script = "echo once >>times; echo 'Error response from daemon: Container x is not running' >&2; exit 1";
    warm.exec(&["sh", "-c", script]).exits(1);
    assert_eq!(fs::read_to_string(there("times")).unwrap(), "once\n");

    for (name, ready) in [("TERM", "termed"), ("KILL", "killed")] {
        let script = format!("trap '' HUP; echo Error: mine >&2; touch {ready}; while :; do sleep 1; done");
        let running = warm.bed.spawn(&["--json", "sandbox", "exec", &warm.name, "--", "sh", "-c", &script], b"");
        within(PATIENCE, "it runs", || there(ready).exists());
        signal(client(&running), name);
        let json = running.finish().exits(69).says("Error: mine\n").json();
        assert!(json["message"].as_str().unwrap().contains("client was ended from outside"), "{json}");
        warm.idles(PATIENCE);
    }

    // Killed itself, ringfence leaves nothing of it either, with its own standard input or with the caller's.
    for (options, ready) in [(&[][..], "plain"), (&["-i"], "interactive")] {
        // The command itself is the first to go.
        let script = format!("(trap '' HUP; exec setsid sleep 300) & touch {ready}; exec sleep 300");
        let name = warm.name.as_str();
        let args = [&["sandbox", "exec", name], options, &["--", "sh", "-c", script.as_str()]].concat();
        let mut command = warm.bed.command(&args);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        within(PATIENCE, "it runs", || there(ready).exists());
        child.kill().unwrap();
        child.wait().unwrap();
        // The caller's standard input is open still.
        warm.idles(PATIENCE);
    }
    // What a command leaves behind by itself stays.
    warm.exec(&["sh", "-c", "setsid sleep 300 >/dev/null 2>&1 &"]).exits(0);
    warm.exec(&["killall", "sleep"]).exits(0);

    let plain = warm.bed.command(&[]);
    let mut shell = Command::new("sh");
    shell.env_clear().envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
    shell.args(["-c", &format!("{RINGFENCE} sandbox exec {} -- yes | head -n 1", warm.name)]);
    let output = shell.current_dir(warm.bed.workspace()).stdin(Stdio::null()).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "y\n");
    warm.idles(PATIENCE);

    // Who is in a sandbox counts, whatever it is.
    let running = warm.bed.spawn(&["sandbox", "exec", &warm.name, "--", "sh", "-c", "touch in; sleep 300"], b"");
    within(PATIENCE, "it runs", || there("in").exists());
    assert_eq!(rows(&warm)[0]["runs"], 1);
    warm.bed.run(&["sandbox", "save", &warm.name, "ringfence-test/never"]).exits(2).says("a run is in");
    let pruned = warm.bed.run(&["--json", "sandbox", "prune", "--dry-run", "--older-than", "1ms"]).exits(0);
    assert!(!pruned.out().contains(&warm.name), "{pruned:?}");
    running.signal("TERM");
    running.finish().exits(143);

    warm.bed.run(&["sandbox", "set", "run.output_limit", "1KiB"]).exits(0);
    let json = warm.bed.run(&["--json", "sandbox", "exec", &warm.name, "--", "seq", "1000"]).exits(0).json();
    assert_eq!((json["stdout"].as_str().unwrap().len(), &json["stdoutTruncated"]), (1024, &json!(true)));
    warm.bed.run(&["sandbox", "set", "sandbox.required_env", "[\"NOT_SET\"]"]).exits(0);
    let json = warm.bed.run(&["--json", "sandbox", "exec", &warm.name, "--", "true"]).exits(78).json();
    assert_eq!(json["class"], "env_missing");
}

#[test]
fn a_command_that_makes_its_output_non_blocking_and_fills_it_is_known_to_have_ended() {
    let Some(warm) = Warm::bed().filter(|_| Runtime::chosen() != Runtime::Apple) else { return };
    warm.create(&["--image", &part("RINGFENCE_TEST_DEBIAN")]);
    // What is on its way makes room for a while.
    let script = "use Fcntl; fcntl(STDERR, F_SETFL, O_WRONLY | O_NONBLOCK) or die; \
                  for (1 .. 25) { 1 while syswrite(STDERR, 'x' x 4096); select(undef, undef, undef, .02) } \
                  1 while syswrite(STDERR, 'x'); open(F, '>full')";
    let mut command = warm.bed.command(&["sandbox", "exec", &warm.name, "--", "perl", "-e", script]);
    let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let full = warm.bed.workspace().join("full");
    within(PATIENCE, "nothing more goes in", || full.exists());
    sleep(Duration::from_millis(300));
    let done = child.wait_with_output().unwrap();
    let end = String::from_utf8_lossy(&done.stderr[done.stderr.len().saturating_sub(200)..]).into_owned();
    assert_eq!(done.status.code(), Some(0), "{end}");
    assert!(end.ends_with("xxx"), "{end}");
}

#[test]
fn a_container_of_somebody_elses_is_left_alone() {
    let Some(warm) = Warm::new() else { return };
    let foreign = format!("{}-foreign", warm.name);
    Engine.docker(&["run", "-d", "--init", "--name", &foreign, &Engine.tiny(), "sleep", "600"]);
    let id = Engine.docker(&["inspect", "--format", "{{.Id}}", &warm.name]);
    let login = json!({"claudeAiOauth": {"accessToken": "access-1", "refreshToken": "r",
        "expiresAt": 4_102_444_800_000_u64, "scopes": ["user:inference"]}});
    warm.bed.write("home/.claude/.credentials.json", login.to_string());
    for name in [foreign.as_str(), &id[..12]] {
        for options in [&[][..], &["--agent", "claude"]] {
            let args = [&["--json", "sandbox", "exec", name], options, &["--", "touch", "/tmp/entered"]].concat();
            let json = warm.bed.run(&args).exits(69).json();
            assert_eq!(json["class"], "sandbox_missing", "{name}: {json}");
        }
        let json = warm.bed.run(&["run", "--json", "--sandbox", name, "touch /tmp/entered"]).exits(69).json();
        assert_eq!(json["class"], "sandbox_missing", "{name}: {json}");
    }
    let look = ["sh", "-c", "find /tmp/entered ~/.claude 2>/dev/null; :"];
    assert_eq!(Engine.docker(&[&["exec", &foreign], &look[..]].concat()), "");
    assert_eq!(warm.exec(&look).exits(0).out(), "");
    // Nor is it started.
    Engine.docker(&["stop", "-t", "0", &foreign]);
    for args in [&["run", "--sandbox", &foreign, "true"][..], &["sandbox", "exec", &foreign, "--", "true"]] {
        warm.bed.run(args).exits(69);
        assert_eq!(Engine.docker(&["inspect", "--format", "{{.State.Running}}", &foreign]), "false", "{args:?}");
    }
}

/// A terminal of tmux, on a server of its own.
struct Terminal<'a> {
    bed: &'a Bed,
    socket: String,
}

impl Terminal<'_> {
    fn tmux(&self, args: &[&str]) -> String {
        let mut command = Command::new("tmux");
        let plain = self.bed.command(&[]);
        command.env_clear().envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command.args(["-S", &self.socket, "-f", "/dev/null"]).args(args).stdin(Stdio::null());
        String::from_utf8_lossy(&command.output().unwrap().stdout).into_owned()
    }

    fn type_in(&self, keys: &[&str]) {
        self.tmux(&[&["send-keys", "-t", "t"], keys].concat());
    }

    #[track_caller]
    fn shows(&self, text: &str) {
        let until = Instant::now() + PATIENCE;
        while !self.screen().contains(text) {
            assert!(Instant::now() < until, "{text:?} is not shown: {}", self.screen());
            sleep(Duration::from_millis(50));
        }
    }

    fn screen(&self) -> String {
        self.tmux(&["capture-pane", "-p", "-J", "-t", "t"])
    }
}

impl Drop for Terminal<'_> {
    fn drop(&mut self) {
        self.tmux(&["kill-server"]);
    }
}

#[test]
fn a_terminal_in_a_sandbox_is_a_terminal() {
    let Some(warm) = Warm::new() else { return };
    let folder = tempfile::Builder::new().prefix("rf-tmux-").tempdir().unwrap();
    let socket = folder.path().join("s").to_str().unwrap().to_owned();
    let terminal = Terminal { bed: &warm.bed, socket };
    let command = format!("{RINGFENCE} sandbox exec -it {} -- sh; echo left with $?; exec cat", warm.name);
    terminal.tmux(&["new-session", "-d", "-s", "t", "-x", "90", "-y", "30", &command]);
    terminal.shows("#");
    terminal.type_in(&["stty size; tty >&2; echo $((6 * 7))", "Enter"]);
    terminal.shows("42");
    assert!(terminal.screen().contains("30 90"), "{}", terminal.screen());
    terminal.tmux(&["resize-window", "-t", "t", "-x", "70", "-y", "20"]);
    terminal
        .type_in(&["until [ \"$(stty size)\" = '20 70' ]; do sleep 0.1; done; echo is $((1 + 1))-resized", "Enter"]);
    terminal.shows("is 2-resized");
    // Ctrl-C is the command's, not ours; Ctrl-D ends the shell, with the code of its last command.
    terminal.type_in(&["sleep 300", "Enter"]);
    within(PATIENCE, "it sleeps", || warm.processes().iter().any(|line| line.contains("sleep 300")));
    terminal.type_in(&["C-c"]);
    within(PATIENCE, "it is gone", || !warm.processes().iter().any(|line| line.contains("sleep 300")));
    terminal.type_in(&["(exit 7)", "Enter", "C-d"]);
    terminal.shows("left with 7");
    warm.idles(PATIENCE);

    // A client that was asked to end exits with 0, as a command that was done.
    let client = || -> i32 {
        within(PATIENCE, "it sleeps", || warm.processes().iter().any(|line| line.contains("sleep 300")));
        let processes = support::processes_with(&warm.name);
        let client = processes.iter().find(|line| line.contains(" exec --interactive --tty ")).unwrap();
        client.split(' ').next().unwrap().parse().unwrap()
    };
    // A line of its own, on a terminal that may be left as the command had it.
    let left = r"printf '\r\nleft with %s\r\n' $?; exec cat";
    let command = |rest: &str| format!("{RINGFENCE} sandbox exec -it {} -- {rest}; {left}", warm.name);
    terminal.tmux(&["respawn-pane", "-k", "-t", "t", &command("sleep 300")]);
    signal(client(), "TERM");
    terminal.shows("left with 143");
    warm.idles(PATIENCE);
    // Nor is anything left where ringfence was killed, or success taken for another code.
    terminal.tmux(&["respawn-pane", "-k", "-t", "t", &command("setsid sleep 300")]);
    let client = client();
    let stat = fs::read_to_string(format!("/proc/{client}/stat")).unwrap();
    signal(stat.rsplit(')').next().unwrap().split_whitespace().nth(1).unwrap().parse().unwrap(), "KILL");
    terminal.shows("left with 137");
    warm.idles(PATIENCE);
    for code in ["0", "209"] {
        terminal.tmux(&["respawn-pane", "-k", "-t", "t", &command(&format!("sh -c 'exit {code}'"))]);
        terminal.shows(&format!("left with {code}"));
    }

    // Without --tty a Ctrl-C ends the engine's client, and must end what that leaves behind all the same.
    let command = format!("{RINGFENCE} sandbox exec -i {} -- sleep 300; echo left with $?; exec cat", warm.name);
    terminal.tmux(&["respawn-pane", "-k", "-t", "t", &command]);
    within(PATIENCE, "it sleeps", || warm.processes().iter().any(|line| line.contains("sleep 300")));
    terminal.type_in(&["C-c"]);
    terminal.shows("left with 130");
    warm.idles(PATIENCE);

    let none = warm.bed.run(&["sandbox", "exec", "-it", &warm.name, "--", "sh"]);
    none.exits(2).says("--tty, but standard input is not a terminal");
}
