//! What each mode guarantees under these settings: enforced by the engine, held up partly, or absent.

use std::path::Path;

use serde::Serialize;
use serde::ser::SerializeStruct;

use super::{AgentName, Mode, Settings};

/// How far a guarantee holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Something outside the agent's reach sees to it.
    Enforced,
    /// It holds, with an exception that is named.
    Partial,
    /// It does not hold.
    Absent,
}

impl Level {
    /// The name, as shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Level::Enforced => "enforced",
            Level::Partial => "partial",
            Level::Absent => "absent",
        }
    }
}

/// How far a guarantee holds in one mode, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// How far.
    pub level: Level,
    /// By what, or why not.
    pub why: String,
}

/// A guarantee in each mode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guarantee {
    /// What is guaranteed.
    pub name: &'static str,
    /// One verdict per mode, in the order of [`Mode::ALL`].
    pub verdicts: [Verdict; 3],
}

impl Guarantee {
    /// The verdict for `mode`.
    pub fn of(&self, mode: Mode) -> &Verdict {
        match mode {
            Mode::Host => &self.verdicts[0],
            Mode::Docker => &self.verdicts[1],
            Mode::Apple => &self.verdicts[2],
        }
    }
}

impl Serialize for Guarantee {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("Guarantee", 5)?;
        object.serialize_field("guarantee", self.name)?;
        object.serialize_field("host", &self.verdicts[0].level)?;
        object.serialize_field("docker", &self.verdicts[1].level)?;
        object.serialize_field("apple", &self.verdicts[2].level)?;
        let [host, docker, apple] = &self.verdicts;
        let why = serde_json::json!({"host": host.why, "docker": docker.why, "apple": apple.why});
        object.serialize_field("why", &why)?;
        object.end()
    }
}

fn enforced(why: impl Into<String>) -> Verdict {
    Verdict { level: Level::Enforced, why: why.into() }
}

fn partial(why: impl Into<String>) -> Verdict {
    Verdict { level: Level::Partial, why: why.into() }
}

fn absent(why: impl Into<String>) -> Verdict {
    Verdict { level: Level::Absent, why: why.into() }
}

/// What was found out about the engine of a container mode.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ability {
    /// Its name and version, for people.
    pub name: String,
    /// Which of the limits `memory`, `cpus`, `pids` and `swap` it cannot enforce.
    pub lacks: Vec<&'static str>,
    /// Whether its containers get a copy of the workspace.
    pub copies: bool,
    /// Whether each container has a machine of its own, as Apple's have, and the engine few words for the rest.
    pub machines: bool,
    /// The least memory that it gives to a container, bytes.
    pub least_memory: u64,
    /// Whether the agent is root inside.
    pub as_root: bool,
}

/// The engine of a mode, or why there is none to be had.
pub type Found = Result<Ability, String>;

/// Every guarantee under `settings`, by what was found out about the engine of each container mode.
pub fn guarantees(settings: &Settings, docker: &Found, apple: &Found) -> Vec<Guarantee> {
    let sandbox = &settings.sandbox;
    let row = |name, host, of: &dyn Fn(&Ability) -> Verdict| {
        // A mode that cannot run guarantees nothing.
        let of = |found: &Found| found.as_ref().map_or_else(|reason| absent(reason.as_str()), of);
        Guarantee { name, verdicts: [host, of(docker), of(apple)] }
    };
    let no_limit = || absent("the caller's own limits apply");
    let read_only_root = |_: &Ability| {
        if *sandbox.read_only_root { enforced("--read-only") } else { absent("sandbox.read_only_root is false") }
    };
    let limit = |ability: &Ability, name: &str, most: String| {
        if ability.lacks.contains(&name) {
            return absent(format!(
                "{} has no control over it: such a run is refused, unless --allow-partial",
                ability.name
            ));
        }
        if name == "memory" && ability.lacks.contains(&"swap") {
            return partial(format!("{most} at most, and swap beside it, which its kernel does not count"));
        }
        enforced(format!("{most} at most"))
    };
    vec![
        row(
            "filesystem",
            absent("the agent can reach whatever the caller can"),
            &|ability| match filesystem(settings) {
                _ if ability.copies && !sandbox.mounts.is_empty() => {
                    absent("sandbox.mounts cannot be mounted where the workspace is copied: such a run is refused")
                }
                verdict if ability.copies && verdict.level == Level::Enforced => {
                    enforced("only a copy of the workspace is there")
                }
                verdict => verdict,
            },
        ),
        row("home", absent("the agent works in the caller's home"), &|_| home(settings)),
        row("credentials out of argv", in_argv(), &|_| in_argv()),
        row("credentials out of inspect", enforced("there is no container"), &|_| in_inspect()),
        row("credentials out of disk", on_disk_of_host(), &|_| on_disk(settings)),
        row("capabilities", absent("the caller's own"), &|_| enforced("--cap-drop ALL")),
        row("no-new-privileges", absent("setuid programs work"), &no_new_privileges),
        row("read-only root", absent("the caller's own file system"), &read_only_root),
        row("memory", no_limit(), &|ability| match sandbox.memory.bytes() {
            bytes if bytes < ability.least_memory => {
                absent(format!("{} MiB is the least: such a run is refused", ability.least_memory >> 20))
            }
            _ => limit(ability, "memory", sandbox.memory.to_string()),
        }),
        row("cpus", no_limit(), &|ability| match *sandbox.cpus {
            cpus if ability.machines && cpus < 1.0 => absent("a machine has whole CPUs: such a run is refused"),
            cpus if ability.machines => limit(ability, "cpus", cpus.floor().to_string()),
            cpus => limit(ability, "cpus", cpus.to_string()),
        }),
        row("pids", no_limit(), &|ability| match limit(ability, "pids", sandbox.pids.to_string()) {
            _ if ability.machines && ability.as_root => {
                absent("a limit of the user's, which root does not have: such a run is refused, unless --allow-partial")
            }
            verdict if ability.machines => partial(format!("{}; not for a setuid program", verdict.why)),
            verdict => verdict,
        }),
        row("network policy", absent("the caller's own network"), &|ability| match network(settings) {
            _ if settings.is_listed() && (ability.machines || ability.copies) => {
                absent("sandbox.allow_hosts needs an engine of this machine's, in mode docker: such a run is refused")
            }
            _ if ability.machines && *sandbox.network == "host" => {
                absent("it has no network of the host's: such a run is refused")
            }
            verdict => verdict,
        }),
        row("nothing survives the run", survivors_on_host(), &|_| {
            enforced("the container goes, and every process in it")
        }),
    ]
}

