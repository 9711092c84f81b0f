//! The configuration, through the binary: strict to the line, the stronger source wins, and many writers lose nothing.
#![allow(clippy::unwrap_used, reason = "a panic is how tests fail")]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use serde_json::{Value, json};
use support::{Bed, Done};

/// The value in force of each key, and its origin.
fn shown(done: Done) -> BTreeMap<String, (Value, String)> {
    let json = done.exits(0).json();
    let rows = json["settings"].as_array().unwrap().iter();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    rows.map(|row| (text(&row["key"]), (row["value"].clone(), text(&row["origin"])))).collect()
}

fn show(bed: &Bed, flags: &[&str]) -> BTreeMap<String, (Value, String)> {
    shown(bed.run(&[&["sandbox", "show", "--json"], flags].concat()))
}

/// A wrong file: its text, the class, where the error is, and what its hint proposes.
const WRONG: &[(&str, &str, &str, &str)] = &[
    ("mode = \"dokcer\"\n", "config", ":1: mode: \"dokcer\" is not a mode", "ringfence sandbox set mode docker"),
    ("mode = \"sandboxed\"\n", "config", ":1: mode: \"sandboxed\" is not a mode", "ringfence sandbox set mode docker"),
    ("# a\n\nmode = true\n", "config", ":3: mode: true is a truth value, not text", "host, docker or apple"),
    ("[sandbox]\nmemroy = \"4g\"\n", "config", ":2: unknown key sandbox.memroy", "did you mean sandbox.memory?"),
    ("\n[sandbxo]\nmemory = \"4g\"\n", "config", ":2: unknown section [sandbxo]", "did you mean [sandbox]?"),
    ("[agents.claud]\nshare = []\n", "config", ":1: unknown section [agents.claud]", "did you mean [agents.claude]?"),
    (
        "[agents.claude]\nmode = \"dcoker\"\n",
        "config",
        ":2: agents.claude.mode: \"dcoker\"",
        "agents.claude.mode docker",
    ),
    ("memory = \"4g\"\n", "config", ":1: unknown key memory", "did you mean sandbox.memory?"),
    ("[sandbox]\nmemory = 4\n", "config", ":2: sandbox.memory: 4 is a number", "sandbox set sandbox.memory 4g"),
    ("[sandbox]\npids = \"many\"\n", "config", ":2: sandbox.pids: \"many\" is text", "from 16 to"),
    ("[sandbox]\npids = 99999999\n", "config", ":2: sandbox.pids: 99999999 is out of range", "from 16 to"),
    ("[sandbox]\ncpus = 0\n", "config", ":2: sandbox.cpus: 0 is out of range", "sandbox.cpus 2"),
    ("[sandbox]\nenv = [\n  \"A\",\n  \"B C\",\n]\n", "config", ":4: sandbox.env: \"B C\"", "GITHUB_TOKEN"),
    ("[sandbox]\nworkdir = \"rel\"\n", "config", ":2: sandbox.workdir: \"rel\" is not an absolute path", "/workspace"),
    ("[sandbox]\nread_only_root = \"yes\"\n", "config", ":2: sandbox.read_only_root: \"yes\" is text", "true or false"),
    ("[run]\ntimeout = \"30\"\n", "config", ":2: run.timeout: \"30\" has no unit", "sandbox set run.timeout 30s"),
    ("[run]\nmax_attempts = 0\n", "config", ":2: run.max_attempts: 0 is out of range", "run.max_attempts 1"),
    ("agent = \"cluade\"\n", "config", ":1: agent: \"cluade\" is not an agent", "sandbox set agent claude"),
    (
        "[sandbox]\nimage = \"Team/Worker\"\n",
        "invalid_image",
        ":2: sandbox.image: \"Team/Worker\" has capitals",
        "team/worker",
    ),
    ("mode = docker\n", "config", ":1: not TOML: \"mode = docker\"", "correct line 1"),
    ("mode = \"host\"\nmode = \"docker\"\n", "config", ":2: not TOML", "correct line 2"),
    ("[sandbox\n", "config", ":1: not TOML", "correct line 1"),
    ("mode = \"host\"\n\0", "config", ":2: not TOML", "correct line 2"),
];

