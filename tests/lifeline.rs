//! Nothing survives a run, however it ends: on the host and in a container of the real engine.
#![allow(clippy::unwrap_used, reason = "a panic is how tests fail")]

mod support;

use std::fs;
use std::process::Stdio;
use std::time::Duration;

use support::runtime::Runtime;
use support::{Bed, Done, Engine, PATIENCE, Running, heeds, processes_with, signal, within};

/// The grace of every run here, and what may be added to it.
const GRACE: Duration = Duration::from_secs(1);
/// SPEC.md says two seconds, which is looked at by hand: a test shares its machine with other tests.
const SLACK: Duration = Duration::from_secs(10);

/// Where a run takes place.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Place {
    Host,
    Docker,
}

/// A run in a bed of its own, told apart from all others by a token in its environment.
struct Trial {
    place: Place,
    bed: Bed,
    token: String,
}

impl Trial {
    /// A trial in each place that this machine has.
    fn each(test: impl Fn(Trial)) {
        let mut places = Vec::new();
        if Runtime::chosen() == Runtime::Docker {
            places.push((Place::Host, Bed::new()));
        }
        if let Some(engine) = Engine::get() {
            places.push((Place::Docker, engine.bed()));
        }
        for (place, bed) in places {
            let token = format!("TRIAL_{}", bed.root().file_name().unwrap().to_string_lossy().replace('-', "_"));
            test(Trial { place, bed, token });
        }
    }

    fn args<'a>(&'a self, rest: &[&'a str]) -> Vec<&'a str> {
        let mut args =
            vec!["run", "--agent", "shell", "--grace", "1s", "--timeout", "40s", "--max-attempts", "1", "--env"];
        args.push(&self.token);
        match self.place {
            Place::Host => args.extend(["--mode", "host"]),
            Place::Docker => {
                args.extend(["--mode", Runtime::chosen().mode(), "--image", "ringfence-test/tiny:latest"]);
                args.extend(Runtime::chosen().closed());
            }
        }
        args.extend(rest);
        args
    }

    /// Starts a script that says `ready` by making that file, and waits for it.
    fn start(&mut self, script: &str, options: &[&str]) -> Running {
        self.bed.set(&self.token.clone(), "1");
        let running = self.bed.spawn(&self.args(options), script.as_bytes());
        let ready = self.bed.workspace().join("ready");
        within(PATIENCE, "the agent is ready", || ready.exists());
        running
    }

    fn run(&mut self, script: &str, options: &[&str]) -> Done {
        self.bed.set(&self.token.clone(), "1");
        self.bed.run_with(&self.args(options), script.as_bytes())
    }

    /// Nothing of the run is left: no process that carries the token, no container, within `limit`.
    #[track_caller]
    fn gone(&self, limit: Duration) {
        let token = format!("{}=1", self.token);
        let place = self.place;
        within(limit, &format!("nothing of the run is left ({place:?}): {:?}", processes_with(&token)), || {
            processes_with(&token).is_empty()
        });
        if self.place == Place::Docker {
            within(limit, "the container is gone", || Engine.containers_of(&self.bed).is_empty());
        }
    }

    fn file(&self, name: &str) -> String {
        fs::read_to_string(self.bed.workspace().join(name)).unwrap_or_default()
    }
}

/// Ignores TERM, as does its child in a session and a process group of its own.
const STUBBORN: &str =
    "trap '' TERM INT HUP; setsid sh -c 'trap \"\" TERM; while :; do sleep 1; done' >/dev/null 2>&1 &
sleep 0.2; echo started; touch ready; while :; do sleep 1; done";

/// Ends on TERM, and says so.
const POLITE: &str = "trap 'echo term >ended; exit 0' TERM; echo started; touch ready; while :; do sleep 0.1; done";

#[test]
fn a_run_that_ends_by_itself_leaves_nothing_behind() {
    Trial::each(|mut trial| {
        let script =
            "setsid sleep 300 >/dev/null 2>&1 & sleep 300 & sh -c 'trap \"\" TERM; sleep 301' & echo answer; exit 7";
        let done = trial.run(script, &["--json"]).exits(1);
        trial.gone(Duration::ZERO);
        let json = done.json();
        assert_eq!((json["class"].as_str(), json["agentExitCode"].as_i64()), (Some("agent_failed"), Some(7)), "{json}");
        assert_eq!(json["output"], "answer\n");
        assert!(done.took < GRACE + SLACK + SLACK, "{:?}", done.took);
    });
}

/// A leftover that is just starting another program reads as if it had no environment, and must be found all the same.
#[test]
fn what_is_left_is_found_in_the_middle_of_an_exec() {
    let ends = |number: usize| {
        let token = format!("TRIAL_EXEC_{}_{number}_", std::process::id());
        let mut trial = Trial { place: Place::Host, bed: Bed::new(), token };
        for _ in 0..6 {
            trial.run("setsid sh -c 'trap \"\" TERM; exec sleep 300' >/dev/null 2>&1 &", &[]).exits(0);
            trial.gone(SLACK);
        }
    };
    std::thread::scope(|scope| (0..4).for_each(|number| drop(scope.spawn(move || ends(number)))));
}

#[test]
fn a_signal_ends_the_wait_for_a_task_that_nobody_writes() {
    for (name, code) in [("INT", 130), ("TERM", 143)] {
        let mut child = Bed::new().command(&["run", "--agent", "shell"]).stdin(Stdio::piped()).spawn().unwrap();
        // Waiting for a child closes what it reads, unless it is taken first.
        let held = child.stdin.take();
        let pid = i32::try_from(child.id()).unwrap();
        heeds(pid, name);
        signal(pid, name);
        assert_eq!(child.wait().unwrap().code(), Some(code));
        drop(held);
    }
}

#[test]
fn an_answer_that_cannot_be_written_is_no_success() {
    Trial::each(|mut trial| {
        trial.bed.set(&trial.token.clone(), "1");
        let mut command = trial.bed.command(&trial.args(&["echo answer"]));
        let full = fs::File::options().write(true).open("/dev/full").unwrap();
        let output = command.stdin(Stdio::null()).stdout(full).output().unwrap();
        let words = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(70), "{words}");
        assert!(words.contains("could not be written"), "{words}");
    });
}

