//! Warm sandboxes on an engine: their names, and the command lines that make, use, list and end them. Pure.
//!
//! The engine's labels are the only registry, so that what is listed is what there is.

use std::os::unix::ffi::OsStringExt;
use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;

use super::dialect::Tells;
use super::{Container, Door, Engine, apple, frame, made_with, now_rfc3339};
use crate::command::CommandSpec;

/// The label that holds the id of a sandbox's loop, whole.
pub const LOOP: &str = "ringfence.loop";

/// How a sandbox idles: as nothing that an agent means when it ends all that sleeps (`killall sleep`). The number is the longest
/// that every `sleep` takes, 2^31 - 1 seconds.
const IDLE: &str = "trap '' HUP INT TERM; while sleep 2147483647 || [ $? -gt 128 ]; do :; done";

/// Sends signal `$1` to every process whose environment holds `$2`. With `$3` those that are left after as many tenths of a second
/// get KILL. Fails where there is none.
pub const SIGNAL: &str = r#"rf_signal() { rf_left=
for rf in $(LC_ALL=C grep -lszF "$2" /proc/[0-9]*/environ); do
rf=${rf#/proc/}; kill "-$1" "${rf%/environ}" 2>/dev/null && rf_left=1; done; }
rf_signal "$1" "$2"
rf_found=$rf_left
if [ -n "$3" ]; then
rf_try=0
while rf_signal 0 "$2"; [ -n "$rf_left" ] && [ $rf_try -lt "$3" ]; do sleep 0.1 || sleep 1; rf_try=$((rf_try + 1)); done
[ -z "$rf_left" ] || rf_signal KILL "$2"
fi
[ -n "$rf_found" ]"#;

/// What is asked of the engine about one sandbox.
const LOOK: &str = concat!(
    r#"{"name":{{json .Name}},"kind":{{json (index .Config.Labels "ringfence.kind")}},"#,
    r#""door":{{json (index .Config.Labels "ringfence.door")}},"#,
    r#""running":{{json .State.Running}},"since":{{json .State.StartedAt}}}"#
);

/// The longest name, characters: a DNS label's.
const LONGEST: usize = 63;
/// The longest id of a loop that stands in a name as it is, so that `loop-ID-opencode` fits.
const LONGEST_ID: usize = LONGEST - "loop--opencode".len();

/// Whether `text` can be a sandbox's name: engines take these for containers.
pub fn is_sandbox_name(text: &str) -> bool {
    (2..=LONGEST).contains(&text.len()) && text.starts_with(|c: char| c.is_ascii_alphanumeric()) && is_plain(text)
}

fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte))
}

/// The name of a loop's sandbox for `agent`. An id that cannot stand in it as it is, is shortened and told apart by its hash, after
/// two dots, which no id has that stands there as it is.
pub fn loop_name(id: &str, agent: &str) -> String {
    if !id.is_empty() && id.len() <= LONGEST_ID && is_plain(id) && !id.contains("..") {
        return format!("loop-{id}-{agent}");
    }
    format!("loop-{}..{:016x}-{agent}", words(id), hash(id.as_bytes()))
}

/// The name of a sandbox for `agent` in the folder `workspace`, where nobody chose one.
pub fn default_name(workspace: &str, agent: &str) -> String {
    let folder = workspace.rsplit('/').find(|part| !part.is_empty()).unwrap_or("root");
    format!("{agent}-{}-{:08x}", words(folder), hash(workspace.as_bytes()) >> 32)
}

/// The beginning of `text`, with a dash for everything that a name cannot have.
fn words(text: &str) -> String {
    text.chars().take(24).map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '-' }).collect()
}

/// FNV-1a, 64 bits (G. Fowler, L. C. Noll, K.-P. Vo; RFC 9923): the same on every machine and in every version.
fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

/// What a sandbox that is made out of `container` is and may do, in a word: two that differ in their image, limits, user, network,
/// hosts or mounts have different ones.
pub fn shape(container: &Container) -> String {
    let mut all = container.image.clone().into_bytes();
    for arg in container.hardened(container.engine.command(), &[]).args {
        all.push(0);
        all.extend(arg.into_vec());
    }
    // Not the machine's own addresses, which come and go.
    let hosts = container.door.iter().flat_map(|door| door.lasting.lines()).filter(|line| line.contains("allow "));
    hosts.for_each(|line| all.extend(line.bytes()));
    format!("{:016x}", hash(&all))
}

