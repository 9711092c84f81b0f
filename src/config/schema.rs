//! The schema: every key of the configuration file with its type, its default and its meaning, each written once.
//! The parser, `set`, `show` and the nearest-name hints all read this one table.

use std::path::PathBuf;
use std::time::Duration;

use super::host::HostRule;
use super::layers::Layers;
use super::read::{self, Complaint, Node, Place};
use super::values::{Handover, Mode, Mount, Size, Workdir};
use super::{Setting, lists};
use crate::failure::Failure;

/// The default of a key, in the form in which it is typed after `sandbox set KEY`.
#[derive(Clone, Copy, Debug)]
pub enum Preset {
    /// The same in every section that has the key.
    Text(&'static str),
    /// One for each of claude, codex and opencode.
    PerAgent([&'static str; 3]),
}

/// The sections of the agents, in the order of [`Preset::PerAgent`].
const AGENT_SECTIONS: [&str; 3] = ["agents.claude", "agents.codex", "agents.opencode"];

/// A key within its section.
#[derive(Clone, Copy)]
pub struct Entry {
    name: &'static str,
    preset: Preset,
    about: &'static str,
    check: fn(&Node, &Place) -> Result<(), Complaint>,
}

/// A key of the configuration file.
#[derive(Clone)]
pub struct Key {
    /// The dotted name, such as `sandbox.memory`.
    pub name: String,
    /// What it means, in a line.
    pub about: &'static str,
    /// The default, in the form in which it is typed after `sandbox set KEY`.
    pub default: &'static str,
    /// Whether a value is a legal one.
    pub(super) check: fn(&Node, &Place) -> Result<(), Complaint>,
}

/// Declares a section: its struct, its entries, and how it is resolved.
macro_rules! section {
    ($(#[$meta:meta])* $name:ident { $($field:ident: $type:ty = $preset:expr, $read:expr, $about:literal;)* }) => {
        $(#[$meta])*
        #[derive(Clone, Debug)]
        #[allow(dead_code, reason = "a key can be legal and shown before something acts on it")]
        pub struct $name {
            $(#[doc = $about] pub $field: Setting<$type>,)*
        }

        impl $name {
            const ENTRIES: &'static [Entry] = &[$(Entry {
                name: stringify!($field),
                preset: $preset,
                about: $about,
                check: |node, place| $read(node, place).map(drop),
            }),*];

            pub(super) fn resolve(section: &str, layers: &Layers<'_>) -> Result<Self, Failure> {
                Ok($name { $($field: layers.setting(&dotted(section, stringify!($field)), $read)?),* })
            }
        }
    };
}

use Preset::{PerAgent, Text};

section! {
    /// The keys above the first section.
    TopSettings {
        mode: Mode = Text("host"), read::mode, "where agents run: host, docker or apple";
        agent: super::AgentName = Text("claude"), read::agent,
            "the agent that runs when none is named: claude, codex, opencode or shell";
    }
}

section! {
    /// `[run]`
    RunSettings {
        timeout: Option<Duration> = Text("30m"), read::limit, "wall clock limit; \"0\" is none";
        idle_timeout: Option<Duration> = Text("10m"), read::limit, "limit on the agent's silence; \"0\" is none";
        grace: Duration = Text("10s"), read::pause, "time between TERM and KILL";
        max_attempts: u32 = Text("3"), read::count::<1, 100>, "total runs of a task";
        backoff: Duration = Text("2s"), read::pause, "wait before the second run; doubles, with jitter";
        max_concurrency: usize = Text("2"), read::many::<1, 256>, "tasks at a time in a batch";
        output_limit: Size = Text("16MiB"), read::size::<1024>,
            "output kept for results; streaming itself is unlimited";
    }
}

section! {
    /// `[sandbox]`
    SandboxSettings {
        image: String = Text("ringfence/worker:latest"), read::image, "container image";
        network: String = Text("bridge"), read::network, "container network: bridge, none, or a network's name";
        allow_hosts: Vec<HostRule> = Text("[]"), lists::hosts,
            "when not empty, the only hosts that can be reached: HOST[:PORT] or @PRESET";
        memory: Size = Text("4g"), read::size::<{ 6 << 20 }>, "memory limit";
        cpus: f64 = Text("2.0"), read::cpus, "CPU limit";
        pids: u32 = Text("512"), read::count::<16, 4_194_304>, "limit on processes and threads";
        workdir: Workdir = Text("same"), read::workdir,
            "the workspace's path in the container: same as on the host, or an absolute path";
        env: Vec<String> = Text("[]"), lists::env_names, "names of variables handed in from the caller's environment";
        required_env: Vec<String> = Text("[]"), lists::env_names, "names of variables without which no run starts";
        mounts: Vec<Mount> = Text("[]"), lists::mounts, "further folders and files: SRC[:DST][:ro]";
        read_only_root: bool = Text("true"), read::switch, "whether the container's root file system is read-only";
    }
}

section! {
    /// `[docker]`
    DockerSettings {
        command: String = Text("docker"), read::docker, "docker, podman, nerdctl, or a path";
        workspace: Handover = Text("auto"), read::handover,
            "mount, copy (in, and the changes back), or auto: copy where the engine is on another machine";
    }
}

section! {
    /// `[apple]`
    AppleSettings {
        command: String = Text("container"), read::apple, "Apple's container, or a path";
    }
}

section! {
    /// `[agents.claude]`, `[agents.codex]`, `[agents.opencode]`
    AgentSettings {
        mode: Option<Mode> = Text(""), read::agent_mode, "where this agent runs, instead of the general mode";
        auth_dir: PathBuf = PerAgent(["~/.claude", "~/.codex", "~/.local/share/opencode"]), read::folder,
            "the folder of the agent's login on the host";
        config_dir: PathBuf = PerAgent(["~/.config/claude", "~/.codex", "~/.config/opencode"]), read::folder,
            "the folder of the agent's configuration on the host";
        token_command: Vec<String> = Text("[]"), lists::words, "a command that prints a token, or a login file";
        share: Vec<String> = Text("[]"), lists::shares,
            "files and folders of `auth_dir` that the sandbox's home gets, read-only";
    }
}

impl AgentSettings {
    /// The settings of what has none: a shell script.
    pub(super) fn of_none() -> Self {
        fn unset<T: Default>() -> Setting<T> {
            Setting { value: T::default(), origin: super::Origin::Default }
        }
        AgentSettings { mode: unset(), auth_dir: unset(), config_dir: unset(), token_command: unset(), share: unset() }
    }
}

fn dotted(section: &str, name: &str) -> String {
    if section.is_empty() { name.to_owned() } else { format!("{section}.{name}") }
}

/// Where keys are, in the order of the documentation.
const SECTIONS: [(&str, &[Entry]); 8] = [
    ("", TopSettings::ENTRIES),
    ("run", RunSettings::ENTRIES),
    ("sandbox", SandboxSettings::ENTRIES),
    ("docker", DockerSettings::ENTRIES),
    ("apple", AppleSettings::ENTRIES),
    (AGENT_SECTIONS[0], AgentSettings::ENTRIES),
    (AGENT_SECTIONS[1], AgentSettings::ENTRIES),
    (AGENT_SECTIONS[2], AgentSettings::ENTRIES),
];

/// Every key, in the order of the documentation.
pub fn keys() -> Vec<Key> {
    SECTIONS.iter().flat_map(|(section, entries)| entries.iter().map(|entry| key_of(section, entry))).collect()
}

fn key_of(section: &str, entry: &Entry) -> Key {
    let agent = AGENT_SECTIONS.iter().position(|name| *name == section);
    let default = match (entry.preset, agent) {
        (Text(text), _) => text,
        (PerAgent(texts), agent) => texts[agent.unwrap_or_default()],
    };
    Key { name: dotted(section, entry.name), about: entry.about, default, check: entry.check }
}

/// The key with this name. Every run asks for each of them, so only this one is made.
pub fn key(name: &str) -> Option<Key> {
    let (section, last) = name.rsplit_once('.').unwrap_or(("", name));
    let (section, entries) = SECTIONS.iter().find(|(known, _)| *known == section)?;
    let entry = entries.iter().find(|entry| entry.name == last)?;
    Some(key_of(section, entry)).filter(|key| key.name == name)
}
