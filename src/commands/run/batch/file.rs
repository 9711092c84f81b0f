//! The file of a batch: one task a line, all of them looked at before the first one runs.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::cli::RunArgs;
use crate::commands::run::inside;
use crate::commands::run::order::{self, Order};
use crate::commands::run::plan::Wish;
use crate::commands::run::reach::Reach;
use crate::commands::run::warm::Wanted;
use crate::commands::run::workspace::Workspace;
use crate::config::{Environment, Flags, Settings};
use crate::failure::{Class, Failure};
use crate::ledger::{LONGEST_ID, fingerprint, is_id};
use crate::redact::Secrets;

/// A line.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    task: String,
    agent: Option<String>,
    workspace: Option<PathBuf>,
    model: Option<String>,
    timeout: Option<String>,
    id: Option<String>,
}

/// A task of the batch: enough to find it again. Its text stays in the file, however many there are.
#[derive(Clone, Debug)]
pub struct Item {
    /// Its name: its own, or one made of what the line says.
    pub id: String,
    /// Names its dead letter: another batch, or this one with other lines, may have a task of the same name.
    pub letter: String,
    /// Its line, from 1.
    pub line: usize,
    /// The workspace.
    pub workspace: Arc<Path>,
    /// Fingerprint of the line: the task is done only where a result bears it.
    pub print: String,
    /// What is in force for it.
    pub settings: Arc<Settings>,
    offset: u64,
    length: usize,
}

#[cfg(test)]
impl Item {
    /// A task named `id`, of no file.
    pub fn for_test(id: &str, settings: Arc<Settings>) -> Self {
        let (id, workspace) = (id.to_owned(), Path::new("/w").into());
        Item { letter: id.clone(), id, line: 1, workspace, print: String::new(), settings, offset: 0, length: 0 }
    }
}

/// An open batch.
pub struct Tasks<'a> {
    /// The file's real path.
    pub path: PathBuf,
    /// All tasks, in order.
    pub items: Vec<Item>,
    file: File,
    args: &'a RunArgs,
    flags: &'a Flags,
}

impl<'a> Tasks<'a> {
    /// Reads the file at `path`, for tasks that are run with `args` where their lines do not say otherwise.
    ///
    /// # Errors
    /// Usage (2) naming the line that cannot be run, or the file that cannot be read; config (78) for the configuration.
    pub fn open(
        path: &Path,
        args: &'a RunArgs,
        flags: &'a Flags,
        env: &Environment,
        secrets: &Secrets,
    ) -> Result<Self> {
        let unreadable = |error: &std::io::Error| {
            let message = format!("the batch {} cannot be read", path.display());
            Failure::usage(message, "name a file with one JSON object a line: --batch FILE.jsonl")
                .because(error.to_string())
        };
        let real = path.canonicalize().map_err(|error| unreadable(&error))?;
        if !real.is_file() {
            return Err(
                unreadable(&std::io::Error::other("it is not a file, and a batch is read more than once")).into()
            );
        }
        // A configuration that is wrong for all tasks is no line's fault.
        Wanted::of(args, &Settings::resolve(flags, env)?)?;
        let file = File::open(&real).map_err(|error| unreadable(&error))?;
        let mut reading = Reading {
            path: &real,
            args,
            flags,
            env,
            secrets,
            ids: HashMap::new(),
            settings: HashMap::new(),
            folders: HashMap::new(),
        };
        let mut items = Vec::new();
        let (mut text, mut offset, mut number) = (Vec::new(), 0, 0);
        let mut reader = BufReader::new(&file);
        loop {
            text.clear();
            let length = reader.read_until(b'\n', &mut text).map_err(|error| unreadable(&error))?;
            if length == 0 {
                break;
            }
            number += 1;
            if !text.trim_ascii().is_empty() {
                let item = reading.item(&text, number, offset).map_err(|failure| at(path, number, failure))?;
                items.push(item);
            }
            offset += length as u64;
        }
        Ok(Tasks { path: real, items, file, args, flags })
    }

    /// The task of `item`, read once more.
    ///
    /// # Errors
    /// The file has been changed meanwhile.
    pub fn order(&self, item: &Item) -> Result<Order> {
        let mut text = vec![0; item.length];
        self.file.read_exact_at(&mut text, item.offset).context("reading the batch again")?;
        let changed = || {
            let message = format!("line {} of the batch is not what it was when the batch began", item.line);
            let hint = "give the same command again: it reads the file anew, and goes on with what is left";
            Failure::new(Class::Internal, message, hint)
        };
        if fingerprint(text.trim_ascii()) != item.print {
            return Err(changed().into());
        }
        let line: Line = serde_json::from_slice(&text).map_err(|error| changed().because(error.to_string()))?;
        let model = line.model.or_else(|| self.args.model.clone());
        let args = RunArgs {
            model: model.clone(),
            timeout: line.timeout.or_else(|| self.args.timeout.clone()),
            ..self.args.clone()
        };
        let sandbox = Wanted::of(&args, &item.settings)?;
        let wish = Wish {
            prompt: line.task.into_bytes(),
            model,
            agent_args: args.agent_args.clone(),
            raw: false,
            dry: false,
            sandbox,
            reach: Reach::of(&args)?,
        };
        Ok(Order {
            settings: Arc::clone(&item.settings),
            workspace: Workspace { path: item.workspace.to_path_buf() },
            wish,
            args: order::options(&args, self.flags),
            bare: false,
        })
    }
}

