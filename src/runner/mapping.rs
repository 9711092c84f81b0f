//! Who the agent is inside, so that its files come out owned by the caller.

use std::path::Path;

use super::dialect::{Dialect, PODMAN};
use super::endpoint;

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
    /// The files are copies, on a volume that is root's: what comes back is the caller's. Root has no capability there.
    Copied,
    /// Podman run by the caller: it can keep the caller's numbers inside.
    KeepId {
        /// User id.
        uid: u32,
        /// Group id.
        gid: u32,
    },
}

impl Mapping {
    /// How the caller's engine maps the caller, as far as that shows without asking it: an engine whose address is in the caller's
    /// own runtime folder is the caller's, and so is Podman without an address. `variable` is the caller's environment, `home` their
    /// home folder.
    pub fn of_caller(dialect: &Dialect, variable: impl Fn(&str) -> Option<String>, home: Option<&Path>) -> Self {
        let uid = rustix::process::geteuid().as_raw();
        let gid = rustix::process::getegid().as_raw();
        if uid == 0 {
            return Mapping::Same { uid, gid };
        }
        let folders = [Some(format!("/run/user/{uid}")), variable("XDG_RUNTIME_DIR")];
        let own = |address: &str| {
            let path = address.strip_prefix("unix://").map(Path::new);
            path.is_some_and(|path| folders.iter().flatten().any(|folder| path.starts_with(folder)))
        };
        let address = endpoint::address(dialect, variable, home);
        match address.as_deref() {
            None if *dialect == PODMAN => Mapping::KeepId { uid, gid },
            Some(address) if own(address) && *dialect == PODMAN => Mapping::KeepId { uid, gid },
            Some(address) if own(address) => Mapping::RootIsCaller,
            _ => Mapping::Same { uid, gid },
        }
    }

    /// The ids inside.
    pub(super) fn ids(self) -> (u32, u32) {
        match self {
            Mapping::Same { uid, gid } | Mapping::KeepId { uid, gid } => (uid, gid),
            Mapping::RootIsCaller | Mapping::Copied => (0, 0),
        }
    }

    /// Whether the agent is root inside.
    pub fn is_root(self) -> bool {
        self.ids().0 == 0
    }
}
