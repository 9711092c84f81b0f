//! What came back, however it was meant.

use std::io::Write;

use tar::{Builder, EntryType, Header};
use tempfile::TempDir;

use super::super::pack::pack;
use super::*;

fn bed() -> TempDir {
    let bed = tempfile::tempdir().unwrap();
    fs::create_dir_all(bed.path().join("work/sub/deep")).unwrap();
    for (path, text) in [("work/a", "a"), ("work/b", "b"), ("work/sub/c", "c"), ("outside", "mine")] {
        fs::write(bed.path().join(path), text).unwrap();
    }
    symlink("../outside", bed.path().join("work/out")).unwrap();
    bed
}

/// An archive whose names are what they are, whatever a library thinks of them.
fn archive(entries: &[(&str, EntryType, &str)]) -> File {
    let mut builder = Builder::new(tempfile::tempfile().unwrap());
    for (path, kind, text) in entries {
        let mut header = Header::new_gnu();
        header.set_entry_type(*kind);
        header.set_mode(0o6755);
        header.as_old_mut().name[..path.len()].copy_from_slice(path.as_bytes());
        let mut contents = text.as_bytes();
        if matches!(kind, EntryType::Symlink | EntryType::Link) {
            header.as_old_mut().linkname[..text.len()].copy_from_slice(text.as_bytes());
            contents = &[];
        }
        header.set_size(contents.len() as u64);
        header.set_cksum();
        builder.append(&header, contents).unwrap();
    }
    let mut file = builder.into_inner().unwrap();
    file.flush().unwrap();
    file
}

fn text(bed: &TempDir, path: &str) -> Option<String> {
    fs::read_to_string(bed.path().join(path)).ok()
}

#[test]
fn nothing_leads_out_of_the_workspace() {
    let bed = bed();
    let root = bed.path().join("work");
    let (_, known, left_out) = pack(&root, "n0nce", &|| Ok(())).unwrap();
    assert!(left_out.is_empty());
    let regular = EntryType::Regular;
    let own = root.join("sub/c").display().to_string();
    let evil = archive(&[
        ("../escaped", regular, "x"),
        ("/tmp/ringfence-escaped", regular, "x"),
        ("sub/../../escaped", regular, "x"),
        ("abs", EntryType::Symlink, "/etc/passwd"),
        ("up", EntryType::Symlink, "../outside"),
        ("sub/sly", EntryType::Symlink, "deep/../../../outside"),
        ("sub/fine", EntryType::Symlink, "../a"),
        ("own", EntryType::Symlink, &own),
        ("out/through", regular, "x"),
        ("fine/through", regular, "x"),
        ("sub/fine/through", regular, "x"),
        ("hard", EntryType::Link, "../outside"),
        ("device", EntryType::Char, ""),
        ("out", EntryType::Symlink, "../outside"),
        ("setuid", regular, "s"),
        ("a", regular, "a"),
        ("twin", EntryType::Link, "setuid"),
        ("b", regular, "changed"),
        ("sub", EntryType::Directory, ""),
    ]);
    let undone = unpack(&root, &known, &evil, true).unwrap();
    let refused: Vec<&String> = undone.iter().filter(|line| line.starts_with("refused")).collect();
    assert_eq!(refused.len(), 7, "{undone:#?}");
    assert_eq!((text(&bed, "outside").as_deref(), text(&bed, "escaped")), (Some("mine"), None));
    for gone in ["abs", "up", "sub/sly", "hard", "device", "sub/c", "sub/deep"] {
        assert!(fs::symlink_metadata(root.join(gone)).is_err(), "{gone}: {undone:#?}");
    }
    assert_eq!(fs::read_link(root.join("out")).unwrap(), Path::new("../outside"), "it was there before");
    assert_eq!(fs::read_link(root.join("sub/fine")).unwrap(), Path::new("../a"));
    assert_eq!(fs::read_link(root.join("own")).unwrap(), Path::new(&own));
    assert_eq!((text(&bed, "work/b").as_deref(), text(&bed, "work/twin").as_deref()), (Some("changed"), Some("s")));
    assert_eq!(fs::metadata(root.join("setuid")).unwrap().mode() & 0o7777, 0o755);
}

#[test]
fn what_changed_here_meanwhile_stays() {
    let bed = bed();
    let root = bed.path().join("work");
    let (_, known, _) = pack(&root, "n0nce", &|| Ok(())).unwrap();
    fs::write(root.join("a"), "by its owner").unwrap();
    fs::write(root.join("b"), "by its owner too").unwrap();
    fs::remove_file(root.join("sub/c")).unwrap();
    fs::write(root.join("sub/deep/new"), "of its owner").unwrap();
    fs::write(root.join("both"), "same").unwrap();
    fs::write(root.join("clash"), "here").unwrap();
    let regular = EntryType::Regular;
    let back = archive(&[
        ("a", regular, "by the agent"),
        ("both", regular, "same"),
        ("clash", regular, "there"),
        ("out", EntryType::Symlink, "../outside"),
        ("sub", EntryType::Directory, ""),
        ("sub/c", regular, "by the agent"),
        ("sub/made", regular, "made"),
    ]);
    let undone = unpack(&root, &known, &back, true).unwrap();
    let conflicts = ["sub/c", "clash", "b", "a", "sub/deep"];
    assert_eq!(undone.len(), conflicts.len(), "{undone:#?}");
    for path in conflicts {
        assert!(undone.iter().any(|line| line.starts_with(&format!("conflict: {path} "))), "{path}: {undone:#?}");
    }
    for (path, contents) in [
        ("work/a", Some("by its owner")),
        ("work/b", Some("by its owner too")),
        ("work/clash", Some("here")),
        ("work/sub/c", None),
        ("work/sub/deep/new", Some("of its owner")),
        ("work/sub/made", Some("made")),
    ] {
        assert_eq!(text(&bed, path).as_deref(), contents, "{path}");
    }
}

