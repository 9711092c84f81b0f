//! `sandbox doctor`: green where runs work, and every failure made for real.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a panic is how tests fail, and tests start processes"
)]

mod support;

use std::fs::{self, Permissions};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};
use std::thread;

use serde_json::{Value, json};
use support::schema::Schema;
use support::stub::{KEY, Place, Stub, Trial, gateway, places};
use support::{Bed, Engine, PATIENCE, RINGFENCE, part, processes_with, skip, space, start, within};

/// Whoever walks the real path clears away leftovers, which one test makes: that one writes.
static LEFTOVERS: RwLock<()> = RwLock::new(());

fn walking() -> RwLockReadGuard<'static, ()> {
    LEFTOVERS.read().unwrap_or_else(PoisonError::into_inner)
}

/// One container at a time on the bridge: where the engine leaves the bridge's address to the kernel, it changes with each.
static BRIDGE: Mutex<()> = Mutex::new(());

fn crossing() -> MutexGuard<'static, ()> {
    BRIDGE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The report of `ringfence sandbox doctor ARGS --json`, which must end with `exit`.
#[track_caller]
fn doctor(bed: &Bed, args: &[&str], exit: i32) -> Value {
    let json = bed.run(&[&["sandbox", "doctor", "--json"], args].concat()).exits(exit).json();
    Schema::of("doctor").fits(&json);
    assert_eq!(json["schema"], "ringfence.doctor/1");
    assert_eq!(json["ok"], json!(exit == 0), "{json}");
    for check in json["checks"].as_array().unwrap() {
        let status = check["status"].as_str().unwrap();
        assert!(["ok", "warn", "fail", "skip"].contains(&status), "{check}");
        let fix = check["fix"].as_str();
        assert_eq!(["warn", "fail"].contains(&status), fix.is_some_and(|fix| !fix.is_empty()), "{check}");
        assert!(check["ms"].is_u64() && !check["fact"].as_str().unwrap().is_empty(), "{check}");
    }
    json
}

#[track_caller]
fn check<'j>(json: &'j Value, id: &str) -> &'j Value {
    let found = json["checks"].as_array().unwrap().iter().find(|check| check["id"] == id);
    found.unwrap_or_else(|| panic!("no {id} in {json:#}"))
}

#[track_caller]
fn stands(json: &Value, id: &str, status: &str, words: &str) {
    let check = check(json, id);
    assert_eq!(check["status"], status, "{check}");
    let text = format!("{} {}", check["fact"], check["fix"]);
    assert!(text.contains(words), "{words:?} is not in {check}");
}

/// The ids of the checks that are neither well nor left out.
fn troubles(json: &Value) -> Vec<String> {
    let checks = json["checks"].as_array().unwrap().iter();
    let unwell = checks.filter(|check| check["status"] == "fail" || check["status"] == "warn");
    unwell.map(|check| check["id"].as_str().unwrap().to_owned()).collect()
}

/// The containers whose workspace is the bed's, or, as the probe's is, a folder in it.
fn containers_below(engine: &Engine, bed: &Bed) -> String {
    let format = "{{.Names}} {{.Label \"ringfence.workspace\"}}";
    let all = engine.docker(&["ps", "--all", "--filter", "label=ringfence=1", "--format", format]);
    let workspace = bed.workspace().display().to_string();
    all.lines().filter(|line| line.contains(&workspace)).collect()
}

fn is_empty(folder: &Path) -> bool {
    fs::read_dir(folder).unwrap().next().is_none()
}

#[test]
fn a_healthy_engine_is_green_step_by_step() {
    let Some(engine) = Engine::get() else { return };
    let (_walking, _crossing) = (walking(), crossing());
    let mut bed = engine.bed();
    // One service that listens where containers reach this machine, too, and one that does not.
    let (outer, _inner, open) = loop {
        let outer = TcpListener::bind((gateway(), 0)).unwrap();
        let port = outer.local_addr().unwrap().port();
        if let Ok(inner) = TcpListener::bind(("127.0.0.1", port)) {
            break (outer, inner, port);
        }
    };
    thread::spawn(move || outer.accept());
    let only = TcpListener::bind("127.0.0.1:0").unwrap();
    let closed = only.local_addr().unwrap().port();
    bed.config("[sandbox]\nmemory = \"96m\"\npids = 60\nenv = [\"MY_OPEN\", \"MY_CLOSED\", \"MY_NOBODY\"]\n");
    bed.set("MY_OPEN", format!("http://localhost:{open}/x")).set("MY_CLOSED", format!("127.0.0.1:{closed}"));
    bed.set("MY_NOBODY", "http://localhost:9").set("SANDBOX_DOCKER_IMAGE", engine.tiny());
    let json = doctor(&bed, &["--mode", "docker", "--agent", "shell"], 0);
    assert_eq!(json["mode"], "docker");
    for id in [
        "config",
        "mode",
        "workspace",
        "disk.workspace",
        "plan",
        "engine.program",
        "engine",
        "engine.user",
        "image",
        "network",
        "leftovers",
        "host.agents",
        "run.start",
        "run.write",
        "run.owner",
        "run.home",
        "run.root",
        "run.capabilities",
        "run.memory",
        "run.pids",
        "run.cpus",
        "run.pids-tried",
        "run.host",
        "run.secrets",
        "run.timeout",
        "run.nothing-left",
        "service.MY_OPEN",
    ] {
        assert_eq!(check(&json, id)["status"], "ok", "{}", check(&json, id));
    }
    // There is no git in this image, and a service on 127.0.0.1 is not reached from a container.
    assert_eq!(troubles(&json), ["run.git", "service.MY_CLOSED", "service.MY_NOBODY"]);
    stands(&json, "service.MY_CLOSED", "warn", "127.0.0.1 only");
    stands(&json, "service.MY_NOBODY", "warn", "not even on this machine");
    stands(&json, "config", "ok", "$SANDBOX_DOCKER_IMAGE");
    assert!(check(&json, "run.timeout")["ms"].as_u64().unwrap() >= 2000);
    assert!(is_empty(&bed.workspace()), "a scratch folder was left");
    assert_eq!(containers_below(&engine, &bed), "");
}

