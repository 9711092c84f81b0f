//! How a command can end: one class per kind of ending, and the exit code each class has.

use std::env;
use std::error::Error;
use std::fmt;
use std::io;
use std::time::Duration;

use serde::{Serialize, Serializer};

use crate::command::shell_word;

/// How a command ended. The names and the exit codes are part of the contract with scripts and never change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// It worked.
    Ok,
    /// The agent ran and failed.
    AgentFailed,
    /// The container's memory limit was reached.
    Oom,
    /// The command line cannot be carried out as typed.
    Usage,
    /// No container engine answered.
    DaemonUnreachable,
    /// The engine is there, but not for this user.
    DaemonPermission,
    /// The image is not on this engine.
    ImageMissing,
    /// A program that was to be started is not installed.
    CliMissing,
    /// The container network does not exist.
    NetworkMissing,
    /// The warm sandbox does not exist.
    SandboxMissing,
    /// A defect of ringfence itself, or of the machine under it.
    Internal,
    /// The model API asked for patience (429).
    RateLimited,
    /// The model API is overloaded or broken (5xx).
    Overloaded,
    /// The model API could not be reached.
    Network,
    /// The container engine failed in a way that may pass.
    Engine,
    /// No usable credential was found.
    AuthMissing,
    /// The credential's time is over.
    AuthExpired,
    /// The model API refused the credential (401, 403).
    AuthRejected,
    /// The account has no credit left.
    QuotaExhausted,
    /// The configuration is wrong.
    Config,
    /// The image reference is illegal, or the image cannot carry a run.
    InvalidImage,
    /// A variable that must be set is not.
    EnvMissing,
    /// The wall clock limit was reached.
    Timeout,
    /// The agent was silent for too long.
    IdleTimeout,
    /// A signal ended it; the number is the signal's.
    Interrupted(i32),
}

/// Whether the same task may succeed when it is run again later, unchanged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Retry {
    No,
    Later,
}

impl Class {
    /// Every class that has a fixed exit code, in the order of the codes (for documentation and tests).
    pub const ALL: [Class; 24] = [
        Class::Ok,
        Class::AgentFailed,
        Class::Oom,
        Class::Usage,
        Class::DaemonUnreachable,
        Class::DaemonPermission,
        Class::ImageMissing,
        Class::CliMissing,
        Class::NetworkMissing,
        Class::SandboxMissing,
        Class::Internal,
        Class::RateLimited,
        Class::Overloaded,
        Class::Network,
        Class::Engine,
        Class::AuthMissing,
        Class::AuthExpired,
        Class::AuthRejected,
        Class::QuotaExhausted,
        Class::Config,
        Class::InvalidImage,
        Class::EnvMissing,
        Class::Timeout,
        Class::IdleTimeout,
    ];

    /// The one table: name, exit code, retry. Codes from 64 up follow BSD's `sysexits.h`; 124 is `timeout(1)`'s, 128 + n the shell's.
    const fn row(self) -> (&'static str, i32, Retry) {
        match self {
            Class::Ok => ("ok", 0, Retry::No),
            Class::AgentFailed => ("agent_failed", 1, Retry::No),
            Class::Oom => ("oom", 1, Retry::No),
            Class::Usage => ("usage", 2, Retry::No),
            Class::DaemonUnreachable => ("daemon_unreachable", 69, Retry::No),
            Class::DaemonPermission => ("daemon_permission", 69, Retry::No),
            Class::ImageMissing => ("image_missing", 69, Retry::No),
            Class::CliMissing => ("cli_missing", 69, Retry::No),
            Class::NetworkMissing => ("network_missing", 69, Retry::No),
            Class::SandboxMissing => ("sandbox_missing", 69, Retry::No),
            Class::Internal => ("internal", 70, Retry::No),
            Class::RateLimited => ("rate_limited", 75, Retry::Later),
            Class::Overloaded => ("overloaded", 75, Retry::Later),
            Class::Network => ("network", 75, Retry::Later),
            Class::Engine => ("engine", 75, Retry::Later),
            Class::AuthMissing => ("auth_missing", 77, Retry::No),
            Class::AuthExpired => ("auth_expired", 77, Retry::No),
            Class::AuthRejected => ("auth_rejected", 77, Retry::No),
            Class::QuotaExhausted => ("quota_exhausted", 77, Retry::No),
            Class::Config => ("config", 78, Retry::No),
            Class::InvalidImage => ("invalid_image", 78, Retry::No),
            Class::EnvMissing => ("env_missing", 78, Retry::No),
            Class::Timeout => ("timeout", 124, Retry::No),
            Class::IdleTimeout => ("idle_timeout", 124, Retry::No),
            Class::Interrupted(signal) => ("interrupted", 128 + signal, Retry::No),
        }
    }

    /// The name in JSON.
    pub const fn name(self) -> &'static str {
        self.row().0
    }

    /// The exit code of the process.
    pub const fn exit_code(self) -> i32 {
        self.row().1
    }

    /// Whether the same task may succeed when it is run again later, unchanged.
    pub const fn retryable(self) -> bool {
        matches!(self.row().2, Retry::Later)
    }
}

