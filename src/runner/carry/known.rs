//! What is known of a workspace when it is packed: enough to tell later what was changed, and by whom.

use std::collections::BTreeMap;
use std::fs::Metadata;
use std::hash::{DefaultHasher, Hasher};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

/// Everything that was packed, by its path below the workspace.
pub type Known = BTreeMap<PathBuf, One>;

/// One thing that was packed.
#[derive(Clone, Debug)]
pub struct One {
    /// What it is.
    pub thing: Thing,
    /// Its permissions.
    pub mode: u32,
    /// Its state on this machine.
    pub stamp: Stamp,
}

/// What a path holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Thing {
    /// A folder.
    Folder,
    /// A file, by its contents.
    File {
        /// Bytes.
        length: u64,
        /// Of the contents.
        hash: u64,
    },
    /// A symbolic link.
    Link(PathBuf),
}

/// The state of a file by which a later change shows. Its inode's change time cannot be set back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    /// The state that `metadata` shows.
    pub fn of(metadata: &Metadata) -> Self {
        Stamp {
            inode: metadata.ino(),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

/// Permissions, without the bits that lend their owner's rights.
pub fn permissions(mode: u32) -> u32 {
    mode & 0o777
}

/// Reads through to another reader, and knows what was read.
pub struct Hashing<R> {
    inner: R,
    hasher: DefaultHasher,
    length: u64,
}

impl<R: Read> Hashing<R> {
    /// Reads `inner`.
    pub fn new(inner: R) -> Self {
        Hashing { inner, hasher: DefaultHasher::new(), length: 0 }
    }

    /// What was read, as the contents of a file.
    pub fn finish(self) -> Thing {
        Thing::File { length: self.length, hash: self.hasher.finish() }
    }

    /// Reads to the end.
    pub fn exhaust(mut self) -> io::Result<Thing> {
        io::copy(&mut self, &mut io::sink())?;
        Ok(self.finish())
    }
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.inner.read(buffer)?;
        self.hasher.write(&buffer[..length]);
        self.length += length as u64;
        Ok(length)
    }
}
