//! Git's configuration files, read without git: what in them may make it execute something.

use std::collections::BTreeSet;

/// Keys that execute nothing, whatever their value; `*` stands for any subsection. Everything else counts.
const HARMLESS: &[&str] = &[
    "advice.*",
    "branch.*.description",
    "branch.*.merge",
    "branch.*.pushremote",
    "branch.*.rebase",
    "branch.*.remote",
    "branch.*.vscode-merge-base",
    "color.*",
    "core.autocrlf",
    "core.bare",
    "core.eol",
    "core.filemode",
    "core.ignorecase",
    "core.logallrefupdates",
    "core.precomposeunicode",
    "core.quotepath",
    "core.repositoryformatversion",
    "core.symlinks",
    "core.worktree",
    "extensions.objectformat",
    "extensions.partialclone",
    "extensions.refstorage",
    "extensions.worktreeconfig",
    "fetch.prune",
    "init.defaultbranch",
    "lfs.repositoryformatversion",
    "pull.ff",
    "pull.rebase",
    "push.autosetupremote",
    "push.default",
    "remote.*.fetch",
    "remote.*.gh-resolved",
    "remote.*.prune",
    "rerere.enabled",
    "submodule.*.active",
    "user.email",
    "user.name",
];

/// The entries of a configuration that count, as keys (`filter.lfs.clean`) with their values. A line that is not understood
/// counts as itself.
pub(super) fn entries(text: &str) -> BTreeSet<(String, String)> {
    let mut found = BTreeSet::new();
    let mut section = String::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let mut line = line.trim().to_owned();
        while line.ends_with('\\') {
            let Some(more) = lines.next() else { break };
            line.push('\n');
            line.push_str(more.trim_end());
        }
        let mut rest = line.as_str();
        if rest.starts_with('[') {
            let Some((name, after)) = header(rest) else {
                found.insert((line.clone(), String::new()));
                continue;
            };
            (section, rest) = (name, after.trim_start());
        }
        if rest.is_empty() || rest.starts_with(['#', ';']) {
            continue;
        }
        let (key, value) = rest.split_once('=').unwrap_or((rest, ""));
        let key = format!("{section}.{}", key.trim().to_ascii_lowercase());
        if !is_harmless(&key, value.trim()) {
            found.insert((key, value.trim().to_owned()));
        }
    }
    found
}

/// `[name "sub"]` as `name.sub`, and what follows it on its line.
fn header(line: &str) -> Option<(String, &str)> {
    let mut quoted = false;
    let mut escaped = false;
    for (at, c) in line.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            ']' if !quoted => {
                let inner = line[1..at].trim();
                let name = match inner.split_once(char::is_whitespace) {
                    Some((name, sub)) => {
                        format!("{}.{}", name.to_ascii_lowercase(), sub.trim().trim_matches('"').replace('\\', ""))
                    }
                    None => inner.to_ascii_lowercase(),
                };
                return Some((name, &line[at + 1..]));
            }
            _ => {}
        }
    }
    None
}

fn is_harmless(key: &str, value: &str) -> bool {
    // An address may call a program (`ext::…`), and one that begins like an option may be taken for one.
    let address = matches!(key.rsplit_once('.'), Some((_, "url" | "pushurl")));
    let plain = !value.contains("::") && !value.trim_start_matches('"').starts_with('-');
    if address && (key.starts_with("remote.") || key.starts_with("submodule.")) && plain {
        return true;
    }
    HARMLESS.iter().any(|known| match known.split_once('*') {
        None => key == *known,
        Some((start, end)) => key.len() >= start.len() + end.len() && key.starts_with(start) && key.ends_with(end),
    })
}

/// The files that these entries include, as written.
pub(super) fn included(entries: &BTreeSet<(String, String)>) -> impl Iterator<Item = &str> {
    let is_one = |key: &str| {
        key.rsplit_once('.').is_some_and(|(section, last)| {
            last == "path" && (section == "include" || section.starts_with("includeif."))
        })
    };
    entries.iter().filter(move |(key, _)| is_one(key)).map(|(_, value)| value.trim_matches('"'))
}

/// The folders of hooks that these entries name, as written.
pub(super) fn hooks_paths(entries: &BTreeSet<(String, String)>) -> impl Iterator<Item = &str> {
    entries.iter().filter(|(key, _)| key == "core.hookspath").map(|(_, value)| value.trim_matches('"'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(text: &str) -> Vec<String> {
        entries(text).into_iter().map(|(key, _)| key).collect()
    }

    #[test]
    fn what_a_clone_and_everyday_work_write_is_harmless() {
        let text = "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = false\n[remote \"origin\"]\n\
                    \tfetch = +refs/heads/*:refs/remotes/origin/*\n\turl = git@host:x\n[branch \"a.b/c\"]\n\tremote = origin\n\tmerge = refs/heads/x\n";
        assert_eq!(keys(text), [""; 0]);
    }

    #[test]
    fn what_git_would_execute_is_found_however_it_is_written() {
        for (text, key) in [
            ("[core]\nhooksPath=/x", "core.hookspath"),
            ("[CORE] FSMonitor = ./x", "core.fsmonitor"),
            ("[filter \"a]b\"]\n\tclean = x", "filter.a]b.clean"),
            ("[alias]\n x = !sh \\\n  -c y", "alias.x"),
            ("[branch \"x\"]\n\tremote = a\n\tunheard = of", "branch.x.unheard"),
            ("[include]\n\tpath = ../evil", "include.path"),
            ("[core\nhooksPath=/x", "[core"),
            ("; remark\n[a]b\n# remark", "a.b"),
            ("[remote \"o\"]\n\turl = ext::sh -c x", "remote.o.url"),
        ] {
            assert!(keys(text).contains(&key.to_owned()), "{text}: {:?}", keys(text));
        }
        let included_by = entries("[includeIf \"gitdir:x\"]\npath = \"a b\"\n[core]\nhooksPath = .husky");
        assert_eq!(included(&included_by).collect::<Vec<_>>(), ["a b"]);
        assert_eq!(hooks_paths(&included_by).collect::<Vec<_>>(), [".husky"]);
    }
}
