//! `ringfence run --batch`: a queue comes to its end whatever happens on the way, and nothing of it is lost or done twice.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests start processes, and a panic is how they fail"
)]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use support::{Bed, Done, PATIENCE, Running, skip, within};

/// Writes a batch of these tasks.
fn batch(bed: &Bed, name: &str, tasks: &[Value]) -> String {
    let lines: Vec<String> = tasks.iter().map(Value::to_string).collect();
    bed.write(name, lines.join("\n")).display().to_string()
}

/// `run --batch` on the host, its tasks being shell scripts.
fn args<'a>(file: &'a str, options: &[&'a str]) -> Vec<&'a str> {
    [&["run", "--batch", file, "--agent", "shell", "--mode", "host", "--grace", "1s"], options].concat()
}

fn run(bed: &Bed, file: &str, options: &[&str]) -> Done {
    bed.run(&args(file, options))
}

fn start(bed: &Bed, file: &str, options: &[&str]) -> Running {
    bed.spawn(&args(file, options), b"")
}

/// The lines of a file of JSON lines, every one of which must be whole.
#[track_caller]
fn lines(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap_or_default();
    assert!(text.is_empty() || text.ends_with('\n'), "half a line at the end of {}", path.display());
    let whole = |line: &str| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    text.lines().map(whole).collect()
}

/// The names in a file of results, each of which must be there once.
#[track_caller]
fn finished(path: &Path) -> BTreeMap<String, bool> {
    let mut found = BTreeMap::new();
    for line in lines(path) {
        let twice = found.insert(line["id"].as_str().unwrap().to_owned(), line["ok"].as_bool().unwrap());
        assert!(twice.is_none(), "two results: {line}");
    }
    found
}

fn state(bed: &Bed) -> PathBuf {
    bed.home().join(".local/state/ringfence")
}

fn letters(bed: &Bed) -> Vec<Value> {
    bed.run(&["dead-letter", "list", "--json"]).exits(0).json()["letters"].as_array().unwrap().clone()
}

#[test]
fn a_poison_task_among_good_ones_fails_alone() {
    let bed = Bed::new();
    bed.config("[run]\nmax_concurrency = 3\n");
    let tasks = [
        json!({"id": "one", "task": "echo one >>order; echo done"}),
        json!({"id": "poison", "task": "echo poison >>order; echo why; kill -9 $$"}),
        json!({"task": "echo two >>order"}),
        json!({"id": "slow", "task": "sleep 30", "timeout": "300ms"}),
        json!({"id": "last", "task": "echo last >>order"}),
    ];
    let file = batch(&bed, "queue.jsonl", &tasks);
    let results = bed.root().join("results.jsonl");
    let done = run(&bed, &file, &["--results", results.to_str().unwrap(), "-j", "3", "--json"]).exits(1);
    let summary = done.json();
    assert_eq!(
        ["total", "succeeded", "failed", "left"].map(|name| summary[name].as_u64().unwrap()),
        [5, 3, 2, 0],
        "{summary}"
    );
    assert_eq!((&summary["ok"], &summary["class"]), (&json!(false), &json!("agent_failed")));
    let order = fs::read_to_string(bed.workspace().join("order")).unwrap();
    assert_eq!(order, "one\npoison\ntwo\nlast\n", "tasks on one workspace run in order");
    let found = lines(&results);
    assert_eq!(found.len(), 5);
    assert_eq!(found[0]["output"], "done\n");
    assert_eq!((&found[1]["class"], &found[3]["class"]), (&json!("agent_failed"), &json!("timeout")));
    let letters = letters(&bed);
    let of = |letter: &Value| (letter["class"].as_str().unwrap().to_owned(), letter["attempt"].as_u64().unwrap());
    assert_eq!(letters.iter().map(of).collect::<Vec<_>>(), [("agent_failed".into(), 1), ("timeout".into(), 1)]);
    assert_eq!(letters[0]["outputTail"], "why\n");
    assert_eq!(letters[1]["args"], json!(["--timeout=300ms", "--grace=1s"]));
    let events = lines(&state(&bed).join("events.jsonl"));
    let ids: Vec<&Value> = found.iter().map(|result| &result["runId"]).collect();
    assert_eq!(events.len(), 10);
    assert!(events.iter().all(|event| ids.contains(&&event["runId"])));

    // The same command has nothing left to do, and says so.
    let again =
        run(&bed, &file, &["--results", results.to_str().unwrap()]).exits(1).says("every task had finished before");
    assert_eq!(again.out(), "");
    assert_eq!(fs::read_to_string(bed.workspace().join("order")).unwrap(), order);
}

#[test]
fn without_a_file_results_are_printed_and_the_next_batch_is_a_new_one() {
    let bed = Bed::new();
    let twice = json!({"task": "echo x >>log"});
    let file =
        batch(&bed, "queue.jsonl", &[twice.clone(), twice, json!({"id": "home", "task": "pwd", "workspace": "~/"})]);
    for round in 1..=2 {
        let done =
            run(&bed, &file, &["-j", "1"]).exits(0).says("3 tasks: 3 succeeded, 0 failed, 0 left").says("1/3 ok ");
        assert!(done.out().contains(&format!("{}\\n", bed.home().canonicalize().unwrap().display())), "{}", done.out());
        let ids: Vec<Value> =
            done.out().lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["id"].clone()).collect();
        assert_eq!(format!("{}-2", ids[0].as_str().unwrap()), ids[1].as_str().unwrap(), "the same task twice");
        assert_eq!(fs::read_to_string(bed.workspace().join("log")).unwrap().lines().count(), 2 * round);
    }
    assert_eq!(run(&bed, &file, &["--json"]).exits(2).json()["class"], "usage");

    // Nobody reads them: the batch stops, and the same command prints all of them.
    let slow: Vec<Value> = (0..4).map(|n| json!({"id": format!("s{n}"), "task": "echo x >>slow; sleep 0.2"})).collect();
    let file = batch(&bed, "slow.jsonl", &slow);
    let mut running = start(&bed, &file, &["-j", "1"]);
    drop(running.child.stdout.take());
    running.finish().exits(141).says("the results cannot be written to standard output");
    let done = run(&bed, &file, &[]).exits(0).says("1 of 4 tasks had finished before");
    assert_eq!(done.out().lines().count(), 4);
    assert_eq!(fs::read_to_string(bed.workspace().join("slow")).unwrap().lines().count(), 4);

    // Nothing may be spent: nothing is begun.
    run(&bed, &file, &["--max-cost", "0"]).exits(1).says("$0.00 of --max-cost 0 are spent: 4 of 4 tasks are left");
}

