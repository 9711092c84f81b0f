//! Tests of the whole: a file's text, variables and flags on one side, what is in force or refused on the other.

mod precedence;
mod strict;

use std::fs;

use super::*;
use crate::failure::Class;

/// The settings of this file text, these variables and these flags; the file is `config.toml` in a folder of its own.
fn resolve(text: &str, variables: &[(&str, &str)], flags: &Flags) -> Result<Settings, Failure> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::write(folder.path().join("config.toml"), text).expect("writable");
    let home = [("HOME", "/home/u"), ("RINGFENCE_CONFIG_DIR", folder.path().to_str().expect("UTF-8"))];
    Settings::resolve(flags, &Environment::of(home.into_iter().chain(variables.iter().copied()))).map_err(|failure| {
        let plain = |text: String| text.replace(&format!("{}/", folder.path().display()), "");
        Failure { message: plain(failure.message.clone()), hint: plain(failure.hint.clone()), ..failure }
    })
}

fn ok(text: &str, variables: &[(&str, &str)], flags: &Flags) -> Settings {
    resolve(text, variables, flags).unwrap_or_else(|failure| panic!("{failure:?}"))
}

/// Class, message and hint of what is refused.
fn refused(text: &str, variables: &[(&str, &str)], flags: &Flags) -> (Class, String, String) {
    let failure = resolve(text, variables, flags).expect_err("not legal");
    (failure.class, failure.message, failure.hint)
}

#[test]
fn each_key_is_found_by_its_name() {
    for key in keys() {
        let found = schema::key(&key.name).expect(&key.name);
        assert_eq!((found.name, found.default), (key.name, key.default));
    }
    for name in ["", "run", "run.", ".mode", "timeout", "run.mode", "agents.claude", "agents.nobody.mode"] {
        assert!(schema::key(name).is_none(), "{name}");
    }
}
