//! What an archive holds that was written in the container: nothing of it is believed.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Seek;
use std::ops::Bound;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use tar::{Archive, EntryType};

use super::known::{Hashing, Known, Thing, permissions};

/// What stands in the archive under one path.
#[derive(Clone, Debug)]
pub struct Item {
    /// What it is.
    pub thing: Thing,
    /// Its permissions.
    pub mode: u32,
    /// When it was last written to.
    pub modified: Option<SystemTime>,
    /// Where a file's contents begin in the archive.
    pub at: u64,
}

/// Everything that may be brought back, by its path.
pub type Items = BTreeMap<PathBuf, Item>;

/// What an archive holds.
#[derive(Default)]
pub struct Manifest {
    /// What may be brought back.
    pub items: Items,
    /// What may not, in words.
    pub words: Vec<String>,
    /// The paths of that below the workspace.
    pub refused: BTreeSet<PathBuf>,
}

impl Manifest {
    fn refuse(&mut self, path: PathBuf, why: String) {
        self.words.push(why);
        self.refused.insert(path);
    }

    /// Whether something was refused at `path`, on its way or below it: then what is there now is all that there is.
    pub fn spares(&self, path: &Path) -> bool {
        let below = self.refused.range::<Path, _>((Bound::Included(path), Bound::Unbounded)).next();
        below.is_some_and(|refused| refused.starts_with(path))
            || path.ancestors().any(|above| self.refused.contains(above))
    }
}

/// Everything in `archive`: what may be brought back, and what may not.
pub fn read(archive: &File, root: &Path, known: &Known) -> Result<Manifest> {
    let mut file = archive.try_clone().context("opening what came back")?;
    file.rewind().context("reading what came back")?;
    let mut archive = Archive::new(file);
    let mut manifest = Manifest::default();
    for entry in archive.entries().context("reading what came back")? {
        let mut entry = entry.context("reading what came back")?;
        let named = entry.path().context("reading what came back")?.into_owned();
        let shown = named.strip_prefix(".").unwrap_or(&named).display().to_string();
        let path = match within(&named) {
            Some(path) if path.as_os_str().is_empty() => continue,
            Some(path) => path,
            None => {
                manifest.words.push(format!("refused from the engine: {shown} leads out of the workspace"));
                continue;
            }
        };
        let mode = permissions(entry.header().mode().unwrap_or(0o600));
        let modified = entry.header().mtime().ok().and_then(|time| UNIX_EPOCH.checked_add(Duration::from_secs(time)));
        let at = entry.raw_file_position();
        let thing = match entry.header().entry_type() {
            EntryType::Directory => Thing::Folder,
            EntryType::Regular | EntryType::Continuous => {
                Hashing::new(&mut entry).exhaust().context("reading what came back")?
            }
            EntryType::Symlink => Thing::Link(entry.link_name()?.map(Cow::into_owned).unwrap_or_default()),
            EntryType::Link => {
                let target = entry.link_name()?.and_then(|name| within(&name));
                match target.and_then(|target| manifest.items.get(&target).cloned()) {
                    Some(item) if item.thing != Thing::Folder && may_come(&path, &item.thing, root, known) => {
                        manifest.items.insert(path, item);
                    }
                    _ => {
                        let why = format!("refused from the engine: {shown} is a link to nothing that came");
                        manifest.refuse(path, why);
                    }
                }
                continue;
            }
            _ => {
                manifest.refuse(path, format!("not brought back: {shown} is neither a file, a folder nor a link"));
                continue;
            }
        };
        if may_come(&path, &thing, root, known) {
            manifest.items.insert(path, Item { thing, mode, modified, at });
        } else {
            manifest.refuse(path, format!("refused from the engine: the link {shown} leads out of the workspace"));
        }
    }
    Ok(manifest)
}

/// Whether `thing` is no link out of the workspace. What the caller had before is the caller's.
fn may_come(path: &Path, thing: &Thing, root: &Path, known: &Known) -> bool {
    known.get(path).is_some_and(|one| one.thing == *thing) || stays_inside(path, thing, root)
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