#[test]
fn a_line_that_cannot_be_run_is_named_before_anything_runs() {
    let bed = Bed::new();
    let good = json!({"id": "a", "task": "touch ran"}).to_string();
    for (line, words) in [
        ("{\"task\": \"x\"", "EOF"),
        ("{\"tsk\": \"x\"}", "unknown field `tsk`"),
        ("[1]", "not a task"),
        ("{\"task\": \"  \"}", "the task is empty"),
        ("{\"task\": \"x\", \"workspace\": \"/nowhere\"}", "no such workspace: /nowhere"),
        ("{\"task\": \"x\", \"agent\": \"claud\"}", "claud"),
        ("{\"task\": \"x\", \"timeout\": \"soon\"}", "soon"),
        ("{\"task\": \"x\", \"id\": \"../x\"}", "cannot be an id"),
        ("{\"task\": \"x\", \"id\": \"a\"}", "is on line 1 already"),
    ] {
        let file = bed.write("queue.jsonl", format!("{good}\n\n{line}\n"));
        let done = run(&bed, file.to_str().unwrap(), &[]).exits(2);
        assert!(done.stderr.contains("queue.jsonl:3: ") && done.stderr.contains(words), "{line}: {}", done.stderr);
        assert_eq!(done.out(), "");
    }
    assert!(!bed.workspace().join("ran").exists());
    run(&bed, "/nowhere.jsonl", &[]).exits(2).says("the batch /nowhere.jsonl cannot be read");
    run(&bed, "/dev/null", &[]).exits(2).says("it is not a file");
    let empty = batch(&bed, "empty.jsonl", &[]);
    run(&bed, &empty, &[]).exits(0).says("0 tasks");
}

