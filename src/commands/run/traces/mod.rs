//! What a run changed that this machine may execute later, by git, an editor, a shell or a package manager: told after it.
//!
//! A bounded set of files is looked at before and after. Nothing is executed for it, git least of all: it would obey the very
//! files that are in doubt.

mod below;
mod git_config;
mod obeyed;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs::{self, OpenOptions};
use std::hash::{BuildHasher, RandomState};
use std::io::Read;
use std::mem;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use serde_json::Value;

use self::obeyed::{As, FILES, FOLDERS};
use super::order::Order;

/// How much of a file is read, bytes.
const LARGEST: u64 = 4 << 20;
/// How many names of a folder are looked at.
const CROWD: usize = 256;
/// How many submodules are looked at, and how many included configurations.
const FEW: usize = 32;
/// How many changed files are told one by one.
const MANY: usize = 20;
/// How many changed entries of a file are named.
const NAMED: usize = 5;

/// What a file was like.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Trace {
    /// Its contents, and whether it can be executed.
    Whole(u64, bool),
    /// What counts in it.
    Entries(BTreeSet<(String, String)>),
    /// No file that can be read, or a folder with too many names.
    Odd(&'static str),
}

/// The files in question as they were at one moment.
pub struct Traces {
    workspace: PathBuf,
    mounts: Vec<PathBuf>,
    /// Whether the agent can reach what is above the workspace.
    above: bool,
    hashes: RandomState,
    found: BTreeMap<PathBuf, (Trace, &'static str)>,
    /// Files and folders to which a configuration led. Where only the present one leads there, that is told of the configuration.
    led: BTreeSet<PathBuf>,
    /// Folders below that are not looked into.
    left_out: BTreeSet<PathBuf>,
    /// How far it is looked there.
    reach: below::Reach,
}

impl Traces {
    /// Looks at what the task of `order` can write to: its workspace, the mounts, and, where it may run `on_host` and nothing keeps the
    /// agent in its workspace, the repository above that.
    pub fn before(order: &Order, on_host: bool) -> Self {
        let settings = &order.settings;
        let writable = settings.sandbox.mounts.iter().filter(|mount| !mount.read_only && mount.source.is_dir());
        let mut traces = Traces {
            workspace: order.workspace.path.clone(),
            mounts: writable.map(|mount| mount.source.clone()).collect(),
            above: on_host || !settings.mode_for(settings.agent.value).value.is_container(),
            hashes: RandomState::new(),
            found: BTreeMap::new(),
            led: BTreeSet::new(),
            left_out: BTreeSet::new(),
            reach: below::BEFORE,
        };
        traces.look();
        traces
    }

    /// What has changed since, a warning for each.
    pub fn warnings(mut self) -> Vec<String> {
        let (found, led) = (mem::take(&mut self.found), mem::take(&mut self.led));
        let left_out = self.left_out.clone();
        self.reach = below::AFTER;
        self.look();
        let newly_led = |path: &Path| {
            let at = [Some(path), path.parent()].into_iter().flatten().find(|at| self.led.contains(*at));
            at.is_some_and(|at| !led.contains(at))
        };
        let changed = |(path, (trace, who)): (&PathBuf, &(Trace, &str))| {
            let before = found.get(path).map(|(trace, _)| trace);
            (before != Some(trace) && !newly_led(path)).then(|| self.warning(path, before, trace, who)).flatten()
        };
        let mut warnings: Vec<String> = self.found.iter().filter_map(changed).collect();
        if warnings.len() > MANY {
            let more = warnings.len() - MANY;
            warnings.truncate(MANY);
            warnings
                .push(format!("the task changed {more} more files that this machine may execute: look at them first"));
        }
        if let Some(folder) = self.left_out.difference(&left_out).next() {
            warnings.push(format!(
                "the task made more folders than are looked at, {} among them, and with them files that others may execute on this machine: look at it first",
                folder.strip_prefix(&self.workspace).unwrap_or(folder).display()
            ));
        }
        warnings
    }

