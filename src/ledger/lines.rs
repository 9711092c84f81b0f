//! A file of whole lines: appended to by several processes at once, and never left with half a line.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Seek, SeekFrom, Write};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

/// How far from the end the last new line is looked for at a time, bytes.
const STEP: u64 = 4096;

/// How long a lock may outlive its process: a child that it was starting when it was killed has all its files, until the child
/// becomes another program.
const HANDOVER: Duration = Duration::from_millis(400);

/// A file of lines, by its path: each line is appended under a lock on the file, so that rotation can replace it.
#[derive(Debug)]
pub struct Lines {
    path: PathBuf,
    /// How every line of ours begins.
    head: &'static str,
    /// The size at which the file is put aside, bytes; it then has `.1` behind its name, and the one before it is gone.
    rotate_at: Option<u64>,
}

impl Lines {
    /// The file at `path` for lines that begin with `head`, made with its folder where it is missing, for the caller's eyes only.
    ///
    /// # Errors
    /// It cannot be made or opened for writing, or ends with half a line of somebody else's, to which nothing can be appended.
    pub fn open(path: &Path, head: &'static str, rotate_at: Option<u64>) -> io::Result<Self> {
        let lines = Lines { path: path.to_owned(), head, rotate_at };
        let new = !path.exists();
        if let Some(folder) = path.parent().filter(|_| new) {
            private_folder(folder)?;
        }
        let file = open(path)?;
        if new {
            sync_parent(path)?;
        }
        if file.metadata()?.is_file() {
            whole(&file, head)?;
        }
        Ok(lines)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Appends `line`, which must hold no new line, whole or not at all.
    ///
    /// # Errors
    /// The disk is full, or the file cannot be written; the file is as it was before.
    pub fn append(&self, line: &[u8]) -> io::Result<()> {
        append(&mut self.lock()?, self.head, line)
    }

    /// As [`Lines::append`]; when it returns the line is on the disk.
    ///
    /// # Errors
    /// As there.
    pub fn append_durably(&self, line: &[u8]) -> io::Result<()> {
        let mut file = self.lock()?;
        append(&mut file, self.head, line)?;
        file.sync_data()
    }

    /// Cuts off half a line that a dead writer left.
    ///
    /// # Errors
    /// The file cannot be read or changed.
    pub fn mend(&self) -> io::Result<()> {
        cut_half_line(&self.lock()?, self.head).map(drop)
    }

    /// The file, locked, and put aside first where it has grown to its limit. The lock ends with the file.
    fn lock(&self) -> io::Result<File> {
        loop {
            let file = open(&self.path)?;
            file.lock()?;
            // Whoever held the lock may have put the file aside meanwhile.
            if !is_at(&file, &self.path)? {
                continue;
            }
            let ours = file.metadata()?;
            if ours.is_file() && self.rotate_at.is_some_and(|limit| ours.len() >= limit) {
                let mut aside = self.path.clone().into_os_string();
                aside.push(".1");
                // Where it cannot be put aside a log that grows on is better than one that ends.
                if std::fs::rename(&self.path, aside).is_ok() {
                    sync_parent(&self.path)?;
                    continue;
                }
            }
            return Ok(file);
        }
    }
}

fn open(path: &Path) -> io::Result<File> {
    // Read as well, because what a dead writer left is looked at; a pipe or a terminal can only be written.
    let mut options = OpenOptions::new();
    options.append(true).create(true).mode(0o600);
    options.clone().read(true).open(path).or_else(|_| options.open(path))
}

/// The folder at `path` with all above it; those that were missing are the caller's alone.
///
/// # Errors
/// It cannot be made.
pub fn private_folder(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    if path.as_os_str().is_empty() {
        return Ok(());
    }
    if path.is_dir() {
        return Ok(());
    }
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path)?;
    sync_parent(path)
}

/// Brings to the disk that `path` was made, renamed or removed. Where a file system cannot do that for a folder, nothing can.
///
/// # Errors
/// The folder cannot be opened.
pub fn sync_parent(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let _ = File::open(folder)?.sync_all();
    Ok(())
}

/// Whether `file` is what stands at `path` now.
///
/// # Errors
/// `file` cannot be looked at.
pub fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    let ours = file.metadata()?;
    Ok(std::fs::metadata(path).is_ok_and(|there| (there.dev(), there.ino()) == (ours.dev(), ours.ino())))
}

/// Locks `file` for as long as it is open; false where another process holds it.
///
/// # Errors
/// The file system knows no locks.
pub fn hold(file: &File) -> io::Result<bool> {
    let until = Instant::now() + HANDOVER;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(true),
            Err(TryLockError::WouldBlock) if Instant::now() < until => thread::sleep(HANDOVER / 20),
            Err(TryLockError::WouldBlock) => return Ok(false),
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
}

