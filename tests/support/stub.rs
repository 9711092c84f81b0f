//! The stub of the model APIs, `examples/stub-model`, and the real agents pointed at it.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};

use Place::{Docker, Host};
use serde_json::Value;
use tempfile::TempDir;

use super::{Bed, Done, Engine, part, skip};

/// The one key that the stubs accept where they ask for one.
pub const KEY: &str = "sk-test-key";

/// A stub that runs until it is dropped.
pub struct Stub {
    child: Child,
    /// Its end is the stub's.
    lifeline: Option<ChildStdin>,
    folder: TempDir,
    /// Where it listens: on the bridge's own address, for containers reach that and the host does too, or else on loopback.
    pub address: String,
}

impl Stub {
    /// A stub with these options.
    pub fn start(options: &[&str]) -> Stub {
        Stub::launch(Command::new(Stub::program()), &gateway(), options)
    }

    pub fn program() -> PathBuf {
        let program = Path::new(super::RINGFENCE).with_file_name("examples").join("stub-model");
        assert!(program.exists(), "build it first: cargo build --example stub-model");
        program
    }

    /// One that this command starts, which listens at `host`.
    pub fn launch(mut command: Command, host: &str, options: &[&str]) -> Stub {
        let folder = tempfile::tempdir().unwrap();
        command
            .args(["--until-eof", "--listen", &format!("{host}:0"), "--log"])
            .arg(folder.path().join("log"))
            .args(options);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut address = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut address).unwrap();
        assert!(address.starts_with(host), "the stub did not start");
        Stub { lifeline: child.stdin.take(), child, folder, address: address.trim().to_owned() }
    }

    /// The port alone.
    pub fn port(&self) -> &str {
        self.address.rsplit(':').next().unwrap()
    }

    /// Everything that was asked of it, in order.
    pub fn requests(&self) -> Vec<Value> {
        let log = fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
        log.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The calls of its model on behalf of a task: an agent's side calls offer no tools.
    pub fn calls(&self) -> Vec<Value> {
        let has_tools = |request: &Value| request["tools"].as_array().is_some_and(|tools| !tools.is_empty());
        self.requests().into_iter().filter(has_tools).collect()
    }
}

impl Drop for Stub {
    fn drop(&mut self) {
        drop(self.lifeline.take());
        let _ = self.child.wait();
    }
}

/// The address of this machine that the engine's containers reach; loopback where there is no engine.
pub fn gateway() -> String {
    let given = std::env::var("RINGFENCE_TEST_GATEWAY").ok().filter(|address| !address.is_empty());
    given.unwrap_or_else(|| "127.0.0.1".into())
}

/// Where an agent runs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Place {
    Host,
    Docker,
}

/// Waits until no other test has it, of this program or of one beside it; until what is returned is dropped.
fn turn() -> File {
    let file = File::create(Bed::base().join("turn.lock")).unwrap();
    file.lock().unwrap();
    file
}

/// Where agents can run here.
pub fn places() -> Vec<Place> {
    if std::env::var_os("RINGFENCE_TEST_CLAUDE").is_none() {
        skip("no agents: run tests/run.sh");
        return Vec::new();
    }
    [Some(Host), Engine::get().map(|_| Docker)].into_iter().flatten().collect()
}

/// One agent in one place, in a bed of its own, pointed at a stub. It has no credential yet. Its proxy is the stub too, which
/// proxies nothing and notes who was asked for: nothing gets out.
pub struct Trial {
    pub agent: &'static str,
    pub place: Place,
    pub bed: Bed,
}

impl Trial {
    pub fn new(agent: &'static str, place: Place, stub: &Stub) -> Self {
        // A container's ringfence is told "localhost", and has to see what that means inside.
        let host = if place == Host { gateway() } else { "localhost".into() };
        let address = format!("http://{host}:{}", stub.port());
        let mut trial = Trial::at(agent, place, &address);
        trial.bed.set("HTTPS_PROXY", format!("http://{}", stub.address));
        trial
    }

    /// With its model API at `address`.
    pub fn at(agent: &'static str, place: Place, address: &str) -> Self {
        let mut bed = if place == Host { Bed::new() } else { Engine.bed() };
        bed.set("ANTHROPIC_BASE_URL", address).set("OPENAI_BASE_URL", format!("{address}/v1"));
        bed.set("HTTPS_PROXY", "http://127.0.0.1:1").set("NO_PROXY", format!("{},host.docker.internal", gateway()));
        bed.set("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1").set("OPENCODE_DISABLE_MODELS_FETCH", "1");
        fs::create_dir(bed.root().join("bin")).unwrap();
        if place == Host {
            symlink(part(&format!("RINGFENCE_TEST_{}", agent.to_uppercase())), bed.root().join("bin").join(agent))
                .unwrap();
        }
        Trial { agent, place, bed }
    }

    pub fn set(mut self, name: &str, value: &str) -> Self {
        self.bed.set(name, value);
        self
    }

    /// With the key in the variable that this agent reads where it runs: codex itself ignores `OPENAI_API_KEY`.
    pub fn with_key(self) -> Self {
        let name = match (self.agent, self.place) {
            ("codex", Host) => "CODEX_API_KEY",
            ("codex", Docker) => "OPENAI_API_KEY",
            _ => "ANTHROPIC_API_KEY",
        };
        self.set(name, KEY)
    }

    /// Runs a task with these options, the agent's own after `--`.
    pub fn run(&self, options: &[&str], task: &str) -> Done {
        let mut args = vec![
            "run",
            "--agent",
            self.agent,
            "--timeout",
            "60s",
            // One call of the agent is what most tests look at; the options that follow may ask for more.
            "--max-attempts",
            "1",
            "--grace",
            "1s",
            "--env",
            "HTTPS_PROXY",
            "--env",
            "NO_PROXY",
        ];
        let worker = std::env::var("RINGFENCE_TEST_WORKER").unwrap_or_default();
        match self.place {
            Host => args.extend(["--mode", "host"]),
            Docker => args.extend(["--mode", "docker", "--image", &worker]),
        }
        args.extend(options);
        // One container at a time: where the engine leaves the bridge's MAC address to the kernel it changes with every container,
        // and the others cannot reach this machine for 40 s.
        let _turn = (self.place == Docker).then(turn);
        self.bed.run_with(&args, task.as_bytes())
    }

    pub fn file(&self, name: &str) -> String {
        fs::read_to_string(self.bed.workspace().join(name)).unwrap_or_default()
    }
}
