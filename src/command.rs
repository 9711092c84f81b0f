//! An external command as a value: built by pure code, shown in `--dry-run` and `-v`, started only by `runner`.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::PathBuf;

/// A program with its arguments, environment additions and working directory.
///
/// `Display` gives a line that a shell would take, with the names of the environment additions but never their values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandSpec {
    /// A name to be looked up on `PATH`, or a path.
    pub program: OsString,
    /// The arguments, without the program.
    pub args: Vec<OsString>,
    /// Variables set in addition to the inherited ones.
    pub env: Vec<(String, OsString)>,
    /// The working directory; the caller's where absent.
    pub cwd: Option<PathBuf>,
}

impl CommandSpec {
    /// `program` without arguments.
    pub fn new(program: impl Into<OsString>) -> Self {
        CommandSpec { program: program.into(), args: Vec::new(), env: Vec::new(), cwd: None }
    }

    /// Adds one argument.
    #[must_use]
    pub fn arg(mut self, arg: impl Into<OsString>) -> Self {
        self.args.push(arg.into());
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<A: Into<OsString>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// Adds an option and its value as two arguments.
    #[must_use]
    pub fn option(self, name: &str, value: impl Into<OsString>) -> Self {
        self.arg(name).arg(value)
    }

    /// Sets a variable for the command.
    #[must_use]
    pub fn env(mut self, name: impl Into<String>, value: impl Into<OsString>) -> Self {
        self.env.push((name.into(), value.into()));
        self
    }

    /// As `Display`, each word made `safe` first: quotes would hide what is to be found in it.
    pub fn shown(&self, safe: impl Fn(&str) -> String) -> String {
        let names = self.env.iter().map(|(name, _)| format!("{name}=…"));
        let words = [&self.program].into_iter().chain(&self.args);
        let words = words.map(|word| shell_word(safe(&word.to_string_lossy()).as_ref()));
        names.chain(words).collect::<Vec<_>>().join(" ")
    }
}

impl fmt::Display for CommandSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown(str::to_owned))
    }
}

/// `word` as a shell would have to be given it: bare where that is safe, else in single quotes; where it holds control
/// characters, on which a terminal would act, in the `$'…'` that bash, zsh and ksh read.
pub fn shell_word(word: &OsStr) -> String {
    let text = word.to_string_lossy();
    let bare = |c: char| c.is_ascii_alphanumeric() || "@%+=:,./_-".contains(c);
    if !text.is_empty() && text.chars().all(bare) {
        return text.into_owned();
    }
    if !text.chars().any(|c| c.is_control() && c != '\n' && c != '\t') {
        return format!("'{}'", text.replace('\'', r"'\''"));
    }
    let escaped = text.chars().map(|c| match c {
        '\'' | '\\' => format!("\\{c}"),
        c if c.is_control() => format!("\\u{:04x}", u32::from(c)),
        c => c.to_string(),
    });
    format!("$'{}'", escaped.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn display_quotes_for_a_shell_and_hides_values() {
        let spec = CommandSpec::new("docker").args(["run", "it's", "", "a b", "x=y"]).env("API_KEY", "secret");
        assert_eq!(spec.to_string(), r"API_KEY=… docker run 'it'\''s' '' 'a b' x=y");
        let safe = |word: &str| word.replace("it's", "[redacted]");
        assert_eq!(spec.shown(safe), "API_KEY=… docker run '[redacted]' '' 'a b' x=y");
        assert_eq!(shell_word("a\x1b[2J'\\".as_ref()), r"$'a\u001b[2J\'\\'");
    }
}
