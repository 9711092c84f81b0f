//! A throwaway folder in the workspace, with a git repository and a linked worktree, as a run finds them.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rustix::process::{Pid, getpid, test_kill_process};
use tempfile::TempDir;

/// How the folder's name begins; the id of the process that made it follows.
const PREFIX: &str = ".ringfence-doctor-";

/// The folder, until it is dropped:
/// `main/.git`, a repository; `side`, a worktree linked to it, in which the probe runs; `side/plain`, another repository.
pub struct Scratch {
    folder: TempDir,
}

impl Scratch {
    /// A scratch folder in `workspace`. The repositories are written by hand, for there may be no git on this machine.
    pub fn new(workspace: &Path) -> io::Result<Self> {
        let prefix = format!("{PREFIX}{}-", getpid().as_raw_nonzero());
        let folder = tempfile::Builder::new().prefix(&prefix).tempdir_in(workspace)?;
        let scratch = Scratch { folder };
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

    /// The linked worktree.
    pub fn side(&self) -> PathBuf {
        self.folder.path().join("side")
    }

    /// Removes it; the error says why it is still there.
    pub fn remove(self) -> io::Result<()> {
        self.folder.close()
    }
}

/// The scratch folders in `workspace` that were left when their makers were ended by force.
pub fn left_in(workspace: &Path) -> Vec<PathBuf> {
    let maker = |name: &str| name.strip_prefix(PREFIX)?.split('-').next()?.parse().ok().and_then(Pid::from_raw);
    let is_gone = |pid| test_kill_process(pid) == Err(rustix::io::Errno::SRCH);
    let entries = fs::read_dir(workspace).into_iter().flatten().flatten();
    let left = entries.filter(|entry| maker(&entry.file_name().to_string_lossy()).is_some_and(is_gone));
    left.map(|entry| entry.path()).collect()
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
        let dead = real.join(format!("{PREFIX}4194304-x"));
        fs::create_dir(&dead).unwrap();
        assert_eq!(left_in(&real), std::slice::from_ref(&dead));
        fs::remove_dir(dead).unwrap();
        scratch.remove().unwrap();
        assert_eq!(fs::read_dir(&real).unwrap().count(), 0);
    }
}
