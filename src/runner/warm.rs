//! A run in a warm sandbox: the same supervisor, brought in by one `docker exec`.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;

use super::frame::Around;
use super::observed::Observed;
use super::{
    DoorInside, Host, HostRunner, Interrupts, Job, Limits, Outcome, Runner, Sandbox, Sink, engine, frame, host,
    is_sandbox_name, presence,
};
use crate::command::CommandSpec;
use crate::failure::{Class, Failure};

/// How long the engine may take to start a sandbox again, or to reach into it.
const CALL: Duration = Duration::from_secs(60);

/// Carries jobs out in a sandbox that was there before them and stays after them.
#[derive(Clone, Debug)]
pub struct WarmRunner {
    host: HostRunner,
    sandbox: Sandbox,
    /// Its door, if it has one.
    door: DoorInside,
    /// Where it is noted that a run is in a sandbox, if anywhere.
    state: Option<PathBuf>,
}

impl WarmRunner {
    /// Runs jobs in `sandbox`, whose door is `door` if it has one, noting them below `state`, the folder of what is kept between runs.
    pub fn new(host: Host, sandbox: Sandbox, door: DoorInside, state: Option<PathBuf>) -> Self {
        WarmRunner { host: HostRunner::new(host), sandbox, door, state }
    }

    fn observe(&self, job: &Job, limits: &Limits, sink: &mut dyn Sink) -> Result<Observed> {
        let observed = self.host.observe(&self.plan(job), Around::Sandbox, job, limits, sink)?;
        // Our own end of it may have been ended by force before it could do its work.
        if observed.ended.is_none() && (observed.started || observed.ours.is_some()) {
            let host = Host { interrupts: Interrupts::default(), ..self.host.host().clone() };
            let _ = host.capture(&self.sandbox.signal_command("KILL", &frame::marker(&job.run_id), None), CALL);
        }
        Ok(observed)
    }

    fn failure(&self, observed: &Observed) -> Failure {
        let name = &self.sandbox.name;
        let status = observed.status.as_ref().and_then(std::process::ExitStatus::code);
        let failure = sandbox_failure(&self.sandbox, &observed.outside, status);
        if !observed.started {
            return failure;
        }
        // Whatever became of the engine: it was there when the agent was started, and may be there again.
        let message = match status {
            Some(_) => format!("the run in {name} was ended from outside before the agent was done"),
            None => format!("the {} client was ended from outside before the agent was done", self.sandbox.engine),
        };
        let hint = format!("was it stopped or removed? ringfence sandbox ls; then run it again in {name}");
        Failure { class: Class::Engine, message, hint, ..failure }
    }
}

impl Runner for WarmRunner {
    fn plan(&self, _: &Job) -> CommandSpec {
        self.sandbox.boot_command()
    }

    fn run(&self, job: &Job, limits: &Limits, sink: &mut dyn Sink) -> Result<Outcome> {
        let _present = presence::announce(self.state.as_deref(), &self.sandbox.name, &job.run_id);
        let job = &Job { door: Some(self.door.clone()), ..job.clone() };
        let mut observed = self.observe(job, limits, sink)?;
        // The agent was not started, so nothing happens twice.
        if !observed.started && observed.ours.is_none() && is_stopped(&observed.outside) {
            start(self.host.host(), &self.sandbox)?;
            observed = self.observe(job, limits, sink)?;
        }
        if let Some(outcome) = host::outcome(&observed) {
            return Ok(Outcome { door: Some(observed.knocks), ..outcome });
        }
        Err(host::fault(job, &observed).unwrap_or_else(|| self.failure(&observed)).into())
    }
}

/// Whether the engine says that the container is there and does not run.
pub fn is_stopped(words: &str) -> bool {
    // Docker, then Podman.
    words.contains("is not running") || words.contains("can only create exec sessions on running containers")
}

/// Starts a stopped sandbox.
pub fn start(host: &Host, sandbox: &Sandbox) -> Result<()> {
    let door = host.capture(&sandbox.door_command(), CALL)?.filter(|answer| answer.status.success());
    let door = door.map(|answer| String::from_utf8_lossy(&answer.stdout).trim().to_owned());
    let door = door.as_deref().filter(|name| is_sandbox_name(name));
    let answer = host.capture(&sandbox.start_command(door), CALL)?;
    match answer {
        Some(answer) if answer.status.success() => Ok(()),
        Some(answer) => Err(sandbox_failure(sandbox, &answer.stderr, answer.status.code()).into()),
        None => Err(sandbox_failure(sandbox, "it took too long to start", None).into()),
    }
}

/// What the engine's words about a sandbox mean.
pub fn sandbox_failure(sandbox: &Sandbox, words: &str, status: Option<i32>) -> Failure {
    let Sandbox { engine, name } = sandbox;
    let lower = words.to_lowercase();
    let says = |parts: &[&str]| parts.iter().any(|part| lower.contains(part));
    if says(&["no such container", "no container with name or id", "no container found with name"]) {
        return Failure::new(
            Class::SandboxMissing,
            format!("there is no sandbox named {name}"),
            format!("ringfence sandbox ls shows those there are; make it with: ringfence sandbox create {name}"),
        )
        .because(words);
    }
    if says(&["is paused"]) {
        let message = format!("the sandbox {name} is paused");
        return Failure::new(Class::Engine, message, format!("{engine} unpause {name}")).because(words);
    }
    if is_stopped(words) {
        return Failure::new(
            Class::Engine,
            format!("the sandbox {name} does not stay up"),
            format!("make it again: ringfence sandbox rm {name} && ringfence sandbox create {name}"),
        )
        .because(words);
    }
    let failure = engine::classify(engine, "", "", words, status);
    match failure.class {
        Class::Engine => Failure {
            message: format!("{engine} could not reach into the sandbox {name}"),
            hint: format!("see whether it is well: ringfence sandbox ls; {engine} info"),
            ..failure
        },
        _ => failure,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_engines_words_about_a_sandbox() {
        let sandbox = Sandbox { engine: "docker".into(), name: "s1".into() };
        for (words, class) in [
            ("Error response from daemon: No such container: s1", Class::SandboxMissing),
            ("Error: no container with name or ID \"s1\" found: no such container", Class::SandboxMissing),
            ("Error response from daemon: Container s1 is paused, unpause the container before exec", Class::Engine),
            ("Error response from daemon: Container 0f is not running", Class::Engine),
            (
                "Cannot connect to the Docker daemon at unix:///x. Is the docker daemon running?",
                Class::DaemonUnreachable,
            ),
            ("", Class::Engine),
        ] {
            assert_eq!(sandbox_failure(&sandbox, words, Some(1)).class, class, "{words}");
        }
    }
}
