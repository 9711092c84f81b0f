//! Where the task comes from: an argument, a file or standard input, and never two of them.

use std::ffi::OsString;
use std::io::{self, IsTerminal, Read};
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::failure::Failure;

const HINT: &str = "type: ringfence run 'what to do', or ringfence run -f task.md, or pipe the task in";

/// The task's bytes.
pub fn read(text: Option<OsString>, file: Option<PathBuf>) -> Result<Vec<u8>> {
    let task = match (text, file) {
        (Some(_), Some(_)) => {
            return Err(Failure::usage("two tasks: an argument and --file", "give one of them").into());
        }
        (Some(text), None) if text == "-" => standard_input()?,
        (Some(text), None) => text.into_vec(),
        (None, Some(path)) if path == Path::new("-") => standard_input()?,
        (None, Some(path)) => from_file(&path)?,
        (None, None) if io::stdin().is_terminal() => return Err(Failure::usage("there is no task", HINT).into()),
        (None, None) => standard_input()?,
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

fn from_file(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).map_err(|error| {
        let message = format!("the task file {} cannot be read", path.display());
        Failure::usage(message, "check its path and permissions; `-` is standard input")
            .because(error.to_string())
            .into()
    })
}

fn standard_input() -> Result<Vec<u8>> {
    let mut task = Vec::new();
    io::stdin().lock().read_to_end(&mut task).context("reading the task from standard input")?;
    Ok(task)
}
