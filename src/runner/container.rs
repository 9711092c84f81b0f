//! The container as a value: what it is made of, what it may use, and the command line that says so. Pure.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::dialect::{Engine, Home, HostName, LimitedBy};
use super::fence::Fence;
use super::{Door, Forwards, Mapping, Mount, Remote, engine, frame, identity, mount};
use crate::command::CommandSpec;
use crate::failure::Failure;

/// The agent's home inside: a tmpfs that is made and forgotten with the container.
pub const HOME: &str = "/home/ringfence";

/// Where files of the host's that an agent may read are mounted; its home has links to them. (A file mounted into the home
/// itself would leave its folder there owned by root.)
pub const SHARED: &str = "/run/ringfence-shared";

/// A hardened container for one workspace.
#[derive(Clone, Debug)]
pub struct Container {
    /// What makes it.
    pub engine: Engine,
    /// Image reference.
    pub image: String,
    /// `bridge`, `none`, `host` or a network's name.
    pub network: String,
    /// Memory limit in bytes; swap is not added to it.
    pub memory: u64,
    /// CPU limit.
    pub cpus: f64,
    /// Most processes at once.
    pub pids: u32,
    /// Whether the image's files are read-only.
    pub read_only_root: bool,
    /// The workspace on the host.
    pub workspace: PathBuf,
    /// The workspace inside.
    pub workdir: PathBuf,
    /// Further mounts.
    pub mounts: Vec<Mount>,
    /// Who the agent is inside.
    pub user: Mapping,
    /// The agent's name, for the label.
    pub agent: String,
    /// Its only way out, where it has no network of its own; `network` is then the door's.
    pub door: Option<Door>,
    /// Services of this machine that it finds on its own loopback.
    pub forwards: Option<Forwards>,
    /// The longest that a run in it takes to end when its owner is gone, for the label.
    pub grace: Duration,
    /// The engine, where it cannot see this machine's files: the workspace goes there and comes back.
    pub remote: Option<Remote>,
    /// Whether the engine is on another machine, where no service of this one is.
    pub far: bool,
    /// Whether it may do without a limit that its engine does not enforce.
    pub partial: bool,
}

impl Container {
    /// The name of the container of a run.
    pub fn name(run_id: &str) -> String {
        format!("ringfence-{run_id}")
    }

    /// The one command line of a cold run: everything but what is secret.
    pub fn run_command(&self, run_id: &str) -> CommandSpec {
        let spec = self
            .engine
            .command()
            .args(["run", "--rm", "--interactive", "--init"])
            .args(self.engine.dialect.run)
            .option("--name", Container::name(run_id));
        let mut spec = self.hardened(spec, &self.labels(run_id));
        if self.door.is_some() {
            spec = spec.option("--volumes-from", format!("{}:ro", Door::name(run_id)));
        }
        if self.forwards.is_some() && self.network != "host" {
            spec = spec.args(self.engine.dialect.any_port);
        }
        for mount in self.forwards.iter().flat_map(|forwards| forwards.mounts(run_id)) {
            spec = mount::bind(spec, self.engine.dialect, &mount.source, &mount.target, mount.read_only);
        }
        spec.option("--entrypoint", "sh").arg(self.image.as_str()).option("-c", frame::BOOT)
    }

    /// What is to be brought to its loopback: [`super::Job::relays`].
    pub(super) fn relays(&self) -> Vec<String> {
        let door = self.door.iter().map(|door| format!("{}=?{}", door.port, door.inside.socket));
        door.chain(self.forwards.iter().flat_map(Forwards::relays)).collect()
    }

    /// The last resort against a container that does not go.
    pub fn remove_command(&self, run_id: &str) -> CommandSpec {
        self.engine.remove_command().arg(Container::name(run_id))
    }

    /// What the engine's `words` mean, with which it refused to make this, and `status`, its client's exit code.
    pub fn failure(&self, words: &str, status: Option<i32>) -> Failure {
        engine::classify(&self.engine, &self.image, &self.network, words, status)
    }

