//! The folders below a workspace: nearest first, so that what is near is not left out for what is far.

use std::collections::{BTreeSet, VecDeque};
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

/// How far below its root a folder is looked at.
const DEEP: usize = 4;

/// How much is looked at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reach {
    folders: usize,
    names: usize,
    /// Whether caches (folders with a `CACHEDIR.TAG`) are, too.
    caches: bool,
}

/// Before a run.
pub(super) const BEFORE: Reach = Reach { folders: 500, names: 50_000, caches: false };
/// After it: what was made meanwhile as well, whatever it says that it is.
pub(super) const AFTER: Reach = Reach { folders: 2_000, names: 200_000, caches: true };

/// What was seen below a root.
#[derive(Default)]
pub(super) struct Below {
    /// Folders, and which of the names in question each of them has.
    pub folders: Vec<(PathBuf, Vec<OsString>)>,
    /// Folders that were not looked into.
    pub left_out: BTreeSet<PathBuf>,
}

/// Looks for `names` in the folders below `root`, but not in packages that were installed there, in hidden folders, in what is
/// linked, and in those of `left_out`.
pub(super) fn look(root: &Path, names: &[&str], reach: Reach, left_out: &BTreeSet<PathBuf>) -> Below {
    let mut below = Below::default();
    let mut queue = VecDeque::from([(root.to_owned(), 0)]);
    let Reach { mut folders, names: mut budget, caches } = reach;
    while let Some((folder, depth)) = queue.pop_front() {
        if folders == 0 {
            below.left_out.insert(folder);
            continue;
        }
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        let entries: Vec<_> = entries.flatten().take(budget + 1).collect();
        let is_cache = depth > 0 && !caches && entries.iter().any(|entry| entry.file_name() == "CACHEDIR.TAG");
        if entries.len() > budget || is_cache {
            below.left_out.insert(folder);
            continue;
        }
        folders -= 1;
        budget -= entries.len();
        let (mut found, mut deeper) = (Vec::new(), Vec::new());
        for entry in entries {
            let name = entry.file_name();
            let skipped = name.as_encoded_bytes().starts_with(b".") || name == "node_modules";
            if names.iter().any(|wanted| name == *wanted) {
                found.push(name);
            } else if depth < DEEP && !skipped && entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                deeper.push(entry.path());
            }
        }
        deeper.sort();
        queue.extend(deeper.into_iter().filter(|path| !left_out.contains(path)).map(|path| (path, depth + 1)));
        if depth > 0 && !found.is_empty() {
            below.folders.push((folder, found));
        }
    }
    below
}
