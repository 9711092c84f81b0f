//! Files that an answer names with `[send_file: PATH]`: only those that the agent could legitimately reach.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use serde::Serialize;

use crate::output::sanitize;

const OPEN: &[u8] = b"[send_file:";

/// A file that an answer names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Attachment {
    /// Its real path on the host.
    pub path: String,
    /// Its size.
    pub bytes: u64,
}

/// A folder or file of the host's, and where the agent saw it. The first of a run is its workspace.
#[derive(Clone, Debug)]
pub struct Root {
    /// On the host.
    pub outside: PathBuf,
    /// Where the agent runs.
    pub inside: PathBuf,
}

/// An answer without its tags.
pub struct Taken<'a> {
    /// What is left.
    pub text: Cow<'a, [u8]>,
    /// The files.
    pub attachments: Vec<Attachment>,
    /// Why others are not among them.
    pub warnings: Vec<String>,
}

/// Takes the tags out of `answer`, and looks at the files that they name.
pub fn take<'a>(answer: &'a [u8], roots: &[Root]) -> Taken<'a> {
    let mut taken = Taken { text: Cow::Borrowed(answer), attachments: Vec::new(), warnings: Vec::new() };
    let mut kept = Vec::new();
    let mut rest = answer;
    while let Some((before, path, after)) = next_tag(rest) {
        match look(path, roots) {
            Ok(attachment) if taken.attachments.contains(&attachment) => {}
            Ok(attachment) => taken.attachments.push(attachment),
            Err(reason) => {
                let path = sanitize(&String::from_utf8_lossy(path));
                taken.warnings.push(format!("the answer names a file that is not attached, {path}: {reason}"));
            }
        }
        kept.extend_from_slice(before);
        // A tag that had a line for itself takes the line along.
        let alone = kept.last().is_none_or(|&byte| byte == b'\n');
        rest = after.strip_prefix(b"\n").filter(|_| alone).unwrap_or(after);
    }
    if rest.len() < answer.len() {
        kept.extend_from_slice(rest);
        taken.text = Cow::Owned(kept);
    }
    taken
}

/// The text before the next tag, the path in it, and the text after it. A tag ends on its own line.
fn next_tag(text: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let mut from = 0;
    loop {
        let at = from + find(&text[from..], OPEN)?;
        let inner = &text[at + OPEN.len()..];
        let end = inner.iter().position(|&byte| byte == b']' || byte == b'\n')?;
        let path = inner[..end].trim_ascii();
        if inner[end] == b']' && !path.is_empty() {
            return Some((&text[..at], path, &inner[end + 1..]));
        }
        from = at + OPEN.len();
    }
}

fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    text.windows(what.len()).position(|window| window == what)
}

fn look(path: &[u8], roots: &[Root]) -> Result<Attachment, String> {
    let path = Path::new(OsStr::from_bytes(path));
    if path.components().any(|part| part == Component::ParentDir) {
        return Err("`..` is not followed".into());
    }
    // Where the agent sees the host's own paths, one may lead to the workspace by a link; what counts is where it ends.
    let same = path.is_absolute() && roots.first().is_some_and(|root| root.inside == root.outside);
    let elsewhere = || same.then(|| path.to_owned());
    let path = on_host(path, roots).or_else(elsewhere).ok_or("it is neither in the workspace nor in a mount")?;
    let real = path.canonicalize().map_err(|error| error.to_string())?;
    let within = |root: &Root| root.outside.canonicalize().is_ok_and(|outside| real.starts_with(outside));
    if !roots.iter().any(within) {
        return Err("it leads out of the workspace and of every mount".into());
    }
    let metadata = real.metadata().map_err(|error| error.to_string())?;
    if !metadata.is_file() {
        return Err("it is not a regular file".into());
    }
    Ok(Attachment { path: real.to_string_lossy().into_owned(), bytes: metadata.len() })
}