    fn labels(&self, run_id: &str) -> Vec<(&'static str, String)> {
        let mut labels = vec![
            ("ringfence", "1".to_owned()),
            ("ringfence.kind", "run".to_owned()),
            ("ringfence.run", run_id.to_owned()),
            ("ringfence.agent", self.agent.clone()),
            ("ringfence.workspace", self.workspace.to_string_lossy().into_owned()),
        ];
        labels.extend(identity::owner_labels(self.grace));
        labels
    }

    fn limits(&self, spec: CommandSpec) -> CommandSpec {
        let (uid, gid) = self.user.ids();
        let spec =
            spec.option("--user", format!("{uid}:{gid}")).args(["--cap-drop", "ALL"]).args(self.engine.dialect.harden);
        let mut spec = match self.engine.dialect.limits {
            LimitedBy::Groups => {
                let memory = format!("{}b", self.memory);
                spec.option("--pids-limit", self.pids.to_string())
                    .option("--memory", memory.as_str())
                    .option("--memory-swap", memory.as_str())
                    .option("--cpus", self.cpus.to_string())
                    .option("--network", if self.door.is_some() { "none" } else { self.network.as_str() })
            }
            LimitedBy::Machine => {
                let spec = spec
                    .option("--ulimit", format!("nproc={pids}:{pids}", pids = self.pids))
                    .option("--memory", format!("{}M", (self.memory >> 20).max(1)))
                    .option("--cpus", self.cpus.floor().max(1.0).to_string());
                match self.network.as_str() {
                    // What it attaches a container to that says nothing.
                    "bridge" => spec,
                    "none" => spec.option("--network", "none").arg("--no-dns"),
                    name => spec.option("--network", name),
                }
            }
        };
        if let Mapping::KeepId { .. } = self.user {
            spec = spec.option("--userns", "keep-id");
        }
        if self.engine.dialect.adds_host && self.has_host_name() {
            spec = spec.option("--add-host", format!("{}:host-gateway", self.engine.dialect.host_name));
        }
        let names_host = self.engine.dialect.limits == LimitedBy::Groups;
        if names_host && self.door.is_none() && !self.far && self.network == "host" {
            // Where a run may be in a warm sandbox it need not know that one's network: in every one the host has the same name.
            spec = spec.option("--add-host", format!("{}:127.0.0.1", self.engine.dialect.host_name));
        }
        spec
    }

    /// Whether the container has an address of its own, from which the host has another name than `localhost`.
    fn has_host_name(&self) -> bool {
        self.door.is_none() && !self.far && !matches!(self.network.as_str(), "none" | "host")
    }

    /// What the host is called inside, where that is not `localhost`.
    pub fn host_name(&self) -> Option<HostName> {
        self.has_host_name().then(|| self.engine.host())
    }

    /// What must be in force inside before the agent is started.
    pub fn fence(&self) -> Fence {
        Fence {
            memory: self.memory,
            cpus: self.cpus,
            pids: self.pids,
            read_only_root: self.read_only_root,
            no_new_privileges: self.engine.dialect.hardens(),
        }
    }