/// How many of the intervals in `log`, lines of `+` and `-`, there were at most at once.
fn most_at_once(log: &Path) -> usize {
    let (mut now, mut most) = (0, 0);
    for line in fs::read_to_string(log).unwrap().lines() {
        now = if line == "+" { now + 1 } else { now - 1 };
        most = most.max(now);
    }
    most
}

#[test]
fn at_most_as_many_run_at_once_as_may() {
    let bed = Bed::new();
    bed.config("[run]\nmax_concurrency = 3\n");
    let log = bed.root().join("log");
    let task = format!("echo + >>{0}; sleep 0.2; echo - >>{0}", log.display());
    let folders: Vec<String> =
        (0..6).map(|n| bed.write(&format!("w{n}/x"), "").parent().unwrap().display().to_string()).collect();
    let apart: Vec<Value> = folders.iter().map(|folder| json!({"task": task, "workspace": folder})).collect();
    let together: Vec<Value> = (0..6).map(|_| json!({"task": task})).collect();
    for (tasks, options, most) in [
        (&apart, &["-j", "2"][..], 2),
        (&apart, &["-j", "9"], 3),
        (&together, &["-j", "3"], 1),
        (&together, &["-j", "3", "--shared-workspace"], 3),
    ] {
        let _ = fs::remove_file(&log);
        let file = batch(&bed, "queue.jsonl", tasks);
        let done = run(&bed, &file, options).exits(0);
        assert_eq!(most_at_once(&log), most, "{options:?}");
        assert_eq!(done.stderr.contains("-j 9 is more than run.max_concurrency (3, "), options[1] == "9");
    }
}

#[test]
fn kill_9_at_any_moment_loses_nothing_and_repeats_nothing_that_had_finished() {
    let bed = Bed::new();
    let marks = bed.root().join("marks");
    fs::create_dir(&marks).unwrap();
    let count = |round: usize, id: &str| {
        fs::read_to_string(marks.join(format!("{round}-{id}"))).unwrap_or_default().lines().count()
    };
    let (mut cut_short, mut took) = (0, Duration::from_millis(40));
    for round in 0..200_u32 {
        let task = |id: &str, end: &str| {
            let mark = marks.join(format!("{round}-{id}"));
            json!({"id": id, "task": format!("echo x >>{}; {end}", mark.display())})
        };
        let tasks = [task("a", ":"), task("b", "exit 3"), task("c", ":")];
        let file = batch(&bed, "queue.jsonl", &tasks);
        let results = bed.root().join(format!("results-{round}.jsonl"));
        let options = ["--results", results.to_str().unwrap(), "-q"];
        let began = Instant::now();
        let mut killed = start(&bed, &file, &options);
        thread::sleep(took.mul_f64(f64::from(round % 100) / 100.0));
        let ended = killed.child.try_wait().unwrap().is_some();
        let _ = killed.child.kill();
        killed.finish();
        let round = usize::try_from(round).unwrap();
        if ended {
            // What a whole batch takes here, so that the next blows fall within it.
            took = (took + began.elapsed()) / 2;
        } else {
            took = took.mul_f64(1.01);
        }
        let whole = fs::read_to_string(&results).unwrap_or_default();
        let whole = whole.rsplit_once('\n').map_or("", |(whole, _)| whole);
        let before: Vec<String> = whole
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap()["id"].as_str().unwrap().into())
            .collect();
        cut_short += usize::from(before.len() < 3);
        let had = before.iter().map(|id| count(round, id)).collect::<Vec<_>>();
        run(&bed, &file, &options).exits(1);
        assert_eq!(finished(&results), [("a", true), ("b", false), ("c", true)].map(|(id, ok)| (id.into(), ok)).into());
        for (id, had) in before.iter().zip(had) {
            assert_eq!(count(round, id), had, "{id} had finished, and ran again");
        }
        for id in ["a", "b", "c"] {
            assert!((1..=2).contains(&count(round, id)), "{id} ran {} times", count(round, id));
        }
        let letters = letters(&bed);
        assert_eq!(letters.len(), 1, "{letters:?}");
        assert_eq!(letters[0]["class"], "agent_failed");
        bed.run(&["dead-letter", "rm", "--all", "-q"]).exits(0);
    }
    assert!(cut_short >= 50, "only {cut_short} of the blows fell before the end");
    lines(&state(&bed).join("events.jsonl"));
    let left: Vec<_> = fs::read_dir(state(&bed).join("dead-letters")).unwrap().flatten().collect();
    assert!(left.len() <= 1, "what a crash left half done is made whole by the next letter: {left:?}");
}

