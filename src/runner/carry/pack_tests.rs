//! What a workspace is that changes while it is packed.

use std::os::unix::fs::symlink;

use super::*;

fn archive() -> Archive {
    Builder::new(BufWriter::new(tempfile::tempfile().unwrap()))
}

#[test]
fn what_goes_while_the_rest_is_packed_counts_as_never_there() {
    let bed = tempfile::tempdir().unwrap();
    let gone = bed.path().join("gone");
    assert!(matches!(append(&mut archive(), Path::new("gone"), &gone), Ok(Packed::Gone)));
    assert!(names(&gone, false).unwrap().is_empty());
    assert!(names(&gone, true).is_err(), "the workspace itself has to be there");
    symlink("nowhere", &gone).unwrap();
    assert!(matches!(append(&mut archive(), Path::new("gone"), &gone), Ok(Packed::As(Thing::Link(_), _))));
    // A folder whose place something else has taken.
    assert!(names(&gone.join("below"), false).unwrap().is_empty());
}

#[test]
fn a_workspace_in_which_files_come_and_go_and_change_their_length_is_packed_whole() {
    let bed = tempfile::tempdir().unwrap();
    fs::write(bed.path().join("a-still"), "as it was").unwrap();
    fs::write(bed.path().join("z-still"), "as it was").unwrap();
    let busy = bed.path().join("busy");
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(std::sync::atomic::Ordering::Relaxed) {
                for length in [3_000_000, 10] {
                    fs::write(&busy, vec![b'x'; length]).unwrap();
                }
                fs::remove_file(&busy).unwrap();
            }
        });
        for _ in 0..50 {
            // One that never keeps still may be refused, and then in words.
            let (mut file, known) = match pack(bed.path(), "n0nce") {
                Ok((file, known, _)) => (file, known),
                Err(error) => {
                    assert!(error.is::<Failure>(), "{error:#}");
                    continue;
                }
            };
            file.rewind().unwrap();
            let mut found = Vec::new();
            for entry in tar::Archive::new(file).entries().unwrap() {
                let mut entry = entry.unwrap();
                let path = entry.path().unwrap().into_owned();
                let thing = Hashing::new(&mut entry).exhaust().unwrap();
                assert!(path == Path::new(&last("n0nce")) || known[&path].thing == thing, "{}", path.display());
                found.push(path);
            }
            assert_eq!(found.len(), known.len() + 1, "{found:?}");
            assert!(known.contains_key(Path::new("z-still")));
        }
        done.store(true, std::sync::atomic::Ordering::Relaxed);
    });
}

#[test]
fn a_file_that_is_cut_short_leaves_nothing_in_the_archive() {
    let mut archive = archive();
    let (mut long, path) = (tempfile::tempfile().unwrap(), Path::new("file"));
    io::Write::write_all(&mut long, &vec![b'x'; 100_000]).unwrap();
    long.rewind().unwrap();
    assert_eq!(append_file(&mut archive, path, header(0o600, 0), long.try_clone().unwrap(), 100_001).unwrap(), None);
    long.rewind().unwrap();
    let thing = append_file(&mut archive, path, header(0o600, 0), long, 9).unwrap();
    let mut file = archive.into_inner().unwrap().into_inner().unwrap();
    file.rewind().unwrap();
    let mut archive = tar::Archive::new(file);
    let found: Vec<_> = archive.entries().unwrap().map(|entry| Hashing::new(entry.unwrap()).exhaust().ok()).collect();
    assert_eq!(found, [thing]);
}
