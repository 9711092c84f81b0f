//! What is promised of each mode, and what is not.

use super::*;
use crate::config::{Environment, Flags};

fn levels(mode: Mode, flags: &Flags, change: impl Fn(&mut Settings)) -> Vec<(&'static str, Level)> {
    let env = Environment::of([("HOME", "/nonexistent/home")]);
    let mut settings = Settings::resolve(flags, &env).expect("defaults");
    change(&mut settings);
    guarantees(&settings, &Ok(Ability::default()), &Ok(apple()))
        .iter()
        .map(|one| (one.name, one.of(mode).level))
        .collect()
}

fn not_enforced(mode: Mode, flags: &Flags, change: impl Fn(&mut Settings)) -> Vec<(&'static str, Level)> {
    levels(mode, flags, change).into_iter().filter(|(_, level)| *level != Level::Enforced).collect()
}

#[test]
fn docker_enforces_all_but_an_open_network() {
    let open = ("network policy", Level::Absent);
    assert_eq!(not_enforced(Mode::Docker, &Flags::default(), |_| ()), [open]);
    let closed = Flags { network: Some("none".into()), ..Flags::default() };
    assert_eq!(not_enforced(Mode::Docker, &closed, |_| ()), []);
    let listed = Flags { allow_hosts: vec!["example.com".into()], ..Flags::default() };
    assert_eq!(not_enforced(Mode::Docker, &listed, |_| ()), []);
    let host = |settings: &mut Settings| settings.sandbox.network.value = "host".into();
    assert_eq!(not_enforced(Mode::Docker, &listed, host), [open]);
    let writable = |settings: &mut Settings| settings.sandbox.read_only_root.value = false;
    assert_eq!(not_enforced(Mode::Docker, &closed, writable), [("read-only root", Level::Absent)]);
}

#[test]
fn a_mount_can_undo_a_guarantee() {
    let network = Some("none".to_owned());
    let with = |mount: &str| Flags { mounts: vec![mount.to_owned()], network: network.clone(), ..Flags::default() };
    assert_eq!(not_enforced(Mode::Docker, &with("/srv/data"), |_| ()), []);
    let home = [("home", Level::Partial), ("credentials out of disk", Level::Partial)];
    assert_eq!(not_enforced(Mode::Docker, &with("~:/h:ro"), |_| ()), home);
    let socket = [("filesystem", Level::Partial)];
    assert_eq!(not_enforced(Mode::Docker, &with("/var/run/docker.sock"), |_| ()), socket);
}

#[test]
fn the_host_keeps_secrets_out_of_sight_and_little_else() {
    let kept: Vec<_> = levels(Mode::Host, &Flags::default(), |_| ())
        .into_iter()
        .filter(|(_, level)| *level != Level::Absent)
        .collect();
    assert_eq!(
        kept,
        [
            ("credentials out of argv", Level::Enforced),
            ("credentials out of inspect", Level::Enforced),
            ("credentials out of disk", Level::Partial),
            ("nothing survives the run", Level::Partial),
        ]
    );
}

fn apple() -> Ability {
    Ability { machines: true, least_memory: 200 << 20, ..Ability::default() }
}

#[test]
fn what_a_run_refuses_is_not_promised() {
    let listed = Flags { allow_hosts: vec!["a.test".into()], ..Flags::default() };
    let settings = Settings::resolve(&listed, &Environment::default()).unwrap();
    let copies = Ability { copies: true, ..Ability::default() };
    let table = guarantees(&settings, &Ok(copies), &Ok(apple()));
    let row = table.iter().find(|row| row.name == "network policy").unwrap();
    for mode in [Mode::Docker, Mode::Apple] {
        assert!(row.of(mode).level == Level::Absent && row.of(mode).why.contains("refused"), "{}", row.of(mode).why);
    }
    let mounted = Flags { mounts: vec!["/srv/data".into()], ..Flags::default() };
    let settings = Settings::resolve(&mounted, &Environment::default()).unwrap();
    let copies = Ability { copies: true, ..Ability::default() };
    let table = guarantees(&settings, &Ok(copies), &Ok(apple()));
    let files = table.iter().find(|row| row.name == "filesystem").unwrap().of(Mode::Docker);
    assert!(files.level == Level::Absent && files.why.contains("refused"), "{}", files.why);
}

#[test]
fn apples_containers_lack_what_their_engine_has_no_word_for() {
    let closed = Flags { network: Some("none".into()), ..Flags::default() };
    let lacking = [("no-new-privileges", Level::Absent), ("pids", Level::Partial)];
    assert_eq!(not_enforced(Mode::Apple, &closed, |_| ()), lacking);
    let little = Flags { memory: Some("199m".into()), ..closed.clone() };
    assert!(not_enforced(Mode::Apple, &little, |_| ()).contains(&("memory", Level::Absent)));
    let half = not_enforced(Mode::Apple, &closed, |settings| settings.sandbox.cpus.value = 0.5);
    assert!(half.contains(&("cpus", Level::Absent)), "{half:?}");
}

#[test]
fn what_an_engine_cannot_control_is_absent_and_a_mode_that_cannot_run_guarantees_nothing() {
    let env = Environment::of([("HOME", "/nonexistent/home")]);
    let settings = Settings::resolve(&Flags::default(), &env).expect("defaults");
    let rootless = Ability { name: "Podman 4.3.1".into(), lacks: vec!["swap", "pids"], ..Ability::default() };
    let table = guarantees(&settings, &Ok(rootless), &Err("nothing answers".into()));
    let lacks = table.iter().filter(|row| row.of(Mode::Docker).why.contains("Podman 4.3.1 has no control"));
    assert_eq!(lacks.map(|row| row.name).collect::<Vec<_>>(), ["pids"]);
    assert!(table.iter().any(|row| row.name == "memory" && row.of(Mode::Docker).level == Level::Partial));
    let apple = table.iter().map(|row| row.of(Mode::Apple));
    assert!(apple.clone().all(|verdict| verdict.level == Level::Absent && verdict.why == "nothing answers"));
}