#[test]
fn the_real_workspace_is_written_to_and_git_is_asked_there() {
    let Some(engine) = Engine::get() else { return };
    let _walking = walking();
    let bed = || {
        let mut bed = engine.bed();
        bed.set("SANDBOX_DOCKER_IMAGE", part("RINGFENCE_TEST_WORKER")).set("SANDBOX_DOCKER_NETWORK", "none");
        let git = Command::new("git").args(["init", "--quiet"]).arg(bed.workspace()).status().unwrap();
        assert!(git.success());
        bed
    };
    let args = ["--mode", "docker", "--agent", "shell"];
    // A part of a repository: the rest does not come with it.
    let part_of_it = bed();
    let (top, sub) = (part_of_it.workspace(), part_of_it.workspace().join("sub"));
    fs::create_dir(&sub).unwrap();
    let json = doctor(&part_of_it, &[&args[..], &["-C", sub.to_str().unwrap()]].concat(), 0);
    stands(&json, "run.workspace", "ok", "");
    stands(&json, "run.workspace-git", "warn", "not a git repository");
    stands(&json, "run.workspace-git", "warn", &format!("ringfence run -C {}", top.display()));
    // It is a run with the real folder, and so it leaves nothing there.
    let json = doctor(&part_of_it, &args, 0);
    stands(&json, "run.workspace-git", "ok", "git works");
    assert_eq!(fs::read_dir(&top).unwrap().count(), 2);
    // Somebody else's folder: root's rights over it are among those that an agent does not get.
    if rustix::process::geteuid().is_root() {
        let foreign = bed();
        let chown = Command::new("chown").args(["-R", "12345:12345"]).arg(foreign.workspace()).status().unwrap();
        assert!(chown.success());
        let json = doctor(&foreign, &args, 2);
        stands(&json, "workspace", "ok", "");
        stands(&json, "run.write", "ok", "");
        stands(&json, "run.workspace", "fail", &format!("sudo chown 0 {}", foreign.workspace().display()));
        stands(&json, "run.workspace-git", "warn", "dubious ownership");
        stands(&json, "run.workspace-git", "warn", "sudo chown -R 0:");
    }
}

#[test]
fn agents_with_modes_of_their_own_are_each_walked_where_they_run_and_once() {
    let Some(engine) = Engine::get() else { return };
    let _walking = walking();
    let mut bed = engine.bed();
    let service = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", service.local_addr().unwrap());
    bed.config("mode = \"host\"\n[agents.codex]\nmode = \"docker\"\n[sandbox]\nnetwork = \"host\"\n");
    bed.program(
        "claude",
        "[ $1 = --version ] && echo 2.0.0 && exit; echo '{\"loggedIn\":true,\"authMethod\":\"key\"}'",
    );
    bed.set("ANTHROPIC_API_KEY", "x").set("ANTHROPIC_BASE_URL", &address).set("OPENAI_BASE_URL", &address);
    bed.set("CODEX_API_KEY", "x").set("SANDBOX_DOCKER_IMAGE", engine.tiny());
    let args = ["--agent", "claude", "--agent", "codex", "--agent", "claude"];
    let json = doctor(&bed, &args, 69);
    for id in ["mode.docker", "mode.host", "run.write", "host.run.write", "host.run.timeout", "auth.claude"] {
        assert_eq!(check(&json, id)["status"], "ok", "{}", check(&json, id));
    }
    stands(&json, "mode.host", "ok", "claude: host");
    // A container on the host's own network has the host's loopback; each agent's service is tried where that agent runs.
    stands(&json, "service.OPENAI_BASE_URL", "ok", "answers from where agents run");
    stands(&json, "host.service.ANTHROPIC_BASE_URL", "ok", "answers from where agents run");
    let ids: Vec<&str> = json["checks"].as_array().unwrap().iter().map(|check| check["id"].as_str().unwrap()).collect();
    assert!(!ids.contains(&"service.ANTHROPIC_BASE_URL") && !ids.contains(&"host.service.OPENAI_BASE_URL"), "{ids:?}");
    assert_eq!(ids.iter().filter(|id| **id == "auth.claude").count(), 1, "{ids:?}");
    // The image that has neither is made anew with all that is wanted of it.
    stands(&json, "agent.codex", "fail", "build-image --agent codex --tag");
}

