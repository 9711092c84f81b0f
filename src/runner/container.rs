//! The container as a value: what it is made of, what it may use, and the command line that says so. Pure.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{Door, Forwards, engine, frame, identity};
use crate::command::CommandSpec;
use crate::failure::Failure;

/// The agent's home inside: a tmpfs that is made and forgotten with the container.
pub const HOME: &str = "/home/ringfence";

/// The name under which a container reaches its host.
pub const HOST_NAME: &str = "host.docker.internal";

/// Where files of the host's that an agent may read are mounted; its home has links to them. (A file mounted into the home
/// itself would leave its folder there owned by root.)
pub const SHARED: &str = "/run/ringfence-shared";

/// A hardened container for one workspace.
#[derive(Clone, Debug)]
pub struct Container {
    /// The engine's command-line program.
    pub engine: String,
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
}

/// A bind mount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// On the host.
    pub source: PathBuf,
    /// Inside.
    pub target: PathBuf,
    /// Whether the agent may only read it.
    pub read_only: bool,
}

/// How the agent inside becomes the caller outside, so that files come out owned by the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mapping {
    /// The engine runs as root: the same numbers inside and outside.
    Same {
        /// User id.
        uid: u32,
        /// Group id.
        gid: u32,
    },
    /// The engine runs as the caller: root inside is the caller outside.
    RootIsCaller,
    /// Podman run by the caller: it can keep the caller's numbers inside.
    KeepId {
        /// User id.
        uid: u32,
        /// Group id.
        gid: u32,
    },
}

impl Mapping {
    /// How the caller's engine maps the caller, as far as that shows without asking it: an engine of the caller's own listens
    /// in the caller's runtime folder (`DOCKER_HOST`), and Podman without a remote engine is one.
    pub fn of_caller(engine: &str, variable: impl Fn(&str) -> Option<String>) -> Self {
        let uid = rustix::process::geteuid().as_raw();
        let gid = rustix::process::getegid().as_raw();
        if uid == 0 {
            return Mapping::Same { uid, gid };
        }
        let program = Path::new(engine).file_name().unwrap_or_default();
        if program == "podman" && variable("CONTAINER_HOST").is_none() {
            return Mapping::KeepId { uid, gid };
        }
        let own = |address: String| address.starts_with(&format!("unix:///run/user/{uid}/"));
        if variable("DOCKER_HOST").is_some_and(own) { Mapping::RootIsCaller } else { Mapping::Same { uid, gid } }
    }

    /// The ids inside.
    fn ids(self) -> (u32, u32) {
        match self {
            Mapping::Same { uid, gid } | Mapping::KeepId { uid, gid } => (uid, gid),
            Mapping::RootIsCaller => (0, 0),
        }
    }

    /// Whether the agent is root inside.
    pub fn is_root(self) -> bool {
        self.ids().0 == 0
    }
}

impl Container {
    /// The name of the container of a run.
    pub fn name(run_id: &str) -> String {
        format!("ringfence-{run_id}")
    }

