//! What each engine is told of a container.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use super::tests_support::container;
use super::*;

fn line(container: &Container) -> String {
    container.run_command("20261121-031140-9f2c4e1a").to_string()
}

#[test]
fn a_run_is_hardened() {
    let line = line(&container());
    for part in [
        "docker run --rm --interactive --init --pull never --log-driver none --name ringfence-20261121-031140-9f2c4e1a",
        "--user 1234:5678 --cap-drop ALL --security-opt no-new-privileges --pids-limit 512 --memory 4294967296b",
        "--memory-swap 4294967296b --cpus 2 --network bridge --add-host host.docker.internal:host-gateway --read-only",
        "--tmpfs /home/ringfence:rw,exec,nosuid,nodev,uid=1234,gid=5678,mode=0700",
        "--tmpfs /tmp:rw,exec,nosuid,nodev,mode=1777",
        r#"--mount 'type=bind,"src=/work space/a,b:c","dst=/work space/a,b:c"'"#,
        r#"--mount 'type=bind,"src=/data","dst=/data",readonly'"#,
        "--workdir '/work space/a,b:c' --env HOME=/home/ringfence --entrypoint sh ringfence/worker:latest -c",
        "--label ringfence=1 --label ringfence.kind=run --label ringfence.run=20261121-031140-9f2c4e1a",
        "--label ringfence.grace=2 ",
    ] {
        assert!(line.contains(part), "{part}\nis not in\n{line}");
    }
}

#[test]
fn a_network_without_a_host_gets_no_host_name() {
    let none = line(&Container { network: "none".into(), ..container() });
    assert!(!none.contains("--add-host"), "{none}");
    let host = line(&Container { network: "host".into(), ..container() });
    assert!(host.contains("--add-host host.docker.internal:127.0.0.1"), "it is the host itself: {host}");
}

#[test]
fn a_rootless_engine_maps_the_caller() {
    let root = line(&Container { user: Mapping::RootIsCaller, ..container() });
    assert!(root.contains("--user 0:0"), "{root}");
    let keep = line(&Container { user: Mapping::KeepId { uid: 7, gid: 8 }, ..container() });
    assert!(keep.contains("--user 7:8") && keep.contains("--userns keep-id"), "{keep}");
}

#[test]
fn podman_makes_the_home_the_users_and_names_its_host_itself() {
    let run = line(&Container { engine: Engine::docker("podman"), ..container() });
    assert!(run.contains("--mount type=tmpfs,dst=/home/ringfence,U=true,tmpfs-mode=0700,notmpcopyup"), "{run}");
    assert!(!run.contains("uid=") && !run.contains("--add-host"), "{run}");
    // But there its own name for it leads to an address on which a service of the loopback does not listen (4.3, tried).
    let host = Container { engine: Engine::docker("podman"), network: "host".into(), ..container() };
    assert!(line(&host).contains("--add-host host.containers.internal:127.0.0.1"));
}

#[test]
fn apple_is_told_only_what_it_knows() {
    let apple = Container { engine: Engine::apple("container"), workspace: "/w".into(), ..container() };
    let apple = Container { workdir: "/w".into(), cpus: 2.5, ..apple };
    let line = line(&apple);
    let known = [
        "--rm",
        "--interactive",
        "--init",
        "--name",
        "--label",
        "--user",
        "--cap-drop",
        "--ulimit",
        "--memory",
        "--cpus",
        "--read-only",
        "--tmpfs",
        "--volume",
        "--workdir",
        "--env",
        "--entrypoint",
    ];
    let ours = line.split(" -c ").next().unwrap_or_default();
    let words = ours.split(' ').filter(|word| word.starts_with('-'));
    assert_eq!(words.filter(|word| !known.contains(word)).collect::<Vec<_>>(), Vec::<&str>::new(), "{line}");
    for part in [
        "--ulimit nproc=512:512 --memory 4096M --cpus 2",
        "--tmpfs /home/ringfence --tmpfs /tmp --volume /w:/w",
        "--volume /data:/data:ro",
        "--env HOME=/home/ringfence/own",
    ] {
        assert!(line.contains(part), "{part}\nis not in\n{line}");
    }
    assert_eq!((apple.unspeakable(), apple.untellable()), (Vec::new(), None));
    let closed = Container { network: "none".into(), cpus: 0.5, workspace: "/a=b".into(), ..apple };
    assert!(self::line(&closed).contains("--network none --no-dns"));
    assert_eq!(closed.unspeakable(), ["sandbox.cpus"]);
    assert_eq!(closed.untellable(), Some((Path::new("/a=b"), "`:` or `=`")));
    let latin = Container { workspace: OsStr::from_bytes(b"/caf\xe9").into(), ..container() };
    assert_eq!(latin.untellable(), Some((latin.workspace.as_path(), "bytes that are no UTF-8")));
}

#[test]
fn a_remote_engine_is_told_of_no_path_of_this_machines() {
    let line = line(&Container { remote: Some(Remote::default()), far: true, mounts: Vec::new(), ..container() });
    assert!(line.contains(r#"--mount 'type=volume,"dst=/work space/a,b:c",volume-nocopy'"#), "{line}");
    assert!(!line.contains("src=") && !line.contains("--add-host"), "{line}");
}

#[test]
fn a_copy_on_this_machines_engine_reaches_this_machine() {
    let near = Container { remote: Some(Remote::default()), mounts: Vec::new(), ..container() };
    assert!(line(&near).contains("--add-host"));
    assert!(near.host_name().is_some());
}

#[test]
fn a_workspace_at_tmp_is_not_hidden_by_the_tmpfs() {
    let line = line(&Container { workspace: "/tmp".into(), workdir: "/tmp".into(), ..container() });
    assert!(!line.contains("--tmpfs /tmp:"), "{line}");
}