#[test]
fn only_a_code_that_stands_for_a_signal_is_read_as_one() {
    let mut trial = Trial { place: Place::Host, bed: Bed::new(), token: "TRIAL_CODES".into() };
    trial.run("exit 255", &[]).exits(1).says("the script exited with 255");
    trial.run("kill -TERM $$", &[]).exits(1).says("exited with 143, as after SIGTERM");
}

#[test]
fn the_callers_variables_cannot_spoil_our_marks() {
    let mut trial = Trial { place: Place::Host, bed: Bed::new(), token: "TRIAL_MARKS".into() };
    let done = trial.run("true", &["--json", "-e", "IFS=o", "-e", "rf_nonce=x", "-e", "PATH=/nowhere"]).exits(69);
    assert_eq!(done.json()["class"], "cli_missing");
}

#[test]
fn a_host_without_the_supervisors_tools_is_told_which() {
    let bed = Bed::new();
    for tool in ["sh", "cat"] {
        let path = fs::canonicalize(format!("/bin/{tool}")).unwrap();
        fs::create_dir_all(bed.root().join("few")).unwrap();
        std::os::unix::fs::symlink(path, bed.root().join("few").join(tool)).unwrap();
    }
    let mut command = bed.command(&["run", "--agent", "shell", "true"]);
    let output = command.env("PATH", bed.root().join("few")).output().unwrap();
    assert_eq!(output.status.code(), Some(69));
    assert!(String::from_utf8_lossy(&output.stderr).contains("head is not installed"), "{output:?}");
}

#[test]
fn the_wall_clock_ends_a_stubborn_agent_and_its_children() {
    Trial::each(|mut trial| {
        let done = trial.run(STUBBORN, &["--json", "--timeout", "1500ms"]).exits(124);
        trial.gone(Duration::ZERO);
        let json = done.json();
        assert_eq!((json["class"].as_str(), json["ok"].as_bool()), (Some("timeout"), Some(false)));
        assert_eq!(json["output"], "started\n", "what it said until then is kept");
        assert!(done.took < Duration::from_millis(1500) + GRACE + SLACK, "{:?}", done.took);
    });
}

#[test]
fn silence_ends_a_run_and_output_keeps_it_alive() {
    Trial::each(|mut trial| {
        let done = trial
            .run("echo one; sleep 0.4; echo two >&2; sleep 0.4; echo three; sleep 60", &["--idle-timeout", "700ms"]);
        trial.gone(Duration::ZERO);
        assert_eq!(done.exits(124).says("silent for 700ms").out(), "one\nthree\n");
    });
}

#[test]
fn a_polite_agent_is_given_the_grace() {
    Trial::each(|mut trial| {
        let running = trial.start(POLITE, &[]);
        running.signal("TERM");
        let done = running.finish().exits(143).says("SIGTERM");
        trial.gone(Duration::ZERO);
        assert_eq!(trial.file("ended"), "term\n");
        assert!(done.took < Duration::from_secs(20));
    });
}

