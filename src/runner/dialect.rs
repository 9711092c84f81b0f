//! How engines are spoken to: what each kind calls things, and what it puts in the place of what it lacks. Pure.

use std::fmt;
use std::path::Path;

use crate::command::CommandSpec;

/// An engine: its command-line program, and how that is spoken to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Engine {
    /// The program.
    pub program: String,
    /// What it understands.
    pub dialect: &'static Dialect,
}

impl Engine {
    /// The engine of mode docker behind `program`.
    pub fn docker(program: impl Into<String>) -> Self {
        let program = program.into();
        let dialect = match Path::new(&program).file_name().and_then(|name| name.to_str()) {
            Some("podman" | "podman-remote") => &PODMAN,
            Some("nerdctl") => &NERDCTL,
            _ => &DOCKER,
        };
        Engine { program, dialect }
    }

    /// Whether it is a client alone, whose engine is elsewhere unless it is told of one here.
    pub fn is_client_alone(&self) -> bool {
        Path::new(&self.program).file_name().is_some_and(|name| name == "podman-remote")
    }

    /// The engine of mode apple behind `program`.
    pub fn apple(program: impl Into<String>) -> Self {
        Engine { program: program.into(), dialect: &APPLE }
    }

    /// The program, with nothing said to it yet.
    pub fn command(&self) -> CommandSpec {
        CommandSpec::new(&self.program)
    }

    /// Removes containers by force, with whatever runs in them.
    pub fn remove_command(&self) -> CommandSpec {
        self.command().args(self.dialect.remove)
    }

    /// Ends containers at once.
    pub fn stop_command(&self) -> CommandSpec {
        self.command().args(self.dialect.stop)
    }

    /// Shows whether it is well.
    pub fn well_command(&self) -> CommandSpec {
        self.command().args(self.dialect.well)
    }

    /// Fetches an image.
    pub fn pull_command(&self, image: &str) -> CommandSpec {
        self.command().args(self.dialect.pull).arg(image)
    }

    /// A command of ours about what is on this engine, as people have to type it, whatever mode is in force.
    pub fn ours(&self, words: &str) -> String {
        if self.dialect.is_apple() { format!("ringfence --mode apple {words}") } else { format!("ringfence {words}") }
    }

    /// Builds an image, and shows how it goes.
    pub fn build_command(&self) -> CommandSpec {
        self.command().args(self.dialect.build)
    }

    /// Builds one that is soon done.
    pub fn rebuild_command(&self) -> CommandSpec {
        self.command().args(self.dialect.rebuild)
    }

    /// Forgets images by name.
    pub fn forget_command(&self) -> CommandSpec {
        self.command().args(self.dialect.forget)
    }

    /// Makes this machine's name known to its containers, where that has to be done once; for people.
    pub fn name_host_command(&self) -> CommandSpec {
        let words = ["system", "dns", "create", self.dialect.host_name, "--localhost"];
        // An address of the range kept for documentation (RFC 5737): no real host is hidden by it.
        CommandSpec::new("sudo").arg(self.program.as_str()).args(words).arg("203.0.113.113")
    }

    /// What its containers call this machine.
    pub fn host(&self) -> HostName {
        let names = || self.command().args(["system", "dns", "list"]);
        let known_by = self.dialect.is_apple().then(names);
        HostName { name: self.dialect.host_name, known_by, named_by: self.name_host_command() }
    }
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.program)
    }
}

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
    /// Options of one that stays.
    pub(super) stay: &'static [&'static str],
    /// Those that let a program without privileges listen on any port, where that is not so by itself.
    pub(super) any_port: &'static [&'static str],
    /// The words that remove containers by force.
    pub(super) remove: &'static [&'static str],
    /// Those that end them at once, while they stay. What idles in a sandbox heeds nothing but KILL.
    pub(super) stop: &'static [&'static str],
    /// Those that show whether it is well, and that fetch an image: for people.
    pub(super) well: &'static [&'static str],
    pub(super) pull: &'static [&'static str],
    /// Those that build an image, and one of which nothing is worth showing.
    pub(super) build: &'static [&'static str],
    pub(super) rebuild: &'static [&'static str],
    /// Those that forget images.
    pub(super) forget: &'static [&'static str],
    /// Whether a build can be handed a variable of the caller's by its name alone.
    pub builds_with_variables: bool,
    /// A part of what is said where a container's name is taken.
    pub(super) taken: &'static str,
    /// How it tells of containers.
    pub(super) tells: Tells,
    /// What no path may hold that it is told.
    pub(super) unsayable: &'static [char],
    /// Nor the value of a label.
    pub(super) unlabelled: &'static [char],
    /// The least memory that it gives to a container, bytes.
    pub least_memory: u64,
    /// Whether it fetches the image of a container from a registry, where it does not have it, and cannot be told otherwise.
    pub(super) fetches: bool,
    /// Whether it makes an image of a container.
    pub commits: bool,
    /// Whether another container can keep the only way out of one, and services of this machine be brought inside.
    pub has_doors: bool,
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

/// How an engine tells of containers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tells {
    /// By a template, and only of those that filters fit.
    ByTemplate,
    /// In JSON of its own, of all that there are.
    InJson,
}

