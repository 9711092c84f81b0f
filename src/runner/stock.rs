//! That an engine has an image, where it would fetch one from a registry to run it: whose image that is nobody would have looked
//! at, and it would be handed the credentials.

use std::env::consts::ARCH;
use std::time::Duration;

use anyhow::Result;

use super::ask::{architecture, image_command};
use super::{Container, Host, apple};
use crate::command::CommandSpec;

/// How long the engine may take to say so.
const CALL: Duration = Duration::from_secs(60);

/// What is asked before `container` is made, where that has to be.
pub fn command(container: &Container) -> Option<CommandSpec> {
    container.engine.dialect.fetches.then(|| image_command(&container.engine, &container.image))
}

/// Looks that the image is there, made for this machine's processor: where it is not, the engine fetches it as well.
///
/// # Errors
/// `image_missing` (69), `invalid_image` (78) for another processor, and what else the engine's words mean.
pub fn look(host: &Host, container: &Container) -> Result<()> {
    let Some(command) = command(container) else { return Ok(()) };
    let refuse = |words: &str, status| Err(container.failure(words, status).into());
    match host.capture(&command, CALL)? {
        None => refuse(&format!("{} did not answer within {} s", container.engine, CALL.as_secs()), None),
        Some(answer) if !answer.status.success() => refuse(&answer.stderr, answer.status.code()),
        Some(answer) if apple::made_for(&answer.stdout, architecture(ARCH)) => Ok(()),
        Some(_) => refuse(&format!("exec format error: it is not made for {}", architecture(ARCH)), None),
    }
}