#[test]
fn quick_asks_no_command_and_no_agent() {
    let mut bed = Bed::new();
    bed.program("docker", "exit 1").program("vault", "echo asked >\"$HOME/asked\"; echo sk-ant-api-7");
    bed.program("claude", "echo asked >\"$HOME/asked\"; echo 2.0.0");
    bed.config("[agents.claude]\ntoken_command = [\"vault\"]\n");
    let json = doctor(&bed, &["--mode", "docker", "--quick"], 75);
    stands(&json, "auth.claude", "ok", "token_command (vault)");
    bed.set("ANTHROPIC_API_KEY", "x");
    let json = doctor(&bed, &["--mode", "host", "--quick"], 0);
    stands(&json, "agent.claude", "ok", "bin/claude");
    assert!(!bed.home().join("asked").exists());
}

#[test]
fn an_image_is_made_anew_with_all_that_it_had() {
    let mut bed = Bed::new();
    let inspect = r#"[{"Size":7,"Created":"2026-11-21T03:00:00Z","Architecture":"arm64","Config":{"Labels":{"ringfence.agent.claude":"2.1"}}}]"#;
    bed.program(
        "docker",
        &format!(
            "case $1 in\ninfo) echo '{{\"ServerVersion\":\"28.0\",\"Architecture\":\"x86_64\"}}' ;;\nimage) echo '{inspect}' ;;\nesac"
        ),
    );
    bed.set("SANDBOX_DOCKER_IMAGE", "team/worker:7").set("CODEX_API_KEY", "x").set("SANDBOX_DOCKER_NETWORK", "default");
    let json = doctor(&bed, &["--mode", "docker", "--agent", "codex", "--quick"], 69);
    stands(&json, "agent.codex", "fail", "build-image --agent claude --agent codex --tag team/worker:7\"");
    stands(&json, "image.architecture", "warn", "docker pull --platform linux/amd64 team/worker:7");
    stands(&json, "network", "ok", "default");
    bed.set("SANDBOX_DOCKER_NETWORK", "pasta");
    let podman = r#"{"host":{"arch":"arm64"},"version":{"Version":"5.0"}}"#;
    bed.program(
        "docker",
        &format!("case $1 in\ninfo) echo '{podman}' ;;\nimage) echo '{inspect}' ;;\nnetwork) exit 125 ;;\nesac"),
    );
    let json = doctor(&bed, &["--mode", "docker", "--agent", "claude", "--quick"], 0);
    stands(&json, "network", "ok", "one of Podman's own");
    assert!(!troubles(&json).contains(&"image.architecture".to_owned()), "{json:#}");
}

#[test]
fn an_engine_in_no_known_place_is_not_worth_another_try() {
    if Engine::get().is_none() {
        return;
    }
    for (name, value) in [("DOCKER_CONTEXT", "ringfence-test-nope"), ("DOCKER_HOST", "http://x y")] {
        let mut bed = Bed::new();
        bed.set(name, value);
        let json = doctor(&bed, &["--mode", "docker", "--agent", "shell", "--quick"], 69);
        assert_eq!(json["class"], "daemon_unreachable", "{json}");
        stands(&json, "engine", "fail", "docker context ls");
    }
}

#[test]
fn git_files_that_lead_out_of_the_workspace_are_told_apart() {
    let mut bed = Bed::new();
    bed.set("DOCKER_HOST", "unix:///nowhere");
    let folder = |path: &str| fs::create_dir_all(bed.workspace().join(path)).unwrap();
    for path in [".git/modules/sub", "sub", "apart", "elsewhere"] {
        folder(path);
    }
    fs::write(bed.workspace().join(".git/HEAD"), "ref: refs/heads/main\n").unwrap();
    let workspace = bed.workspace();
    let args = |mode, path: &str| -> Vec<String> {
        ["--mode", mode, "--agent", "shell", "--quick", "-C", workspace.join(path).to_str().unwrap()]
            .map(Into::into)
            .into()
    };
    let outside = bed.write("outside/HEAD", "x").parent().unwrap().to_owned();
    for (path, named, fix) in [
        ("sub", workspace.join(".git/modules/sub"), format!("ringfence run -C {}", workspace.display())),
        ("apart", outside.clone(), format!("ringfence run --mount {}", outside.display())),
    ] {
        fs::write(workspace.join(path).join(".git"), format!("gitdir: {}\n", named.display())).unwrap();
        let words = args("docker", path);
        let json = doctor(&bed, &words.iter().map(String::as_str).collect::<Vec<_>>(), 69);
        stands(&json, "workspace.git", "warn", &format!("\"{fix}\""));
        let words = args("host", path);
        let json = doctor(&bed, &words.iter().map(String::as_str).collect::<Vec<_>>(), 0);
        assert_eq!(troubles(&json), Vec::<String>::new(), "on the host git finds it");
    }
}