#[test]
fn a_wrong_file_is_named_with_its_line_by_every_command_that_reads_it() {
    let bed = Bed::new();
    for (text, class, message, hint) in WRONG {
        let path = bed.config(text);
        for command in [&["sandbox", "show"][..], &["run", "-a", "shell", "touch ran"], &["sandbox", "build-image"]] {
            let done = bed.run(command).exits(78);
            let first = format!("error: {}{message}", path.display());
            assert!(done.stderr.starts_with(&first), "{text:?}: {}", done.stderr);
            let last = done.stderr.lines().last().unwrap();
            assert!(last.starts_with("hint: ") && last.contains(hint), "{text:?}: {}", done.stderr);
            assert_eq!(done.out(), "");
        }
        let json = bed.run(&["sandbox", "show", "--json"]).exits(78).json();
        assert_eq!((json["ok"].as_bool(), json["class"].as_str()), (Some(false), Some(*class)), "{text:?}");
    }
    assert!(!bed.workspace().join("ran").exists(), "a wrong configuration never means defaults");
}

#[test]
fn the_proposed_command_mends_the_file() {
    let bed = Bed::new();
    for (text, ..) in WRONG.iter().filter(|(.., hint)| hint.contains("sandbox set ")) {
        let path = bed.config(text);
        let stderr = bed.run(&["sandbox", "show"]).exits(78).stderr;
        let typed = stderr.split_once("type: ringfence ").unwrap().1.trim();
        bed.run(&typed.split(' ').collect::<Vec<_>>()).exits(0);
        bed.run(&["sandbox", "show"]).exits(0);
        assert_ne!(fs::read_to_string(path).unwrap(), *text);
    }
}

#[test]
fn a_file_that_cannot_be_read_never_means_defaults() {
    let bed = Bed::new();
    let path = bed.config("");
    fs::write(&path, b"mode = \"docker\"\n# \xff\n").unwrap();
    bed.run(&["sandbox", "show"]).exits(78).says(":2: not UTF-8 text");
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    bed.run(&["run", "-a", "shell", "touch ran"]).exits(78).says("cannot be read").says("caused by: ");
    assert!(!bed.workspace().join("ran").exists());
}

#[test]
fn a_named_file_must_exist_and_a_missing_one_means_defaults() {
    let bed = Bed::new();
    let named = bed.run(&["--config", "missing.toml", "sandbox", "show"]).exits(2).says("no such file").says("hint: ");
    assert!(named.stderr.contains(bed.workspace().join("missing.toml").to_str().unwrap()), "{}", named.stderr);
    assert!(show(&bed, &[]).values().all(|(_, origin)| origin == "default"));
    bed.config("");
    assert!(show(&bed, &[]).values().all(|(_, origin)| origin == "default"));
}

#[test]
fn a_flag_beats_a_variable_beats_the_file_beats_the_default() {
    let mut bed = Bed::new();
    let origin = |bed: &Bed, flags: &[&str]| show(bed, flags)["mode"].clone();
    assert_eq!(origin(&bed, &[]), (json!("host"), "default".into()));
    bed.config("\nmode = \"apple\"\n");
    assert_eq!(origin(&bed, &[]), (json!("apple"), "config.toml:2".into()));
    bed.set("RINGFENCE_MODE", "docker");
    assert_eq!(origin(&bed, &[]), (json!("docker"), "$RINGFENCE_MODE".into()));
    assert_eq!(origin(&bed, &["--mode", "host"]), (json!("host"), "--mode".into()));
    // `sandbox` is the configured container mode, from a flag as from a variable.
    assert_eq!(origin(&bed, &["--mode", "sandbox"]), (json!("apple"), "--mode".into()));
    bed.set("RINGFENCE_MODE", "");
    assert_eq!(origin(&bed, &[]).1, "config.toml:2", "an empty variable is none");
    // Flags of `run` alone show in its plan.
    bed.config("mode = \"docker\"\n[sandbox]\nimage = \"of/file\"\nnetwork = \"none\"\nmemory = \"1g\"\n");
    bed.set("SANDBOX_DOCKER_IMAGE", "of/variable");
    let plan = bed.run(&["run", "--dry-run", "-a", "shell", "--memory", "2g", "x"]).exits(0).out();
    assert!(plan.contains(" of/variable ") && plan.contains("--network none"), "{plan}");
    assert!(plan.contains(&format!("--memory {}b", 2_u64 << 30)), "{plan}");
    let plan = bed.run(&["run", "--dry-run", "-a", "shell", "--image", "of/flag", "x"]).exits(0).out();
    assert!(plan.contains(" of/flag ") && !plan.contains("of/variable"), "{plan}");
}

