//! What a container of the real engine is, seen from inside and by `docker inspect`, and how its faults are told.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a panic is how tests fail, and tests start processes"
)]

mod support;

use std::ffi::OsStr;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

use serde_json::Value;
use support::runtime::{Runtime, stand_in};
use support::{Bed, Done, Engine, PATIENCE, RINGFENCE, part, start, within};
use tempfile::TempDir;

/// A shell script in a container, without a network unless one is named.
fn shell<'a>(image: &'a str, rest: &[&'a str]) -> Vec<&'a str> {
    let runtime = Runtime::chosen();
    let mut args = vec!["run", "--agent", "shell", "--mode", runtime.mode(), "--timeout", "60s", "--image", image];
    args.extend(if rest.contains(&"--network") { runtime.partly() } else { runtime.closed() });
    args.extend(rest);
    args
}

/// A user whom no image knows, where the tests run as root; else whoever runs them.
struct Stranger {
    root: TempDir,
    bed: Bed,
    groups: Option<u32>,
}

const STRANGER: u32 = 12_345;

impl Stranger {
    /// Below the system's temporary folder, where everybody may go, with a copy of ringfence: a checkout may be root's alone.
    fn new(engine: &Engine) -> Self {
        let root = tempfile::Builder::new().prefix("rf-stranger-").tempdir().unwrap();
        for folder in ["home", "work"] {
            fs::create_dir(root.path().join(folder)).unwrap();
        }
        fs::copy(RINGFENCE, root.path().join("ringfence")).unwrap();
        let groups = socket().and_then(|path| Some(fs::metadata(path).ok()?.gid()));
        Stranger { root, bed: engine.bed(), groups }
    }

    fn path(&self, name: &str) -> PathBuf {
        fs::canonicalize(self.root.path()).unwrap().join(name)
    }

    fn ids() -> (u32, u32) {
        let (uid, gid) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
        if uid == 0 { (STRANGER, STRANGER) } else { (uid, gid) }
    }

    fn command(&self, args: &[&str]) -> Command {
        let (uid, gid) = Stranger::ids();
        let mut command = Command::new(self.path("ringfence"));
        if rustix::process::geteuid().is_root() {
            let owned = Command::new("chown").args(["-R", &format!("{uid}:{gid}")]).arg(self.root.path()).status();
            assert!(owned.unwrap().success());
            command = Command::new("setpriv");
            command.args([format!("--reuid={uid}"), format!("--regid={gid}")]);
            command.arg(self.groups.map_or("--clear-groups".to_owned(), |group| format!("--groups={group}")));
            command.arg(self.path("ringfence"));
        }
        let plain = self.bed.command(&[]);
        command.env_clear().envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command.env("HOME", self.path("home")).current_dir(self.path("work")).args(args);
        command
    }

    fn run(&self, args: &[&str], input: &str) -> Done {
        start(self.command(args), input.as_bytes()).finish()
    }

    fn config(&self, text: &str) {
        let folder = self.path("home/.config/ringfence");
        fs::create_dir_all(&folder).unwrap();
        // The stand-in may be in a checkout that is root's alone.
        fs::copy(stand_in(), self.path("container")).unwrap();
        let command = format!("\n[apple]\ncommand = \"{}\"\n", self.path("container").display());
        fs::write(folder.join("config.toml"), format!("{text}{command}")).unwrap();
    }
}

/// The engine's socket, where it has one.
fn socket() -> Option<PathBuf> {
    match std::env::var("DOCKER_HOST") {
        Ok(address) => address.strip_prefix("unix://").map(PathBuf::from),
        Err(_) => Some("/var/run/docker.sock".into()),
    }
}

const FACTS: &str = r#"
grep -E '^(CapInh|CapPrm|CapEff|CapBnd|CapAmb|NoNewPrivs)' /proc/self/status
for folder in / /etc /bin /usr /home; do (: >"$folder/x") 2>/dev/null && echo "writable $folder"; done
echo "home holds $(ls -A "$HOME" | wc -l), $(stat -c '%u:%g %a' "$HOME")"
for folder in /tmp "$HOME"; do cp /bin/busybox "$folder/true" && "$folder/true" && echo "runs in $folder"; done
cd /sys/fs/cgroup
echo "memory $(cat memory.max memory/memory.limit_in_bytes 2>/dev/null)"
echo "pids $(cat pids.max pids/pids.max 2>/dev/null)"
echo "cpus $(cat cpu.max cpu/cpu.cfs_quota_us 2>/dev/null | cut -d' ' -f1)"
cd "$OLDPWD"
echo "net $(ls -d /sys/class/net/lo /sys/class/net/e* 2>/dev/null), routes $(sed 1d /proc/net/route | wc -l)"
[ ! -e "$1" ] || echo "the host's home is there"
echo "I am $(id -u):$(id -g)"
mkdir deep && echo mine >deep/file
touch ready; while [ ! -e go ]; do sleep 0.05; done
i=0; while [ $i -lt 60 ]; do sleep 3 & i=$((i + 1)); done 2>/dev/null
echo "not reached: 60 processes"
"#;

#[test]
fn the_hardening_is_in_force_and_files_come_out_as_the_callers() {
    let Some(engine) = Engine::get() else { return };
    if Runtime::chosen().skips_podman("it lets no stranger in; what is in force there tests/runtimes.rs looks at") {
        return;
    }
    let stranger = Stranger::new(&engine);
    let (uid, gid) = Stranger::ids();
    stranger.config("[sandbox]\npids = 40\n");
    fs::write(stranger.path("home/.netrc"), "of the host").unwrap();
    let (tiny, home) = (engine.tiny(), stranger.path("home"));
    // Apple's machines have whole CPUs and some memory; and it limits the processes of a user, which root is not here.
    let apple = Runtime::chosen() == Runtime::Apple;
    let (memory, cpus) = if apple { (200, "2") } else { (96, "0.5") };
    let limit = format!("{memory}m");
    let args = shell(&tiny, &["--memory", &limit, "--cpus", cpus, "--", home.to_str().unwrap()]);
    let args: Vec<&str> = args.into_iter().filter(|word| *word != "--allow-partial").collect();
    let running = start(stranger.command(&args), FACTS.as_bytes());
    within(PATIENCE, "the script is ready", || stranger.path("work/ready").exists());

    let label = format!("label=ringfence.workspace={}", stranger.path("work").display());
    // It may be at work before its engine says that it runs.
    let names = || engine.docker(&["ps", "--filter", &label, "--format", "{{.Names}}"]);
    within(PATIENCE, "it is listed", || !names().is_empty());
    let name = names();
    let inspected: Value = serde_json::from_str(&engine.docker(&["inspect", &name])).unwrap();
    let (host, labels) = (&inspected[0]["HostConfig"], &inspected[0]["Config"]["Labels"]);
    assert_eq!(host["LogConfig"]["Type"], "none");
    assert_eq!((host["AutoRemove"].as_bool(), host["Init"].as_bool()), (Some(true), Some(true)));
    assert_eq!((host["Memory"].as_u64(), host["MemorySwap"].as_u64()), (Some(memory << 20), Some(memory << 20)));
    let pid = running.pid().to_string();
    for (key, value) in [("", "1"), (".kind", "run"), (".agent", "shell"), (".owner.pid", &pid)] {
        assert_eq!(labels[format!("ringfence{key}")], value, "{labels}");
    }
    assert_eq!(labels["ringfence.workspace"], stranger.path("work").to_str().unwrap());
    assert_eq!(name, format!("ringfence-{}", labels["ringfence.run"].as_str().unwrap()));
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    assert_eq!(labels["ringfence.owner.start"], stat.rsplit_once(')').unwrap().1.split(' ').nth(20).unwrap());

    fs::write(stranger.path("work/go"), "").unwrap();
    let done = running.finish().exits(1);
    let zero = "0000000000000000";
    let (no_new, cpus) = if apple { (0, 200_000) } else { (1, 50_000) };
    let wanted = format!(
        "CapInh:\t{zero}\nCapPrm:\t{zero}\nCapEff:\t{zero}\nCapBnd:\t{zero}\nCapAmb:\t{zero}\nNoNewPrivs:\t{no_new}\n\
         home holds 0, {uid}:{gid} 700\nruns in /tmp\nruns in {}\nmemory {}\npids 40\ncpus {cpus}\nnet /sys/class/net/lo, routes 0\n\
         I am {uid}:{gid}\n",
        Runtime::chosen().home(),
        memory << 20
    );
    let out = done.out();
    let out = if apple { out.replace("pids max", "pids 40") } else { out };
    assert_eq!(out, wanted, "{}", done.stderr);
    for made in ["deep", "deep/file"] {
        let made = fs::metadata(stranger.path("work").join(made)).unwrap();
        assert_eq!((made.uid(), made.gid()), (uid, gid));
    }
    assert_eq!(engine.docker(&["ps", "--all", "--filter", &label, "--format", "{{.Names}}"]), "");
}

#[test]
fn an_agent_that_has_used_up_all_processes_ends_with_its_owner() {
    let Some(engine) = Engine::get() else { return };
    if Runtime::chosen() == Runtime::Apple {
        return println!(
            "not for Apple's: where the tests are root there is no limit of processes, and they would be endless"
        );
    }
    for image in engine.images() {
        let bed = engine.bed();
        bed.config("[sandbox]\npids = 30\n[run]\ngrace = \"1s\"\n");
        // The inner shell leaves room for one, and the outer one takes it.
        let fill = "trap '' TERM; sh -c 'while :; do sleep 100 & done' 2>/dev/null; sleep 100 & : >ready; wait";
        let running = bed.spawn(&shell(&image, &[fill]), b"");
        within(PATIENCE, "no process is left", || bed.workspace().join("ready").exists());
        running.signal("KILL");
        within(PATIENCE, "the container is gone", || engine.containers_of(&bed).is_empty());
        drop(running.finish());
    }
}

#[test]
fn a_workspace_and_a_mount_may_be_called_anything() {
    let Some(engine) = Engine::get() else { return };
    let (bed, tiny) = (engine.bed(), engine.tiny());
    let apple = Runtime::chosen() == Runtime::Apple;
    for name in ["-a b,c:d\"e'f\ng\\h$(x)`y`\t ü=ro", " ends in a space ", "src=a,dst=b,readonly"] {
        // Apple's cannot be told of some.
        let told = name.replace([':', '='], "+");
        let name = if apple { told.as_str() } else { name };
        let folder = bed.workspace().join(name);
        fs::create_dir(&folder).unwrap();
        let mut command = bed.command(&shell(&tiny, &["pwd; echo hi >made"]));
        command.current_dir(&folder);
        let done = start(command, b"").finish().exits(0);
        assert_eq!(done.out(), format!("{}\n", folder.display()));
        assert_eq!(fs::read_to_string(folder.join("made")).unwrap(), "hi\n");
        let relative = format!("--workspace={name}");
        bed.run(&shell(&tiny, &[&relative, "echo again >made"])).exits(0);
        assert_eq!(fs::read_to_string(folder.join("made")).unwrap(), "again\n");
    }
    bed.config("[sandbox]\nworkdir = \"/workspace\"\n");
    let data = bed.write(if apple { "a \"b\",'c'\nü/file" } else { "a \"b\",'c'\n=ü/file" }, "data");
    let [read_only, writable] =
        ["/in side:ro", "/data"].map(|rest| format!("{}:{rest}", data.parent().unwrap().display()));
    let script = "pwd; cat '/in side/file'; echo no >'/in side/file'; echo new >/data/new; echo made >here";
    let done = bed.run(&shell(&tiny, &["--mount", &read_only, "--mount", &writable, script])).exits(0);
    assert_eq!(done.says("Read-only file system").out(), "/workspace\ndata");
    assert_eq!(fs::read_to_string(data.with_file_name("new")).unwrap(), "new\n");
    assert_eq!(fs::read_to_string(bed.workspace().join("here")).unwrap(), "made\n");
    for (option, value, message) in [
        ("--mount", "nowhere:/x", "no such file or folder to mount"),
        ("--mount", "/etc:relative", "not an absolute path"),
        ("--workspace", "nowhere", "no such workspace"),
        ("--workspace", "here", "not a folder"),
    ] {
        three_lines(bed.run(&shell(&tiny, &[option, value, "true"])), 2, message);
    }
    // No engine can be given a path that is not UTF-8: an error, and nothing else.
    let odd = bed.workspace().join(OsStr::from_bytes(b"\xff"));
    fs::create_dir(&odd).unwrap();
    let mut command = bed.command(&shell(&tiny, &["true"]));
    command.current_dir(odd);
    three_lines(start(command, b"").finish(), 2, "cannot be told of a path with bytes that are no UTF-8");
}

#[test]
fn a_linked_worktree_works_inside_and_a_forged_one_does_not() {
    let Some(engine) = Engine::get() else { return };
    if Runtime::chosen().skips_podman("it lets no stranger in, and has no image with git here") {
        return;
    }
    let stranger = Stranger::new(&engine);
    stranger.config("");
    let git = |folder: &Path, args: &[&str]| {
        let mut command = Command::new("git");
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap()).env("HOME", stranger.path("home"));
        command.args(["-c", "safe.directory=*", "-c", "user.name=t", "-c", "user.email=t@example.com"]).args(args);
        let output = command.current_dir(folder).output().unwrap();
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let main = stranger.path("home/main project");
    fs::create_dir(&main).unwrap();
    git(&main, &["init", "--quiet", "--initial-branch=main"]);
    git(&main, &["commit", "--quiet", "--allow-empty", "--message=first"]);
    git(&main, &["worktree", "add", "--quiet", "-b", "side", stranger.path("work/side").to_str().unwrap()]);
    let script = "git status --porcelain --branch && echo x >file && git add file && ls -A ~ && ls -A \"$1\" && \
                  git -c user.name=a -c user.email=a@example.com commit --quiet -m inside";
    let worker = engine.worker();
    let mut args = shell(&worker, &["--workspace", "side", "--", main.to_str().unwrap()]);
    let done = stranger.run(&args, script).exits(0);
    assert_eq!(
        (done.out(), done.stderr),
        ("## side\n.git\n".into(), String::new()),
        "only the git folder is there of main"
    );
    assert_eq!(git(&main, &["log", "--format=%s", "side"]), "inside\nfirst\n");

    for (target, why) in [
        ("/home/main project/.git/worktrees/side", "does not name it back"),
        ("/home/main project/.git", "that is no worktree's"),
        ("/home", "that is no worktree's"),
    ] {
        fs::create_dir_all(stranger.path("work/forged")).unwrap();
        fs::write(stranger.path("work/forged/.git"), format!("gitdir: {}{target}\n", stranger.path("").display()))
            .unwrap();
        args = shell(&worker, &["--workspace", "forged", "--", main.to_str().unwrap()]);
        let done = stranger.run(&args, "ls -A \"$1\"; git status").exits(1);
        assert_eq!(done.says("warning: ").says(why).out(), "", "nothing of it is mounted");
    }
}

/// The address of this machine that a container on the engine's bridge reaches. Podman makes its bridge with its first container.
fn gateway(engine: &Engine) -> String {
    if Runtime::chosen() != Runtime::Podman {
        return part("RINGFENCE_TEST_GATEWAY");
    }
    let (tiny, name) = (engine.tiny(), Runtime::Podman.host_name());
    let hosts = engine.docker(&["run", "--rm", "--network", "bridge", &tiny, "grep", name, "/etc/hosts"]);
    hosts.split_whitespace().next().unwrap().to_owned()
}

#[test]
fn this_machine_is_called_by_another_name_inside() {
    let Some(engine) = Engine::get() else { return };
    let mut bed = engine.bed();
    let runtime = Runtime::chosen();
    let server = TcpListener::bind((gateway(&engine).as_str(), 0)).unwrap();
    let port = server.local_addr().unwrap().port();
    let answers = thread::spawn(move || {
        let (mut caller, _) = server.accept().unwrap();
        let mut request = [0; 1024];
        let length = caller.read(&mut request).unwrap();
        caller.write_all(b"HTTP/1.0 200 OK\r\n\r\nreached").unwrap();
        String::from_utf8_lossy(&request[..length]).into_owned()
    });
    bed.set("API", format!("http://user:pass@127.0.0.1:{port}/x?y=http://localhost/")).set("DB", "[::1]:5432");
    bed.set("OTHER", "http://localhost.example.com/").set("CALLERS", "own");
    bed.set("STAND_IN_NAMES", Runtime::Apple.host_name());
    bed.config("[sandbox]\nenv = [\"DB\", \"NOT_SET\"]\nrequired_env = [\"OTHER\"]\n");
    let script = "echo \"$API $DB $OTHER\"; env | cut -d= -f1 | sort | tr '\\n' ' '; wget -qO- \"http://${API#*@}\"";
    let tiny = engine.tiny();
    let args = shell(&tiny, &["--network", "bridge", "-e", "API", "-e", "TYPED=1", script]);
    let done = bed.run(&args).exits(0);
    let out = done.out();
    let (values, rest) = out.split_once('\n').unwrap();
    let host = runtime.host_name();
    let api = format!("http://user:pass@{host}:{port}/x?y=http://localhost/");
    assert_eq!(values, format!("{api} {host}:5432 http://localhost.example.com/"));
    let (names, body) = rest.rsplit_once(' ').unwrap();
    // The last two are Podman's own.
    let own = |name: &&str| !name.starts_with("RINGFENCE_RUN_") && !["TERM", "container"].contains(name);
    let names: Vec<&str> = names.split(' ').filter(own).collect();
    assert_eq!(names, ["API", "DB", "HOME", "HOSTNAME", "OTHER", "PATH", "PWD", "SHLVL", "TYPED"]);
    assert_eq!(body, "reached", "{}", done.stderr);
    assert!(answers.join().unwrap().starts_with("GET /x?y=http://localhost/ "));
}

#[test]
fn out_of_memory_is_told_truly() {
    let Some(engine) = Engine::get() else { return };
    let (bed, tiny) = (engine.bed(), engine.tiny());
    let limit = Runtime::chosen().little_memory();
    let greedy = "dd if=/dev/zero of=/dev/null bs=300M count=1";
    for (script, class, code, agent) in [
        (format!("exec {greedy}"), "oom", 1, 137),
        (format!("{greedy} || exit 3"), "oom", 1, 3),
        ("dd if=/dev/zero of=$HOME/x bs=1M count=300 || exit 4".into(), "oom", 1, 4),
        (format!("{greedy}; echo fine"), "ok", 0, 0),
        ("exit 137".into(), "agent_failed", 1, 137),
        ("kill -KILL $$".into(), "agent_failed", 1, 137),
    ] {
        let json = bed.run(&shell(&tiny, &["--memory", limit, "--json", &script])).exits(code).json();
        assert_eq!(
            (json["class"].as_str(), json["agentExitCode"].as_i64()),
            (Some(class), Some(agent)),
            "{script}: {json}"
        );
    }
}

/// Asserts a human error: `error:`, `caused by:` where there is a cause, `hint:` with something in each; and its exit code.
#[track_caller]
fn three_lines(done: Done, code: i32, message: &str) {
    let done = done.exits(code);
    let lines: Vec<&str> = done.stderr.lines().filter(|line| !line.starts_with("warning:")).collect();
    let heads: Vec<&str> = lines.iter().map(|line| line.split_once(": ").map_or(*line, |(head, _)| head)).collect();
    assert!(heads == ["error", "hint"] || heads == ["error", "caused by", "hint"], "{}", done.stderr);
    assert!(lines.iter().all(|line| line.split_once(": ").is_some_and(|(_, text)| text.len() > 8)), "{}", done.stderr);
    assert_eq!(done.out(), "");
    drop(done.says(message));
}

/// A fault, told to a program and to a person.
#[track_caller]
fn fault(command: impl Fn(&[&str]) -> Command, args: &[&str], class: &str, message: &str) {
    let code = match class {
        "usage" => 2,
        "config" | "invalid_image" | "env_missing" => 78,
        _ => 69,
    };
    three_lines(start(command(args), b"task").finish(), code, message);
    let json = start(command(&[args, &["--json"]].concat()), b"task").finish().exits(code).json();
    assert_eq!((json["ok"].as_bool(), json["class"].as_str()), (Some(false), Some(class)), "{json}");
    assert!(json["message"].as_str().unwrap().contains(message), "{json}");
    assert!(json["hint"].as_str().is_some_and(|hint| !hint.is_empty()), "{json}");
}

#[test]
fn faults_of_the_engine_and_of_what_it_is_given() {
    let Some(engine) = Engine::get() else { return };
    let (mut bed, tiny) = (engine.bed(), engine.tiny());
    bed.set("ANTHROPIC_API_KEY", "sk-ant-api-test");
    let empty = Imported::new(&bed);
    let run = |args: &[&str]| bed.command(args);
    fault(run, &shell("ringfence-test/nope:1", &[]), "image_missing", "ringfence-test/nope:1 is not on this engine");
    fault(run, &shell(&tiny, &["--network", "nonet"]), "network_missing", "no network named nonet");
    fault(run, &shell(&empty.0, &[]), "invalid_image", "lacks a shell");
    fault(run, &shell("openTiger/worker:latest", &[]), "invalid_image", "openTiger/worker");
    let agent = ["run", "--mode", "docker", "--network", "none", "--image", &tiny, "--agent", "claude"];
    fault(run, &agent, "cli_missing", "claude is not installed");
    fault(run, &shell(&tiny, &["--env", "NOT_SET"]), "env_missing", "NOT_SET is not set");

    let runtime = Runtime::chosen();
    let nobody = format!("no {} engine answers", runtime.program());
    let dead = bed.root().join("dead");
    drop(UnixListener::bind(&dead).unwrap());
    for address in
        [format!("unix://{}", dead.display()), "unix:///nowhere/docker.sock".into(), "tcp://127.0.0.1:1".into()]
    {
        let run = |args: &[&str]| {
            let mut command = bed.command(args);
            command.env(runtime.address_variable(), &address);
            command
        };
        fault(run, &shell(&tiny, &[]), "daemon_unreachable", &nobody);
    }
    let without = |args: &[&str]| {
        let mut command = bed.command(&[&["--mode", "docker"], args].concat());
        command.env("PATH", bed.workspace());
        command
    };
    let program = if runtime == Runtime::Podman { "podman" } else { "docker" };
    fault(without, &["run", "--image", &tiny, "true"], "cli_missing", &format!("{program} is not installed"));
    bed.config("[sandbox]\nrequired_env = [\"HOME\", \"NEEDED\"]\n");
    fault(|args| bed.command(args), &shell(&tiny, &[]), "env_missing", "NEEDED");

    if rustix::process::geteuid().is_root() && socket().is_some() && runtime == Runtime::Docker {
        let mut stranger = Stranger::new(&engine);
        stranger.groups = None;
        fault(
            |args| stranger.command(args),
            &shell(&tiny, &[]),
            "daemon_permission",
            "you may not use the docker engine",
        );
        let locked = stranger.path("locked");
        fs::create_dir(&locked).unwrap();
        fs::set_permissions(&locked, fs::Permissions::from_mode(0o600)).unwrap();
        let args = ["run", "--agent", "shell", "--workspace", locked.to_str().unwrap(), "true"];
        fault(|args| stranger.command(args), &args, "usage", "the workspace cannot be entered");
    }
    assert_eq!(engine.containers_of(&bed), "");
}

/// An image with one file in it, which is no shell.
struct Imported(String);

impl Imported {
    fn new(bed: &Bed) -> Self {
        let file = bed.write("nothing", "");
        let name = format!("ringfence-test/empty:{}", std::process::id());
        let mut tar = Command::new("tar")
            .args(["-c", "-C"])
            .arg(bed.root())
            .arg("nothing")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let import =
            Runtime::chosen().client().args(["import", "-", &name]).stdin(tar.stdout.take().unwrap()).output().unwrap();
        assert!(import.status.success() && tar.wait().unwrap().success() && file.exists());
        Imported(name)
    }
}

impl Drop for Imported {
    fn drop(&mut self) {
        Engine.docker(&["rmi", "--force", &self.0]);
    }
}
