//! A check: what was looked at, what was seen, and, where that is not as it should be, what to type.

use std::io::{self, IsTerminal};
use std::time::Duration;

use anyhow::Result;
use owo_colors::{OwoColorize, Style};
use serde::{Serialize, Serializer};

use crate::config::Mode;
use crate::failure::{Class, Failure};
use crate::output::{Printer, one_line};
use crate::redact::Secrets;

/// One check. Only [`Check::warn`] and [`Check::fail`] make one that is not well, and neither does without a fix.
#[derive(Clone, Debug)]
pub struct Check {
    id: String,
    standing: Standing,
    fact: String,
    took: Duration,
}

#[derive(Clone, Debug)]
enum Standing {
    Ok,
    Skip,
    Warn { fix: String },
    Fail { class: Class, fix: String },
}

impl Check {
    fn new(id: impl Into<String>, standing: Standing, fact: impl Into<String>) -> Self {
        Check { id: id.into(), standing, fact: fact.into(), took: Duration::ZERO }
    }

    /// It is as it should be.
    pub fn ok(id: impl Into<String>, fact: impl Into<String>) -> Self {
        Check::new(id, Standing::Ok, fact)
    }

    /// It was not looked at, for this reason.
    pub fn skip(id: impl Into<String>, reason: impl Into<String>) -> Self {
        Check::new(id, Standing::Skip, reason)
    }

    /// Runs work, but not all that the caller may count on.
    pub fn warn(id: impl Into<String>, fact: impl Into<String>, fix: impl Into<String>) -> Self {
        Check::new(id, Standing::Warn { fix: fix.into() }, fact)
    }

    /// Runs fail, in this way.
    pub fn fail(id: impl Into<String>, failure: &Failure) -> Self {
        let fact = match &failure.cause {
            Some(cause) => format!("{} ({cause})", failure.message),
            None => failure.message.clone(),
        };
        Check::new(id, Standing::Fail { class: failure.class, fix: failure.hint.clone() }, fact)
    }

    /// The same after that time.
    pub fn took(self, took: Duration) -> Self {
        Check { took, ..self }
    }

    /// The same under a name of its own, where there is another of this one.
    pub fn below(self, name: &str) -> Self {
        Check { id: format!("{name}.{}", self.id), ..self }
    }

    /// Its name.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Whether runs fail.
    pub fn failed(&self) -> bool {
        matches!(self.standing, Standing::Fail { .. })
    }

    fn status(&self) -> &'static str {
        match self.standing {
            Standing::Ok => "ok",
            Standing::Skip => "skip",
            Standing::Warn { .. } => "warn",
            Standing::Fail { .. } => "fail",
        }
    }

    fn fix(&self) -> Option<&str> {
        match &self.standing {
            Standing::Ok | Standing::Skip => None,
            Standing::Warn { fix } | Standing::Fail { fix, .. } => Some(fix),
        }
    }

    fn millis(&self) -> u64 {
        u64::try_from(self.took.as_millis()).unwrap_or(u64::MAX)
    }

    /// The same without secrets, and in one line.
    fn safe(self, secrets: &Secrets) -> Self {
        let safe = |text: &str| secrets.redact(text).split_whitespace().collect::<Vec<_>>().join(" ");
        let standing = match self.standing {
            Standing::Warn { fix } => Standing::Warn { fix: safe(&fix) },
            Standing::Fail { class, fix } => Standing::Fail { class, fix: safe(&fix) },
            well => well,
        };
        Check { standing, fact: safe(&self.fact), ..self }
    }
}

impl Serialize for Check {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Row<'c> {
            id: &'c str,
            status: &'c str,
            fact: &'c str,
            fix: Option<&'c str>,
            ms: u64,
        }
        let row = Row { id: &self.id, status: self.status(), fact: &self.fact, fix: self.fix(), ms: self.millis() };
        row.serialize(serializer)
    }
}

/// All checks, in the order in which they are shown.
pub struct Report {
    mode: Option<Mode>,
    checks: Vec<Check>,
}

/// `ringfence.doctor/1`. The last three stand in it where something fails, as in every command's object.
#[derive(Serialize)]
struct Json<'r> {
    schema: &'static str,
    ok: bool,
    mode: Option<Mode>,
    checks: &'r [Check],
    #[serde(skip_serializing_if = "Option::is_none")]
    class: Option<Class>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'r str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'r str>,
}

impl Report {
    /// The report on `mode`, which is absent where the configuration did not get that far.
    pub fn new(mode: Option<Mode>, checks: Vec<Check>, secrets: &Secrets) -> Self {
        Report { mode, checks: checks.into_iter().map(|check| check.safe(secrets)).collect() }
    }

