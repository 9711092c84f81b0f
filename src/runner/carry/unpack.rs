//! Changes back into the workspace. The archive was written in the container: no path of it leads out of the workspace, no link is
//! followed on the way, and what was changed on this machine meanwhile is left alone.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, Metadata, Permissions};
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Bound;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use anyhow::Result;

use super::PART;
use super::known::{Hashing, Known, One, Stamp, Thing, permissions};
use super::manifest::{Item, Items, Manifest, read};

/// What a folder's owner needs to change what is in it.
const OWNER: u32 = 0o700;

/// Brings the changes in `archive` to `root`; returns what was not done, in words. Where it is not `complete`, what is missing in it
/// may be there all the same, and nothing is removed. An error says that nothing was touched.
pub fn unpack(root: &Path, known: &Known, archive: &File, complete: bool) -> Result<Vec<String>> {
    let manifest = read(archive, root, known)?;
    let mut work = Work {
        root,
        known,
        manifest: &manifest,
        archive,
        undone: manifest.words.clone(),
        told: Vec::new(),
        renamed: BTreeSet::new(),
        opened: BTreeSet::new(),
        modes: BTreeMap::new(),
    };
    work.open_up();
    // What is new first: until all of it is there, nothing else goes.
    for (path, item) in &manifest.items {
        work.bring(path, item);
    }
    // Deepest first: what is in a folder goes before the folder.
    for (path, one) in known.iter().rev().filter(|_| complete) {
        work.remove(path, one);
    }
    work.set_modes();
    if changed(known, &manifest.items).next().is_some()
        && let Err(error) = to_disk(root)
    {
        work.undone.push(format!("the changes may be lost by a power cut: {error}"));
    }
    Ok(work.undone)
}

/// Brings what was changed below `root` onto its disk, all at once.
fn to_disk(root: &Path) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    rustix::fs::syncfs(File::open(root)?)?;
    #[cfg(not(target_os = "linux"))]
    {
        let _ = root;
        rustix::fs::sync();
    }
    Ok(())
}

/// What is not in the archive as it was packed, or not in it at all.
fn changed<'a>(known: &'a Known, items: &'a Items) -> impl Iterator<Item = &'a Path> {
    let new = items.iter().filter(|(path, item)| !is_known(known, path, item)).map(|(path, _)| path.as_path());
    new.chain(known.keys().filter(|path| !items.contains_key(*path)).map(PathBuf::as_path))
}

/// Whether `item` is what was packed. A link's permissions say nothing.
fn is_known(known: &Known, path: &Path, item: &Item) -> bool {
    let is_link = matches!(item.thing, Thing::Link(_));
    known.get(path).is_some_and(|one| one.thing == item.thing && (one.mode == item.mode || is_link))
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
    manifest: &'a Manifest,
    archive: &'a File,
    undone: Vec<String>,
    /// The paths that it tells of.
    told: Vec<PathBuf>,
    /// What went to make room for its own new name.
    renamed: BTreeSet<PathBuf>,
    /// Folders that kept their owner out.
    opened: BTreeSet<PathBuf>,
    /// Folders get their permissions last, for that reason.
    modes: BTreeMap<PathBuf, u32>,
}

