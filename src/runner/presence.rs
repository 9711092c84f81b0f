//! Who is in a warm sandbox: every run holds a locked file, and the kernel lets go of it however the run ends.

use std::collections::BTreeMap;
use std::fs::{self, File, TryLockError};
use std::io::Write;
use std::path::{Path, PathBuf};

/// A run that is in a sandbox, until it is dropped.
#[derive(Debug)]
pub struct Present {
    path: PathBuf,
    _locked: File,
}

impl Present {
    /// Whether somebody said that the sandbox ends, and means it.
    pub fn was_told(&self) -> bool {
        fs::metadata(&self.path).is_ok_and(|file| file.len() > 0)
    }
}

/// Says to the runs in a sandbox that it is about to end, and that nothing is to start it again for them.
pub fn tell(state: &Path, sandbox: &str) {
    for file in fs::read_dir(runs(state).join(sandbox)).into_iter().flatten().flatten() {
        // What cannot be written to is nobody's.
        let _ = fs::OpenOptions::new().append(true).open(file.path()).and_then(|mut file| file.write_all(b"ends\n"));
    }
}

impl Drop for Present {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
        // Only the last one's succeeds.
        let _ = self.path.parent().map(fs::remove_dir);
    }
}

/// Notes below `state` that a run is in a sandbox. Where that cannot be written, it is only not counted.
pub fn announce(state: Option<&Path>, sandbox: &str, run_id: &str) -> Option<Present> {
    let folder = runs(state?).join(sandbox);
    // Somebody who leaves may take the folder away in between.
    (0..10).find_map(|_| announce_in(&folder, run_id))
}

fn announce_in(folder: &Path, run_id: &str) -> Option<Present> {
    fs::create_dir_all(folder).ok()?;
    // Locked before it has its name: a file without a lock is one whose run is over.
    let (early, path) = (folder.join(format!(".{run_id}")), folder.join(run_id));
    let locked = File::create(&early).ok()?;
    locked.lock().ok()?;
    fs::rename(&early, &path).ok()?;
    Some(Present { path, _locked: locked })
}

/// How many runs are in each sandbox. What runs left that were killed is cleared away.
pub fn count(state: &Path) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for folder in fs::read_dir(runs(state)).into_iter().flatten().flatten() {
        let sandbox = folder.file_name().to_string_lossy().into_owned();
        let files = fs::read_dir(folder.path()).into_iter().flatten().flatten();
        let named = files.filter(|file| !file.file_name().as_encoded_bytes().starts_with(b"."));
        let present = named.filter(|file| is_held(&file.path())).count();
        if present > 0 {
            counts.insert(sandbox, present);
        }
    }
    counts
}

fn runs(state: &Path) -> PathBuf {
    state.join("runs")
}

fn is_held(path: &Path) -> bool {
    let Ok(file) = File::open(path) else { return false };
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => true,
        Err(TryLockError::Error(_)) => false,
        Ok(()) => {
            let _ = fs::remove_file(path);
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_there_is_counted_and_who_died_is_not() {
        let state = tempfile::tempdir().unwrap();
        let one = announce(Some(state.path()), "s1", "a");
        let two = announce(Some(state.path()), "s1", "b");
        let dead = runs(state.path()).join("s2/dead");
        fs::create_dir_all(dead.parent().unwrap()).unwrap();
        fs::write(&dead, "").unwrap();
        assert_eq!(count(state.path()), BTreeMap::from([("s1".to_owned(), 2)]));
        assert!(!dead.exists());
        assert!(!one.as_ref().unwrap().was_told());
        tell(state.path(), "s1");
        tell(state.path(), "nobody");
        assert!(one.as_ref().unwrap().was_told() && two.as_ref().unwrap().was_told());
        drop((one, two));
        assert!(!runs(state.path()).join("s1").exists());
        assert!(count(state.path()).is_empty());
        assert!(announce(None, "s1", "a").is_none());
    }
}
