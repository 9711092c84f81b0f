//! A run in a warm sandbox: the same supervisor, brought in by one `docker exec`.

use std::path::PathBuf;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::Result;
use jiff::Timestamp;
use signal_hook::consts::SIGTERM;

use super::frame::Around;
use super::marks::Fault;
use super::observed::Observed;
use super::sandbox::Looked;
use super::{
    DoorInside, Host, HostRunner, Job, Limits, Outcome, Runner, Sandbox, Sink, engine, frame, host, is_sandbox_name,
    presence, unenforced,
};
use crate::command::CommandSpec;
use crate::failure::{Class, Failure};

/// How long the engine may take to start a sandbox again, or to reach into it.
const CALL: Duration = Duration::from_secs(60);
/// How long an engine may take to notice that a sandbox has ended, and one that was started is given to stay up.
const DYING: Duration = Duration::from_secs(4);

/// An agent's code when the kernel killed it: 128 + SIGKILL.
const KILLED: i32 = 137;

/// Carries jobs out in a sandbox that was there before them and stays after them.
#[derive(Clone, Debug)]
pub struct WarmRunner {
    host: HostRunner,
    sandbox: Sandbox,
    /// Its door, if it has one.
    door: DoorInside,
    /// Where it is noted that a run is in a sandbox, if anywhere.
    state: Option<PathBuf>,
    /// Whether agents are started where the limits that it was made with are not in force.
    partial: bool,
}

impl WarmRunner {
    /// Runs jobs in `sandbox`, whose door is `door` if it has one, noting them below `state`, the folder of what is kept between runs.
    pub fn new(host: Host, sandbox: Sandbox, door: DoorInside, state: Option<PathBuf>) -> Self {
        WarmRunner { host: HostRunner::new(host), sandbox, door, state, partial: false }
    }

    /// The same, with agents that are started even where the limits that the sandbox was made with are not in force, if so `allowed`.
    pub fn partly(self, allowed: bool) -> Self {
        WarmRunner { partial: allowed, ..self }
    }

    fn observe(&self, job: &Job, limits: &Limits, sink: &mut dyn Sink) -> Result<Observed> {
        let around = Around::Sandbox { name: &self.sandbox.name, partial: self.partial };
        let observed = self.host.observe(&self.plan(job), around, job, limits, sink)?;
        // Our own end of it may have been ended by force before it could do its work.
        if observed.ended.is_none() && (observed.started || observed.ours.is_some()) {
            let host = self.host.host().undeterred();
            let _ = host.capture(&self.sandbox.signal_command("KILL", &frame::marker(&job.run_id), None), CALL);
        }
        Ok(observed)
    }

    /// All runs in a sandbox have one limit of memory, and the kernel counts for all of them: an agent that was killed itself has run
    /// into it, unless somebody killed it in the very time of another one's end.
    fn own(&self, mut outcome: Outcome) -> Outcome {
        if outcome.oom && outcome.agent_code != Some(KILLED) {
            outcome.oom = false;
            outcome.warnings.push(format!(
                "meanwhile the memory of the sandbox {} ran out, and a process of this run or of another one in it was ended",
                self.sandbox.name
            ));
        }
        outcome
    }

    /// Whether the sandbox has run all the time since `began`, and still does.
    fn lives_since(&self, began: Timestamp) -> bool {
        let looked = look(&self.host.host().undeterred(), &self.sandbox);
        looked.is_ok_and(|looked| looked.running && looked.since().is_some_and(|since| since <= began))
    }

    /// Why the end of a run that `began` then is not known.
    fn failure(&self, observed: &Observed, began: Timestamp) -> Failure {
        let name = &self.sandbox.name;
        if observed.fault == Some(Fault::Sandbox) {
            return foreign(&self.sandbox);
        }
        if observed.fault == Some(Fault::Door) {
            return without_door(&self.sandbox);
        }
        if !observed.started && !observed.lacking.is_empty() {
            return unenforced(&self.sandbox.engine, &observed.lacking);
        }
        let status = observed.status.as_ref().and_then(std::process::ExitStatus::code);
        let failure = sandbox_failure(&self.sandbox, &observed.outside, status);
        if !observed.started {
            return failure;
        }
        if host::by_force(observed) && self.lives_since(began) {
            return host::unsupervised("the run's supervisor", &format!("somebody else in the sandbox {name}"));
        }
        // Whatever became of the engine: it was there when the agent was started, and may be there again.
        let message = match status {
            Some(_) => format!("the run in {name} was ended from outside before the agent was done"),
            None => format!("the {} client was ended from outside before the agent was done", self.sandbox.engine),
        };
        let hint = format!(
            "was it stopped or removed? {}; then run it again in {name}",
            self.sandbox.engine.ours("sandbox ls")
        );
        Failure { class: Class::Engine, message, hint, ..failure }
    }
}

