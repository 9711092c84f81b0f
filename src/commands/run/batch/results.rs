//! The results of a batch: one JSON line per task, and the only truth about what has finished. A task whose line stands here is
//! done; one whose line does not is not, whatever else was written.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::commands::run::report::Report;
use crate::failure::{Class, Failure};
use crate::ledger::Lines;

/// A line: the run's report, with the task's name.
#[derive(Serialize)]
struct Written<'a> {
    id: &'a str,
    #[serde(flatten)]
    report: &'a Report,
}

/// What of it says how far the batch has come.
#[derive(Deserialize)]
struct Finished {
    id: String,
    ok: bool,
}

/// The file of results.
pub struct Results {
    lines: Lines,
    /// Whether each task that had finished before succeeded.
    pub finished: HashMap<String, bool>,
    /// Whether every line is printed as well, because nobody named a file.
    printed: bool,
}

impl Results {
    /// The results at `path`, where earlier ones may stand.
    ///
    /// # Errors
    /// Usage (2): it cannot be written, or holds something else.
    pub fn open(path: &Path, printed: bool) -> Result<Self, Failure> {
        let hint = "name another file: --results FILE";
        let failed = |error: io::Error| {
            let message = format!("the results cannot be written to {}", path.display());
            Failure::usage(message, hint).because(error.to_string())
        };
        let lines = Lines::open(path, None).map_err(failed)?;
        lines.mend().map_err(failed)?;
        let mut finished = HashMap::new();
        for line in BufReader::new(File::open(path).map_err(failed)?).split(b'\n') {
            let line = line.map_err(failed)?;
            let Ok(Finished { id, ok }) = serde_json::from_slice(&line) else {
                let message = format!("{} holds something else than results of a batch", path.display());
                return Err(Failure::usage(message, hint));
            };
            finished.insert(id, ok);
        }
        Ok(Results { lines, finished, printed })
    }

    /// Where they are.
    pub fn path(&self) -> PathBuf {
        self.lines.path().to_owned()
    }

    /// Prints what an earlier, interrupted command had finished, so that this one's output is whole.
    ///
    /// # Errors
    /// As [`Results::add`].
    pub fn print_earlier(&self) -> Result<(), Failure> {
        if !self.printed {
            return Ok(());
        }
        let copied = File::open(self.lines.path()).and_then(|mut file| io::copy(&mut file, &mut io::stdout().lock()));
        copied.map(drop).map_err(|error| not_printed(&error))
    }

    /// Adds the result of the task `id`. When this returns it is on the disk, and the task has finished.
    ///
    /// # Errors
    /// Internal (70): it cannot be written, and the task has not finished. Interrupted: nobody reads our output any more.
    pub fn add(&self, id: &str, report: &Report) -> Result<(), Failure> {
        let line = serde_json::to_vec(&Written { id, report }).map_err(io::Error::from);
        let written = line.and_then(|line| self.lines.append_durably(&line).map(|()| line));
        let line = written.map_err(|error| {
            let message = format!("the results cannot be written to {}", self.lines.path().display());
            Failure::new(
                Class::Internal,
                message,
                "make room there, then give the same command again: it goes on with what is left",
            )
            .because(error.to_string())
        })?;
        if self.printed {
            let mut out = io::stdout().lock();
            let printed = io::Write::write_all(&mut out, &[&line[..], b"\n"].concat());
            printed.and_then(|()| io::Write::flush(&mut out)).map_err(|error| not_printed(&error))?;
        }
        Ok(())
    }

    /// Forgets results that were printed: the batch has come to its end, and the same command would begin a new one.
    pub fn forget_printed(&self) {
        if self.printed {
            // Where it cannot be removed, the next command finds everything done, and says so.
            let _ = std::fs::remove_file(self.lines.path());
        }
    }
}

/// A batch that cannot say what it did has not succeeded, unlike a single answer of which somebody has read enough.
fn not_printed(error: &io::Error) -> Failure {
    let class = match error.kind() {
        io::ErrorKind::BrokenPipe => Class::Interrupted(signal_hook::consts::SIGPIPE),
        _ => Class::Internal,
    };
    let hint = "name a file for them, --results FILE; or give the same command again, which goes on with what is left";
    Failure::new(class, "the results cannot be written to standard output", hint).because(error.to_string())
}