#[test]
fn what_is_missing_or_refused_takes_nothing_away() {
    let bed = bed();
    let root = bed.path().join("work");
    let (_, known, _) = pack(&root, "n0nce", &|| Ok(())).unwrap();
    let regular = EntryType::Regular;
    let partly = archive(&[("b", regular, "new")]);
    assert_eq!(unpack(&root, &known, &partly, false).unwrap(), [""; 0]);
    assert_eq!((text(&bed, "work/a").as_deref(), text(&bed, "work/b").as_deref()), (Some("a"), Some("new")));
    let (_, known, _) = pack(&root, "n0nce", &|| Ok(())).unwrap();
    let odd =
        archive(&[("a", EntryType::Symlink, "/etc/passwd"), ("b", EntryType::Fifo, ""), ("sub", EntryType::Char, "")]);
    assert_eq!(unpack(&root, &known, &odd, true).unwrap().len(), 3);
    for (path, contents) in [("work/a", "a"), ("work/b", "new"), ("work/sub/c", "c")] {
        assert_eq!(text(&bed, path).as_deref(), Some(contents), "{path}");
    }
    assert!(fs::symlink_metadata(root.join("out")).is_err(), "this one was deleted");
}

#[test]
fn kinds_change_links_are_shared_and_times_are_kept() {
    let bed = bed();
    let root = bed.path().join("work");
    fs::set_permissions(root.join("sub/deep"), Permissions::from_mode(0o555)).unwrap();
    let (_, known, _) = pack(&root, "n0nce", &|| Ok(())).unwrap();
    let regular = EntryType::Regular;
    let back = archive(&[
        ("a", EntryType::Directory, ""),
        ("a/in", regular, "in"),
        ("sub", EntryType::Symlink, "a"),
        ("twin", EntryType::Link, "sub"),
        ("sly", EntryType::Symlink, "../outside"),
    ]);
    let undone = unpack(&root, &known, &back, true).unwrap();
    assert_eq!(undone.len(), 1, "{undone:#?}");
    assert_eq!(text(&bed, "work/sub/in").as_deref(), Some("in"));
    assert_eq!(fs::read_link(root.join("twin")).unwrap(), Path::new("a"));
    // The archive's time is the epoch.
    assert_eq!(fs::metadata(root.join("a/in")).unwrap().mtime(), 0);
    assert!(fs::symlink_metadata(root.join("b")).is_err());
}

#[test]
fn a_closed_folder_is_opened_only_where_something_in_it_changes() {
    let bed = bed();
    let root = bed.path().join("work");
    let mode = |path: &str, mode| fs::set_permissions(root.join(path), Permissions::from_mode(mode)).unwrap();
    mode("sub/deep", 0o500);
    mode("sub", 0o555);
    let (_, known, _) = pack(&root, "n0nce", &|| Ok(())).unwrap();
    let changed = |path: &str| fs::metadata(root.join(path)).map(|it| (it.ctime(), it.ctime_nsec())).unwrap();
    let before = ["sub", "sub/deep"].map(changed);
    let folder = |path: &str, mode| {
        let mut header = Header::new_gnu();
        header.set_entry_type(EntryType::Directory);
        header.set_mode(mode);
        header.set_size(0);
        (path.to_owned(), header)
    };
    let back = |file: &str, text: &str| {
        let mut builder = Builder::new(tempfile::tempfile().unwrap());
        for (path, mut header) in [folder("sub", 0o555), folder("sub/deep", 0o500)] {
            builder.append_data(&mut header, path, &[][..]).unwrap();
        }
        for (path, text, mode) in [("a", "a", 0o644), ("b", "b", 0o644), ("sub/c", "c", 0o644), (file, text, 0o644)] {
            let mut header = Header::new_gnu();
            header.set_mode(mode);
            header.set_size(text.len() as u64);
            builder.append_data(&mut header, path, text.as_bytes()).unwrap();
        }
        builder.into_inner().unwrap()
    };
    assert_eq!(unpack(&root, &known, &back("new", "x"), true).unwrap(), [""; 0]);
    assert_eq!((["sub", "sub/deep"].map(changed), text(&bed, "work/new").as_deref()), (before, Some("x")));
    assert_eq!(unpack(&root, &known, &back("sub/new", "x"), true).unwrap(), [""; 0]);
    assert_eq!(text(&bed, "work/sub/new").as_deref(), Some("x"));
    assert_eq!((changed("sub/deep"), fs::metadata(root.join("sub")).unwrap().mode() & 0o777), (before[1], 0o555));
    mode("sub", 0o755);
    mode("sub/deep", 0o755);
}

#[test]
fn a_folder_that_went_here_is_told() {
    let bed = bed();
    let root = bed.path().join("work");
    let (_, known, _) = pack(&root, "n0nce", &|| Ok(())).unwrap();
    fs::remove_dir_all(root.join("sub")).unwrap();
    let regular = EntryType::Regular;
    let back = archive(&[
        ("a", regular, "a"),
        ("b", regular, "b"),
        ("out", EntryType::Symlink, "../outside"),
        ("sub", EntryType::Directory, ""),
        ("sub/made", regular, "made"),
    ]);
    let undone = unpack(&root, &known, &back, true).unwrap();
    assert!(undone.iter().any(|line| line.starts_with("conflict: sub/made ")), "{undone:#?}");
    assert!(!root.join("sub").exists());
}
