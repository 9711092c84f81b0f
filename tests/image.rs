//! The worker image: built for real, checked before it has its name, and every failure told apart.
#![allow(clippy::unwrap_used, reason = "a panic is how tests fail")]

mod support;

use std::fs;
use std::time::{Duration, Instant};

use support::runtime::stand_in;
use support::{Bed, Engine, PATIENCE, part, processes_with, within};

const CLAUDE: &str = "2.1.197";

/// An image that goes when the test is over.
struct Built(&'static str);

impl Drop for Built {
    fn drop(&mut self) {
        Engine.docker(&["rmi", "--force", self.0]);
    }
}

/// A bed with a temporary folder of its own, so that what a build leaves there can be seen.
fn bed_of(engine: &Engine) -> Bed {
    let mut bed = engine.bed();
    let temporary = bed.root().join("tmp");
    fs::create_dir(&temporary).unwrap();
    bed.set("TMPDIR", temporary);
    bed
}

fn left_behind(bed: &Bed) -> usize {
    fs::read_dir(bed.root().join("tmp")).unwrap().count()
}

fn build<'a>(tag: &'a str, base: &'a str, certificates: &'a str) -> Vec<&'a str> {
    vec!["sandbox", "build-image", "--tag", tag, "--base", base, "--ca-cert", certificates, "--agent", "claude"]
}

#[test]
fn the_image_is_built_checked_and_labelled() {
    let Some(engine) = Engine::get() else { return };
    let (base, certificates) = (part("RINGFENCE_TEST_DEBIAN"), part("RINGFENCE_TEST_CA"));
    let built = Built("ringfence-test/built:latest");
    let bed = bed_of(&engine);
    let mut args = build(built.0, &base, &certificates);
    let version = format!("claude={CLAUDE}");
    args.extend(["--agent-version", &version]);
    let done = bed.run(&args).exits(0);
    assert_eq!(done.out(), format!("{}\n", built.0));
    assert!(done.stderr.contains(&format!("claude {CLAUDE}")), "progress is shown: {}", done.stderr);
    let label = |name: &str| {
        engine.docker(&["inspect", built.0, "--format", &format!("{{{{index .Config.Labels {name:?}}}}}")])
    };
    assert_eq!((label("ringfence.agent.claude"), label("ringfence.image")), (CLAUDE.into(), "worker".into()));
    assert_eq!(label("ringfence"), "", "a container inherits labels: this one would be taken for a run");
    let answer = ["run", "--rm", "--network", "none", "--read-only", "--tmpfs", "/tmp", "--env", "HOME=/tmp"];
    let answer = engine.docker(&[&answer[..], &[built.0, "claude", "--version"]].concat());
    assert!(answer.contains(CLAUDE), "{answer}");
    assert_eq!(left_behind(&bed), 0);

    // Again, as programs ask for it; nothing is built anew.
    let json = bed.run(&[&args[..], &["--json"]].concat()).exits(0).json();
    assert_eq!((json["ok"].as_bool(), json["image"].as_str()), (Some(true), Some(built.0)));
    assert_eq!(json["agents"]["claude"], CLAUDE);

    // A run takes place in it.
    let run = [
        "run",
        "--mode",
        "docker",
        "--image",
        built.0,
        "-a",
        "shell",
        "--network",
        "none",
        "git --version && rg --version",
    ];
    let tools = bed.run(&run).exits(0).out();
    assert!(tools.contains("git version") && tools.contains("ripgrep"), "{tools}");
}

#[test]
fn a_version_that_is_not_there_is_the_callers_mistake_and_the_old_image_stays() {
    let Some(engine) = Engine::get() else { return };
    let (base, certificates) = (part("RINGFENCE_TEST_DEBIAN"), part("RINGFENCE_TEST_CA"));
    let old = Built("ringfence-test/kept:latest");
    engine.docker(&["tag", &engine.tiny(), old.0]);
    let before = engine.docker(&["inspect", old.0, "--format", "{{.Id}}"]);
    let bed = bed_of(&engine);
    let args = [&build(old.0, &base, &certificates)[..], &["--agent-version", "claude=0.0.0-nope", "--json"]].concat();
    let done = bed.run(&args).exits(2);
    let json = done.json();
    assert_eq!((json["ok"].as_bool(), json["class"].as_str()), (Some(false), Some("usage")));
    assert_eq!(json["message"], "there is no @anthropic-ai/claude-code@0.0.0-nope");
    assert!(json["hint"].as_str().unwrap().contains("npm view @anthropic-ai/claude-code versions"), "{json}");
    assert_eq!(engine.docker(&["inspect", old.0, "--format", "{{.Id}}"]), before);
    assert_eq!(left_behind(&bed), 0);
}

