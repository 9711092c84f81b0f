//! The types of configured values: what each can be, and how it is written.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use serde::{Serialize, Serializer};

use super::host::HostRule;

/// Where an agent runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// A child process of the caller.
    Host,
    /// A throwaway container of a Docker-compatible engine.
    Docker,
    /// A throwaway container of Apple's `container`.
    Apple,
}

/// How a container gets the workspace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handover {
    /// Mounted, unless the engine's address is another machine's.
    Auto,
    /// Mounted.
    Mount,
    /// Copied in, and the changes copied back.
    Copy,
}

/// Which agent runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AgentName {
    /// Claude Code.
    Claude,
    /// `OpenAI` Codex.
    Codex,
    /// opencode.
    Opencode,
    /// The task is a shell script.
    Shell,
}

/// The names of an enum, written once.
macro_rules! named {
    ($type:ident { $($variant:ident = $name:literal),* }) => {
        impl $type {
            /// Every one, in the order in which they are shown.
            pub const ALL: &'static [$type] = &[$($type::$variant),*];

            /// The name, as typed and as shown.
            pub const fn as_str(self) -> &'static str {
                match self { $($type::$variant => $name),* }
            }
        }

        impl FromStr for $type {
            type Err = ();

            fn from_str(text: &str) -> Result<Self, ()> {
                Self::ALL.iter().copied().find(|one| one.as_str() == text).ok_or(())
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }
    };
}

named!(Mode { Host = "host", Docker = "docker", Apple = "apple" });
named!(Handover { Auto = "auto", Mount = "mount", Copy = "copy" });
named!(AgentName { Claude = "claude", Codex = "codex", Opencode = "opencode", Shell = "shell" });

impl AgentName {
    /// Those that stand for a model: they need a login, and an image has them.
    pub const MODELS: [AgentName; 3] = [AgentName::Claude, AgentName::Codex, AgentName::Opencode];

    /// Whether it is one of [`AgentName::MODELS`].
    pub const fn is_model(self) -> bool {
        !matches!(self, AgentName::Shell)
    }
}

impl Mode {
    /// Every name.
    pub fn names() -> impl Iterator<Item = &'static str> {
        Self::ALL.iter().map(|mode| mode.as_str())
    }

    /// Whether this mode fences the agent in.
    pub const fn is_container(self) -> bool {
        !matches!(self, Mode::Host)
    }
}

/// A number of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size(pub u64);

impl Size {
    /// The number of bytes.
    pub const fn bytes(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = [(40, "t"), (30, "g"), (20, "m"), (10, "k")];
        let whole = units.into_iter().find(|(shift, _)| self.0 > 0 && self.0.trailing_zeros() >= *shift);
        match whole {
            Some((shift, unit)) => write!(f, "{}{unit}", self.0 >> shift),
            None => write!(f, "{}", self.0),
        }
    }
}

/// The agent's working directory inside a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Workdir {
    /// The workspace has the path that it has on the host.
    Same,
    /// The workspace is at this absolute path.
    At(PathBuf),
}

/// A folder or file of the host that a container gets besides the workspace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// The absolute path on the host; whether it exists is known at run time only.
    pub source: PathBuf,
    /// The absolute path in the container.
    pub target: PathBuf,
    /// Whether the container can only read it.
    pub read_only: bool,
}

impl fmt::Display for Mount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.source.display())?;
        if self.source != self.target {
            write!(f, ":{}", self.target.display())?;
        }
        f.write_str(if self.read_only { ":ro" } else { "" })
    }
}

/// How a value of this type is shown: text, a number, a truth value or a list of these.
pub trait Shown {
    /// The value as JSON; text is in the form that the configuration takes.
    fn shown(&self) -> serde_json::Value;
}

/// A duration in the form that the configuration takes, such as `1h30m`.
pub fn duration_text(duration: Duration) -> String {
    let (seconds, millis) = (duration.as_secs(), duration.subsec_millis());
    let parts = [(seconds / 3600, "h"), (seconds / 60 % 60, "m"), (seconds % 60, "s"), (u64::from(millis), "ms")];
    let parts = parts.iter().filter(|(n, _)| *n > 0);
    let text = parts.fold(String::new(), |text, (n, unit)| text + &n.to_string() + unit);
    if text.is_empty() { "0".to_owned() } else { text }
}

macro_rules! shown {
    ($($type:ty: $value:ident => $json:expr;)*) => {
        $(impl Shown for $type {
            fn shown(&self) -> serde_json::Value {
                let $value = self;
                $json.into()
            }
        })*
    };
}

shown! {
    Mode: mode => mode.as_str();
    Handover: way => way.as_str();
    AgentName: agent => agent.as_str();
    Duration: duration => duration_text(*duration);
    Size: size => size.to_string();
    PathBuf: path => path.display().to_string();
    Mount: mount => mount.to_string();
    HostRule: rule => rule.to_string();
    String: text => text.as_str();
    bool: on => *on;
    u32: number => *number;
    usize: number => *number;
    f64: number => *number;
}

impl Shown for Workdir {
    fn shown(&self) -> serde_json::Value {
        match self {
            Workdir::Same => "same".into(),
            Workdir::At(path) => path.shown(),
        }
    }
}

impl Shown for Option<Duration> {
    fn shown(&self) -> serde_json::Value {
        self.unwrap_or_default().shown()
    }
}

impl Shown for Option<Mode> {
    fn shown(&self) -> serde_json::Value {
        self.as_ref().map_or(serde_json::Value::Null, Shown::shown)
    }
}

impl<T: Shown> Shown for Vec<T> {
    fn shown(&self) -> serde_json::Value {
        self.iter().map(Shown::shown).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_shown_as_they_are_typed() {
        let sizes = [4 << 30, 512 << 20, 16 << 20, 1024, 1000, 0].map(|bytes| Size(bytes).to_string());
        assert_eq!(sizes, ["4g", "512m", "16m", "1k", "1000", "0"]);
        let durations = [1_800_000, 5_400_000, 90_000, 500, 0].map(|ms| duration_text(Duration::from_millis(ms)));
        assert_eq!(durations, ["30m", "1h30m", "1m30s", "500ms", "0"]);
    }
}
