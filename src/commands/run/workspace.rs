//! The folder an agent works in, and what of git must come with it.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use rustix::fs::{Access, access};

use crate::command::shell_word;
use crate::config::{Workdir, usable_inside};
use crate::failure::Failure;

/// A folder of the host.
#[derive(Clone, Debug)]
pub struct Workspace {
    /// Its real, absolute path.
    pub path: PathBuf,
}

impl Workspace {
    /// The folder `typed`, or the current one.
    ///
    /// # Errors
    /// Usage (2): there is no such folder.
    pub fn open(typed: Option<&Path>) -> Result<Self> {
        let folder = typed.unwrap_or(Path::new("."));
        let hint = "name a folder that exists: -C DIR";
        let path = fs::canonicalize(folder).map_err(|error| {
            Failure::usage(format!("no such workspace: {}", folder.display()), hint).because(error.to_string())
        })?;
        let kind = fs::metadata(&path).with_context(|| format!("looking at {}", path.display()))?;
        if !kind.is_dir() {
            return Err(Failure::usage(format!("the workspace is not a folder: {}", path.display()), hint).into());
        }
        access(&path, Access::EXEC_OK).map_err(|error| {
            let message = format!("the workspace cannot be entered: {}", path.display());
            let hint =
                format!("name another folder: -C DIR; or look at it with: ls -ld {}", shell_word(path.as_os_str()));
            Failure::usage(message, hint).because(error.to_string())
        })?;
        Ok(Workspace { path })
    }

    /// Where it is in a container.
    ///
    /// # Errors
    /// Usage (2): nothing of the host can be there.
    pub fn inside(&self, workdir: &Workdir) -> Result<PathBuf, Failure> {
        let folder = match workdir {
            Workdir::Same => self.path.clone(),
            Workdir::At(path) => path.clone(),
        };
        usable_inside(&folder).map_err(|why| {
            let message = format!("{} cannot be the workspace of a container: it {why}", folder.display());
            let hint = "choose another folder with -C, or: ringfence sandbox set sandbox.workdir /workspace";
            Failure::usage(message, hint)
        })?;
        Ok(folder)
    }

    /// That it has not been removed since it was opened.
    ///
    /// # Errors
    /// Usage (2): it has.
    pub fn still_there(&self) -> Result<(), Failure> {
        if self.path.is_dir() {
            return Ok(());
        }
        let message = format!("no such workspace: {} (it is gone)", self.path.display());
        Err(Failure::usage(message, "make it again, or name a folder that exists: -C DIR"))
    }

    /// The git folder that a linked worktree shares with its main one, or in words why it cannot be used; absent where the
    /// workspace is no linked worktree.
    ///
    /// An agent can write the `.git` file, so it is believed only where the other side points back: git keeps a file
    /// `gitdir` in the common folder that names the worktree's `.git`, and no container that had only the worktree can write it.
    pub fn common_git_folder(&self) -> Option<Result<PathBuf, String>> {
        let (link, own) = (self.path.join(".git"), self.git_file()?);
        Some(shared_by(&own, &link).ok_or_else(|| {
            let why = if own.join("commondir").exists() {
                "does not name it back"
            } else {
                "is no worktree's, and lies outside the workspace"
            };
            format!("{} names a git folder that {why}, so git will not work inside", link.display())
        }))
    }

    /// The real git folder that the workspace's `.git` names, where that is a file; absent where there is none.
    pub fn linked_git_folder(&self) -> Option<PathBuf> {
        fs::canonicalize(self.git_file()?).ok()
    }

    fn git_file(&self) -> Option<PathBuf> {
        let link = self.path.join(".git");
        let text =
            fs::metadata(&link).ok().filter(fs::Metadata::is_file).and_then(|_| fs::read_to_string(&link).ok())?;
        Some(self.path.join(text.strip_prefix("gitdir:")?.trim()))
    }
}

/// The common folder of the worktree folder `own`, where that names `link` back.
fn shared_by(own: &Path, link: &Path) -> Option<PathBuf> {
    let own = fs::canonicalize(own).ok()?;
    let back = fs::read_to_string(own.join("gitdir")).ok()?;
    let back = fs::canonicalize(own.join(back.trim())).ok()?;
    let common = fs::canonicalize(own.parent()?.parent()?).ok()?;
    let declared = fs::canonicalize(own.join(fs::read_to_string(own.join("commondir")).ok()?.trim())).ok()?;
    let is_git = common.join("HEAD").is_file() && common.join("objects").is_dir();
    (is_git && declared == common && back == fs::canonicalize(link).ok()?).then_some(common)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn linked(root: &Path, back: &str) -> Workspace {
        let own = root.join("main/.git/worktrees/side");
        fs::create_dir_all(&own).unwrap();
        fs::create_dir_all(root.join("main/.git/objects")).unwrap();
        fs::create_dir_all(root.join("side")).unwrap();
        fs::write(root.join("main/.git/HEAD"), "ref: refs/heads/main\n").unwrap();
        fs::write(own.join("commondir"), "../..\n").unwrap();
        fs::write(own.join("gitdir"), back).unwrap();
        fs::write(root.join("side/.git"), format!("gitdir: {}\n", own.display())).unwrap();
        Workspace::open(Some(&root.join("side"))).unwrap()
    }

    #[test]
    fn a_linked_worktree_brings_its_common_folder() {
        let root = tempfile::tempdir().unwrap();
        let real = fs::canonicalize(root.path()).unwrap();
        let workspace = linked(&real, &format!("{}/side/.git\n", real.display()));
        assert_eq!(workspace.common_git_folder(), Some(Ok(real.join("main/.git"))));
    }

    #[test]
    fn a_link_that_is_not_answered_is_not_believed() {
        let root = tempfile::tempdir().unwrap();
        let workspace = linked(root.path(), "/elsewhere/.git\n");
        assert!(workspace.common_git_folder().unwrap().unwrap_err().contains("does not name it back"));
        fs::remove_file(root.path().join("main/.git/worktrees/side/commondir")).unwrap();
        assert!(workspace.common_git_folder().unwrap().unwrap_err().contains("is no worktree's"));
        assert_eq!(Workspace { path: root.path().join("main") }.common_git_folder(), None);
    }
}
