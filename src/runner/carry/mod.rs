//! A workspace for an engine that cannot see this machine's files: it goes there and comes back as a tar stream, in behind the frame
//! and out behind the agent's output. What comes back was written by the agent's container and is trusted in nothing.

mod known;
mod manifest;
mod pack;
mod receive;
mod unpack;

use std::fs::{self, File, Permissions};
use std::io::{self, Seek};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use rustix::fs::{AtFlags, CWD, linkat};

use super::identity::new_nonce;
use crate::command::CommandSpec;
use crate::failure::Failure;
use known::Known;
use pack::Heed;
pub use receive::{Received, Receiver};

/// How the name of a file begins that is not whole yet, in the folder that it comes back to.
const PART: &str = ".ringfence-part-";

/// An engine that cannot see this machine's files, or is not to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Remote {
    /// The folder where what came back is kept until all of it has its place.
    pub kept: Option<PathBuf>,
    /// Whether an empty folder goes there in the place of the workspace, and nothing is brought back.
    pub bare: bool,
}

impl Remote {
    /// A file without a name for what comes back: where that would be kept, so that it lies on a disk and only once; or else wherever
    /// there is room.
    ///
    /// # Errors
    /// Config (78): there is no folder for temporary files.
    pub fn room(&self) -> Result<File, Failure> {
        let there = self.kept.as_deref().and_then(|folder| {
            make(folder).ok()?;
            tempfile::tempfile_in(folder).ok()
        });
        there.map_or_else(tempfile::tempfile, Ok).map_err(|error| Failure::no_temporary(&error))
    }

    /// What earlier runs brought back and could not put in place, in words. Where a run is at it, it is locked.
    pub fn left(&self) -> Vec<String> {
        let is_left = |path: &PathBuf| {
            path.extension().is_some_and(|it| it == "tar") && File::open(path).is_ok_and(|file| file.try_lock().is_ok())
        };
        let entries = self.kept.iter().filter_map(|folder| fs::read_dir(folder).ok()).flatten().flatten();
        let left = entries.map(|entry| entry.path()).filter(is_left);
        let words = |path: PathBuf| {
            let show = CommandSpec::new("tar").arg("-tf").arg(&path);
            let path = path.display();
            format!("{path} holds what an earlier run did and could not bring back whole; look, then remove it: {show}")
        };
        left.map(words).collect()
    }
}

/// A workspace, ready to go.
#[derive(Debug)]
pub struct Parcel {
    /// The secret that its way back carries.
    pub nonce: String,
    /// The archive's length, bytes.
    pub length: u64,
    archive: File,
    known: Known,
    workspace: PathBuf,
    /// What cannot go, in words.
    pub left_out: Vec<String>,
}

impl Parcel {
    /// Packs `workspace`. It stands in no file that has a name.
    ///
    /// # Errors
    /// What `heed` says, which is asked all the time; usage (2) for what cannot be read.
    pub fn pack(workspace: &Path, heed: Heed<'_>) -> Result<Self> {
        let nonce = new_nonce()?;
        let (archive, known, left_out) = pack::pack(workspace, &nonce, heed)?;
        let length = archive.metadata().context("looking at the packed workspace")?.len();
        let workspace = workspace.to_owned();
        Ok(Parcel { nonce, length, archive, known, workspace, left_out })
    }

    /// The archive, to be read from its beginning.
    pub fn archive(&self) -> Result<File> {
        let mut archive = self.archive.try_clone().context("opening the packed workspace again")?;
        archive.rewind().context("reading the packed workspace")?;
        Ok(archive)
    }

    /// Brings the changes in `received` to the workspace, and says in words what the caller should know; as an error where nothing of
    /// it was applied, because it is not whole. What was changed on this machine meanwhile stays as it is. Where the engine could not
    /// read everything, it is not `complete`.
    ///
    /// From before the first change until all is done the archive stands at `kept`, and stays there if anything is left undone.
    pub fn unpack(&self, received: &Received, complete: bool, kept: Option<&Path>) -> Result<Vec<String>, Vec<String>> {
        let mut words = Vec::new();
        let kept = kept.filter(|kept| match keep(&received.archive, kept) {
            Ok(()) => true,
            Err(error) => {
                words.push(format!(
                    "what came back could not be kept for the case that something of it is lost: {error:#}"
                ));
                false
            }
        });
        let applied = match &received.cut {
            Some(cut) => Err(cut.clone()),
            None => unpack::unpack(&self.workspace, &self.known, &received.archive, complete)
                .map_err(|error| format!("{error:#}")),
        };
        let is_whole = applied.is_ok();
        let mut undone = applied.unwrap_or_else(|why| {
            vec![format!("what came back from the engine is not whole, so nothing of it was applied: {why}")]
        });
        if is_whole && !complete {
            undone.push("not everything could be read in the container, so nothing was deleted here".to_owned());
        }
        match kept {
            Some(kept) if undone.is_empty() => {
                if let Err(error) = fs::remove_file(kept) {
                    words.push(format!("{} is not needed any more and could not be removed: {error}", kept.display()));
                }
            }
            Some(kept) => undone.push(format!("all that came back from the engine is in {}", kept.display())),
            None => {}
        }
        words.extend(undone);
        if is_whole { Ok(words) } else { Err(words) }
    }
}

/// Makes `folder`, its owner's alone.
fn make(folder: &Path) -> Result<()> {
    let making = || format!("making {}", folder.display());
    fs::create_dir_all(folder).with_context(making)?;
    fs::set_permissions(folder, Permissions::from_mode(0o700)).with_context(making)
}

/// Gives `received` the name `path`, for its owner alone, and brings it onto the disk.
fn keep(received: &File, path: &Path) -> Result<()> {
    let writing = || format!("writing {}", path.display());
    if let Some(folder) = path.parent() {
        make(folder)?;
    }
    if name(received, path).is_err() {
        copy(received, path)?;
    }
    let folder = path.parent().unwrap_or(path);
    File::open(folder).and_then(|folder| folder.sync_all()).with_context(writing)
}

/// Gives a file without a name this one, where the system can and it is on the same disk.
fn name(file: &File, path: &Path) -> io::Result<()> {
    // Until this process ends, however it does. Where files cannot be locked, a run beside this one is told of it too early.
    let _ = file.lock();
    file.set_permissions(Permissions::from_mode(0o600))?;
    file.sync_all()?;
    let open = format!("/proc/self/fd/{}", file.as_raw_fd());
    Ok(linkat(CWD, open, CWD, path, AtFlags::SYMLINK_FOLLOW)?)
}

fn copy(received: &File, path: &Path) -> Result<()> {
    let writing = || format!("writing {}", path.display());
    let mut received = received.try_clone().with_context(writing)?;
    received.rewind().with_context(writing)?;
    let mut file = File::options().write(true).create_new(true).mode(0o600).open(path).with_context(writing)?;
    let done = io::copy(&mut received, &mut file).and_then(|_| file.sync_all());
    if done.is_err() {
        // A part of it is worth nothing.
        let _ = fs::remove_file(path);
    }
    done.with_context(writing)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_earlier_run_left_is_told_and_what_a_run_is_at_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let remote = Remote { kept: Some(folder.path().to_owned()), bare: false };
        assert_eq!(remote.left(), [""; 0]);
        let (path, file) = (folder.path().join("run.tar"), remote.room().unwrap());
        keep(&file, &path).unwrap();
        assert_eq!(remote.left(), [""; 0], "it is at work");
        drop(file);
        let left = remote.left();
        assert!(left.len() == 1 && left[0].contains(&path.display().to_string()), "{left:?}");
    }
}