#[test]
fn a_base_that_cannot_be_had_or_used_is_named() {
    let Some(engine) = Engine::get() else { return };
    let certificates = part("RINGFENCE_TEST_CA");
    let bed = bed_of(&engine);
    let missing = "localhost:1/nobody/has-this:latest";
    let done = bed.run(&build("ringfence-test/never:latest", missing, &certificates)).exits(69);
    let done = done.says(&format!("error: the base image {missing} cannot be had")).says("hint: ");
    assert_eq!(done.out(), "");
    let tiny = engine.tiny();
    let quiet = [&["-q"], &build("ringfence-test/never:latest", &tiny, &certificates)[..]].concat();
    let stderr = bed.run(&quiet).exits(75).stderr;
    assert_eq!(stderr.lines().count(), 3, "{stderr}");
    assert!(stderr.contains("caused by: ") && stderr.contains("apt-get: not found"), "{stderr}");
    assert_eq!(engine.docker(&["images", "--quiet", "ringfence-test/never"]), "");
    assert_eq!(left_behind(&bed), 0);
}

#[test]
fn an_engine_that_does_not_answer_is_told_apart() {
    let Some(engine) = Engine::get() else { return };
    let mut bed = engine.bed();
    bed.set("DOCKER_HOST", "unix:///nowhere/docker.sock");
    let json = bed.run(&["sandbox", "build-image", "--json"]).exits(69).json();
    assert_eq!(json["class"], "daemon_unreachable");
    let json = bed.run(&["sandbox", "build-image", "--tag", "x", "--json", "-q"]).exits(69);
    assert!(json.stderr.starts_with("error: "), "{}", json.stderr);
}

#[test]
fn the_dockerfile_can_be_had_without_an_engine() {
    let bed = Bed::new();
    let mut command = bed.command(&["sandbox", "build-image", "--print"]);
    command.env("PATH", bed.root().join("nothing"));
    let printed = support::start(command, b"").finish().exits(0).out();
    assert_eq!(printed, include_str!("../src/image/Dockerfile"));
    let json = bed.run(&["sandbox", "build-image", "--print", "--json"]).exits(0).json();
    assert_eq!((json["ok"].as_bool(), json["dockerfile"].as_str()), (Some(true), Some(printed.as_str())));
    let mut command = bed.command(&["sandbox", "build-image"]);
    command.env("PATH", bed.root().join("nothing"));
    support::start(command, b"").finish().exits(69).says("docker is not installed").says("hint: ");
}

/// An engine that writes down what it is asked, keeps the build's folder, and answers as told.
const RECORDER: &str = "echo \"$*\" >>\"$HOME/asked\"
case $1 in
build) for folder; do :; done; [ -e \"$HOME/context\" ] || cp -Rp \"$folder\" \"$HOME/context\"; cp \"$folder/Dockerfile\" \"$HOME/last\" ;;
run) echo \"$VERSION_ANSWER\" ;;
esac";

fn recorded() -> Bed {
    let mut bed = Bed::new();
    bed.program("docker", RECORDER);
    bed
}