#[test]
fn a_task_that_takes_ringfence_down_with_it_cannot_loop() {
    let bed = Bed::new();
    let poison = "while [ ! -s pid ]; do sleep 0.02; done; echo x >>tried; kill -9 $(cat pid); sleep 5";
    let file = batch(
        &bed,
        "queue.jsonl",
        &[json!({"id": "poison", "task": poison}), json!({"id": "good", "task": "echo ok"})],
    );
    let results = bed.root().join("results.jsonl");
    let options = ["--results", results.to_str().unwrap(), "--max-attempts", "2"];
    for _ in 0..2 {
        let running = start(&bed, &file, &options);
        bed.write("work/pid", running.pid().to_string());
        assert_eq!(running.finish().code, None, "it was killed");
        fs::remove_file(bed.workspace().join("pid")).unwrap();
    }
    run(&bed, &file, &options).exits(1).says("failed poison").says("internal: 2 attempts were begun");
    assert_eq!(finished(&results), [("good".into(), true), ("poison".into(), false)].into());
    assert_eq!(fs::read_to_string(bed.workspace().join("tried")).unwrap(), "x\nx\n");
    let letter = &letters(&bed)[0];
    assert_eq!(
        (&letter["class"], &letter["attempt"], &letter["task"]),
        (&json!("internal"), &json!(2), &json!(poison))
    );
}

#[test]
fn a_signal_ends_what_runs_and_leaves_the_rest_for_the_same_command() {
    let bed = Bed::new();
    bed.config("[run]\nmax_concurrency = 2\n");
    let slow = "[ -e go ] || { touch ready-$$; sleep 300; }; echo done";
    let mut tasks: Vec<Value> = (0..2).map(|n| json!({"id": format!("slow{n}"), "task": slow})).collect();
    tasks.insert(0, json!({"id": "first", "task": "true"}));
    tasks.push(json!({"id": "last", "task": "touch last"}));
    let file = batch(&bed, "queue.jsonl", &tasks);
    let results = bed.root().join("results.jsonl");
    let options = ["--results", results.to_str().unwrap(), "--shared-workspace"];
    let running = start(&bed, &file, &options);
    let ready = || fs::read_dir(bed.workspace()).unwrap().flatten().count() == 2;
    within(PATIENCE, "two tasks run", ready);
    // Another one may not go at it meanwhile.
    run(&bed, &file, &options).exits(2).says("this batch is being run already");
    let began = Instant::now();
    running.signal("TERM");
    running.finish().exits(143).says("1 of 4 tasks had finished, 3 are left");
    assert!(began.elapsed() < PATIENCE, "{:?}", began.elapsed());
    assert_eq!(finished(&results), [("first".into(), true)].into());
    assert!(!bed.workspace().join("last").exists() && letters(&bed).is_empty());
    bed.write("work/go", "");
    run(&bed, &file, &options).exits(0).says("1 of 4 tasks had finished before");
    assert_eq!(finished(&results).len(), 4);
    assert!(lines(&results).iter().all(|result| result["attempts"] == 1), "what we ended ourselves does not count");
}

