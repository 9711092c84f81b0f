//! What the probe's steps mean, for steps that a healthy engine never gives.

use std::time::Duration;

use super::verdict::{Expected, Named, Port, judge};
use super::watch::{Go, Step, Watch};
use crate::config::{AgentName, Environment, Flags, Settings};
use crate::redact::Secrets;
use crate::runner::{End, Host, Interrupts, Outcome, Timings};

const ZERO: &str = "0000000000000000";

/// The steps of a container in which all is well.
fn healthy() -> Vec<(&'static str, &'static str)> {
    vec![
        ("id", "7:7"),
        ("canary", "canary-1"),
        ("write", "ok"),
        ("git", "ok"),
        ("git-worktree", "ok"),
        ("home", "ok"),
        ("mount./", "overlay ro"),
        ("NoNewPrivs", "1"),
        ("CapEff", ZERO),
        ("CapBnd", ZERO),
        ("memory", "4294967296"),
        ("memory-and-swap", "4294967296"),
        ("pids", "512"),
        ("cpus", "200000 100000"),
        ("host", "198.18.0.1"),
        ("ready", "yes"),
        ("listener", "ok"),
        ("port.80", "ok"),
        ("name.api.example", "ok"),
        ("agent.claude", "2.1.197 (Claude Code)"),
        ("processes", "507"),
        ("done", "yes"),
    ]
}

/// The checks that are not well when these steps are as they should not be, and a machine where `here` holds of names and ports.
fn troubles(change: &[(&'static str, &'static str)], here: bool, seen: impl Fn(&mut Watch<'_>)) -> Vec<String> {
    let host = Host { interrupts: Interrupts::default(), verbose: false, secrets: Secrets::default() };
    let made = tempfile::NamedTempFile::new().unwrap();
    let mut watch = Watch::new(&host, None, Go::File(made.path().to_owned()), "canary-1");
    let value = |key, value| change.iter().find(|(changed, _)| *changed == key).map_or(value, |(_, value)| *value);
    let steps = healthy().into_iter().map(|(key, well)| (key, value(key, well))).filter(|(_, value)| *value != "gone");
    watch.steps =
        steps.map(|(key, value)| Step { key: key.into(), value: value.into(), took: Duration::ZERO }).collect();
    watch.seen.in_arguments = Some(Vec::new());
    watch.seen.in_inspect = Some(Ok(false));
    watch.seen.listened = Some(Ok("198.18.0.1".into()));
    watch.seen.reached = true;
    seen(&mut watch);
    let settings = Settings::resolve(&Flags::default(), &Environment::of([("HOME", "/nonexistent")])).unwrap();
    let expected = Expected {
        settings: &settings,
        container: true,
        copied: false,
        host_name: Some("host.docker.internal"),
        canary: "canary-1".into(),
        made: made.path().to_owned(),
        ours: made.path().to_owned(),
        processes: 528,
        ports: vec![Port { variable: "MY_API".into(), number: Some(80), answers_here: here }],
        names: vec![Named { agent: AgentName::Claude, name: Some("api.example".into()), reason: "", here: Some(here) }],
        untold: vec![AgentName::Claude],
    };
    let outcome = Outcome {
        lacking: Vec::new(),
        warnings: Vec::new(),
        end: End::Exited(0),
        agent_code: Some(0),
        inside: None,
        oom: false,
        stderr_tail: String::new(),
        timings: Timings::default(),
        strays: 0,
        door: None,
    };
    let checks = judge(&watch, &outcome, &expected);
    let rows = checks.iter().map(|check| serde_json::to_value(check).unwrap());
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    rows.filter(|row| row["status"] != "ok")
        .inspect(|row| assert!(row["status"] == "skip" || !text(&row["fix"]).is_empty(), "{row}"))
        .map(|row| format!("{} {}", text(&row["status"]), text(&row["id"])))
        .collect()
}

#[test]
fn every_step_that_is_not_as_it_should_be_is_told() {
    let nothing: &[&str] = &[];
    assert_eq!(troubles(&[], true, |_| ()), nothing);
    for (key, value, trouble) in [
        ("canary", "", "fail run.secrets"),
        ("write", "failed: Read-only file system", "fail run.write"),
        ("git", "failed: fatal: detected dubious ownership", "fail run.git"),
        ("git-worktree", "failed: fatal: not a git repository", "fail run.git-worktree"),
        ("git", "absent", "warn run.git"),
        ("home", "failed: No space left on device", "fail run.home"),
        ("mount./", "overlay rw", "fail run.root"),
        ("NoNewPrivs", "0", "fail run.capabilities"),
        ("CapEff", "00000000a80425fb", "fail run.capabilities"),
        ("CapBnd", "00000000a80425fb", "fail run.capabilities"),
        ("memory", "9223372036854771712", "fail run.memory"),
        ("memory", "max", "fail run.memory"),
        ("memory-and-swap", "", "warn run.swap"),
        ("memory-and-swap", "9223372036854771712", "warn run.swap"),
        ("memory", "", "warn run.memory"),
        ("cpus", "-1", "fail run.cpus"),
        ("cpus", "max 100000", "fail run.cpus"),
        ("cpus", "100000 100000", "fail run.cpus"),
        ("memory", "4194304", "fail run.memory"),
        ("pids", "max", "fail run.pids"),
        ("processes", "528", "fail run.pids-tried"),
        ("port.80", "no", "warn service.MY_API"),
        ("port.80", "untold", "skip service.MY_API"),
        ("name.api.example", "no", "fail run.dns.claude"),
        ("name.api.example", "untold", "skip run.dns.claude"),
        ("agent.claude", "absent", "fail agent.claude"),
        ("agent.claude", "", "warn agent.claude"),
    ] {
        assert_eq!(troubles(&[(key, value)], true, |_| ()), [trouble], "{key}={value}");
    }
    assert_eq!(
        troubles(&[("processes", "gone"), ("done", "gone")], true, |_| ()),
        ["skip run.pids-tried", "fail run.end"]
    );
}

#[test]
fn what_this_machine_cannot_do_either_is_no_failure_of_the_sandbox() {
    assert_eq!(troubles(&[("name.api.example", "no")], false, |_| ()), ["skip run.dns.claude"]);
    assert_eq!(troubles(&[("port.80", "no")], false, |_| ()), ["warn service.MY_API"]);
}

#[test]
fn what_is_seen_from_outside_counts() {
    assert_eq!(troubles(&[], true, |watch| watch.seen.in_arguments = Some(vec!["7".into()])), ["fail run.secrets"]);
    assert_eq!(troubles(&[], true, |watch| watch.seen.in_inspect = Some(Ok(true))), ["fail run.secrets"]);
    assert_eq!(troubles(&[], true, |watch| watch.seen.in_inspect = Some(Err("gone".into()))), ["warn run.secrets"]);
    assert_eq!(troubles(&[], true, |watch| watch.seen.reached = false), ["warn run.host"]);
    assert_eq!(troubles(&[], true, |watch| watch.seen.listened = Some(Err("no".into()))), ["skip run.host"]);
    assert_eq!(troubles(&[], true, |watch| watch.seen.listened = None), ["skip run.host"]);
}
