//! The real path: two runs in a throwaway sandbox, through the plan, the frame and the runner of every run.

use std::ffi::OsString;
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;

use super::check::Check;
use super::engine::CALL;
use super::machine::unwritable;
use super::scratch::Scratch;
use super::verdict::{Expected, Named, Port, judge};
use super::vm::has_machines;
use super::watch::{Go, Watch};
use crate::agents;
use crate::command::CommandSpec;
use crate::commands::run::{Order, Plan, Workspace, place, services};
use crate::config::{AgentName, Environment, Mode, Settings};
use crate::failure::{Class, Failure};
use crate::runner::{
    self, End, Engine, Host, Limits, Outcome, Service, Sink, Stop, beside_command, inspect_command, is_told_of,
    remove_command,
};

const PROBE: &str = include_str!("probe.sh");
/// The variable of the canary.
const CANARY: &str = "RINGFENCE_DOCTOR_CANARY";
/// The wall clock of the probe: a busy machine and a cold disk included.
const PROBE_LIMIT: Duration = Duration::from_secs(90);
/// What the agent that does not want to end is given.
const STUBBORN_LIMIT: Duration = Duration::from_secs(2);
const GRACE: Duration = Duration::from_secs(1);
/// How long a removed container may still be known.
const GONE: Duration = Duration::from_secs(10);
/// More processes than these are not tried: that many would be no small thing for the machine.
const MOST_PROCESSES: u32 = 2048;
/// What one more waiting shell may take, bytes; where the memory limit is too low for all of them they are not tried.
const PROCESS: u64 = 256 << 10;
/// How long this machine may take to resolve a name.
const RESOLVE: Duration = Duration::from_secs(6);

/// An agent that ignores TERM, with a child that does as well.
const STUBBORN: &str = "trap '' TERM HUP INT; sh -c 'trap \"\" TERM; while :; do sleep 1; done' & echo ready=yes
while :; do sleep 1; done";

/// What is walked.
pub struct Path<'a> {
    /// In which the agent is the shell, and the mode the one to be checked.
    pub settings: &'a Settings,
    /// Where agents would work.
    pub workspace: &'a Workspace,
    /// Whose services and names are tried.
    pub agents: &'a [AgentName],
    /// Those that are to be asked for their versions.
    pub untold: &'a [AgentName],
    /// The caller's environment.
    pub env: &'a Environment,
    /// This machine.
    pub host: &'a Host,
}