    /// What was asked for that this engine has no word for, as names of settings.
    pub fn unspeakable(&self) -> Vec<&'static str> {
        if self.engine.dialect.limits == LimitedBy::Groups {
            return Vec::new();
        }
        // A machine has whole CPUs.
        if self.cpus < 1.0 { vec!["sandbox.cpus"] } else { Vec::new() }
    }

    /// What it is told of and does not hold for this user, as names of settings.
    pub fn unheeded(&self) -> Vec<&'static str> {
        // A machine's limit of processes is a user's, and root has none.
        let machine = self.engine.dialect.limits == LimitedBy::Machine;
        if machine && self.user.is_root() { vec!["sandbox.pids"] } else { Vec::new() }
    }

    /// The first path that this engine cannot be told, and what of it.
    pub fn untellable(&self) -> Option<(&Path, &'static str)> {
        let mounts = self.mounts.iter().flat_map(|mount| [mount.source.as_path(), mount.target.as_path()]);
        let workspace = self.remote.is_none().then_some(self.workspace.as_path());
        let mut paths = workspace.into_iter().chain([self.workdir.as_path()]).chain(mounts);
        paths.find_map(|path| {
            // Engines are asked in JSON, which is text.
            let Some(text) = path.to_str() else { return Some((path, "bytes that are no UTF-8")) };
            (!self.engine.dialect.can_say(text)).then_some((path, "`:` or `=`"))
        })
    }

    /// The first place that would lie over the agent's home, or have it made in a folder of the host's, to stay there.
    pub fn over_home(&self) -> Option<&Path> {
        let mut targets = self.mounts.iter().map(|mount| mount.target.as_path()).chain([self.workdir.as_path()]);
        targets.find(|target| Path::new(HOME).starts_with(target))
    }

    fn storage(&self, mut spec: CommandSpec) -> CommandSpec {
        let (uid, gid) = self.user.ids();
        if self.read_only_root {
            spec = spec.arg("--read-only");
        }
        let owned = format!("{HOME}:rw,exec,nosuid,nodev,uid={uid},gid={gid},mode=0700");
        spec = match self.engine.dialect.home {
            Home::Owned => spec.option("--tmpfs", owned),
            Home::Chowned => {
                spec.option("--mount", format!("type=tmpfs,dst={HOME},U=true,tmpfs-mode=0700,notmpcopyup"))
            }
            Home::Made => spec.option("--tmpfs", HOME),
        };
        if !self.is_mounted(Path::new("/tmp")) {
            let options = if self.engine.dialect.home == Home::Made { "" } else { ":rw,exec,nosuid,nodev,mode=1777" };
            spec = spec.option("--tmpfs", format!("/tmp{options}"));
        }
        spec = match self.remote {
            // A nameless volume, on the engine's disk, which goes with the container.
            Some(_) => spec.option("--mount", mount::volume(self.engine.dialect, &self.workdir)),
            None => mount::bind(spec, self.engine.dialect, &self.workspace, &self.workdir, false),
        };
        for mount in &self.mounts {
            spec = mount::bind(spec, self.engine.dialect, &mount.source, &mount.target, mount.read_only);
        }
        spec
    }

    /// The agent's home.
    fn home(&self) -> String {
        if self.engine.dialect.home == Home::Made { format!("{HOME}/own") } else { HOME.to_owned() }
    }

    fn is_mounted(&self, target: &Path) -> bool {
        self.workdir == target || self.mounts.iter().any(|mount| mount.target == target)
    }

    /// What every container is, whatever runs in it: its labels, limits, files, folder and home.
    pub(super) fn hardened(&self, spec: CommandSpec, labels: &[(&str, String)]) -> CommandSpec {
        let labelled =
            labels.iter().fold(spec, |spec, (name, value)| spec.option("--label", format!("{name}={value}")));
        self.storage(self.limits(labelled))
            .option("--workdir", self.workdir.as_os_str())
            .option("--env", format!("HOME={}", self.home()))
    }
}

#[cfg(test)]
pub(super) mod tests_support {
    use super::*;

    pub fn container() -> Container {
        Container {
            engine: Engine::docker("docker"),
            image: "ringfence/worker:latest".into(),
            network: "bridge".into(),
            memory: 4 << 30,
            cpus: 2.0,
            pids: 512,
            read_only_root: true,
            workspace: "/work space/a,b:c".into(),
            workdir: "/work space/a,b:c".into(),
            mounts: vec![Mount { source: "/data".into(), target: "/data".into(), read_only: true }],
            user: Mapping::Same { uid: 1234, gid: 5678 },
            agent: "claude".into(),
            door: None,
            forwards: None,
            grace: Duration::from_millis(1500),
            remote: None,
            far: false,
            partial: false,
        }
    }
}

#[cfg(test)]
#[path = "container_tests.rs"]
mod tests;
