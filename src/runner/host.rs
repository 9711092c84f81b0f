//! Host mode: the agent as a child of this process, under the same supervisor as in a container.

use std::ops::RangeInclusive;
use std::path::Path;

use anyhow::Result;

use super::carry::Parcel;
use super::frame::Around;
use super::identity::new_nonce;
use super::lifeline::{Ends, drive};
use super::machine::find_program;
use super::marks::Fault;
use super::observed::Observed;
use super::{End, Engine, Host, Job, Limits, Outcome, Runner, Sink, frame, marked};
use crate::command::CommandSpec;
use crate::failure::{Class, Failure};

/// The exit codes by which a shell reports a signal: 128 + n, with the numbers that Linux has (signal(7)).
const SIGNALED: RangeInclusive<i32> = 129..=192;

/// What the supervisor calls beside its shell.
const TOOLS: [&str; 3] = ["head", "grep", "sleep"];

/// Runs jobs in a shell on this machine.
#[derive(Clone, Debug)]
pub struct HostRunner {
    host: Host,
}

impl HostRunner {
    /// A runner on this machine.
    pub fn new(host: Host) -> Self {
        HostRunner { host }
    }

    /// The machine.
    pub(super) fn host(&self) -> &Host {
        &self.host
    }

    /// Starts `carrier`, which must bring the boot line to a shell, carries the job out in it and reports all that was seen.
    pub(super) fn observe(
        &self,
        carrier: &CommandSpec,
        around: Around<'_>,
        job: &Job,
        limits: &Limits,
        sink: &mut dyn Sink,
    ) -> Result<Observed> {
        let nonce = new_nonce()?;
        let frame = frame::encode(job, &nonce, limits.grace, around);
        let near = around.is_machine() && marked::CAN_LOOK;
        let parcel = around.parcel().map(Parcel::archive).transpose()?;
        let marker = near.then(|| frame::marker(&job.run_id));
        drive(&self.host, carrier, Ends { frame, parcel, nonce: &nonce, marker }, limits, sink)
    }
}

impl Runner for HostRunner {
    fn plan(&self, job: &Job) -> CommandSpec {
        CommandSpec { cwd: job.command.cwd.clone(), ..CommandSpec::new("sh").option("-c", frame::BOOT) }
    }

    fn run(&self, job: &Job, limits: &Limits, sink: &mut dyn Sink) -> Result<Outcome> {
        let observed = self.observe(&self.plan(job), Around::Machine, job, limits, sink)?;
        if let Some(outcome) = outcome(&observed) {
            return Ok(outcome);
        }
        if !observed.started {
            for tool in TOOLS {
                find_program(tool.as_ref())?;
            }
        }
        if observed.fault == Some(Fault::Missing) {
            // Here, and not in an image, its name says how to install it.
            find_program(&job.command.program)?;
        }
        Err(fault(job, &observed, None).unwrap_or_else(|| {
            if observed.started {
                return unsupervised("the run's supervisor", "somebody on this machine");
            }
            Failure::new(
                Class::Engine,
                "the supervisor was ended before it had started the agent",
                "run it again; if it stays, look for what kills processes on this machine (dmesg)",
            )
            .because(observed.outside)
        }))?
    }
}

/// That `what` was ended by force under the agent, which may have done it itself: it ran, so nothing is done again by itself.
pub(super) fn unsupervised(what: &str, others: &str) -> Failure {
    Failure::new(
        Class::AgentFailed,
        format!("{what} was ended by force while the agent was at work: by the agent itself, or by {others}"),
        "look at what it has done, then run it again; a task that ends processes (kill, pkill) must spare those above its own",
    )
}

/// Whether this is how a client tells that what it had started was ended by a signal.
pub(super) fn by_force(observed: &Observed) -> bool {
    observed.started && observed.status.and_then(|status| status.code()).is_some_and(|code| SIGNALED.contains(&code))
}

/// What the supervisor itself reported as the reason that the agent could not be started.
pub(super) fn fault(job: &Job, observed: &Observed, engine: Option<&Engine>) -> Option<Failure> {
    let ours = |words: &str| engine.map_or_else(|| format!("ringfence {words}"), |engine| engine.ours(words));
    let build = ours("sandbox build-image");
    let program = job.command.program.to_string_lossy();
    Some(match observed.fault? {
        Fault::Missing => Failure::new(
            Class::CliMissing,
            format!("{program} is not installed where the task was to run"),
            format!("install {program} there; in a container: {build}"),
        ),
        Fault::Relay => Failure::new(
            Class::Engine,
            "the sandbox's door to the network could not be reached",
            format!("run it again; if it stays, the image may lack perl: {build}"),
        )
        .because(observed.outside.as_str()),
        Fault::Files => Failure::new(
            Class::Internal,
            "the credential files could not be written into the agent's home",
            "check that the sandbox's home has room and is writable: ringfence sandbox show",
        )
        .because(observed.outside.as_str()),
        Fault::Folder => {
            let folder = job.command.cwd.as_deref().unwrap_or(Path::new(".")).display();
            let hint = format!(
                "work in a folder that it has: -C DIR; or make one for this: {} -C {folder}",
                ours("sandbox create")
            );
            Failure::usage(format!("the sandbox does not have the workspace {folder}"), hint)
                .because(observed.outside.as_str())
        }
        Fault::Workspace => Failure::new(
            Class::InvalidImage,
            "the workspace could not be unpacked in the container",
            format!("a remote engine needs an image with tar and nothing at the workspace's place (sandbox.workdir): {build}"),
        )
        .because(observed.outside.as_str()),
        // Only a runner of sandboxes knows which one was meant.
        Fault::Sandbox | Fault::Door => return None,
        Fault::Task => Failure::new(
            Class::Internal,
            "the task could not be handed to the agent",
            "run it again; if it stays, look at the limits of this machine (ulimit -a)",
        )
        .because(observed.outside.as_str()),
    })
}

/// The outcome, where the agent was started and its end is known: by the supervisor's word, or because we ended it.
pub(super) fn outcome(observed: &Observed) -> Option<Outcome> {
    let end = match (observed.ours, observed.ended) {
        (Some(ours), _) => ours,
        (None, Some(_)) if observed.fault.is_some() => return None,
        (None, Some((code, _))) if SIGNALED.contains(&code) => End::Signaled(code - 128),
        (None, Some((code, _))) => End::Exited(code),
        (None, None) => return None,
    };
    Some(Outcome {
        end,
        agent_code: observed.ended.map(|(code, _)| code),
        inside: observed.inside.clone(),
        oom: observed.ended.is_some_and(|(_, ooms)| ooms > 0),
        stderr_tail: observed.stderr_tail.clone(),
        lacking: observed.lacking.clone(),
        warnings: Vec::new(),
        timings: observed.timings,
        strays: observed.strays,
        door: None,
    })
}