/// A warm sandbox, by its engine and its name there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sandbox {
    /// The engine that it is on.
    pub engine: Engine,
    /// The container's name.
    pub name: String,
}

impl Sandbox {
    /// Makes it out of `container`. `made` names this making, so that what is left of a failed one can be found.
    pub fn create_command(&self, container: &Container, loop_id: Option<&str>, made: &str) -> CommandSpec {
        let mut labels = vec![
            ("ringfence", "1".to_owned()),
            ("ringfence.kind", "sandbox".to_owned()),
            ("ringfence.made", made.to_owned()),
            ("ringfence.agent", container.agent.clone()),
            ("ringfence.workspace", container.workspace.to_string_lossy().into_owned()),
            ("ringfence.created", now_rfc3339()),
        ];
        labels.push(("ringfence.shape", shape(container)));
        labels.extend(loop_id.map(|id| (LOOP, id.to_owned())));
        labels.extend(container.door.as_ref().map(|_| ("ringfence.door", Door::name(made))));
        let spec = self.engine.command();
        let spec = spec
            .args(["run", "--detach", "--init"])
            .args(self.engine.dialect.stay)
            .args(self.engine.dialect.run)
            .option("--name", self.name.as_str());
        let mut folders = vec![(container.workspace.as_path(), container.workdir.as_path())];
        folders.extend(container.mounts.iter().map(|mount| (mount.source.as_path(), mount.target.as_path())));
        let mut spec = container.hardened(spec, &labels);
        for variable in made_with::variables(&self.name, &folders, &container.fence()) {
            spec = spec.option("--env", variable);
        }
        let Some(door) = &container.door else {
            return spec.option("--entrypoint", "sh").arg(container.image.as_str()).args(["-c", IDLE]);
        };
        for (name, value) in &door.inside.variables {
            spec = spec.option("--env", format!("{name}={value}"));
        }
        spec.option("--volumes-from", format!("{}:ro", Door::name(made)))
            .option("--entrypoint", "perl")
            .arg(container.image.as_str())
            .option("-e", frame::RELAY)
            .arg(format!("{}=?{}", door.port, door.inside.socket))
            .arg(format!("hold={}", door.life))
    }

    /// Asks what it is, whether it runs, since when, and which container keeps its door.
    pub fn look_command(&self) -> CommandSpec {
        match self.engine.dialect.tells {
            Tells::ByTemplate => self.on(&["container", "inspect", "--format", LOOK]),
            Tells::InJson => self.on(&["inspect"]),
        }
    }

    /// The answer to [`Sandbox::look_command`]; absent where there is nothing of this name, which one engine says in its answer.
    pub(super) fn looked(&self, answer: &[u8]) -> Result<Option<Looked>, serde_json::Error> {
        if self.engine.dialect.tells == Tells::InJson {
            return apple::told(answer).map(|all| all.first().map(Looked::from));
        }
        serde_json::from_slice(answer).map(Some)
    }

    /// Brings the boot line to a shell in it.
    pub fn boot_command(&self) -> CommandSpec {
        self.on(&["exec", "--interactive"]).args(["sh", "-c", frame::BOOT])
    }

    /// Sends a signal, by name, to all processes in it whose environment holds `marker`; to those that are left after `patience`,
    /// if there is any, KILL.
    pub fn signal_command(&self, signal: &str, marker: &str, patience: Option<Duration>) -> CommandSpec {
        self.on(&["exec"]).args(["sh", "-c", SIGNAL, "sh", signal, marker]).args(patience.map(tenths))
    }

    /// Starts it again after it was stopped, and first the container that keeps its door.
    pub fn start_command(&self, door: Option<&str>) -> CommandSpec {
        self.on(&["start"].into_iter().chain(door).collect::<Vec<_>>())
    }

    /// The engine's program with these words and the name behind them.
    pub fn on(&self, words: &[&str]) -> CommandSpec {
        self.engine.command().args(words.iter().copied()).arg(self.name.as_str())
    }
}

