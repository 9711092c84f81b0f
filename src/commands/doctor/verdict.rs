//! What the probe's steps mean. Pure, but for a look at the file that it made.

use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::time::Duration;

use super::check::Check;
use super::image;
use super::limits::{DELEGATE, NO_SWAP};
use super::vm::has_machines;
use super::watch::{Step, Watch};
use crate::command::shell_word;
use crate::config::{AgentName, Settings};
use crate::failure::{Class, Failure};
use crate::image::version_in;
use crate::runner::{End, Outcome};

/// A service of this machine that agents are handed.
pub struct Port {
    /// The variable.
    pub variable: String,
    /// Its port; absent where it names none, or nothing of this machine can be reached.
    pub number: Option<u16>,
    /// Whether somebody listens on our loopback.
    pub answers_here: bool,
}

/// An agent's server.
pub struct Named {
    /// The agent.
    pub agent: AgentName,
    /// Its name, where it has to be resolved.
    pub name: Option<String>,
    /// Why it has not.
    pub reason: &'static str,
    /// Whether this machine resolves it; absent where it did not say so in time.
    pub here: Option<bool>,
}

/// What the probe should find.
pub struct Expected<'a> {
    /// A script's, in the mode that is walked.
    pub settings: &'a Settings,
    /// Whether that is a container's.
    pub container: bool,
    /// Whether the probe has a copy of its folder.
    pub copied: bool,
    /// What its container calls this machine; absent where that is another one than the engine's.
    pub host_name: Option<&'static str>,
    /// The secret that it is handed.
    pub canary: String,
    /// The file that it makes.
    pub made: PathBuf,
    /// One beside it that we made.
    pub ours: PathBuf,
    /// How many processes it tries to have; 0 where it does not try.
    pub processes: u32,
    /// Services of this machine to be reached.
    pub ports: Vec<Port>,
    /// Servers to be resolved.
    pub names: Vec<Named>,
    /// The agents whose version it asks for.
    pub untold: Vec<AgentName>,
}

/// The checks that the probe's steps amount to.
pub fn judge(watch: &Watch<'_>, outcome: &Outcome, expected: &Expected<'_>) -> Vec<Check> {
    let start = outcome.timings.start;
    let what = if expected.container { "a container" } else { "the supervisor" };
    let mut judge = Judge { watch, expected, checks: Vec::new() };
    judge.checks.push(Check::ok("run.start", format!("{what} was up")).took(start));
    judge.file();
    judge.git();
    if expected.container {
        judge.fence();
        if has_machines(expected.settings) {
            judge.machine();
        } else {
            judge.capabilities();
            judge.limits();
        }
        judge.processes();
        judge.host_name();
    } else {
        judge.simple("run.home", "home", "your home can be written to", "chmod u+w ~");
    }
    judge.secrets();
    judge.services();
    judge.names();
    judge.agents();
    judge.end(outcome);
    judge.checks
}

pub(super) struct Judge<'a> {
    pub(super) watch: &'a Watch<'a>,
    pub(super) expected: &'a Expected<'a>,
    pub(super) checks: Vec<Check>,
}