fn no_new_privileges(ability: &Ability) -> Verdict {
    if ability.machines {
        return absent("a setuid program changes the user, but gains no capability");
    }
    enforced("--security-opt no-new-privileges")
}

fn in_argv() -> Verdict {
    enforced("secrets travel over standard input")
}

fn in_inspect() -> Verdict {
    enforced("secrets travel over standard input, not in the container's configuration")
}

fn on_disk_of_host() -> Verdict {
    partial("ringfence writes none, but the agent uses the login files on the host's disk")
}

fn survivors_on_host() -> Verdict {
    partial("a process that leaves the session and clears its environment can escape")
}

/// The first mount that lets the agent at `path`.
fn exposed(settings: &Settings, path: impl Fn(&Path) -> bool) -> Option<String> {
    let mount = settings.sandbox.mounts.iter().find(|mount| path(&mount.source))?;
    Some(format!("the mount {mount}"))
}

fn filesystem(settings: &Settings) -> Verdict {
    let engine = |source: &Path| source.file_name().is_some_and(|name| name.to_string_lossy().ends_with(".sock"));
    match (exposed(settings, |source| source == Path::new("/")), exposed(settings, engine)) {
        (Some(mount), _) => absent(format!("{mount} is the host's whole file system")),
        (None, Some(mount)) => partial(format!("{mount} is a socket of a program on the host")),
        (None, None) if settings.sandbox.mounts.is_empty() => enforced("only the workspace is there"),
        (None, None) => enforced("only the workspace and the configured mounts are there"),
    }
}

/// Whether `source` holds, or is in, the login folder of an agent.
fn holds_a_login(settings: &Settings, source: &Path) -> bool {
    AgentName::MODELS
        .iter()
        .map(|agent| &settings.agent(*agent).auth_dir.value)
        .any(|folder| folder.starts_with(source))
}

fn home(settings: &Settings) -> Verdict {
    match exposed(settings, |source| holds_a_login(settings, source)) {
        Some(mount) => partial(format!("a throwaway home, but {mount} holds a login folder of the host")),
        None => enforced("a throwaway home in memory"),
    }
}

fn on_disk(settings: &Settings) -> Verdict {
    match exposed(settings, |source| holds_a_login(settings, source)) {
        Some(mount) => partial(format!("a lease in memory, but {mount} holds a login folder of the host")),
        None => enforced("an access-only lease, in memory"),
    }
}

fn network(settings: &Settings) -> Verdict {
    let sandbox = &settings.sandbox;
    let listed = !sandbox.allow_hosts.is_empty();
    match sandbox.network.as_str() {
        "none" => enforced("no network"),
        "host" if listed => absent("sandbox.allow_hosts cannot hold on the host's own network: such a run is refused"),
        _ if listed => enforced("no network but one door, which opens to sandbox.allow_hosts and the agent's own API"),
        "bridge" => absent("open: sandbox.network is bridge and sandbox.allow_hosts is empty"),
        "host" => absent("open: the host's own network"),
        name => absent(format!("open, unless the network {name} itself is closed")),
    }
}

#[cfg(test)]
#[path = "guarantees_tests.rs"]
mod tests;
