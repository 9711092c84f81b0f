//! Docker mode: a throwaway container around the supervisor, on any engine with Docker's command line.

use std::time::Duration;

use anyhow::Result;

use super::frame::Around;
use super::lifeline::Observed;
use super::marks::Fault;
use super::sidecar::{self, Minding, Sidecar};
use super::{Container, Host, HostRunner, Interrupts, Job, Limits, Outcome, Runner, Sink, host};
use crate::command::CommandSpec;
use crate::failure::{Class, Failure};

/// How long the engine may take to remove a container by force.
const REMOVAL: Duration = Duration::from_secs(30);

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

    /// Removes what may be left of a run whose supervisor did not see it to its end.
    fn sweep(&self, job: &Job, observed: &Observed) {
        let never_created = !observed.started && observed.ours.is_none() && observed.status.is_some();
        if observed.ended.is_none() && !never_created {
            // After a signal, too. A container that is gone already is the usual answer, and all we want.
            let host = Host { interrupts: Interrupts::default(), ..self.host.host().clone() };
            let _ = host.capture(&self.container.remove_command(&job.run_id), REMOVAL);
        }
    }
}

impl Runner for DockerRunner {
    fn plan(&self, job: &Job) -> CommandSpec {
        self.container.run_command(&job.run_id)
    }

    fn run(&self, job: &Job, limits: &Limits, sink: &mut dyn Sink) -> Result<Outcome> {
        let Container { door, forwards, .. } = &self.container;
        let job = &Job {
            relays: self.container.relays(),
            door: door.as_ref().map(|door| door.inside.clone()),
            ..job.clone()
        };
        let services = forwards.as_ref().map(|forwards| forwards.listen(&job.run_id)).transpose()?;
        let open = |door| Sidecar::begin(self.host.host(), &self.container, door, &job.run_id);
        let mut sidecar = door.as_ref().map(open).transpose()?;
        let mut minding = Minding { sink, sidecar: sidecar.as_mut(), services: services.as_ref() };
        let observed = self.host.observe(&self.plan(job), Around::Container, job, limits, &mut minding)?;
        self.sweep(job, &observed);
        // Why the door never opened says more than that its socket was not there.
        let door = sidecar.map(Sidecar::finish).transpose()?.flatten();
        if let Some(outcome) = host::outcome(&observed) {
            return Ok(Outcome { door, ..outcome });
        }
        if let Some(fault) = host::fault(job, &observed) {
            let no_perl = observed.fault == Some(Fault::Relay) && sidecar::is_without_perl(&observed.outside);
            return Err(if no_perl { sidecar::without_perl(&self.container.image) } else { fault }.into());
        }
        Err(self.not_observed(&observed).into())
    }

    fn companions(&self, job: &Job) -> Vec<CommandSpec> {
        let door = self.container.door.as_ref();
        door.map(|door| door.commands(&self.container, &job.run_id)).into_iter().flatten().collect()
    }
}

impl DockerRunner {
    fn not_observed(&self, observed: &Observed) -> Failure {
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