/// What keeps memory, CPUs and processes within their limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LimitedBy {
    /// Control groups, on a kernel that others use as well.
    Groups,
    /// A virtual machine of the container's own.
    Machine,
}

/// Docker Engine, and whatever has its command line.
pub const DOCKER: Dialect = Dialect {
    host_name: "host.docker.internal",
    adds_host: true,
    run: &["--pull", "never", "--log-driver", "none"],
    harden: &["--security-opt", "no-new-privileges"],
    stay: &["--stop-signal", "KILL"],
    any_port: &[],
    remove: &["rm", "--force", "--volumes"],
    stop: &["stop", "-t", "0"],
    well: &["info"],
    pull: &["pull"],
    // Without it a failed step's container stays.
    build: &["build", "--force-rm"],
    rebuild: &["build", "--quiet"],
    forget: &["rmi"],
    builds_with_variables: true,
    taken: "is already in use",
    tells: Tells::ByTemplate,
    unsayable: &[],
    unlabelled: &[],
    least_memory: 0,
    fetches: false,
    commits: true,
    has_doors: true,
    home: Home::Owned,
    limits: LimitedBy::Groups,
};

/// Podman. Up to 4.6 it knows no `host-gateway`, but names its host by itself; and a tmpfs has no `uid=` (tried with 4.3).
pub const PODMAN: Dialect = Dialect {
    host_name: "host.containers.internal",
    adds_host: false,
    any_port: &["--sysctl", "net.ipv4.ip_unprivileged_port_start=0"],
    home: Home::Chowned,
    ..DOCKER
};

/// containerd's. Its builder never leaves a container behind, and knows no option about that.
pub const NERDCTL: Dialect = Dialect { build: &["build"], ..DOCKER };

/// Apple's `container` (its command reference and sources, 0.12 to 1.2.2): every container is in a virtual machine, and much of
/// Docker's command line is unknown. It takes no signal for the end of a container that stays, so one is named where it is ended.
pub const APPLE: Dialect = Dialect {
    host_name: "host.container.internal",
    adds_host: false,
    run: &[],
    harden: &[],
    stay: &[],
    any_port: &[],
    remove: &["delete", "--force"],
    stop: &["stop", "--signal", "SIGKILL", "--time", "0"],
    well: &["system", "status"],
    pull: &["image", "pull"],
    build: &["build"],
    rebuild: &["build"],
    forget: &["image", "delete"],
    // With its value alone, which can hold a password and would stand in the command line.
    builds_with_variables: false,
    // "container with id x already exists", and where two are made at once "hostname(s) already exist".
    taken: "already exist",
    tells: Tells::InJson,
    // What divides a mount's source from its target, a word of it from its value, and a label's name from its value.
    unsayable: &[':', '='],
    unlabelled: &['='],
    least_memory: 200 << 20,
    fetches: true,
    commits: false,
    has_doors: false,
    home: Home::Made,
    limits: LimitedBy::Machine,
};

impl Dialect {
    /// `template`, which asks for labels by Docker's `.Label`, as this engine takes it.
    pub(super) fn template(&self, template: &str) -> String {
        if *self == PODMAN { template.replace("(.Label ", "(index .Labels ") } else { template.to_owned() }
    }

    /// Whether this is Apple's.
    pub fn is_apple(&self) -> bool {
        *self == APPLE
    }

    /// Whether it can be told of this path.
    pub fn can_say(&self, path: &str) -> bool {
        !path.contains(self.unsayable)
    }

    /// Whether it can be told of a label with this value.
    pub fn can_label(&self, value: &str) -> bool {
        !value.contains(self.unlabelled)
    }

    /// Whether its containers can be kept from gaining privileges.
    pub fn hardens(&self) -> bool {
        !self.harden.is_empty()
    }

    /// Whether the agent's home is a folder that somebody has to make inside.
    pub fn makes_homes(&self) -> bool {
        self.home == Home::Made
    }

    /// Whether these words say that a container's name is taken.
    pub fn says_taken(&self, words: &str) -> bool {
        words.contains(self.taken)
    }
}

/// What containers call their host.
#[derive(Clone, Debug)]
pub struct HostName {
    /// The name.
    pub name: &'static str,
    /// Lists the names that have been set up, where this one has to be.
    pub known_by: Option<CommandSpec>,
    /// Sets it up, for people.
    pub named_by: CommandSpec,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_builder_is_told_what_it_knows() {
        let lines = |engine: Engine| {
            [engine.build_command(), engine.rebuild_command(), engine.forget_command()].map(|line| line.to_string())
        };
        for program in ["docker", "podman"] {
            let wanted = ["build --force-rm", "build --quiet", "rmi"].map(|words| format!("{program} {words}"));
            assert_eq!(lines(Engine::docker(program)), wanted);
        }
        let nerdctl = ["/n/nerdctl build", "/n/nerdctl build --quiet", "/n/nerdctl rmi"];
        assert_eq!(lines(Engine::docker("/n/nerdctl")), nerdctl);
        assert_eq!(lines(Engine::apple("container")), ["container build", "container build", "container image delete"]);
    }
}
