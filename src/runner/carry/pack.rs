//! A workspace into an archive.

use std::fs::{self, File, Metadata};
use std::io::{self, BufWriter, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use tar::{Builder, EntryType, Header};

use super::known::{Hashing, Known, One, Stamp, Thing, permissions};
use crate::failure::Failure;

/// What a folder's owner needs to put something in it.
const OWNER: u32 = 0o700;

type Archive = Builder<BufWriter<File>>;

/// The archive of everything below `root`, what is in it, and what is not. It ends with an empty file named for `nonce`.
pub fn pack(root: &Path, nonce: &str) -> Result<(File, Known, Vec<String>)> {
    let file = tempfile::tempfile().map_err(|error| Failure::no_temporary(&error))?;
    let mut archive = Builder::new(BufWriter::new(file));
    let (mut known, mut left_out) = (Known::new(), Vec::new());
    let mut folders = vec![PathBuf::new()];
    let mut closed = Vec::new();
    while let Some(folder) = folders.pop() {
        for name in names(&root.join(&folder))? {
            let path = folder.join(name);
            let outside = root.join(&path);
            let metadata = fs::symlink_metadata(&outside).map_err(|error| unreadable(&outside, &error))?;
            let Some(thing) = append(&mut archive, &path, &outside, &metadata)? else {
                left_out
                    .push(format!("{} is neither a file nor a folder and does not go to the engine", path.display()));
                continue;
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
    archive.append_data(&mut header(0o600, 0), last(nonce), io::empty()).context("packing the workspace")?;
    let buffer = archive.into_inner().context("packing the workspace")?;
    let file = buffer.into_inner().context("packing the workspace")?;
    Ok((file, known, left_out))
}

fn names(folder: &Path) -> Result<Vec<std::ffi::OsString>> {
    let entries = fs::read_dir(folder).and_then(Iterator::collect::<io::Result<Vec<_>>>);
    let mut names: Vec<_> =
        entries.map_err(|error| unreadable(folder, &error))?.into_iter().map(|entry| entry.file_name()).collect();
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

fn append(archive: &mut Archive, path: &Path, outside: &Path, metadata: &Metadata) -> Result<Option<Thing>> {
    let mut header = header(permissions(metadata.mode()), metadata.mtime());
    let kind = metadata.file_type();
    if kind.is_dir() {
        append_folder(archive, path, permissions(metadata.mode()) | OWNER, metadata.mtime())?;
        return Ok(Some(Thing::Folder));
    }
    if kind.is_symlink() {
        header.set_entry_type(EntryType::Symlink);
        let target = fs::read_link(outside).map_err(|error| unreadable(outside, &error))?;
        archive.append_link(&mut header, path, &target).context("packing a link")?;
        return Ok(Some(Thing::Link(target)));
    }
    if !kind.is_file() {
        return Ok(None);
    }
    header.set_size(metadata.size());
    let file = File::open(outside).map_err(|error| unreadable(outside, &error))?;
    let mut contents = Hashing::new(file.take(metadata.size()));
    archive.append_data(&mut header, path, &mut contents).context("packing a file")?;
    match contents.finish() {
        thing @ Thing::File { length, .. } if length == metadata.size() => Ok(Some(thing)),
        _ => Err(unreadable(outside, &io::Error::other("it is being written to")).into()),
    }
}

fn append_folder(archive: &mut Archive, path: &Path, mode: u32, modified: i64) -> Result<()> {
    let mut header = header(mode, modified);
    header.set_entry_type(EntryType::Directory);
    archive.append_data(&mut header, path, io::empty()).context("packing a folder")
}

fn unreadable(path: &Path, error: &io::Error) -> Failure {
    Failure::usage(
        format!("{} cannot be copied to the engine", path.display()),
        "the workspace of a remote engine is copied: make it readable, or choose a smaller folder with -C",
    )
    .because(error.to_string())
}
