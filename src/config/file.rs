//! The configuration file, read strictly: every key is known and every value legal, or there is an error with its line.

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};

use toml::de::{DeTable, DeValue};

use super::layers::failure;
use super::read::{Node, Place, nearest};
use super::schema::{self, Key};
use super::{Environment, Flags, Origin};
use crate::command::shell_word;
use crate::failure::Failure;

/// Shows every key although the file in force is wrong.
const ALL_KEYS: &str = "ringfence --config /dev/null sandbox show";

/// A configuration file whose every value is legal.
pub struct ConfigFile<'t> {
    /// What its values are read with.
    pub place: Place,
    path: PathBuf,
    values: Vec<(String, Node<'t>, usize)>,
}

/// Where the configuration file is, whether it exists or not; empty where the user has no config folder.
pub fn path(flags: &Flags, env: &Environment) -> PathBuf {
    match &flags.config {
        Some(path) => std::path::absolute(path).unwrap_or_else(|_| path.clone()),
        None => env.config_dir().map(|folder| folder.join("config.toml")).unwrap_or_default(),
    }
}

impl<'t> ConfigFile<'t> {
    /// Checks `text` as the content of `path`; `named` is what `--config` said.
    ///
    /// # Errors
    /// Config or `invalid_image` (78), with the line.
    pub fn parse(path: &Path, text: &'t str, named: Option<&Path>, home: Option<PathBuf>) -> Result<Self, Failure> {
        let document = DeTable::parse(text).map_err(|error| not_toml(path, text, &error))?;
        let place = Place { home, ..Place::default() };
        let mut reader = Reader { path, text, named, place: &place, keys: schema::keys(), values: Vec::new() };
        reader.table("", document.get_ref())?;
        let values = reader.values;
        Ok(ConfigFile { path: path.to_owned(), values, place })
    }

    /// The value of `key`, if the file has it, and where.
    pub fn get(&self, key: &str) -> Option<(&Node<'t>, Origin)> {
        let (_, node, line) = self.values.iter().find(|(name, ..)| name == key)?;
        Some((node, Origin::File { path: self.path.clone(), line: *line }))
    }
}

/// The text of the file in force; none where there is no file, unless `--config` names it.
///
/// # Errors
/// Usage (2) for a named file that is not there; as [`read`].
pub fn text(path: &Path, flags: &Flags) -> Result<Option<String>, Failure> {
    let text = read(path)?;
    if text.is_none() && flags.config.is_some() {
        let hint = "name an existing file, or leave --config out to use the one in the user's config folder";
        return Err(Failure::usage(format!("--config: {}: no such file", path.display()), hint));
    }
    Ok(text)
}

/// The longest configuration, bytes: a device would have no end.
const LONGEST: usize = 1 << 20;

fn at_most_longest(file: File) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(LONGEST as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The text of the file; none where there is no file.
///
/// # Errors
/// Config (78): it cannot be read, or is not UTF-8.
pub fn read(path: &Path) -> Result<Option<String>, Failure> {
    if path.as_os_str().is_empty() {
        return Ok(None);
    }
    let shown = path.display();
    let bytes = match File::open(path).and_then(at_most_longest) {
        Ok(bytes) if bytes.len() > LONGEST => {
            let message = format!("{shown}: is longer than {} KiB, so it is no configuration", LONGEST / 1024);
            return Err(Failure::config(message, "name another file: --config FILE, or move it away"));
        }
        Ok(bytes) => bytes,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound) => return Ok(None),
        Err(error) => {
            let named = shell_word(path.as_os_str());
            let hint = format!("make it a file that you can read, or move it away; look at it with: ls -ld {named}");
            return Err(Failure::config(format!("{shown}: cannot be read"), hint).because(error.to_string()));
        }
    };
    String::from_utf8(bytes).map(Some).map_err(|error| {
        let line = line_of(error.as_bytes(), error.utf8_error().valid_up_to());
        Failure::config(format!("{shown}:{line}: not UTF-8 text"), format!("save {shown} as UTF-8"))
    })
}

fn line_of(text: &[u8], at: usize) -> usize {
    1 + text.iter().take(at).filter(|b| **b == b'\n').count()
}

fn not_toml(path: &Path, text: &str, error: &toml::de::Error) -> Failure {
    let line = line_of(text.as_bytes(), error.span().map_or(0, |span| span.start));
    let offending: String = text.lines().nth(line - 1).unwrap_or_default().trim().chars().take(80).collect();
    let message = format!("{}:{line}: not TOML: {offending:?}", path.display());
    let hint =
        format!("correct line {line}; text needs quotes, lists need brackets, as in: memory = \"4g\", env = [\"CI\"]");
    Failure::config(message, hint).because(error.message().replace('\n', ", "))
}

