//! What travels to an agent and back: secrets that show nowhere else, any bytes, and any amount of them.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a panic is how tests fail, and tests start processes"
)]

mod support;

use std::ffi::OsStr;
use std::fs;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use support::runtime::Runtime;
use support::{Bed, Engine, PATIENCE, processes_with, start, within};

/// What a run of claude is asked for that finds, in place of claude, the program in the bed's `bin`.
fn claude<'a>(mount: &'a str, image: &'a str, rest: &[&'a str]) -> Vec<&'a str> {
    let mut args = vec!["run", "--agent", "claude", "--timeout", "60s", "--env", "PATH=/opt/fake:/usr/bin:/bin"];
    args.extend(["--mode", Runtime::chosen().mode(), "--image", image, "--mount", mount]);
    args.extend(Runtime::chosen().closed());
    args.extend(rest);
    args
}

fn fake_mount(bed: &Bed) -> String {
    format!("{}:/opt/fake:ro", bed.root().join("bin").display())
}

/// The last line that claude prints when it is done.
const RESULT: &str =
    r#"echo '{"type":"result","subtype":"success","is_error":false,"result":"done","session_id":"s"}'"#;

/// The processes of this machine whose command line holds `text`.
fn told(text: &str) -> Vec<String> {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let lines =
        processes.filter_map(|process| Some((process.file_name(), fs::read(process.path().join("cmdline")).ok()?)));
    let found = lines.filter(|(_, line)| String::from_utf8_lossy(line).contains(text));
    found.map(|(pid, _)| pid.to_string_lossy().into_owned()).collect()
}

#[test]
fn a_secret_is_with_the_agent_and_nowhere_else() {
    let Some(engine) = Engine::get() else { return };
    for from_file in [true, false] {
        let mut bed = engine.bed();
        // Every secret of this bed holds its name, and nothing else does.
        let canary = format!("canary{}", std::process::id() * 2 + u32::from(from_file));
        let script = "env >env; cat >task; cp -r ~ home; ls -lA ~/.claude >list; touch ready; while [ ! -e go ]; do sleep 0.05; done";
        bed.program("claude", &format!("{script}\n{RESULT}"));
        let login = json!({ "claudeAiOauth": {
            "accessToken": format!("{canary}-access"), "refreshToken": format!("{canary}-refresh"),
            "expiresAt": 4_102_444_800_000_u64, "scopes": ["user:inference"],
        }, "mcpOAuth": format!("{canary}-mcp") });
        let host_file = bed.write("home/.claude/.credentials.json", login.to_string());
        let before = fs::metadata(&host_file).unwrap();
        bed.set("NAMED", format!("{canary}-named"));
        if !from_file {
            bed.set("ANTHROPIC_API_KEY", format!("{canary}-key"));
        }
        let (mount, tiny, typed) = (fake_mount(&bed), engine.tiny(), format!("TYPED={canary}-typed"));
        let args = claude(&mount, &tiny, &["--env", "NAMED", "--env", &typed, "--verbose"]);
        let prompt = format!("{canary}-prompt");
        let dry = bed.run_with(&[args.as_slice(), &["--dry-run"]].concat(), prompt.as_bytes()).exits(0);
        let running = bed.spawn(&args, prompt.as_bytes());
        within(PATIENCE, "the agent is ready", || bed.workspace().join("ready").exists());
        let name = engine.containers_of(&bed);
        let inspected = engine.docker(&["inspect", &name]);
        assert!(inspected.contains("HOME=/home/ringfence"), "it is this container: {inspected}");
        let of_engine = [inspected, engine.docker(&["logs", &name]), engine.docker(&["top", &name, "-ef"])].concat();
        assert_eq!(told(&canary), [running.pid().to_string()], "only in the command line where the caller typed it");
        fs::write(bed.workspace().join("go"), "").unwrap();
        let done = running.finish().exits(0).says(&format!("+ {} run", Runtime::chosen().program()));
        for (place, text) in
            [("the engine", of_engine), ("a dry run", dry.out() + &dry.stderr), ("-v", done.out() + &done.stderr)]
        {
            assert!(!text.contains(&canary), "{place}: {text}");
        }

        let inside = |name: &str| fs::read_to_string(bed.workspace().join(name)).unwrap_or_default();
        assert_eq!(inside("task"), format!("{prompt}\n"));
        for name in ["named", "typed"] {
            assert!(inside("env").contains(&format!("{}={canary}-{name}\n", name.to_uppercase())), "{}", inside("env"));
        }
        assert_eq!(inside("env").contains(&format!("ANTHROPIC_API_KEY={canary}-key\n")), !from_file);
        let lease = inside("home/.claude/.credentials.json");
        if from_file {
            let lease: Value = serde_json::from_str(&lease).unwrap();
            let login = lease["claudeAiOauth"].as_object().unwrap();
            assert_eq!(login["accessToken"], format!("{canary}-access"));
            assert!(!login.contains_key("refreshToken") && lease.as_object().unwrap().len() == 1, "{lease}");
            assert!(inside("list").contains("-rw------- "), "{}", inside("list"));
        } else {
            assert_eq!(lease, "", "the variable goes first, and one credential is enough");
        }
        assert_eq!(fs::read_to_string(&host_file).unwrap(), login.to_string());
        let after = fs::metadata(&host_file).unwrap();
        assert_eq!(
            (after.modified().unwrap(), after.permissions()),
            (before.modified().unwrap(), before.permissions())
        );
    }
}

