//! What is written twice says the same twice: completions, the README, the examples, the manual, and the layers of the source.
#![allow(clippy::unwrap_used, reason = "a panic is how tests fail")]
#![allow(clippy::disallowed_methods, reason = "tests start processes")]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use support::{Bed, skip};

fn repo() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn text(path: &str) -> String {
    fs::read_to_string(repo().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The rows of the first table below a heading of the README, as their cells without the code marks.
fn table(heading: &str) -> Vec<Vec<String>> {
    let readme = text("README.md");
    let (_, below) =
        readme.split_once(&format!("\n{heading}\n")).unwrap_or_else(|| panic!("README.md has no {heading}"));
    let rows = below.lines().skip_while(|line| !line.starts_with('|')).take_while(|line| line.starts_with('|'));
    let cells = |row: &str| row.trim_matches('|').split('|').map(|cell| cell.trim().replace('`', "")).collect();
    rows.skip(2).map(cells).collect()
}

// --- Completions ---

/// Each shell with the file that it looks for.
const COMPLETIONS: [(&str, &str); 5] = [
    ("bash", "completions/ringfence.bash"),
    ("zsh", "completions/_ringfence"),
    ("fish", "completions/ringfence.fish"),
    ("elvish", "completions/ringfence.elv"),
    ("powershell", "completions/_ringfence.ps1"),
];

#[test]
fn the_committed_completions_are_those_that_the_binary_prints() {
    let bed = Bed::new();
    let again: Vec<String> =
        COMPLETIONS.iter().map(|(shell, path)| format!("cargo run -q -- completions {shell} >{path}")).collect();
    for (shell, path) in COMPLETIONS {
        let made = bed.run(&["completions", shell]).exits(0).out();
        let committed = fs::read_to_string(repo().join(path)).unwrap_or_default();
        assert!(made == committed, "{path} is out of date; type:\n{}", again.join("\n"));
    }
}

/// Asserts that it worked in silence, and gives what it printed.
#[track_caller]
fn clean(output: &Output) -> String {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && stderr.is_empty(), "{}: {stderr}", output.status);
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn every_command_explains_itself_with_an_example() {
    let bed = Bed::new();
    let mut left: Vec<Vec<String>> = vec![Vec::new()];
    let mut count = 0;
    while let Some(path) = left.pop() {
        let args: Vec<&str> = path.iter().map(String::as_str).chain(["--help"]).collect();
        let help = bed.run(&args).exits(0).out();
        assert!(help.contains("\nExample"), "ringfence {} has no example:\n{help}", path.join(" "));
        assert!(help.contains(&format!("\n  ringfence {}", path.join(" "))), "not its own example:\n{help}");
        count += 1;
        let below = help.split_once("\nCommands:\n").map_or("", |(_, below)| below).lines();
        let below = below.take_while(|line| line.starts_with("  ")).filter(|line| !line.starts_with("   "));
        for name in below.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help") {
            left.push(path.iter().cloned().chain([name.to_owned()]).collect());
        }
    }
    assert!(count >= 16, "{count}");
}

#[test]
fn the_manual_renders_without_a_warning() {
    let page = Bed::new().run(&["man"]).exits(0).out();
    let mut command = Command::new("man");
    command.args(["--warnings", "--encoding=UTF-8", "--local-file", "-"]).env_clear();
    command.env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("MANWIDTH", "100").env("LC_ALL", "C.UTF-8");
    let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let Ok(mut child) = child else { return skip("man is not installed") };
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(page.as_bytes()).unwrap();
    drop(stdin);
    let printed = clean(&child.wait_with_output().unwrap());
    for part in [
        "RINGFENCE RUN",
        "RINGFENCE SANDBOX BUILD-IMAGE",
        "--idle-timeout <TIME>",
        "ringfence run --batch queue.jsonl -j 4",
        "EXIT STATUS",
        "quota_exhausted",
    ] {
        assert!(printed.contains(part), "{part} is not in\n{printed}");
    }
}

// --- The exit codes ---

/// Class, exit code and whether to retry, as the source has them.
fn classes() -> BTreeMap<String, (String, bool)> {
    let source = text("src/failure.rs");
    let rows = source.lines().filter_map(|line| line.trim().strip_prefix("Class::")?.split_once("=> (\""));
    let row = |(_, row): (&str, &str)| {
        let parts: Vec<&str> = row.trim_end_matches("),").split(", ").collect();
        let code = parts[1].replace("128 + signal", "128+n");
        (parts[0].trim_matches('"').to_owned(), (code, parts[2] == "Retry::Later"))
    };
    rows.map(row).collect()
}

#[test]
fn the_readme_has_the_exit_codes_of_the_code() {
    let classes = classes();
    assert_eq!(classes.len(), 25, "{classes:?}");
    let mut written = BTreeMap::new();
    for row in table("## Exit codes") {
        assert!(row[0].starts_with(|c: char| c.is_ascii_digit()), "{row:?}");
        for class in row[1].split(", ") {
            written.insert(class.to_owned(), (row[0].clone(), row[3] == "yes"));
        }
    }
    assert_eq!(written, classes);
}

#[test]
fn the_readme_tells_operators_of_every_class() {
    let told: BTreeSet<String> = table("## For operators")
        .iter()
        .flat_map(|row| row[0].split(", ").map(str::to_owned).collect::<Vec<_>>())
        .collect();
    assert_eq!(told, classes().into_keys().collect());
}

#[test]
fn the_manual_has_the_exit_codes_of_the_code() {
    let page = Bed::new().run(&["man"]).exits(0).out();
    let (_, below) = page.split_once(".SH \"EXIT STATUS\"\n").unwrap();
    for (class, (code, _)) in classes() {
        let line = if class == "interrupted" { class } else { class.replace('_', "\\_") };
        assert!(below.contains(&format!(".TP\n{code}\n{line}")), "{code} {line}");
    }
}

// --- The configuration ---

/// Every key with its value in force.
fn keys(bed: &Bed, flags: &[&str]) -> BTreeMap<String, Value> {
    let json = bed.run(&[flags, &["sandbox", "show", "--json"]].concat()).exits(0).json();
    let rows = json["settings"].as_array().unwrap().iter();
    rows.map(|row| (row["key"].as_str().unwrap().to_owned(), row["value"].clone())).collect()
}

#[test]
fn the_readme_has_every_key_with_its_default() {
    let bed = Bed::new();
    let known = keys(&bed, &[]);
    let mut written = BTreeSet::new();
    for row in table("## Configuration") {
        let names: Vec<&str> = row[0].split(", ").collect();
        let defaults: Vec<&str> = row[1].split(", ").collect();
        for (at, name) in names.iter().enumerate() {
            let default = defaults.get(at).copied().unwrap_or_default();
            for agent in ["claude", "codex", "opencode"] {
                let name = name.replace("NAME", agent);
                if !default.is_empty() && default != "the agent's own" {
                    bed.run(&["sandbox", "set", &name, default]).exits(0);
                }
                written.insert(name);
            }
        }
    }
    assert_eq!(written, known.keys().cloned().collect());
    assert_eq!(keys(&bed, &[]), known, "what the README calls defaults are the defaults");
}

#[test]
fn the_readmes_variables_are_those_of_the_code() {
    let readme = text("README.md");
    let (_, below) = readme.split_once("Variables that override the file:").unwrap();
    let named =
        below.split("\n\n").next().unwrap().split('`').skip(1).step_by(2).map(|name| name.split('=').next().unwrap());
    let source = ["environment", "layers", "mode"].map(|name| text(&format!("src/config/{name}.rs"))).concat();
    let mut count = 0;
    for name in named {
        assert!(source.contains(&format!("\"{name}\"")), "{name}");
        count += 1;
    }
    assert!(count >= 12, "{count}");
}

#[test]
fn every_option_that_the_readme_names_exists() {
    let bed = Bed::new();
    let commands: [&[&str]; 13] = [
        &[],
        &["run"],
        &["auth", "check"],
        &["dead-letter", "replay"],
        &["sandbox", "doctor"],
        &["sandbox", "set"],
        &["sandbox", "show"],
        &["sandbox", "build-image"],
        &["sandbox", "create"],
        &["sandbox", "exec"],
        &["sandbox", "rm"],
        &["sandbox", "network"],
        &["sandbox", "prune"],
    ];
    let help = commands.map(|command| bed.run(&[command, &["--help"]].concat()).exits(0).out()).concat();
    let readme = text("README.md").replace("cargo install --path", "");
    for (at, _) in readme.match_indices("--") {
        let rest = &readme[at + 2..];
        let end = rest.find(|c: char| !(c.is_ascii_lowercase() || c == '-')).unwrap_or(rest.len());
        let option = format!("--{}", &rest[..end]);
        let alone = !readme[..at].ends_with(['-', '|']) && end > 0 && !rest.starts_with('-');
        assert!(!alone || help.contains(&option), "{option}");
    }
}

#[test]
fn every_example_is_legal_and_the_whole_one_is_whole() {
    let bed = Bed::new();
    let mut count = 0;
    for entry in fs::read_dir(repo().join("examples")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            bed.run(&["--config", path.to_str().unwrap(), "sandbox", "show"]).exits(0);
            count += 1;
        }
    }
    assert!(count >= 2, "{count}");
    let whole = repo().join("examples/config.toml");
    assert_eq!(keys(&bed, &["--config", whole.to_str().unwrap()]), keys(&bed, &[]), "it has the defaults");
    let json = bed.run(&["--config", whole.to_str().unwrap(), "sandbox", "show", "--json"]).json();
    for row in json["settings"].as_array().unwrap().iter().filter(|row| !row["value"].is_null()) {
        assert!(row["origin"].as_str().unwrap().starts_with("config.toml:"), "{row} is not in it");
    }
}