impl Path<'_> {
    fn mode(&self) -> Mode {
        self.settings.mode.value
    }

    fn engine(&self) -> Engine {
        place::engine(self.mode(), self.settings)
    }

    /// The plan of a script. Its agent is the shell: no lease, and nothing else than what every run is handed.
    ///
    /// # Errors
    /// What keeps a run from being begun.
    pub fn plan(&self, script: &Order, run_id: &str) -> Result<Plan> {
        Plan::new(script, run_id, self.env, self.host)
    }

    /// The settings without a network: what needs none does not come between the agents and theirs, on the bridge.
    pub fn offline(&self) -> Settings {
        let mut settings = self.settings.clone();
        "none".clone_into(&mut settings.sandbox.network.value);
        settings
    }

    /// The probe: what a run finds, and what of it can be seen from outside; and how long its start took.
    pub fn probe(&self) -> (Vec<Check>, Duration) {
        let failed = |id, failure: &Failure| (vec![Check::fail(id, failure)], Duration::ZERO);
        let scratch = match Scratch::new(&self.workspace.path) {
            Ok(scratch) => scratch,
            Err(error) => return failed("run.write", &unwritable(&self.workspace.path, &error)),
        };
        let probed = self.probe_in(&scratch);
        let (mut checks, start) = probed.unwrap_or_else(|error| failed("run.start", &Failure::of(&error)));
        let folder = scratch.root().to_owned();
        if let Err(error) = scratch.remove() {
            let fix = CommandSpec::new("sudo").args(["rm", "-r"]).arg(&folder).to_string();
            checks.push(Check::warn("run.scratch", format!("a folder was left ({error})"), fix));
        }
        (checks, start)
    }

    fn probe_in(&self, scratch: &Scratch) -> Result<(Vec<Check>, Duration)> {
        let (run_id, canary) = (runner::new_run_id()?, runner::new_run_id()?);
        let canary = format!("canary-{canary}");
        let (ports, names) = (self.ports(), self.names());
        let processes = self.processes();
        let engine = &self.engine();
        let host_name = (!self.is_far()).then(|| engine.host().name);
        let copied = self.is_copied();
        let words = |words: Vec<String>| OsString::from(words.join(" "));
        let args = vec![
            if self.mode().is_container() { "container" } else { "host" }.into(),
            processes.to_string().into(),
            words(names.iter().filter_map(|named| named.name.clone()).collect()),
            words(ports.iter().filter_map(|port| port.number).map(|port| port.to_string()).collect()),
            words(self.untold.iter().map(ToString::to_string).collect()),
            if self.is_beside_services() { "127.0.0.1" } else { host_name.unwrap_or_default() }.into(),
            host_name.unwrap_or_default().into(),
        ];
        let side = Workspace { path: scratch.side() };
        let mut plan = self.plan(&Order::of_ours(self.settings.clone(), side, PROBE, args), &run_id)?;
        plan.hand_in(CANARY, &canary);
        let inspect = self.mode().is_container().then(|| inspect_command(engine, &run_id));
        let resolved: Vec<_> = names.iter().map(|named| named.name.clone().map(resolve)).collect();
        let go = if copied { Go::Beside(beside_command(engine, &run_id)) } else { Go::File(scratch.side().join("go")) };
        let mut watch = Watch::new(self.host, inspect, go, &canary);
        let limits = Limits { timeout: Some(PROBE_LIMIT), idle_timeout: None, grace: GRACE };
        let outcome = plan.observe(&limits, &mut watch)?;
        watch.accept();
        let names = names.into_iter().zip(resolved).map(|(named, answer)| Named {
            here: answer.and_then(|answer| answer.recv_timeout(RESOLVE).ok()),
            ..named
        });
        let expected = Expected {
            settings: self.settings,
            container: self.mode().is_container(),
            copied,
            host_name,
            canary,
            made: scratch.side().join("made"),
            ours: scratch.side().join(".git"),
            processes,
            ports,
            names: names.collect(),
            untold: self.untold.to_vec(),
        };
        Ok((judge(&watch, &outcome, &expected), outcome.timings.start))
    }

    /// How many processes to try: some more than the limit.
    fn processes(&self) -> u32 {
        let sandbox = &self.settings.sandbox;
        let pids = *sandbox.pids;
        let few = pids <= MOST_PROCESSES && u64::from(pids) * PROCESS <= sandbox.memory.bytes();
        // Where the limit is a user's, root has none.
        let limited = !has_machines(self.settings) || !rustix::process::geteuid().is_root();
        if self.mode().is_container() && few && limited { pids + 16 } else { 0 }
    }

    /// Whether services on this machine's loopback are on the agent's own.
    fn is_beside_services(&self) -> bool {
        !self.mode().is_container() || *self.settings.sandbox.network == "host"
    }

    /// Whether the agents' containers are on another machine.
    fn is_far(&self) -> bool {
        self.mode() == Mode::Docker && place::is_far(self.settings, self.env)
    }

    /// Whether the agents' containers get a copy of the workspace.
    pub fn is_copied(&self) -> bool {
        self.mode() == Mode::Docker && place::is_copied(self.settings, self.env)
    }

    /// The services of this machine that agents are handed, and whether somebody listens there.
    fn ports(&self) -> Vec<Port> {
        let has_host = *self.settings.sandbox.network != "none" && !self.settings.is_listed() && !self.is_far();
        let mut ports: Vec<Port> = Vec::new();
        for agent in self.agents {
            for (variable, Service { port, .. }) in
                services(*agent, self.settings, self.env).into_iter().filter(|(_, one)| one.here)
            {
                if ports.iter().any(|known| known.variable == variable) {
                    continue;
                }
                let answers_here = port.is_some_and(|port| {
                    let addresses = ("localhost", port).to_socket_addrs().into_iter().flatten();
                    addresses
                        .into_iter()
                        .any(|address| TcpStream::connect_timeout(&address, Duration::from_secs(2)).is_ok())
                });
                let number = port.filter(|_| has_host || !self.mode().is_container());
                ports.push(Port { variable, number, answers_here });
            }
        }
        ports
    }

    /// The name of each agent's server, where it has one that must be resolved.
    fn names(&self) -> Vec<Named> {
        let proxied = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"].iter().any(|name| {
            self.settings.variables.iter().any(|variable| variable.name == *name) && self.env.text(name).is_some()
        });
        let named = |agent: &AgentName| {
            let (name, reason) = match agents::agent(*agent).api() {
                _ if !self.mode().is_container() => (None, "on the host the agent resolves names as you do"),
                _ if *self.settings.sandbox.network == "none" => (None, "there is no network"),
                _ if self.settings.is_listed() => (None, "the door to sandbox.allow_hosts resolves names"),
                _ if proxied => (None, "a proxy is handed in, which resolves names"),
                None => (None, "it has no server of its own"),
                Some((variable, usual)) => match self.env.text(variable).and_then(Service::of) {
                    Some(service) if service.here || service.host.parse::<std::net::IpAddr>().is_ok() => {
                        (None, "its server is an address, not a name")
                    }
                    Some(service) => (Some(service.host), ""),
                    None => (Some(usual.to_owned()), ""),
                },
            };
            Named { agent: *agent, name, reason, here: None }
        };
        self.agents.iter().map(named).collect()
    }

    /// Whether an agent that does not want to end is ended, and everything with it.
    pub fn stubborn(&self, started_in: Duration) -> Vec<Check> {
        self.stubborn_in(started_in).unwrap_or_else(|error| vec![Check::fail("run.timeout", &Failure::of(&error))])
    }

    fn stubborn_in(&self, started_in: Duration) -> Result<Vec<Check>> {
        let run_id = runner::new_run_id()?;
        let stubborn = Order::of_ours(self.offline(), self.workspace.clone(), STUBBORN, Vec::new()).bare();
        let plan = self.plan(&stubborn, &run_id)?;
        let limit = STUBBORN_LIMIT + started_in * 2;
        let limits = Limits { timeout: Some(limit), idle_timeout: None, grace: GRACE };
        let (began, mut ready) = (Instant::now(), Ready(false));
        let outcome = plan.observe(&limits, &mut ready)?;
        let took = began.elapsed();
        let id = "run.timeout";
        let check = match outcome {
            Outcome { end: End::TimedOut, .. } if ready.0 => {
                let fact = format!(
                    "an agent that ignores TERM was ended {:.1} s after its limit",
                    took.saturating_sub(limit).as_secs_f64()
                );
                Check::ok(id, fact)
            }
            Outcome { end: End::TimedOut, .. } => {
                let fact =
                    format!("the sandbox was not up within {:.1} s, so nothing had to be ended", limit.as_secs_f64());
                Check::warn(id, fact, "ringfence sandbox doctor, when the machine is less busy")
            }
            Outcome { end, .. } => {
                let message = format!("an agent that never ends came to another end ({end:?})");
                Check::fail(
                    id,
                    &Failure::new(
                        Class::Internal,
                        message,
                        "ringfence sandbox doctor --verbose, and report what it prints",
                    ),
                )
            }
        };
        Ok(vec![check.took(took), self.nothing_left(&run_id)?])
    }

    fn nothing_left(&self, run_id: &str) -> Result<Check> {
        let (id, began) = ("run.nothing-left", Instant::now());
        let engine = &self.engine();
        let container = || -> Result<bool> {
            if !self.mode().is_container() {
                return Ok(false);
            }
            let said = self.host.capture(&inspect_command(engine, run_id), CALL)?;
            Ok(said.is_none_or(|said| said.status.success() && is_told_of(engine, &said.stdout)))
        };
        loop {
            let (container, process) = (container()?, runner::survives(run_id));
            let check = if !container && !process {
                Check::ok(id, "neither a container nor a process")
            } else if began.elapsed() < GONE {
                thread::sleep(Duration::from_millis(50));
                continue;
            } else {
                let hint = remove_command(engine, &[runner::Container::name(run_id)]).to_string();
                Check::fail(id, &Failure::new(Class::Internal, "something of the run is left after its end", hint))
            };
            return Ok(check.took(began.elapsed()));
        }
    }
}

/// Whether this machine can resolve `name`, told later.
fn resolve(name: String) -> Receiver<bool> {
    let (sender, answer) = channel();
    thread::spawn(move || sender.send((name.as_str(), 443).to_socket_addrs().is_ok()));
    answer
}

/// Whether something was said.
struct Ready(bool);

impl Sink for Ready {
    fn stdout(&mut self, _: &[u8]) -> Result<(), Stop> {
        self.0 = true;
        Ok(())
    }
}