#[test]
fn a_full_disk_stops_the_batch_with_whole_lines_and_it_goes_on_when_there_is_room() {
    let bed = Bed::new();
    let disk = bed.root().join("disk");
    fs::create_dir(&disk).unwrap();
    let mount = |options: &str| {
        Command::new("mount").args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(&disk).status().unwrap().success()
    };
    if !rustix::process::geteuid().is_root() || !mount("size=64k") {
        return skip("not allowed to mount a small file system");
    }
    let tasks: Vec<Value> =
        (0..20).map(|n| json!({"id": format!("t{n}"), "task": "head -c 9000 /dev/zero | tr '\\0' x"})).collect();
    let file = batch(&bed, "queue.jsonl", &tasks);
    let results = disk.join("results.jsonl");
    let full = run(&bed, &file, &["--results", results.to_str().unwrap()]);
    let whole = lines(&results).len();
    // A log that cannot be written is a warning, and no more.
    let events = disk.join("events.jsonl");
    let logged = {
        fs::write(disk.join("rest"), "").unwrap();
        while fs::OpenOptions::new()
            .append(true)
            .open(disk.join("rest"))
            .and_then(|mut rest| std::io::Write::write_all(&mut rest, &[0; 512]))
            .is_ok()
        {}
        bed.run(&["run", "-a", "shell", "--mode", "host", "--events", events.to_str().unwrap(), "echo fine"])
    };
    let grown = mount("remount,size=4m");
    let rest = run(&bed, &file, &["--results", results.to_str().unwrap()]);
    let all = finished(&results).len();
    assert!(Command::new("umount").arg(&disk).status().unwrap().success() && grown);
    full.exits(70).says("the results cannot be written").says("No space left").says("goes on with what is left");
    assert!((3..20).contains(&whole), "{whole}");
    assert_eq!(logged.exits(0).says("events cannot be written").out(), "fine\n");
    rest.exits(0);
    assert_eq!(all, 20);
}

/// The highest resident memory of a running process so far, KiB.
fn peak(pid: i32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?.split_whitespace().next()?.parse().ok()
}

#[test]
fn memory_stays_flat_over_500_tasks() {
    let bed = Bed::new();
    bed.config("[run]\nmax_concurrency = 4\n");
    let measure = |count: usize| {
        let task = "head -c 65536 /dev/zero | tr '\\0' x";
        let tasks: Vec<Value> = (0..count).map(|n| json!({"id": format!("{count}-{n}"), "task": task})).collect();
        let file = batch(&bed, "queue.jsonl", &tasks);
        let results = bed.root().join(format!("results-{count}.jsonl"));
        let mut running =
            start(&bed, &file, &["-q", "-j", "4", "--shared-workspace", "--results", results.to_str().unwrap()]);
        let mut most = 0;
        while running.child.try_wait().unwrap().is_none() {
            most = peak(running.pid()).unwrap_or(0).max(most);
            thread::sleep(Duration::from_millis(5));
        }
        running.finish().exits(0);
        assert_eq!(finished(&results).len(), count);
        most
    };
    let (few, many) = (measure(50), measure(500));
    // 450 more outputs are 29 MB.
    assert!(few > 0 && many < few + 6 * 1024, "{few} KiB for 50 tasks, {many} KiB for 500");
}

#[test]
fn the_example_runs() {
    let mut bed = Bed::new();
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let queue = bed.write("work/tasks.jsonl", fs::read(examples.join("tasks.jsonl")).unwrap());
    bed.program("ringfence", &format!("exec {} \"$@\"", support::RINGFENCE));
    let mut command = bed.command(&[]);
    let path = command.get_envs().find(|(name, _)| *name == "PATH").unwrap().1.unwrap().to_owned();
    command = {
        let mut script = Command::new(examples.join("batch.sh"));
        script.arg(&queue).args(["--mode", "host"]).env_clear().env("PATH", path).env("HOME", bed.home());
        script.current_dir(bed.workspace());
        script
    };
    let done = support::start(command, b"").finish().exits(0);
    let results = finished(&bed.workspace().join("tasks.results.jsonl"));
    assert!(results.len() >= 3 && results.values().all(|ok| *ok), "{results:?}\n{}", done.stderr);
}