#[test]
fn every_variable_has_its_effect_and_says_so() {
    let cases = [
        ("RINGFENCE_MODE", "docker", "mode", json!("docker")),
        ("RINGFENCE_MODE", "sandbox", "mode", json!("docker")),
        ("RINGFENCE_AGENT", "opencode", "agent", json!("opencode")),
        ("EXECUTION_ENVIRONMENT", "sandbox", "mode", json!("docker")),
        ("EXECUTION_ENVIRONMENT", "host", "mode", json!("host")),
        ("LAUNCH_MODE", "docker", "mode", json!("docker")),
        ("LAUNCH_MODE", "process", "mode", json!("host")),
        ("AGENT_LOOP_HOST", "1", "mode", json!("host")),
        ("SANDBOX_DOCKER_IMAGE", "team/worker:2", "sandbox.image", json!("team/worker:2")),
        ("SANDBOX_DOCKER_NETWORK", "none", "sandbox.network", json!("none")),
        ("CLAUDE_AUTH_DIR", "/claude-login", "agents.claude.auth_dir", json!("/claude-login")),
        ("CLAUDE_CONFIG_DIR", "/claude", "agents.claude.config_dir", json!("/claude")),
        ("CODEX_AUTH_DIR", "/codex-login", "agents.codex.auth_dir", json!("/codex-login")),
    ];
    for (name, value, key, expected) in cases {
        let mut bed = Bed::new();
        bed.set(name, value);
        assert_eq!(show(&bed, &[])[key], (expected, format!("${name}")), "{name}={value}");
    }
    let mut bed = Bed::new();
    bed.set("AGENT_LOOP_HOST", "1").set("RINGFENCE_MODE", "docker");
    let json = bed.run(&["--mode", "docker", "sandbox", "show", "--json"]).exits(0).json();
    assert_eq!(json["mode"], "host", "it is the strongest");
    assert!(json["warnings"][0].as_str().unwrap().contains("forces the host"), "{json}");
}

#[test]
fn the_folders_can_be_moved() {
    let mut bed = Bed::new();
    bed.config("mode = \"apple\"\n");
    let moved = bed.write("elsewhere/config.toml", "mode = \"docker\"\n");
    bed.set("RINGFENCE_CONFIG_DIR", moved.parent().unwrap()).set("RINGFENCE_STATE_DIR", "/some/state");
    let json = bed.run(&["sandbox", "show", "--json"]).exits(0).json();
    assert_eq!((json["configFile"].as_str(), json["stateDir"].as_str()), (moved.to_str(), Some("/some/state")));
    assert_eq!((json["mode"].as_str(), json["configFileExists"].as_bool()), (Some("docker"), Some(true)));
    bed.run(&["sandbox", "set", "host"]).exits(0);
    assert_eq!(fs::read_to_string(moved).unwrap(), "mode = \"host\"\n");
    let mut plain = Bed::new();
    plain.set("XDG_CONFIG_HOME", plain.root().join("xdg"));
    let json = plain.run(&["sandbox", "show", "--json"]).exits(0).json();
    let expected = plain.root().join(if cfg!(target_os = "macos") { "home" } else { "xdg/ringfence/config.toml" });
    assert!(Path::new(json["configFile"].as_str().unwrap()).starts_with(expected), "{json}");
}

/// A wrong value of each variable that takes a name.
const UNKNOWN: [(&str, &str, &str); 9] = [
    ("RINGFENCE_MODE", "dcoker", "export RINGFENCE_MODE=docker"),
    ("RINGFENCE_MODE", "container", "export RINGFENCE_MODE=sandbox"),
    ("EXECUTION_ENVIRONMENT", "Sandbox", "export EXECUTION_ENVIRONMENT=sandbox"),
    ("EXECUTION_ENVIRONMENT", "docker", "export EXECUTION_ENVIRONMENT=sandbox"),
    ("LAUNCH_MODE", "sandbox", "export LAUNCH_MODE=docker"),
    ("AGENT_LOOP_HOST", "maybe", "export AGENT_LOOP_HOST=0"),
    ("RINGFENCE_AGENT", "clyde", "claude, codex, opencode or shell"),
    ("SANDBOX_DOCKER_IMAGE", "Team/worker", "export SANDBOX_DOCKER_IMAGE=team/worker"),
    ("SANDBOX_DOCKER_NETWORK", "a b", "export SANDBOX_DOCKER_NETWORK=bridge"),
];

#[test]
fn an_unknown_value_of_a_variable_is_an_error_and_nothing_runs() {
    for (name, value, hint) in UNKNOWN {
        let mut bed = Bed::new();
        bed.set(name, value);
        // A stronger flag does not excuse it.
        for args in [&["run", "-a", "shell", "touch ran"][..], &["run", "--mode", "host", "-a", "shell", "touch ran"]] {
            let done = bed.run(args).exits(78).says(&format!("error: ${name}: {value:?} "));
            assert!(done.stderr.contains(hint), "{name}={value}: {}", done.stderr);
        }
        assert!(!bed.workspace().join("ran").exists(), "{name}={value}");
    }
}

