//! The command line: what is typed wrongly is told in three lines or one object, help never acts, a dry run runs nothing.
#![allow(clippy::unwrap_used, reason = "a panic is how tests fail")]
#![allow(clippy::disallowed_methods, reason = "tests start processes")]

mod support;

use std::fs;
use std::io::pipe;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use snapbox::{assert_data_eq, str};
use support::{Bed, Done, PATIENCE, within};

/// A bed whose external programs only leave a trace that they ran.
fn watched() -> Bed {
    let mut bed = Bed::new();
    for name in ["docker", "container", "claude", "codex", "opencode"] {
        bed.program(name, "echo \"$0 $*\" >>\"$HOME/ran\"");
    }
    bed
}

/// What external programs ran.
fn ran(bed: &Bed) -> String {
    fs::read_to_string(bed.home().join("ran")).unwrap_or_default()
}

/// The three lines of an error, or the two of one without a cause; and nothing on standard output.
#[track_caller]
fn three_lines(done: &Done) -> (String, String, String) {
    assert_eq!(done.out(), "", "nothing belongs on standard output: {}", done.stderr);
    let lines: Vec<&str> = done.stderr.lines().collect();
    let part = |start: &str| lines.iter().find_map(|line| line.strip_prefix(start)).unwrap_or_default().to_owned();
    let (error, cause, hint) = (part("error: "), part("caused by: "), part("hint: "));
    let expected = if cause.is_empty() { 2 } else { 3 };
    assert_eq!(lines.len(), expected, "{}", done.stderr);
    assert!(lines[0].starts_with("error: ") && lines[expected - 1].starts_with("hint: "), "{}", done.stderr);
    assert!(!error.is_empty() && hint.contains(' '), "{}", done.stderr);
    (error, cause, hint)
}

