//! A workspace for an engine that cannot see this machine's files: it goes there and comes back as a tar stream, in behind the frame
//! and out behind the agent's output. What comes back was written by the agent's container and is trusted in nothing.

mod known;
mod pack;
mod receive;
mod unpack;

use std::fs::{self, File};
use std::io::Seek;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::identity::new_nonce;
use known::Known;
pub use receive::Receiver;

/// An engine on another machine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Remote {
    /// Where what came back is kept if something of it could not be placed.
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
    /// machine meanwhile stays as it is; where anything is left undone the archive is kept as `kept`.
    pub fn unpack(&self, received: &File, kept: Option<&Path>) -> Result<Vec<String>> {
        let undone = unpack::unpack(&self.workspace, &self.known, received)?;
        if undone.is_empty() {
            return Ok(undone);
        }
        let mut words = undone;
        if let Some(kept) = kept {
            keep(received, kept)?;
            words.push(format!("all that came back from the engine is in {}", kept.display()));
        }
        Ok(words)
    }
}

fn keep(received: &File, path: &Path) -> Result<()> {
    let mut received = received.try_clone()?;
    received.rewind()?;
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
    }
    let mut file = File::create_new(path).with_context(|| format!("writing {}", path.display()))?;
    std::io::copy(&mut received, &mut file).with_context(|| format!("writing {}", path.display()))?;
    Ok(())
}
