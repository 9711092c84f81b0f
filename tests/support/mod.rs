//! What the tests stand on: a bed with a home of its own, a cleared environment, and the real parts that tests/run.sh brought.
#![allow(dead_code, reason = "each test file uses its own part of this")]
#![allow(
    clippy::disallowed_methods,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "tests start processes, and a panic is how they fail"
)]
#![allow(missing_docs, reason = "names say it")]

pub mod far;
pub mod runtime;
pub mod schema;
pub mod screen;
pub mod stub;

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use runtime::Runtime;
use serde_json::Value;
use tempfile::TempDir;

/// The binary under test.
pub const RINGFENCE: &str = env!("CARGO_BIN_EXE_ringfence");

/// The image that holds busybox only.
pub const TINY: &str = "ringfence-test/tiny:latest";

/// The arguments of a shell script's run in a container of this mode, from that image unless these options name another.
pub fn script_run<'a>(mode: &'a str, rest: &[&'a str]) -> Vec<&'a str> {
    [&["run", "--agent", "shell", "--mode", mode, "--timeout", "60s", "--image", TINY], rest].concat()
}

/// A home, a workspace and an environment that hold nothing of this machine's.
pub struct Bed {
    root: TempDir,
    env: Vec<(String, OsString)>,
    /// What every configuration file of this bed ends with.
    engine: String,
}

/// How a process ended, and what it wrote.
#[derive(Debug)]
pub struct Done {
    pub code: Option<i32>,
    pub stdout: Vec<u8>,
    pub stderr: String,
    pub took: Duration,
}

impl Done {
    pub fn out(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// Standard output as the one JSON object that it must be.
    pub fn json(&self) -> Value {
        assert_eq!(self.out().lines().count(), 1, "not one line: {self:?}");
        serde_json::from_slice(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Asserts the exit code, showing everything where it differs.
    #[track_caller]
    pub fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{}\n--- stdout\n{}", self.stderr, self.out());
        self
    }

    /// Asserts that standard error holds `text`.
    #[track_caller]
    pub fn says(self, text: &str) -> Self {
        assert!(self.stderr.contains(text), "{text:?} is not in\n{}", self.stderr);
        self
    }
}

impl Bed {
    /// A bed under target/, because codex does not work with a home under the system's temporary folder.
    pub fn new() -> Self {
        let root = tempfile::Builder::new().prefix("bed-").tempdir_in(Bed::base()).unwrap();
        let bed = Bed { root, env: Vec::new(), engine: String::new() };
        fs::create_dir(bed.home()).unwrap();
        fs::create_dir(bed.workspace()).unwrap();
        bed
    }

    /// The folder that all beds are in.
    pub fn base() -> PathBuf {
        let base = Path::new(env!("CARGO_TARGET_TMPDIR")).join("beds");
        fs::create_dir_all(&base).unwrap();
        base
    }

    pub fn root(&self) -> &Path {
        self.root.path()
    }

    pub fn home(&self) -> PathBuf {
        self.root.path().join("home")
    }

    pub fn workspace(&self) -> PathBuf {
        self.root.path().join("work")
    }

    /// Sets a variable for everything that is started from now on.
    pub fn set(&mut self, name: &str, value: impl AsRef<OsStr>) -> &mut Self {
        self.env.push((name.to_owned(), value.as_ref().to_owned()));
        self
    }

    /// Writes a file, given by its path in the bed, with the folders above it.
    pub fn write(&self, path: &str, contents: impl AsRef<[u8]>) -> PathBuf {
        let path = self.root.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, contents).unwrap();
        path
    }

    /// Writes an executable script into a folder that stands first on PATH.
    pub fn program(&mut self, name: &str, script: &str) -> &mut Self {
        use std::os::unix::fs::PermissionsExt;
        let path = self.write(&format!("bin/{name}"), format!("#!/bin/sh\n{script}\n"));
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
        self
    }

    /// Writes the configuration file.
    pub fn config(&self, text: &str) -> PathBuf {
        self.write("home/.config/ringfence/config.toml", format!("{text}{}", self.engine))
    }

    /// Lets ringfence use the engines that this text of its configuration names.
    pub fn use_engine(&mut self, text: &str) {
        text.clone_into(&mut self.engine);
        if !text.is_empty() {
            self.config("");
        }
    }

    /// The command `ringfence ARGS` in the workspace, with an environment that holds only what the bed set.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(RINGFENCE);
        let path = format!(
            "{}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            self.root.path().join("bin").display()
        );
        command.env_clear().env("PATH", path).env("HOME", self.home()).args(args).current_dir(self.workspace());
        for (name, value) in &self.env {
            command.env(name, value);
        }
        command
    }

    /// Runs `ringfence ARGS` with no input.
    pub fn run(&self, args: &[&str]) -> Done {
        self.run_with(args, b"")
    }

    /// Runs `ringfence ARGS` with this input.
    pub fn run_with(&self, args: &[&str], input: &[u8]) -> Done {
        finish(self.spawn(args, input))
    }

    /// Starts `ringfence ARGS`; its input is written and closed.
    pub fn spawn(&self, args: &[&str], input: &[u8]) -> Running {
        start(self.command(args), input)
    }
}

/// A process that was started.
pub struct Running {
    pub child: Child,
    began: Instant,
}

impl Running {
    pub fn pid(&self) -> i32 {
        i32::try_from(self.child.id()).unwrap()
    }

    /// Sends a signal by name.
    pub fn signal(&self, name: &str) {
        signal(self.pid(), name);
    }

    pub fn finish(self) -> Done {
        finish(self)
    }
}

/// Waits until a process heeds a signal, by name, which would end it before.
#[track_caller]
pub fn heeds(pid: i32, name: &str) {
    let number = Command::new("kill").args(["-l", name]).output().unwrap().stdout;
    let bit = 1_u64 << (String::from_utf8_lossy(&number).trim().parse::<u32>().unwrap() - 1);
    within(PATIENCE, &format!("it heeds {name}"), || {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap_or("0");
        u64::from_str_radix(caught.trim(), 16).unwrap() & bit != 0
    });
}

/// Sends a signal, by name, to a process.
pub fn signal(pid: i32, name: &str) {
    assert!(Command::new("kill").args([&format!("-{name}"), &pid.to_string()]).status().unwrap().success());
}

pub fn start(mut command: Command, input: &[u8]) -> Running {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    thread::spawn(move || {
        let _ = stdin.write_all(&input);
    });
    Running { child, began: Instant::now() }
}

fn finish(mut running: Running) -> Done {
    let mut stderr = running.child.stderr.take().unwrap();
    let errors = thread::spawn(move || {
        let mut text = Vec::new();
        stderr.read_to_end(&mut text).unwrap();
        text
    });
    let mut stdout = Vec::new();
    if let Some(mut pipe) = running.child.stdout.take() {
        pipe.read_to_end(&mut stdout).unwrap();
    }
    let status = running.child.wait().unwrap();
    let stderr = String::from_utf8_lossy(&errors.join().unwrap()).into_owned();
    Done { code: status.code(), stdout, stderr, took: running.began.elapsed() }
}

/// How long a test waits for what a busy machine does late; a condition that holds costs nothing of it.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Waits until `condition` holds, and fails after `limit`.
#[track_caller]
pub fn within(limit: Duration, what: &str, mut condition: impl FnMut() -> bool) {
    let until = Instant::now() + limit;
    while !condition() {
        assert!(Instant::now() < until, "not within {limit:?}: {what}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// The processes of this machine, in containers too, whose environment or command line holds `text`.
pub fn processes_with(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if !name.bytes().all(|byte| byte.is_ascii_digit()) || name == std::process::id().to_string() {
            continue;
        }
        for file in ["environ", "cmdline"] {
            let bytes = fs::read(entry.path().join(file)).unwrap_or_default();
            if bytes.windows(text.len()).any(|window| window == text.as_bytes()) {
                found.push(format!(
                    "{name} {}",
                    fs::read_to_string(entry.path().join("cmdline")).unwrap_or_default().replace('\0', " ")
                ));
                break;
            }
        }
    }
    found
}

/// Among which processes an id of this process counts, as the label `ringfence.owner.space` says it.
pub fn space() -> String {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
    format!("{} {}", boot.trim(), fs::read_link("/proc/self/ns/pid").unwrap().display())
}

/// The real engine that tests/run.sh brought.
pub struct Engine;

impl Engine {
    /// The engine; nothing, said aloud, where the tests run without one. On CI that is a failure.
    pub fn get() -> Option<Engine> {
        if std::env::var_os("RINGFENCE_TEST_ENGINE").is_some_and(|value| value == "1") {
            return Some(Engine);
        }
        skip("no container engine: run tests/run.sh");
        None
    }

    /// A bed whose ringfence uses this engine.
    pub fn bed(&self) -> Bed {
        Runtime::chosen().bed()
    }

    /// The image that holds busybox only.
    pub fn tiny(&self) -> String {
        part("RINGFENCE_TEST_TINY")
    }

    /// The images, one of each shell, that this engine has.
    pub fn images(&self) -> Vec<String> {
        let all = Runtime::chosen() == Runtime::Docker;
        [Some(self.tiny()), all.then(|| self.worker())].into_iter().flatten().collect()
    }

    /// The image that holds the real agents.
    pub fn worker(&self) -> String {
        part("RINGFENCE_TEST_WORKER")
    }

    /// What `docker ARGS` prints, or another engine's program with these arguments.
    pub fn docker(&self, args: &[&str]) -> String {
        let output = Runtime::chosen().client().args(args).stdin(Stdio::null()).output().unwrap();
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
            .trim()
            .to_owned()
    }

    /// The names of the containers, running or not, whose label `ringfence.workspace` is this bed's.
    pub fn containers_of(&self, bed: &Bed) -> String {
        let label = format!("label=ringfence.workspace={}", bed.workspace().display());
        self.docker(&["ps", "--all", "--filter", &label, "--format", "{{.Names}}"])
    }
}

/// A bed with warm sandboxes of its own, which go with it.
pub struct Warm {
    pub bed: Bed,
    /// What the names of its sandboxes begin with.
    pub name: String,
}

impl Warm {
    /// A bed with no sandbox yet, nothing where there is no engine. Its sandboxes are for shell scripts, and small.
    pub fn bed() -> Option<Warm> {
        let engine = Engine::get()?;
        let bed = engine.bed();
        let image = engine.tiny();
        let mode = Runtime::chosen().configured();
        bed.config(&format!(
            "{mode}agent = \"shell\"\n[run]\ngrace = \"1s\"\nbackoff = \"1ms\"\n[sandbox]\nimage = \"{image}\"\nnetwork = \"none\"\n"
        ));
        let name = bed.root().file_name().unwrap().to_string_lossy().replace("bed-", "warm-");
        Some(Warm { bed, name })
    }

    /// A bed with one sandbox, named like the bed.
    pub fn new() -> Option<Warm> {
        let warm = Warm::bed()?;
        warm.create(&[]);
        Some(warm)
    }

    /// Makes the sandbox, with these options.
    #[track_caller]
    pub fn create(&self, options: &[&str]) {
        let done = self.bed.run(&[&["sandbox", "create", &self.name], options].concat()).exits(0);
        assert_eq!(done.out().trim(), self.name);
    }

    /// The arguments of a run in it.
    pub fn args<'a>(&'a self, options: &[&'a str]) -> Vec<&'a str> {
        let run = ["run", "--sandbox", &self.name, "--max-attempts", "1"];
        [&run, Runtime::chosen().partly(), options].concat()
    }

    pub fn run(&self, options: &[&str], script: &str) -> Done {
        self.bed.run_with(&self.args(options), script.as_bytes())
    }

    pub fn exec(&self, command: &[&str]) -> Done {
        self.bed.run(&[&["sandbox", "exec", &self.name, "--"], command].concat())
    }

    /// The command lines of what is in the sandbox beside its idling.
    pub fn processes(&self) -> Vec<String> {
        let all = Engine.docker(&["top", &self.name, "-eo", "pid,args"]);
        all.lines().skip(1).filter(|line| !line.contains("sleep 2147483647")).map(str::to_owned).collect()
    }

    /// Nothing is in the sandbox but its idling, within `limit`.
    #[track_caller]
    pub fn idles(&self, limit: Duration) {
        within(limit, &format!("the sandbox idles: {:?}", self.processes()), || self.processes().is_empty());
    }
}

impl Drop for Warm {
    fn drop(&mut self) {
        let named = Engine.docker(&["ps", "--all", "--quiet", "--filter", &format!("name={}", self.name)]);
        let ids: Vec<&str> = named.lines().collect();
        if !ids.is_empty() {
            Engine.docker(&[&["rm", "--force", "--volumes"], ids.as_slice()].concat());
        }
    }
}

/// The value of a variable that tests/run.sh sets.
pub fn part(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set: run tests/run.sh"))
}

/// Says that a test cannot run here. On CI that is a failure.
pub fn skip(reason: &str) {
    assert!(std::env::var_os("CI").is_none(), "skipped on CI: {reason}");
    eprintln!("skipped: {reason}");
}