    fn failure(&self) -> Option<(Class, &Check)> {
        self.checks.iter().find_map(|check| match check.standing {
            Standing::Fail { class, .. } => Some((class, check)),
            _ => None,
        })
    }

    /// The class of the first check that failed.
    pub fn class(&self) -> Class {
        self.failure().map_or(Class::Ok, |(class, _)| class)
    }

    /// Prints it: one object, or a line per check. On a terminal the fix has a line of its own.
    ///
    /// # Errors
    /// A closed standard output.
    pub fn print(&self, printer: &Printer) -> Result<()> {
        let first = self.failure();
        if printer.is_json() {
            return printer.json(&Json {
                schema: "ringfence.doctor/1",
                ok: first.is_none(),
                mode: self.mode,
                checks: &self.checks,
                class: first.map(|(class, _)| class),
                message: first.map(|(_, check)| check.fact.as_str()),
                hint: first.and_then(|(_, check)| check.fix()),
            });
        }
        for line in self.lines(io::stdout().is_terminal()) {
            printer.line(&line)?;
        }
        printer.note(&self.summary());
        Ok(())
    }

    fn lines(&self, apart: bool) -> Vec<String> {
        let width = self.checks.iter().map(|check| check.id.chars().count()).max().unwrap_or_default();
        let line = |check: &Check| {
            let (id, fact) = (one_line(&check.id), one_line(&check.fact));
            let style = match check.standing {
                Standing::Ok => Style::new().green(),
                Standing::Skip => Style::new().dimmed(),
                Standing::Warn { .. } => Style::new().yellow().bold(),
                Standing::Fail { .. } => Style::new().red().bold(),
            };
            let status = format!("{:<4}", check.status());
            let head = format!("{}  {id:<width$}  {:>6} ms  ", status.style(style), check.millis());
            match check.fix().map(one_line) {
                None => format!("{head}{fact}"),
                Some(fix) if apart => format!("{head}{fact}\n{:width$}fix: {fix}", "", width = width + 19),
                Some(fix) => format!("{head}{fact}; fix: {fix}"),
            }
        };
        self.checks.iter().map(line).collect()
    }

    fn summary(&self) -> String {
        let count = |status: &str| self.checks.iter().filter(|check| check.status() == status).count();
        let (fail, warn) = (count("fail"), count("warn"));
        let warned = match warn {
            0 => String::new(),
            1 => ", 1 warning".to_owned(),
            _ => format!(", {warn} warnings"),
        };
        match self.failure() {
            None => format!("nothing fails{warned}"),
            Some((class, check)) => {
                format!(
                    "{fail} of {} checks failed{warned}; the first: {} ({})",
                    self.checks.len(),
                    check.id,
                    class.name()
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_renderings_say_the_same_and_the_first_failure_decides() {
        let secrets = Secrets::default();
        secrets.add("hunter22");
        let failure = Failure::new(Class::ImageMissing, "no image", "build it").because("two\nlines");
        let checks = vec![
            Check::ok("one", "well").took(Duration::from_millis(7)),
            Check::warn("second", "hunter22 is short", "a longer one"),
            Check::fail("third", &failure),
            Check::fail("fourth", &Failure::config("wrong", "right")),
            Check::skip("fifth", "no time"),
        ];
        let report = Report::new(Some(Mode::Docker), checks, &secrets);
        assert_eq!(report.class(), Class::ImageMissing);
        let plain: Vec<_> =
            report.lines(false).iter().map(|line| anstream::adapter::strip_str(line).to_string()).collect();
        assert_eq!(
            plain,
            [
                "ok    one          7 ms  well",
                "warn  second       0 ms  [redacted] is short; fix: a longer one",
                "fail  third        0 ms  no image (two; lines); fix: build it",
                "fail  fourth       0 ms  wrong; fix: right",
                "skip  fifth        0 ms  no time",
            ]
        );
        let json = serde_json::to_value(&report.checks[2]).unwrap();
        let row = serde_json::json!({"id": "third", "status": "fail", "fact": "no image (two; lines)", "fix": "build it", "ms": 0});
        assert_eq!(json, row);
        assert_eq!(report.summary(), "2 of 5 checks failed, 1 warning; the first: third (image_missing)");
        let apart = anstream::adapter::strip_str(&report.lines(true)[2]).to_string();
        assert_eq!(apart, "fail  third        0 ms  no image (two; lines)\n                         fix: build it");
    }
}
