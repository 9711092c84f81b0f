//! Which engine a test goes through: `RINGFENCE_TEST_CLI` lets a suite that was written for Docker run again through another.

use std::path::Path;
use std::process::Command;

use super::{Bed, part};

/// An engine that tests/run.sh brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Runtime {
    Docker,
    /// Podman, run by the tests' own user.
    Podman,
    /// The stand-in for Apple's `container`, which carries everything out on the Docker Engine.
    Apple,
}

/// What chooses a stand-in whose JSON has the shape before 1.0.
const OLD_APPLE: &str = "apple-0.12";

impl Runtime {
    pub fn chosen() -> Self {
        match std::env::var("RINGFENCE_TEST_CLI").as_deref() {
            Err(_) | Ok("docker") => Runtime::Docker,
            Ok("podman") => Runtime::Podman,
            Ok("apple" | OLD_APPLE) => Runtime::Apple,
            Ok(other) => panic!("RINGFENCE_TEST_CLI={other}: docker, podman, apple or {OLD_APPLE}"),
        }
    }

    /// The mode of ringfence that uses it.
    pub fn mode(self) -> &'static str {
        if self == Runtime::Apple { "apple" } else { "docker" }
    }

    /// What a configuration begins with whose containers are made by it.
    pub fn configured(self) -> &'static str {
        if self == Runtime::Apple { "mode = \"apple\"\n" } else { "" }
    }

    /// The program that ringfence calls.
    pub fn program(self) -> String {
        match self {
            Runtime::Docker => "docker".into(),
            Runtime::Podman => "podman".into(),
            Runtime::Apple => stand_in().display().to_string(),
        }
    }

    /// What its containers call this machine.
    pub fn host_name(self) -> &'static str {
        match self {
            Runtime::Docker => "host.docker.internal",
            Runtime::Podman => "host.containers.internal",
            Runtime::Apple => "host.container.internal",
        }
    }

    /// The variable that names its address.
    pub fn address_variable(self) -> &'static str {
        if self == Runtime::Podman { "CONTAINER_HOST" } else { "DOCKER_HOST" }
    }

    /// Whether this is Podman, of which a test cannot say anything here; why not is said aloud.
    pub fn skips_podman(self, why: &str) -> bool {
        if self == Runtime::Podman {
            eprintln!("skipped with {}: {why}", self.program());
        }
        self == Runtime::Podman
    }

    /// The options that close the network. Apple's limit of processes does not hold for root, as whom tests often run: that is known
    /// here, and refused otherwise.
    pub fn closed(self) -> &'static [&'static str] {
        match self {
            Runtime::Apple => &["--network", "none", "--allow-partial"],
            _ => &["--network", "none"],
        }
    }

    /// The option of runs in throwaway containers of tests, which often run as root: as above.
    pub fn partly(self) -> &'static [&'static str] {
        if self == Runtime::Apple { &["--allow-partial"] } else { &[] }
    }

    /// The agent's home inside.
    pub fn home(self) -> &'static str {
        if self == Runtime::Apple { "/home/ringfence/own" } else { "/home/ringfence" }
    }

    /// A limit of memory that is soon reached.
    pub fn little_memory(self) -> &'static str {
        if self == Runtime::Apple { "200m" } else { "96m" }
    }

    /// A bed whose ringfence uses this engine.
    pub fn bed(self) -> Bed {
        let mut bed = Bed::new();
        match self {
            Runtime::Docker => {}
            Runtime::Podman => bed.use_engine("\n[docker]\ncommand = \"podman\"\n"),
            Runtime::Apple => bed.use_engine(&format!("\n[apple]\ncommand = \"{}\"\n", self.program())),
        }
        for (name, value) in self.variables() {
            bed.set(name, value);
        }
        if std::env::var("RINGFENCE_TEST_CLI").as_deref() == Ok(OLD_APPLE) {
            bed.set("STAND_IN_VERSION", "0.12.3");
        }
        bed
    }

    /// What the engine's client must be told.
    fn variables(self) -> Vec<(&'static str, std::ffi::OsString)> {
        let names: &[&str] = match self {
            Runtime::Docker | Runtime::Apple => &["DOCKER_HOST", "DOCKER_CONFIG"],
            Runtime::Podman => {
                let folder = part("RINGFENCE_TEST_PODMAN");
                let file = |name: &str| Path::new(&folder).join(name).into_os_string();
                return vec![
                    ("CONTAINERS_CONF", file("containers.conf")),
                    ("CONTAINERS_STORAGE_CONF", file("storage.conf")),
                ];
            }
        };
        names.iter().filter_map(|name| Some((*name, std::env::var_os(name)?))).collect()
    }

    /// The client with which a test looks at the engine itself.
    pub fn client(self) -> Command {
        let mut command = Command::new(if self == Runtime::Podman { "podman" } else { "docker" });
        command.envs(self.variables());
        if self == Runtime::Podman {
            // It reads Docker's as well, and stops where that is not there.
            command.env_remove("DOCKER_CONFIG");
        }
        command
    }
}

/// The stand-in's path.
pub fn stand_in() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/container")
}
