//! Dead letters: tasks that failed for good, each in a file of its own until somebody deals with it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::lines::{hold, private_folder};

/// The schema that a letter names.
pub const SCHEMA: &str = "ringfence.dead-letter/1";

/// A task that failed for good. The field names are part of the contract.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Letter {
    /// [`SCHEMA`].
    pub schema: String,
    /// Names the letter; a task of a batch keeps its letter's name however often it fails.
    pub id: String,
    /// When it failed last, RFC 3339.
    pub failed_at: String,
    /// When it was first begun, RFC 3339.
    pub first_seen_at: String,
    /// How it failed.
    pub class: String,
    /// In one line.
    pub message: String,
    /// How many attempts were made.
    pub attempt: u32,
    /// How many were allowed.
    pub max_attempts: u32,
    /// The run that failed last.
    pub run_id: String,
    /// The task.
    pub task: String,
    /// The agent that it was for.
    pub agent: String,
    /// Where it ran.
    pub mode: String,
    /// The workspace on the host.
    pub workspace: String,
    /// The further options of `ringfence run`, then `--` and the agent's own arguments.
    pub args: Vec<String>,
    /// The end of what the agent said.
    pub output_tail: String,
}

/// A folder of letters.
#[derive(Clone, Debug)]
pub struct DeadLetters(PathBuf);

impl DeadLetters {
    /// The letters in this state folder.
    pub fn of(state: &Path) -> Self {
        DeadLetters(state.join("dead-letters"))
    }

    /// Where the letter `id` is.
    pub fn path(&self, id: &str) -> PathBuf {
        self.0.join(format!("{id}.json"))
    }

    /// Writes `letter`, in place of an earlier one of its name: after a crash at any moment one of the two is there, whole.
    ///
    /// # Errors
    /// The disk is full, or the folder cannot be written.
    pub fn put(&self, letter: &Letter) -> io::Result<()> {
        private_folder(&self.0)?;
        let new = self.0.join(format!(".{}.new", letter.id));
        let written = write(&new, &serde_json::to_vec_pretty(letter)?);
        written.and_then(|()| fs::rename(&new, self.path(&letter.id))).inspect_err(|_| {
            let _ = fs::remove_file(&new);
        })?;
        File::open(&self.0)?.sync_all()
    }

    /// The letter `id`; absent where there is none.
    ///
    /// # Errors
    /// It cannot be read, or is no letter.
    pub fn get(&self, id: &str) -> io::Result<Option<Letter>> {
        if !is_id(id) {
            return Ok(None);
        }
        match fs::read(self.path(id)) {
            Ok(text) => Ok(Some(serde_json::from_slice(&text)?)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The names of all letters, oldest run first.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn ids(&self) -> io::Result<Vec<String>> {
        let entries = match fs::read_dir(&self.0) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut ids = Vec::new();
        for entry in entries {
            let name = entry?.file_name().to_string_lossy().into_owned();
            ids.extend(name.strip_suffix(".json").filter(|id| is_id(id)).map(str::to_owned));
        }
        ids.sort();
        Ok(ids)
    }

    /// Removes the letter `id`. Whether there was one.
    ///
    /// # Errors
    /// It cannot be removed.
    pub fn remove(&self, id: &str) -> io::Result<bool> {
        match fs::remove_file(self.path(id)) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Holds the letter `id` for a replay, until the result is dropped; absent while another process holds it, or where there is
    /// none.
    ///
    /// # Errors
    /// It cannot be opened.
    pub fn hold(&self, id: &str) -> io::Result<Option<File>> {
        let file = match File::open(self.path(id)) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        Ok(hold(&file)?.then_some(file))
    }
}

/// Whether `id` can name a letter: a file's name, and no hidden one.
pub fn is_id(id: &str) -> bool {
    !id.is_empty() && !id.starts_with('.') && id.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
}

fn write(path: &Path, text: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(text)?;
    file.write_all(b"\n")?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn letter(id: &str) -> Letter {
        Letter {
            schema: SCHEMA.into(),
            id: id.into(),
            failed_at: "2026-11-21T04:00:00.000Z".into(),
            first_seen_at: "2026-11-21T03:00:00.000Z".into(),
            class: "overloaded".into(),
            message: "529".into(),
            attempt: 3,
            max_attempts: 3,
            run_id: "r".into(),
            task: "do it".into(),
            agent: "claude".into(),
            mode: "docker".into(),
            workspace: "/w".into(),
            args: vec!["--".into(), "-x".into()],
            output_tail: String::new(),
        }
    }

    #[test]
    fn a_letter_is_kept_whole_and_private_until_it_is_removed() {
        let state = tempfile::tempdir().unwrap();
        let letters = DeadLetters::of(state.path());
        assert_eq!(letters.ids().unwrap(), Vec::<String>::new());
        letters.put(&letter("a")).unwrap();
        letters.put(&Letter { attempt: 6, ..letter("a") }).unwrap();
        letters.put(&letter("b")).unwrap();
        fs::write(state.path().join("dead-letters/.c.new"), "{").unwrap();
        assert_eq!(letters.ids().unwrap(), ["a", "b"], "what a crash left half done is no letter");
        assert_eq!(letters.get("a").unwrap(), Some(Letter { attempt: 6, ..letter("a") }));
        assert_eq!(fs::metadata(letters.path("a")).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(letters.remove("a").unwrap() && !letters.remove("a").unwrap());
        assert_eq!(letters.get("a").unwrap(), None);
        assert_eq!(letters.get("../dead-letters/b").unwrap(), None);
    }

    #[test]
    fn one_replay_at_a_time() {
        let state = tempfile::tempdir().unwrap();
        let letters = DeadLetters::of(state.path());
        letters.put(&letter("a")).unwrap();
        let held = letters.hold("a").unwrap();
        assert!(held.is_some() && letters.hold("a").unwrap().is_none());
        drop(held);
        assert!(letters.hold("a").unwrap().is_some() && letters.hold("b").unwrap().is_none());
    }
}