    fn warning(&self, path: &Path, before: Option<&Trace>, after: &Trace, who: &str) -> Option<String> {
        let none = BTreeSet::new();
        let what = match (before, after) {
            (Some(Trace::Entries(_)) | None, Trace::Entries(after)) => {
                let before =
                    before.map_or(&none, |before| if let Trace::Entries(entries) = before { entries } else { &none });
                let mut names: Vec<&str> = Vec::new();
                for (name, _) in before.symmetric_difference(after) {
                    if !names.contains(&name.as_str()) {
                        names.push(name);
                    }
                }
                if names.is_empty() {
                    return None;
                }
                let more = if names.len() > NAMED { ", …" } else { "" };
                let names = names.iter().take(NAMED).map(|name| name.chars().take(80).collect::<String>());
                format!(" ({}{more})", names.collect::<Vec<_>>().join(", "))
            }
            (_, Trace::Odd(why)) => format!(" ({why})"),
            _ => String::new(),
        };
        let path = path.strip_prefix(&self.workspace).unwrap_or(path).display();
        let verb = if before.is_some() { "changed" } else { "made" };
        Some(format!("the task {verb} {path}{what}, which {who} may execute on this machine: look at it first"))
    }

    fn look(&mut self) {
        self.root(&self.workspace.clone(), self.above);
        for mount in self.mounts.clone() {
            self.root(&mount, false);
        }
    }

    fn root(&mut self, root: &Path, above: bool) {
        self.obeyed(root, |_| true);
        self.below(root);
        let mut roots = root.ancestors().take(if above { usize::MAX } else { 1 });
        if let Some(repository) = roots.find(|folder| folder.join(".git").symlink_metadata().is_ok()) {
            self.repository(repository);
        }
    }

    /// What others obey in `folder`, where it `has` files and folders of such names.
    fn obeyed(&mut self, folder: &Path, has: impl Fn(&str) -> bool) {
        for (name, read, who) in FILES.iter().filter(|(name, ..)| has(name)) {
            self.file(&folder.join(name), *read, who);
        }
        for (name, start, who) in FOLDERS.iter().filter(|(name, ..)| has(top(name))) {
            let fits = |file: &str| file.starts_with(start);
            match name.strip_suffix("/*") {
                None => self.folder(&folder.join(name), who, fits),
                Some(name) => {
                    for below in self.names(&folder.join(name), who) {
                        self.folder(&folder.join(name).join(below), who, fits);
                    }
                }
            }
        }
    }

    /// The same in the folders below `root`, with the repositories there.
    fn below(&mut self, root: &Path) {
        let files = FILES.iter().map(|(name, ..)| *name);
        let names: Vec<&str> = files.chain(FOLDERS.iter().map(|(name, ..)| top(name))).chain([".git"]).collect();
        let below = below::look(root, &names, self.reach, &self.left_out);
        for (folder, found) in &below.folders {
            self.obeyed(folder, |name| found.iter().any(|there| there == name));
            if found.iter().any(|there| there == ".git") {
                self.repository(folder);
            }
        }
        self.left_out.extend(below.left_out);
    }

    /// The git folders of the repository whose working files are in `root`.
    fn repository(&mut self, root: &Path) {
        let git = root.join(".git");
        let own = if git.is_file() {
            self.file(&git, As::Whole, "git");
            let text = text(&git).unwrap_or_default();
            root.join(text.strip_prefix("gitdir:").unwrap_or_default().trim())
        } else {
            git
        };
        let common = text(&own.join("commondir")).map_or_else(|| own.clone(), |text| own.join(text.trim()));
        let common = fs::canonicalize(&common).unwrap_or(common);
        self.file(&own.join("commondir"), As::Whole, "git");
        self.file(&own.join("config.worktree"), As::GitConfig, "git");
        self.git_folder(&common, root);
        let modules = fs::read_dir(common.join("modules")).into_iter().flatten().flatten();
        for module in modules.take(FEW) {
            self.git_folder(&module.path(), &module.path());
        }
    }