#[test]
fn signals_end_a_stubborn_run_after_the_grace() {
    for (name, code) in [("INT", 130), ("TERM", 143), ("HUP", 129)] {
        Trial::each(|mut trial| {
            let running = trial.start(STUBBORN, &["--json"]);
            let asked = std::time::Instant::now();
            running.signal(name);
            let done = running.finish().exits(code);
            assert!(asked.elapsed() > GRACE && asked.elapsed() < GRACE + SLACK, "{:?}", asked.elapsed());
            trial.gone(Duration::ZERO);
            assert_eq!(done.json()["class"], "interrupted");
        });
    }
}

#[test]
fn a_second_signal_ends_it_at_once() {
    Trial::each(|mut trial| {
        let running = trial.start(STUBBORN, &["--grace", "60s"]);
        let asked = std::time::Instant::now();
        if trial.place == Place::Host {
            // However quickly it follows: both come to us in one moment.
            for name in ["STOP", "HUP", "TERM", "CONT"] {
                running.signal(name);
            }
        } else {
            running.signal("HUP");
            std::thread::sleep(Duration::from_millis(300));
            running.signal("TERM");
        }
        let done = running.finish();
        assert!(matches!(done.code, Some(129 | 143)), "{done:?}");
        trial.gone(Duration::ZERO);
        assert!(asked.elapsed() < Duration::from_secs(30), "{:?}", asked.elapsed());
    });
}

#[test]
fn kill_9_of_ringfence_ends_everything() {
    for script in [POLITE, STUBBORN] {
        Trial::each(|mut trial| {
            let running = trial.start(script, &[]);
            running.signal("KILL");
            trial.gone(GRACE + SLACK);
            drop(running.finish());
        });
    }
}

#[test]
fn kill_9_of_the_client_is_never_success_and_leaves_nothing() {
    let Some(engine) = Engine::get() else { return };
    let mut trial = Trial { place: Place::Docker, bed: engine.bed(), token: "TRIAL_CLIENT".into() };
    let running = trial.start(&format!("echo x >>times; {STUBBORN}"), &["--json", "--fallback", "host"]);
    signal(client_of(&trial), "KILL");
    let done = running.finish().exits(75);
    trial.gone(Duration::ZERO);
    assert_eq!(done.json()["class"], "engine");
    assert_eq!(trial.file("times"), "x\n", "what ran in a container is not done again on the host");
}

#[test]
fn a_reader_that_goes_away_ends_the_run() {
    Trial::each(|mut trial| {
        let mut running = trial.start("touch ready; while :; do sleep 1; done", &[]);
        drop(running.child.stdout.take());
        running.finish().exits(141);
        trial.gone(Duration::ZERO);
    });
}

#[test]
fn a_closed_standard_output_is_no_reason_to_leave_something() {
    Trial::each(|mut trial| {
        trial.bed.set(&trial.token.clone(), "1");
        let mut command = trial.bed.command(&trial.args(&["echo answer; sleep 300 >/dev/null 2>&1 &"]));
        let status = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap();
        assert!(status.success());
        trial.gone(Duration::ZERO);
    });
}

#[test]
fn an_agent_that_kills_its_own_supervisor_gains_nothing() {
    Trial::each(|mut trial| {
        let options = ["--json", "--max-attempts", "3", "--fallback", "host"];
        let done = trial.run("echo x >>times; setsid sleep 300 & kill -KILL $PPID; sleep 300", &options).exits(1);
        trial.gone(GRACE + SLACK);
        assert_eq!(done.json()["class"], "agent_failed");
        assert_eq!(trial.file("times"), "x\n", "it ran, and is not tried again");
    });
}

#[test]
fn an_agents_own_125_and_the_engines_words_are_the_agents() {
    Trial::each(|mut trial| {
        let done =
            trial.run("echo 'Cannot connect to the Docker daemon at unix:///x' >&2; exit 125", &["--json"]).exits(1);
        let json = done.json();
        assert_eq!((json["class"].as_str(), json["agentExitCode"].as_i64()), (Some("agent_failed"), Some(125)));
    });
}

#[test]
fn a_run_inside_a_run_ends_with_it() {
    let mut trial = Trial { place: Place::Host, bed: Bed::new(), token: "TRIAL_NESTED".into() };
    let script = format!(
        "{} run --agent shell --grace 1s 'touch ready; trap \"\" TERM; while :; do sleep 1; done'",
        support::RINGFENCE
    );
    let running = trial.start(&script, &[]);
    running.signal("KILL");
    trial.gone(GRACE + SLACK + GRACE);
    drop(running.finish());
}

/// The pid of the engine's client that carries the trial.
fn client_of(trial: &Trial) -> i32 {
    let workspace = format!("ringfence.workspace={}", trial.bed.workspace().display());
    let client = processes_with(&workspace).into_iter().find(|line| line.contains(" run --")).unwrap();
    client.split(' ').next().unwrap().parse().unwrap()
}
