//! What is done where this process is killed, so that it cannot do it itself: by a shell that waits for that.

use std::io::{self, PipeWriter, Write};

use anyhow::{Context, Result};

use super::Host;
use crate::command::CommandSpec;

/// Waits for a line on standard input, and does what its arguments say where none came. Twice, for what had only been on its way.
const WAIT: &str =
    r#"trap '' HUP INT QUIT TERM; IFS= read -r rf || { "$@" </dev/null; sleep 1; exec "$@" </dev/null; }"#;

/// A shell that does something should this process be killed, until it is released.
#[derive(Debug)]
pub struct Guard(PipeWriter);

impl Guard {
    /// There is nothing to be done any more.
    pub fn release(mut self) {
        // It may have been killed itself.
        let _ = self.0.write_all(b"\n");
    }
}

impl Host {
    /// Has `spec` done as soon as this process has gone without releasing the guard, by whatever means.
    ///
    /// # Errors
    /// Where the shell cannot be started.
    pub fn guard(&self, spec: &CommandSpec) -> Result<Guard> {
        let (stdin, ours) = io::pipe().context("making a pipe")?;
        let shell = CommandSpec::new("sh").args(["-c", WAIT, "sh"]).arg(&spec.program).args(spec.args.iter().cloned());
        let expression = self.expression(&shell)?.stdin_file(stdin).stdout_null().stderr_null();
        expression.start().context("starting a shell")?;
        Ok(Guard(ours))
    }
}
