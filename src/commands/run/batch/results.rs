//! The results of a batch: one JSON line per task, and the only truth about what has finished. A task whose line stands here is
//! done; one whose line does not is not, whatever else was written.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::file::Item;
use crate::commands::run::report::Report;
use crate::failure::{Class, Failure};
use crate::ledger::Lines;

/// How every line begins: that of a report.
const HEAD: &str = r#"{"schema":"ringfence.run/1""#;

/// A line: the run's report, with the task's name and the fingerprint of its line in the batch.
#[derive(Serialize)]
struct Written<'a> {
    #[serde(flatten)]
    report: &'a Report,
    id: &'a str,
    fingerprint: &'a str,
}

/// What of it says how far the batch has come.
#[derive(Deserialize)]
struct Finished {
    id: String,
    fingerprint: String,
    ok: bool,
    usage: Used,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Used {
    cost_usd: Option<f64>,
}

/// The file of results.
pub struct Results {
    lines: Lines,
    /// Whether each task of the batch that had finished before succeeded.
    pub finished: HashMap<String, bool>,
    /// What these have cost, US dollars.
    pub spent: f64,
    /// Whether every line is printed as well, because nobody named a file.
    printed: bool,
}

const HINT: &str = "name another file: --results FILE";

fn failed(path: &Path, error: &io::Error) -> Failure {
    Failure::usage(format!("the results cannot be written to {}", path.display()), HINT).because(error.to_string())
}

/// The real path of the results that were named `typed`, which are made where they are missing: whatever leads to them, one batch
/// goes into them at a time.
///
/// # Errors
/// Usage (2): they cannot be written, or are no file, or one of `others`, which are named.
pub fn locate(typed: &Path, others: &[(&Path, &str)]) -> Result<PathBuf, Failure> {
    let hint = "leave out --results: they are printed on standard output then";
    if typed == Path::new("-") {
        return Err(Failure::usage("--results takes a file, and `-` is none", hint));
    }
    if typed.metadata().is_ok_and(|there| !there.is_file()) {
        let message = format!("{} is not a regular file, and results are read when the batch goes on", typed.display());
        return Err(Failure::usage(message, hint));
    }
    let same =
        |other: &Path| matches!((typed.canonicalize(), other.canonicalize()), (Ok(one), Ok(other)) if one == other);
    if let Some((_, what)) = others.iter().find(|(other, _)| same(other) || *other == typed) {
        return Err(Failure::usage(format!("--results names {what} itself: {}", typed.display()), HINT));
    }
    Lines::open(typed, HEAD, None).map_err(|error| failed(typed, &error))?;
    typed.canonicalize().map_err(|error| failed(typed, &error))
}

impl Results {
    /// The results at `path` of the batch of `items`, where earlier ones may stand, also those of other batches.
    ///
    /// # Errors
    /// Usage (2): it cannot be written, or holds something else.
    pub fn open(path: &Path, printed: bool, items: &[Item]) -> Result<Self, Failure> {
        let failed = |error: io::Error| failed(path, &error);
        let lines = Lines::open(path, HEAD, None).map_err(failed)?;
        let ours: HashMap<&str, &Item> = items.iter().map(|item| (item.id.as_str(), item)).collect();
        let mut results = Results { lines, finished: HashMap::new(), spent: 0.0, printed };
        // Nothing is cut off before it is known what this file is.
        let (mut reader, mut line) = (BufReader::new(File::open(path).map_err(failed)?), Vec::new());
        loop {
            line.clear();
            // Half a line is a dead writer's, or `Lines` would not have opened the file.
            if reader.read_until(b'\n', &mut line).map_err(failed)? == 0 || !line.ends_with(b"\n") {
                break;
            }
            let Ok(found) = serde_json::from_slice::<Finished>(&line) else {
                let message = format!("{} holds something else than results of a batch", path.display());
                return Err(Failure::usage(message, HINT));
            };
            match ours.get(found.id.as_str()) {
                None => {}
                Some(item) if item.print == found.fingerprint => {
                    results.finished.insert(found.id, found.ok);
                    results.spent += found.usage.cost_usd.unwrap_or_default();
                }
                Some(item) => {
                    let Finished { id, fingerprint, .. } = found;
                    let message = format!(
                        "the id {id:?} has a result in {} already, for another task ({fingerprint}) than line {} of the batch ({})",
                        path.display(),
                        item.line,
                        item.print
                    );
                    return Err(Failure::usage(message, format!("give that line another id, or {HINT}")));
                }
            }
        }
        results.lines.mend().map_err(failed)?;
        Ok(results)
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
        let print = || {
            let mut out = io::stdout().lock();
            for line in BufReader::new(File::open(self.lines.path())?).split(b'\n') {
                let line = line?;
                // What stands there of lines that the batch has no more was printed then.
                let ours = |found: &Finished| self.finished.contains_key(&found.id);
                if serde_json::from_slice(&line).is_ok_and(|found| ours(&found)) {
                    io::Write::write_all(&mut out, &[&line[..], b"\n"].concat())?;
                }
            }
            io::Write::flush(&mut out)
        };
        print().map_err(|error| not_printed(&error))
    }

    /// Adds the result of the task `item`. When this returns it is on the disk, and the task has finished.
    ///
    /// # Errors
    /// Internal (70): it cannot be written, and the task has not finished. Interrupted: nobody reads our output any more.
    pub fn add(&self, item: &Item, report: &Report) -> Result<(), Failure> {
        let line =
            serde_json::to_vec(&Written { report, id: &item.id, fingerprint: &item.print }).map_err(io::Error::from);
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