impl Work<'_> {
    /// Lets us into the folders in which something is to be changed; a killed process would leave them like that.
    fn open_up(&mut self) {
        let touched: BTreeSet<&Path> = changed(self.known, &self.manifest.items).flat_map(Path::ancestors).collect();
        for (path, one) in self.known {
            let keeps_out = one.thing == Thing::Folder && one.mode & OWNER != OWNER && touched.contains(path.as_path());
            if !keeps_out || !matches!(self.now(path), Ok(Now::Unchanged)) {
                continue;
            }
            // Where it cannot be done, what cannot be done in it will say so.
            if fs::set_permissions(self.root.join(path), Permissions::from_mode(one.mode | OWNER)).is_ok() {
                self.opened.insert(path.clone());
                self.modes.insert(path.clone(), one.mode);
            }
        }
    }

    /// Removes what is not in the archive any more.
    fn remove(&mut self, path: &Path, one: &One) {
        let items = &self.manifest.items;
        // What became a thing of another kind went before that came, or had to stay.
        let was_replaced = path.ancestors().skip(1).any(|it| items.get(it).is_some_and(|it| it.thing != Thing::Folder));
        let is_gone = was_replaced || self.renamed.contains(path);
        if !items.contains_key(path) && !is_gone && !self.manifest.spares(path) {
            self.clear(path, one);
        }
    }

    /// Removes what was packed.
    fn clear(&mut self, path: &Path, one: &One) {
        let target = self.root.join(path);
        let done = match self.now(path) {
            Ok(Now::Nothing) => Ok(()),
            Ok(Now::Unchanged) if one.thing == Thing::Folder => match fs::remove_dir(&target) {
                // What is still in it is somebody else's.
                Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => {
                    if !self.told.iter().any(|told| told.starts_with(path)) {
                        self.conflict(path);
                    }
                    return;
                }
                done => {
                    self.modes.remove(path);
                    done
                }
            },
            Ok(Now::Unchanged) => fs::remove_file(&target),
            Ok(Now::Changed(_)) => return self.conflict(path),
            Err(error) => Err(error),
        };
        self.note(path, done);
    }

    /// Brings what is new or changed.
    fn bring(&mut self, path: &Path, item: &Item) {
        if is_known(self.known, path, item) {
            return;
        }
        let known = self.known.get(path);
        let is_other_kind = known.is_some_and(|one| (one.thing == Thing::Folder) != (item.thing == Thing::Folder));
        if is_other_kind && matches!(self.now(path), Ok(Now::Unchanged)) {
            let below = self
                .known
                .range::<Path, _>((Bound::Included(path), Bound::Unbounded))
                .take_while(|(it, _)| it.starts_with(path));
            let below: Vec<_> = below.collect();
            below.into_iter().rev().for_each(|(path, one)| self.clear(path, one));
            if self.told.iter().any(|told| told.starts_with(path)) {
                return;
            }
        }
        if let (None, Ok(Now::Changed(metadata))) = (known, self.now(path)) {
            self.make_way(&metadata);
        }
        let done = match (known, self.now(path)) {
            (None, Ok(Now::Nothing)) if self.has_room(path) => self.write(path, item, true),
            (Some(_), Ok(Now::Nothing)) if is_other_kind => self.write(path, item, true),
            (Some(_), Ok(Now::Unchanged)) => self.write(path, item, false),
            (_, Ok(Now::Changed(metadata))) if self.is_same(path, item, &metadata) => Ok(()),
            (_, Ok(_)) => return self.conflict(path),
            (_, Err(error)) => Err(error),
        };
        match done {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => self.conflict(path),
            done => self.note(path, done),
        }
    }

    /// Where names with other capitals are the same name, what is at a new one may be what was packed under the old one.
    fn make_way(&mut self, metadata: &Metadata) {
        let stamp = Stamp::of(metadata);
        let is_old = |path: &Path, one: &One| {
            one.thing != Thing::Folder && one.stamp == stamp && !self.manifest.items.contains_key(path)
        };
        if let Some((path, one)) = self.known.iter().find(|(path, one)| is_old(path, one)) {
            self.clear(path, one);
            self.renamed.insert(path.clone());
        }
    }

    /// Whether the folder that `path` is in is there.
    fn has_room(&self, path: &Path) -> bool {
        self.root.join(path).parent().is_some_and(Path::is_dir)
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
            Some(one) if one.thing == Thing::Folder && metadata.is_dir() => {
                let opened = if self.opened.contains(path) { OWNER } else { 0 };
                let is_as_it_was = permissions(metadata.mode()) == one.mode | opened;
                if is_as_it_was { Now::Unchanged } else { Now::Changed(metadata) }
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

    /// Puts `item` at `path`, whole or not at all, whenever this process ends; where it is `new`, over nothing that came meanwhile.
    fn write(&mut self, path: &Path, item: &Item, new: bool) -> io::Result<()> {
        let target = self.root.join(path);
        let folder = target.parent().unwrap_or(self.root);
        match &item.thing {
            Thing::Folder => {
                if new {
                    fs::create_dir(&target)?;
                }
                self.modes.insert(path.to_owned(), item.mode);
            }
            Thing::Link(to) if new => symlink(to, &target)?,
            Thing::Link(to) => {
                let room = tempfile::Builder::new().prefix(PART).tempdir_in(folder)?;
                let link = room.path().join("link");
                symlink(to, &link)?;
                fs::rename(link, &target)?;
            }
            Thing::File { length, .. } => {
                let mut file = tempfile::Builder::new().prefix(PART).tempfile_in(folder)?;
                let mut archive = self.archive.try_clone()?;
                archive.seek(SeekFrom::Start(item.at))?;
                io::copy(&mut archive.take(*length), file.as_file_mut())?;
                file.as_file().set_permissions(Permissions::from_mode(item.mode))?;
                if let Some(modified) = item.modified {
                    // A time that this file system does not know is no reason to go without the file.
                    let _ = file.as_file().set_modified(modified);
                }
                let done = if new { file.persist_noclobber(&target) } else { file.persist(&target) };
                done.map_err(|error| error.error)?;
            }
        }
        Ok(())
    }

    fn set_modes(&mut self) {
        for (path, mode) in std::mem::take(&mut self.modes).into_iter().rev() {
            let done = fs::set_permissions(self.root.join(&path), Permissions::from_mode(mode));
            self.note(&path, done);
        }
    }

    fn conflict(&mut self, path: &Path) {
        self.told.push(path.to_owned());
        let path = path.display();
        self.undone.push(format!("conflict: {path} was changed on this machine meanwhile and stays as it is here"));
    }

    fn note(&mut self, path: &Path, done: io::Result<()>) {
        if let Err(error) = done {
            self.told.push(path.to_owned());
            self.undone.push(format!("{} could not be brought back: {error}", path.display()));
        }
    }
}

#[cfg(test)]
#[path = "unpack_tests.rs"]
mod tests;
