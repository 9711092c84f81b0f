//! Precedence: for every key the first of flag, variable, file and default, with where it was found.

use std::cell::RefCell;

use serde::Serialize;
use toml::Spanned;
use toml::de::DeValue;

use super::file::ConfigFile;
use super::read::{Complaint, Node, Place};
use super::values::Shown;
use super::{Environment, Flags, Origin, Setting, schema};
use crate::command::shell_word;
use crate::failure::{Class, Failure};

/// The variables that override a key; the first that is set wins. Those of the mode are in `mode`.
pub(super) const VARIABLES: [(&str, &str); 8] = [
    ("agent", "RINGFENCE_AGENT"),
    ("sandbox.image", "SANDBOX_DOCKER_IMAGE"),
    ("sandbox.network", "SANDBOX_DOCKER_NETWORK"),
    ("agents.claude.auth_dir", "CLAUDE_AUTH_DIR"),
    // Where Claude Code itself then keeps its login.
    ("agents.claude.auth_dir", "CLAUDE_CONFIG_DIR"),
    ("agents.claude.config_dir", "CLAUDE_CONFIG_DIR"),
    ("agents.codex.auth_dir", "CODEX_AUTH_DIR"),
    ("agents.codex.auth_dir", "CODEX_HOME"),
];

/// A key with its value in force, ready to be shown.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// The dotted key.
    pub key: String,
    /// The value: text, a number, a truth value or a list.
    pub value: serde_json::Value,
    /// Where it comes from.
    pub origin: String,
}

impl Row {
    /// A row for `setting`.
    ///
    /// # Errors
    /// Config (78): a variable that is not UTF-8.
    pub fn new<T: Shown>(key: String, setting: &Setting<T>) -> Self {
        Row { key, value: setting.value.shown(), origin: setting.origin.to_string() }
    }
}

struct Override {
    key: &'static str,
    text: String,
    origin: Origin,
}

/// Everything that has a say, and a record of what was decided.
pub struct Layers<'f> {
    file: Option<ConfigFile<'f>>,
    overrides: Vec<Override>,
    place: Place,
    rows: RefCell<Vec<Row>>,
}

impl<'f> Layers<'f> {
    /// The layers of one command.
    pub fn new(file: Option<ConfigFile<'f>>, flags: &Flags, env: &Environment) -> Result<Self, Failure> {
        let place = Place { home: env.home(), current: std::env::current_dir().ok(), preset: false };
        let mut overrides = Vec::new();
        let typed = [
            ("agent", "--agent", &flags.agent),
            ("sandbox.image", "--image", &flags.image),
            ("sandbox.network", "--network", &flags.network),
            ("sandbox.memory", "--memory", &flags.memory),
            ("sandbox.cpus", "--cpus", &flags.cpus),
            ("run.timeout", "--timeout", &flags.timeout),
            ("run.idle_timeout", "--idle-timeout", &flags.idle_timeout),
            ("run.grace", "--grace", &flags.grace),
            ("run.max_attempts", "--max-attempts", &flags.max_attempts),
        ];
        for (key, flag, text) in typed {
            let origin = Origin::Flag(flag.to_owned());
            overrides.extend(text.clone().map(|text| Override { key, text, origin }));
        }
        for (key, name) in VARIABLES {
            let origin = Origin::Variable(name.to_owned());
            overrides.extend(variable(env, name)?.map(|text| Override { key, text: text.to_owned(), origin }));
        }
        Ok(Layers { file, overrides, place, rows: RefCell::default() })
    }

    /// The value of `key` in force. What it overrides is read as well: a wrong value is never passed over.
    ///
    /// # Errors
    /// Usage (2) for a flag, config or `invalid_image` (78) for anything else.
    pub fn setting<T: Shown>(
        &self,
        key: &str,
        read: fn(&Node, &Place) -> Result<T, Complaint>,
    ) -> Result<Setting<T>, Failure> {
        let mut found = None;
        for Override { text, origin, .. } in self.overrides.iter().filter(|one| one.key == key) {
            let value =
                read_text(text, &self.place, read).map_err(|complaint| failure(complaint, origin, key, None))?;
            found.get_or_insert(Setting { value, origin: origin.clone() });
        }
        let in_file = || {
            let file = self.file.as_ref()?;
            let (node, origin) = file.get(key)?;
            Some(read(node, &file.place).map(|value| Setting { value, origin }))
        };
        let setting = match found {
            Some(setting) => setting,
            None => match in_file() {
                // The file was checked when it was read.
                Some(setting) => setting.map_err(|complaint| failure(complaint, &Origin::Default, key, None))?,
                None => self.preset(key, read)?,
            },
        };
        self.rows.borrow_mut().push(Row::new(key.to_owned(), &setting));
        Ok(setting)
    }

