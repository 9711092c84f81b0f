//! A workspace into an archive.

use std::fs::{self, File, Metadata};
use std::io::{self, BufWriter, Read, Seek, SeekFrom};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Error, Result};
use rustix::fs::OFlags;
use tar::{Builder, EntryType, Header};

use super::PART;
use super::known::{Hashing, Known, One, Stamp, Thing, permissions};
use crate::command::CommandSpec;
use crate::failure::Failure;

/// What a folder's owner needs to put something in it.
const OWNER: u32 = 0o700;

/// Asked again and again: an error ends the packing.
pub type Heed<'a> = &'a dyn Fn() -> Result<(), Failure>;

type Archive = Builder<BufWriter<File>>;

/// How often a file is read that was cut short while it was read.
const TRIES: u32 = 5;

/// The archive of everything below `root`, what is in it, and what is not. It ends with an empty file named for `nonce`.
pub fn pack(root: &Path, nonce: &str, heed: Heed<'_>) -> Result<(File, Known, Vec<String>)> {
    let file = tempfile::tempfile().map_err(|error| Failure::no_temporary(&error))?;
    pack_into(file, root, nonce, heed)
}

fn pack_into(file: File, root: &Path, nonce: &str, heed: Heed<'_>) -> Result<(File, Known, Vec<String>)> {
    let mut archive = Builder::new(BufWriter::new(file));
    let (mut known, mut left_out) = (Known::new(), Vec::new());
    let mut folders = vec![PathBuf::new()];
    let mut closed = Vec::new();
    while let Some(folder) = folders.pop() {
        for name in names(&root.join(&folder), folder.as_os_str().is_empty())? {
            heed()?;
            if name.as_encoded_bytes().starts_with(PART.as_bytes()) {
                let remove = CommandSpec::new("rm").arg("-r").arg(root.join(&folder).join(name));
                left_out.push(format!(
                    "a ringfence that was ended by force may have left a part of what it brought back, which does not go to the engine: {remove}"
                ));
                continue;
            }
            let path = folder.join(name);
            let (thing, metadata) = match append(&mut archive, &path, &root.join(&path), heed)? {
                Packed::As(thing, metadata) => (thing, metadata),
                Packed::Gone => continue,
                Packed::Neither => {
                    let path = path.display();
                    left_out.push(format!("{path} is neither a file nor a folder and does not go to the engine"));
                    continue;
                }
            };
            if thing == Thing::Folder {
                if metadata.mode() & OWNER != OWNER {
                    closed.push((path.clone(), metadata.clone()));
                }
                folders.push(path.clone());
            }
            known.insert(path, One { thing, mode: permissions(metadata.mode()), stamp: Stamp::of(&metadata) });
        }
    }
    // Once more, as they are, deepest first.
    closed.sort_by(|(one, _), (other, _)| other.cmp(one));
    for (path, metadata) in &closed {
        append_folder(&mut archive, path, permissions(metadata.mode()), metadata.mtime())?;
    }
    archive.append_data(&mut header(0o600, 0), last(nonce), io::empty()).map_err(failed)?;
    let buffer = archive.into_inner().map_err(failed)?;
    let file = buffer.into_inner().map_err(|error| failed(error.into_error()))?;
    Ok((file, known, left_out))
}

/// What became of a path.
enum Packed {
    As(Thing, Metadata),
    /// It went while the rest was packed: it counts as never there.
    Gone,
    /// Neither a file, a folder nor a link.
    Neither,
}

/// What `answer` says of `path`; nothing where that is not there any more.
fn there<T>(answer: io::Result<T>, path: &Path) -> Result<Option<T>, Failure> {
    match answer {
        Ok(found) => Ok(Some(found)),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
        Err(error) => Err(unreadable(path, &error)),
    }
}

/// What is in `folder`, which `must` be there or not.
fn names(folder: &Path, must: bool) -> Result<Vec<std::ffi::OsString>> {
    let entries = fs::read_dir(folder).and_then(Iterator::collect::<io::Result<Vec<_>>>);
    let entries =
        if must { Some(entries.map_err(|error| unreadable(folder, &error))?) } else { there(entries, folder)? };
    let mut names: Vec<_> = entries.into_iter().flatten().map(|entry| entry.file_name()).collect();
    names.sort();
    Ok(names)
}