/// Calls the engine without what makes a container safe.
const CARELESS: &str = r#"first=yes
for word; do
    [ -z "$first" ] || set --
    first=
    if [ -n "$skip" ]; then skip=; continue; fi
    case $word in
    --cap-drop | --pids-limit | --memory | --memory-swap | --cpus) skip=yes ;;
    --read-only) ;;
    *) set -- "$@" "$word" ;;
    esac
done
exec "$REAL_DOCKER" "$@""#;

#[test]
fn an_engine_that_does_not_keep_its_word_is_told() {
    let Some(engine) = Engine::get() else { return };
    let _walking = walking();
    let mut bed = engine.bed();
    let real = Command::new("sh").args(["-c", "command -v docker"]).output().unwrap();
    bed.program("docker", CARELESS).set("REAL_DOCKER", String::from_utf8(real.stdout).unwrap().trim());
    bed.config("[sandbox]\nmemory = \"96m\"\npids = 40\n");
    bed.set("SANDBOX_DOCKER_IMAGE", engine.tiny()).set("SANDBOX_DOCKER_NETWORK", "none");
    let json = doctor(&bed, &["--mode", "docker", "--agent", "shell"], 70);
    let broken = ["run.root", "run.capabilities", "run.memory", "run.pids", "run.cpus", "run.pids-tried"];
    assert_eq!(troubles(&json), [&["run.git"], &broken[..]].concat());
    assert!(broken.iter().all(|id| check(&json, id)["status"] == "fail"), "{json:#}");
}

#[test]
fn on_the_host_it_walks_the_same_way() {
    let mut bed = Bed::new();
    bed.program(
        "claude",
        "[ $1 = --version ] && echo 2.0.0 && exit; echo '{\"loggedIn\":true,\"authMethod\":\"key\"}'",
    );
    bed.set("ANTHROPIC_API_KEY", "x");
    if rustix::process::geteuid().is_root() {
        // What is made in such a folder has the folder's group.
        std::os::unix::fs::chown(bed.workspace(), None, Some(12345)).unwrap();
        fs::set_permissions(bed.workspace(), Permissions::from_mode(0o2775)).unwrap();
    }
    let json = doctor(&bed, &["--mode", "host"], 0);
    for id in ["agent.claude", "run.write", "run.owner", "run.git", "run.git-worktree", "run.secrets", "run.timeout"] {
        assert_eq!(check(&json, id)["status"], "ok", "{}", check(&json, id));
    }
    stands(&json, "run.nothing-left", "ok", "");
    stands(&json, "auth.claude", "ok", "logged in");
    assert!(is_empty(&bed.workspace()));
    assert_eq!((troubles(&json), &json["class"]), (Vec::new(), &Value::Null));
}

#[test]
fn both_renderings_agree_and_a_pipe_gets_a_line_per_check() {
    let Some(engine) = Engine::get() else { return };
    let mut bed = engine.bed();
    bed.set("DOCKER_HOST", "unix:///nowhere/docker.sock");
    let args = ["sandbox", "doctor", "--mode", "docker", "--quick"];
    let json = doctor(&bed, &args[2..], 69);
    let plain = bed.run(&args).exits(69);
    let checks = json["checks"].as_array().unwrap();
    assert_eq!(plain.out().lines().count(), checks.len(), "{}", plain.out());
    assert!(!plain.out().contains('\u{1b}') && plain.stderr.contains("the first: engine (daemon_unreachable)"));
    for (line, check) in plain.out().lines().zip(checks) {
        let words: Vec<&str> = line.split_whitespace().collect();
        assert_eq!((words[0], words[1]), (check["status"].as_str().unwrap(), check["id"].as_str().unwrap()));
        let fix = check["fix"].as_str().map(|fix| format!("; fix: {fix}")).unwrap_or_default();
        // The room on a disk changes from one to the other.
        let still = |text: &str| text.replace(|c: char| c.is_ascii_digit(), "");
        let whole = format!("  {}{fix}", check["fact"].as_str().unwrap());
        assert!(still(line).ends_with(&still(&whole)), "{line}\n{check}");
    }
    let colourful = bed.run(&[&args[..], &["--color", "always"]].concat()).exits(69);
    assert!(colourful.out().contains('\u{1b}'));
}

