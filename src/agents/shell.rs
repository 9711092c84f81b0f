//! A plain shell script as the agent: the task is the script.

use super::{Agent, Ended, Event, Reader, Task, Usage, Verdict};
use crate::command::CommandSpec;
use crate::failure::Class;

/// `sh`, reading the task as its program.
pub struct Shell;

impl Agent for Shell {
    fn command(&self, task: &Task) -> CommandSpec {
        CommandSpec::new("sh").arg("/dev/fd/4").args(task.args.iter().cloned())
    }

    fn task_is_program(&self) -> bool {
        true
    }

    fn passes_stderr(&self) -> bool {
        true
    }

    fn answers_raw(&self) -> bool {
        true
    }

    fn variables(&self) -> &'static [&'static str] {
        &[]
    }

    fn hosts(&self) -> &'static [&'static str] {
        &[]
    }

    fn login_hint(&self) -> &'static str {
        ""
    }

    fn reader(&self, limit: usize) -> Box<dyn Reader> {
        Box::new(Output { kept: Vec::new(), limit, truncated: false })
    }
}

struct Output {
    kept: Vec<u8>,
    limit: usize,
    truncated: bool,
}

impl Reader for Output {
    fn read(&mut self, chunk: &[u8], _: &mut Vec<Event>) {
        let room = self.limit - self.kept.len();
        self.truncated |= chunk.len() > room;
        self.kept.extend_from_slice(&chunk[..chunk.len().min(room)]);
    }

    fn answer(&self) -> &[u8] {
        &self.kept
    }

    fn truncated(&self) -> bool {
        self.truncated
    }

    fn session(&self) -> Option<&str> {
        None
    }

    fn usage(&self) -> Usage {
        Usage::default()
    }

    fn verdict(&mut self, ended: Ended<'_>) -> Verdict {
        if ended.code == 0 {
            return Verdict::ok();
        }
        Verdict {
            class: Class::AgentFailed,
            message: format!("the script exited with {}", ended.code),
            retry_after: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_what_fits_and_says_when_it_did_not() {
        let mut reader = Shell.reader(4);
        reader.read(b"abc", &mut Vec::new());
        assert!(!reader.truncated());
        reader.read(b"def", &mut Vec::new());
        assert_eq!((reader.answer(), reader.truncated()), (b"abcd".as_slice(), true));
        assert_eq!(reader.verdict(Ended { code: 3, stderr: "" }).class, Class::AgentFailed);
    }
}
