//! How far a batch has come: each attempt is written down before it begins, so that one that takes ringfence down with it counts
//! when the batch goes on.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::lines::{append, cut_half_line, from_start, hold, is_at, private_folder, sync_parent};

/// How every line begins.
const HEAD: &str = "{\"";

/// What is written down.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Entry {
    /// An attempt of this task is about to begin.
    Begun(String),
    /// An attempt of it is over, whatever came of it, and is accounted for elsewhere or does not count.
    Over(String),
}

/// The journal of one batch, held by one process at a time.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: File,
    /// How many attempts of each task began and were never over: ringfence died in them.
    lost: HashMap<String, u32>,
}

impl Journal {
    /// The journal at `path`, made where it is missing; absent while another process holds it.
    ///
    /// # Errors
    /// It cannot be made, read or written.
    pub fn open(path: &Path) -> io::Result<Option<Self>> {
        if let Some(folder) = path.parent() {
            private_folder(folder)?;
        }
        let mut file = loop {
            let file = OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(path)?;
            if !hold(&file)? {
                return Ok(None);
            }
            // Whoever held it may have removed it meanwhile.
            if is_at(&file, path)? {
                break file;
            }
        };
        sync_parent(path)?;
        cut_half_line(&file, HEAD)?;
        let mut lost: HashMap<String, u32> = HashMap::new();
        for line in from_start(&mut file)?.split(b'\n') {
            // A line that cannot be read is not ours, and says nothing about a task.
            match serde_json::from_slice(&line?) {
                Ok(Entry::Begun(id)) => *lost.entry(id).or_default() += 1,
                Ok(Entry::Over(id)) => {
                    lost.entry(id).and_modify(|count| *count = count.saturating_sub(1));
                }
                Err(_) => {}
            }
        }
        lost.retain(|_, count| *count > 0);
        Ok(Some(Journal { path: path.to_owned(), file, lost }))
    }

    /// How many attempts of `id` took ringfence down with them.
    pub fn lost(&self, id: &str) -> u32 {
        self.lost.get(id).copied().unwrap_or_default()
    }

    /// Writes down that an attempt of `id` is about to begin; when this returns it is on the disk.
    ///
    /// # Errors
    /// It cannot be written: the attempt must not begin.
    pub fn begin(&mut self, id: &str) -> io::Result<()> {
        self.write(&Entry::Begun(id.to_owned()))?;
        self.file.sync_data()
    }

    /// Writes down that `attempts` of `id` are over.
    ///
    /// # Errors
    /// It cannot be written: should ringfence run the task again they would count as lost.
    pub fn over(&mut self, id: &str, attempts: u32) -> io::Result<()> {
        (0..attempts).try_for_each(|_| self.write(&Entry::Over(id.to_owned())))
    }

    /// Removes the journal: the batch has come to its end.
    ///
    /// # Errors
    /// It cannot be removed.
    pub fn remove(&mut self) -> io::Result<()> {
        self.lost.clear();
        std::fs::remove_file(&self.path)?;
        sync_parent(&self.path)
    }

    fn write(&mut self, entry: &Entry) -> io::Result<()> {
        append(&mut self.file, HEAD, &serde_json::to_vec(entry)?)
    }
}

/// A short name for `bytes` that stays the same in every version (64-bit FNV-1a): for files that must be found again, no secret.
pub fn fingerprint(bytes: &[u8]) -> String {
    let hash = bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3));
    format!("{hash:016x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_began_and_was_never_over_is_counted() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("batches/x");
        let mut journal = Journal::open(&path).unwrap().unwrap();
        assert!(Journal::open(&path).unwrap().is_none(), "one process at a time");
        for id in ["a", "b", "b", "c"] {
            journal.begin(id).unwrap();
        }
        journal.over("a", 1).unwrap();
        drop(journal);
        io::Write::write_all(&mut OpenOptions::new().append(true).open(&path).unwrap(), b"{\"begun\":\"d").unwrap();
        let journal = Journal::open(&path).unwrap().unwrap();
        assert_eq!(["a", "b", "c", "d"].map(|id| journal.lost(id)), [0, 2, 1, 0]);
        let mut journal = journal;
        journal.remove().unwrap();
        assert!(!path.exists());
        assert!(Journal::open(&path).unwrap().is_some(), "the next one is not kept from it by one that is gone");
    }

    #[test]
    fn the_fingerprint_is_the_published_function() {
        // From the test vectors of FNV, http://www.isthe.com/chongo/tech/comp/fnv/.
        assert_eq!(fingerprint(b""), "cbf29ce484222325");
        assert_eq!(fingerprint(b"foobar"), "85944171f73967e8");
    }
}