    /// What git obeys in a git folder; `root` is what its hooks' path starts from.
    fn git_folder(&mut self, folder: &Path, root: &Path) {
        self.file(&folder.join("info/attributes"), As::Attributes, "git");
        self.folder(&folder.join("hooks"), "git", |name| !name.ends_with(".sample"));
        let config = folder.join("config");
        self.file(&config, As::GitConfig, "git");
        let Some((Trace::Entries(entries), _)) = self.found.get(&config).cloned() else { return };
        for path in git_config::included(&entries).take(FEW) {
            self.led.insert(folder.join(path));
            self.file(&folder.join(path), As::GitConfig, "git");
        }
        for path in git_config::hooks_paths(&entries).take(FEW) {
            self.led.insert(root.join(path));
            self.folder(&root.join(path), "git", |_| true);
        }
    }

    /// The files of a folder whose names fit.
    fn folder(&mut self, folder: &Path, who: &'static str, fits: impl Fn(&str) -> bool) {
        for name in self.names(folder, who).iter().filter(|name| fits(&name.to_string_lossy())) {
            let path = folder.join(name);
            if !path.is_dir() {
                self.file(&path, As::Whole, who);
            }
        }
    }

    /// The names in a folder; none where they are too many, which is noted.
    fn names(&mut self, folder: &Path, who: &'static str) -> Vec<OsString> {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        let mut names: Vec<_> = entries.map(|entry| entry.file_name()).take(CROWD + 1).collect();
        if names.len() > CROWD {
            self.found.insert(folder.to_owned(), (Trace::Odd("more files than are looked at"), who));
            names.clear();
        }
        names
    }

    fn file(&mut self, path: &Path, read: As, who: &'static str) {
        // Links are followed, as those who obey the file would.
        let Ok(metadata) = fs::metadata(path) else {
            if path.symlink_metadata().is_ok() {
                self.found.insert(path.to_owned(), (Trace::Odd("a link that leads nowhere yet"), who));
            }
            return;
        };
        let bytes = if metadata.is_file() { bytes(path) } else { None };
        let trace = match (read, bytes) {
            (_, None) => Trace::Odd("no file that can be read"),
            (As::Whole, Some(bytes)) => {
                let hash = self.hashes.hash_one((metadata.len(), &bytes));
                Trace::Whole(hash, metadata.permissions().mode() & 0o111 != 0)
            }
            (As::GitConfig, Some(bytes)) => Trace::Entries(git_config::entries(&String::from_utf8_lossy(&bytes))),
            (As::Attributes, Some(bytes)) => Trace::Entries(attributes(&String::from_utf8_lossy(&bytes))),
            (As::Scripts, Some(bytes)) => match serde_json::from_slice::<Value>(&bytes) {
                Ok(package) => Trace::Entries(scripts(&package)),
                Err(_) => Trace::Odd("no JSON"),
            },
        };
        self.found.insert(path.to_owned(), (trace, who));
    }
}

/// The first folder of a path.
fn top(path: &str) -> &str {
    path.split('/').next().unwrap_or(path)
}

/// The text of a regular file.
fn text(path: &Path) -> Option<String> {
    let bytes = if fs::metadata(path).ok()?.is_file() { bytes(path) } else { None };
    String::from_utf8(bytes?).ok()
}

/// The contents of what has been seen to be a regular file. Nothing else is even opened: a device may act on that, and a pipe would
/// never end.
fn bytes(path: &Path) -> Option<Vec<u8>> {
    let flags = rustix::fs::OFlags::NONBLOCK.bits();
    let file = OpenOptions::new().read(true).custom_flags(i32::try_from(flags).ok()?).open(path).ok()?;
    let mut bytes = Vec::new();
    file.take(LARGEST).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

/// The lines that call a driver which a configuration may define.
fn attributes(text: &str) -> BTreeSet<(String, String)> {
    let calls = |line: &&str| {
        line.split_whitespace()
            .skip(1)
            .any(|word| ["filter=", "diff=", "merge="].iter().any(|attribute| word.starts_with(attribute)))
    };
    text.lines()
        .map(str::trim)
        .filter(|line| !line.starts_with('#'))
        .filter(calls)
        .map(|line| (line.into(), String::new()))
        .collect()
}

fn scripts(package: &Value) -> BTreeSet<(String, String)> {
    let scripts = package["scripts"].as_object().into_iter().flatten();
    scripts.map(|(name, script)| (name.clone(), script.to_string())).collect()
}
