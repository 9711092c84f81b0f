//! Changes back into the workspace. The archive was written in the container: no path of it leads out of the workspace, no link is
//! followed on the way, and what was changed on this machine meanwhile is left alone.

use std::collections::BTreeMap;
use std::fs::{self, File, Metadata, Permissions};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, Result};
use tar::{Archive, EntryType};

use super::known::{Hashing, Known, One, Stamp, Thing, permissions};

/// What stands in the archive under one path.
#[derive(Clone, Debug)]
struct Item {
    thing: Thing,
    mode: u32,
    /// Where a file's contents begin in the archive.
    at: u64,
}

type Items = BTreeMap<PathBuf, Item>;

/// Brings the changes in `archive` to `root`; returns what was not done, in words.
pub fn unpack(root: &Path, known: &Known, archive: &File) -> Result<Vec<String>> {
    let (items, mut undone) = read(archive, root, known)?;
    let mut work = Work { root, known, items: &items, archive, undone: Vec::new(), modes: Vec::new() };
    // Deepest first: what is in a folder goes before the folder.
    for (path, one) in known.iter().rev() {
        work.remove(path, one);
    }
    for (path, item) in &items {
        work.bring(path, item);
    }
    work.set_modes();
    undone.extend(work.undone);
    Ok(undone)
}

/// Everything in the archive that may be brought back, and what may not.
fn read(archive: &File, root: &Path, known: &Known) -> Result<(Items, Vec<String>)> {
    let mut file = archive.try_clone().context("opening what came back")?;
    file.rewind().context("reading what came back")?;
    let mut archive = Archive::new(file);
    let (mut items, mut refused) = (Items::new(), Vec::new());
    for entry in archive.entries().context("reading what came back")? {
        let mut entry = entry.context("reading what came back")?;
        let named = entry.path().context("reading what came back")?.into_owned();
        let shown = named.strip_prefix(".").unwrap_or(&named).display().to_string();
        let path = match within(&named) {
            Some(path) if path.as_os_str().is_empty() => continue,
            Some(path) => path,
            None => {
                refused.push(format!("refused from the engine: {shown} leads out of the workspace"));
                continue;
            }
        };
        let mode = permissions(entry.header().mode().unwrap_or(0o600));
        let at = entry.raw_file_position();
        let item = match entry.header().entry_type() {
            EntryType::Directory => Item { thing: Thing::Folder, mode, at },
            EntryType::Regular | EntryType::Continuous => {
                Item { thing: Hashing::new(&mut entry).exhaust().context("reading what came back")?, mode, at }
            }
            EntryType::Symlink => {
                let target = entry.link_name()?.map(std::borrow::Cow::into_owned).unwrap_or_default();
                let thing = Thing::Link(target);
                // What the caller had before is the caller's.
                if known.get(&path).is_none_or(|one| one.thing != thing) && !stays_inside(&path, &thing, root) {
                    refused.push(format!("refused from the engine: the link {shown} leads out of the workspace"));
                    continue;
                }
                Item { thing, mode, at }
            }
            EntryType::Link => {
                let target = entry.link_name()?.and_then(|name| within(&name));
                match target.and_then(|target| items.get(&target).cloned()) {
                    Some(item) if matches!(item.thing, Thing::File { .. }) => item,
                    _ => {
                        refused.push(format!("refused from the engine: {shown} is a link to nothing that came"));
                        continue;
                    }
                }
            }
            _ => {
                refused.push(format!("not brought back: {shown} is neither a file, a folder nor a link"));
                continue;
            }
        };
        items.insert(path, item);
    }
    Ok((items, refused))
}

/// `path` below the workspace, if it is there.
fn within(path: &Path) -> Option<PathBuf> {
    let mut clean = PathBuf::new();
    for component in path.components() {
        match component {
            Component::Normal(name) if !name.as_bytes().contains(&0) => clean.push(name),
            Component::CurDir => {}
            _ => return None,
        }
    }
    Some(clean)
}

/// Whether a link at `path` leads nowhere but into the workspace, whatever other links lie on its way: `..` only at its beginning.
fn stays_inside(path: &Path, thing: &Thing, root: &Path) -> bool {
    let Thing::Link(target) = thing else { return true };
    let mut depth = path.components().count() - 1;
    let rest = match target.strip_prefix(root) {
        Ok(rest) => {
            depth = 0;
            rest
        }
        Err(_) => target,
    };
    let mut parts = rest.components().skip_while(|part| *part == Component::CurDir).peekable();
    while parts.next_if_eq(&Component::ParentDir).is_some() {
        let Some(above) = depth.checked_sub(1) else { return false };
        depth = above;
    }
    parts.all(|part| matches!(part, Component::Normal(_) | Component::CurDir))
}

/// What a path of the workspace holds now.
enum Now {
    Nothing,
    /// What was packed.
    Unchanged,
    /// Something else.
    Changed(Metadata),
}

struct Work<'a> {
    root: &'a Path,
    known: &'a Known,
    items: &'a Items,
    archive: &'a File,
    undone: Vec<String>,
    /// Folders get their permissions last: they may keep their owner out.
    modes: Vec<(PathBuf, u32)>,
}

