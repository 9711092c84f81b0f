//! A workspace for an engine that cannot see this machine's files: it goes there and comes back as a tar stream, in behind the frame
//! and out behind the agent's output. What comes back was written by the agent's container and is trusted in nothing.

mod known;
mod manifest;
mod pack;
mod receive;
mod unpack;

use std::fs::{self, File, Permissions};
use std::io::Seek;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::identity::new_nonce;
use known::Known;
pub use receive::{Received, Receiver};

/// An engine that cannot see this machine's files, or is not to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Remote {
    /// Whether it is on another machine, where no service of this one is.
    pub far: bool,
    /// The folder where what came back is kept until all of it has its place.
    pub kept: Option<PathBuf>,
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
    pub fn pack(workspace: &Path) -> Result<Self> {
        let nonce = new_nonce()?;
        let (archive, known, left_out) = pack::pack(workspace, &nonce)?;
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

    /// Brings the changes in `received` to the workspace, and says in words what the caller should know. What was changed on this
    /// machine meanwhile stays as it is. Where the engine could not read everything, it is not `complete`.
    ///
    /// From before the first change until all is done the archive stands at `kept`, and stays there if anything is left undone.
    pub fn unpack(&self, received: &Received, complete: bool, kept: Option<&Path>) -> Vec<String> {
        let (mut words, mut undone) = (Vec::new(), Vec::new());
        let kept = kept.filter(|kept| match keep(&received.archive, kept) {
            Ok(()) => true,
            Err(error) => {
                words.push(format!(
                    "what came back could not be kept for the case that something of it is lost: {error:#}"
                ));
                false
            }
        });
        if let Some(cut) = &received.cut {
            undone.push(format!("what came back from the engine is not whole, so nothing of it was applied: {cut}"));
        } else {
            match unpack::unpack(&self.workspace, &self.known, &received.archive, complete) {
                Ok(these) => undone = these,
                Err(error) => undone.push(format!(
                    "what came back from the engine cannot be read, so nothing of it was applied: {error:#}"
                )),
            }
            if !complete {
                undone.push("not everything could be read in the container, so nothing was deleted here".to_owned());
            }
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
        words
    }
}

/// Copies `received` to `path`, for its owner alone, and onto the disk.
fn keep(received: &File, path: &Path) -> Result<()> {
    let writing = || format!("writing {}", path.display());
    let mut received = received.try_clone().with_context(writing)?;
    received.rewind().with_context(writing)?;
    if let Some(folder) = path.parent() {
        let making = || format!("making {}", folder.display());
        fs::create_dir_all(folder).with_context(making)?;
        fs::set_permissions(folder, Permissions::from_mode(0o700)).with_context(making)?;
    }
    let mut file = File::options().write(true).create_new(true).mode(0o600).open(path).with_context(writing)?;
    let done = std::io::copy(&mut received, &mut file).and_then(|_| file.sync_all());
    if done.is_err() {
        // A part of it is worth nothing.
        let _ = fs::remove_file(path);
    }
    done.with_context(writing)
}
