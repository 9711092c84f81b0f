//! Dead letters: tasks that failed for good, each in a file of its own until somebody deals with it.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::lines::{hold, is_at, private_folder, sync_parent};

/// How long a file that a crash left half done is kept.
const LEFTOVER: Duration = Duration::from_secs(24 * 3600);

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

    /// The folder itself.
    pub fn folder(&self) -> &Path {
        &self.0
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
        self.place(letter, &self.path(&letter.id)).map(drop)
    }

    /// Writes down what `letter` would be if this process were ended before [`Begun`] is dropped: then, and only then, it becomes
    /// a letter.
    ///
    /// # Errors
    /// As [`DeadLetters::put`]: the attempt must not begin.
    pub fn begin(&self, letter: &Letter) -> io::Result<Begun> {
        let path = self.0.join(format!(".{}-{}.begun", letter.run_id, letter.attempt));
        Ok(Begun { _held: self.place(letter, &path)?, path })
    }

    /// Writes `letter` to `path` by way of a file that only this process writes, and returns it, locked.
    fn place(&self, letter: &Letter, path: &Path) -> io::Result<File> {
        private_folder(&self.0)?;
        let new = self.0.join(format!(".{}.new", letter.id));
        let mut file = own(&new)?;
        let written = file.write_all(&serde_json::to_vec_pretty(letter)?).and_then(|()| file.write_all(b"\n"));
        written.and_then(|()| file.sync_all()).and_then(|()| fs::rename(&new, path)).inspect_err(|_| {
            let _ = fs::remove_file(&new);
        })?;
        sync_parent(path)?;
        Ok(file)
    }

    /// Makes letters of what processes had begun that are no more, and removes what they left half done.
    ///
    /// # Errors
    /// A letter cannot be written.
    fn adopt(&self) -> io::Result<()> {
        let Ok(entries) = fs::read_dir(&self.0) else { return Ok(()) };
        for entry in entries {
            let path = entry?.path();
            if path.extension().is_some_and(|kind| kind == "new") {
                let age = fs::metadata(&path).and_then(|metadata| metadata.modified()).map(|time| time.elapsed());
                if matches!(age, Ok(Ok(age)) if age > LEFTOVER) {
                    let _ = fs::remove_file(&path);
                }
            }
            if path.extension().is_none_or(|kind| kind != "begun") {
                continue;
            }
            // Gone meanwhile: its process has settled it, or another one has adopted it.
            let Ok(file) = File::open(&path) else { continue };
            match file.try_lock() {
                Ok(()) if is_at(&file, &path)? => {}
                Ok(()) | Err(TryLockError::WouldBlock) => continue,
                Err(TryLockError::Error(error)) => return Err(error),
            }
            let begun: Option<Letter> = serde_json::from_slice(&fs::read(&path)?).ok();
            let begun = begun.filter(|begun| is_id(&begun.id));
            let known = begun.as_ref().and_then(|begun| read(&self.path(&begun.id)).ok().flatten());
            // A letter that has counted this attempt says more about it.
            match begun.filter(|begun| known.is_none_or(|known| known.attempt < begun.attempt)) {
                Some(begun) => fs::rename(&path, self.path(&begun.id))?,
                None => fs::remove_file(&path)?,
            }
            sync_parent(&path)?;
        }
        Ok(())
    }

    /// The letter `id`; absent where there is none.
    ///
    /// # Errors
    /// It cannot be read, or is no letter.
    pub fn get(&self, id: &str) -> io::Result<Option<Letter>> {
        if !is_id(id) {
            return Ok(None);
        }
        self.adopt()?;
        read(&self.path(id))
    }

    /// The names of all letters, oldest run first.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn ids(&self) -> io::Result<Vec<String>> {
        self.adopt()?;
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
            Ok(()) => sync_parent(&self.path(id)).map(|()| true),
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
        // One that was replaced meanwhile is another replay's, or another failure's.
        Ok((hold(&file)? && is_at(&file, &self.path(id))?).then_some(file))
    }
}

/// An attempt that is being made, on the disk; forgotten when dropped.
#[derive(Debug)]
pub struct Begun {
    path: PathBuf,
    _held: File,
}

impl Begun {
    /// Leaves it on the disk, where it becomes a letter: nothing better could be written.
    pub fn keep(mut self) {
        self.path.clear();
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        // Should this fail the next one that looks makes a letter of it, unless there is one that says more.
        let _ = fs::remove_file(&self.path).and_then(|()| sync_parent(&self.path));
    }
}

/// Longest id, bytes: with what is put around it, it must fit into a file's name (255).
pub const LONGEST_ID: usize = 128;

/// Whether `id` can name a letter of a task: a file's name, and no hidden one. A letter's own name is the task's with a little more.
pub fn is_id(id: &str) -> bool {
    let short = id.len() <= LONGEST_ID + 32;
    short
        && !id.is_empty()
        && !id.starts_with('.')
        && id.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
}

fn read(path: &Path) -> io::Result<Option<Letter>> {
    match fs::read(path) {
        Ok(text) => Ok(Some(serde_json::from_slice(&text)?)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// The file at `path`, empty, and locked against every other process that would write it.
fn own(path: &Path) -> io::Result<File> {
    loop {
        let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path)?;
        file.lock()?;
        if is_at(&file, path)? {
            file.set_len(0)?;
            return Ok(file);
        }
    }
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
    fn what_was_begun_becomes_a_letter_once_its_process_is_gone() {
        let state = tempfile::tempdir().unwrap();
        let letters = DeadLetters::of(state.path());
        let begun = letters.begin(&Letter { attempt: 4, ..letter("a") }).unwrap();
        assert_eq!(letters.ids().unwrap(), Vec::<String>::new(), "it runs");
        drop(begun);
        assert_eq!(letters.ids().unwrap(), Vec::<String>::new(), "it was settled");
        for (known, found) in [(3, 4), (5, 5)] {
            letters.put(&Letter { attempt: known, message: "known".into(), ..letter("a") }).unwrap();
            let begun = letters.begin(&Letter { attempt: 4, ..letter("a") }).unwrap();
            assert_eq!(letters.get("a").unwrap().unwrap().attempt, known);
            // What a dead process leaves: the file, and no lock.
            fs::copy(&begun.path, state.path().join("dead-letters/.dead.begun")).unwrap();
            assert_eq!(letters.get("a").unwrap().unwrap().attempt, found);
            assert!(begun.path.exists(), "the other one lives");
        }
        assert_eq!(fs::read_dir(state.path().join("dead-letters")).unwrap().count(), 1);
    }

    #[test]
    fn two_writers_of_one_letter_leave_it_whole() {
        let state = tempfile::tempdir().unwrap();
        let letters = DeadLetters::of(state.path());
        std::thread::scope(|scope| {
            for size in [10, 100_000] {
                let letters = &letters;
                scope.spawn(move || {
                    let long = Letter { output_tail: "x".repeat(size), ..letter("a") };
                    (0..50).for_each(|_| letters.put(&long).unwrap());
                });
            }
        });
        assert!(letters.get("a").unwrap().is_some());
        assert_eq!(fs::read_dir(state.path().join("dead-letters")).unwrap().count(), 1);
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
