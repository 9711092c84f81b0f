//! `token_command`: a command of the user's that prints a credential.

use std::time::Duration;

use anyhow::Result;

use crate::command::CommandSpec;
use crate::config::AgentName;
use crate::failure::{Class, Failure};

/// How long the command may take: a vault may ask its server, but nobody is there to answer a prompt.
const LIMIT: Duration = Duration::from_secs(20);

/// The longest token, bytes: a variable carries little more.
const LONGEST: usize = 64 * 1024;

/// What a command answered.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Whether it exited with 0.
    pub success: bool,
    /// Its standard output, whole.
    pub stdout: Vec<u8>,
    /// Its standard error.
    pub stderr: String,
}

/// Runs a command with no input; no answer where it took longer than the limit.
pub type Ask<'a> = &'a dyn Fn(&CommandSpec, Duration) -> Result<Option<Answer>>;

/// What a command printed, without the white space around it.
pub enum Printed {
    /// A token or a key.
    Token(String),
    /// The contents of a login file: a JSON object, as it begins.
    Login(String),
}

/// Asks the command for a credential.
///
/// # Errors
/// `auth_missing` (77), with the command's own last words; interrupted.
pub fn fetch(agent: AgentName, words: &[String], ask: Ask<'_>) -> Result<Printed, Failure> {
    let spec = CommandSpec::new(words.first().map_or("", String::as_str)).args(words.iter().skip(1));
    let fail = |what: String, why: &str| {
        let hint = format!("run it by hand: {spec}; it is set as agents.{agent}.token_command");
        Failure::new(Class::AuthMissing, format!("the token_command of {agent} {what}"), hint).because(why)
    };
    match ask(&spec, LIMIT) {
        Err(error) => Err(match error.downcast::<Failure>() {
            Ok(interrupted @ Failure { class: Class::Interrupted(_), .. }) => interrupted,
            Ok(failure) => fail("could not be started".into(), &failure.message),
            Err(error) => fail("could not be started".into(), &format!("{error:#}")),
        }),
        Ok(None) => Err(fail("did not end in time".into(), "")),
        Ok(Some(Answer { success: false, stderr, .. })) => Err(fail("failed".into(), last_line(&stderr))),
        Ok(Some(Answer { stdout, stderr, .. })) => match String::from_utf8(stdout).as_deref().map(str::trim) {
            Ok("") => Err(fail("printed nothing".into(), last_line(&stderr))),
            Ok(text) if text.contains('\0') => Err(fail("printed something that is not text".into(), "")),
            Ok(text) if text.starts_with('{') => Ok(Printed::Login(text.to_owned())),
            // No header could carry it, and an agent that cannot use it may print it.
            Ok(text) if text.contains(is_no_tokens) || text.len() > LONGEST => {
                Err(fail("printed something beside a token, or a text that is none".into(), ""))
            }
            Ok(text) => Ok(Printed::Token(text.to_owned())),
            Err(_) => Err(fail("printed something that is not text".into(), "")),
        },
    }
}

/// White space, the escapes of colours, and the mark with which some editors begin a file.
fn is_no_tokens(char: char) -> bool {
    char.is_whitespace() || char.is_control() || char == '\u{feff}'
}

fn last_line(text: &str) -> &str {
    text.trim_end().rsplit('\n').next().unwrap_or_default()
}