/// `path` as the agent saw it, on the host: below the root that reaches furthest down, a relative one below the workspace.
fn on_host(path: &Path, roots: &[Root]) -> Option<PathBuf> {
    let path = roots.first()?.inside.join(path);
    let (root, rest) = roots
        .iter()
        .filter_map(|root| Some((root, path.strip_prefix(&root.inside).ok()?)))
        .max_by_key(|(root, _)| root.inside.components().count())?;
    // A mount of a single file has nothing below it, and joining nothing would add a slash.
    Some(if rest.as_os_str().is_empty() { root.outside.clone() } else { root.outside.join(rest) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    #[test]
    fn only_files_of_the_workspace_and_of_mounts_are_attached() {
        let bed = tempfile::tempdir().unwrap();
        let bed = bed.path().canonicalize().unwrap();
        let (work, data) = (bed.join("work"), bed.join("data"));
        for folder in [&work, &data] {
            fs::create_dir(folder).unwrap();
        }
        for file in ["work/a b.txt", "work/in", "data/d", "secret"] {
            fs::write(bed.join(file), "12345").unwrap();
        }
        symlink(bed.join("secret"), work.join("out")).unwrap();
        symlink(work.join("in"), work.join("link")).unwrap();
        rustix::fs::mkfifoat(rustix::fs::CWD, work.join("pipe"), rustix::fs::Mode::RUSR).unwrap();
        let roots = [
            Root { outside: work.clone(), inside: "/workspace".into() },
            Root { outside: data.clone(), inside: "/workspace/data".into() },
            Root { outside: bed.join("data/d"), inside: "/one".into() },
        ];
        let attached = |path: &str| {
            let answer = format!("x [send_file: {path}]y");
            let taken = take(answer.as_bytes(), &roots);
            assert_eq!(&*taken.text, b"x y", "{path}");
            assert_eq!(taken.attachments.len() + taken.warnings.len(), 1, "{path}");
            taken.attachments.first().map(|file| PathBuf::from(&file.path))
        };
        assert_eq!(attached("a b.txt"), Some(work.join("a b.txt")));
        assert_eq!(attached("/workspace/in"), Some(work.join("in")));
        assert_eq!(attached("link"), Some(work.join("in")));
        assert_eq!(attached("data/d"), Some(data.join("d")));
        assert_eq!(attached("/one"), Some(data.join("d")));
        let outside = bed.join("secret");
        for path in [
            "out",
            "../secret",
            "/workspace/../secret",
            outside.to_str().unwrap(),
            "/etc/passwd",
            "pipe",
            "no",
            ".",
            "/one/x",
        ] {
            assert_eq!(attached(path), None, "{path}");
        }
        let escape = format!("[send_file: {}]", work.join("in").display());
        assert_eq!(take(escape.as_bytes(), &roots).attachments, [], "the host's path means nothing inside");
    }

    #[test]
    fn a_link_that_leads_to_the_workspace_is_followed_where_the_agent_sees_the_hosts_paths() {
        let bed = tempfile::tempdir().unwrap();
        let bed = bed.path().canonicalize().unwrap();
        fs::create_dir(bed.join("work")).unwrap();
        fs::write(bed.join("work/in"), "12345").unwrap();
        fs::write(bed.join("secret"), "12345").unwrap();
        symlink(&bed, bed.join("link")).unwrap();
        let attached = |inside: &str, path: &str| {
            let roots = [Root { outside: bed.join("work"), inside: bed.join(inside) }];
            take(format!("[send_file: {}]", bed.join(path).display()).as_bytes(), &roots).attachments.len()
        };
        assert_eq!([attached("work", "link/work/in"), attached("work", "link/secret")], [1, 0]);
        assert_eq!(attached("elsewhere", "link/work/in"), 0, "inside it would be something else");
    }

    #[test]
    fn the_tags_leave_the_text_and_nothing_else_does() {
        let roots = [Root { outside: "/dev".into(), inside: "/dev".into() }];
        for (answer, text) in [
            ("one\n[send_file: null]\ntwo\n", "one\ntwo\n"),
            ("[send_file: null]\n[send_file:zero]", ""),
            ("see [send_file: null]\nnow", "see \nnow"),
            ("[send_file: \n] [send_file:] [send_file: a", "[send_file: \n] [send_file:] [send_file: a"),
            ("no tag", "no tag"),
        ] {
            let taken = take(answer.as_bytes(), &roots);
            assert_eq!(String::from_utf8_lossy(&taken.text), text, "{answer:?}");
            assert!(taken.attachments.is_empty(), "a device is no regular file");
        }
    }
}