impl Work<'_> {
    /// Removes what is not in the archive any more, or is something else there.
    fn remove(&mut self, path: &Path, one: &One) {
        let is_folder = one.thing == Thing::Folder;
        match self.items.get(path) {
            Some(item) if (item.thing == Thing::Folder) == is_folder => return,
            _ => {}
        }
        let target = self.root.join(path);
        let done = match self.now(path) {
            Ok(Now::Nothing) => Ok(()),
            // What is still in it is somebody else's.
            Ok(Now::Unchanged) if is_folder => fs::remove_dir(&target).or_else(|error| match error.kind() {
                io::ErrorKind::DirectoryNotEmpty => Ok(()),
                _ => Err(error),
            }),
            Ok(Now::Unchanged) => fs::remove_file(&target),
            Ok(Now::Changed(_)) => return self.conflict(path),
            Err(error) => Err(error),
        };
        self.note(path, done);
    }

    /// Brings what is new or changed.
    fn bring(&mut self, path: &Path, item: &Item) {
        let known = self.known.get(path);
        if known.is_some_and(|one| one.thing == item.thing && (one.mode == item.mode || self.is_link(item))) {
            return;
        }
        let done = match (known, self.now(path)) {
            (None, Ok(Now::Nothing)) | (Some(_), Ok(Now::Unchanged)) => self.write(path, item),
            // It was replaced by a thing of another kind, for which this made room.
            (Some(one), Ok(Now::Nothing)) if (one.thing == Thing::Folder) != (item.thing == Thing::Folder) => {
                self.write(path, item)
            }
            (_, Ok(Now::Changed(metadata))) if self.is_same(path, item, &metadata) => Ok(()),
            (_, Ok(_)) => return self.conflict(path),
            (_, Err(error)) => Err(error),
        };
        self.note(path, done);
    }

    fn is_link(&self, item: &Item) -> bool {
        matches!(item.thing, Thing::Link(_))
    }

    /// What is at `path`, to which no link leads.
    fn now(&self, path: &Path) -> io::Result<Now> {
        for above in path.ancestors().skip(1).filter(|above| !above.as_os_str().is_empty()) {
            match fs::symlink_metadata(self.root.join(above)) {
                Ok(metadata) if metadata.is_dir() => {}
                Ok(metadata) => return Ok(Now::Changed(metadata)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Now::Nothing),
                Err(error) => return Err(error),
            }
        }
        let metadata = match fs::symlink_metadata(self.root.join(path)) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Now::Nothing),
            Err(error) => return Err(error),
        };
        Ok(match self.known.get(path) {
            // A folder changes with what is in it.
            Some(one)
                if one.thing == Thing::Folder && metadata.is_dir() && permissions(metadata.mode()) == one.mode =>
            {
                Now::Unchanged
            }
            Some(one) if one.stamp == Stamp::of(&metadata) => Now::Unchanged,
            _ => Now::Changed(metadata),
        })
    }

    /// Whether both sides made the same of it.
    fn is_same(&self, path: &Path, item: &Item, metadata: &Metadata) -> bool {
        let there = self.root.join(path);
        match &item.thing {
            Thing::Folder => metadata.is_dir(),
            Thing::Link(target) => metadata.is_symlink() && fs::read_link(there).is_ok_and(|now| now == *target),
            Thing::File { .. } => {
                let contents = || Hashing::new(File::open(there).ok()?).exhaust().ok();
                metadata.is_file() && contents() == Some(item.thing.clone())
            }
        }
    }

    fn write(&mut self, path: &Path, item: &Item) -> io::Result<()> {
        let target = self.root.join(path);
        let folder = target.parent().unwrap_or(self.root);
        match &item.thing {
            Thing::Folder => {
                if !target.is_dir() {
                    fs::create_dir(&target)?;
                }
                self.modes.push((target, item.mode));
            }
            Thing::Link(to) => {
                let room = tempfile::Builder::new().prefix(".ringfence-").tempdir_in(folder)?;
                let link = room.path().join("link");
                symlink(to, &link)?;
                fs::rename(link, &target)?;
            }
            Thing::File { length, .. } => {
                // Whole or not at all, whenever this process ends.
                let mut file = tempfile::Builder::new().prefix(".ringfence-").tempfile_in(folder)?;
                let mut archive = self.archive.try_clone()?;
                archive.seek(SeekFrom::Start(item.at))?;
                io::copy(&mut archive.take(*length), file.as_file_mut())?;
                file.as_file().set_permissions(Permissions::from_mode(item.mode))?;
                file.persist(&target).map_err(|error| error.error)?;
            }
        }
        Ok(())
    }

    fn set_modes(&mut self) {
        for (folder, mode) in std::mem::take(&mut self.modes).into_iter().rev() {
            let done = fs::set_permissions(&folder, Permissions::from_mode(mode));
            self.note(&folder, done);
        }
    }

    fn conflict(&mut self, path: &Path) {
        let path = path.display();
        self.undone.push(format!("conflict: {path} was changed on this machine meanwhile and stays as it is here"));
    }

    fn note(&mut self, path: &Path, done: io::Result<()>) {
        if let Err(error) = done {
            self.undone.push(format!("{} could not be brought back: {error}", path.display()));
        }
    }
}

#[cfg(test)]
#[path = "unpack_tests.rs"]
mod tests;