/// The name of an archive's last file.
fn last(nonce: &str) -> String {
    format!(".ringfence-{nonce}")
}

/// Inside files are the agent's, whoever's they are here.
fn header(mode: u32, modified: i64) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(EntryType::Regular);
    header.set_mode(mode);
    header.set_mtime(u64::try_from(modified).unwrap_or_default());
    header.set_uid(0);
    header.set_gid(0);
    header.set_size(0);
    header
}

fn append(archive: &mut Archive, path: &Path, outside: &Path, heed: Heed<'_>) -> Result<Packed> {
    for _ in 0..TRIES {
        let Some(metadata) = there(fs::symlink_metadata(outside), outside)? else { return Ok(Packed::Gone) };
        let mut header = header(permissions(metadata.mode()), metadata.mtime());
        let kind = metadata.file_type();
        if kind.is_dir() {
            append_folder(archive, path, permissions(metadata.mode()) | OWNER, metadata.mtime())?;
            return Ok(Packed::As(Thing::Folder, metadata));
        }
        if kind.is_symlink() {
            header.set_entry_type(EntryType::Symlink);
            let Some(target) = there(fs::read_link(outside), outside)? else { continue };
            archive.append_link(&mut header, path, &target).map_err(failed)?;
            return Ok(Packed::As(Thing::Link(target), metadata));
        }
        if !kind.is_file() {
            return Ok(Packed::Neither);
        }
        // Nothing that took its place meanwhile: no link out of the workspace, no pipe that nobody writes to.
        let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
        let opened = File::options().read(true).custom_flags(flags).open(outside);
        let Some(file) = there(opened, outside)? else { continue };
        if let Some(thing) = append_file(archive, path, header, Heeding { file, outside, heed }, metadata.size())? {
            return Ok(Packed::As(thing, metadata));
        }
    }
    Err(unreadable(outside, &io::Error::other("it is being written to")).into())
}

/// Appends the first `size` bytes of `file`. Nothing, and nothing is appended, where it has become shorter than that: an archive holds
/// what it says.
fn append_file(
    archive: &mut Archive,
    path: &Path,
    mut header: Header,
    file: impl Read,
    size: u64,
) -> Result<Option<Thing>> {
    let began = archive.get_mut().stream_position().map_err(failed)?;
    header.set_size(size);
    let mut contents = Hashing::new(file.take(size));
    archive.append_data(&mut header, path, &mut contents).map_err(failed)?;
    match contents.finish() {
        thing @ Thing::File { length, .. } if length == size => Ok(Some(thing)),
        _ => {
            archive.get_mut().seek(SeekFrom::Start(began)).map_err(failed)?;
            archive.get_ref().get_ref().set_len(began).map_err(failed)?;
            Ok(None)
        }
    }
}

fn append_folder(archive: &mut Archive, path: &Path, mode: u32, modified: i64) -> Result<()> {
    let mut header = header(mode, modified);
    header.set_entry_type(EntryType::Directory);
    archive.append_data(&mut header, path, io::empty()).map_err(failed)
}

/// Reads a file of the workspace for as long as that is wanted.
struct Heeding<'a> {
    file: File,
    outside: &'a Path,
    heed: Heed<'a>,
}

impl Read for Heeding<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        (self.heed)().map_err(io::Error::other)?;
        self.file.read(buffer).map_err(|error| io::Error::other(unreadable(self.outside, &error)))
    }
}

/// Why an archive was not written: what a reader said, or what became of the file that it is written to.
fn failed(error: io::Error) -> Error {
    match error.downcast::<Failure>() {
        Ok(failure) => failure.into(),
        Err(error) if is_full(&error) => Failure::no_temporary(&error).into(),
        Err(error) => Error::new(error).context("packing the workspace"),
    }
}

/// Whether the file system, or the caller's share of it, takes no more.
fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge)
}

fn unreadable(path: &Path, error: &io::Error) -> Failure {
    Failure::usage(
        format!("{} cannot be copied to the engine", path.display()),
        "the workspace of a remote engine is copied: make it readable, or choose a smaller folder with -C",
    )
    .because(error.to_string())
}

#[cfg(test)]
#[path = "pack_tests.rs"]
mod tests;