impl Runner for WarmRunner {
    fn plan(&self, _: &Job) -> CommandSpec {
        self.sandbox.boot_command()
    }

    fn run(&self, job: &Job, limits: &Limits, sink: &mut dyn Sink) -> Result<Outcome> {
        let present = presence::announce(self.state.as_deref(), &self.sandbox.name, &job.run_id);
        let told = || present.as_ref().is_some_and(presence::Present::was_told);
        let job = &Job { door: Some(self.door.clone()), ..job.clone() };
        let mut began = Timestamp::now();
        let mut observed = self.observe(job, limits, sink)?;
        let until = Instant::now() + DYING;
        // The agent was not started, so nothing happens twice.
        while !observed.started && observed.ours.is_none() && !told() && Instant::now() < until {
            if is_stopped(&observed.outside) {
                start(self.host.host(), &self.sandbox, &self.door)?;
            } else if is_ending(&observed.outside) {
                sleep(DYING / 20);
            } else {
                break;
            }
            began = Timestamp::now();
            observed = self.observe(job, limits, sink)?;
        }
        if let Some(outcome) = host::outcome(&observed) {
            return Ok(self.own(Outcome { door: Some(observed.knocks), ..outcome }));
        }
        if told() {
            return Err(stopped_under(&self.sandbox.name).into());
        }
        Err(host::fault(job, &observed, Some(&self.sandbox.engine))
            .unwrap_or_else(|| self.failure(&observed, began))
            .into())
    }
}

/// Whether `words` are all that an engine says of a container that does not run, and nothing else.
pub fn says_stopped(words: &str) -> bool {
    let words = words.trim().to_lowercase();
    let docker = words.starts_with("error response from daemon: container ") && words.ends_with(" is not running");
    let podman = words.starts_with("error: can only create exec sessions on running containers");
    let apple = words.starts_with("error: invalidstate: \"container ") && words.ends_with(" is not running\"");
    (docker || podman || apple) && words.lines().count() == 1
}

/// Whether the engine says that the container is there and does not run.
fn is_stopped(words: &str) -> bool {
    // Docker and Apple's, then Podman.
    words.contains("is not running") || words.contains("can only create exec sessions on running containers")
}

/// Whether the engine says that the container is there and runs, but its first process has just ended.
fn is_ending(words: &str) -> bool {
    let words = words.to_lowercase();
    ENDING.iter().any(|part| words.contains(part))
}

/// What the engine tells of a sandbox.
fn look(host: &Host, sandbox: &Sandbox) -> Result<Looked> {
    let told = ask(host, sandbox, &sandbox.look_command(), "it took too long to look at it")?;
    let failure = |error| sandbox_failure(sandbox, &format!("it is told of in a form of its own: {error}"), None);
    Ok(sandbox.looked(&told).map_err(failure)?.ok_or_else(|| missing(sandbox))?)
}

/// What the engine answers to a `command` about a sandbox; its failure, or that it took too long, in the words `late`.
fn ask(host: &Host, sandbox: &Sandbox, command: &CommandSpec, late: &str) -> Result<Vec<u8>> {
    match host.capture(command, CALL)? {
        Some(answer) if answer.status.success() => Ok(answer.stdout),
        Some(answer) => Err(sandbox_failure(sandbox, &answer.stderr, answer.status.code()).into()),
        None => Err(sandbox_failure(sandbox, late, None).into()),
    }
}

/// Starts a sandbox where it does not run, with its door if it has one, which is `inside`; since when it did, where it did.
///
/// # Errors
/// `sandbox_missing` where what has this name, or an id that begins so, is no sandbox of ringfence: that is left alone.
pub fn start(host: &Host, sandbox: &Sandbox, inside: &DoorInside) -> Result<Option<Timestamp>> {
    let looked = look(host, sandbox)?;
    if !looked.is_sandbox(&sandbox.name) {
        return Err(foreign(sandbox).into());
    }
    if looked.running {
        return Ok(looked.since());
    }
    let door = looked.door.as_deref().filter(|name| is_sandbox_name(name));
    ask(host, sandbox, &sandbox.start_command(door), "it took too long to start")?;
    if let Some(door) = door {
        let renew = sandbox.engine.command().args(["exec", door]).args(inside.renew.iter().cloned());
        ask(host, sandbox, &renew, "it took too long to bring the rules of its door up to date")?;
    }
    Ok(None)
}

/// That somebody ended a run with its sandbox, who does not want it started again by that run.
pub fn stopped_under(name: &str) -> Failure {
    let message = format!("the sandbox {name} was stopped or removed under the run (ringfence sandbox stop, rm)");
    Failure::new(Class::Interrupted(SIGTERM), message, format!("run it again when you want it to go on in {name}"))
}

