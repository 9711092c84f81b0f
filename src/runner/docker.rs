//! Docker mode: a throwaway container around the supervisor, on any engine with Docker's command line.

use std::fmt;
use std::time::{Duration, Instant};

use anyhow::Result;
use tempfile::TempDir;

use super::carry::{Parcel, Receiver};
use super::frame::{Around, Inside};
use super::marks::Fault;
use super::observed::Observed;
use super::sidecar::{Minding, Sidecar};
use super::{Container, End, HostRunner, Job, Limits, Outcome, Remote, Runner, Sink, door, host, stock};
use crate::command::CommandSpec;
use crate::failure::{Class, Failure};

/// How long the engine may take to remove a container by force.
const REMOVAL: Duration = Duration::from_secs(30);

/// How much larger than the workspace that went what comes back may be, bytes.
const GROWTH: u64 = 8 << 30;

/// That `engine` does not enforce `lacking`, and nothing was started.
pub fn unenforced(engine: &impl fmt::Display, lacking: &[&str]) -> Failure {
    Failure::config(
        format!("{engine} does not enforce {} here, so nothing was started", lacking.join(", ")),
        "run it all the same, without: --allow-partial; what an engine can do: ringfence sandbox show",
    )
}

/// Wraps a job in `docker run` and hands it to the host.
#[derive(Clone, Debug)]
pub struct DockerRunner {
    host: HostRunner,
    container: Container,
}

impl DockerRunner {
    /// Runs jobs in containers like `container`.
    pub fn new(host: HostRunner, container: Container) -> Self {
        DockerRunner { host, container }
    }

    /// Removes what may be left of a run whose supervisor did not see it to its end. Whether the engine answered, where it was asked.
    fn sweep(&self, job: &Job, observed: &Observed) -> bool {
        let never_created = !observed.started && observed.ours.is_none() && observed.status.is_some();
        // A client that we had to end by force may not have come to removing anything.
        let cut_off = observed.status.as_ref().is_none_or(|status| status.code().is_none());
        if never_created || (observed.ended.is_some() && !cut_off) {
            return false;
        }
        // After a signal, too. A container that is gone already is the usual answer, and all we want.
        let answer = self.host.host().undeterred().capture(&self.container.remove_command(&job.run_id), REMOVAL);
        let unreachable = |stderr: &str| {
            self.container.failure(stderr, None).class.exit_code() == Class::DaemonUnreachable.exit_code()
        };
        answer.ok().flatten().is_some_and(|answer| answer.status.success() || !unreachable(&answer.stderr))
    }
}

impl Runner for DockerRunner {
    fn plan(&self, job: &Job) -> CommandSpec {
        self.container.run_command(&job.run_id)
    }

    fn run(&self, job: &Job, limits: &Limits, sink: &mut dyn Sink) -> Result<Outcome> {
        stock::look(self.host.host(), &self.container)?;
        if let Some(remote) = &self.container.remote {
            return self.run_far(remote, job, limits, sink);
        }
        let Container { door, forwards, .. } = &self.container;
        let job = &Job {
            relays: self.container.relays(),
            door: door.as_ref().map(|door| door.inside.clone()),
            ..job.clone()
        };
        let inside = Inside { fence: self.container.fence(), partial: self.container.partial, parcel: None };
        let services = forwards.as_ref().map(|forwards| forwards.listen(&job.run_id)).transpose()?;
        let open = |door| Sidecar::begin(self.host.host(), &self.container, door, &job.run_id);
        let mut sidecar = door.as_ref().map(open).transpose()?;
        let mut minding = Minding { sink, sidecar: sidecar.as_mut(), services: services.as_ref() };
        let observed = self.host.observe(&self.plan(job), Around::Container(&inside), job, limits, &mut minding)?;
        let answered = self.sweep(job, &observed);
        // Why the door never opened says more than that its socket was not there.
        let door = sidecar.map(Sidecar::finish).transpose()?.flatten();
        Ok(Outcome { door, ..self.verdict(job, &observed, answered)? })
    }

    fn companions(&self, job: &Job) -> Vec<CommandSpec> {
        let door = self.container.door.as_ref();
        let commands = door.map(|door| door.commands(&self.container, &job.run_id));
        stock::command(&self.container).into_iter().chain(commands.into_iter().flatten()).collect()
    }
}

