//! What people see on a terminal: the live line, what never reaches it, and what becomes of it when it is resized or left.
#![allow(clippy::unwrap_used, reason = "a panic is how tests fail")]
#![allow(clippy::disallowed_methods, reason = "tests start processes")]

mod support;

use std::process::{Command, Stdio};

use support::screen::Screen;
use support::{Bed, PATIENCE, RINGFENCE, processes_with, within};

/// A claude that calls a tool whose argument would act on a terminal, waits for the file `go`, and answers.
const CLAUDE: &str = r#"cat >/dev/null
echo '{"type":"system","subtype":"init","session_id":"s"}'
echo '{"type":"assistant","message":{"id":"m1","content":[{"type":"text","text":"Looking around."}],"usage":{"input_tokens":12345}}}'
echo '{"type":"assistant","message":{"id":"m1","content":[{"type":"tool_use","id":"t1","name":"Bash","input":{"command":"ls \u001b]0;stolen\u0007\u009b31m with a long argument of many words that goes on and on and on"}}],"usage":{"input_tokens":12345}}}'
while [ ! -e go ]; do sleep 0.05; done
echo '{"type":"user","message":{"content":[{"type":"tool_result","tool_use_id":"t1","content":"file \u001b[2J"}]}}'
printf '%s\n' '{"type":"result","subtype":"success","is_error":false,"result":"done \u001b]0;stolen\u0007 gr\u00fcn \u009b31m","session_id":"s","total_cost_usd":0.05,"usage":{"input_tokens":12345,"output_tokens":67}}'"#;

fn bed() -> Bed {
    let mut bed = Bed::new();
    bed.program("claude", CLAUDE);
    bed
}

fn run(options: &str) -> String {
    format!("{RINGFENCE} run -a claude --mode host {options} task")
}

/// A line of the screen that is the live one.
fn live(shown: &str) -> Option<&str> {
    shown.lines().find(|line| line.starts_with(['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏']))
}

fn answer(shown: &str) -> bool {
    shown.contains("done ␛]0;stolen␇ grün \u{fffd}31m")
}

#[test]
fn a_live_line_shows_what_is_done_and_leaves_nothing() {
    let bed = bed();
    let Some(screen) = Screen::of(&bed) else { return };
    screen.run("clear; seq 5");
    screen.enter(&run(""));
    screen.until("the live line", |shown| {
        live(shown).is_some_and(|line| {
            line.contains("claude ") && line.contains("s 12.3k in Bash ls ]0;stolen 31m with a long")
        })
    });
    // Narrower than the line, and wide again: the terminal folds what stands there.
    for columns in [30, 100, 23, 80] {
        screen.resize(columns);
        within(PATIENCE, &format!("one live line of {columns} columns"), || {
            let rows = screen.rows();
            // Its own words stand in one row, whatever the terminal made of the one before.
            let holds = |text: &str| rows.iter().filter(|row| row.contains(text)).count();
            let line = rows.iter().find(|row| live(row).is_some());
            let whole = line.is_some_and(|line| line.chars().count() > usize::from(columns.min(60)) - 2);
            whole && holds("12.3k") == 1 && holds("stolen") <= 1 && holds("of many words") <= 1
        });
    }
    // Enter takes the cursor to the next row, and leaves no copy of the line in the one before.
    for rows in 1..4 {
        let spins = || screen.rows().iter().find_map(|row| live(row).and_then(|row| row.chars().next()));
        let before = spins();
        screen.key("Enter");
        screen.until("the line goes on", |_| spins() != before);
        let rows_of = |shown: &[String]| shown.iter().filter(|row| live(row).is_some()).count();
        assert_eq!(rows_of(&screen.rows()), 1, "after {rows}: {}", screen.text());
    }
    bed.write("work/go", "");
    screen.until("the answer", answer);
    let shown = screen.text();
    assert!(live(&screen.rows().join("\n")).is_none(), "{shown}");
    assert!(!screen.title().contains("stolen"), "{}", screen.title());
}

#[test]
fn verbose_leaves_each_step_in_the_scrollback() {
    let bed = bed();
    let Some(screen) = Screen::of(&bed) else { return };
    screen.enter(&run("-v"));
    screen.until("the live line", |shown| live(shown).is_some());
    screen.shows("\n· Bash ls ]0;stolen 31m with");
    bed.write("work/go", "");
    screen.until("the answer", answer);
    let shown = screen.text();
    assert!(
        shown.contains("\n+ sh ") && shown.contains("\nLooking around.\n") && shown.contains("\n  file [2J\n"),
        "{shown}"
    );
    assert!(live(&shown).is_none(), "{shown}");
}