#[test]
fn a_typo_of_a_mode_never_runs_anything_on_the_host() {
    let run = ["run", "-a", "shell", "touch ran"];
    let file = |text: &str| {
        let bed = Bed::new();
        bed.config(text);
        (bed, 78)
    };
    let variable = |name: &str, value: &str| {
        let mut bed = Bed::new();
        bed.set(name, value);
        (bed, 78)
    };
    let cases = [
        file("mode = \"dokcer\"\n"),
        file("mode = \"Docker\"\n"),
        file("mdoe = \"docker\"\n"),
        file("mode = docker\n"),
        file("[agents.claude]\nmode = \"docekr\"\n"),
        variable("RINGFENCE_MODE", "dokcer"),
        variable("EXECUTION_ENVIRONMENT", "sandox"),
        variable("LAUNCH_MODE", "dokcer"),
    ];
    for (bed, code) in &cases {
        bed.run(&run).exits(*code);
        assert!(!bed.workspace().join("ran").exists());
    }
    let bed = Bed::new();
    bed.run(&[&["--mode", "dokcer"], &run[..]].concat()).exits(2);
    bed.run(&["sandbox", "set", "dokcer"]).exits(2);
    bed.run(&["sandbox", "set", "mode", "dokcer"]).exits(78);
    // Nor does an engine that is not there.
    let mut command = bed.command(&[&["--mode", "docker"], &run[..]].concat());
    command.env("PATH", bed.root().join("nothing"));
    support::start(command, b"").finish().exits(69).says("docker is not installed").says("hint: ");
    assert!(!bed.workspace().join("ran").exists());
}

const COMMENTED: &str = "# my settings\n\nmode = \"host\"  # for now\n\n[sandbox]  # the fence\nmemory = \"4g\"   # enough?\n\
                         # the network:\nnetwork = 'none'\nenv = [\n  \"A\",  # the first\n]\n";

#[test]
fn set_keeps_comments_order_and_quotes() {
    let bed = Bed::new();
    let path = bed.config(COMMENTED);
    let done = bed.run(&["sandbox", "set", "docker"]).exits(0);
    assert!(done.out().contains("mode: host → docker") && done.out().contains("config.toml"), "{}", done.out());
    bed.run(&["sandbox", "set", "sandbox.memory", "8g"]).exits(0);
    bed.run(&["sandbox", "set", "sandbox.env", "A,B"]).exits(0);
    bed.run(&["sandbox", "set", "run.timeout", "1h"]).exits(0);
    let expected = COMMENTED
        .replace("mode = \"host\"", "mode = \"docker\"")
        .replace("\"4g\"", "\"8g\"")
        .replace("  \"A\",  # the first\n", "  \"A\",  # the first\n  \"B\",\n");
    let settled = fs::read_to_string(path).unwrap();
    assert_eq!(settled, format!("{expected}\n[run]\ntimeout = \"1h\"\n"));
    let json = bed.run(&["sandbox", "set", "sandbox.pids", "64", "--json"]).exits(0).json();
    assert_eq!(
        (json["key"].as_str(), &json["before"], &json["after"]),
        (Some("sandbox.pids"), &Value::Null, &json!(64))
    );
    assert_eq!((json["ok"].as_bool(), json["changed"].as_bool()), (Some(true), Some(true)));
    let json = bed.run(&["--mode", "apple", "sandbox", "set", "docker", "--json"]).exits(0).json();
    assert_eq!((json["changed"].as_bool(), json["overriddenBy"].as_str()), (Some(false), Some("--mode")));
}

#[test]
fn set_makes_a_missing_file_and_its_folder() {
    let bed = Bed::new();
    bed.run(&["sandbox", "set", "docker"]).exits(0);
    assert_eq!(fs::read_to_string(bed.home().join(".config/ringfence/config.toml")).unwrap(), "mode = \"docker\"\n");
    let named = bed.root().join("new/own.toml");
    bed.run(&["--config", named.to_str().unwrap(), "sandbox", "set", "sandbox.pids", "64"]).exits(0);
    assert_eq!(fs::read_to_string(named).unwrap(), "[sandbox]\npids = 64\n");
}

