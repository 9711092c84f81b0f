//! A door as a value: the way out of a container that has no network of its own, and the command lines of the container that keeps
//! it. Pure.

use super::{Container, frame, identity};
use crate::command::CommandSpec;
use crate::failure::{Class, Failure};

/// What reads and writes between pairs of sockets: half of each of the two programs of a door.
pub const PUMP: &str = include_str!("pump.pl");

/// A door, seen from inside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DoorInside {
    /// Whether nothing is to be done where it is not there.
    pub expected: bool,
    /// Its socket.
    pub socket: &'static str,
    /// The file in which it counts who knocks.
    pub knocks: &'static str,
    /// What is executed in its container once that has been started again, so that no name leads to this machine as it is now.
    pub renew: Vec<String>,
    /// What leads programs to it.
    pub variables: Vec<(&'static str, String)>,
}

/// A way out for a container that has no network of its own.
#[derive(Clone, Debug)]
pub struct Door {
    /// The folder that both containers see.
    pub folder: &'static str,
    /// What is seen of it.
    pub inside: DoorInside,
    /// Where the agent finds it, at 127.0.0.1.
    pub port: u16,
    /// What the door's container runs: a shell script. It says `open` first, and at its end whatever is to be known.
    pub script: Vec<u8>,
    /// What it runs for a warm sandbox: it ends once nobody holds a connection to `life`.
    pub lasting: String,
    /// The socket that a warm sandbox holds.
    pub life: &'static str,
}

impl Door {
    /// The name of the container of a run's door.
    pub(super) fn name(run_id: &str) -> String {
        format!("{}-door", Container::name(run_id))
    }

    /// Makes the container. It is root inside, without a capability: so the folder is its own.
    pub(super) fn create_command(&self, container: &Container, run_id: &str) -> CommandSpec {
        let spec = container.engine.command().args(["create", "--rm", "--interactive"]);
        let labels = [("ringfence.run", run_id.to_owned())].into_iter().chain(identity::owner_labels(container.grace));
        self.hardened(spec, container, run_id, labels).option("-c", frame::BOOT)
    }

    /// Makes and starts the one of a warm sandbox, whose making is called `made`.
    pub(super) fn keep_command(&self, container: &Container, made: &str) -> CommandSpec {
        let labels = [("ringfence.made", made.to_owned()), ("ringfence.created", identity::now_rfc3339())];
        self.hardened(container.engine.command().args(["run", "--detach"]), container, made, labels)
            .option("-c", self.lasting.as_str())
    }

    fn hardened(
        &self,
        spec: CommandSpec,
        container: &Container,
        id: &str,
        labels: impl IntoIterator<Item = (&'static str, String)>,
    ) -> CommandSpec {
        let mut spec = spec.args(["--pull", "never", "--log-driver", "none"]).option("--name", Door::name(id));
        let all = [
            ("ringfence", "1".to_owned()),
            ("ringfence.kind", "door".to_owned()),
            ("ringfence.workspace", container.workspace.to_string_lossy().into_owned()),
        ];
        for (name, value) in all.into_iter().chain(labels) {
            spec = spec.option("--label", format!("{name}={value}"));
        }
        // Where the host has a name it is one that leads inward.
        if container.engine.dialect.adds_host {
            spec = spec.option("--add-host", format!("{}:host-gateway", container.engine.dialect.host_name));
        }
        // It is the agent's image, whose variables are not to bring anything into the door.
        for name in ["PERL5OPT", "PERL5LIB", "LD_PRELOAD"] {
            spec = spec.option("--env", format!("{name}="));
        }
        spec.args(["--user", "0:0", "--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--read-only"])
            .args(["--pids-limit", "2048", "--memory", "1g", "--memory-swap", "1g"])
            .option("--network", container.network.as_str())
            .option("--volume", self.folder)
            .args(["--workdir", "/", "--entrypoint", "sh"])
            .arg(container.image.as_str())
    }

    /// Starts it on our streams.
    pub(super) fn start_command(container: &Container, run_id: &str) -> CommandSpec {
        container.engine.command().args(["start", "--attach", "--interactive"]).arg(Door::name(run_id))
    }

    /// What is executed for it before the agent's container is run, and beside that.
    pub(super) fn commands(&self, container: &Container, run_id: &str) -> [CommandSpec; 2] {
        [self.create_command(container, run_id), Door::start_command(container, run_id)]
    }

    /// Removes it by force.
    pub(super) fn remove_command(container: &Container, run_id: &str) -> CommandSpec {
        container.engine.remove_command().arg(Door::name(run_id))
    }
}

/// Whether a shell says in `text` that it found no perl.
pub(super) fn is_without_perl(text: &str) -> bool {
    text.contains("perl: not found") || text.contains("perl: command not found")
}

/// An image in which neither half of a door can run.
pub(super) fn without_perl(image: &str) -> Failure {
    Failure::new(
        Class::InvalidImage,
        format!("the image {image} has no perl, which --allow-host and --forward need in it"),
        "use an image of the Debian family, or install perl in yours: ringfence sandbox build-image",
    )
}