/// Every byte that a terminal gets from a command line which takes long enough for a live line.
fn bytes_of(bed: &Bed, typed: &str) -> String {
    let _ = std::fs::remove_file(bed.workspace().join("go"));
    let ringfence = bed.command(&[]);
    let mut script = Command::new("script");
    script
        .args(["-qec", &format!("(sleep 0.5; : >go) & {typed}"), "/dev/null"])
        .env_clear()
        .current_dir(bed.workspace());
    for (name, value) in ringfence.get_envs() {
        script.env(name, value.unwrap_or_default());
    }
    let output = script.env("TERM", "xterm").stdin(Stdio::null()).output().unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn nothing_is_live_where_nobody_looks() {
    let bed = bed();
    let live = "\x1b[?7l";
    assert!(bytes_of(&bed, &run("")).contains(live), "else this proves nothing");
    for typed in [
        run("-q"),
        format!("CI=1 {}", run("")),
        format!("TERM=dumb {}", run("")),
        format!("{} 2>&1 | cat", run("")),
        run("--json-stream"),
    ] {
        let bytes = bytes_of(&bed, &typed);
        assert!(bytes.contains("done") && !bytes.contains(live) && !bytes.contains("\x1b["), "{typed}: {bytes:?}");
    }
}

#[test]
fn a_character_cut_between_two_reads_is_whole_on_a_terminal() {
    let bed = Bed::new();
    let Some(screen) = Screen::of(&bed) else { return };
    bed.write("work/cut", "printf 'gr\\303'; sleep 0.3; printf '\\274n \\033[31mred\\n'");
    for redirected in ["", "exec 1>&2; "] {
        let shown =
            screen.run(&format!("clear; (echo '{redirected}'; cat cut) | {RINGFENCE} run -a shell --mode host"));
        assert!(shown.contains("grün ␛[31mred\n"), "{shown}");
    }
}

#[test]
fn raw_is_raw_for_a_script_and_escaped_json_for_a_model() {
    let bed = bed();
    bed.write("work/go", "");
    bed.write("work/colours", "printf '\\033[31mred\\033[0m\\n'\n");
    let Some(screen) = Screen::of(&bed) else { return };
    screen.run(&format!("clear; {RINGFENCE} run -a shell --mode host --raw -f colours"));
    assert!(screen.coloured().contains("\x1b[31mred"), "{}", screen.coloured());
    // A raw control character in a model's stream, which JSON allows from U+007F on.
    let bed = {
        let mut bed = Bed::new();
        bed.program(
            "claude",
            "cat >/dev/null; printf '{\"type\":\"result\",\"is_error\":false,\"result\":\"a\\302\\23331mb\"}\\n'",
        );
        bed
    };
    let Some(screen) = Screen::of(&bed) else { return };
    let shown = screen.run(&run("--raw"));
    assert!(shown.contains(r#""result":"a\u009b31mb""#), "{shown}");
    let shown = screen.run(&format!("clear; {}", run("--json-stream")));
    assert!(shown.replace('\n', "").contains(r#""output":"a\u009b31mb""#), "{shown}");
}

#[test]
fn ctrl_z_stops_ringfence_and_says_that_the_agent_goes_on() {
    let mut bed = Bed::new();
    bed.program("claude", &CLAUDE.replace("while", "while date +%s%N >alive; "));
    let Some(screen) = Screen::of(&bed) else { return };
    screen.enter(&run(""));
    screen.until("the live line", |shown| live(shown).is_some());
    screen.key("C-z");
    screen.shows("the agent goes on, and so does its time");
    screen.shows("Stopped");
    let alive = || std::fs::read_to_string(bed.workspace().join("alive")).unwrap_or_default();
    let before = alive();
    within(PATIENCE, "the agent goes on", || alive() != before);
    screen.enter("fg");
    bed.write("work/go", "");
    screen.until("the answer", answer);
    assert!(live(&screen.text()).is_none(), "{}", screen.text());
}

#[test]
fn a_terminal_that_takes_nothing_holds_no_limit_up() {
    let bed = bed();
    let Some(screen) = Screen::of(&bed) else { return };
    screen.run("stty ixon");
    screen.enter(&run("--timeout 3s --grace 1s"));
    screen.until("the live line", |shown| live(shown).is_some());
    let agent = bed.root().join("bin/claude").display().to_string();
    assert!(!processes_with(&agent).is_empty());
    screen.key("C-s");
    within(PATIENCE, "the agent is ended", || processes_with(&agent).is_empty());
    screen.key("C-q");
    screen.shows("it reached the timeout of 3s");
}