/// Each mistake with its code and class, its message, and a word that the hint must have.
const MISTAKES: &[(&[&str], i32, &str, &str, &str)] = &[
    (&["nope"], 2, "usage", "unrecognized subcommand 'nope'", "ringfence --help"),
    (&["rnu", "x"], 2, "usage", "unrecognized subcommand 'rnu'", "did you mean run?"),
    (&["sandbox", "shwo"], 2, "usage", "unrecognized subcommand 'shwo'", "did you mean show?"),
    (&["sandbox", "biuld-image"], 2, "usage", "unrecognized subcommand 'biuld-image'", "did you mean build-image?"),
    (&["run", "--agnet", "shell", "x"], 2, "usage", "unexpected argument '--agnet' found", "did you mean --agent?"),
    (&["run", "x", "y"], 2, "usage", "unexpected argument 'y' found", "ringfence run --help"),
    (&["run", "--agent", "claud", "x"], 2, "usage", "invalid value 'claud' for '--agent", "did you mean claude?"),
    (&["run", "--mode", "dcoker", "x"], 2, "usage", "invalid value 'dcoker' for '--mode", "did you mean docker?"),
    (&["--mode", "Host", "run", "x"], 2, "usage", "invalid value 'Host' for '--mode", "ringfence run --help"),
    (
        &["run", "--fallback", "docker", "x"],
        2,
        "usage",
        "invalid value 'docker' for '--fallback",
        "ringfence run --help",
    ),
    (&["run", "--file"], 2, "usage", "a value is required for '--file", "ringfence run --help"),
    (&["-q", "-v", "run", "x"], 2, "usage", "'--quiet' cannot be used with '--verbose'", "ringfence run --help"),
    (&["completions"], 2, "usage", "<SHELL>", "ringfence completions --help"),
    (&["completions", "tcsh"], 2, "usage", "invalid value 'tcsh'", "did you mean zsh?"),
    (
        &["sandbox", "set"],
        2,
        "usage",
        "sandbox set needs a mode or a key where nobody can be asked",
        "ringfence sandbox set docker",
    ),
    (&["sandbox", "set", "dokcer"], 2, "usage", "\"dokcer\" is neither a mode", "ringfence sandbox set docker"),
    (&["run"], 2, "usage", "the task is empty", "ringfence run 'what to do'"),
    (&["run", ""], 2, "usage", "the task is empty", "ringfence run -f task.md"),
    (&["run", " \n\t"], 2, "usage", "the task is empty", "ringfence run 'what to do'"),
    (&["run", "--", "x"], 2, "usage", "the task is empty", "ringfence run 'what to do'"),
    (&["run", "-f", "empty"], 2, "usage", "the task is empty", "ringfence run 'what to do'"),
    (&["run", "-f", "nul"], 2, "usage", "the task has a NUL byte (at offset 3)", "path"),
    (&["run", "x", "-f", "task.md"], 2, "usage", "two tasks: an argument and --file", "give one"),
    (&["run", "-", "-f", "-"], 2, "usage", "two tasks: an argument and --file", "give one"),
    (&["run", "-f", "missing.md"], 2, "usage", "the task file missing.md cannot be read", "standard input"),
    (&["run", "-f", "."], 2, "usage", "the task file . cannot be read", "standard input"),
    (&["run", "-C", "missing", "x"], 2, "usage", "no such workspace: missing", "-C DIR"),
    (&["run", "-C", "task.md", "x"], 2, "usage", "the workspace is not a folder: ", "-C DIR"),
    (&["run", "--timeout", "soon", "x"], 2, "usage", "--timeout: \"soon\" is not a duration", "--timeout 30m"),
    (&["run", "--grace", "0", "x"], 2, "usage", "--grace: \"0\"", "--grace 10s"),
    (&["run", "--cpus", "many", "x"], 2, "usage", "--cpus: \"many\"", "--cpus 2"),
    (&["run", "--memory", "4x", "x"], 2, "usage", "--memory: \"4x\"", "--memory 4g"),
    (&["run", "--network", "a b", "x"], 2, "usage", "--network: \"a b\"", "--network bridge"),
    (
        &["run", "--mode", "docker", "--mount", "missing", "x"],
        2,
        "usage",
        "no such file or folder to mount",
        "SRC[:DST]",
    ),
    (&["run", "--mode", "docker", "-C", "/", "x"], 2, "usage", "/ cannot be the workspace of a container", "-C"),
    (
        &["run", "--mode", "docker", "-C", "/proc", "x"],
        2,
        "usage",
        "it is in a folder of the system",
        "sandbox.workdir",
    ),
    (&["run", "--mode", "docker", "-C", "/home", "x"], 2, "usage", "/home holds /home/ringfence", "sandbox.workdir"),
    (
        &["run", "--mode", "docker", "--mount", ".:/home/ringfence", "x"],
        2,
        "usage",
        "/home/ringfence holds /home/ringfence, the agent's own home",
        "--mount SRC:/data",
    ),
    (&["run", "--env", "=x", "x"], 2, "usage", "--env: \"\" is not a variable's name", "--env NAME"),
    (&["run", "--image", "Team/worker", "x"], 78, "invalid_image", "--image: \"Team/worker\"", "--image team/worker"),
    (
        &["run", "--env", "UNSET", "-a", "shell", "x"],
        78,
        "env_missing",
        "--env UNSET: UNSET is not set",
        "-e UNSET=VALUE",
    ),
    (
        &["run", "--mode", "apple", "--cpus", "0.5", "x"],
        78,
        "config",
        "container does not enforce sandbox.cpus",
        "--allow-partial",
    ),
    (&["--config", "missing.toml", "run", "x"], 2, "usage", "no such file", "--config"),
    (&["sandbox", "build-image", "--tag", "Team/x"], 78, "invalid_image", "\"Team/x\" has capitals", "team/x"),
    (&["sandbox", "build-image", "--base", "a b"], 78, "invalid_image", "\"a b\" has the part", "lower-case"),
    (&["sandbox", "build-image", "--agent-version", "claude"], 2, "usage", "not NAME=VERSION", "claude=2.1.197"),
    (&["sandbox", "build-image", "--agent-version", "bash=5"], 2, "usage", "not NAME=VERSION", "claude=2.1.197"),
    (&["sandbox", "build-image", "--agent-version", "claude=$(x)"], 2, "usage", "not NAME=VERSION", "claude="),
    (
        &["sandbox", "build-image", "--ca-cert", "missing.pem"],
        2,
        "usage",
        "missing.pem cannot be read",
        "--ca-cert FILE",
    ),
    (&["sandbox", "build-image", "--ca-cert", "task.md"], 2, "usage", "task.md holds no certificate", "--ca-cert FILE"),
];

