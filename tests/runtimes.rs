//! Engines other than Docker's own: what each guarantees, what it cannot, and that nobody is told otherwise.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a panic is how tests fail, tests start processes, and a skip is said aloud"
)]

mod support;

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::process::Command;
use std::thread;

use serde_json::{Value, json};
use support::runtime::Runtime;
use support::{Bed, Done, Engine, RINGFENCE, TINY, part, script_run, skip, start};
use tempfile::TempDir;

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// A bed that uses this engine, where tests/run.sh brought it.
fn bed_of(runtime: Runtime) -> Option<Bed> {
    Engine::get()?;
    if runtime == Runtime::Podman && std::env::var_os("RINGFENCE_TEST_PODMAN").is_none() {
        skip("no Podman: run tests/run.sh");
        return None;
    }
    Some(runtime.bed())
}

const FACTS: &str = r#"
grep -E '^(CapPrm|CapEff|CapBnd|NoNewPrivs)' /proc/self/status | tr '\t\n' '  '; echo
for folder in / /etc /bin /home; do (: >"$folder/x") 2>/dev/null && echo "writable $folder"; done
echo "home $(ls -A "$HOME" | wc -l) $(stat -c '%u:%g %a' "$HOME")"
for folder in /tmp "$HOME"; do cp /bin/busybox "$folder/true" && "$folder/true" && echo "runs in $folder"; done
cd /sys/fs/cgroup
echo "memory $(cat memory.max memory/memory.limit_in_bytes 2>/dev/null)"
echo "pids $(cat pids.max pids/pids.max 2>/dev/null)"
cd "$OLDPWD"
echo "$API"; mkdir deep && echo mine >deep/file
"#;

#[test]
fn podman_gives_what_docker_gives() {
    let Some(mut bed) = bed_of(Runtime::Podman) else { return };
    bed.set("API", "http://user:pass@localhost:8/x");
    bed.config("[sandbox]\npids = 40\n");
    let script = format!("{FACTS}grep -c 'host\\.containers\\.internal' /etc/hosts");
    let done = bed.run_with(&script_run("docker", &["--memory", "96m", "-e", "API"]), script.as_bytes()).exits(0);
    let (uid, gid) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
    let zero = "0000000000000000";
    let wanted = format!(
        "CapPrm: {zero} CapEff: {zero} CapBnd: {zero} NoNewPrivs: 1 \nhome 0 {uid}:{gid} 700\nruns in /tmp\n\
         runs in /home/ringfence\nmemory {}\npids 40\nhttp://user:pass@host.containers.internal:8/x\n1\n",
        96 << 20
    );
    assert_eq!(done.out(), wanted, "{}", done.stderr);
    let made = fs::metadata(bed.workspace().join("deep/file")).unwrap();
    assert_eq!((made.uid(), made.gid()), (uid, gid));
}