#[test]
fn an_engine_that_is_not_there_is_told_from_one_that_is_not_yours() {
    let Some(engine) = Engine::get() else { return };
    let mut bed = engine.bed();
    bed.set("DOCKER_HOST", "unix:///nowhere/docker.sock");
    let json = doctor(&bed, &["--mode", "docker"], 69);
    stands(&json, "engine", "fail", "DOCKER_HOST");
    assert_eq!(json["class"], "daemon_unreachable");
    for id in ["image", "network", "leftovers", "run"] {
        assert_eq!(check(&json, id)["status"], "skip", "{json}");
    }
    let none = "[docker]\ncommand = \"no-such-engine\"\n";
    bed.config(none);
    let json = doctor(&bed, &["--mode", "docker", "--quick"], 69);
    assert_eq!((&json["class"], troubles(&json)[0].as_str()), (&json!("cli_missing"), "engine.program"));

    // A socket that is root's alone, asked by somebody else; or one that nobody may use, where the tests are not root's.
    let folder = tempfile::Builder::new().prefix("rf-doctor-").tempdir().unwrap();
    let socket = folder.path().join("docker.sock");
    let _listener = UnixListener::bind(&socket).unwrap();
    fs::set_permissions(&socket, Permissions::from_mode(0o000)).unwrap();
    for name in ["home", "work"] {
        fs::create_dir(folder.path().join(name)).unwrap();
        fs::set_permissions(folder.path().join(name), Permissions::from_mode(0o777)).unwrap();
    }
    fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
    let program = folder.path().join("ringfence");
    fs::copy(RINGFENCE, &program).unwrap();
    let mut command = Command::new(&program);
    if rustix::process::geteuid().is_root() {
        command = Command::new("setpriv");
        command.args(["--reuid=12345", "--regid=12345", "--clear-groups"]).arg(&program);
    }
    command.args(["sandbox", "doctor", "--mode", "docker", "--json"]).current_dir(folder.path().join("work"));
    command.env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin").env("HOME", folder.path().join("home"));
    command.env("DOCKER_HOST", format!("unix://{}", socket.display()));
    let json = start(command, b"").finish().exits(69).json();
    assert_eq!(json["class"], "daemon_permission");
    stands(&json, "engine", "fail", "usermod -aG docker");
}

#[test]
fn images_networks_and_agents_that_are_missing_are_named() {
    let Some(engine) = Engine::get() else { return };
    let docker = |image: &str, network: &str, args: &[&str], exit| {
        let mut bed = engine.bed();
        bed.set("SANDBOX_DOCKER_IMAGE", image).set("SANDBOX_DOCKER_NETWORK", network);
        bed.set("ANTHROPIC_API_KEY", "x").set("ANTHROPIC_BASE_URL", "http://127.0.0.1:9");
        let json = doctor(&bed, &[&["--mode", "docker"], args].concat(), exit);
        assert_eq!(containers_below(&engine, &bed), "");
        json
    };
    let json = docker("ringfence-test/nope:1", "bridge", &["--agent", "shell"], 69);
    stands(&json, "image", "fail", "build-image --tag ringfence-test/nope:1");
    stands(&json, "run", "skip", "not tried");
    assert_eq!(json["class"], "image_missing");
    let json = docker(&engine.tiny(), "ringfence-test-nope", &["--quick", "--agent", "shell"], 69);
    stands(&json, "network", "fail", "network create ringfence-test-nope");
    assert_eq!((&json["class"], troubles(&json).len()), (&json!("network_missing"), 1));
    let mut bed = engine.bed();
    bed.set("SANDBOX_DOCKER_IMAGE", engine.tiny()).set("SANDBOX_DOCKER_NETWORK", "ringfence-test-nope");
    let told = bed.run(&["-v", "sandbox", "doctor", "--mode", "docker", "--quick"]).exits(69).stderr;
    assert_eq!(told.lines().filter(|line| line.starts_with("+ docker ")).count(), 4, "{told}");
    let _walking = walking();
    let json = docker(&engine.tiny(), "none", &["--agent", "claude"], 69);
    stands(&json, "agent.claude", "fail", "build-image --agent claude");
    assert_eq!(json["class"], "cli_missing");
    stands(&json, "auth.claude", "fail", "claude is not installed");
}

#[test]
fn a_configuration_that_is_wrong_is_a_report_too() {
    let mut bed = Bed::new();
    bed.config("[sandbox]\nimage = \"Team/Worker\"\n");
    let json = doctor(&bed, &[], 78);
    assert_eq!((&json["mode"], &json["class"]), (&Value::Null, &json!("invalid_image")));
    stands(&json, "config", "fail", "team/worker");
    bed.config("[sandbox]\nrequired_env = [\"NOT_SET_HERE\"]\n").to_str().unwrap();
    bed.set("DOCKER_HOST", "unix:///nowhere");
    let json = doctor(&bed, &["--mode", "docker", "--agent", "shell"], 78);
    stands(&json, "plan", "fail", "export NOT_SET_HERE=");
    let json = doctor(&bed, &["--mode", "host", "-C", "/nonexistent/folder"], 2);
    stands(&json, "workspace", "fail", "-C DIR");
    bed.run(&["sandbox", "doctor", "--quick", "--live"]).exits(2);
}

