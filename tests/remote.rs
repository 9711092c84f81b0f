//! A workspace that goes to an engine which sees none of this machine's files, and comes back.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a panic is how tests fail, and tests start processes"
)]

mod support;

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Duration;

use support::far::Far;
use support::stub::KEY;
use support::{Bed, Engine, PATIENCE, Running, TINY, script_run, within};

/// How the name of a file begins that is not whole yet.
const PART: &str = ".ringfence-part-";

fn shell<'a>(rest: &[&'a str]) -> Vec<&'a str> {
    script_run("docker", &[&["--network", "none", "--grace", "2s"], rest].concat())
}

/// Everything below a folder: its path, kind, permissions, contents and, to see whether it was touched, its inode.
fn tree(folder: &Path) -> Vec<(PathBuf, u32, Vec<u8>, u64)> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().flatten() {
            let (path, metadata) = (entry.path(), entry.metadata().unwrap());
            let contents = match metadata.file_type() {
                kind if kind.is_symlink() => fs::read_link(&path).unwrap().into_os_string().into_encoded_bytes(),
                kind if kind.is_file() => fs::read(&path).unwrap(),
                _ => Vec::new(),
            };
            if metadata.is_dir() {
                folders.push(path.clone());
            }
            found.push((path, metadata.mode(), contents, metadata.ino()));
        }
    }
    found.sort();
    found
}

#[test]
fn a_workspace_goes_to_a_remote_engine_and_its_changes_come_back() {
    let Some(far) = Far::start() else { return };
    changes_come_back(&far);
    what_was_done_before_a_timeout_comes_back(&far);
    what_changed_here_meanwhile_stays(&far);
    an_end_by_force_loses_nothing_here(&far);
    an_end_by_force_while_it_comes_back_loses_nothing(&far);
    what_cannot_be_read_there_is_not_deleted_here(&far);
    nothing_comes_between_the_bytes_of_what_comes_back(&far);
    one_interrupt_does_not_cut_off_what_comes_back(&far);
    a_second_interrupt_ends_even_what_comes_back(&far);
    folders_that_keep_their_owner_out_go_there_and_back(&far);
    what_the_image_has_there_does_not_come_back(&far);
    nothing_of_this_machine_is_promised_there(&far);
}