#[test]
fn shared_files_are_in_the_home_and_cannot_be_changed() {
    let Some(engine) = Engine::get() else { return };
    let mut bed = engine.bed();
    bed.config("[agents.claude]\nshare = [\"settings.json\", \"skills\", \"not there\"]\n");
    for (path, text) in [("settings.json", "{}"), ("skills/one/SKILL.md", "how"), ("history.jsonl", "private")] {
        bed.write(&format!("home/.claude/{path}"), text);
    }
    let script = "cd ~/.claude; cat settings.json skills/one/SKILL.md >\"$OLDPWD/shared\"; ls -A >\"$OLDPWD/list\"
for file in settings.json skills/one/SKILL.md; do echo no >>$file && exit 3; done 2>/dev/null; echo yes >own || exit 4";
    bed.program("claude", &format!("{script}\n{RESULT}")).set("ANTHROPIC_API_KEY", "sk-ant-api-test");
    let (mount, tiny) = (fake_mount(&bed), engine.tiny());
    assert_eq!(bed.run(&claude(&mount, &tiny, &["a task"])).exits(0).out(), "done\n");
    let inside = |name: &str| fs::read_to_string(bed.workspace().join(name)).unwrap();
    assert_eq!((inside("shared"), inside("list")), ("{}how".into(), "settings.json\nskills\n".into()));
}