#[test]
fn a_fallback_runs_the_lines_own_agent() {
    let mut bed = Bed::new();
    bed.program("docker", "echo 'Cannot connect to the Docker daemon at unix:///x. Is it running?' >&2; exit 125");
    // Were it taken for the batch's agent, claude, the task would go there.
    bed.program("claude", "touch claude-ran; exit 1");
    bed.config("agent = \"claude\"\nmode = \"docker\"\n");
    let task = json!({"id": "a", "agent": "shell", "task": "echo from the shell", "timeout": "77s"});
    let file = batch(&bed, "queue.jsonl", &[task]);
    let done = bed.run(&["run", "--batch", &file, "--fallback", "host"]).exits(0);
    let result: Value = serde_json::from_str(&done.out()).unwrap();
    assert_eq!(
        (&result["agent"], &result["mode"], &result["output"]),
        (&json!("shell"), &json!("host"), &json!("from the shell\n"))
    );
    assert!(!bed.workspace().join("claude-ran").exists());
}

#[test]
fn results_go_only_where_they_may() {
    let bed = Bed::new();
    let task = json!({"id": "a", "task": "echo x >>ran"});
    let file = batch(&bed, "queue.jsonl", std::slice::from_ref(&task));
    let text = fs::read_to_string(&file).unwrap();
    assert!(!text.ends_with('\n'));
    run(&bed, &file, &["--results", &file]).exits(2).says("names the batch itself");
    // Another batch, whose last line has no end, is no file of results either.
    let other = batch(&bed, "other.jsonl", std::slice::from_ref(&task));
    run(&bed, &file, &["--results", &other]).exits(2);
    assert_eq!([fs::read_to_string(&file).unwrap(), fs::read_to_string(&other).unwrap()], [text.clone(), text]);
    let pipe = bed.root().join("pipe");
    rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::RWXU).unwrap();
    for name in [pipe.to_str().unwrap(), "/dev/stdout", "-"] {
        run(&bed, &file, &["--results", name]).exits(2).says("leave out --results");
    }
    let both = bed.root().join("both").display().to_string();
    run(&bed, &file, &["--results", &both, "--events", &both]).exits(2).says("names the file of --events");
    assert!(!bed.workspace().join("ran").exists() && !bed.workspace().join("-").exists());
}

#[test]
fn a_result_counts_for_its_own_task_only() {
    let bed = Bed::new();
    let results = bed.root().join("results.jsonl");
    let options = ["--results", results.to_str().unwrap()];
    let file = batch(&bed, "queue.jsonl", &[json!({"id": "a", "task": "echo one >>log"})]);
    run(&bed, &file, &options).exits(0);
    // Elsewhere, and with a line more, it is still the same task.
    let moved =
        batch(&bed, "moved.jsonl", &[json!({"id": "b", "task": "true"}), json!({"id": "a", "task": "echo one >>log"})]);
    run(&bed, &moved, &options).exits(0).says("1 of 2 tasks had finished before");
    let changed = batch(&bed, "changed.jsonl", &[json!({"id": "a", "task": "echo two >>log"})]);
    let refused = run(&bed, &changed, &options).exits(2).says("the id \"a\" has a result").says("line 1 of the batch");
    let fingerprint = lines(&results)[0]["fingerprint"].as_str().unwrap().to_owned();
    assert!(refused.stderr.contains(&fingerprint), "{}", refused.stderr);
    assert_eq!(fs::read_to_string(bed.workspace().join("log")).unwrap(), "one\n");
    let journals = || fs::read_dir(state(&bed).join("batches")).unwrap().flatten();
    let left: Vec<_> =
        journals().map(|entry| fs::read_to_string(entry.path()).unwrap()).filter(|text| !text.is_empty()).collect();
    assert_eq!(left, Vec::<String>::new(), "a batch that came to its end leaves no journal");
}

#[test]
fn a_batch_that_is_changed_while_it_runs_is_noticed() {
    let bed = Bed::new();
    let wait = "touch ready; while [ ! -e go ]; do sleep 0.02; done";
    let second = |word: &str| json!({"id": "b", "task": format!("echo {word} >>log")});
    let file = batch(&bed, "queue.jsonl", &[json!({"id": "a", "task": wait}), second("one")]);
    let running = start(&bed, &file, &[]);
    within(PATIENCE, "the first task runs", || bed.workspace().join("ready").exists());
    // In place, and just as long.
    fs::write(&file, fs::read_to_string(&file).unwrap().replace("echo one", "echo two")).unwrap();
    bed.write("work/go", "");
    running.finish().exits(70).says("line 2 of the batch is not what it was");
    assert!(!bed.workspace().join("log").exists());
    // What had finished is printed again only as far as it belongs to the batch.
    fs::write(&file, second("two").to_string()).unwrap();
    let done = run(&bed, &file, &[]).exits(0);
    assert_eq!(done.out().lines().count(), 1, "{}", done.out());
    assert!(done.out().contains("\"id\":\"b\""));
}

