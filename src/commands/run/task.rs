//! Where the task comes from: an argument, a file or standard input, and never two of them.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, IsTerminal, Read};
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::failure::{Class, Failure};
use crate::runner::Interrupts;

const HINT: &str = "type: ringfence run 'what to do', or ringfence run -f task.md, or pipe the task in";

/// How often a signal is looked for while the task is read.
const TICK: Duration = Duration::from_millis(50);

/// The task's bytes.
///
/// # Errors
/// Usage (2) for none, two, an empty or a binary one, or a file that cannot be read; interrupted.
pub fn read(text: Option<OsString>, file: Option<PathBuf>, interrupts: &Interrupts) -> Result<Vec<u8>> {
    let task = match (text, file) {
        (Some(_), Some(_)) => {
            return Err(Failure::usage("two tasks: an argument and --file", "give one of them").into());
        }
        (Some(text), None) if text == "-" => standard_input(interrupts)?,
        (Some(text), None) => text.into_vec(),
        (None, Some(path)) if path == Path::new("-") => standard_input(interrupts)?,
        (None, Some(path)) => from_file(&path, interrupts)?,
        (None, None) if io::stdin().is_terminal() => return Err(Failure::usage("there is no task", HINT).into()),
        (None, None) => standard_input(interrupts)?,
    };
    if task.iter().all(u8::is_ascii_whitespace) {
        return Err(Failure::usage("the task is empty", HINT).into());
    }
    if let Some(at) = task.iter().position(|&byte| byte == 0) {
        let message = format!("the task has a NUL byte (at offset {at}): it is not text");
        return Err(Failure::usage(message, "give a text; refer to a binary file by its path instead").into());
    }
    Ok(task)
}

fn from_file(path: &Path, interrupts: &Interrupts) -> Result<Vec<u8>> {
    let unreadable = |error: io::Error| {
        let message = format!("the task file {} cannot be read", path.display());
        Failure::usage(message, "check its path and permissions; `-` is standard input").because(error.to_string())
    };
    Ok(whole(File::open(path).map_err(unreadable)?, interrupts)?.map_err(unreadable)?)
}

fn standard_input(interrupts: &Interrupts) -> Result<Vec<u8>> {
    whole(io::stdin(), interrupts)?.context("reading the task from standard input")
}

/// All that `source` has, read in a thread of its own: nobody may ever write to a pipe or a terminal, and a signal ends the wait.
fn whole(mut source: impl Read + Send + 'static, interrupts: &Interrupts) -> Result<io::Result<Vec<u8>>, Failure> {
    let (sender, done) = channel();
    thread::spawn(move || {
        let mut task = Vec::new();
        let result = source.read_to_end(&mut task).map(|_| task);
        let _ = sender.send(result);
    });
    loop {
        match done.recv_timeout(TICK) {
            Ok(result) => return Ok(result),
            Err(RecvTimeoutError::Disconnected) => return Ok(Err(io::ErrorKind::UnexpectedEof.into())),
            Err(RecvTimeoutError::Timeout) if interrupts.count() > 0 => {
                let class = Class::Interrupted(interrupts.signal());
                return Err(Failure::new(class, "interrupted while the task was read", HINT));
            }
            Err(RecvTimeoutError::Timeout) => {}
        }
    }
}
