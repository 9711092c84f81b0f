//! The container that keeps a warm sandbox's door: made before the sandbox, which then holds it, and removed with it.

use std::time::Duration;

use anyhow::Result;

use super::sidecar::without_perl;
use super::{Container, Door, Host};
use crate::command::CommandSpec;
use crate::failure::{Class, Failure};

/// How long the engine may take to make a container, and a door to open.
const UP: Duration = Duration::from_secs(60);

/// Waits until the door is there, as long as its container is.
const WAIT: &str = "until [ -S \"$1\" ]; do sleep 0.02 || sleep 1; done";

/// Makes the container for the door of a sandbox, if it is to have one, and waits until it is open. `made` names this making.
///
/// # Errors
/// What is made may then still be there, with that name in its label.
pub fn keep(host: &Host, container: &Container, made: &str) -> Result<()> {
    let Some(door) = &container.door else { return Ok(()) };
    let ask = |command: &CommandSpec| {
        let answer = host.capture(command, UP)?;
        let late = || Failure::new(Class::Engine, "the sandbox's door did not open in a minute", "try it again");
        anyhow::Ok(answer.ok_or_else(late)?)
    };
    let answer = ask(&door.keep_command(container, made))?;
    if !answer.status.success() {
        return Err(container.failure(&answer.stderr, answer.status.code()).into());
    }
    let wait = container.engine.command().args(["exec"]).arg(Door::name(made));
    if !ask(&wait.args(["sh", "-c", WAIT, "sh", door.inside.socket]))?.status.success() {
        // It did not stay up, and nothing else is known to keep it from that.
        return Err(without_perl(&container.image).into());
    }
    Ok(())
}

/// Removes it again, where the sandbox was not made.
pub fn forget(host: &Host, container: &Container, made: &str) {
    if container.door.is_some() {
        // After a signal, too.
        let host = host.undeterred();
        let command = container.engine.remove_command().arg(Door::name(made));
        let _ = host.capture(&command, UP);
    }
}
