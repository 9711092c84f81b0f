//! Completions in real shells, at a real terminal: the Tab key is pressed.
#![allow(clippy::unwrap_used, reason = "a panic is how tests fail")]

mod support;

use std::os::unix::fs::symlink;
use std::path::Path;

use support::screen::Screen;
use support::{Bed, RINGFENCE, skip};

/// What is typed before Tab, and what stands there after it.
const CASES: [(&str, &str); 10] = [
    ("ringfence sandbox b", "ringfence sandbox build-image"),
    ("ringfence run --agent cl", "ringfence run --agent claude"),
    ("ringfence --mode app", "ringfence --mode apple"),
    ("ringfence sandbox set sandbox.mem", "ringfence sandbox set sandbox.memory"),
    ("ringfence sandbox set agents.claude.sh", "ringfence sandbox set agents.claude.share"),
    ("ringfence schema ev", "ringfence schema events"),
    ("ringfence run --idle", "ringfence run --idle-timeout"),
    ("ringfence dead-letter show letter-", "ringfence dead-letter show letter-of-today"),
    ("ringfence sandbox exec wa", "ringfence sandbox exec warm-one"),
    ("ringfence run --sandbox wa", "ringfence run --sandbox warm-one"),
];

/// An engine with one warm sandbox, which answers as Docker does; `tests/sandbox.rs` asks a real one.
const LISTS: &str = r#"[ "$1" = ps ] && echo '{"id": "1", "name": "warm-one", "state": "running", "image": "i", "kind": "sandbox", "agent": "shell",
    "loop": "", "workspace": "/w", "created": "2026-11-21T03:00:00Z", "door": "", "host": "", "pid": "", "start": ""}' | tr -d '\n'"#;

/// Presses Tab in the shell that `start` starts and `load` prepares.
fn complete(shell: &str, start: &str, load: &str) {
    if !Path::new("/usr/bin").join(shell).exists() && !Path::new("/bin").join(shell).exists() {
        return skip(&format!("{shell} is not installed"));
    }
    let mut bed = Bed::new();
    bed.program("docker", LISTS);
    bed.write("home/.local/state/ringfence/dead-letters/letter-of-today.json", "{}");
    symlink(RINGFENCE, bed.root().join("bin/ringfence")).unwrap();
    let Some(screen) = Screen::of(&bed) else { return };
    screen.enter(&format!("exec {start}"));
    screen.enter(&load.replace("COMPLETIONS", concat!(env!("CARGO_MANIFEST_DIR"), "/completions")));
    screen.enter("echo rea''dy");
    screen.shows("\nready");
    for (typed, completed) in CASES {
        screen.enter("clear");
        screen.until("an empty screen", |shown| !shown.contains("ready") && shown.trim().lines().count() < 2);
        screen.write(typed);
        screen.shows(typed);
        screen.key("Tab");
        screen.shows(completed);
        // The line that stands there is not to be executed; unlike C-c this is read in its turn.
        screen.key("C-u");
    }
}

#[test]
fn bash_completes() {
    complete("bash", "bash --norc --noprofile -i", "source COMPLETIONS/ringfence.bash");
}

#[test]
fn zsh_completes_from_its_folder_of_functions() {
    complete("zsh", "zsh -f -i", "fpath=(COMPLETIONS $fpath); autoload -Uz compinit; compinit -u -D");
}

#[test]
fn zsh_completes_from_a_sourced_script() {
    complete("zsh", "zsh -f -i", "autoload -Uz compinit; compinit -u -D; source <(ringfence completions zsh)");
}

#[test]
fn fish_completes() {
    complete("fish", "fish --no-config -i", "source COMPLETIONS/ringfence.fish");
}
