//! The printer: answers and results on standard output, everything else on standard error.

use std::io::{self, IsTerminal, Write};

use anstream::{AutoStream, ColorChoice};
use anyhow::Result;
use owo_colors::{OwoColorize, Style};
use serde::Serialize;

use super::sanitize::{escape, one_line};
use super::{Guard, Passage, To};
use crate::failure::{Class, Failure};
use crate::redact::Secrets;

/// When to colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colors {
    /// Where the terminal can and `NO_COLOR` is not set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

impl From<Colors> for ColorChoice {
    fn from(colors: Colors) -> Self {
        match colors {
            Colors::Auto => ColorChoice::Auto,
            Colors::Always => ColorChoice::Always,
            Colors::Never => ColorChoice::Never,
        }
    }
}

/// What became of an answer. That nobody reads it any more is no error, and changes nothing about how the command ended.
fn told(written: io::Result<()>) -> Result<()> {
    match written {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            let hint = "make room where standard output goes, or send it elsewhere";
            let failure = Failure::new(Class::Internal, "standard output cannot be written to", hint);
            Err(failure.because(error.to_string()).into())
        }
        _ => Ok(()),
    }
}

/// What standard output is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// An answer for people.
    Text,
    /// Exactly one JSON object.
    Object,
    /// A stream of events, of which the one JSON object is the last.
    Events,
    /// Somebody else's: this is one of many runs.
    Apart,
}

/// How much people are told on standard error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Talk {
    /// Errors alone.
    Quiet,
    /// Progress and warnings as well.
    Usual,
    /// Each step and each external command as well.
    Verbose,
}

/// Writes for people, or, in JSON mode, exactly one object for programs.
#[derive(Debug)]
pub struct Printer {
    form: Form,
    talk: Talk,
    colors: ColorChoice,
    secrets: Secrets,
}

impl Printer {
    /// A printer as the global options ask for.
    pub fn new(form: Form, talk: Talk, colors: Colors) -> Self {
        Printer { form, talk, colors: colors.into(), secrets: Secrets::default() }
    }

    /// A printer for one of many runs at once: it keeps answers and remarks to itself, and its run's report has them.
    pub fn of_one_among_many(&self) -> Self {
        Printer { form: Form::Apart, talk: Talk::Quiet, colors: self.colors, secrets: self.secrets.clone() }
    }

    /// What never appears in a remark, a warning or an error.
    pub fn secrets(&self) -> &Secrets {
        &self.secrets
    }

    /// `text` as people may see it: in one line, for a name in it may hold the end of one and what looks like an error behind it.
    fn safe(&self, text: &str) -> String {
        one_line(&self.secrets.redact(text))
    }

    /// Whether the answer is one JSON object.
    pub fn is_json(&self) -> bool {
        self.form != Form::Text
    }

    /// Whether events are printed as they come.
    pub fn has_events(&self) -> bool {
        self.form == Form::Events
    }

    /// Whether a run has to end when nobody reads standard output any more.
    pub fn needs_reader(&self) -> bool {
        self.form != Form::Apart
    }

    /// Whether external commands and steps are shown.
    pub fn is_verbose(&self) -> bool {
        self.talk == Talk::Verbose
    }

    /// Whether nobody wants progress and warnings.
    pub fn is_quiet(&self) -> bool {
        self.talk == Talk::Quiet
    }

    /// Whether a live status line may be drawn: standard error is a terminal that can, and nobody asked for silence.
    pub fn is_live(&self) -> bool {
        let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let can = set("TERM") && std::env::var_os("TERM").is_some_and(|term| term != "dumb");
        // Events on the same terminal would run into the line.
        let alone = !self.has_events() || !io::stdout().is_terminal();
        !self.is_quiet() && alone && can && io::stderr().is_terminal() && !set("CI")
    }

    /// Standard output, with styles taken out where they are not wanted.
    pub fn out(&self) -> AutoStream<io::StdoutLock<'static>> {
        AutoStream::new(io::stdout().lock(), self.colors)
    }

    fn err(&self) -> AutoStream<io::StderrLock<'static>> {
        AutoStream::new(io::stderr().lock(), self.colors)
    }

    /// A line of the answer.
    pub fn line(&self, text: &str) -> Result<()> {
        told(writeln!(self.out(), "{text}"))
    }

    /// The one JSON object, on one line.
    pub fn json(&self, value: &impl Serialize) -> Result<()> {
        told(self.object(value))
    }

    fn object(&self, value: &impl Serialize) -> io::Result<()> {
        let mut out = io::BufWriter::new(io::stdout().lock());
        if io::stdout().is_terminal() {
            out.write_all(escape(&serde_json::to_string(value)?).as_bytes())?;
        } else {
            serde_json::to_writer(&mut out, value)?;
        }
        out.write_all(b"\n")?;
        out.flush()
    }

    /// A line for the event `kind` with its `fields`, where events are printed.
    pub fn event(&self, kind: &'static str, fields: &impl Serialize) -> io::Result<()> {
        #[derive(Serialize)]
        struct Line<'a, F> {
            r#type: &'static str,
            timestamp: String,
            #[serde(flatten)]
            fields: &'a F,
        }
        if !self.has_events() {
            return Ok(());
        }
        let line = Line { r#type: kind, timestamp: format!("{:.3}", jiff::Timestamp::now()), fields };
        self.object(&line)
    }

    /// A whole text: as it is into a pipe, without control characters onto a terminal.
    pub fn answer(&self, bytes: &[u8]) -> Result<()> {
        let mut passage = Passage::new(To::Out, Guard::Pictures);
        told(passage.write(bytes).and_then(|()| passage.finish()))
    }

    /// A remark of one line for people, unless they asked for silence.
    pub fn note(&self, text: &str) {
        if !self.is_quiet() {
            let _ = writeln!(self.err(), "{}", self.safe(text));
        }
    }

    /// A remark that holds styles of our own, which are taken out where they are not wanted.
    pub fn note_styled(&self, text: &str) {
        if !self.is_quiet() {
            let _ = writeln!(self.err(), "{text}");
        }
    }

    /// A warning of one line, unless people asked for silence.
    pub fn warning(&self, text: &str) {
        // A reader that has gone away is noticed by what the run itself writes.
        let _ = self.event("warning", &serde_json::json!({ "message": self.secrets.redact(text) }));
        if !self.is_quiet() {
            let _ = writeln!(self.err(), "{} {}", "warning:".style(Style::new().yellow().bold()), self.safe(text));
        }
    }

    /// An error, in three lines; in JSON mode the one object, unless the command printed its own.
    pub fn failure(&self, failure: &Failure) {
        let mut err = self.err();
        let _ = writeln!(err, "{} {}", "error:".style(Style::new().red().bold()), self.safe(&failure.message));
        if let Some(cause) = &failure.cause {
            let _ = writeln!(err, "{} {}", "caused by:".style(Style::new().bold()), self.safe(cause));
        }
        let _ = writeln!(err, "{} {}", "hint:".style(Style::new().green().bold()), self.safe(&failure.hint));
    }

    /// The one JSON object of a command that failed before it had anything else to say.
    pub fn failure_json(&self, failure: &Failure) -> Result<()> {
        let mut object = serde_json::json!({
            "ok": false,
            "class": failure.class,
            "retryable": failure.class.retryable(),
            "message": self.secrets.redact(&failure.message),
            "cause": failure.cause.as_deref().map(|cause| self.secrets.redact(cause)),
            "hint": self.secrets.redact(&failure.hint),
        });
        if self.has_events() {
            object["type"] = "result".into();
        }
        self.json(&object)
    }
}
