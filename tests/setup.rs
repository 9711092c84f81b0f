//! The guided setup: what it finds, what it asks, what it writes; and that it asks nobody who cannot answer.
#![allow(clippy::unwrap_used, reason = "a panic is how tests fail")]

mod support;

use std::fs;

use support::screen::Screen;
use support::{Bed, Engine, RINGFENCE};

/// A bed with an engine that answers but has no image, one that does not, and a claude with a login.
fn bed() -> Bed {
    let mut bed = Bed::new();
    bed.program(
        "docker",
        "case $1 in info) echo '{\"ServerVersion\": \"28.1\"}' ;; *) echo 'No such image' >&2; exit 1 ;; esac",
    );
    bed.program("podman", "echo 'cannot connect to Podman' >&2; exit 125");
    bed.program("claude", "exit 1");
    bed.write("home/.claude/.credentials.json", "{}");
    bed
}

fn config(bed: &Bed) -> Option<String> {
    fs::read_to_string(bed.home().join(".config/ringfence/config.toml")).ok()
}

#[test]
fn enter_takes_the_fence_and_the_agent_with_a_login() {
    let bed = bed();
    let Some(screen) = Screen::of(&bed) else { return };
    screen.enter(&format!("{RINGFENCE} sandbox set"));
    screen.shows("Number or name [1]:");
    let shown = screen.text();
    assert!(shown.contains("docker    answers: Docker 28.1"), "{shown}");
    assert!(shown.contains("podman    no engine answers: cannot connect to Podman"), "{shown}");
    assert!(
        shown.contains("claude    installed, login: ")
            && shown.contains("codex     not installed here, no login found"),
        "{shown}"
    );
    assert!(shown.contains("1  in a container of docker") && shown.contains("2  on the host"), "{shown}");
    assert_eq!(config(&bed), None, "nothing is written before the last answer");
    screen.enter("7");
    screen.shows("a number from 1 to 2, or a name, please: docker, host");
    screen.enter("");
    screen.shows("1  claude");
    screen.enter("");
    screen.shows("ringfence sandbox build-image");
    let written = config(&bed).unwrap();
    assert!(written.contains("mode = \"docker\"") && written.contains("agent = \"claude\""), "{written}");
}

#[test]
fn on_the_host_the_doctor_has_the_last_word() {
    let bed = bed();
    let Some(screen) = Screen::of(&bed) else { return };
    screen.enter(&format!("{RINGFENCE} sandbox set"));
    screen.shows("Number or name [1]:");
    screen.enter("Host");
    screen.shows("4  shell");
    screen.enter("shell");
    screen.shows("Now the doctor looks whether that works:");
    screen.until("the doctor's report", |shown| {
        let said = |check: &str| shown.lines().any(|line| line.starts_with("ok ") && line.contains(check));
        said(" config ") && said(" run.start ")
    });
    let written = config(&bed).unwrap();
    assert!(written.contains("mode = \"host\"") && written.contains("agent = \"shell\""), "{written}");
}

#[test]
fn left_in_the_middle_it_changes_nothing() {
    let bed = bed();
    let Some(screen) = Screen::of(&bed) else { return };
    for key in ["C-c", "C-d"] {
        screen.enter(&format!("clear; {RINGFENCE} sandbox set; echo left=$?"));
        screen.until("the question", |shown| shown.trim_end().ends_with("Number or name [1]:"));
        screen.key(key);
        screen.until("the end", |shown| shown.trim_end().ends_with('$'));
    }
    assert_eq!(config(&bed), None);
}

#[test]
fn it_asks_nobody_who_cannot_answer() {
    let bed = bed();
    bed.run(&["sandbox", "set"])
        .exits(2)
        .says("needs a mode or a key")
        .says("hint: type: ringfence sandbox set docker");
    assert_eq!(bed.run(&["sandbox", "set", "--json"]).exits(2).json()["class"], "usage");
    let Some(screen) = Screen::of(&bed) else { return };
    let shown = screen.run(&format!("{RINGFENCE} sandbox set --no-input"));
    assert!(shown.contains("needs a mode or a key") && !shown.contains("Number or name"), "{shown}");
    assert_eq!(config(&bed), None);
}

#[test]
fn the_real_engine_is_found() {
    let Some(engine) = Engine::get() else { return };
    let bed = engine.bed();
    let Some(screen) = Screen::of(&bed) else { return };
    screen.enter(&format!("{RINGFENCE} sandbox set"));
    screen.shows("docker    answers: Docker ");
    screen.shows("Number or name [1]:");
    screen.key("C-c");
}
