//! Replacing the configuration file: one writer at a time, and for readers the old text or the new, never a part.

use std::fs::{self, File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

use crate::command::shell_word;
use crate::failure::Failure;

/// The right to replace a file, until it is dropped.
pub struct Lock {
    path: PathBuf,
    _held: File,
}

/// `path`, or what it links to, also where that does not exist yet.
pub fn target(path: &Path) -> PathBuf {
    let mut path = path.to_owned();
    // The system's own limit on links to links.
    for _ in 0..40 {
        let Ok(link) = fs::read_link(&path) else { break };
        path = path.parent().unwrap_or(Path::new("/")).join(link);
    }
    path
}

fn failure(path: &Path, error: &io::Error) -> Failure {
    let folder = path.parent().unwrap_or(path);
    let (shown, named) = (folder.display(), shell_word(folder.as_os_str()));
    let hint = format!("make {shown} a folder that you can write in; look at it with: ls -ld {named}");
    Failure::config(format!("{}: cannot be written", path.display()), hint).because(error.to_string())
}

impl Lock {
    /// Waits until nobody else replaces `path`, which is not a link. Makes its folder where it is missing.
    ///
    /// # Errors
    /// Config (78): it is no regular file, or its folder cannot be written to.
    pub fn of(path: &Path) -> Result<Lock, Failure> {
        // A device that root replaces, `/dev/null` of all things, is gone for the whole machine.
        if path.metadata().is_ok_and(|there| !there.is_file()) {
            let message = format!("{}: is not a regular file, and cannot be changed", path.display());
            return Err(Failure::config(message, "name a file for the configuration: --config FILE"));
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let lock = path.with_file_name(format!(".{name}.lock"));
        let held = || {
            fs::create_dir_all(path.parent().unwrap_or(Path::new("/")))?;
            // Never removed: a lock that others may be waiting for must stay the same file.
            let file = File::options().create(true).append(true).open(&lock)?;
            file.lock()?;
            Ok(file)
        };
        let held = held().map_err(|error: io::Error| failure(path, &error))?;
        Ok(Lock { path: path.to_owned(), _held: held })
    }

    /// Replaces the file with `text`, keeping its permissions and, where that is allowed, its owner.
    ///
    /// # Errors
    /// Config (78): it is write-protected, or cannot be written.
    pub fn replace(&self, text: &str) -> Result<(), Failure> {
        let old = fs::metadata(&self.path).ok();
        if old.as_ref().is_some_and(|old| old.permissions().readonly()) {
            let message = format!("{}: is write-protected", self.path.display());
            return Err(Failure::config(message, format!("type: chmod u+w {}", shell_word(self.path.as_os_str()))));
        }
        self.write(text, old.as_ref()).map_err(|error| failure(&self.path, &error))
    }

    fn write(&self, text: &str, old: Option<&fs::Metadata>) -> io::Result<()> {
        let folder = self.path.parent().unwrap_or(Path::new("/"));
        let mut file = tempfile::Builder::new()
            .prefix(".config.")
            // What a new file gets, less the umask.
            .permissions(Permissions::from_mode(0o666))
            .tempfile_in(folder)?;
        file.write_all(text.as_bytes())?;
        if let Some(old) = old {
            // Only root may give a file away; for anyone else it already has its owner.
            let _ = fchown(file.as_file(), Some(old.uid()), Some(old.gid()));
            file.as_file().set_permissions(old.permissions())?;
        }
        file.as_file().sync_all()?;
        file.persist(&self.path).map_err(|error| error.error)?;
        // Not every file system can sync a folder; the file itself is safe.
        let _ = File::open(folder).and_then(|folder| folder.sync_all());
        Ok(())
    }
}