fn at(path: &Path, line: usize, failure: Failure) -> Failure {
    Failure { message: format!("{}:{line}: {}", path.display(), failure.message), ..failure }
}

/// What one line has in common with another.
struct Reading<'a> {
    path: &'a Path,
    args: &'a RunArgs,
    flags: &'a Flags,
    env: &'a Environment,
    secrets: &'a Secrets,
    /// How often a name came, and on which line first.
    ids: HashMap<String, (usize, usize)>,
    settings: HashMap<(Option<String>, Option<String>), Arc<Settings>>,
    folders: HashMap<Option<PathBuf>, Arc<Path>>,
}

impl Reading<'_> {
    fn item(&mut self, text: &[u8], number: usize, offset: u64) -> Result<Item, Failure> {
        const HINT: &str =
            r#"a line is {"task": "…"}, with "agent", "workspace", "model", "timeout" and "id" as needed"#;
        let line: Line = serde_json::from_slice(text).map_err(|error| {
            let words = error.to_string();
            let words = words.rsplit_once(" at line ").map_or(words.as_str(), |(words, _)| words);
            Failure::usage(format!("not a task: {words}"), HINT)
        })?;
        if line.task.trim().is_empty() || line.task.contains('\0') {
            return Err(Failure::usage("the task is empty, or no text", HINT));
        }
        let id = self.id(&line, text, number)?;
        let origin = fingerprint(&[self.path.as_os_str().as_bytes(), text.trim_ascii()].join(&0));
        Ok(Item {
            letter: format!("{id}-{}", &origin[..8]),
            id,
            line: number,
            print: fingerprint(text.trim_ascii()),
            workspace: self.folder(line.workspace)?,
            settings: self.settings(line.agent, line.timeout)?,
            offset,
            length: text.len(),
        })
    }

    /// The line's own name, which must be the only one; else one that stays the same when lines are added around it.
    fn id(&mut self, line: &Line, text: &[u8], number: usize) -> Result<String, Failure> {
        let own = line.id.as_ref();
        if let Some(id) = own.filter(|id| id.len() > LONGEST_ID || !is_id(id)) {
            let hint =
                format!("use at most {LONGEST_ID} letters, digits, `-`, `_` and `.`, and begin with none of the dots");
            return Err(Failure::usage(format!("{id:?} cannot be an id"), hint));
        }
        let base = own.cloned().unwrap_or_else(|| fingerprint(text.trim_ascii()));
        let (count, first) = self.ids.entry(base.clone()).and_modify(|(count, _)| *count += 1).or_insert((1, number));
        match (own, *count) {
            (_, 1) => Ok(base),
            (Some(id), _) => Err(Failure::usage(
                format!("the id {id:?} is on line {first} already"),
                "give every task an id of its own",
            )),
            (None, count) => Ok(format!("{base}-{count}")),
        }
    }

    fn folder(&mut self, typed: Option<PathBuf>) -> Result<Arc<Path>, Failure> {
        let typed = typed.or_else(|| self.args.workspace.clone());
        if let Some(known) = self.folders.get(&typed) {
            return Ok(Arc::clone(known));
        }
        // No shell has looked at what stands in the file.
        let home = typed.as_deref().and_then(|path| path.strip_prefix("~").ok());
        let home = home.and_then(|below| Some(self.env.home()?.join(below)));
        let opened = Workspace::open(home.as_deref().or(typed.as_deref())).map_err(|error| Failure::of(&error))?;
        let folder: Arc<Path> = opened.path.into();
        self.folders.insert(typed, Arc::clone(&folder));
        Ok(folder)
    }

    fn settings(&mut self, agent: Option<String>, timeout: Option<String>) -> Result<Arc<Settings>, Failure> {
        let key = (agent, timeout);
        if let Some(known) = self.settings.get(&key) {
            return Ok(Arc::clone(known));
        }
        let flags = Flags {
            agent: key.0.clone().or_else(|| self.flags.agent.clone()),
            timeout: key.1.clone().or_else(|| self.flags.timeout.clone()),
            ..self.flags.clone()
        };
        let settings = Arc::new(Settings::resolve(&flags, self.env)?);
        inside::register(&settings, self.env, self.secrets);
        self.settings.insert(key, Arc::clone(&settings));
        Ok(settings)
    }
}