impl Serialize for Class {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// The one typed error: what went wrong, why, and what to type instead. Everything else that reaches `main` is a defect.
#[derive(Clone, Debug)]
pub struct Failure {
    /// What kind of ending this is.
    pub class: Class,
    /// What went wrong, in one line, with the offending value.
    pub message: String,
    /// The underlying words of the engine, the agent or the system, if there are any.
    pub cause: Option<String>,
    /// What to type or change; for people, so never empty in an error that they see.
    pub hint: String,
    /// How long the server asked to wait.
    pub retry_after: Option<Duration>,
}

impl Failure {
    /// A failure of `class`, with its message and the command or change that mends it.
    pub fn new(class: Class, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Failure { class, message: message.into(), cause: None, hint: hint.into(), retry_after: None }
    }

    /// The same failure with the underlying words, in one line.
    #[must_use]
    pub fn because(mut self, cause: impl Into<String>) -> Self {
        let cause = cause.into();
        let lines: Vec<&str> = cause.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        self.cause = (!lines.is_empty()).then(|| lines.join("; "));
        self
    }

    /// Its message and the underlying words, in one line.
    pub fn whole(&self) -> String {
        self.cause.as_ref().map_or_else(|| self.message.clone(), |cause| format!("{}: {cause}", self.message))
    }

    /// A wrong command line.
    pub fn usage(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Failure::new(Class::Usage, message, hint)
    }

    /// A wrong configuration.
    pub fn config(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Failure::new(Class::Config, message, hint)
    }

    /// That nothing can be made in the folder for temporary files, which the caller's environment names.
    pub fn no_temporary(error: &io::Error) -> Self {
        let folder = env::temp_dir();
        let shown = folder.display();
        let failure = match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Failure::new(
                Class::Internal,
                format!("there is no room in the folder for temporary files, {shown}"),
                "make room there, or name another folder: TMPDIR=DIR",
            ),
            io::ErrorKind::NotFound
            | io::ErrorKind::NotADirectory
            | io::ErrorKind::PermissionDenied
            | io::ErrorKind::ReadOnlyFilesystem => Failure::config(
                format!("the folder for temporary files, {shown}, cannot be used"),
                format!(
                    "mkdir -p {}, or name a folder that you can write to: TMPDIR=/tmp",
                    shell_word(folder.as_os_str())
                ),
            ),
            _ => Failure::new(
                Class::Internal,
                format!("nothing can be made in the folder for temporary files, {shown}"),
                "mend what the system says, or name a folder on another disk: TMPDIR=DIR",
            ),
        };
        failure.because(error.to_string())
    }

    /// The end by a signal to us: nothing is wrong, and nothing to be mended.
    pub fn interrupted(signal: i32, message: impl Into<String>) -> Self {
        Failure::new(Class::Interrupted(signal), message, "run it again when you want it to go on")
    }

    /// The typed leaf of `error`, or, for an error that nobody classified, an internal failure with its whole chain.
    pub fn of(error: &anyhow::Error) -> Failure {
        if let Some(failure) = error.downcast_ref::<Failure>() {
            return failure.clone();
        }
        let hint = "run it again with --verbose; if it stays, please report it with that output";
        let chain: Vec<String> = error.chain().skip(1).map(ToString::to_string).collect();
        Failure::new(Class::Internal, error.to_string(), hint).because(chain.join(": "))
    }

    /// Whether `error` stands for a failure of this class.
    pub fn is(error: &anyhow::Error, class: Class) -> bool {
        Failure::of(error).class == class
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for Failure {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_transient_classes_are_retryable() {
        for class in Class::ALL {
            assert_eq!(class.retryable(), class.exit_code() == 75, "{}", class.name());
        }
        assert_eq!(Class::Interrupted(2).exit_code(), 130);
    }

    #[test]
    fn only_a_folder_that_is_no_good_is_a_wrong_configuration() {
        use rustix::io::Errno;
        for (error, class) in [
            (Errno::NOENT, Class::Config),
            (Errno::ROFS, Class::Config),
            (Errno::NOSPC, Class::Internal),
            (Errno::MFILE, Class::Internal),
            (Errno::IO, Class::Internal),
        ] {
            let failure = Failure::no_temporary(&error.into());
            assert!(failure.class == class && failure.hint.contains("TMPDIR"), "{error:?}: {failure:?}");
            assert_eq!(failure.hint.contains("mkdir"), class == Class::Config, "{error:?}: {failure:?}");
        }
    }

    #[test]
    fn an_unclassified_error_is_internal_and_keeps_its_chain() {
        let error = anyhow::anyhow!("disk on fire").context("writing the state");
        let failure = Failure::of(&error);
        assert_eq!(failure.class, Class::Internal);
        assert_eq!(failure.message, "writing the state");
        assert_eq!(failure.cause.as_deref(), Some("disk on fire"));
        let typed = anyhow::Error::new(Failure::usage("two tasks", "give one")).context("reading the task");
        assert_eq!(Failure::of(&typed).class, Class::Usage);
    }
}
