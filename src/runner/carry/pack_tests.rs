//! What a workspace is that changes while it is packed.

use std::os::unix::fs::symlink;

use super::*;

const GO_ON: Heed<'_> = &|| Ok(());

fn archive() -> Archive {
    Builder::new(BufWriter::new(tempfile::tempfile().unwrap()))
}

#[test]
fn what_goes_while_the_rest_is_packed_counts_as_never_there() {
    let bed = tempfile::tempdir().unwrap();
    let gone = bed.path().join("gone");
    assert!(matches!(append(&mut archive(), Path::new("gone"), &gone, GO_ON), Ok(Packed::Gone)));
    assert!(names(&gone, false).unwrap().is_empty());
    assert!(names(&gone, true).is_err(), "the workspace itself has to be there");
    symlink("nowhere", &gone).unwrap();
    assert!(matches!(append(&mut archive(), Path::new("gone"), &gone, GO_ON), Ok(Packed::As(Thing::Link(_), _))));
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
            let (mut file, known) = match pack(bed.path(), "n0nce", GO_ON) {
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

#[test]
fn no_room_for_the_archive_names_the_folder_that_needs_some() {
    let bed = tempfile::tempdir().unwrap();
    fs::write(bed.path().join("file"), "x").unwrap();
    let full = File::options().read(true).write(true).open("/dev/full").unwrap();
    let error = pack_into(full, bed.path(), "n0nce", GO_ON).unwrap_err();
    let failure = error.downcast::<Failure>().unwrap();
    assert!(failure.message.contains("no room") && failure.hint.contains("TMPDIR"), "{failure:?}");
}

#[test]
fn packing_ends_when_it_is_not_wanted_any_more() {
    let bed = tempfile::tempdir().unwrap();
    fs::write(bed.path().join("large"), vec![0; 100_000]).unwrap();
    for after in [0, 1, 4] {
        let asked = std::cell::Cell::new(0);
        let heed = || {
            asked.set(asked.get() + 1);
            if asked.get() > after { Err(Failure::interrupted(2, "enough")) } else { Ok(()) }
        };
        let error = pack(bed.path(), "n0nce", &heed).unwrap_err();
        assert_eq!((error.downcast::<Failure>().unwrap().message.as_str(), asked.get()), ("enough", after + 1));
    }
}

#[test]
fn what_an_end_by_force_left_of_an_earlier_return_does_not_go_to_the_agent() {
    let bed = tempfile::tempdir().unwrap();
    fs::create_dir(bed.path().join("sub")).unwrap();
    fs::write(bed.path().join("sub/.ringfence-part-Ab3dEf"), "half").unwrap();
    let (_, known, left_out) = pack(bed.path(), "n0nce", GO_ON).unwrap();
    assert_eq!(known.keys().collect::<Vec<_>>(), [Path::new("sub")]);
    let command = format!("rm -r {}/sub/.ringfence-part-Ab3dEf", bed.path().display());
    assert!(left_out.len() == 1 && left_out[0].ends_with(&command), "{left_out:?}");
}