impl<'a> Judge<'a> {
    fn step(&self, key: &str) -> Option<&'a Step> {
        self.watch.steps.iter().find(|step| step.key == key)
    }

    pub(super) fn value(&self, key: &str) -> &'a str {
        self.step(key).map_or("", |step| step.value.as_str())
    }

    pub(super) fn took(&self, key: &str) -> Duration {
        self.step(key).map_or(Duration::ZERO, |step| step.took)
    }

    /// Adds a check about the step `key`, if that was reached.
    pub(super) fn add(&mut self, key: &str, check: Check) {
        let check = match self.step(key) {
            Some(step) => check.took(step.took),
            None => Check::skip(check.id().to_owned(), "not reached"),
        };
        self.checks.push(check);
    }

    /// A step that says `ok`, or what went wrong.
    fn simple(&mut self, id: &str, key: &str, well: &str, fix: &str) {
        let check = match self.value(key) {
            "ok" => Check::ok(id, well),
            words => Check::fail(id, &broken(format!("not so: {well}"), fix).because(words)),
        };
        self.add(key, check);
    }

    /// Written inside, and whose it is outside.
    fn file(&mut self) {
        let words = self.value("write");
        let path = self.expected.made.parent().unwrap_or(&self.expected.made);
        if words != "ok" {
            let hint = format!("ls -ld {}; or choose another folder: -C DIR", shell_word(path.as_os_str()));
            let failure = Failure::new(Class::Usage, "the agent cannot write into the workspace", hint).because(words);
            return self.add("write", Check::fail("run.write", &failure));
        }
        self.add("write", Check::ok("run.write", "the agent can write into the workspace"));
        let uid = rustix::process::geteuid().as_raw();
        // In some folders what is made has the folder's group.
        let gid = std::fs::metadata(&self.expected.ours)
            .map_or_else(|_| rustix::process::getegid().as_raw(), |file| file.gid());
        let check = match std::fs::metadata(&self.expected.made) {
            Ok(file) if (file.uid(), file.gid()) == (uid, gid) => Check::ok(
                "run.owner",
                format!("what it wrote is yours ({uid}:{gid}; inside it is {})", self.value("id")),
            ),
            Ok(file) => {
                let message = format!(
                    "what it wrote belongs to {}:{}, and what you write to {uid}:{gid}",
                    file.uid(),
                    file.gid()
                );
                let hint = if self.expected.container {
                    format!("export DOCKER_HOST=unix:///run/user/{uid}/docker.sock, where a rootless engine listens")
                } else {
                    "choose a folder on another disk: -C DIR".to_owned()
                };
                Check::fail("run.owner", &Failure::config(message, hint))
            }
            Err(error) => {
                let hint = "where the engine does not see this folder: ringfence sandbox set docker.workspace copy";
                let failure = Failure::config("what it wrote is not on this machine", hint);
                Check::fail("run.owner", &failure.because(error.to_string()))
            }
        };
        self.checks.push(check);
    }

    fn git(&mut self) {
        if self.value("git") == "absent" {
            let fix = self.rebuilt().unwrap_or_else(|| "install git".into());
            return self.add("git", Check::warn("run.git", "there is no git where agents run", fix));
        }
        let fix = self.rebuilt().unwrap_or_else(|| "git config --global --add safe.directory '*'".into());
        self.simple("run.git", "git", "git works in a repository", &fix);
        if self.expected.copied {
            let reason = "the git folder of a linked worktree is not copied to the engine";
            return self.checks.push(Check::skip("run.git-worktree", reason));
        }
        self.simple("run.git-worktree", "git-worktree", "git works in a linked worktree", &fix);
    }

    fn fence(&mut self) {
        let run = ANOTHER_ENGINE;
        self.simple("run.home", "home", "the home can be written to", "ringfence sandbox set docker.command docker");
        let read_only = self.value("mount./").ends_with(" ro");
        let check = match (read_only, *self.expected.settings.sandbox.read_only_root) {
            (true, true) => Check::ok("run.root", "the image's files are read-only"),
            (false, false) => Check::ok("run.root", "the image's files can be changed, as sandbox.read_only_root says"),
            (true, false) => Check::warn(
                "run.root",
                "the image's files are read-only, although sandbox.read_only_root is false",
                run,
            ),
            (false, true) => Check::fail("run.root", &broken("the image's files are not read-only", run)),
        };
        self.add("mount./", check);
    }

    fn capabilities(&mut self) {
        let run = ANOTHER_ENGINE;
        let zero = |key| !self.value(key).is_empty() && self.value(key).bytes().all(|digit| digit == b'0');
        let check = if zero("CapEff") && zero("CapBnd") && self.value("NoNewPrivs") == "1" {
            Check::ok("run.capabilities", "none, and none can be got")
        } else {
            let values = ["CapEff", "CapBnd", "NoNewPrivs"].map(|key| format!("{key} {}", self.value(key))).join(", ");
            Check::fail("run.capabilities", &broken("the agent has capabilities, or can get some", run).because(values))
        };
        self.add("CapBnd", check);
    }

    /// Whether control groups give the agent this many CPUs.
    pub(super) fn has_share(&self, cpus: f64) -> bool {
        // Control groups v2 tell quota and period, v1 the quota of a period that engines leave at 100 ms, in microseconds.
        let mut numbers = self.value("cpus").split_whitespace().map(str::parse::<f64>);
        let share =
            numbers.next().and_then(Result::ok).map(|quota| quota / numbers.next().and_then(Result::ok).unwrap_or(1e5));
        share.is_some_and(|share| (share - cpus).abs() < 0.01)
    }

    fn limits(&mut self) {
        let sandbox = &self.expected.settings.sandbox;
        let memory = sandbox.memory.bytes();
        // Engines round to pages.
        let in_force = self.value("memory").parse::<u64>().is_ok_and(|limit| limit <= memory && limit + 65536 > memory);
        self.limit("run.memory", "memory", in_force, &format!("{} of memory at most", sandbox.memory.value));
        self.swap(memory);
        let pids = *sandbox.pids;
        let in_force = self.value("pids").parse::<u32>().is_ok_and(|limit| limit == pids);
        self.limit("run.pids", "pids", in_force, &format!("{pids} processes at most"));
        let cpus = *sandbox.cpus;
        self.limit("run.cpus", "cpus", self.has_share(cpus), &format!("{cpus} processors at most"));
    }

    /// Whether more processes could be had than the limit allows, where that was tried.
    fn processes(&mut self) {
        let pids = *self.expected.settings.sandbox.pids;
        if self.expected.processes > 0 {
            // The shells around the probe are processes, too.
            let had = self.value("processes").parse::<u32>().unwrap_or(u32::MAX);
            let check = if had < pids {
                Check::ok("run.pids-tried", format!("{had} more could be started, and no more than that"))
            } else {
                let message = format!("{had} processes could be started, although sandbox.pids is {pids}");
                Check::fail("run.pids-tried", &broken(message, DELEGATE))
            };
            self.add("processes", check);
        }
    }

    /// Whether the agent can have swap beside its `memory`, bytes.
    fn swap(&mut self, memory: u64) {
        let bytes = |key| self.value(key).parse::<u64>().ok();
        let none_here = bytes("machines-swap") == Some(0);
        let limited = bytes("swap") == Some(0) || bytes("memory-and-swap").is_some_and(|both| both <= memory + 65536);
        let check = if limited {
            Check::ok("run.swap", "no swap beside that, says the kernel")
        } else if none_here {
            Check::ok("run.swap", "no swap beside that: the engine's machine has none")
        } else {
            Check::warn("run.swap", "the agent can have swap beside that: the kernel does not limit it", NO_SWAP)
        };
        self.add("memory", check);
    }

    fn limit(&mut self, id: &str, key: &str, in_force: bool, what: &str) {
        let check = match self.value(key) {
            _ if in_force => Check::ok(id, format!("{what}, says the kernel")),
            "" => Check::warn(id, format!("the kernel does not say whether this is in force: {what}"), DELEGATE),
            found => Check::fail(id, &broken(format!("not in force: {what} (the kernel has {found})"), DELEGATE)),
        };
        self.add(key, check);
    }

    fn secrets(&mut self) {
        let (id, seen) = ("run.secrets", &self.watch.seen);
        let fix = "ringfence sandbox doctor --verbose, and report what it prints";
        let check = if self.value("canary") != self.expected.canary {
            Check::fail(id, &broken("a secret that was handed in did not arrive", fix))
        } else if seen.in_arguments.as_ref().is_some_and(|pids| !pids.is_empty()) {
            Check::fail(id, &broken("a secret stands in the arguments of a process", fix))
        } else {
            match &seen.in_inspect {
                Some(Ok(true)) => Check::fail(id, &broken("the engine shows a secret in its inspect", fix)),
                Some(Err(why)) => Check::warn(
                    id,
                    format!("the engine did not show the container ({why})"),
                    "ringfence sandbox doctor",
                ),
                Some(Ok(false)) => Check::ok(id, "a canary arrived, and stood in no argument and not in inspect"),
                None => Check::ok(id, "a canary arrived, and stood in no argument"),
            }
        };
        let check = if self.step("ready").is_some() { check.took(seen.took) } else { Check::skip(id, "not reached") };
        self.checks.push(check);
    }

    fn agents(&mut self) {
        let expected = self.expected;
        for agent in &expected.untold {
            let key = format!("agent.{agent}");
            let image = &expected.settings.sandbox.image;
            let engine = &self.engine();
            let check = match self.value(&key) {
                "absent" => image::lacks(engine, *agent, &expected.untold, image),
                said => match version_in(said) {
                    Some(version) => Check::ok(&key, format!("{agent} {version} is in the image")),
                    None => Check::warn(
                        &key,
                        format!("{agent} in {} does not answer --version within 15 s", image.value),
                        image::build(engine, &expected.untold, &image.value),
                    ),
                },
            };
            self.add(&key, check);
        }
    }

    /// Whether the probe came to its end.
    fn end(&mut self, outcome: &Outcome) {
        if self.step("done").is_some() {
            return;
        }
        let last = self.watch.steps.last().map_or("the start", |step| step.key.as_str());
        let (class, how) = match outcome.end {
            End::TimedOut | End::IdleTimedOut => (Class::Timeout, "was ended by its limit".to_owned()),
            End::Cancelled(signal) => (Class::Interrupted(signal), "was interrupted".to_owned()),
            _ if outcome.oom => (Class::Oom, "ran out of memory".to_owned()),
            end => (Class::Internal, format!("ended early ({end:?})")),
        };
        let failure =
            Failure::new(class, format!("the probe {how}, after {last}"), "ringfence sandbox doctor --verbose");
        self.checks.push(Check::fail("run.end", &failure.because(outcome.stderr_tail.as_str())));
    }
}

const ANOTHER_ENGINE: &str = "use another engine: ringfence sandbox set docker.command docker";

/// A guarantee that does not hold: nothing that the caller did.
pub(super) fn broken(message: impl Into<String>, hint: &str) -> Failure {
    Failure::new(Class::Internal, message, hint)
}
