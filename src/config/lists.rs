//! Readers of lists: every item is legal, or the complaint is about that item.

use std::path::{Component, Path};

use toml::de::DeValue;

use super::host::HostRule;
use super::mount;
use super::read::{Complaint, Node, Place, Read, mismatch, text};
use super::values::Mount;

fn list<T>(node: &Node, takes: &str, example: &str, item: impl Fn(&Node) -> Read<T>) -> Read<Vec<T>> {
    let DeValue::Array(items) = node.get_ref() else { return Err(mismatch(node, "a list", takes, example)) };
    items.iter().map(|one| item(one).map_err(|complaint| Complaint { span: Some(one.span()), ..complaint })).collect()
}

/// Names of variables.
pub fn env_names(node: &Node, _: &Place) -> Read<Vec<String>> {
    let (takes, example) = ("a list of variable names", "[\"GITHUB_TOKEN\"]");
    list(node, takes, example, |item| {
        let typed = text(item, takes, example)?;
        if is_variable_name(typed) {
            return Ok(typed.to_owned());
        }
        let (problem, near) = match typed.split_once('=') {
            Some((name, _)) if is_variable_name(name) => {
                (format!("{name}=… has a value; the file takes names only, the value is the caller's"), name)
            }
            _ => (format!("{typed:?} is not a variable's name (letters, digits and `_`)"), "GITHUB_TOKEN"),
        };
        Err(Complaint::new(problem, takes, format!("[{near:?}]")))
    })
}

/// Whether a shell could export a variable of this name.
pub fn is_variable_name(name: &str) -> bool {
    let first = |b: u8| b.is_ascii_alphabetic() || b == b'_';
    name.bytes().next().is_some_and(first) && name.bytes().all(|b| first(b) || b.is_ascii_digit())
}

/// Hosts with or without a port, and presets of them.
pub fn hosts(node: &Node, _: &Place) -> Read<Vec<HostRule>> {
    let (takes, example) = ("a list of HOST[:PORT] and @PRESET", "[\"api.anthropic.com\"]");
    list(node, takes, example, |item| {
        let typed = text(item, takes, example)?;
        HostRule::parse(typed).map_err(|why| {
            let bare = typed.split_once("://").map_or(typed, |(_, rest)| rest);
            let bare = bare.split('/').next().unwrap_or_default();
            let near = if HostRule::parse(bare).is_ok() { format!("[{bare:?}]") } else { example.to_owned() };
            Complaint::new(format!("{typed:?} {why}"), takes, near)
        })
    })
}

/// Mounts.
pub fn mounts(node: &Node, place: &Place) -> Read<Vec<Mount>> {
    let (takes, example) = ("a list of SRC[:DST][:ro]", "[\"~/data:/data:ro\"]");
    list(node, takes, example, |item| mount::parse(text(item, takes, example)?, place))
}

/// A command with its arguments.
pub fn words(node: &Node, _: &Place) -> Read<Vec<String>> {
    let (takes, example) = ("a list of words: a program and its arguments", "[\"secrets\", \"lease\", \"token\"]");
    let words = list(node, takes, example, |item| text(item, takes, example).map(str::to_owned))?;
    match words.first() {
        Some(program) if program.is_empty() => Err(Complaint::new("\"\" is not a program", takes, example)),
        // A command line in one piece, as a shell would take it: no shell reads this one.
        Some(line) if line.contains(char::is_whitespace) && !line.starts_with('/') => {
            let apart: Vec<String> = line.split_whitespace().map(|word| format!("{word:?}")).collect();
            Err(Complaint::new(format!("{line:?} is one word with spaces"), takes, format!("[{}]", apart.join(", "))))
        }
        _ => Ok(words),
    }
}

/// Paths inside an agent's login folder that may be shared: never the login itself, which is leased instead.
pub fn shares(node: &Node, _: &Place) -> Read<Vec<String>> {
    let (takes, example) = ("a list of paths inside auth_dir", "[\"settings.json\", \"skills\"]");
    list(node, takes, example, |item| {
        let typed = text(item, takes, example)?;
        let plain = |part: Component| matches!(part, Component::Normal(_));
        if typed.is_empty() || !Path::new(typed).components().all(plain) {
            return Err(Complaint::new(format!("{typed:?} is not a path inside the folder"), takes, example));
        }
        let login = [".credentials.json", "auth.json"].into_iter().find(|login| typed.eq_ignore_ascii_case(login));
        match login {
            Some(_) => {
                Err(Complaint::new(format!("{typed:?} is the login, which is leased, never shared"), takes, example))
            }
            None => Ok(typed.trim_end_matches('/').to_owned()),
        }
    })
}
