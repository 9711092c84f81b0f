//! A throwaway folder in the workspace, with a git repository and a linked worktree, as a run finds them.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// How the folder's name begins.
const PREFIX: &str = ".ringfence-doctor-";
/// The file in it that hides all of it from the caller's git. Its maker holds a lock on it, which the kernel lets go of however the
/// maker ends.
const IGNORED: &str = ".gitignore";

/// The folder, until it is dropped:
/// `main/.git`, a repository; `side`, a worktree linked to it, in which the probe runs; `side/plain`, another repository.
pub struct Scratch {
    folder: TempDir,
    _locked: File,
}

impl Scratch {
    /// A scratch folder in `workspace`. The repositories are written by hand, for there may be no git on this machine.
    ///
    /// # Errors
    /// The workspace cannot be written to.
    pub fn new(workspace: &Path) -> io::Result<Self> {
        let folder = tempfile::Builder::new().prefix(PREFIX).tempdir_in(workspace)?;
        let locked = hidden(folder.path())?;
        let scratch = Scratch { folder, _locked: locked };
        let (root, side) = (scratch.folder.path(), scratch.side());
        let common = root.join("main/.git");
        repository(&common)?;
        repository(&side.join("plain/.git"))?;
        let own = common.join("worktrees/side");
        fs::create_dir_all(&own)?;
        fs::write(own.join("HEAD"), "ref: refs/heads/side\n")?;
        fs::write(own.join("commondir"), "../..\n")?;
        fs::write(own.join("gitdir"), format!("{}\n", side.join(".git").display()))?;
        fs::write(side.join(".git"), format!("gitdir: {}\n", own.display()))?;
        Ok(scratch)
    }

    /// The folder itself.
    pub fn root(&self) -> &Path {
        self.folder.path()
    }

    /// The linked worktree.
    pub fn side(&self) -> PathBuf {
        self.folder.path().join("side")
    }

    /// Removes it; the error says why it is still there.
    pub fn remove(self) -> io::Result<()> {
        self.folder.close()
    }
}

/// Hides all of `folder` from git, by a file that is locked before it has its name: one without a lock has lost its maker.
fn hidden(folder: &Path) -> io::Result<File> {
    let early = folder.join(".early");
    fs::write(&early, "*\n")?;
    let locked = File::open(&early)?;
    // Where files cannot be locked nothing is lost but the word about a folder that was left.
    let _ = locked.lock();
    fs::rename(early, folder.join(IGNORED))?;
    Ok(locked)
}

/// The scratch folders in `workspace` that were left when their makers were ended by force.
pub fn left_in(workspace: &Path) -> Vec<PathBuf> {
    let is_lost = |folder: &PathBuf| match File::open(folder.join(IGNORED)).map(|file| file.try_lock()) {
        Ok(Ok(())) => true,
        Ok(Err(TryLockError::WouldBlock | TryLockError::Error(_))) | Err(_) => false,
    };
    let entries = fs::read_dir(workspace).into_iter().flatten().flatten();
    let ours = entries.filter(|entry| entry.file_name().as_encoded_bytes().starts_with(PREFIX.as_bytes()));
    ours.map(|entry| entry.path()).filter(is_lost).collect()
}

/// As little as git takes for a repository.
fn repository(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder.join("objects"))?;
    fs::create_dir_all(folder.join("refs"))?;
    fs::write(folder.join("HEAD"), "ref: refs/heads/main\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::run::Workspace;

    #[test]
    fn a_run_takes_it_for_a_linked_worktree() {
        let workspace = tempfile::tempdir().unwrap();
        let real = fs::canonicalize(workspace.path()).unwrap();
        let scratch = Scratch::new(&real).unwrap();
        let common = Workspace { path: scratch.side() }.common_git_folder().unwrap().unwrap();
        assert!(common.ends_with("main/.git"), "{}", common.display());
        assert_eq!(fs::read_to_string(scratch.root().join(IGNORED)).unwrap(), "*\n");
        // What another doctor that is gone left is told, whatever process has its id by now.
        let dead = real.join(format!("{PREFIX}x"));
        fs::create_dir(&dead).unwrap();
        drop(hidden(&dead).unwrap());
        assert_eq!(left_in(&real), std::slice::from_ref(&dead));
        fs::remove_dir_all(dead).unwrap();
        scratch.remove().unwrap();
        assert_eq!(fs::read_dir(&real).unwrap().count(), 0);
    }
}