impl DockerRunner {
    /// Runs a job on a copy of the workspace, and brings the changes back.
    fn run_far(&self, remote: &Remote, job: &Job, limits: &Limits, sink: &mut dyn Sink) -> Result<Outcome> {
        let empty = remote.bare.then(tempfile::tempdir).transpose().map_err(|error| Failure::no_temporary(&error))?;
        let workspace = empty.as_ref().map_or(self.container.workspace.as_path(), TempDir::path);
        let (began, left) = (Instant::now(), if remote.bare { Vec::new() } else { remote.left() });
        let parcel = Parcel::pack(workspace, &|| self.goes_on(limits, began))?;
        let limits = &Limits { timeout: limits.timeout.map(|limit| limit.saturating_sub(began.elapsed())), ..*limits };
        let inside = Inside { fence: self.container.fence(), partial: self.container.partial, parcel: Some(&parcel) };
        let mut sieve = Receiver::new(&parcel.nonce, parcel.length + GROWTH, remote.room()?, sink);
        let observed = self.host.observe(&self.plan(job), Around::Container(&inside), job, limits, &mut sieve)?;
        let received = sieve.finish();
        let mut outcome = self.judge(job, &observed)?;
        outcome.warnings.extend(left);
        outcome.warnings.extend(parcel.left_out.iter().cloned());
        let by_itself = matches!(outcome.end, End::Exited(_) | End::Signaled(_));
        match received {
            Some(received) => {
                let kept = remote
                    .kept
                    .as_ref()
                    .filter(|_| !remote.bare)
                    .map(|folder| folder.join(format!("{}.tar", job.run_id)));
                let complete = observed.returned == Some(true);
                match parcel.unpack(&received, complete, kept.as_deref()) {
                    Err(words) if by_itself => return Err(self.cut_off().because(words.join("; ")).into()),
                    Ok(words) | Err(words) => outcome.warnings.extend(words),
                }
            }
            None if by_itself => return Err(self.not_returned().into()),
            None => outcome.warnings.push(self.not_returned().message),
        }
        Ok(outcome)
    }

    /// That a run that `began` then may go on, before there is anything that a lifeline could end.
    fn goes_on(&self, limits: &Limits, began: Instant) -> Result<(), Failure> {
        let interrupts = &self.host.host().interrupts;
        if interrupts.count() > 0 {
            return Err(Failure::interrupted(interrupts.signal(), "interrupted while the workspace was packed"));
        }
        if limits.timeout.is_some_and(|limit| began.elapsed() >= limit) {
            let message = "the run reached its timeout while the workspace was packed, before the agent was started";
            return Err(Failure::new(Class::Timeout, message, "choose a smaller workspace with -C, or: --timeout 1h"));
        }
        Ok(())
    }

    /// What was seen of a container, as the end of a run, and nothing is left of it.
    fn judge(&self, job: &Job, observed: &Observed) -> Result<Outcome> {
        let answered = self.sweep(job, observed);
        Ok(self.verdict(job, observed, answered)?)
    }

    /// What was seen of a container, as the end of a run. `answered` says whether the engine did when what was left was removed.
    fn verdict(&self, job: &Job, observed: &Observed, answered: bool) -> Result<Outcome, Failure> {
        if let Some(outcome) = host::outcome(observed) {
            return Ok(outcome);
        }
        if !observed.started && !observed.lacking.is_empty() {
            return Err(unenforced(&self.container.engine, &observed.lacking));
        }
        if observed.fault == Some(Fault::Relay) && door::is_without_perl(&observed.outside) {
            return Err(door::without_perl(&self.container.image));
        }
        Err(host::fault(job, observed, Some(&self.container.engine))
            .unwrap_or_else(|| self.not_observed(observed, answered)))
    }

    fn not_returned(&self) -> Failure {
        let engine = &self.container.engine;
        Failure::new(
            // The agent did its work, and was paid for it: nothing that is tried again by itself.
            Class::Internal,
            format!(
                "what the run changed did not come back from the {engine} engine; nothing of it is on this machine"
            ),
            format!("look whether the engine is well and can be reached: {engine} info; then run it again"),
        )
    }

    /// That the agent was done, and its work did not come back whole.
    fn cut_off(&self) -> Failure {
        let interrupts = &self.host.host().interrupts;
        let whole = self.not_returned();
        if interrupts.count() == 0 {
            return whole;
        }
        Failure {
            class: Class::Interrupted(interrupts.signal()),
            hint: "run it again, and let it come back".into(),
            ..whole
        }
    }

    /// Why the end of a run is not known; the engine `answered` after it, or did not.
    fn not_observed(&self, observed: &Observed, answered: bool) -> Failure {
        let engine = &self.container.engine;
        // An engine that goes down ends its containers first, and does not answer any more by then.
        if answered && host::by_force(observed) {
            return host::unsupervised("the container", &format!("somebody else ({engine} kill, {engine} rm)"));
        }
        let status = observed.status.as_ref().and_then(std::process::ExitStatus::code);
        let failure = self.container.failure(&observed.outside, status);
        if !observed.started || failure.class != Class::Engine {
            return failure;
        }
        let message = match status {
            Some(code) => format!("the container was ended from outside before the agent was done (status {code})"),
            None => format!("the {} client was ended from outside before the agent was done", self.container.engine),
        };
        Failure { message, ..failure }
    }
}