#[test]
fn a_run_is_one_call_of_the_engine_and_the_one_that_is_shown() {
    let Some(engine) = Engine::get() else { return };
    let mut bed = engine.bed();
    // It is of mode docker: the stand-in's calls are made of several.
    let program = if Runtime::chosen() == Runtime::Apple { "docker".to_owned() } else { Runtime::chosen().program() };
    let docker = Command::new("sh").args(["-c", &format!("command -v {program}")]).output().unwrap().stdout;
    let (docker, log) = (String::from_utf8(docker).unwrap(), bed.root().join("calls"));
    let log_call = format!("{{ printf '%s\\0' {program} \"$@\"; printf '\\n'; }} >>'{}'", log.display());
    bed.program(&program, &format!("{log_call}\nexec {} \"$@\"", docker.trim()));
    let tiny = engine.tiny();
    let args = ["run", "-v", "-a", "shell", "--mode", "docker", "--network", "none", "--image", &tiny, "echo it\\'s"];
    let dry = bed.run(&[args.as_slice(), &["--dry-run"]].concat()).exits(0);
    assert!(!log.exists(), "a dry run runs nothing");
    let done = bed.run(&args).exits(0);
    assert_eq!(done.out(), "it's\n");
    let calls = fs::read_to_string(&log).unwrap();
    let calls = calls.trim_end_matches('\n');
    assert_eq!(calls.matches(&format!("{program}\0")).count(), 1, "{calls:?}");
    // A shell that is given the echoed line calls the same.
    let words = |line: &str| {
        let output = Command::new("sh").args(["-c", &format!("printf '%s\\0' {line}")]).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let echoed: Vec<&str> = done.stderr.lines().filter_map(|line| line.strip_prefix("+ ")).collect();
    assert_eq!(echoed.len(), 1, "{}", done.stderr);
    assert_eq!(words(echoed[0]), calls);
    // And the dry run differs only in what names the run and its owner.
    let dry = words(dry.out().lines().next().unwrap());
    let changing = ["--name", "ringfence.run=", "ringfence.owner."];
    let differs: Vec<&str> = dry.split('\0').zip(calls.split('\0')).filter(|(a, b)| a != b).map(|(_, b)| b).collect();
    let named = |word: &&str| changing.iter().any(|start| word.starts_with(start)) || word.starts_with("ringfence-");
    assert!(!differs.is_empty() && differs.iter().all(named), "{differs:?}");
}

/// Bytes that a shell, a here-document or a decoder may trip over.
fn awkward() -> Vec<(&'static str, Vec<u8>)> {
    let every: Vec<u8> = (1..=255).collect();
    let pairs: Vec<u8> = (1..=255_u8).flat_map(|first| (1..=255_u8).flat_map(move |second| [first, second])).collect();
    let quotes = b"'\"\\$(exit 9)`exit 9`${x}\\\n!! END_OF_TASK\n".repeat((1 << 20) / 40 + 1);
    assert!(quotes.len() > 1 << 20);
    let ends = b"END_OF_TASK\n$rf_task\n'\nEND_OF_TASK\n\\".to_vec();
    vec![("every", every), ("pairs", pairs), ("1 MiB", quotes), ("ends", ends), ("lines", b"\r\n\na\n\n\n".to_vec())]
}

/// Checks that a task arrives byte for byte, behind which the supervisor adds one newline; and so do arguments and variables.
fn carries(bed: &mut Bed, shell: &str, args: &[&str]) {
    let every: Vec<u8> = (1..=255).collect();
    bed.set("EVERY", OsStr::from_bytes(&every));
    for (name, task) in awkward() {
        let variables = ["--env", "EVERY", "--env", "UID=5", "--env", "GROUPS=it's"];
        let mut command = bed.command(&[args, &variables, &["--json", "--", "-x", "", "it's $(x)\n"]].concat());
        command.arg(OsStr::from_bytes(&every));
        let json = start(command, &task).finish().exits(0).json();
        assert_eq!(json["output"], "done");
        let got = |name: &str| fs::read(bed.workspace().join(name)).unwrap();
        let mut wanted = task;
        wanted.push(b'\n');
        assert!(got("task") == wanted, "{shell}, {name}: {} bytes became {}", wanted.len(), got("task").len());
        assert_eq!(got("every"), every, "{shell}");
        assert_eq!(String::from_utf8_lossy(&got("own")), "GROUPS=it's\nUID=5\n", "{shell}");
        assert!(got("args").ends_with(&[b"-x\0\0it's $(x)\n\0".as_slice(), &every, b"\0"].concat()), "{shell}");
        assert!(String::from_utf8_lossy(&got("shell")).contains(shell), "{shell}");
    }
}

const COPY: &str = r#"cat >task; printf %s "$EVERY" >every; printf '%s\0' "$@" >args; readlink /proc/$PPID/exe >shell
tr '\0' '\n' </proc/$$/environ | grep -E '^(UID|GROUPS)=' | sort >own"#;

#[test]
fn a_task_of_any_bytes_arrives_on_the_host() {
    for shell in ["dash", "bash", "busybox"] {
        let Some(path) = ["/bin", "/usr/bin"]
            .map(|folder| format!("{folder}/{shell}"))
            .into_iter()
            .find(|path| Path::new(path).exists())
        else {
            println!("skipped: no {shell} here");
            continue;
        };
        for locale in ["C", "C.UTF-8"] {
            let mut bed = Bed::new();
            bed.program("claude", &format!("{COPY}\n{RESULT}")).set("LC_ALL", locale);
            symlink(&path, bed.root().join("bin/sh")).unwrap();
            carries(&mut bed, shell, &["run", "--agent", "claude", "--mode", "host", "--timeout", "60s"]);
        }
    }
}

#[test]
fn a_task_of_any_bytes_arrives_in_a_container() {
    let Some(engine) = Engine::get() else { return };
    for (shell, image) in ["busybox", "dash"].into_iter().zip(engine.images()) {
        let mut bed = engine.bed();
        bed.program("claude", &format!("{COPY}\n{RESULT}"));
        let mount = fake_mount(&bed);
        carries(&mut bed, shell, &claude(&mount, &image, &[]));
    }
}

#[test]
fn much_output_needs_little_memory_even_when_its_reader_is_slow() {
    const SIZE: usize = 64 << 20;
    let (host, tiny, script) = (Bed::new(), "ringfence-test/tiny:latest", format!("yes ringfence | head -c {SIZE}"));
    let mut places = vec![(host, vec!["--mode", "host"])];
    if let Some(engine) = Engine::get() {
        places.push((engine.bed(), vec!["--mode", "docker", "--network", "none", "--image", tiny]));
    }
    for (bed, place) in places {
        let mut running = bed.spawn(&[&["run", "--agent", "shell"], place.as_slice()].concat(), script.as_bytes());
        let mut stdout = running.child.stdout.take().unwrap();
        let status = format!("/proc/{}/status", running.pid());
        let (mut total, mut peak, mut chunk) = (0, 0, vec![0; 1 << 20]);
        loop {
            if total == 0 {
                thread::sleep(Duration::from_secs(1));
            }
            let length = stdout.read(&mut chunk).unwrap();
            let status = fs::read_to_string(&status).unwrap();
            let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("0 kB");
            peak = peak.max(line.trim().trim_end_matches(" kB").parse::<usize>().unwrap());
            total += length;
            if length == 0 {
                break;
            }
        }
        running.finish().exits(0);
        assert_eq!(total, SIZE);
        assert!((1024..=32 * 1024).contains(&peak), "{place:?}: {peak} KiB");
    }
}

#[test]
fn a_variable_with_a_name_of_the_supervisors_own_changes_nothing() {
    let mut bed = Bed::new();
    let token = format!("FRAME_{}", std::process::id());
    bed.set(&token, "1");
    let script = "setsid sleep 297 >/dev/null 2>&1 & sleep 0.2; echo \"$rf_mark $rf_task$IFS\"";
    let variables = ["-e", &token, "-e", "rf_mark=a", "-e", "rf_task=b", "-e", "rf_grace=x", "-e", "IFS=0"];
    let args = [["run", "-a", "shell", "--mode", "host", "--grace", "1s"].as_slice(), &variables, &[script]].concat();
    assert_eq!(bed.run(&args).exits(0).out(), "a b \t\n\n");
    assert_eq!(processes_with(&format!("{token}=1")), [""; 0]);
}
