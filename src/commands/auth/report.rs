//! What `auth check` found: one object for programs, a line a rung for people.

use anyhow::Result;
use owo_colors::Style;
use serde::Serialize;

use super::ladder::RUNGS;
use crate::config::AgentName;
use crate::failure::{Class, Failure};
use crate::output::{Cell, Printer, Table, one_line};
use crate::runner;

/// One step of the ladder.
#[derive(Serialize)]
pub struct Rung {
    /// Its name.
    #[serde(rename = "rung")]
    pub name: &'static str,
    /// Whether it holds; absent where it was not reached or cannot be told.
    pub ok: Option<bool>,
    /// What was seen.
    pub detail: String,
    /// How long it took, milliseconds.
    pub ms: u64,
}

/// `ringfence.auth/1`. The field names are part of the contract.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    pub(super) schema: &'static str,
    /// Whether the agent can be started there; absent where nothing was started.
    pub(super) available: Option<bool>,
    /// Whether it is logged in. What is not known never reads as true.
    pub(super) authenticated: bool,
    pub(super) checked_at: String,
    /// `host` or `sandbox`; absent where the configuration did not get that far.
    pub(super) execution_environment: Option<&'static str>,
    pub(super) message: String,
    pub(super) code: &'static str,
    pub(super) agent: AgentName,
    pub(super) source: Option<String>,
    pub(super) shadowed: Vec<String>,
    pub(super) expires_at: Option<String>,
    pub(super) rungs: Vec<Rung>,
    pub(super) hint: Option<String>,
    /// As in every command's object, where it is not logged in.
    #[serde(flatten)]
    pub(super) failed: Option<Failed>,
}

/// What every object of a command that fails has.
#[derive(Serialize)]
pub struct Failed {
    ok: bool,
    class: Class,
}

impl Failed {
    /// The fields for `class`; none where that is no failure.
    pub fn of(class: Class) -> Option<Self> {
        (class != Class::Ok).then_some(Failed { ok: false, class })
    }
}

/// The name of the form.
pub(super) const SCHEMA: &str = "ringfence.auth/1";

/// The code of what cannot be told.
pub(super) const UNKNOWN: &str = "unknown";

/// The code of `class`: its name where the contract of `auth check` has it, else `unknown`.
pub fn code(class: Class) -> &'static str {
    match class {
        Class::Ok
        | Class::DaemonUnreachable
        | Class::DaemonPermission
        | Class::ImageMissing
        | Class::InvalidImage
        | Class::CliMissing
        | Class::AuthMissing
        | Class::AuthExpired
        | Class::AuthRejected
        | Class::QuotaExhausted
        | Class::RateLimited
        | Class::Network
        | Class::Timeout => class.name(),
        Class::IdleTimeout => Class::Timeout.name(),
        _ => UNKNOWN,
    }
}

impl Report {
    /// The report of a check that could not begin.
    pub fn unstarted(agent: AgentName, environment: Option<&'static str>, failure: &Failure) -> Self {
        let rung = |name| Rung { name, ok: None, detail: "not reached".into(), ms: 0 };
        Report {
            schema: SCHEMA,
            available: None,
            authenticated: false,
            checked_at: runner::now_rfc3339(),
            execution_environment: environment,
            message: failure.message.clone(),
            code: code(failure.class),
            agent,
            source: None,
            shadowed: Vec::new(),
            expires_at: None,
            rungs: RUNGS.map(rung).into(),
            hint: Some(failure.hint.clone()),
            failed: Failed::of(failure.class),
        }
    }

    /// Whether it cannot be told, with the failure that a run might have; nothing where it is logged in.
    pub fn trouble(&self, class: Class) -> Option<(bool, Failure)> {
        let hint = self.hint.clone().unwrap_or_default();
        (class != Class::Ok)
            .then(|| (self.code == UNKNOWN && class == Class::AuthMissing, Failure::new(class, &self.message, hint)))
    }

    /// What is worth doing although it is logged in.
    pub fn advice(&self) -> Option<(&str, &str)> {
        let late = self.rungs.iter().find(|rung| rung.ok == Some(false))?;
        Some((&late.detail, self.hint.as_deref()?))
    }

    /// Says that the check was not made where it was asked for.
    pub fn elsewhere(&mut self, why: &str) {
        self.message = format!("{} ({why})", self.message);
    }

    /// What it came to, in a line.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Prints it.
    ///
    /// # Errors
    /// A closed standard output.
    pub fn print(&self, printer: &Printer) -> Result<()> {
        if printer.is_json() {
            return printer.json(self);
        }
        let mut table = Table::new(&["RUNG", "", "WHAT WAS SEEN"]);
        for rung in &self.rungs {
            let (word, style) = match rung.ok {
                Some(true) => ("ok", Style::new().green()),
                Some(false) => ("no", Style::new().red()),
                None => ("-", Style::new().dimmed()),
            };
            table.row([Cell::from(rung.name), Cell::styled(word, style), Cell::from(&rung.detail)]);
        }
        for line in table.lines() {
            printer.line(&line)?;
        }
        printer.line("")?;
        printer.line(&one_line(&format!("{}: {}", self.code, self.message)))?;
        if let Some(hint) = &self.hint {
            printer.line(&format!("hint: {}", one_line(hint)))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_word_of_the_contract_is_unknown() {
        assert_eq!(code(Class::Ok), "ok");
        for known in [Class::AuthRejected, Class::QuotaExhausted, Class::RateLimited, Class::Network] {
            assert_eq!(code(known), known.name());
        }
        assert_eq!(code(Class::IdleTimeout), "timeout");
        for other in [Class::Overloaded, Class::Engine, Class::AgentFailed, Class::Oom, Class::Internal] {
            assert_eq!(code(other), UNKNOWN);
        }
    }
}