struct Reader<'r, 't> {
    path: &'r Path,
    text: &'r str,
    named: Option<&'r Path>,
    place: &'r Place,
    keys: Vec<Key>,
    values: Vec<(String, Node<'t>, usize)>,
}

impl<'t> Reader<'_, 't> {
    fn table(&mut self, section: &str, table: &DeTable<'t>) -> Result<(), Failure> {
        // By place in the file, so that the first wrong line is the one reported.
        let mut entries: Vec<_> = table.iter().collect();
        entries.sort_by_key(|(name, _)| name.span().start);
        for (name, node) in entries {
            let key =
                if section.is_empty() { name.get_ref().to_string() } else { format!("{section}.{}", name.get_ref()) };
            let line = line_of(self.text.as_bytes(), name.span().start);
            if name.get_ref().contains('.') {
                return Err(self.quoted(&key, name.get_ref(), line));
            }
            match (self.keys.iter().find(|known| known.name == key), node.get_ref()) {
                (Some(known), _) => {
                    let check = known.check;
                    self.value(key, node.clone(), line, check)?;
                }
                (None, DeValue::Table(table)) if self.is_section(&key) => {
                    self.table(&key, table)?;
                }
                (None, _) if self.is_section(&key) => {
                    let message = format!("{}:{line}: {key} is a section, not a value", self.path.display());
                    return Err(Failure::config(message, format!("write it as a line of its own: [{key}]")));
                }
                (None, value) => return Err(self.unknown(&key, line, matches!(value, DeValue::Table(_)))),
            }
        }
        Ok(())
    }

    fn is_section(&self, key: &str) -> bool {
        self.keys.iter().any(|known| known.name.strip_prefix(key).is_some_and(|below| below.starts_with('.')))
    }

    fn value(
        &mut self,
        key: String,
        node: Node<'t>,
        line: usize,
        check: fn(&Node, &Place) -> Result<(), super::read::Complaint>,
    ) -> Result<(), Failure> {
        check(&node, self.place).map_err(|complaint| {
            let line = complaint.span.as_ref().map_or(line, |span| line_of(self.text.as_bytes(), span.start));
            failure(complaint, &Origin::File { path: self.path.to_owned(), line }, &key, self.named)
        })?;
        self.values.push((key, node, line));
        Ok(())
    }

    /// A dot in quotes separates nothing, so the key is another than the one that it looks like.
    fn quoted(&self, key: &str, name: &str, line: usize) -> Failure {
        let hint = match (schema::key(key), nearest_key(key, &self.keys, false)) {
            (Some(Key { name: known, .. }), _) => {
                let (section, last) = known.rsplit_once('.').unwrap_or_default();
                format!("its dot must not be in quotes: {name} = …, or {last} = … below [{section}]")
            }
            (None, _) if self.is_section(key) => format!("its dot must not be in quotes: [{key}]"),
            (None, Some(near)) => format!("did you mean {near}, without quotes? see all keys with: {ALL_KEYS}"),
            (None, None) => format!("see all keys with: {ALL_KEYS}; or delete line {line}"),
        };
        Failure::config(format!("{}:{line}: unknown key {name:?}", self.path.display()), hint)
    }

    fn unknown(&self, key: &str, line: usize, is_table: bool) -> Failure {
        let bare = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        let (kind, shown) = match key {
            _ if is_table => ("section", format!("[{key}]")),
            _ if !key.is_empty() && key.chars().all(bare) => ("key", key.to_owned()),
            _ => ("key", format!("{key:?}")),
        };
        let hint = match nearest_key(key, &self.keys, is_table) {
            Some(near) => format!("did you mean {near}? see all keys with: {ALL_KEYS}"),
            None => format!("see all keys with: {ALL_KEYS}; or delete line {line}"),
        };
        Failure::config(format!("{}:{line}: unknown {kind} {shown}", self.path.display()), hint)
    }
}

/// The known key or section that `key` may have been meant to be.
pub fn nearest_key(key: &str, keys: &[Key], is_table: bool) -> Option<String> {
    if is_table {
        let sections = keys.iter().filter_map(|known| known.name.rsplit_once('.')).map(|(section, _)| section);
        return nearest(key, sections).map(|section| format!("[{section}]"));
    }
    let last = |name: &str| name.rsplit('.').next().unwrap_or_default().to_owned();
    let names = || keys.iter().map(|known| known.name.as_str());
    let section = |name: &str| name.rsplit_once('.').map(|(section, _)| section.to_owned());
    let own = section(key);
    let is_known = own.is_some() && names().any(|name| section(name) == own);
    let beside = names().filter(|name| is_known && section(name) == own);
    let homonym = names().find(|name| last(name) == last(key));
    nearest(key, beside).or_else(|| nearest(key, names())).or(homonym).map(str::to_owned).or_else(|| {
        // In a section that there is, a name that only looks like one of another's was hardly meant as that.
        let lasts: Vec<String> = names().filter(|_| !is_known).map(last).collect();
        let near = nearest(&last(key), lasts.iter().map(String::as_str))?.to_owned();
        names().find(|name| last(name) == near).map(str::to_owned)
    })
}
