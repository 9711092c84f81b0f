//! `SRC[:DST][:ro]`: a folder or file of the host that a container gets besides the workspace.

use std::path::{Component, Path, PathBuf};

use super::read::{Complaint, Place, host_path};
use super::values::Mount;

const TAKES: &str = "SRC[:DST][:ro]: a path of the host, an absolute path in the container, ro for read-only";
const EXAMPLE: &str = "[\"~/data:/data:ro\"]";

/// The mount that `text` means. A relative source is relative to `place.current`, or refused where there is none.
pub fn parse(text: &str, place: &Place) -> Result<Mount, Complaint> {
    let flaw = |why: &str| Complaint::new(format!("{text:?} {why}"), TAKES, EXAMPLE);
    let (paths, read_only) = match text.strip_suffix(":ro") {
        Some(paths) => (paths, true),
        None => (text, false),
    };
    let mut parts = paths.split(':');
    let (source, target, more) = (parts.next().unwrap_or_default(), parts.next(), parts.next());
    if more.is_some() {
        return Err(flaw(
            "has more than SRC, DST and ro: a path with a colon cannot be written here, link to it instead",
        ));
    }
    let source = host_path(source, place).map_err(|why| flaw(&format!("has a source that {why}")))?;
    let target = match target {
        Some("rw") => return Err(flaw("says rw, which is the default: leave it out")),
        Some(target) => in_container(target),
        None => in_container(&source.to_string_lossy()),
    };
    let target = target.map_err(|why| flaw(&format!("has a target that {why}")))?;
    Ok(Mount { source, target, read_only })
}

/// `typed` as an absolute path in a container, without `.` and `..`; or why it is none.
pub fn in_container(typed: &str) -> Result<PathBuf, &'static str> {
    if !Path::new(typed).is_absolute() {
        return Err(if typed.is_empty() { "is empty" } else { "is not an absolute path" });
    }
    let mut path = PathBuf::new();
    for part in Path::new(typed).components() {
        match part {
            Component::ParentDir => drop(path.pop()),
            Component::CurDir => {}
            part => path.push(part),
        }
    }
    usable_inside(&path)?;
    Ok(path)
}

/// Why nothing of the host can be at `path` in a container, in words that follow it in a sentence.
pub fn usable_inside(path: &Path) -> Result<(), &'static str> {
    if path == Path::new("/") {
        return Err("is the whole root folder");
    }
    if ["/proc", "/sys", "/dev"].iter().any(|system| path.starts_with(system)) {
        return Err("is in a folder of the system");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, current: Option<&str>) -> Result<String, String> {
        let place = Place { home: Some("/home/u".into()), current: current.map(PathBuf::from), preset: false };
        parse(text, &place).map(|mount| mount.to_string()).map_err(|complaint| complaint.problem)
    }

    #[test]
    fn the_three_parts() {
        let accepted = [
            ("/a", "/a"),
            ("/a:ro", "/a:ro"),
            ("/a:/b", "/a:/b"),
            ("/a b,\"c\":/b:ro", "/a b,\"c\":/b:ro"),
            ("~/x:/b", "/home/u/x:/b"),
            ("~", "/home/u"),
            ("../x", "/w/../x:/x"),
        ];
        for (text, mount) in accepted {
            assert_eq!(shown(text, Some("/w")).as_deref(), Ok(mount));
        }
    }

    #[test]
    fn what_cannot_be_a_mount() {
        let refused = [
            ("rel", "\"rel\" has a source that is a relative path"),
            ("", "\"\" has a source that is empty"),
            ("/a:b", "\"/a:b\" has a target that is not an absolute path"),
            ("/a:/", "\"/a:/\" has a target that is the whole root folder"),
            ("/a:/x/../proc/1", "\"/a:/x/../proc/1\" has a target that is in a folder of the system"),
            ("/a:rw", "\"/a:rw\" says rw, which is the default: leave it out"),
            ("/a::ro", "\"/a::ro\" has a target that is empty"),
        ];
        for (text, problem) in refused {
            assert_eq!(shown(text, None), Err(problem.to_owned()));
        }
        assert!(shown("/a:/b:/c", None).is_err_and(|problem| problem.contains("a colon cannot be written here")));
    }
}
