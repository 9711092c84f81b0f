//! The words by which engines and their clients tell what is wrong.

/// What keeps an engine from making or starting a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// It is there, but not for this user.
    Permission,
    /// Its client does not know where it is.
    Address,
    /// It does not answer.
    Unreachable,
    /// The image's name is no name.
    ImageName,
    /// The image is not there.
    ImageMissing,
    /// The network is not.
    NetworkMissing,
    /// The image is made for another one.
    Processor,
    /// The image has no shell, or not its tools.
    NoShell,
    /// It lacks an option.
    TooOld,
    /// Podman behind the name `docker`.
    Podman,
    /// A folder cannot be mounted.
    Mount,
}

/// What words mean, in the order in which they are looked for: one of each list must be there. In lower case.
const WORDS: &[(Trouble, &[&[&str]])] = &[
    (Trouble::Permission, &[&["permission denied while trying to connect", "connect: permission denied"]]),
    (
        Trouble::Address,
        &[&[
            // Podman's.
            "is not a supported schema",
            "unable to resolve docker endpoint",
            "invalid bind address format",
            "unable to parse docker host",
            "ssh host connection is not valid",
        ]],
    ),
    (Trouble::Address, &[&["context \""], &["not found"]]),
    (
        Trouble::Unreachable,
        &[&[
            // Apple's.
            "apiserver is not running",
            "xpc connection error",
            "cannot connect to the docker daemon",
            "failed to connect to the docker api",
            "cannot connect to podman",
            "error during connect",
            "connection refused",
            "is the docker daemon running",
            "unable to connect to podman",
            "no such host",
        ]],
    ),
    (Trouble::ImageName, &[&["repository name must be lowercase", "invalid reference format"]]),
    (
        Trouble::ImageMissing,
        &[&[
            "no such image",
            "image not known",
            "unable to find image",
            "no such object",
            "image not present",
            "image not found",
        ]],
    ),
    (Trouble::NetworkMissing, &[&["network"], &["not found", "no such network", "unable to find network"]]),
    (Trouble::Processor, &[&["exec format error"]]),
    (
        Trouble::NoShell,
        &[&[
            "\"sh\": executable file not found",
            "exec: \"sh\"",
            "executable file `sh` not found",
            "stat sh: no such",
            // The init process's words: with `--init` it is what looks for the shell (docker-init, catatonit).
            "exec sh failed",
            "failed to exec pid1",
            // The shell's own.
            "head: not found",
            "head: command not found",
            "exec sleep failed",
        ]],
    ),
    (Trouble::TooOld, &[&["unknown flag: ", "unknown shorthand flag: ", "unknown option '--"]]),
    (Trouble::Podman, &[&["unknown mount option \"uid=", "invalid ip address in add-host"]]),
    (
        Trouble::Mount,
        &[&[
            "bind source path does not exist",
            "no such file or directory: unknown",
            "invalid mount config",
            "duplicate mount point",
            // Podman's words.
            "to rootfs at",
            "error: statfs ",
        ]],
    ),
];

impl Trouble {
    /// What `text`, an engine's standard error, tells of, where it tells of one of them.
    pub(super) fn of(text: &str) -> Option<Self> {
        let lower = text.to_lowercase();
        let says = |parts: &&[&str]| parts.iter().any(|part| lower.contains(part));
        WORDS.iter().find(|(_, all)| all.iter().all(says)).map(|(trouble, _)| *trouble)
    }
}

/// The lines that say something: without the usage reminder that Docker's client adds.
pub(super) fn last_words(text: &str) -> String {
    let lines: Vec<&str> = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with("See '") && !line.starts_with("Run '"))
        .collect();
    lines[lines.len().saturating_sub(4)..].join("; ")
}