/// A time as [`SIGNAL`] takes it.
pub fn tenths(time: Duration) -> String {
    (time.as_millis() / 100).to_string()
}

/// What an engine tells of a container.
#[derive(Debug, Deserialize)]
pub(super) struct Looked {
    name: String,
    #[serde(default)]
    kind: Option<String>,
    /// The container that keeps its door.
    #[serde(default)]
    pub door: Option<String>,
    /// Whether it runs.
    pub running: bool,
    #[serde(default)]
    since: Option<String>,
}

impl Looked {
    /// Whether this is the sandbox `name`, and not another container that begins so.
    pub(super) fn is_sandbox(&self, name: &str) -> bool {
        self.kind.as_deref() == Some("sandbox") && self.name.trim_start_matches('/') == name
    }

    /// Since when it runs, where that is told.
    pub(super) fn since(&self) -> Option<Timestamp> {
        self.since.as_deref()?.parse().ok()
    }
}

impl From<&apple::Told> for Looked {
    fn from(told: &apple::Told) -> Self {
        let label = |name: &str| told.labels().get(name).cloned();
        Looked {
            name: told.name().to_owned(),
            kind: label("ringfence.kind"),
            door: label("ringfence.door"),
            running: told.state() == "running",
            since: told.since().map(|since| since.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::container::tests_support::container;
    use super::*;

    #[test]
    fn names() {
        for name in ["a1", "Loop_1.x-y", "7z"] {
            assert!(is_sandbox_name(name), "{name}");
        }
        for name in ["", "a", "-a", ".a", "a b", "a/b", "ä1", &"x".repeat(64)] {
            assert!(!is_sandbox_name(name), "{name}");
        }
        assert_eq!(loop_name("nightly.2", "codex"), "loop-nightly.2-codex");
    }

    #[test]
    fn ids_of_loops_that_differ_have_names_that_differ() {
        let long = "x".repeat(200);
        let hashed = loop_name("a b", "claude").replace("loop-", "").replace("-claude", "");
        let ids = ["a b", "a-b", "a/b", "", "-", &long, &format!("{long}1"), "a..b", "a.b", "ä", "A", "a", &hashed];
        let names: std::collections::BTreeSet<String> = ids.iter().map(|id| loop_name(id, "opencode")).collect();
        assert_eq!(names.len(), ids.len(), "{names:?}");
        assert!(names.iter().all(|name| is_sandbox_name(name)), "{names:?}");
        assert_eq!(loop_name("a b", "claude"), "loop-a-b..e63f991904833892-claude", "the same in every version");
    }

    #[test]
    fn a_default_name_tells_folders_with_one_name_apart() {
        let (one, other) = (default_name("/a/my app", "claude"), default_name("/b/my app", "claude"));
        assert!(one.starts_with("claude-my-app-") && one != other && is_sandbox_name(&one), "{one} {other}");
        assert!(is_sandbox_name(&default_name("/", "shell")));
    }

    #[test]
    fn what_is_weaker_has_another_shape() {
        let asked = container();
        let wider = Container { network: "host".into(), ..container() };
        let larger = Container { memory: 8 << 30, ..container() };
        let shapes: std::collections::BTreeSet<String> = [&asked, &wider, &larger].map(shape).into();
        assert_eq!(shapes.len(), 3);
        assert_eq!(shape(&asked), shape(&container()));
    }

    #[test]
    fn a_sandbox_is_as_hard_as_a_run_and_outlives_its_maker() {
        let sandbox = Sandbox { engine: Engine::docker("docker"), name: "loop-7-claude".into() };
        let line = sandbox.create_command(&container(), Some("7"), "id").to_string();
        let run = container().run_command("id").to_string();
        let hardening = |line: &str| {
            let (from, to) = (line.find("--user").unwrap(), line.find("--env HOME").unwrap());
            line[from..to].to_owned()
        };
        assert_eq!(hardening(&line), hardening(&run));
        for part in ["--name loop-7-claude", "--label ringfence.kind=sandbox", "--label ringfence.loop=7", " --init "] {
            assert!(line.contains(part), "{part}\nis not in\n{line}");
        }
        assert!(!line.contains("--rm") && !line.contains("owner"), "{line}");
    }
}