/// Why a container is left alone.
fn foreign(sandbox: &Sandbox) -> Failure {
    missing(sandbox).because(
        "a container of this name, or with an id that begins so, is no sandbox of ringfence, or has another name",
    )
}

/// That its network is open, while a list of hosts is to hold.
pub fn without_door(sandbox: &Sandbox) -> Failure {
    let name = &sandbox.name;
    Failure::config(
        format!("sandbox.allow_hosts is to hold, and the sandbox {name} was made without a list of hosts"),
        again(sandbox),
    )
}

/// How it is made anew.
fn again(Sandbox { engine, name }: &Sandbox) -> String {
    let [remove, create] = ["sandbox rm", "sandbox create"].map(|words| engine.ours(words));
    format!("make it again: {remove} {name} && {create} {name}")
}

fn missing(sandbox: &Sandbox) -> Failure {
    let name = &sandbox.name;
    let [list, create] = ["sandbox ls", "sandbox create"].map(|words| sandbox.engine.ours(words));
    Failure::new(
        Class::SandboxMissing,
        format!("there is no sandbox named {name}"),
        format!("{list} shows those there are; make it with: {create} {name}"),
    )
}

/// What engines say of a container that is not there any more, in lower case.
const GONE: &[&str] = &[
    "no such container",
    "no container with name or id",
    "no container found with name",
    "marked for removal",
    "removal of container",
    // Apple's.
    "get failed: container",
    "container not found: ",
    "container with id",
];

/// What they say of one that ends under an `exec`.
const ENDING: &[&str] = &[
    "setns",
    "in a stopped state",
    "task not found",
    "namespace path",
    "no running task",
    "procready not received",
    // Apple's.
    "no runtime client exists",
];

/// What the engine's words about a sandbox mean.
pub fn sandbox_failure(sandbox: &Sandbox, words: &str, status: Option<i32>) -> Failure {
    let Sandbox { engine, name } = sandbox;
    let lower = words.to_lowercase();
    let says = |parts: &[&str]| parts.iter().any(|part| lower.contains(part));
    if says(GONE) {
        return missing(sandbox).because(words);
    }
    if says(&["is paused"]) {
        let message = format!("the sandbox {name} is paused");
        return Failure::new(Class::Engine, message, format!("{engine} unpause {name}")).because(words);
    }
    if is_stopped(words) || is_ending(words) {
        return Failure::new(Class::Engine, format!("the sandbox {name} does not stay up"), again(sandbox))
            .because(words);
    }
    let failure = engine::classify(engine, "", "", words, status);
    match failure.class {
        Class::Engine => Failure {
            message: format!("{engine} could not reach into the sandbox {name}"),
            hint: format!("see whether it is well: {}; {}", engine.ours("sandbox ls"), engine.well_command()),
            ..failure
        },
        _ => failure,
    }
}

#[cfg(test)]
mod tests {
    use super::super::Engine;
    use super::*;

    #[test]
    fn an_engines_words_about_a_sandbox() {
        let sandbox = Sandbox { engine: Engine::docker("docker"), name: "s1".into() };
        for (words, class) in [
            ("Error response from daemon: No such container: s1", Class::SandboxMissing),
            ("Error: no container with name or ID \"s1\" found: no such container", Class::SandboxMissing),
            ("Error response from daemon: Container s1 is paused, unpause the container before exec", Class::Engine),
            ("Error response from daemon: Container 0f is not running", Class::Engine),
            (
                "Cannot connect to the Docker daemon at unix:///x. Is the docker daemon running?",
                Class::DaemonUnreachable,
            ),
            (
                "Error response from daemon: container s1 is marked for removal and cannot be started",
                Class::SandboxMissing,
            ),
            (
                "OCI runtime exec failed: exec failed: unable to start container process: error executing setns process: exit \
                 status 1: unknown",
                Class::Engine,
            ),
            (
                "OCI runtime exec failed: exec failed: lstat namespace path \"/proc/7/ns/ipc\": no such file or directory: unknown",
                Class::Engine,
            ),
            ("OCI runtime exec failed: exec failed: cannot exec in a stopped state: unknown", Class::Engine),
            // After the sources of Apple's, 1.2.
            ("Error: notFound: \"get failed: container s1 not found\"", Class::SandboxMissing),
            ("Error: notFound: \"container not found: s1\"", Class::SandboxMissing),
            ("Error: invalidState: \"container s1 is not running\"", Class::Engine),
            (
                "OCI runtime exec failed: exec failed: unable to start container process: exec: \"sh\": executable file not \
                 found in $PATH: unknown",
                Class::InvalidImage,
            ),
            ("", Class::Engine),
        ] {
            assert_eq!(sandbox_failure(&sandbox, words, Some(1)).class, class, "{words}");
        }
    }
}
