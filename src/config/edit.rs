//! `sandbox set`: one key of the configuration file changed, everything else left as it was written.

use std::path::PathBuf;

use toml::de::DeValue;
use toml_edit::{Array, DocumentMut, Item, Table, TableLike, Value};

use super::file::{self, ConfigFile};
use super::read::{Complaint, Place};
use super::schema::{self, Key};
use super::store::{Lock, target};
use super::{Environment, Flags, Origin, layers};
use crate::command::shell_word;
use crate::failure::Failure;

/// What `edit` did.
#[derive(Clone, Debug)]
pub struct Change {
    /// The dotted key.
    pub key: String,
    /// The value that the file had before.
    pub before: Option<serde_json::Value>,
    /// The value that it has now.
    pub after: serde_json::Value,
    /// The file.
    pub path: PathBuf,
}

/// Sets `key` in the configuration file to what `text` means for it: a TOML value, else bare text, else a list whose
/// items commas separate. The file is made where it is missing.
///
/// # Errors
/// Usage (2) for an unknown key; config or `invalid_image` (78) for a value that is not legal, and for a file that would
/// not be legal even with it. The file is then as it was.
pub fn edit(flags: &Flags, env: &Environment, key: &str, text: &str) -> Result<Change, Failure> {
    let path = file::path(flags, env);
    if path.as_os_str().is_empty() {
        let hint = "name a file with --config FILE, or a folder with RINGFENCE_CONFIG_DIR";
        return Err(Failure::config("there is no folder for the configuration: HOME is not set", hint));
    }
    let known = find(key)?;
    let value = value_of(&known, text, &Place { home: env.home(), ..Place::default() })
        .map_err(|complaint| layers::failure(complaint, &Origin::Default, key, flags.config.as_deref()))?;
    let lock = Lock::of(&target(&path))?;
    let old = file::read(&path)?.unwrap_or_default();
    let check = |text: &str| ConfigFile::parse(&path, text, flags.config.as_deref(), env.home()).map(drop);
    let Ok(mut document) = old.parse::<DocumentMut>() else {
        check(&old)?;
        return Err(Failure::config(format!("{}: not TOML", path.display()), "correct it by hand"));
    };
    let after = json(&value);
    let Ok(before) = insert(&mut document, key, value) else {
        // The strict parser has the words for it.
        check(&old)?;
        return Err(Failure::config(format!("{}: {key} cannot be set there", path.display()), "correct it by hand"));
    };
    let new = with_line_ends_of(&old, document.to_string());
    check(&new)?;
    if new != old {
        lock.replace(&new)?;
    }
    Ok(Change { key: key.to_owned(), before, after, path })
}

fn find(name: &str) -> Result<Key, Failure> {
    schema::key(name).ok_or_else(|| {
        let hint = match file::nearest_key(name, &schema::keys(), false) {
            Some(near) => format!("did you mean {near}? type: ringfence sandbox set {near} VALUE"),
            None => "see all keys with: ringfence sandbox show".to_owned(),
        };
        Failure::usage(format!("unknown key {}", shell_word(name.as_ref())), hint)
    })
}

/// The first reading of `text` that is a legal value of `key`; else what is wrong with the likeliest.
fn value_of(key: &Key, text: &str, place: &Place) -> Result<Value, Complaint> {
    let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
    let readings = [
        text.trim().parse::<Value>().ok().map(undecorated),
        Some(Value::from(text)),
        // With a bracket it was meant as TOML, and is wrong.
        (!text.trim_start().starts_with('[')).then(|| Value::Array(items.collect::<Array>())),
    ];
    let mut likeliest: Option<Complaint> = None;
    for value in readings.into_iter().flatten() {
        let written = value.to_string();
        let Ok(node) = DeValue::parse(&written) else { continue };
        match (key.check)(&node, place) {
            Ok(()) => return Ok(value),
            Err(complaint) if likeliest.as_ref().is_none_or(|first| first.mismatch && !complaint.mismatch) => {
                likeliest = Some(complaint);
            }
            Err(_) => {}
        }
    }
    let none = || Complaint::new(format!("{text:?} is not a value"), key.about, key.default);
    Err(likeliest.unwrap_or_else(none))
}

/// `new`, whose lines end in a bare line feed, with the line ends of `old`.
fn with_line_ends_of(old: &str, new: String) -> String {
    let ends = |end: &str| old.matches(end).count();
    if ends("\r\n") > 0 && ends("\r\n") == ends("\n") { new.replace('\n', "\r\n") } else { new }
}

fn undecorated(mut value: Value) -> Value {
    value.decor_mut().clear();
    value
}

/// A value stands where a section should be, or the reverse.
struct Blocked;

