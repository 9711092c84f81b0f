//! The examples do what they say: each is run, with the real claude against the stub where a model is needed.
#![allow(clippy::unwrap_used, reason = "a panic is how tests fail")]
#![allow(clippy::disallowed_methods, reason = "tests start processes")]

mod support;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use support::stub::{KEY, Place, Stub, Trial, places};
use support::{Bed, Engine, RINGFENCE, part};

fn example(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(name).display().to_string()
}

/// Runs an example script in the workspace of a bed, on whose PATH ringfence is.
fn script(bed: &Bed, name: &str, args: &[&str]) -> Output {
    let bin = bed.root().join("bin");
    fs::create_dir_all(&bin).unwrap();
    if !bin.join("ringfence").exists() {
        symlink(RINGFENCE, bin.join("ringfence")).unwrap();
    }
    let mut command = Command::new("bash");
    command.arg(example(name)).args(args).env_clear().current_dir(bed.workspace()).stdin(Stdio::null());
    for (name, value) in bed.command(&[]).get_envs() {
        command.env(name, value.unwrap_or_default());
    }
    command.output().unwrap()
}

#[track_caller]
fn ends(output: &Output, code: i32, out: &str, err: &str) {
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{stdout}\n{stderr}");
    assert!(stdout.contains(out), "{stdout}\n{stderr}");
    assert!(stderr.contains(err), "{stderr}");
}

#[test]
fn the_wrapper_branches_on_every_code() {
    let mut bed = Bed::new();
    let shell = ["-a", "shell", "--mode", "host"];
    let run = |bed: &Bed, task: &str, more: &[&str]| script(bed, "wrapper.sh", &[&[task], &shell[..], more].concat());
    ends(&run(&bed, "echo x >made.txt; echo done '[send_file: made.txt]'", &[]), 0, "done", "wrapper: it made /");
    ends(&run(&bed, "exit 3", &[]), 1, "", "wrapper: the script exited with 3");
    ends(&run(&bed, "true", &["-C", "/nowhere"]), 2, "", "wrapper: called wrongly: no such workspace");
    ends(&run(&bed, "sleep 60", &["--timeout", "200ms"]), 124, "", "wrapper: too slow:");
    ends(&run(&bed, "true", &["-e", "NOT_SET"]), 78, "", "wrapper: this machine is not set up:");
    bed.set("DOCKER_HOST", "unix:///nowhere/docker.sock");
    ends(&run(&bed, "true", &["--mode", "docker"]), 69, "", "wrapper: this machine is not set up:");
    if !places().contains(&Place::Host) {
        return;
    }
    let stub = Stub::start(&["--require-token", KEY]);
    let trial = Trial::new("claude", Place::Host, &stub);
    let claude = |task: &str| script(&trial.bed, "wrapper.sh", &[task, "-a", "claude", "--max-attempts", "1"]);
    ends(&claude("hello"), 77, "", "wrapper: somebody has to log in or add credit: run `claude`");
    let trial = Trial::new("claude", Place::Host, &stub).with_key().set("CLAUDE_CODE_MAX_RETRIES", "0");
    let busy = script(&trial.bed, "wrapper.sh", &["stub: status 529", "-a", "claude", "--max-attempts", "1"]);
    ends(&busy, 75, "", "wrapper: again in ");
}

#[test]
fn until_works_until_the_check_passes() {
    let Some(Place::Host) = places().first() else { return };
    let stub = Stub::start(&[]);
    let trial = Trial::new("claude", Place::Host, &stub).with_key();
    // The check's own words are what the model goes by: this one asks for what it wants.
    let check = "grep -q right answer.txt || { echo 'stub: sh echo right >answer.txt'; exit 1; }";
    let mended = script(&trial.bed, "until.sh", &[check, "3", "-a", "claude"]);
    ends(&mended, 0, "passes after 1 turns", "");
    let hopeless = script(&trial.bed, "until.sh", &["echo no; false", "1", "-a", "claude"]);
    ends(&hopeless, 1, "", "still fails after 1 turns");
    let broken = script(&trial.bed, "until.sh", &["false", "3", "-a", "shell", "-e", "NOT_SET"]);
    assert_eq!(broken.status.code(), Some(78), "what the next turn would meet as well ends the loop");
}

#[test]
fn the_batch_is_finished_by_the_same_command() {
    let bed = Bed::new();
    let queue = bed.write("work/tasks.jsonl", fs::read_to_string(example("tasks.jsonl")).unwrap());
    let queue = queue.to_str().unwrap();
    ends(&script(&bed, "batch.sh", &[queue]), 0, "all done: ", "3 succeeded");
    ends(&script(&bed, "batch.sh", &[queue]), 0, "all done: ", "every task had finished before");
}

/// Each configuration with what its use needs: options, the task, and what the answer is.
#[test]
fn each_configuration_runs_its_use() {
    let Some(engine) = Engine::get() else { return };
    let worker = part("RINGFENCE_TEST_WORKER");
    let offline = engine.bed().run(&[
        "--config",
        &example("offline.toml"),
        "run",
        "--image",
        &engine.tiny(),
        "test ! -e /sys/class/net/eth0 && echo alone",
    ]);
    assert_eq!(offline.exits(0).out(), "alone\n");
    let stub = Stub::start(&[]);
    for (name, options) in [("laptop.toml", &[][..]), ("ci.toml", &[]), ("container.toml", &["-e", "GITHUB_TOKEN=x"])] {
        let trial = Trial::new("claude", Place::Docker, &stub).with_key();
        trial.bed.write("home/.claude/settings.json", "{}");
        let config = example(name);
        let fixed =
            ["--config", &config, "run", "--image", &worker, "-e", "HTTPS_PROXY", "-e", "NO_PROXY", "--timeout", "60s"];
        let done =
            trial.bed.run(&[&fixed, options, &["stub: sh echo hi >made.txt\nstub: text made"]].concat()).exits(0);
        assert_eq!((done.out().trim(), trial.file("made.txt").trim()), ("made", "hi"), "{name}");
        if name == "ci.toml" {
            let bare = Trial::new("claude", Place::Docker, &stub);
            bare.bed.run(&[&fixed[..], &["hello"]].concat()).exits(78).says("ANTHROPIC_API_KEY");
        }
    }
    let bed = engine.bed();
    let queue = bed.write("queue.jsonl", "{\"task\": \"echo night\", \"agent\": \"shell\"}\n");
    let nightly =
        ["--config", &example("nightly.toml"), "run", "--batch", queue.to_str().unwrap(), "--image", &engine.tiny()];
    assert_eq!(bed.run(&nightly).exits(0).json()["output"], "night\n");
}