#[test]
fn one_batch_at_a_time_goes_into_one_file_by_whatever_path() {
    let bed = Bed::new();
    let file = batch(&bed, "queue.jsonl", &[json!({"task": "touch ready; while [ ! -e go ]; do sleep 0.02; done"})]);
    let folder = bed.write("out/x", "").parent().unwrap().to_owned();
    std::os::unix::fs::symlink(&folder, bed.root().join("link")).unwrap();
    let results = |folder: &str| bed.root().join(folder).join("results.jsonl").display().to_string();
    let running = start(&bed, &file, &["--results", &results("out")]);
    within(PATIENCE, "the task runs", || bed.workspace().join("ready").exists());
    run(&bed, &file, &["--results", &results("link")]).exits(2).says("this batch is being run already");
    bed.write("work/go", "");
    running.finish().exits(0);
}

#[test]
fn a_letter_that_cannot_be_written_stops_nobody_else() {
    let bed = Bed::new();
    let long = "x".repeat(129);
    let named = batch(&bed, "named.jsonl", &[json!({"task": "true"}), json!({"id": long, "task": "true"})]);
    run(&bed, &named, &[]).exits(2).says("named.jsonl:2: ").says("at most 128");
    let tasks = [
        json!({"id": &long[..128], "task": "exit 3"}),
        json!({"id": "bad", "task": "exit 3"}),
        json!({"id": "good", "task": "true"}),
    ];
    let file = batch(&bed, "queue.jsonl", &tasks);
    let results = bed.root().join("results.jsonl");
    let options = ["--results", results.to_str().unwrap()];
    run(&bed, &file, &options).exits(1);
    let of = |letters: &[Value], id: &str| {
        letters.iter().find(|letter| letter["id"].as_str().unwrap().starts_with(id)).unwrap().clone()
    };
    let first = of(&letters(&bed), "bad");
    assert_eq!(letters(&bed).len(), 2);

    // Failing again it is the same letter, which counts on.
    fs::remove_file(&results).unwrap();
    run(&bed, &file, &options).exits(1);
    let second = of(&letters(&bed), "bad");
    assert_eq!(
        (&second["id"], &second["attempt"], &second["firstSeenAt"]),
        (&first["id"], &json!(2), &first["firstSeenAt"])
    );

    // A folder stands in the way of one letter.
    bed.run(&["dead-letter", "rm", "--all"]).exits(0);
    let path = state(&bed).join("dead-letters").join(format!("{}.json", first["id"].as_str().unwrap()));
    fs::create_dir_all(path.join("x")).unwrap();
    fs::remove_file(&results).unwrap();
    run(&bed, &file, &options).exits(1).says("bad: the dead letter ").says("3 tasks: 1 succeeded, 2 failed, 0 left");
    fs::remove_dir_all(path).unwrap();
}

#[test]
fn money_that_was_spent_stays_spent() {
    let mut bed = Bed::new();
    let end = json!({"type": "result", "subtype": "success", "is_error": false, "result": "ok", "total_cost_usd": 0.3});
    bed.program("claude", &format!("cat >/dev/null; echo x >>calls; echo '{end}'"));
    let tasks: Vec<Value> = (0..4).map(|n| json!({"id": format!("t{n}"), "task": "x"})).collect();
    let file = batch(&bed, "queue.jsonl", &tasks);
    let results = bed.root().join("results.jsonl");
    let args = ["run", "--batch", &file, "-a", "claude", "--mode", "host", "-j", "1", "--max-cost", "0.5"];
    let args = [&args[..], &["--results", results.to_str().unwrap()]].concat();
    for _ in 0..2 {
        bed.run(&args).exits(1).says("$0.60 of --max-cost 0.5 are spent: 2 of 4 tasks are left");
        assert_eq!(fs::read_to_string(bed.workspace().join("calls")).unwrap().lines().count(), 2);
    }
}

