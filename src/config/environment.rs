//! The caller's environment as a value, so that a test can hand in its own.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

/// Variables, and the folders of the user that the system derives from them.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    variables: BTreeMap<String, OsString>,
    home: Option<PathBuf>,
    config_home: Option<PathBuf>,
    state_home: Option<PathBuf>,
}

impl Environment {
    /// The environment of this process. A variable whose name is not UTF-8 is left out: nothing here can name it.
    pub fn of_process() -> Self {
        let named = |(name, value): (OsString, OsString)| Some((name.into_string().ok()?, value));
        Environment {
            variables: std::env::vars_os().filter_map(named).collect(),
            home: dirs::home_dir(),
            config_home: dirs::config_dir(),
            state_home: dirs::state_dir().or_else(dirs::data_local_dir),
        }
    }

    /// An environment of these variables alone; its home is their `HOME`.
    #[cfg(test)]
    pub fn of<N: Into<String>, V: Into<OsString>>(variables: impl IntoIterator<Item = (N, V)>) -> Self {
        let variables: BTreeMap<String, OsString> =
            variables.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        let home = variables.get("HOME").filter(|home| !home.is_empty()).map(PathBuf::from);
        let below = |folder: &str| home.as_ref().map(|home| home.join(folder));
        Environment { config_home: below(".config"), state_home: below(".local/state"), home, variables }
    }

    /// The value of `name`, also an empty one.
    pub fn get(&self, name: &str) -> Option<&OsStr> {
        self.variables.get(name).map(OsString::as_os_str)
    }

    /// The value of `name` as text; an empty one counts as unset, as does one that is not UTF-8.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.get(name).and_then(OsStr::to_str).filter(|value| !value.is_empty())
    }

    /// The user's home folder.
    pub fn home(&self) -> Option<PathBuf> {
        self.home.clone()
    }

    /// The folder of `config.toml`: `RINGFENCE_CONFIG_DIR`, else `ringfence` in the user's config folder.
    pub fn config_dir(&self) -> Option<PathBuf> {
        self.folder("RINGFENCE_CONFIG_DIR", self.config_home.as_ref())
    }

    /// The folder of what is kept between runs: `RINGFENCE_STATE_DIR`, else `ringfence` in the user's state folder.
    pub fn state_dir(&self) -> Option<PathBuf> {
        self.folder("RINGFENCE_STATE_DIR", self.state_home.as_ref())
    }

    fn folder(&self, variable: &str, home: Option<&PathBuf>) -> Option<PathBuf> {
        match self.get(variable).filter(|value| !value.is_empty()) {
            Some(folder) => std::path::absolute(folder).ok(),
            None => home.map(|home| home.join("ringfence")),
        }
    }
}