#[test]
fn apples_container_is_told_only_what_it_knows_and_what_it_lacks_is_said() {
    let Some(mut bed) = bed_of(Runtime::Apple) else { return };
    let calls = bed.root().join("calls");
    bed.set("STAND_IN_LOG", &calls).set("API", "http://user:pass@localhost:8/x");
    let args =
        |rest: &[&'static str]| [script_run("apple", &["--memory", "200m", "-e", "API"]), rest.to_vec()].concat();

    // Its containers reach this machine by a name that somebody with the right to must set up.
    let done = bed.run(&args(&["--json", "true"])).exits(78);
    let json = done.json();
    assert!(json["message"].as_str().unwrap().starts_with("API names a service of this machine"), "{json}");
    let hint = format!(
        "sudo {} system dns create host.container.internal --localhost 203.0.113.113",
        Runtime::Apple.program()
    );
    assert_eq!(json["hint"], hint);
    assert!(!fs::read_to_string(&calls).unwrap().contains("run "), "nothing was started");
    bed.set("STAND_IN_NAMES", "host.container.internal");

    // Its machines have whole CPUs and some memory, and its limit of processes is a user's, which root does not have.
    bed.run(&args(&["--memory", "199m", "true"])).exits(78).says("no container less than 200 MiB");
    bed.run(&args(&["--cpus", "0.5", "true"])).exits(78).says("does not enforce sandbox.cpus");
    let (uid, gid) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
    if is_root() {
        bed.run(&args(&["true"])).exits(78).says("does not enforce sandbox.pids here");
    }
    let done = bed.run_with(&args(&["--allow-partial"]), FACTS.as_bytes()).exits(0);
    let zero = "0000000000000000";
    let wanted = format!(
        "CapPrm: {zero} CapEff: {zero} CapBnd: {zero} NoNewPrivs: 0 \nhome 0 {uid}:{gid} 700\nruns in /tmp\n\
         runs in /home/ringfence/own\nmemory {}\n",
        200 << 20
    );
    assert!(done.out().starts_with(&wanted), "{done:?}");
    assert!(done.out().ends_with("\nhttp://user:pass@host.container.internal:8/x\n"), "{done:?}");
    let made = fs::metadata(bed.workspace().join("deep/file")).unwrap();
    assert_eq!((made.uid(), made.gid()), (uid, gid));
    fs::create_dir(bed.root().join("a=b")).unwrap();
    bed.run(&args(&["--mount", "../a=b:/x", "true"])).exits(2).says("cannot be told of a path with `:` or `=`");
}

/// It would be whoever's image of that name a registry has, and it would be handed the credentials.
#[test]
fn apples_container_is_never_let_fetch_an_image() {
    let Some(mut bed) = bed_of(Runtime::Apple) else { return };
    let calls = bed.root().join("calls");
    bed.set("STAND_IN_LOG", &calls);
    let run = ["run", "--mode", "apple", "-a", "shell", "--allow-partial", "--image", "ringfence-test/nope:1", "true"];
    let create = ["--mode", "apple", "sandbox", "create", "never", "--template", "ringfence-test/nope:1"];
    for version in ["1.2.2", "0.12.3"] {
        bed.set("STAND_IN_VERSION", version);
        for args in [&run[..], &create[..]] {
            let done = bed.run(args).exits(69).says("the image ringfence-test/nope:1 is not on this engine");
            done.says("image pull ringfence-test/nope:1").says("build-image");
        }
    }
    let calls = fs::read_to_string(calls).unwrap();
    assert!(!calls.contains("container run") && !calls.contains("fetched"), "{calls}");
    // The stand-in itself fetches, as Apple's does.
    let output = Command::new(Runtime::Apple.program()).args(["run", "ringfence-test/nope:1"]).output().unwrap();
    assert!(String::from_utf8_lossy(&output.stderr).contains("401 Unauthorized"), "{output:?}");
}

#[test]
fn a_hint_about_apples_names_its_mode_whatever_mode_is_in_force() {
    let Some(mut bed) = bed_of(Runtime::Apple) else { return };
    // The mode of one agent in the file, and that of everything on the command line.
    bed.config("[agents.claude]\nmode = \"apple\"\n");
    bed.set("ANTHROPIC_API_KEY", "sk-ant-api-test").set("SANDBOX_DOCKER_IMAGE", "ringfence/none:1");
    let hint =
        |args: &[&str]| bed.run(&[args, &["--json"]].concat()).json()["hint"].as_str().unwrap_or("none").to_owned();
    assert_eq!(hint(&["run", "-a", "claude", "--allow-partial", "hi"]), "ringfence --mode apple sandbox build-image");
    let rm = hint(&["--mode", "apple", "sandbox", "rm", "never-made"]);
    assert_eq!(rm, "ringfence --mode apple sandbox ls shows those there are");
    let run = hint(&["run", "--mode", "apple", "-a", "shell", "--sandbox", "never-made", "--allow-partial", "true"]);
    assert!(run.contains("ringfence --mode apple sandbox create never-made"), "{run}");
    assert_eq!(
        hint(&["--mode", "docker", "sandbox", "rm", "never-made"]),
        "ringfence sandbox ls shows those there are"
    );
    // Without a network no name of this machine has to be set up for it, and a loop's id is no path.
    let api =
        ["--sandbox", "never-made", "--network", "none", "-e", "API=http://localhost:8/x", "--allow-partial", "true"];
    let run = hint(&[&["run", "--mode", "apple", "-a", "shell"], &api[..]].concat());
    assert!(run.contains("sandbox create never-made"), "{run}");
    let create = ["--mode", "apple", "sandbox", "create", "--loop"];
    assert!(hint(&[&create[..], &["a:b"]].concat()).ends_with("sandbox build-image"));
    assert_eq!(hint(&[&create[..], &["a=b"]].concat()), "choose another id: --loop ID");
    let checks = bed.run(&["--mode", "apple", "sandbox", "doctor", "--quick", "--agent", "claude", "--json"]).json();
    let image = checks["checks"].as_array().unwrap().iter().find(|check| check["id"] == "image").unwrap();
    assert_eq!(image["fix"], "ringfence --mode apple sandbox build-image");
}

/// The engine that `sandbox show` found for a mode, and the levels of these guarantees there.
fn shown(done: Done, mode: &str, names: &[&str]) -> (Value, Vec<String>) {
    let json = done.exits(0).json();
    let row = |name: &&str| {
        json["guarantees"].as_array().unwrap().iter().find(|row| row["guarantee"] == **name).unwrap().clone()
    };
    let levels = names.iter().map(|name| row(name)[mode].as_str().unwrap().to_owned()).collect();
    (json["engines"][mode].clone(), levels)
}

#[test]
fn the_doctor_walks_the_way_of_a_run_on_apples_and_names_what_it_lacks() {
    let Some(mut bed) = bed_of(Runtime::Apple) else { return };
    bed.config(&format!("mode = \"apple\"\nagent = \"shell\"\n[sandbox]\nimage = \"{TINY}\"\n"));
    let doctor = |bed: &Bed, rest: &[&str], code: i32| {
        let json = bed.run(&[&["--json", "sandbox", "doctor"], rest].concat()).exits(code).json();
        move |id: &str| {
            let check = json["checks"].as_array().unwrap().iter().find(|check| check["id"] == id).cloned();
            check.unwrap_or_else(|| panic!("no {id} in {json}"))
        }
    };
    let ok = |check: &Value| assert_eq!(check["status"], "ok", "{check}");
    let fixed = |check: Value, status: &str, fact: &str, fix: &str| {
        assert_eq!(check["status"], status, "{check}");
        assert!(
            check["fact"].as_str().unwrap().contains(fact) && check["fix"].as_str().unwrap().contains(fix),
            "{check}"
        );
    };
    let seen = doctor(&bed, &[], 0);
    for id in
        ["engine", "engine.version", "image", "network", "leftovers", "run.start", "run.write", "run.owner", "run.home"]
    {
        ok(&seen(id));
    }
    for id in
        ["run.root", "run.capabilities", "run.memory", "run.cpus", "run.secrets", "run.timeout", "run.nothing-left"]
    {
        ok(&seen(id));
    }
    let pids = if is_root() {
        ("engine.limits", "warn", "run.pids", "skip")
    } else {
        ("engine.limits", "ok", "run.pids", "ok")
    };
    assert_eq!((seen(pids.0)["status"].as_str(), seen(pids.2)["status"].as_str()), (Some(pids.1), Some(pids.3)));
    let name = Runtime::Apple.host_name();
    fixed(seen("engine.host-name"), "warn", name, &format!("system dns create {name} --localhost"));

    // An older one: its JSON has another shape, single files cannot be mounted; and one that is too old for any run.
    bed.set("STAND_IN_VERSION", "0.12.3").set("STAND_IN_NAMES", name);
    bed.set("SANDBOX_DOCKER_IMAGE", "ringfence-test/none:1").set("SANDBOX_DOCKER_NETWORK", "ringfence-test-none");
    let seen = doctor(&bed, &["--quick"], 69);
    ok(&seen("engine.host-name"));
    fixed(seen("engine.version"), "warn", "0.12.3", "update-container.sh");
    fixed(seen("image"), "fail", "is not on this engine", "image pull ringfence-test/none:1");
    fixed(seen("network"), "fail", "no network named ringfence-test-none", "network create");
    bed.set("STAND_IN_VERSION", "0.11.0");
    fixed(doctor(&bed, &["--quick"], 78)("engine.version"), "fail", "too old", "update-container.sh");
    let old = bed.run(&["run", "--image", TINY, "--network", "bridge", "true"]).exits(78);
    old.says("does not know all that a run asks of it");
    let (engine, levels) = shown(bed.run(&["sandbox", "show", "--json"]), "apple", &["filesystem"]);
    assert_eq!((engine["found"].as_bool(), levels), (Some(false), vec!["absent".to_owned()]), "{engine}");

    bed.set("STAND_IN_VERSION", "1.2.2").set("STAND_IN_DOWN", "1");
    let fix = format!("{} system start", Runtime::Apple.program());
    fixed(doctor(&bed, &["--quick"], 69)("engine"), "fail", "engine answers", &fix);
    let json = bed.run(&script_run("apple", &["--json", "true"])).exits(69).json();
    assert_eq!(
        (json["class"].as_str(), json["hint"].as_str()),
        (Some("daemon_unreachable"), Some(fix.as_str())),
        "{json}"
    );
}

/// Nobody is asked but the agent itself.
#[test]
fn a_login_is_looked_at_on_apples_whatever_limit_root_lacks_there() {
    let Some(mut bed) = bed_of(Runtime::Apple) else { return };
    bed.set("SANDBOX_DOCKER_IMAGE", part("RINGFENCE_TEST_WORKER")).set("SANDBOX_DOCKER_NETWORK", "none");
    bed.set("ANTHROPIC_API_KEY", "sk-ant-api-test");
    let json = bed.run(&["--mode", "apple", "--json", "auth", "check", "claude", "--quick"]).exits(0).json();
    assert_eq!((&json["code"], &json["authenticated"]), (&json!("ok"), &json!(true)), "{json}");
}

#[test]
fn the_table_says_what_was_found() {
    let Some(docker) = bed_of(Runtime::Docker) else { return };
    let show = ["sandbox", "show", "--json"];
    let limits = ["memory", "cpus", "pids", "no-new-privileges"];
    let (engine, levels) = shown(docker.run(&show), "docker", &limits);
    assert!(engine["name"].as_str().unwrap().starts_with("Docker "), "{engine}");
    assert_eq!(levels, ["enforced"; 4]);
    let (engine, levels) = shown(docker.run(&show), "apple", &limits);
    assert_eq!((engine["found"].as_bool(), levels), (Some(false), vec!["absent".to_owned(); 4]), "{engine}");
    let mut dead = Runtime::Docker.bed();
    dead.set("DOCKER_HOST", "unix:///nowhere/docker.sock");
    let (engine, levels) = shown(dead.run(&show), "docker", &limits);
    assert_eq!((engine["reason"].as_str(), levels), (Some("no docker engine answers"), vec!["absent".to_owned(); 4]));
    let (engine, levels) = shown(Runtime::Apple.bed().run(&show), "apple", &limits);
    assert_eq!(
        (engine["name"].as_str(), levels.join(" ")),
        // As a run says it: root has no limit of processes there.
        (
            Some("Apple container 1.2.2"),
            format!("enforced enforced {} absent", if is_root() { "absent" } else { "partial" })
        )
    );
    let Some(podman) = bed_of(Runtime::Podman) else { return };
    let (engine, levels) = shown(podman.run(&show), "docker", &limits);
    assert!(engine["name"].as_str().unwrap().starts_with("Podman "), "{engine}");
    assert_eq!(levels, ["enforced"; 4]);
}

#[test]
fn the_stand_in_refuses_what_apples_container_does_not_know() {
    for words in [
        "run --security-opt no-new-privileges x",
        "run --pids-limit 5 x",
        "run --add-host a:b x",
        "run --pull never x",
        "run --tmpfs /x:uid=1 x",
        "run --stop-signal KILL x",
        "run --cpus 1.5 x",
        "run --memory 5b x",
        "run --mount type=tmpfs,target=/x x",
        "exec --detach-keys x y z",
        "start --time 1 x",
        "kill --time 1 x",
        "rm --volumes x",
        "list --filter label=x",
        "inspect",
        "container inspect x",
        "system version --all",
        "commit x",
        "ps",
        "info",
    ] {
        let output = Command::new(Runtime::Apple.program()).args(words.split(' ')).output().unwrap();
        assert_eq!(output.status.code(), Some(64), "{words}");
    }
}

/// A server on this machine that answers everybody in a word, for as long as this process lives. Its port.
fn answering(host: &str) -> u16 {
    let server = TcpListener::bind((host, 0)).unwrap();
    let port = server.local_addr().unwrap().port();
    thread::spawn(move || {
        for mut caller in server.incoming().flatten() {
            let _ = caller.read(&mut [0; 1024]);
            let _ = caller.write_all(b"HTTP/1.0 200 reached\r\n\r\n");
        }
    });
    port
}

#[test]
fn podmans_containers_have_a_door_and_forwarded_services() {
    let Some(bed) = bed_of(Runtime::Podman) else { return };
    let host = part("RINGFENCE_TEST_GATEWAY");
    let (listed, service) = (format!("{host}:{}", answering(&host)), answering("127.0.0.1"));
    let script = r#"bash -c 'get() { exec 3<>/dev/tcp/127.0.0.1/$1; printf "GET $2 HTTP/1.0\r\n\r\n" >&3; head -n 1 <&3; }
        get ${HTTP_PROXY##*:} http://$0/; get ${HTTP_PROXY##*:} http://denied.test/; get 80 /' "$1""#;
    let (image, forward) = (part("RINGFENCE_TEST_DEBIAN"), format!("80:127.0.0.1:{service}"));
    let args = ["--image", &image, "--allow-host", &listed, "--forward", &forward, "--json", script, "--", &listed];
    let json = bed.run(&script_run("docker", &args)).exits(0).json();
    assert_eq!(json["output"], "HTTP/1.0 200 reached\r\nHTTP/1.1 403 Forbidden\r\nHTTP/1.0 200 reached\r\n", "{json}");
    assert_eq!(json["egressDenied"][0]["host"], "denied.test", "{json}");
}

/// Podman fills a volume with what the image has at its place, whatever it is told.
#[test]
fn a_copied_workspace_begins_empty_or_not_at_all() {
    let Some(bed) = bed_of(Runtime::Podman) else { return };
    bed.write("home/.config/ringfence/config.toml", "[docker]\ncommand = \"podman\"\nworkspace = \"copy\"\n");
    bed.write("work/there", "x");
    bed.run(&script_run("docker", &["--network", "none", "ls; rm there; echo made >made"])).exits(0);
    assert_eq!((bed.workspace().join("there").exists(), bed.workspace().join("made").exists()), (false, true));
    bed.write(
        "home/.config/ringfence/config.toml",
        "[docker]\ncommand = \"podman\"\nworkspace = \"copy\"\n[sandbox]\nworkdir = \"/etc\"\n",
    );
    let done = bed.run(&script_run("docker", &["--network", "none", "--max-attempts", "1", "touch ran"]));
    assert_eq!((done.code, bed.workspace().join("ran").exists()), (Some(78), false), "{}", done.stderr);
    done.says("the image has files of its own");
}

#[test]
fn podmans_faults_are_told() {
    let Some(bed) = bed_of(Runtime::Podman) else { return };
    for (rest, code, class) in [
        (["--image", "ringfence-test/nope:1"], 69, "image_missing"),
        (["--network", "nonet"], 69, "network_missing"),
        (["--image", "ringfence-test/UPPER"], 78, "invalid_image"),
    ] {
        let done = bed.run(&script_run("docker", &[rest.as_slice(), &["--json", "true"]].concat())).exits(code);
        assert_eq!(done.json()["class"], class, "{}", done.stderr);
    }
    let missing = Runtime::Docker.bed();
    missing.config("[docker]\ncommand = \"nerdctl-that-is-not-there\"\n");
    missing.run(&script_run("docker", &["true"])).exits(69).says("is not installed");
}

/// A user who has subordinate ids, with Podman's storage and everything else of theirs in a folder.
struct Rootless {
    root: TempDir,
    user: String,
}

impl Rootless {
    /// Nothing, said aloud, where this machine has no rootless Podman: that is for tests/run.sh to find out, and no fault of ours.
    fn new() -> Option<Self> {
        bed_of(Runtime::Podman)?;
        let Ok(user) = std::env::var("RINGFENCE_TEST_ROOTLESS") else {
            let reason = std::env::var("RINGFENCE_TEST_ROOTLESS_REASON").unwrap_or_else(|_| "not looked for".into());
            println!("skipped on this machine: no rootless Podman: {reason}");
            return None;
        };
        let root = tempfile::Builder::new().prefix("rf-rootless-").tempdir().unwrap();
        for folder in ["run", "work", "home/.config/ringfence"] {
            fs::create_dir_all(root.path().join(folder)).unwrap();
        }
        let rootless = Rootless { root, user };
        fs::copy(RINGFENCE, rootless.path("ringfence")).unwrap();
        let conf = PathBuf::from(part("RINGFENCE_TEST_PODMAN")).join("rootless.conf");
        fs::copy(conf, rootless.path("containers.conf")).unwrap();
        fs::write(rootless.path("home/.config/ringfence/config.toml"), "[docker]\ncommand = \"podman\"\n").unwrap();
        let tar = rootless.path("tiny.tar");
        Runtime::Docker.client().args(["save", "--output"]).arg(&tar).arg(TINY).status().unwrap();
        let owner = format!("{0}:{0}", rootless.user);
        assert!(Command::new("chown").args(["-R", &owner]).arg(rootless.root.path()).status().unwrap().success());
        let loaded = start(rootless.command("podman", &["load", "--input", tar.to_str().unwrap()]), b"").finish();
        drop(loaded.exits(0));
        Some(rootless)
    }

    fn path(&self, name: &str) -> PathBuf {
        fs::canonicalize(self.root.path()).unwrap().join(name)
    }

    fn command(&self, program: &str, args: &[&str]) -> Command {
        let user = &self.user;
        let mut command = Command::new("setpriv");
        command.args([format!("--reuid={user}"), format!("--regid={user}"), "--init-groups".into(), program.into()]);
        command.args(args).env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin");
        command.env("HOME", self.path("home")).env("XDG_RUNTIME_DIR", self.path("run"));
        command.env("CONTAINERS_CONF", self.path("containers.conf")).current_dir(self.path("work"));
        command
    }

    fn run(&self, rest: &[&str]) -> Done {
        let args = script_run("docker", &[&["--network", "none"], rest].concat());
        start(self.command(self.path("ringfence").to_str().unwrap(), &args), b"").finish()
    }
}

impl Drop for Rootless {
    fn drop(&mut self) {
        // It keeps a process of its own for the next call.
        let pid = fs::read_to_string(self.root.path().join("run/libpod/tmp/pause.pid")).unwrap_or_default();
        if let Ok(pid) = pid.trim().parse::<u32>() {
            let _ = Command::new("kill").arg(pid.to_string()).status();
        }
    }
}

#[test]
fn a_limit_that_an_engine_only_accepts_is_refused_and_files_are_the_callers() {
    let Some(rootless) = Rootless::new() else { return };
    let id = Command::new("id").args(["-u", &rootless.user]).output().unwrap().stdout;
    let uid: u32 = String::from_utf8(id).unwrap().trim().parse().unwrap();
    let script = "echo \"$(id -u) $(stat -c '%u %a' \"$HOME\")\"; touch made";
    let strict = rootless.run(&["--json", script]);
    let partial = rootless.run(&["--allow-partial", script]).exits(0);
    assert_eq!(partial.out(), format!("{uid} {uid} 700\n"), "{}", partial.stderr);
    assert_eq!(fs::metadata(rootless.path("work/made")).unwrap().uid(), uid);
    let program = rootless.path("ringfence");
    let show = rootless.command(program.to_str().unwrap(), &["sandbox", "show", "--json"]);
    let (engine, levels) = shown(start(show, b"").finish(), "docker", &["memory", "pids"]);
    assert!(engine["name"].as_str().unwrap().ends_with(", rootless"), "{engine}");
    // Whether this machine's rootless engines have control groups, its kernel decides.
    let warned = partial.stderr.contains("does not enforce sandbox.memory");
    if warned {
        let json = strict.exits(78).json();
        assert_eq!((json["class"].as_str(), json["agentExitCode"].as_i64()), (Some("config"), None), "{json}");
        assert!(json["message"].as_str().unwrap().contains("podman does not enforce sandbox.memory"), "{json}");
        assert!(json["hint"].as_str().unwrap().contains("--allow-partial"), "{json}");
        assert_eq!(levels, ["absent"; 2], "{engine}");
        let sandbox = |args: &[&str]| {
            start(rootless.command(program.to_str().unwrap(), &[&["sandbox"], args].concat()), b"").finish()
        };
        let warm = ["create", "rootless", "--agent", "shell", "--mode", "docker", "--image", TINY, "--network", "none"];
        sandbox(&warm).exits(0).says("warning: podman does not enforce a limit of this sandbox");
        let run = |options: &[&str]| {
            let task = ["run", "--agent", "shell", "--mode", "docker", "--sandbox", "rootless", "echo ran"];
            start(rootless.command(program.to_str().unwrap(), &[&task, options].concat()), b"").finish()
        };
        run(&[]).exits(78).says("podman does not enforce sandbox.memory").says("--allow-partial");
        let ran = run(&["--allow-partial"]).exits(0).says("does not enforce sandbox.memory");
        assert_eq!(ran.out(), "ran\n");
        drop(sandbox(&["rm", "rootless"]).exits(0));
    } else {
        assert_eq!(levels, ["enforced"; 2], "{engine}");
        drop(strict.exits(0));
    }
}