    /// The one command line of a cold run: everything but what is secret.
    pub fn run_command(&self, run_id: &str) -> CommandSpec {
        let spec = CommandSpec::new(&self.engine)
            .args(["run", "--rm", "--interactive", "--init", "--pull", "never", "--log-driver", "none"])
            .option("--name", Container::name(run_id));
        let mut spec = self.hardened(spec, &self.labels(run_id));
        if self.door.is_some() {
            spec = spec.option("--volumes-from", format!("{}:ro", Door::name(run_id)));
        }
        for mount in self.forwards.iter().flat_map(|forwards| forwards.mounts(run_id)) {
            spec = spec.option("--mount", bind(&mount.source, &mount.target, mount.read_only));
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
        CommandSpec::new(&self.engine).args(["rm", "--force", "--volumes"]).arg(Container::name(run_id))
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
        let memory = format!("{}b", self.memory);
        let mut spec = spec
            .option("--user", format!("{uid}:{gid}"))
            .args(["--cap-drop", "ALL", "--security-opt", "no-new-privileges"])
            .option("--pids-limit", self.pids.to_string())
            .option("--memory", memory.as_str())
            .option("--memory-swap", memory.as_str())
            .option("--cpus", self.cpus.to_string())
            .option("--network", if self.door.is_some() { "none" } else { self.network.as_str() });
        if let Mapping::KeepId { .. } = self.user {
            spec = spec.option("--userns", "keep-id");
        }
        if self.has_host_name() {
            spec = spec.option("--add-host", format!("{HOST_NAME}:host-gateway"));
        }
        spec
    }

    /// Whether the container has an address of its own, from which the host has another name than `localhost`.
    pub fn has_host_name(&self) -> bool {
        self.door.is_none() && !matches!(self.network.as_str(), "none" | "host")
    }

    fn storage(&self, mut spec: CommandSpec) -> CommandSpec {
        let (uid, gid) = self.user.ids();
        if self.read_only_root {
            spec = spec.arg("--read-only");
        }
        let owned = format!("{HOME}:rw,exec,nosuid,nodev,uid={uid},gid={gid},mode=0700");
        spec = spec.option("--tmpfs", owned);
        if !self.is_mounted(Path::new("/tmp")) {
            spec = spec.option("--tmpfs", "/tmp:rw,exec,nosuid,nodev,mode=1777");
        }
        spec = spec.option("--mount", bind(&self.workspace, &self.workdir, false));
        for mount in &self.mounts {
            spec = spec.option("--mount", bind(&mount.source, &mount.target, mount.read_only));
        }
        spec
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
            .option("--env", format!("HOME={HOME}"))
    }
}

/// The value of `--mount`: one line of CSV (RFC 4180), whose quoted fields carry commas, colons, quotes, spaces and newlines.
fn bind(source: &Path, target: &Path, read_only: bool) -> OsString {
    let mut value = b"type=bind,".to_vec();
    value.extend(field("src=", source.as_os_str()));
    value.push(b',');
    value.extend(field("dst=", target.as_os_str()));
    if read_only {
        value.extend_from_slice(b",readonly");
    }
    OsString::from_vec(value)
}

fn field(key: &str, value: &OsStr) -> Vec<u8> {
    let mut field = format!("\"{key}").into_bytes();
    for &byte in value.as_bytes() {
        if byte == b'"' {
            field.push(b'"');
        }
        field.push(byte);
    }
    field.push(b'"');
    field
}

#[cfg(test)]
pub(super) mod tests_support {
    use super::*;

    pub fn container() -> Container {
        Container {
            engine: "docker".into(),
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
        }
    }
}

#[cfg(test)]
mod tests {
    use super::tests_support::container;
    use super::*;

    fn line(container: &Container) -> String {
        container.run_command("20261121-031140-9f2c4e1a").to_string()
    }

    #[test]
    fn a_run_is_hardened() {
        let line = line(&container());
        for part in [
            "docker run --rm --interactive --init --pull never --log-driver none --name ringfence-20261121-031140-9f2c4e1a",
            "--user 1234:5678 --cap-drop ALL --security-opt no-new-privileges --pids-limit 512 --memory 4294967296b",
            "--memory-swap 4294967296b --cpus 2 --network bridge --add-host host.docker.internal:host-gateway --read-only",
            "--tmpfs /home/ringfence:rw,exec,nosuid,nodev,uid=1234,gid=5678,mode=0700",
            "--tmpfs /tmp:rw,exec,nosuid,nodev,mode=1777",
            r#"--mount 'type=bind,"src=/work space/a,b:c","dst=/work space/a,b:c"'"#,
            r#"--mount 'type=bind,"src=/data","dst=/data",readonly'"#,
            "--workdir '/work space/a,b:c' --env HOME=/home/ringfence --entrypoint sh ringfence/worker:latest -c",
            "--label ringfence=1 --label ringfence.kind=run --label ringfence.run=20261121-031140-9f2c4e1a",
            "--label ringfence.grace=2 ",
        ] {
            assert!(line.contains(part), "{part}\nis not in\n{line}");
        }
    }

    #[test]
    fn a_network_without_a_host_gets_no_host_name() {
        for network in ["none", "host"] {
            let line = line(&Container { network: network.into(), ..container() });
            assert!(!line.contains("--add-host"), "{line}");
        }
    }

    #[test]
    fn a_rootless_engine_maps_the_caller() {
        let root = line(&Container { user: Mapping::RootIsCaller, ..container() });
        assert!(root.contains("--user 0:0"), "{root}");
        let keep = line(&Container { user: Mapping::KeepId { uid: 7, gid: 8 }, ..container() });
        assert!(keep.contains("--user 7:8") && keep.contains("--userns keep-id"), "{keep}");
    }

    #[test]
    fn a_workspace_at_tmp_is_not_hidden_by_the_tmpfs() {
        let line = line(&Container { workspace: "/tmp".into(), workdir: "/tmp".into(), ..container() });
        assert!(!line.contains("--tmpfs /tmp:"), "{line}");
    }
}
