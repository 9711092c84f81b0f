//! Engines that give each container a machine of its own: what is checked of them beside the rest, or in its place.

use super::check::Check;
use super::verdict::{Judge, broken};
use crate::config::{Mode, Settings};
use crate::failure::Failure;
use crate::runner::{Captured, Engine, EngineFacts};

/// Whether containers have a machine of their own under these settings.
pub fn has_machines(settings: &Settings) -> bool {
    settings.mode.value == Mode::Apple
}

/// Whether this version of the engine can do what runs ask of it.
pub fn version(engine: &Engine, facts: &EngineFacts) -> Check {
    let (id, newer) = ("engine.version", "/usr/local/bin/update-container.sh");
    if let Some(failure) = facts.too_old(engine) {
        return Check::fail(id, &failure);
    }
    if facts.is_before(1, 0) {
        let fact = format!(
            "{} knows what runs ask of it, but mounts no single files before 1.0 (share, --mount)",
            facts.server
        );
        return Check::warn(id, fact, newer);
    }
    Check::ok(id, format!("{} knows what runs ask of it", facts.server))
}

/// What keeps the limits: two are the machine's, and one root does not have.
pub fn limits() -> Check {
    let id = "engine.limits";
    if rustix::process::geteuid().is_root() {
        let fact = "a container's machine has no more memory and CPUs, but root in it has no limit of processes";
        return Check::warn(id, fact, "work as a user who is not root; or run with --allow-partial");
    }
    Check::ok(id, "memory and CPUs are those of the container's machine, processes those of a user in it")
}

/// Whether containers know this machine, whose name has to be set up for them.
pub fn host_name(engine: &Engine, names: Result<&Captured, Failure>) -> Check {
    let (id, host) = ("engine.host-name", engine.host());
    let known =
        |names: &Captured| String::from_utf8_lossy(&names.stdout).split_whitespace().any(|word| word == host.name);
    match names {
        Err(failure) => Check::fail(id, &failure),
        Ok(names) if known(names) => Check::ok(id, format!("{} leads containers to this machine", host.name)),
        Ok(_) => {
            let fact = format!("{} is not set up: no container reaches a service of this machine", host.name);
            Check::warn(id, fact, engine.name_host_command().to_string())
        }
    }
}

impl Judge<'_> {
    /// Whether an agent has the machine that it was to have, and no capability in it.
    pub(super) fn machine(&mut self) {
        let sandbox = &self.expected.settings.sandbox;
        let number = |key: &str| self.value(key).split_whitespace().find_map(|word| word.parse::<u64>().ok());
        let at_most = |key: &str, most: u64| number(key).is_some_and(|found| found <= most);
        let memory = sandbox.memory.bytes();
        let has_memory = at_most("memory", memory) || at_most("machine.memory", memory >> 10);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a positive number of CPUs, far below 2^50"
        )]
        let most_cpus = sandbox.cpus.floor() as u64;
        let has_cpus = at_most("machine.cpus", most_cpus) || self.has_share(sandbox.cpus.floor());
        let has_pids = at_most("machine.pids", u64::from(*sandbox.pids));
        let is_root = self.value("id").starts_with("0:");
        let zero = |key| !self.value(key).is_empty() && self.value(key).bytes().all(|digit| digit == b'0');
        let fix = "ringfence sandbox doctor --verbose, and report what it prints";
        let check = |id, well, fact: String| {
            if well { Check::ok(id, fact) } else { Check::fail(id, &broken(format!("not so: {fact}"), fix)) }
        };
        let is_capped = zero("CapEff") && zero("CapBnd");
        let capabilities = "none; a setuid program changes the user, but gains none either".to_owned();
        let checks = [
            ("CapBnd", check("run.capabilities", is_capped, capabilities)),
            ("memory", check("run.memory", has_memory, format!("{} of memory at most", sandbox.memory.value))),
            (
                "pids",
                if is_root {
                    Check::skip("run.pids", "root has no limit of processes there")
                } else {
                    check("run.pids", has_pids, format!("{} processes at most", *sandbox.pids))
                },
            ),
            ("cpus", check("run.cpus", has_cpus, format!("{most_cpus} processors at most"))),
        ];
        for (key, check) in checks {
            self.add(key, check);
        }
    }
}