    fn preset<T>(&self, key: &str, read: fn(&Node, &Place) -> Result<T, Complaint>) -> Result<Setting<T>, Failure> {
        let default = schema::key(key).map(|key| key.default).unwrap_or_default();
        let place = Place { preset: true, ..self.place.clone() };
        let value = read_text(default, &place, read);
        let value = value.map_err(|complaint| failure(complaint, &Origin::Default, key, None))?;
        Ok(Setting { value, origin: Origin::Default })
    }

    /// Adds a repeatable flag's values to those of `setting`.
    ///
    /// # Errors
    /// Usage (2).
    pub fn append<T: Shown>(
        &self,
        key: &str,
        setting: &mut Setting<Vec<T>>,
        flag: &str,
        texts: &[String],
        read: fn(&Node, &Place) -> Result<Vec<T>, Complaint>,
    ) -> Result<(), Failure> {
        let origin = Origin::Flag(flag.to_owned());
        for text in texts {
            let mut list = toml::de::DeArray::default();
            list.push(string(text));
            let node = Spanned::new(0..text.len(), DeValue::Array(list));
            let more = read(&node, &self.place).map_err(|complaint| failure(complaint, &origin, key, None))?;
            setting.value.extend(more);
            setting.origin = origin.clone();
        }
        if let Some(row) = self.rows.borrow_mut().iter_mut().find(|row| row.key == key) {
            *row = Row::new(key.to_owned(), setting);
        }
        Ok(())
    }

    #[cfg(test)]
    pub fn overridden(&self) -> impl Iterator<Item = &'static str> {
        self.overrides.iter().map(|one| one.key)
    }

    /// What was decided, in the order of the decisions.
    pub fn into_rows(self) -> Vec<Row> {
        self.rows.into_inner()
    }
}

/// The value of a variable; an empty one counts as unset, one that is not UTF-8 is an error.
///
/// # Errors
/// Config (78): it is not UTF-8.
pub fn variable<'e>(env: &'e Environment, name: &str) -> Result<Option<&'e str>, Failure> {
    match env.get(name).filter(|value| !value.is_empty()) {
        None => Ok(None),
        Some(value) => value.to_str().map(Some).ok_or_else(|| {
            Failure::config(
                format!("${name}: {} is not UTF-8", value.display()),
                format!("to drop it, type: unset {name}"),
            )
        }),
    }
}

fn string(text: &str) -> Node<'_> {
    Spanned::new(0..text.len(), DeValue::String(text.into()))
}

/// A bare text (of a flag, a variable, a default): itself, or where the key wants something else, the TOML value it is.
fn read_text<T>(text: &str, place: &Place, read: fn(&Node, &Place) -> Result<T, Complaint>) -> Result<T, Complaint> {
    let first = match read(&string(text), place) {
        Err(complaint) if complaint.mismatch => complaint,
        result => return result,
    };
    match DeValue::parse(text) {
        Ok(node) if !node.get_ref().is_str() => read(&node, place),
        _ => Err(first),
    }
}

/// What a complaint about `key` means to the caller, depending on where the value stands.
pub fn failure(complaint: Complaint, origin: &Origin, key: &str, config: Option<&std::path::Path>) -> Failure {
    let Complaint { problem, takes, example, class, .. } = complaint;
    let typed = shell_word(example.as_ref());
    let config = config.map_or(String::new(), |path| format!("--config {} ", shell_word(path.as_os_str())));
    let set = format!("ringfence {config}sandbox set {key} {typed}");
    match origin {
        Origin::Default => Failure::new(class, format!("{key}: {problem}"), format!("it takes {takes}; type: {set}")),
        Origin::File { path, line } => {
            let message = format!("{}:{line}: {key}: {problem}", path.display());
            Failure::new(class, message, format!("it takes {takes}; to change it, type: {set}"))
        }
        Origin::Variable(name) => {
            let hint = format!("it takes {takes}; type: export {name}={typed} (or: unset {name})");
            Failure::new(class, format!("${name}: {problem}"), hint)
        }
        Origin::Flag(flag) => {
            let class = if class == Class::InvalidImage { class } else { Class::Usage };
            // Lists are repeatable flags: the example is one of their items.
            let one = example.trim_start_matches("[\"").split('"').next().unwrap_or_default();
            let hint = format!("it takes {takes}; type: {flag} {}", shell_word(one.as_ref()));
            Failure::new(class, format!("{flag}: {problem}"), hint)
        }
    }
}