/// Puts `value` at `key` and returns the value that it replaces.
fn insert(document: &mut DocumentMut, key: &str, value: Value) -> Result<Option<serde_json::Value>, Blocked> {
    let bare = document.as_table().is_empty();
    let comments = bare.then(|| document.trailing().as_str().unwrap_or_default().to_owned());
    let (sections, name) = key.rsplit_once('.').unwrap_or(("", key));
    let sections: Vec<&str> = sections.split('.').filter(|section| !section.is_empty()).collect();
    let mut table: &mut dyn TableLike = document.as_table_mut();
    for (at, section) in sections.iter().enumerate() {
        let below = table.entry(section).or_insert_with(|| {
            let mut new = Table::new();
            new.set_implicit(at + 1 < sections.len());
            new.decor_mut().set_prefix(match comments.as_deref() {
                Some("") => String::new(),
                // A file of comments alone: they stay above what is new.
                comments => format!("{}\n", comments.unwrap_or_default()),
            });
            Item::Table(new)
        });
        table = below.as_table_like_mut().ok_or(Blocked)?;
    }
    let before = if let Some(item) = table.get_mut(name) {
        let old = item.as_value_mut().ok_or(Blocked)?;
        let before = json(old);
        replace(old, value);
        Some(before)
    } else {
        table.insert(name, Item::Value(value));
        None
    };
    match comments {
        Some(comments) => {
            document.set_trailing("");
            if let (true, Some(mut key)) = (sections.is_empty(), document.as_table_mut().key_mut(name)) {
                key.leaf_decor_mut().set_prefix(comments);
            }
        }
        None if before.is_none() && sections.is_empty() => keep_header_on_top(document, name),
        None => {}
    }
    Ok(before)
}

/// Replaces a value where it stands: the comment behind it stays, and so do those in a list, with the items they belong to.
fn replace(old: &mut Value, mut new: Value) {
    if let (Value::Array(old), Value::Array(new)) = (&*old, &mut new) {
        keep_layout(old, new);
    }
    *new.decor_mut() = old.decor().clone();
    *old = new;
}

/// Gives the items of `new` the lines and comments that the same items have in `old`. A comment stands above its item or
/// behind the item's comma, where the parser counts it to what comes next.
fn keep_layout(old: &Array, new: &mut Array) {
    fn text(raw: Option<&toml_edit::RawString>) -> String {
        raw.and_then(|raw| raw.as_str()).unwrap_or_default().to_owned()
    }
    // A comment ends with its line.
    let joined = |behind: String, above: &str| {
        let end = if behind.contains('#') && !above.starts_with('\n') { "\n" } else { "" };
        behind + end + above
    };
    let split = |text: String| match text.find('\n') {
        Some(at) => (text[..at].to_owned(), text[at..].to_owned()),
        None => (String::new(), text),
    };
    let suffixes = [String::new()].into_iter().chain(old.iter().map(|item| text(item.decor().suffix())));
    let prefixes = old.iter().map(|item| text(item.decor().prefix())).chain([text(Some(old.trailing()))]);
    // Of each gap: what belongs to the item before it, and what to the item after it.
    let gaps: Vec<(String, String)> = suffixes.zip(prefixes).map(|(suffix, prefix)| split(suffix + &prefix)).collect();
    let indent = gaps[0].1.rsplit_once('\n').filter(|_| !old.is_empty()).map(|(_, indent)| format!("\n{indent}"));
    let same = |item: &Value| old.iter().position(|same| json(same) == json(item));
    let mut behind = gaps[0].0.clone();
    for (at, item) in new.iter_mut().enumerate() {
        let known = same(item);
        let above = match (known, &indent) {
            (Some(known), _) => gaps[known].1.clone(),
            (None, Some(indent)) => indent.clone(),
            (None, None) => String::new(),
        };
        let above = match at {
            0 if !above.contains('\n') => gaps[0].1.clone(),
            1.. if above.is_empty() => " ".to_owned(),
            _ => above,
        };
        *item.decor_mut() = toml_edit::Decor::new(joined(behind, &above), "");
        behind = known.map_or(String::new(), |known| gaps[known + 1].0.clone());
    }
    new.set_trailing(joined(behind, &gaps[old.len()].1));
    new.set_trailing_comma(old.trailing_comma() && !new.is_empty());
}

/// A first value above the sections goes below the comment that heads the file, if a blank line sets that apart.
fn keep_header_on_top(document: &mut DocumentMut, name: &str) {
    let root = document.as_table_mut();
    let above = |item: &Item| item.is_value() || item.as_table().is_some_and(Table::is_dotted);
    if root.iter().filter(|(_, item)| above(item)).count() > 1 {
        return;
    }
    let Some(first) = first_section(root) else { return };
    let prefix = first.decor().prefix().and_then(|prefix| prefix.as_str()).unwrap_or_default().to_owned();
    if let Some((header, rest)) = prefix.rsplit_once("\n\n") {
        first.decor_mut().set_prefix(format!("\n{rest}"));
        let header = format!("{header}\n\n");
        if let Some(mut key) = root.key_mut(name) {
            key.leaf_decor_mut().set_prefix(header);
        }
    } else if !prefix.starts_with('\n') {
        first.decor_mut().set_prefix(format!("\n{prefix}"));
    }
}

/// The section below `table` whose header stands first in the file.
fn first_section(table: &mut Table) -> Option<&mut Table> {
    let below = table.iter_mut().filter_map(|(_, item)| item.as_table_mut());
    let headed = below.filter_map(|table| if table.is_implicit() { first_section(table) } else { Some(table) });
    headed.min_by_key(|table| table.position())
}

fn json(value: &Value) -> serde_json::Value {
    match value {
        Value::String(text) => text.value().as_str().into(),
        Value::Integer(number) => (*number.value()).into(),
        Value::Float(number) => (*number.value()).into(),
        Value::Boolean(on) => (*on.value()).into(),
        Value::Array(items) => items.iter().map(json).collect(),
        Value::Datetime(_) | Value::InlineTable(_) => value.to_string().trim().into(),
    }
}

#[cfg(test)]
#[path = "edit_tests.rs"]
mod tests;