/// The real claude there, with a stub of its model beside it.
fn changes_come_back(far: &Far) {
    let mut bed = far.bed();
    for (path, text) in
        [("keep", "kept"), ("change", "old"), ("delete", "x"), ("sub/script.sh", "#!/bin/sh\necho ran\n")]
    {
        bed.write(&format!("work/{path}"), text);
    }
    for number in 0..10_000 {
        bed.write(&format!("work/many/{}/{number}", number % 100), format!("{number}"));
    }
    fs::set_permissions(bed.workspace().join("sub/script.sh"), Permissions::from_mode(0o750)).unwrap();
    symlink("sub/script.sh", bed.workspace().join("link")).unwrap();
    let before = tree(&bed.workspace().join("many"));
    let script = r#"
        set -e
        [ "$(find many -type f | wc -l)" = 10000 ] && [ "$(cat many/42/1042)" = 1042 ] || exit 9
        ./link; stat -c '%a' sub/script.sh; readlink link; cat /proc/mounts | grep -c " $PWD " ; grep CapEff /proc/self/status
        echo new >made; mkdir -p a/b; echo deep >a/b/c; chmod 700 a/b; chmod 755 keep
        echo more >>change; rm delete; rm -r many/7; ln -s ../keep a/link; mv sub moved; : >"odd name
with a newline"
    "#;
    bed.write("work/task.sh", script);
    let (image, stub) = (far.claude(), far.stub(&["--require-token", KEY]));
    bed.set("ANTHROPIC_BASE_URL", format!("http://{}", stub.address)).set("ANTHROPIC_API_KEY", KEY);
    bed.set("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1");
    let task = "Do this.\nstub: sh sh task.sh >said; echo $? >>said\nstub: text the answer";
    let args = ["run", "--agent", "claude", "--mode", "docker", "--image", image, "--network", "host", "--json"];
    let json = bed.run_with(&args, task.as_bytes()).exits(0).json();
    assert_eq!((&json["output"], json["warnings"].as_array().unwrap().len()), (&"the answer".into(), 0), "{json}");
    let work = bed.workspace();
    let text = |path: &str| fs::read_to_string(work.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
    assert_eq!(text("said"), "ran\n750\nsub/script.sh\n1\nCapEff:\t0000000000000000\n0\n");
    assert_eq!(
        (text("made"), text("a/b/c"), text("change"), text("keep")),
        ("new\n".into(), "deep\n".into(), "oldmore\n".into(), "kept".into())
    );
    let mode = |path: &str| fs::metadata(work.join(path)).unwrap().mode() & 0o7777;
    assert_eq!((mode("a/b"), mode("keep"), mode("moved/script.sh")), (0o700, 0o755, 0o750));
    assert_eq!(fs::read_link(work.join("a/link")).unwrap(), Path::new("../keep"));
    assert_eq!(fs::read_link(work.join("link")).unwrap(), Path::new("sub/script.sh"), "it is as it was");
    assert!(work.join("odd name\nwith a newline").exists());
    for gone in ["delete", "sub", "many/7"] {
        assert!(fs::symlink_metadata(work.join(gone)).is_err(), "{gone}");
    }
    let seven = work.join("many/7");
    let rest: Vec<_> = before.into_iter().filter(|(path, ..)| !path.starts_with(&seven)).collect();
    assert!(tree(&work.join("many")) == rest, "what nobody changed was not written again");
    let owner = fs::metadata(&work).unwrap().uid();
    assert_eq!(fs::metadata(work.join("made")).unwrap().uid(), owner);
    within(PATIENCE, "nothing is left there", || far.is_clean());
}

fn what_was_done_before_a_timeout_comes_back(far: &Far) {
    let bed = far.bed();
    let script = "echo half >made; trap '' TERM; while :; do sleep 1; done";
    let done = bed.run(&shell(&["--timeout", "3s", "--json", script])).exits(124);
    assert_eq!(done.json()["class"], "timeout");
    assert_eq!(fs::read_to_string(bed.workspace().join("made")).unwrap(), "half\n", "{}", done.stderr);
    within(PATIENCE, "nothing is left there", || far.is_clean());
}

/// Starts a script that waits there until `go` lets it on.
fn start_and_wait(far: &Far, bed: &Bed, script: &str) -> (Running, String) {
    let whole = format!("touch /tmp/ready; while [ ! -e /tmp/go ]; do sleep 0.05; done; {script}");
    let running = bed.spawn(&shell(&["--json"]), whole.as_bytes());
    let mut name = String::new();
    within(PATIENCE, "the script runs there", || {
        name = far.containers();
        !name.is_empty() && far.docker(&["exec", &name, "ls", "/tmp/ready"]) == "/tmp/ready"
    });
    (running, name)
}

fn what_changed_here_meanwhile_stays(far: &Far) {
    let bed = far.bed();
    bed.write("work/both", "before");
    bed.write("work/theirs", "before");
    bed.write("outside", "mine");
    let script = "echo there >both; echo there >theirs; ln -s ../outside evil; ln -s /etc/passwd worse";
    let (running, name) = start_and_wait(far, &bed, script);
    bed.write("work/both", "here");
    far.docker(&["exec", &name, "touch", "/tmp/go"]);
    let done = running.finish().exits(0).says("warning: conflict: both was changed on this machine meanwhile");
    let json = done.json();
    let warnings = json["warnings"].as_array().unwrap();
    assert_eq!(warnings.len(), 4, "{json}");
    let text = |path: &str| fs::read_to_string(bed.workspace().join(path)).unwrap();
    assert_eq!((text("both"), text("theirs")), ("here".into(), "there\n".into()));
    for link in ["evil", "worse"] {
        assert!(fs::symlink_metadata(bed.workspace().join(link)).is_err(), "{link} leads out of the workspace");
    }
    // The agent's version is not lost.
    let kept = warnings.last().unwrap().as_str().unwrap().rsplit(' ').next().unwrap().to_owned();
    let listed = Command::new("tar").args(["-xOf", &kept, "./both"]).output().unwrap().stdout;
    assert_eq!(String::from_utf8_lossy(&listed), "there\n", "{kept}");
}

fn an_end_by_force_loses_nothing_here(far: &Far) {
    let bed = far.bed();
    for number in 0..200 {
        bed.write(&format!("work/files/{number}"), vec![b'x'; 10_000]);
    }
    let before = tree(&bed.workspace());
    let (running, _) = start_and_wait(far, &bed, "rm -r files");
    running.signal("KILL");
    drop(running.finish());
    within(PATIENCE, "nothing is left there", || far.is_clean());
    assert!(tree(&bed.workspace()) == before, "nothing was changed");
    // At any moment: what is there is the old or the new, each file whole.
    let script = "for file in files/*; do head -c 20000 /dev/zero | tr '\\0' y >$file; done";
    let running = bed.spawn(&shell(&[]), script.as_bytes());
    // What came last is brought back last, or early: any file will do.
    let is_new = |entry: fs::DirEntry| entry.metadata().is_ok_and(|metadata| metadata.len() == 20_000);
    let files = bed.workspace().join("files");
    within(Duration::from_secs(60), "the first change is here", || fs::read_dir(&files).unwrap().flatten().any(is_new));
    running.signal("KILL");
    drop(running.finish());
    let found = tree(&files);
    let parts = found.iter().filter(|(path, ..)| path.file_name().unwrap().to_string_lossy().starts_with(PART)).count();
    assert_eq!(found.len(), 200 + parts, "none went");
    for (path, _, contents, _) in &found {
        let is_part = path.file_name().unwrap().to_string_lossy().starts_with(PART);
        let is_whole = contents == &[b'x'; 10_000] || contents == &vec![b'y'; 20_000];
        assert!(is_part || is_whole, "{}", path.display());
    }
    within(PATIENCE, "nothing is left there", || far.is_clean());
}

/// Where what came back stands until all of it has its place.
fn returned(bed: &Bed) -> PathBuf {
    bed.home().join(".local/state/ringfence/returned")
}

/// The one archive that was kept, which is its owner's alone.
fn kept(bed: &Bed) -> PathBuf {
    let archives: Vec<_> = fs::read_dir(returned(bed)).unwrap().flatten().map(|entry| entry.path()).collect();
    assert_eq!(archives.len(), 1, "{archives:?}");
    let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o777;
    assert_eq!((mode(&returned(bed)), mode(&archives[0])), (0o700, 0o600));
    archives[0].clone()
}

fn an_end_by_force_while_it_comes_back_loses_nothing(far: &Far) {
    let bed = far.bed();
    for number in 0..3000 {
        bed.write(&format!("work/files/{number}"), format!("{number}"));
    }
    let running = bed.spawn(&shell(&[]), b"mv files moved");
    let (old, new) = (bed.workspace().join("files"), bed.workspace().join("moved"));
    within(Duration::from_secs(60), "the first change is seen", || new.exists() || !old.join("0").exists());
    running.signal("KILL");
    drop(running.finish());
    let moved = fs::read_dir(&new).unwrap().count();
    for number in 0..3000 {
        let text = format!("{number}");
        let there = [&old, &new].map(|folder| fs::read_to_string(folder.join(&text)).is_ok_and(|found| found == text));
        assert!(there.contains(&true), "{number} is nowhere");
    }
    // Its owner can finish what was begun, and the next run says so.
    if moved < 3000 {
        bed.run(&shell(&["true"])).exits(0).says(&kept(&bed).display().to_string());
        let listed = Command::new("tar").arg("-tf").arg(kept(&bed)).output().unwrap().stdout;
        assert!(String::from_utf8_lossy(&listed).contains("./moved/2999\n"));
    }
    within(PATIENCE, "nothing is left there", || far.is_clean());
}

fn what_cannot_be_read_there_is_not_deleted_here(far: &Far) {
    let bed = far.bed();
    for path in ["change", "gone", "closed"] {
        bed.write(&format!("work/{path}"), "old");
    }
    let script = "echo ran; echo new >change; echo made >made; rm gone; chmod 0 closed";
    let done = bed.run(&shell(&["--max-attempts", "3", "--json", script])).exits(0).says("so nothing was deleted here");
    assert_eq!((&done.json()["attempts"], &done.json()["output"]), (&1.into(), &"ran\n".into()), "it was done once");
    let text = |path: &str| fs::read_to_string(bed.workspace().join(path)).unwrap();
    assert_eq!(
        (text("change"), text("made"), text("gone"), text("closed")),
        ("new\n".into(), "made\n".into(), "old".into(), "old".into())
    );
    kept(&bed);
    // No place to keep it is no reason to go without it.
    let bed = far.bed();
    bed.write("home/.local/state/ringfence/returned", "in the way");
    bed.run(&shell(&["echo made >made"])).exits(0).says("could not be kept");
    assert_eq!(fs::read_to_string(bed.workspace().join("made")).unwrap(), "made\n");
}

fn nothing_comes_between_the_bytes_of_what_comes_back(far: &Far) {
    let bed = far.bed();
    // As one that was left behind with no mark of the run's, and holds the output open.
    let script = "echo made >made; env -i sh -c 'trap \"\" TERM HUP INT; while :; do echo noise; done' & sleep 0.2";
    let done = bed.run_with(&shell(&["--json"]), script.as_bytes()).exits(0);
    assert_eq!(done.json()["warnings"].as_array().unwrap().len(), 0, "{}", done.stderr);
    assert_eq!(fs::read_to_string(bed.workspace().join("made")).unwrap(), "made\n");
    assert!(done.json()["output"].as_str().unwrap().starts_with("noise\n"));
    assert_eq!(fs::read_dir(returned(&bed)).unwrap().count(), 0, "what has its place is not kept");
    within(PATIENCE, "nothing is left there", || far.is_clean());
}

fn one_interrupt_does_not_cut_off_what_comes_back(far: &Far) {
    let bed = far.bed();
    let (running, name) = start_and_wait(far, &bed, "head -c 150000000 /dev/zero >made");
    far.docker(&["exec", &name, "touch", "/tmp/go"]);
    within(Duration::from_secs(60), "it is on its way back", || {
        let top = far.docker(&["top", &name]);
        top.contains("tar -cf") || top.contains("No such container") || top.contains("is not running")
    });
    running.signal("INT");
    running.finish().exits(0);
    assert_eq!(fs::metadata(bed.workspace().join("made")).unwrap().len(), 150_000_000);
    within(PATIENCE, "nothing is left there", || far.is_clean());
}

fn a_second_interrupt_ends_even_what_comes_back(far: &Far) {
    let bed = far.bed();
    bed.write("work/here", "mine");
    let (running, name) = start_and_wait(far, &bed, "rm here; truncate -s 7G made");
    far.docker(&["exec", &name, "touch", "/tmp/go"]);
    within(Duration::from_secs(60), "it is on its way back", || far.docker(&["top", &name]).contains("tar -cf"));
    running.signal("INT");
    thread::sleep(Duration::from_millis(200));
    running.signal("INT");
    let json = running.finish().exits(130).json();
    assert_eq!(json["class"], "interrupted", "{json}");
    assert!(json["message"].as_str().unwrap().starts_with("what the run changed did not come back"), "{json}");
    assert_eq!(fs::read_to_string(bed.workspace().join("here")).unwrap(), "mine");
    assert!(!bed.workspace().join("made").exists());
    within(PATIENCE, "nothing is left there", || far.is_clean());
}

fn folders_that_keep_their_owner_out_go_there_and_back(far: &Far) {
    let bed = far.bed();
    bed.write("work/closed/deep/file", "old");
    let mode = |path: &str, mode: u32| {
        fs::set_permissions(bed.workspace().join(path), Permissions::from_mode(mode)).unwrap();
    };
    mode("closed/deep", 0o500);
    mode("closed", 0o555);
    let script = "stat -c %a closed closed/deep; touch closed/new 2>/dev/null && exit 9; echo new >closed/deep/file";
    assert_eq!(bed.run(&shell(&[script])).exits(0).out(), "555\n500\n");
    let found = |path: &str| fs::metadata(bed.workspace().join(path)).unwrap().mode() & 0o777;
    assert_eq!((found("closed"), found("closed/deep")), (0o555, 0o500));
    assert_eq!(fs::read_to_string(bed.workspace().join("closed/deep/file")).unwrap(), "new\n");
    mode("closed", 0o755);
    mode("closed/deep", 0o755);
}

fn what_the_image_has_there_does_not_come_back(far: &Far) {
    let bed = far.bed();
    let inside = bed.root().join(format!("image/{}", bed.workspace().display()));
    fs::create_dir_all(&inside).unwrap();
    fs::write(inside.join("leaked"), "x").unwrap();
    far.docker(&["create", "--name", "seed", TINY, "true"]);
    far.docker(&["cp", &format!("{}/.", bed.root().join("image").display()), "seed:/"]);
    far.docker(&["commit", "seed", "seeded"]);
    far.docker(&["rm", "seed"]);
    let script = "ls -A; echo made >made";
    let done = bed.run(&shell(&["--image", "seeded", "--json", script])).exits(0);
    assert_eq!(done.json()["output"], "", "{}", done.stderr);
    let names: Vec<_> = fs::read_dir(bed.workspace()).unwrap().flatten().map(|entry| entry.file_name()).collect();
    assert_eq!(names, ["made"]);
    far.docker(&["rmi", "seeded"]);
}

fn nothing_of_this_machine_is_promised_there(far: &Far) {
    let bed = far.bed();
    bed.run(&shell(&["--mount", "/etc:/x:ro", "true"])).exits(2).says("the engine is on another machine");
    bed.run(&["sandbox", "create", "--mode", "docker", "--image", TINY])
        .exits(78)
        .says("a warm sandbox shares the workspace");
    bed.run(&shell(&["-e", "API=http://localhost:1/v1", "true"]))
        .exits(0)
        .says("warning: API names a service of this machine");
    let dry = bed.run(&shell(&["--dry-run", "true"])).exits(0).out();
    assert!(
        dry.contains("--mount 'type=volume,") && dry.contains(",volume-nocopy") && !dry.contains("type=bind"),
        "{dry}"
    );
    // Told to, ringfence mounts; there is nothing to mount there.
    bed.config("[docker]\nworkspace = \"mount\"\n");
    bed.run(&shell(&["--max-attempts", "1", "true"])).exits(2).says("cannot mount a folder");
}

#[test]
fn packing_keeps_to_the_time_that_a_run_has() {
    let Some(engine) = Engine::get() else { return };
    let bed = engine.bed();
    bed.config("[docker]\nworkspace = \"copy\"\n");
    fs::File::create(bed.workspace().join("large")).unwrap().set_len(3 << 30).unwrap();
    bed.run(&shell(&["--timeout", "300ms", "true"])).exits(124).says("while the workspace was packed");
}

#[test]
fn podman_remote_sees_files_of_this_machine_only_through_a_socket_of_this_machine() {
    for (address, is_copied) in [(None, true), (Some("ssh://me@far"), true), (Some("unix:///run/x"), false)] {
        let mut bed = Bed::new();
        bed.program("podman-remote", "exit 125");
        bed.config("[docker]\ncommand = \"podman-remote\"\n");
        if let Some(address) = address {
            bed.set("CONTAINER_HOST", address);
        }
        let dry = bed.run(&shell(&["--dry-run", "true"])).exits(0).out();
        assert_eq!((dry.contains("type=volume,"), dry.contains("type=bind,")), (is_copied, !is_copied), "{dry}");
    }
}

#[test]
fn the_doctor_walks_where_the_workspace_is_copied() {
    let Some(engine) = Engine::get() else { return };
    let mut bed = engine.bed();
    // As docker, but all that goes there is written down.
    let note = r#"exec docker "$@" < <(exec tee "$HOME/sent.$$" 2>/dev/null)"#;
    bed.program("noting", &format!("exec bash -c '{note}' noting \"$@\""));
    let docker = "[docker]\ncommand = \"noting\"\nworkspace = \"copy\"";
    bed.config(&format!("{docker}\n[sandbox]\nimage = \"{}\"\n", engine.worker()));
    bed.write("work/large", "all of the workspace");
    let doctor = ["--mode", "docker", "sandbox", "doctor", "--agent", "shell", "--agent", "claude", "--json"];
    let json = bed.run(&doctor).json();
    let status = |id: &str| {
        let check = json["checks"].as_array().unwrap().iter().find(|check| check["id"] == id);
        check.unwrap_or_else(|| panic!("{id}: {json}"))["status"].as_str().unwrap().to_owned()
    };
    for id in ["engine.user", "run.write", "run.owner", "run.git", "run.swap", "run.secrets", "run.host", "run.timeout"]
    {
        assert_eq!(status(id), "ok", "{id}: {json}");
    }
    for id in ["run.git-worktree", "run.workspace", "run.workspace-git"] {
        assert_eq!(status(id), "skip", "{id}: {json}");
    }
    // The probe's scratch, the agent that never ends, the login.
    let sent: Vec<_> = fs::read_dir(bed.home()).unwrap().flatten().map(|entry| entry.path()).collect();
    let sent: Vec<_> = sent.iter().filter(|path| path.to_string_lossy().contains("/sent.")).collect();
    let holds = |path: &Path, text: &str| String::from_utf8_lossy(&fs::read(path).unwrap()).contains(text);
    assert_eq!(sent.iter().filter(|path| holds(path, "ustar")).count(), 3, "{sent:?}: {json}");
    assert!(!sent.iter().any(|path| holds(path, "all of the workspace")), "the workspace itself stays here");
    assert_eq!(fs::read_dir(bed.workspace()).unwrap().count(), 1);
}

/// Nothing is started for these.
#[test]
fn where_the_engine_is_and_whether_it_gets_a_copy_are_two_things() {
    let shell = ["run", "--mode", "docker", "-a", "shell"];
    let dry = |bed: &Bed, rest: &[&str]| bed.run(&[&shell[..], rest, &["--dry-run", "true"]].concat());
    // Mounted by an engine elsewhere, whose container has no name for this machine.
    let mut far = Bed::new();
    far.config("[docker]\nworkspace = \"mount\"\n");
    far.set("DOCKER_HOST", "ssh://far.test");
    let line = dry(&far, &["-e", "API=http://localhost:1/x"]);
    assert!(!line.out().contains("host-gateway") && !line.out().contains("host.docker.internal"), "{line:?}");
    // Copied by one on this machine: what is in the way is the setting.
    let near = Bed::new();
    near.config("[docker]\nworkspace = \"copy\"\n");
    let create = near.run(&["--mode", "docker", "sandbox", "create", "--agent", "shell"]).exits(78);
    for done in [dry(&near, &["--mount", "/etc:/x:ro"]).exits(2), dry(&near, &["--forward", "80"]).exits(78), create] {
        done.says("gets a copy of the workspace (docker.workspace").says("ringfence sandbox set docker.workspace auto");
    }
    // A context leads elsewhere as well as a variable does.
    let context = Bed::new();
    context.write("home/.docker/config.json", r#"{"currentContext":"far"}"#);
    let meta = r#"{"Name":"far","Endpoints":{"docker":{"Host":"ssh://me@far.test"}}}"#;
    context.write("home/.docker/contexts/meta/0/meta.json", meta);
    dry(&context, &["--forward", "80"]).exits(78).says("the engine is on another machine, ssh://me@far.test");
    // So does a client that is nothing else.
    let client = Bed::new();
    client.config("[docker]\ncommand = \"podman-remote\"\n");
    dry(&client, &["--forward", "80"]).exits(78).says("the engine is on another machine: ");
}