fn with_files() -> Bed {
    let bed = watched();
    bed.write("work/task.md", "a task\n");
    bed.write("work/empty", "\n");
    bed.write("work/nul", "abc\0def");
    bed
}

#[test]
fn mistakes_are_told_in_three_lines_and_run_nothing() {
    let bed = with_files();
    for (args, code, _, message, hint) in MISTAKES {
        let done = bed.run(args).exits(*code);
        let (error, _, told) = three_lines(&done);
        assert!(error.contains(message) && told.contains(hint), "{args:?}: {}", done.stderr);
    }
    assert_eq!(ran(&bed), "");
}

#[test]
fn mistakes_are_one_object_with_json_wherever_it_stands() {
    let bed = with_files();
    for (args, code, class, message, hint) in MISTAKES {
        let position = args.iter().position(|arg| *arg == "--").unwrap_or(args.len());
        let behind = [&args[..position], &["--json"], &args[position..]].concat();
        let in_front = [&["--json"], *args].concat();
        // After an option that wants a value it would be that value.
        let typed = if args.last() == Some(&"--file") { vec![in_front] } else { vec![in_front, behind] };
        for args in typed {
            let done = bed.run(&args).exits(*code);
            let json = done.json();
            assert_eq!((&json["ok"], json["class"].as_str()), (&Value::Bool(false), Some(*class)), "{args:?}");
            assert!(json["message"].as_str().unwrap().contains(message), "{args:?} {json}");
            assert!(json["hint"].as_str().unwrap().contains(hint), "{args:?} {json}");
            let schema = args.contains(&"run").then_some("ringfence.run/1");
            assert_eq!(json["schema"].as_str(), schema, "{args:?} {json}");
            assert!(done.stderr.starts_with("error: "), "people still see it: {}", done.stderr);
        }
    }
    assert_eq!(ran(&bed), "");
}

#[test]
fn an_options_value_names_no_command() {
    let bed = Bed::new();
    for (args, schema) in [
        (&["--config", "run", "sandbox", "ls", "--bogus"][..], None),
        (&["--color", "always", "--config=x", "run", "--bogus"], Some("ringfence.run/1")),
        (&["run", "-qa", "sandbox", "--bogus"], Some("ringfence.run/1")),
    ] {
        let json = bed.run(&[args, &["--json"]].concat()).exits(2).json();
        assert_eq!(json["schema"].as_str(), schema, "{args:?} {json}");
    }
}