// --- The house ---

/// What each folder or file of src may use besides itself.
const LAYERS: [(&str, &[&str]); 13] = [
    ("command", &[]),
    ("failure", &["command"]),
    ("redact", &[]),
    ("cli", &[]),
    ("config", &["command", "failure"]),
    ("output", &["command", "failure", "redact"]),
    ("image", &["command", "failure"]),
    ("runner", &["command", "failure", "redact"]),
    ("ledger", &["command", "failure", "config"]),
    ("egress", &["command", "failure", "config"]),
    ("agents", &["command", "failure", "config"]),
    ("credentials", &["command", "failure", "config"]),
    (
        "commands",
        &[
            "command",
            "failure",
            "config",
            "output",
            "image",
            "runner",
            "agents",
            "credentials",
            "egress",
            "ledger",
            "redact",
            "cli",
        ],
    ),
];

/// Every source file, by its path below src, with its text.
fn sources() -> Vec<(String, String)> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    let (root, mut found) = (repo().join("src"), Vec::new());
    walk(&root, &mut found);
    let named =
        |path: PathBuf| (path.strip_prefix(&root).unwrap().display().to_string(), fs::read_to_string(&path).unwrap());
    found.into_iter().map(named).collect()
}

#[test]
fn imports_keep_the_layers() {
    let mut seen = BTreeSet::new();
    for (path, source) in sources().iter().filter(|(path, _)| path != "main.rs") {
        let layer = path.split('/').next().unwrap().trim_end_matches(".rs");
        let Some((_, below)) = LAYERS.iter().find(|(name, _)| *name == layer) else {
            panic!("{path}: a new layer: what may it use? add it to LAYERS");
        };
        for (at, start) in source.match_indices("crate::") {
            let used: String =
                source[at + start.len()..].chars().take_while(|c| c.is_ascii_lowercase() || *c == '_').collect();
            assert!(!used.is_empty(), "{path}: one import per layer reads better than crate::{{…}}");
            assert!(used == layer || below.contains(&used.as_str()), "{path}: {layer} must not use {used}");
        }
        seen.insert(layer.to_owned());
    }
    assert!(seen.len() >= 10, "{seen:?}");
}

#[test]
fn only_the_runner_starts_processes() {
    for (path, source) in sources().iter().filter(|(path, _)| !path.starts_with("runner/")) {
        let source = source.replace("std::process::ExitCode", "").replace("rustix::process", "");
        for word in ["duct::", "std::process", "process::Command", "libc::", "unsafe "] {
            assert!(!source.contains(word), "{path} has {word}");
        }
    }
}

#[test]
fn a_file_of_the_source_is_small_enough_to_read() {
    let long: Vec<String> = sources()
        .iter()
        .map(|(path, source)| (source.lines().count(), path))
        .filter(|(lines, _)| *lines > 350)
        .map(|(lines, path)| format!("src/{path} has {lines} lines"))
        .collect();
    assert!(long.is_empty(), "asking to be two: {long:?}");
}