fn asked(bed: &Bed) -> Vec<String> {
    fs::read_to_string(bed.home().join("asked")).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn a_missing_folder_for_temporary_files_is_named() {
    let mut bed = recorded();
    bed.config("[docker]\nworkspace = \"copy\"\n");
    bed.set("TMPDIR", "/nowhere/tmp");
    for args in [&["sandbox", "build-image"][..], &["run", "-a", "shell", "--mode", "docker", "true"]] {
        bed.run(args).exits(78).says("the folder for temporary files, /nowhere/tmp, ").says("mkdir -p /nowhere/tmp");
    }
}

#[test]
fn the_name_is_given_only_to_what_was_checked() {
    let mut bed = recorded();
    bed.set("VERSION_ANSWER", "2.1.197 (Claude Code)");
    bed.run(&["sandbox", "build-image", "--tag", "team/worker:1", "--agent", "claude"]).exits(0);
    let lines = asked(&bed);
    assert_eq!(lines.len(), 4, "{lines:?}");
    let temporary = lines[0].split(' ').find(|word| word.starts_with("ringfence/unchecked:")).unwrap();
    assert!(lines[0].starts_with("build --force-rm --tag ") && !lines[0].contains("team/worker"), "{lines:?}");
    assert!(lines[1].starts_with("run --rm ") && lines[1].contains(temporary), "{lines:?}");
    assert!(lines[2].starts_with("build --quiet --tag team/worker:1 "), "{lines:?}");
    assert_eq!(lines[3], format!("rmi {temporary}"));
    let last = fs::read_to_string(bed.home().join("last")).unwrap();
    assert_eq!(last, format!("FROM {temporary}\nLABEL ringfence.agent.claude=\"2.1.197\"\n"));

    let mut bed = recorded();
    bed.set("VERSION_ANSWER", "oops");
    let done = bed.run(&["sandbox", "build-image", "--tag", "team/worker:1", "--agent", "claude"]).exits(69);
    done.says("claude does not answer `--version`");
    let lines = asked(&bed);
    assert!(lines[2].starts_with("rmi ringfence/unchecked:") && lines.len() == 3, "{lines:?}");
}

/// The stand-in refuses what Apple's does not know, and carries the rest out on what plays Docker here.
#[test]
fn apples_builder_is_told_only_what_it_knows() {
    let mut bed = recorded();
    bed.config(&format!("[apple]\ncommand = \"{}\"\n", stand_in().display()));
    let calls = bed.root().join("calls");
    bed.set("VERSION_ANSWER", "2.1.197 (Claude Code)").set("STAND_IN_LOG", &calls);
    // Its builder can be handed no variable without its value.
    bed.set("HTTPS_PROXY", "http://user:hunter2@proxy:3128");
    let args = ["--mode", "apple", "sandbox", "build-image", "--tag", "team/worker:1", "--agent", "claude"];
    let choices = ["--base", "debian:13", "--agent-version", "claude=2.1.197", "--no-cache", "--pull", "--json"];
    let json = bed.run(&[&args[..], &choices[..]].concat()).exits(0).json();
    assert_eq!((json["image"].as_str(), json["agents"]["claude"].as_str()), (Some("team/worker:1"), Some("2.1.197")));
    let calls = fs::read_to_string(calls).unwrap();
    let [build, run, label, forget]: [&str; 4] = calls.lines().collect::<Vec<_>>().try_into().unwrap();
    let unchecked = forget.strip_prefix("container image delete ").unwrap();
    assert!(build.starts_with(&format!("container build --tag {unchecked} --build-arg BASE=debian:13 ")), "{build}");
    assert!(run.starts_with("container run --rm ") && run.contains(unchecked), "{run}");
    assert!(label.starts_with("container build --tag team/worker:1 ") && !calls.contains("PROXY"), "{calls}");
}

#[test]
fn proxies_are_handed_on_by_name() {
    let mut bed = recorded();
    bed.set("VERSION_ANSWER", "1.0").set("HTTPS_PROXY", "http://user:hunter2@proxy:3128").set("no_proxy", "localhost");
    bed.set("HTTP_PROXY", "");
    bed.run(&["-v", "sandbox", "build-image", "--agent", "codex"]).exits(0);
    let build = &asked(&bed)[0];
    assert!(build.contains("--build-arg HTTPS_PROXY --build-arg no_proxy "), "{build}");
    assert!(
        !build.contains("hunter2") && !build.contains("HTTP_PROXY=") && !build.contains("--build-arg HTTP_PROXY"),
        "{build}"
    );
}

const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";

#[test]
fn certificates_come_from_the_option_else_from_the_callers_own_tools() {
    use std::os::unix::fs::PermissionsExt;
    let trusted = |bed: &Bed| fs::read_to_string(bed.home().join("context/ca/extra.crt")).unwrap_or_default();
    let start = || {
        let mut bed = recorded();
        let file = bed.write("work/own.pem", format!("# own\n{CERTIFICATE}"));
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        bed.set("VERSION_ANSWER", "1.0").set("NODE_EXTRA_CA_CERTS", &file);
        bed
    };
    let args = ["sandbox", "build-image", "--agent", "claude"];
    let bed = start();
    let node = bed.workspace().join("own.pem");
    bed.run(&args).exits(0).says(&format!("the image trusts {} as well ($NODE_EXTRA_CA_CERTS)", node.display()));
    assert!(trusted(&bed).starts_with("# own"));
    let mode = |path: &str| fs::metadata(bed.home().join(path)).unwrap().permissions().mode() & 0o777;
    assert_eq!(
        (mode("context/ca/extra.crt"), mode("context/ca")),
        (0o644, 0o755),
        "readable for every user of the image"
    );

    let bed = start();
    bed.write("work/other.pem", CERTIFICATE);
    let done = bed.run(&[&args[..], &["--ca-cert", "other.pem"]].concat()).exits(0);
    assert!(trusted(&bed) == CERTIFICATE && !done.stderr.contains("NODE_EXTRA"), "{}", done.stderr);

    let mut bed = start();
    let own = bed.workspace().join("own.pem");
    bed.set("NODE_EXTRA_CA_CERTS", "/missing").set("SSL_CERT_FILE", own);
    bed.run(&args).exits(0).says("warning: $NODE_EXTRA_CA_CERTS: /missing cannot be read").says("($SSL_CERT_FILE)");
    assert!(trusted(&bed).starts_with("# own"));

    // A private key never gets into an image, and what is no certificate not either.
    for (text, flaw) in
        [("-----BEGIN PRIVATE KEY-----\n", "private key"), ("", "holds no certificate"), ("DER\0", "holds no")]
    {
        let bed = start();
        bed.write("work/bad.pem", text);
        bed.run(&[&args[..], &["--ca-cert", "bad.pem"]].concat())
            .exits(2)
            .says("bad.pem ")
            .says(flaw)
            .says("--ca-cert FILE");
        assert!(!bed.home().join("asked").exists());
    }
}

/// Starts a build and waits until the engine's client works on it.
fn interrupted(bed: &Bed, args: &[&str], signals: &[&str], busy: impl FnMut() -> bool) -> (support::Done, Duration) {
    let running = bed.spawn(args, b"");
    within(PATIENCE, "the build is on its way", busy);
    let asked = Instant::now();
    for signal in signals {
        running.signal(signal);
        std::thread::sleep(Duration::from_millis(300));
    }
    (running.finish(), asked.elapsed())
}

#[test]
fn a_signal_ends_the_build_with_everything_it_started() {
    let polite = "trap ': >\"$HOME/asked\"; exit' TERM; sleep 300 & touch \"$HOME/busy\"; wait";
    let stubborn = "trap '' TERM; sleep 300 & touch \"$HOME/busy\"; while echo >>\"$HOME/ticks\"; do sleep 0.1; done";
    for (script, signals, code) in [
        (polite, &["INT"][..], 130),
        (polite, &["TERM"], 143),
        (stubborn, &["INT"], 130),
        (stubborn, &["INT", "INT"], 130),
    ] {
        let mut bed = Bed::new();
        let temporary = bed.root().join("tmp");
        fs::create_dir(&temporary).unwrap();
        let token = format!("BUILD_TRIAL={}", bed.root().display());
        let value = bed.root().as_os_str().to_owned();
        bed.set("TMPDIR", temporary).set("BUILD_TRIAL", value).program("docker", script);
        let busy = bed.home().join("busy");
        let (done, _) = interrupted(&bed, &["sandbox", "build-image", "--json"], signals, || busy.exists());
        let json = done.exits(code).says("error: interrupted").json();
        assert_eq!(json["class"], "interrupted");
        assert_eq!(bed.home().join("asked").exists(), script == polite);
        // The grace is three seconds. On a busy machine it has fewer ticks, never more.
        let ticks = fs::read_to_string(bed.home().join("ticks")).unwrap_or_default().lines().count();
        assert!(ticks < if signals.len() > 1 { 20 } else { 40 }, "{signals:?}: {ticks}");
        within(PATIENCE, "nothing of the build is left", || processes_with(&token).is_empty());
        assert_eq!(left_behind(&bed), 0);
    }
}

#[test]
fn ctrl_c_stops_the_engine_too() {
    let Some(engine) = Engine::get() else { return };
    let (base, certificates) = (part("RINGFENCE_TEST_DEBIAN"), part("RINGFENCE_TEST_CA"));
    let bed = bed_of(&engine);
    // The first step asks Debian's servers for their lists, which takes seconds.
    let args = [&build("ringfence-test/never:latest", &base, &certificates)[..], &["--no-cache"]].concat();
    let first_steps = || -> Vec<String> {
        let all = engine.docker(&["ps", "--no-trunc", "--format", "{{.ID}} {{.Command}}"]);
        all.lines()
            .filter(|line| line.contains("apt-get update") && line.contains("ripgrep"))
            .map(str::to_owned)
            .collect()
    };
    let before = first_steps();
    let folder = bed.root().join("tmp").display().to_string();
    let mut seen = Vec::new();
    let (done, took) = interrupted(&bed, &args, &["INT"], || {
        seen = first_steps().into_iter().filter(|step| !before.contains(step)).collect();
        !seen.is_empty() && processes_with(&folder).iter().any(|line| line.contains(" build --force-rm "))
    });
    done.exits(130).says("error: interrupted; docker was ended").says("hint: ");
    assert!(took < Duration::from_secs(20), "{took:?}");
    // Short, for its step ends by itself at some time.
    within(Duration::from_secs(10), "the build's container is gone", || {
        !first_steps().iter().any(|step| seen.contains(step))
    });
    assert_eq!(left_behind(&bed), 0);
    assert!(engine.docker(&["images", "--quiet", "ringfence-test/never"]).is_empty());
}