#[test]
fn an_error_reads_well() {
    let bed = Bed::new();
    assert_data_eq!(
        bed.run(&["run", "--file", "missing.md"]).stderr,
        str![[r"
error: the task file missing.md cannot be read
caused by: No such file or directory (os error 2)
hint: check its path and permissions; `-` is standard input

"]]
    );
    assert_data_eq!(
        bed.run(&["sandbox", "set", "sandbox.memroy", "8g"]).stderr,
        str![[r"
error: unknown key sandbox.memroy
hint: did you mean sandbox.memory? type: ringfence sandbox set sandbox.memory VALUE

"]]
    );
    let json = bed.run(&["--json", "sandbox", "set", "dokcer"]).json();
    assert_eq!(
        json,
        serde_json::json!({
            "ok": false,
            "class": "usage",
            "retryable": false,
            "message": "\"dokcer\" is neither a mode (host, docker, apple) nor a key with a value",
            "cause": null,
            "hint": "type: ringfence sandbox set docker, or: ringfence sandbox set KEY VALUE",
        })
    );
}

#[test]
fn nothing_typed_shows_the_help() {
    let bed = Bed::new();
    for args in [&[][..], &["sandbox"]] {
        let done = bed.run(args).exits(2);
        assert_eq!(done.out(), "");
        assert!(done.stderr.contains("Usage: ringfence") && done.stderr.contains("Commands:"), "{}", done.stderr);
    }
    for args in [&["--json"][..], &["sandbox", "--json"], &["--json", "sandbox"]] {
        let json = bed.run(args).exits(2).json();
        assert_eq!(json["class"], "usage", "{args:?}");
        assert!(json["hint"].as_str().unwrap().ends_with("--help"), "{json}");
    }
}

#[test]
fn help_shows_examples_and_never_acts() {
    let bed = watched();
    // Help is for those whose configuration is broken, too.
    let config = bed.config("mode = \n");
    let commands: &[&[&str]] = &[
        &[],
        &["run"],
        &["run", "--mode", "docker", "--json", "x"],
        &["sandbox", "show"],
        &["sandbox", "set"],
        &["sandbox", "set", "docker"],
        &["sandbox", "build-image"],
        &["completions"],
        &["man"],
    ];
    for command in commands {
        for flag in ["--help", "-h"] {
            let done = bed.run(&[*command, &[flag]].concat()).exits(0);
            assert!(done.out().contains("Usage: ringfence"), "{command:?}");
            assert!(done.out().contains("Example"), "{command:?} has no example");
            assert_eq!(done.stderr, "", "{command:?}");
        }
    }
    bed.run(&["help", "run"]).exits(0);
    assert_eq!(fs::read_to_string(config).unwrap(), "mode = \n");
    assert_eq!(ran(&bed), "");
}

#[test]
fn the_version_is_one_line() {
    for flag in ["--version", "-V"] {
        let done = Bed::new().run(&[flag]).exits(0);
        assert_eq!(done.out(), concat!("ringfence ", env!("CARGO_PKG_VERSION"), "\n"));
    }
}

#[test]
fn global_options_go_anywhere() {
    let bed = Bed::new();
    let file = bed.write("work/other.toml", "agent = \"codex\"\n");
    let file = file.to_str().unwrap();
    let orders: [&[&str]; 4] = [
        &["--json", "--config", file, "--mode", "docker", "sandbox", "show"],
        &["sandbox", "--json", "--config", file, "--mode", "docker", "show"],
        &["sandbox", "show", "--json", "--config", file, "--mode", "docker"],
        &["--config", file, "sandbox", "--mode=docker", "show", "--no-input", "--json"],
    ];
    for args in orders {
        let json = bed.run(args).exits(0).json();
        assert_eq!((json["agent"].as_str(), json["mode"].as_str()), (Some("codex"), Some("docker")), "{args:?}");
        assert_eq!(json["configFile"], file);
    }
    // A later one replaces an earlier.
    assert_eq!(bed.run(&["--mode", "apple", "sandbox", "show", "--json", "--mode", "host"]).json()["mode"], "host");
}

#[test]
fn quiet_silences_warnings_and_nothing_else() {
    let mut bed = Bed::new();
    bed.set("AGENT_LOOP_HOST", "1");
    let args = ["run", "-a", "shell", "echo answer; echo noise >&2; exit 3"];
    let loud = bed.run(&args).exits(1).says("warning: $AGENT_LOOP_HOST forces the host").says("error: ");
    let quiet = bed.run(&[&["-q"], &args[..]].concat()).exits(1).says("noise").says("error: ").says("hint: ");
    assert!(!quiet.stderr.contains("warning:"), "{}", quiet.stderr);
    assert_eq!((loud.out(), quiet.out()), ("answer\n".into(), "answer\n".into()));
}

#[test]
fn verbose_echoes_commands_without_secrets() {
    let bed = Bed::new();
    let done = bed.run(&["-v", "run", "--mode", "host", "-a", "shell", "-e", "KEY=hunter2", "echo \"$KEY\""]).exits(0);
    assert_eq!(done.out(), "hunter2\n");
    assert!(done.stderr.lines().any(|line| line.starts_with("+ sh -c ")), "{}", done.stderr);
    assert!(!done.stderr.contains("hunter2"), "{}", done.stderr);
}

#[test]
fn a_folder_of_the_system_that_cannot_be_used_is_named() {
    let mut bed = watched();
    let file = bed.write("a state", "");
    bed.set("RINGFENCE_STATE_DIR", &file).set("TMPDIR", "/no where");
    let look = format!("ls -ld '{}/dead-letters'", file.display());
    for (args, message, hint) in [
        (&["dead-letter", "list"][..], "/dead-letters cannot be read", look.as_str()),
        (&["dead-letter", "rm", "--all"], "/dead-letters cannot be read", "RINGFENCE_STATE_DIR"),
        (
            &["sandbox", "build-image"],
            "the folder for temporary files, /no where, cannot be used",
            "mkdir -p '/no where'",
        ),
    ] {
        let done = bed.run(args).exits(78);
        let hinted = done.stderr.lines().last().is_some_and(|last| last.starts_with("hint: ") && last.contains(hint));
        assert!(done.stderr.contains(message) && hinted, "{args:?}: {}", done.stderr);
    }
}

#[test]
fn a_full_disk_is_told_as_one() {
    let bed = Bed::new();
    for args in [
        &["sandbox", "show"][..],
        &["man"],
        &["schema", "run", "--json"],
        &["run", "-q", "--json", "-a", "shell", "yes | head -c 40000"],
    ] {
        let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let mut command = bed.command(args);
        let output = command.stdin(Stdio::null()).stdout(full).stderr(Stdio::piped()).output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(70), "{args:?}: {stderr}");
        assert!(
            stderr.starts_with("error: standard output cannot be written to\ncaused by: No space"),
            "{args:?}: {stderr}"
        );
    }
}

#[test]
fn a_second_signal_does_not_wait_for_an_engine_that_does_not_answer() {
    let mut bed = Bed::new();
    bed.program("docker", "echo >>\"$HOME/asked\"; exec sleep 300");
    let commands: [&[&str]; 4] = [
        &["run", "--mode", "docker", "-a", "shell", "true"],
        &["run", "--sandbox", "box", "-a", "shell", "true"],
        &["sandbox", "create", "box"],
        &["sandbox", "exec", "box", "--", "true"],
    ];
    let running: Vec<_> = commands.iter().map(|args| bed.spawn(args, b"")).collect();
    let asked = || fs::read_to_string(bed.home().join("asked")).unwrap_or_default().len();
    // To create is to look for leftovers, too.
    within(Duration::from_secs(60), "every one of them asks its engine", || asked() > commands.len());
    // Two of one kind that come at once may be one.
    let asked = Instant::now();
    for one in &running {
        for name in ["HUP", "TERM"] {
            one.signal(name);
        }
    }
    for (running, args) in running.into_iter().zip(commands) {
        let done = running.finish();
        assert!(matches!(done.code, Some(129 | 143)), "{args:?}: {done:?}");
        // Each of its calls to the engine may take some seconds, none of them its whole time.
        assert!(asked.elapsed() < Duration::from_secs(25), "{args:?} took {:?}", asked.elapsed());
    }
}

/// Runs with a standard output that nobody reads any more.
fn unread(bed: &Bed, args: &[&str]) -> (Option<i32>, String) {
    let (reader, writer) = pipe().unwrap();
    drop(reader);
    let mut command = bed.command(args);
    let output = command.stdin(Stdio::null()).stdout(writer).stderr(Stdio::piped()).spawn().unwrap();
    let output = output.wait_with_output().unwrap();
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn a_reader_that_has_enough_is_no_error() {
    let bed = Bed::new();
    let commands: &[&[&str]] = &[
        &["sandbox", "show"],
        &["sandbox", "show", "--json"],
        &["sandbox", "set", "docker"],
        &["sandbox", "set", "docker", "--json"],
        &["sandbox", "build-image", "--print"],
        &["completions", "bash"],
        &["man"],
        &["--help"],
        &["--version"],
        &["run", "--dry-run", "--mode", "host", "-a", "shell", "x"],
    ];
    for args in commands {
        assert_eq!(unread(&bed, args), (Some(0), String::new()), "{args:?}");
    }
    // What became of the command is told all the same.
    bed.config("mode = 3\n");
    for args in [&["--json", "nope"][..], &["run", "--json", "x"], &["sandbox", "doctor", "--json"]] {
        let (code, stderr) = unread(&bed, args);
        let expected = if args.contains(&"nope") { 2 } else { 78 };
        assert!(code == Some(expected) && !stderr.contains("panic"), "{args:?}: {code:?} {stderr}");
    }
    bed.config("");
    let big = "yes x | head -c 40000; exit 3";
    for (args, code) in [(["--json", "-q"], 1), (["--json-stream", "-q"], 141)] {
        let (ended, stderr) = unread(&bed, &[&["run", "-a", "shell", big][..], &args].concat());
        assert!(ended == Some(code) && stderr.matches("error: ").count() == 1, "{args:?}: {ended:?} {stderr}");
    }
    let head = format!("{} sandbox show | head -1", support::RINGFENCE);
    let mut shell = Command::new("sh");
    let output =
        shell.args(["-c", &head]).env_clear().env("PATH", "/usr/bin:/bin").env("HOME", bed.home()).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert!(output.stdout.starts_with(b"Configuration: "));
}

/// The words of a command line as a shell reads them.
fn words(line: &str) -> Vec<String> {
    let mut shell = Command::new("sh");
    let output = shell.arg("-c").arg(format!("printf '%s\\0' {line}")).output().unwrap();
    String::from_utf8(output.stdout).unwrap().split_terminator('\0').map(str::to_owned).collect()
}

/// The same without what differs from run to run.
fn lasting(words: &[String]) -> Vec<String> {
    let own = |start: &str| words.iter().find_map(|word| word.strip_prefix(start)).unwrap().to_owned();
    let id = own("ringfence.run=");
    let changing = |word: &&String| !word.starts_with("ringfence.owner.");
    words.iter().filter(changing).map(|word| word.replace(&id, "ID")).collect()
}

#[test]
fn a_dry_run_prints_what_a_run_would_execute_and_executes_nothing() {
    let mut bed = watched();
    bed.set("ANTHROPIC_API_KEY", "hunter2");
    bed.write("work/a, b'c:d/x", "");
    let args = [
        &["run", "--mode", "docker", "-a", "claude", "-C", "a, b'c:d", "--memory", "1g", "--network", "none"][..],
        &["--max-attempts", "1", "-e", "TOKEN=hunter2", "do it", "--", "--extra", "two words"],
    ]
    .concat();
    let dry = [&["--dry-run"], &args[1..]].concat();
    let done = bed.run(&[&["run"], &dry[..]].concat()).exits(0);
    let json = bed.run(&[&["run", "--json"], &dry[..]].concat()).exits(0).json();
    assert_eq!(ran(&bed), "", "a dry run runs nothing");
    assert!(!format!("{done:?}{json}").contains("hunter2"), "{json}");
    let lines: Vec<String> = done.out().lines().map(str::to_owned).collect();
    let (planned, inside) = (&lines[0], lines[1].strip_prefix("# inside, by a frame over standard input: ").unwrap());
    assert_eq!(lines.len(), 2);
    assert!(
        inside.contains("ANTHROPIC_API_KEY=…") && inside.contains("claude -p --output-format stream-json --verbose")
    );
    assert!(inside.ends_with("--extra 'two words'") && !inside.contains("do it"), "{inside}");
    assert_eq!(
        (json["ok"].as_bool(), json["mode"].as_str(), &json["agentCommand"]),
        (Some(true), Some("docker"), &inside.into())
    );
    assert_eq!(json["schema"], "ringfence.plan/1");
    assert_eq!(json["commands"].as_array().unwrap().len(), 1);
    assert_eq!(lasting(&words(json["commands"][0].as_str().unwrap())), lasting(&words(planned)));

    // The real thing, with an engine that writes down how it was called.
    bed.program(
        "docker",
        "[ \"$1\" != run ] || { printf 'docker\\0'; printf '%s\\0' \"$@\"; } >\"$HOME/called\"; exit 1",
    );
    bed.run(&args).exits(75);
    let called = fs::read_to_string(bed.home().join("called")).unwrap();
    let called: Vec<String> = called.split_terminator('\0').map(str::to_owned).collect();
    assert_eq!(lasting(&called), lasting(&words(planned)));
}

#[test]
fn a_dry_run_needs_neither_engine_nor_agent() {
    let bed = Bed::new();
    let mut command = bed.command(&["run", "--dry-run", "--mode", "docker", "-a", "codex", "x"]);
    command.env("PATH", bed.root().join("nothing"));
    let done = support::start(command, b"").finish().exits(0);
    assert!(done.out().starts_with("docker run --rm "), "{}", done.out());
    let done = bed.run(&["run", "--dry-run", "--mode", "host", "-a", "shell", "touch made", "--", "a b"]).exits(0);
    assert!(done.out().ends_with("sh /dev/fd/4 'a b'\n"), "{}", done.out());
    assert!(!bed.workspace().join("made").exists());
    // Nor a vault.
    bed.config("[agents.claude]\ntoken_command = ['vault', 'x']\n");
    let done = bed.run(&["run", "--dry-run", "--mode", "docker", "-a", "claude", "x"]).exits(0);
    assert!(done.out().contains("vault x"), "{}", done.out());
}

#[test]
fn a_signal_while_a_token_is_asked_for_ends_the_run() {
    let bed = Bed::new();
    bed.config("[agents.claude]\ntoken_command = ['sh', '-c', 'touch asked; sleep 300']\n");
    let running = bed.spawn(&["run", "--mode", "docker", "-a", "claude", "--json", "x"], b"");
    within(PATIENCE, "the command is asked", || bed.workspace().join("asked").exists());
    running.signal("INT");
    let done = running.finish().exits(130);
    assert_eq!(done.json()["class"], "interrupted");
    assert!(done.took < PATIENCE, "{:?}", done.took);
    within(PATIENCE, "the command is gone", || support::processes_with(bed.home().to_str().unwrap()).is_empty());
}

#[test]
fn the_task_comes_from_one_place() {
    let bed = Bed::new();
    let script = "echo \"task of ${#} $*\"";
    bed.write("work/task file", script);
    let run = ["run", "--mode", "host", "-a", "shell"];
    let ways: [(&[&str], &str); 6] = [
        (&[script], ""),
        (&["-f", "task file"], "exit 9"),
        (&["-f", "-"], script),
        (&["--file=-"], script),
        (&["-"], script),
        (&[], script),
    ];
    for (way, input) in ways {
        let done = bed.run_with(&[&run[..], way].concat(), input.as_bytes()).exits(0);
        assert_eq!(done.out(), "task of 0 \n", "{way:?}");
        let with_args = [&run[..], way, &["--", "--json", "-f", "a  b"]].concat();
        assert_eq!(bed.run_with(&with_args, input.as_bytes()).exits(0).out(), "task of 3 --json -f a  b\n", "{way:?}");
    }
    // A dash-led task needs `--file` or standard input; what stands behind `--` is the agent's.
    bed.run(&[&run[..], &["--not-an-option"]].concat()).exits(2);
}

#[test]
fn a_task_may_be_any_bytes_but_nul() {
    let bed = Bed::new();
    let mut script = b"cat <<'END'\n".to_vec();
    let odd: Vec<u8> = (1..=255).filter(|byte| *byte != b'\n').chain(*b"\n$(x) `y` \\ '\" !\n").collect();
    script.extend(&odd);
    script.extend(b"END\n");
    let run = ["run", "--mode", "host", "-a", "shell"];
    assert_eq!(bed.run_with(&run, &script).exits(0).stdout, odd);
    bed.write("work/odd", &script);
    assert_eq!(bed.run(&[&run[..], &["-f", "odd"]].concat()).exits(0).stdout, odd);
}

#[test]
fn colour_is_decided_once() {
    let mut bed = Bed::new();
    let coloured = |bed: &Bed, args: &[&str]| bed.run(args).stderr.contains('\u{1b}');
    let error = ["run", "-f", "missing"];
    assert!(!coloured(&bed, &error), "a pipe is no terminal");
    assert!(coloured(&bed, &[&["--color", "always"], &error[..]].concat()));
    assert!(!coloured(&bed, &[&["--color", "never"], &error[..]].concat()));
    assert!(bed.run(&["--color", "always", "sandbox", "show"]).out().contains('\u{1b}'));
    assert!(!bed.run(&["--color", "never", "sandbox", "show"]).out().contains('\u{1b}'));
    assert!(!bed.run(&["--color", "always", "sandbox", "show", "--json"]).out().contains('\u{1b}'));
    bed.set("CLICOLOR_FORCE", "1");
    assert!(coloured(&bed, &error));
    assert!(!coloured(&bed, &[&["--color", "never"], &error[..]].concat()), "a flag is stronger");
    bed.set("NO_COLOR", "1");
    assert!(!coloured(&bed, &error));
    assert!(coloured(&bed, &[&["--color", "always"], &error[..]].concat()), "a flag is stronger");
}
