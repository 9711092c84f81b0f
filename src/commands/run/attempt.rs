//! An attempt: a plan carried out, and what came of it.

use anyhow::Result;

use super::attachments::{self, Attachment, Root};
use super::conclude::{Conclusion, conclude};
use super::live::{Live, Seen, end_of};
use super::place;
use super::plan::Plan;
use crate::agents::Usage;
use crate::config::HostRule;
use crate::egress::Knocks;
use crate::failure::{Class, Failure};
use crate::output::Printer;
use crate::runner::Outcome;

const DOOR_LOST: &str = "the sandbox's door was ended from outside: from then on the agent had no network, and what was denied is not known";
const NOT_ALL_LEARNT: &str = "more hosts were reached than the door tells apart (500), so the list of --learn is not whole: allow some of \
                              them by domain, such as --allow-host '*.example.com', and learn the rest";

/// How one attempt ended.
pub struct Attempt {
    /// The warm sandbox that it was in, if it was in one.
    pub sandbox: Option<String>,
    /// How it ended.
    pub conclusion: Conclusion,
    /// The agent's answer, where it is not on standard output already.
    pub answer: Vec<u8>,
    /// Whether the answer was longer than what is kept.
    pub truncated: bool,
    /// Whether the agent's output went to standard output as it came.
    pub shown: bool,
    /// Whether the agent was started, whatever is known of its end.
    pub started: bool,
    /// How much the agent wrote on its standard output, bytes.
    pub bytes: u64,
    /// The end of what the agent said.
    pub tail: String,
    /// The files that the answer names.
    pub attachments: Vec<Attachment>,
    /// The id under which the agent can resume.
    pub session: Option<String>,
}

/// What adds up from one attempt to the next.
#[derive(Default)]
pub struct Totals {
    /// What knocked at the sandbox's door.
    pub knocks: Knocks,
    /// With `--learn`, the hosts that would have had to be listed, in order.
    pub learnt: Option<Vec<HostRule>>,
    /// What was used.
    pub usage: Usage,
    /// What the caller should know, each of it once.
    pub warnings: Vec<String>,
}

impl Attempt {
    /// An attempt that failed before anything was started.
    pub fn failed(failure: Failure) -> Self {
        Attempt {
            sandbox: None,
            conclusion: Conclusion { failure: Some(failure), outcome: None },
            answer: Vec::new(),
            truncated: false,
            shown: false,
            started: false,
            bytes: 0,
            tail: String::new(),
            attachments: Vec::new(),
            session: None,
        }
    }
}

impl Totals {
    /// Adds those of a later attempt.
    pub fn add(&mut self, later: Totals) {
        self.knocks.extend(later.knocks);
        self.learnt = match (self.learnt.take(), later.learnt) {
            (Some(mut all), Some(more)) => {
                all.extend(more);
                all.sort_unstable();
                all.dedup();
                Some(all)
            }
            (one, other) => one.or(other),
        };
        self.usage = self.usage.and(later.usage);
        for warning in later.warnings {
            if !self.warnings.contains(&warning) {
                self.warnings.push(warning);
            }
        }
    }
}

impl Plan {
    /// Runs it.
    pub fn carry_out(mut self, printer: &Printer) -> (Attempt, Totals) {
        let mut live = Live::new(self.agent, &self.name.to_string(), self.output_limit, self.raw, printer);
        let result = self.run(&mut live);
        let Seen { mut reader, warnings, started, bytes, tail } = live.finish();
        let conclusion = conclude(result, reader.as_mut(), self.name, &self.limits, printer.secrets());
        let shown = (self.raw || self.agent.answers_raw()) && !printer.is_json();
        let taken = attachments::take(if shown { &[] } else { reader.answer() }, &self.roots);
        for warning in &taken.warnings {
            printer.warning(warning);
        }
        let tail = match (tail, taken.text.is_empty(), &conclusion.outcome) {
            (Some(tail), ..) if !tail.is_empty() => tail,
            (_, true, Some(outcome)) => end_of(outcome.stderr_tail.as_bytes(), printer.secrets()),
            _ => end_of(&taken.text, printer.secrets()),
        };
        let knocks = self.knocks(&conclusion);
        let learnt = self.policy.as_ref().filter(|_| self.learn).map(|policy| policy.missing(&knocks));
        let is_lost =
            self.policy.is_some() && conclusion.outcome.as_ref().is_some_and(|outcome| outcome.door.is_none());
        let mut known = Vec::new();
        for (holds, warning) in [(is_lost, DOOR_LOST), (self.learn && knocks.has_more(), NOT_ALL_LEARNT)] {
            if holds {
                printer.warning(warning);
                known.push(warning.to_owned());
            }
        }
        let attempt = Attempt {
            sandbox: self.sandbox,
            conclusion,
            answer: taken.text.into_owned(),
            truncated: reader.truncated(),
            shown,
            started,
            bytes,
            tail,
            attachments: taken.attachments,
            session: reader.session().map(str::to_owned),
        };
        let warnings = [self.warnings, warnings, taken.warnings, known].concat();
        (attempt, Totals { knocks, learnt, usage: reader.usage(), warnings })
    }

    /// Runs the agent where it is to run, or where it may run instead.
    fn run(&mut self, live: &mut Live<'_>) -> Result<Outcome> {
        let mut result = self.runner.run(&self.job, &self.limits, live);
        if let Some(instead) = self.instead.take() {
            let is_missing = result.as_ref().is_err_and(|error| Failure::is(error, Class::SandboxMissing));
            for warning in if is_missing { instead.warnings } else { instead.otherwise } {
                live.warn(warning);
            }
            if is_missing {
                // Nothing was started, so nothing happens twice.
                self.sandbox = None;
                result = instead.runner.run(&self.job, &self.limits, live);
            }
        }
        let outcome = result?;
        if let Some(inside) = &outcome.inside {
            // A sandbox that was made for a folder above has that one where this run's own container would have its workspace.
            self.roots.splice(..1, [Root { outside: self.workspace.path.clone(), inside: inside.into() }]);
        }
        let lacking = (!outcome.lacking.is_empty()).then(|| place::without("the engine", &outcome.lacking));
        for warning in lacking.into_iter().chain(outcome.warnings.iter().cloned()) {
            live.warn(warning);
        }
        Ok(outcome)
    }

    /// What knocked at the door.
    fn knocks(&self, conclusion: &Conclusion) -> Knocks {
        let outcome = conclusion.outcome.as_ref();
        let table = outcome.and_then(|outcome| outcome.door.as_deref()).unwrap_or_default();
        Knocks::read(table, outcome.map_or(0, |outcome| outcome.strays), self.sandbox.as_deref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_that_is_enough_is_enough_for_all_attempts() {
        let host = |name: &str| HostRule::parse(name).unwrap();
        let of = |hosts: &[&str]| Totals {
            learnt: Some(hosts.iter().map(|name| host(name)).collect()),
            warnings: vec!["as before".into()],
            ..Totals::default()
        };
        let mut totals = Totals::default();
        // What the first one fetched the second one has.
        totals.add(of(&["b.test", "c.test"]));
        totals.add(of(&["a.test", "b.test"]));
        assert_eq!(totals.learnt, Some(["a.test", "b.test", "c.test"].map(host).to_vec()));
        assert_eq!(totals.warnings, ["as before"]);
    }
}