#[test]
fn a_login_that_cannot_work_fails_before_anything_is_started() {
    let claude = |rest: &str| format!(r#"{{"claudeAiOauth":{{"accessToken":"a"{rest}}}}}"#);
    let scopes = r#","scopes":["user:inference"]"#;
    let soon = jiff::Timestamp::now().as_millisecond() + 600_000;
    for (contents, status, class, exit) in [
        ("{\"claudeAiOauth\"".to_owned(), "fail", "auth_missing", 77),
        (claude(""), "fail", "auth_missing", 77),
        (claude(&format!(r#"{scopes},"expiresAt":1"#)), "fail", "auth_expired", 77),
        (claude(&format!(r#"{scopes},"expiresAt":1,"refreshToken":"r""#)), "ok", "", 0),
        (claude(&format!(r#"{scopes},"expiresAt":{soon}"#)), "warn", "", 0),
        (claude(scopes), "ok", "", 0),
    ] {
        let mut bed = Bed::new();
        bed.program("claude", "echo 2.0.0");
        bed.write("home/.claude/.credentials.json", &contents);
        let json = doctor(&bed, &["--mode", "host", "--quick"], exit);
        stands(&json, "auth.claude", status, "");
        assert_eq!(json["class"].as_str().unwrap_or_default(), class, "{contents}");
        let Some(engine) = Engine::get() else { continue };
        // For a container what could be renewed on the host is over all the same.
        let mut sandbox = engine.bed();
        sandbox.write("home/.claude/.credentials.json", &contents);
        sandbox.set("SANDBOX_DOCKER_IMAGE", engine.tiny());
        let over = contents.contains("\"expiresAt\":1,\"refreshToken\"");
        let json = doctor(&sandbox, &["--mode", "docker", "--quick"], if over { 77 } else { exit });
        assert_eq!(json["class"].as_str().unwrap_or_default(), if over { "auth_expired" } else { class }, "{contents}");
    }
    let mut bed = Bed::new();
    bed.program("claude", "echo 2.0.0");
    let json = doctor(&bed, &["--mode", "host", "--quick"], 0);
    stands(&json, "auth.claude", "warn", "no claude credential was found");
}

/// What a doctor that asks the server finds, where that answers with `status`.
fn live(place: Place, status: Option<&str>, exit: i32) -> Value {
    let options: Vec<&str> = status.iter().flat_map(|status| ["--status", status]).collect();
    let stub = Stub::start(&options);
    let trial = Trial::new("claude", place, &stub).with_key();
    let trial = trial.set("SANDBOX_DOCKER_IMAGE", &std::env::var("RINGFENCE_TEST_WORKER").unwrap_or_default());
    trial.bed.config("[sandbox]\nenv = [\"HTTPS_PROXY\", \"NO_PROXY\"]\n");
    let mode = if place == Place::Host { "host" } else { "docker" };
    let json = doctor(&trial.bed, &["--mode", mode, "--live"], exit);
    assert!(!json.to_string().contains(KEY));
    json
}

#[test]
fn live_asks_the_server_and_its_answer_decides() {
    if !places().contains(&Place::Host) {
        return;
    }
    // One at a time: the limit is the product's own. The agents' tests have the other answers.
    for (status, class, exit) in [("401", "auth_rejected", 77), ("429", "rate_limited", 75), ("500", "overloaded", 75)]
    {
        let json = live(Place::Host, Some(status), exit);
        assert_eq!((&json["class"], troubles(&json)), (&json!(class), vec!["auth.claude".to_owned()]), "{json:#}");
    }
}

#[test]
fn a_container_with_the_real_agent_is_green_up_to_its_servers_answer() {
    if !places().contains(&Place::Docker) {
        return;
    }
    let (_walking, _crossing) = (walking(), crossing());
    let json = live(Place::Docker, None, 0);
    for id in ["run.git", "run.git-worktree", "agent.claude", "auth.claude", "service.ANTHROPIC_BASE_URL"] {
        assert_eq!(check(&json, id)["status"], "ok", "{}", check(&json, id));
    }
    stands(&json, "agent.claude", "ok", "is in the image");
    stands(&json, "auth.claude", "ok", "$ANTHROPIC_API_KEY: it answered");
    stands(&json, "run.dns.claude", "skip", "a proxy is handed in");
}

#[test]
fn an_agent_that_hangs_is_ended_and_told() {
    let mut bed = Bed::new();
    let token = format!("DOCTOR_HANG_{}", std::process::id());
    bed.program("claude", "[ $1 = --version ] && echo 2.0.0 && exit; trap '' TERM; while :; do sleep 1; done");
    bed.set(&token, "1").set("ANTHROPIC_API_KEY", "x");
    let json = doctor(&bed, &["--mode", "host"], 124);
    assert_eq!(json["class"], "timeout");
    stands(&json, "auth.claude", "fail", "claude auth status");
    within(PATIENCE, "nothing is left", || processes_with(&format!("{token}=1")).is_empty());
}

/// A small disk of its own, mounted on the bed's workspace until it is dropped.
struct Disk(PathBuf);

impl Disk {
    fn mount(folder: &Path, options: &str) -> Option<Disk> {
        let mut command = Command::new("mount");
        command.args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(folder).stderr(Stdio::null());
        if rustix::process::geteuid().is_root() && command.status().is_ok_and(|status| status.success()) {
            return Some(Disk(folder.to_owned()));
        }
        skip("no disk can be mounted here");
        None
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

#[test]
fn a_workspace_that_cannot_be_written_to_is_told() {
    let bed = Bed::new();
    if let Some(_disk) = Disk::mount(&bed.workspace(), "size=1m,ro") {
        let json = doctor(&bed, &["--mode", "host", "--agent", "shell"], 2);
        stands(&json, "workspace", "fail", "Read-only file system");
        assert_eq!(json["class"], "usage");
    }
    let bed = Bed::new();
    if let Some(_disk) = Disk::mount(&bed.workspace(), "size=1m") {
        fs::write(bed.workspace().join("fill"), vec![0; 1 << 20]).unwrap();
        let json = doctor(&bed, &["--mode", "host", "--agent", "shell"], 70);
        stands(&json, "disk.workspace", "fail", "the disk is full");
        stands(&json, "run", "skip", "not tried");
        fs::write(bed.workspace().join("fill"), vec![0; 1 << 19]).unwrap();
        let json = doctor(&bed, &["--mode", "host", "--agent", "shell"], 0);
        assert_eq!(troubles(&json), ["disk.workspace"]);
    }
}

#[test]
fn what_a_dead_run_left_is_named_and_then_removed() {
    let Some(engine) = Engine::get() else { return };
    let _alone = LEFTOVERS.write().unwrap_or_else(PoisonError::into_inner);
    let mut bed = engine.bed();
    bed.set("SANDBOX_DOCKER_IMAGE", engine.tiny()).set("SANDBOX_DOCKER_NETWORK", "none");
    let name = format!("ringfence-test-left-{}", std::process::id());
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let (owner, space) = (format!("ringfence.owner.host={host}"), format!("ringfence.owner.space={}", space()));
    let left = |name: &str, pid: &str| {
        let pid = format!("ringfence.owner.pid={pid}");
        let labels =
            ["ringfence=1", "ringfence.kind=run", &owner, &pid, &space].map(|label| ["--label", label]).concat();
        let tiny = engine.tiny();
        let head = ["run", "--detach", "--network", "none", "--name", name, "--label", "ringfence.owner.start="];
        engine.docker(&[&head[..], &labels, &[&tiny, "sleep", "600"]].concat());
    };
    let (gone, kept) = (format!("{name}-gone"), format!("{name}-kept"));
    left(&gone, "4194304");
    left(&kept, &std::process::id().to_string());
    let args = ["--mode", "docker", "--agent", "shell"];
    let quick = doctor(&bed, &[&args[..], &["--quick"]].concat(), 0);
    let full = doctor(&bed, &args, 0);
    let names = engine.docker(&["ps", "--all", "--filter", &format!("name={name}"), "--format", "{{.Names}}"]);
    engine.docker(&["rm", "--force", &gone, &kept]);
    // There may be more of the kind on this engine, which are none of this test's.
    for (json, status, words) in
        [(&quick, "warn", "their ringfence is gone: "), (&full, "ok", "removed, for their ringfence is gone: ")]
    {
        stands(json, "leftovers", status, words);
        let fact = check(json, "leftovers")["fact"].to_string();
        assert!(fact.contains(&gone) && !fact.contains(&kept), "{fact}");
    }
    stands(&quick, "leftovers", "warn", "ringfence sandbox prune");
    assert_eq!(names, kept);
}

#[test]
fn a_run_whose_owner_has_just_died_has_its_grace_all_the_same() {
    let Some(engine) = Engine::get() else { return };
    let _alone = LEFTOVERS.write().unwrap_or_else(PoisonError::into_inner);
    let mut bed = engine.bed();
    bed.set("SANDBOX_DOCKER_IMAGE", engine.tiny()).set("SANDBOX_DOCKER_NETWORK", "none");
    // It saves its work when it is told to end, and takes its time.
    let script = "trap 'sleep 6; echo kept >saved; exit' TERM; echo >begun; while :; do sleep 0.1; done";
    let running = bed.spawn(&["run", "--mode", "docker", "--agent", "shell", "--grace", "30s"], script.as_bytes());
    let is_there = |name: &str| bed.workspace().join(name).exists();
    within(PATIENCE, "the run has begun", || is_there("begun"));
    let name = engine.containers_of(&bed);
    running.signal("KILL");
    drop(running.finish());
    thread::scope(|scope| {
        scope.spawn(|| doctor(&bed, &["--mode", "docker", "--agent", "shell"], 0));
        let pruned = bed.run(&["sandbox", "prune", "--json"]).exits(0).json();
        assert!(!name.is_empty() && !pruned["removed"].to_string().contains(&name), "{pruned}");
    });
    within(PATIENCE, "no container is left", || containers_below(&engine, &bed).is_empty());
    assert!(is_there("saved"), "its grace was cut");
}

#[test]
fn its_scratch_folder_does_not_disturb_the_users_git() {
    let mut bed = Bed::new();
    // The doctor waits for this one, with its scratch folder there; the tests call the real one.
    bed.program("git", "exec sleep 60");
    let git = |args: &[&str]| {
        let mut command = Command::new("git");
        command.args(["-c", "safe.directory=*"]).args(args).current_dir(bed.workspace());
        command.env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin").env("HOME", bed.home());
        start(command, b"").finish().exits(0).out()
    };
    git(&["init", "--quiet"]);
    let running = bed.spawn(&["sandbox", "doctor", "--mode", "host", "--agent", "shell"], b"");
    let scratch = || {
        let entries = fs::read_dir(bed.workspace()).unwrap().flatten().map(|entry| entry.path());
        entries.into_iter().find(|path| path.join("side/plain/.git/HEAD").exists())
    };
    within(PATIENCE, "the scratch folder is there", || scratch().is_some());
    git(&["add", "-A"]);
    assert_eq!(git(&["status", "--porcelain"]), "");
    let live = doctor(&bed, &["--mode", "host", "--agent", "shell", "--quick"], 0);
    running.signal("KILL");
    drop(running.finish());
    let folder = scratch().unwrap();
    git(&["add", "-A"]);
    assert_eq!(git(&["status", "--porcelain"]), "");
    let dead = doctor(&bed, &["--mode", "host", "--agent", "shell", "--quick"], 0);
    assert!(!troubles(&live).contains(&"workspace.scratch".to_owned()), "its maker lives: {live:#}");
    stands(&dead, "workspace.scratch", "warn", &format!("rm -r {}", folder.display()));
}

#[test]
fn a_signal_ends_it_and_leaves_nothing() {
    let Some(engine) = Engine::get() else { return };
    let _walking = walking();
    let mut bed = engine.bed();
    bed.set("SANDBOX_DOCKER_IMAGE", engine.tiny()).set("SANDBOX_DOCKER_NETWORK", "none");
    let running = bed.spawn(&["sandbox", "doctor", "--mode", "docker", "--agent", "shell", "--json"], b"");
    within(PATIENCE, "the probe has begun", || !is_empty(&bed.workspace()));
    running.signal("INT");
    let json = running.finish().exits(130).json();
    assert_eq!(json["class"], "interrupted");
    assert!(is_empty(&bed.workspace()));
    within(PATIENCE, "no container is left", || containers_below(&engine, &bed).is_empty());
    // Not even KILL leaves a container; the folder that it leaves is named by the next one.
    let running = bed.spawn(&["sandbox", "doctor", "--mode", "docker", "--agent", "shell"], b"");
    within(PATIENCE, "the probe has begun", || !is_empty(&bed.workspace()));
    running.signal("KILL");
    drop(running.finish());
    within(PATIENCE, "no container is left", || containers_below(&engine, &bed).is_empty());
    let json = doctor(&bed, &["--mode", "docker", "--agent", "shell", "--quick"], 0);
    stands(&json, "workspace.scratch", "warn", "rm -r ");
}

#[test]
fn the_ci_example_asks_the_doctor_first() {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/ci.sh");
    let run = |trial: &Trial, tasks: &[&str]| {
        let command = trial.bed.command(&[]);
        let folder = Path::new(RINGFENCE).parent().unwrap().display();
        let given = command.get_envs().find(|(name, _)| *name == "PATH").and_then(|(_, path)| path).unwrap();
        let mut script = Command::new("bash");
        script.arg(&example).args(tasks).current_dir(trial.bed.workspace()).env_clear();
        script.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        script.env("PATH", format!("{folder}:{}", given.to_str().unwrap()));
        start(script, b"").finish()
    };
    if places().is_empty() {
        return;
    }
    let good = Stub::start(&[]);
    let trial = Trial::new("claude", Place::Host, &good).with_key().set("RINGFENCE_MODE", "host");
    let done = run(
        &trial,
        &["first\nstub: sh echo one >one\nstub: text done", "second\nstub: sh echo two >two\nstub: text done"],
    );
    let done = done.exits(0);
    assert!(done.out().contains("auth.claude"), "{}", done.out());
    assert_eq!((trial.file("one").trim(), trial.file("two").trim()), ("one", "two"));
    let refusing = Stub::start(&["--status", "401"]);
    let trial = Trial::new("claude", Place::Host, &refusing).with_key().set("RINGFENCE_MODE", "host");
    let done = run(&trial, &["first"]).exits(77).says("log in");
    assert!(done.out().contains("fail  auth.claude"), "{}", done.out());
}