/// Appends `line` to `file`, which nobody else writes to now. Half a line at its end that begins with `head` is a dead writer's,
/// and is cut off.
///
/// # Errors
/// As [`Lines::append`]; also where half a line of somebody else's stands at the end.
pub fn append(file: &mut File, head: &str, line: &[u8]) -> io::Result<()> {
    if !file.metadata()?.is_file() {
        return file.write_all(&[line, b"\n"].concat());
    }
    let whole = cut_half_line(file, head)?;
    file.write_all(&[line, b"\n"].concat()).inspect_err(|_| {
        // What was written before the disk was full. Where even this fails the next writer does it.
        let _ = file.set_len(whole);
    })
}

/// Cuts off what a dead writer of lines that begin with `head` left behind the last new line, and returns the length of the rest.
///
/// # Errors
/// The file cannot be read or changed, or what stands there is somebody else's.
pub fn cut_half_line(file: &File, head: &str) -> io::Result<u64> {
    let end = whole(file, head)?;
    if end < file.metadata()?.len() {
        file.set_len(end)?;
    }
    Ok(end)
}

/// The length of the whole lines of `file`.
///
/// # Errors
/// It cannot be read, or what stands behind them does not begin with `head`, and so is nobody's to cut off.
pub fn whole(file: &File, head: &str) -> io::Result<u64> {
    let length = file.metadata()?.len();
    let mut end = length;
    while end > 0 {
        let from = end.saturating_sub(STEP);
        let mut tail = vec![0; usize::try_from(end - from).unwrap_or_default()];
        file.read_exact_at(&mut tail, from)?;
        if let Some(at) = tail.iter().rposition(|&byte| byte == b'\n') {
            end = from + at as u64 + 1;
            break;
        }
        end = from;
    }
    let mut half = vec![0; usize::try_from(length - end).unwrap_or(usize::MAX).min(head.len())];
    file.read_exact_at(&mut half, end)?;
    if head.as_bytes().starts_with(&half) {
        return Ok(end);
    }
    Err(io::Error::new(io::ErrorKind::InvalidData, "its last line has no end, and is not one of ringfence's"))
}

/// The whole of `file` from its beginning, as a reader.
///
/// # Errors
/// It cannot be read.
pub fn from_start(file: &mut File) -> io::Result<io::BufReader<&mut File>> {
    file.seek(SeekFrom::Start(0))?;
    Ok(io::BufReader::new(file))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_writers_never_interleave_and_rotation_loses_nothing_of_the_last_two_files() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/log");
        let lines = Lines::open(&path, "", Some(20_000)).unwrap();
        thread::scope(|scope| {
            for writer in 0..4 {
                let lines = &lines;
                scope.spawn(move || {
                    for number in 0..100 {
                        let line = format!("{writer} {number} {}", "x".repeat(90));
                        lines.append(line.as_bytes()).unwrap();
                    }
                });
            }
        });
        let text = std::fs::read_to_string(&path).unwrap();
        let aside = std::fs::read_to_string(folder.path().join("deep/log.1")).unwrap();
        assert!(aside.len() >= 20_000 && aside.len() < 20_200, "{}", aside.len());
        for line in text.lines().chain(aside.lines()) {
            assert!(line.ends_with(&"x".repeat(90)) && line.len() < 100, "{line}");
        }
    }

    #[test]
    fn half_a_line_of_a_dead_writer_goes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        for (before, after) in [
            ("one\ntwo".to_owned(), "one\nnew\n".to_owned()),
            ("tw".into(), "new\n".into()),
            (format!("one\ntwo\":{}", "y".repeat(9000)), "one\nnew\n".into()),
            (String::new(), "new\n".into()),
        ] {
            std::fs::write(&path, before.replace("two", "{\"o").replace("tw", "{\"")).unwrap();
            Lines::open(&path, "{\"o\":", None).unwrap().append(b"new").unwrap();
            assert_eq!(std::fs::read_to_string(&path).unwrap(), after);
        }
    }

    #[test]
    fn what_somebody_else_left_without_an_end_stays_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notes");
        for text in ["my notes", "one\n{\"task\": \"x\"}", "{}"] {
            std::fs::write(&path, text).unwrap();
            let opened = Lines::open(&path, "{\"schema\":", None).map(drop);
            assert_eq!(opened.unwrap_err().kind(), io::ErrorKind::InvalidData);
            assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
        }
    }

    #[test]
    fn a_log_that_cannot_be_put_aside_grows_on() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        std::fs::create_dir_all(folder.path().join("log.1/in the way")).unwrap();
        let lines = Lines::open(&path, "", Some(5)).unwrap();
        for _ in 0..3 {
            lines.append(b"12345").unwrap();
        }
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "12345\n".repeat(3));
    }

    #[test]
    fn what_is_no_file_is_only_written_to() {
        Lines::open(Path::new("/dev/null"), "", Some(1)).unwrap().append(b"x").unwrap();
        assert!(Lines::open(Path::new("/dev/null/x"), "", None).is_err());
    }
}
