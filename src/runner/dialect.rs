//! How engines are spoken to: what each kind calls things, and what it puts in the place of what it lacks. Pure.

use std::path::Path;

use crate::command::CommandSpec;

/// One kind of engine's command line, as far as it differs from the others'. Everything else of a container is said alike.
#[derive(Debug, PartialEq, Eq)]
pub struct Dialect {
    /// What a container calls its host.
    pub(super) host_name: &'static str,
    /// Whether that name has to be made known to each container.
    pub(super) adds_host: bool,
    /// Options of `run` that are always there.
    pub(super) run: &'static [&'static str],
    /// Those that keep a program from gaining privileges.
    pub(super) harden: &'static [&'static str],
    /// The words that remove a container by force.
    pub(super) remove: &'static [&'static str],
    /// How a container gets a home that is its agent's alone.
    pub(super) home: Home,
    /// What keeps memory, CPUs and processes within their limits.
    pub(super) limits: LimitedBy,
}

/// How a container gets a home that is its agent's alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Home {
    /// A tmpfs may be given an owner.
    Owned,
    /// A tmpfs is given to the container's user.
    Chowned,
    /// A tmpfs is everybody's: the supervisor makes a folder in it.
    Made,
}

/// What keeps memory, CPUs and processes within their limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LimitedBy {
    /// Control groups, on a kernel that others use as well.
    Groups,
    /// A virtual machine of the container's own.
    Machine,
}

/// What Docker's containers call their host.
pub const HOST_NAME: &str = "host.docker.internal";

/// Docker Engine, and whatever has its command line.
pub const DOCKER: Dialect = Dialect {
    host_name: HOST_NAME,
    adds_host: true,
    run: &["--pull", "never", "--log-driver", "none"],
    harden: &["--security-opt", "no-new-privileges"],
    remove: &["rm", "--force", "--volumes"],
    home: Home::Owned,
    limits: LimitedBy::Groups,
};

/// Podman. Up to 4.6 it knows no `host-gateway`, but names its host by itself; and a tmpfs has no `uid=` (tried with 4.3).
pub const PODMAN: Dialect =
    Dialect { host_name: "host.containers.internal", adds_host: false, home: Home::Chowned, ..DOCKER };

/// Apple's `container`: every container is in a virtual machine, and much of Docker's command line is unknown.
pub const APPLE: Dialect = Dialect {
    host_name: "host.container.internal",
    adds_host: false,
    run: &[],
    harden: &[],
    remove: &["delete", "--force"],
    home: Home::Made,
    limits: LimitedBy::Machine,
};

impl Dialect {
    /// What `program`, a Docker-compatible engine's, speaks.
    pub fn of(program: &str) -> &'static Dialect {
        match Path::new(program).file_name().and_then(|name| name.to_str()) {
            Some("podman" | "podman-remote") => &PODMAN,
            _ => &DOCKER,
        }
    }

    /// `template`, which asks for labels by Docker's `.Label`, as this engine takes it.
    pub(super) fn template(&self, template: &str) -> String {
        if *self == PODMAN { template.replace("(.Label ", "(index .Labels ") } else { template.to_owned() }
    }

    /// What containers that `program` makes call their host.
    pub fn host(&self, program: &str) -> HostName {
        HostName { name: self.host_name, known_by: self.is_apple().then(|| host_names_command(program)) }
    }

    /// Whether this is Apple's.
    pub fn is_apple(&self) -> bool {
        *self == APPLE
    }
}

/// What containers call their host.
#[derive(Clone, Debug)]
pub struct HostName {
    /// The name.
    pub name: &'static str,
    /// Lists the names that have been set up, where this one has to be.
    pub known_by: Option<CommandSpec>,
}

/// Asks Apple's whether its service runs.
pub fn status_command(program: &str) -> CommandSpec {
    CommandSpec::new(program).args(["system", "status"])
}

/// Lists the names by which Apple's containers reach this machine.
fn host_names_command(program: &str) -> CommandSpec {
    CommandSpec::new(program).args(["system", "dns", "list"])
}
