//! The command line.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::io;
use std::path::PathBuf;

/// What `main.rs` describes.
pub struct Options {
    pub listen: String,
    pub port_file: Option<PathBuf>,
    pub script: Option<PathBuf>,
    pub log: Option<PathBuf>,
    pub until_eof: bool,
    pub status: Option<String>,
    pub fail_first: Option<u32>,
    pub retry_after: Option<u64>,
    pub tokens: Vec<String>,
}

impl Options {
    /// Reads the arguments, the program's name left off.
    pub fn parse(args: Vec<OsString>) -> io::Result<Self> {
        let mut options = Self {
            listen: "127.0.0.1:0".to_owned(),
            port_file: None,
            script: None,
            log: None,
            until_eof: false,
            status: None,
            fail_first: None,
            retry_after: None,
            tokens: Vec::new(),
        };
        let mut args = VecDeque::from(args);
        while let Some(flag) = args.pop_front() {
            let flag = flag.to_string_lossy().into_owned();
            if flag == "--until-eof" {
                options.until_eof = true;
                continue;
            }
            let mut value = || args.pop_front().ok_or_else(|| usage(&format!("{flag} needs a value")));
            match flag.as_str() {
                "--listen" => options.listen = text(value()?)?,
                "--port-file" => options.port_file = Some(value()?.into()),
                "--script" => options.script = Some(value()?.into()),
                "--log" => options.log = Some(value()?.into()),
                "--status" => options.status = Some(text(value()?)?),
                "--fail-first" => options.fail_first = Some(number(value()?)?),
                "--retry-after" => options.retry_after = Some(number(value()?)?),
                "--require-token" => options.tokens.push(text(value()?)?),
                _ => return Err(usage(&format!("unknown argument {flag}"))),
            }
        }
        Ok(options)
    }
}

fn usage(message: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, message)
}

fn text(value: OsString) -> io::Result<String> {
    value.into_string().map_err(|value| usage(&format!("not UTF-8: {}", value.display())))
}

fn number<N: std::str::FromStr>(value: OsString) -> io::Result<N> {
    let value = text(value)?;
    value.parse().map_err(|_| usage(&format!("not a number: {value}")))
}