#[test]
fn what_others_spend_meanwhile_ends_a_wait() {
    let mut bed = Bed::new();
    bed.config("[run]\nmax_concurrency = 2\nbackoff = \"300s\"\n");
    let events = bed.root().join("events");
    let wait = format!("until grep -q overloaded {}; do sleep 0.02; done", events.display());
    let end = |failed: bool| {
        let status = if failed { json!(529) } else { Value::Null };
        json!({"type": "result", "subtype": "success", "is_error": failed, "api_error_status": status, "result": "said",
            "total_cost_usd": 0.3})
    };
    let script =
        format!("read -r task; [ $task = dear ] || {{ echo '{}'; exit 1; }}; {wait}; echo '{}'", end(true), end(false));
    bed.program("claude", &script);
    let apart = bed.write("apart/x", "").parent().unwrap().display().to_string();
    let file = batch(
        &bed,
        "queue.jsonl",
        &[json!({"id": "a", "task": "fails"}), json!({"id": "b", "task": "dear", "workspace": apart})],
    );
    let args = ["run", "--batch", &file, "-a", "claude", "--mode", "host", "--max-cost", "0.5", "--events"];
    let done = bed.run(&[&args[..], &[events.to_str().unwrap()]].concat()).exits(1);
    let found: Vec<Value> = done.out().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let failed = found.iter().find(|result| result["id"] == "a").unwrap();
    assert_eq!((&failed["class"], &failed["attempts"]), (&json!("overloaded"), &json!(1)), "{failed}");
    assert!(failed["warnings"].to_string().contains("not tried again: $0.60 of --max-cost 0.5 are spent"), "{failed}");
    assert!(done.stderr.contains("attempt 2 of 3 in ") && done.took < Duration::from_secs(120), "{:?}", done.took);
}

#[test]
fn a_batch_that_cannot_go_on_waits_for_nobody() {
    let mut bed = Bed::new();
    bed.config("[run]\nmax_concurrency = 2\nbackoff = \"300s\"\n");
    let end = json!({"type": "result", "subtype": "success", "is_error": true, "api_error_status": 529, "result": "API Error: 529"});
    bed.program("claude", &format!("cat >/dev/null; echo '{end}'; exit 1"));
    let apart = bed.write("apart/x", "").parent().unwrap().display().to_string();
    let events = bed.root().join("events");
    let wait = format!(
        "touch ../waits; until grep -q overloaded {}; do sleep 0.02; done; until [ -e ../go ]; do sleep 0.02; done",
        events.display()
    );
    let tasks = [
        json!({"id": "slow", "task": "x", "agent": "claude"}),
        json!({"id": "first", "task": wait, "workspace": apart}),
        json!({"id": "gone", "task": "echo here", "workspace": apart}),
    ];
    let file = batch(&bed, "queue.jsonl", &tasks);
    let running = start(&bed, &file, &["-j", "2", "--events", events.to_str().unwrap()]);
    within(PATIENCE, "both tasks run", || bed.root().join("waits").exists());
    fs::write(&file, fs::read_to_string(&file).unwrap().replace("echo here", "echo gone")).unwrap();
    bed.write("go", "");
    let done = running.finish().exits(70).says("line 3 of the batch is not what it was");
    assert!(done.stderr.contains("slow: overloaded: "), "{}", done.stderr);
    assert!(done.took < Duration::from_secs(120), "{:?}", done.took);
}

#[test]
fn a_workspace_that_is_gone_is_named() {
    let bed = Bed::new();
    let apart = bed.write("apart/x", "").parent().unwrap().to_owned();
    let tasks = [
        json!({"id": "a", "task": format!("rm -r {}", apart.display())}),
        json!({"id": "b", "task": "true", "workspace": apart}),
    ];
    let file = batch(&bed, "queue.jsonl", &tasks);
    let done = run(&bed, &file, &["-j", "1"]).exits(1);
    let found: Vec<Value> = done.out().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(found[1]["class"], "usage");
    assert!(found[1]["message"].as_str().unwrap().starts_with("no such workspace: "), "{}", found[1]);
}