#[test]
fn set_of_a_wrong_value_leaves_the_file_as_it_was() {
    let bed = Bed::new();
    let path = bed.config(COMMENTED);
    let before = fs::metadata(&path).unwrap().modified().unwrap();
    let wrong = [
        (&["mode", "dokcer"][..], 78),
        (&["mode", "sandbox"], 78),
        (&["sandbox.memory", "8x"], 78),
        (&["sandbox.memory", ""], 78),
        (&["sandbox.image", "Team/worker"], 78),
        (&["sandbox.pids", "lots"], 78),
        (&["sandbox.env", "A=1"], 78),
        (&["sandbox.cpus", "NaN"], 78),
        (&["run.timeout", "30"], 78),
        (&["agents.claude.token_command", "[1]"], 78),
        (&["sandbox.memroy", "8g"], 2),
        (&["sandbox", "8g"], 2),
        (&["sandbox.memory"], 2),
        (&["dokcer"], 2),
    ];
    for (args, code) in wrong {
        let done = bed.run(&[&["sandbox", "set"], args].concat()).exits(code).says("error: ").says("hint: ");
        assert_eq!(done.out(), "", "{args:?}");
        assert_eq!(fs::read_to_string(&path).unwrap(), COMMENTED, "{args:?}");
    }
    assert_eq!(fs::metadata(&path).unwrap().modified().unwrap(), before, "not even written anew");
    // A broken file is never replaced by one that holds the new value alone.
    let broken = "mode = \n# precious\n";
    bed.config(broken);
    bed.run(&["sandbox", "set", "docker"]).exits(78).says(":1: not TOML");
    assert_eq!(fs::read_to_string(path).unwrap(), broken);
}

#[test]
fn fifty_processes_at_a_time_lose_nothing_and_never_tear_the_file() {
    let bed = Bed::new();
    let path = bed.config("# shared by many\n");
    let defaults = show(&bed, &[]);
    let writable = defaults.iter().filter(|(_, (value, _))| !value.is_null());
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let pairs: Vec<(&str, String)> = writable.map(|(key, (value, _))| (key.as_str(), text(value))).collect();
    let done = AtomicBool::new(false);
    let reads = thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut reads = 0;
            while !done.load(Ordering::Relaxed) {
                let seen = fs::read_to_string(&path).expect("there at any time");
                assert!(seen.starts_with("# shared by many\n"), "{seen:?}");
                seen.parse::<toml_edit::DocumentMut>().expect("whole at any time");
                reads += 1;
            }
            reads
        });
        let started: Vec<_> = (0..50)
            .map(|at| {
                let (key, value) = &pairs[at % pairs.len()];
                bed.spawn(&["sandbox", "set", key, value], b"")
            })
            .collect();
        for writer in started {
            writer.finish().exits(0);
        }
        done.store(true, Ordering::Relaxed);
        reader.join().unwrap()
    });
    assert!(reads > 10, "{reads}");
    let settled = show(&bed, &[]);
    for (key, value) in &pairs {
        assert!(settled[*key].1.starts_with("config.toml:"), "{key} = {value} is lost: {settled:?}");
        assert_eq!(settled[*key].0, defaults[*key].0, "{key}");
    }
    let mut left: Vec<_> =
        fs::read_dir(path.parent().unwrap()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, [".config.toml.lock", "config.toml"], "nothing else stays in the folder");
}

#[test]
fn show_names_where_each_login_comes_from() {
    let mut bed = Bed::new();
    bed.write("home/.codex/auth.json", "{}");
    bed.set("OPENAI_API_KEY", "sk-test");
    let of = |bed: &Bed, agent: &str| {
        let json = bed.run(&["sandbox", "show", "--json"]).exits(0).json();
        json["credentials"].as_array().unwrap().iter().find(|row| row["agent"] == agent).unwrap().clone()
    };
    let file = bed.home().join(".codex/auth.json").display().to_string();
    // On the host codex itself reads them, and it ignores that variable.
    assert_eq!(of(&bed, "codex")["source"], file.as_str());
    bed.set("RINGFENCE_MODE", "docker");
    let codex = of(&bed, "codex");
    assert_eq!((&codex["source"], &codex["shadowed"][0]), (&"$OPENAI_API_KEY".into(), &file.into()));
    assert!(of(&bed, "claude")["source"].is_null());
    let shown = bed.run(&["sandbox", "show"]).exits(0).out();
    assert!(shown.lines().any(|line| line.starts_with("codex ") && line.contains("$OPENAI_API_KEY  /")), "{shown}");
    assert!(shown.lines().any(|line| line.starts_with("claude ") && line.ends_with("none found")), "{shown}");
    // Nothing is asked for it: a token is for runs.
    bed.program("tokens", "touch \"$HOME/asked\"; echo token");
    bed.config("[agents.claude]\ntoken_command = [\"tokens\"]\n");
    assert_eq!(of(&bed, "claude")["source"], "token_command (tokens)");
    assert!(!bed.home().join("asked").exists());
}
