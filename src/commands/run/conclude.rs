//! What a run came to: our own knowledge first, then the runner's, then the agent's word.

use std::time::Duration;

use anyhow::Result;
use signal_hook::consts::SIGPIPE;
use signal_hook::low_level;

use super::live::REMARK;
use crate::agents::{self, Ended, Reader};
use crate::config::{AgentName, duration_text};
use crate::failure::{Class, Failure};
use crate::redact::Secrets;
use crate::runner::{End, Limits, Outcome};

/// How a run ended, with what the agent itself returned.
pub struct Conclusion {
    /// Nothing where it succeeded.
    pub failure: Option<Failure>,
    /// What was seen of the agent, where it was started.
    pub outcome: Option<Outcome>,
}

/// Judges a run.
pub fn conclude(
    result: Result<Outcome>,
    reader: &mut dyn Reader,
    agent: AgentName,
    limits: &Limits,
    secrets: &Secrets,
) -> Conclusion {
    match result {
        Err(error) => Conclusion { failure: Some(Failure::of(&error)), outcome: None },
        Ok(outcome) => Conclusion { failure: judge(&outcome, reader, agent, limits, secrets), outcome: Some(outcome) },
    }
}

fn judge(
    outcome: &Outcome,
    reader: &mut dyn Reader,
    agent: AgentName,
    limits: &Limits,
    secrets: &Secrets,
) -> Option<Failure> {
    let code = match own_code(outcome, agent, limits) {
        Ok(code) => code,
        Err(failure) => return Some(failure),
    };
    if outcome.oom && code != 0 {
        let hint = "give it more: --memory 8g, or ringfence sandbox set sandbox.memory 8g";
        return Some(Failure::new(
            Class::Oom,
            format!("{agent} ran out of memory: the sandbox's limit was reached"),
            hint,
        ));
    }
    let verdict = reader.verdict(Ended { code, stderr: &outcome.stderr_tail });
    if verdict.class == Class::Ok {
        return None;
    }
    let message = secrets.shortened(&verdict.message, REMARK);
    let mut failure = Failure::new(verdict.class, message, hint(verdict.class, agent));
    if let (Class::AgentFailed, End::Signaled(signal)) = (verdict.class, outcome.end) {
        failure.message = format!("{agent} exited with {code}, as after {}", signal_name(signal));
    }
    failure.retry_after = verdict.retry_after;
    // Elsewhere the verdict has its own words, and standard error is the agent's log.
    if failure.class == Class::AgentFailed && !agents::agent(agent).passes_stderr() {
        failure = failure.because(last_lines(&secrets.redact(&outcome.stderr_tail)));
    }
    Some(failure)
}

/// The agent's exit code, 128 + n for a signal.
///
/// # Errors
/// We ended it, so that its code says nothing: why.
fn own_code(outcome: &Outcome, agent: AgentName, limits: &Limits) -> Result<i32, Failure> {
    let time = |limit: Option<Duration>| limit.map(duration_text).unwrap_or_default();
    Err(match outcome.end {
        End::Decided => return Ok(outcome.agent_code.unwrap_or(1)),
        End::Signaled(signal) => return Ok(128 + signal),
        End::Exited(code) => return Ok(code),
        End::TimedOut => {
            let message = format!("{agent} was ended: it reached the timeout of {}", time(limits.timeout));
            let hint = "give it longer: --timeout 1h, or ringfence sandbox set run.timeout 1h";
            Failure::new(Class::Timeout, message, hint)
        }
        End::IdleTimedOut => {
            let message = format!("{agent} was ended: it was silent for {}", time(limits.idle_timeout));
            let hint = "allow a longer silence: --idle-timeout 30m, or ringfence sandbox set run.idle_timeout 30m";
            Failure::new(Class::IdleTimeout, message, hint)
        }
        End::Cancelled(signal) => Failure::interrupted(signal, format!("{agent} was ended: {}", signal_text(signal))),
        End::Unwritable(kind) => {
            let hint = "make room where standard output goes, or send it elsewhere";
            let message = format!("{agent} was ended: its output could not be written to standard output");
            Failure::new(Class::Internal, message, hint).because(kind.to_string())
        }
    })
}

fn signal_text(signal: i32) -> String {
    match signal {
        SIGPIPE => "nobody reads its output any more (SIGPIPE)".into(),
        _ => format!("ringfence received {}", signal_name(signal)),
    }
}

fn signal_name(signal: i32) -> String {
    low_level::signal_name(signal).map_or_else(|| format!("signal {signal}"), str::to_owned)
}

/// The last few lines that say something, cut where they grow long: many are stack traces. Secrets must be gone already, for of one
/// that is cut a part would stay.
fn last_lines(text: &str) -> String {
    const LONGEST: usize = 200;
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let cut = |line: &&str| match line.char_indices().nth(LONGEST) {
        Some((at, _)) => format!("{}…", &line[..at]),
        None => (*line).to_owned(),
    };
    lines[lines.len().saturating_sub(3)..].iter().map(cut).collect::<Vec<_>>().join("; ")
}

/// What to do about a failure of `class`.
pub fn hint(class: Class, name: AgentName) -> String {
    let agent = agents::agent(name);
    match class {
        Class::AuthMissing | Class::AuthExpired | Class::AuthRejected => agent.login_hint().into(),
        Class::QuotaExhausted => {
            format!("add credit to the account that {name} uses, or use another: ringfence sandbox show")
        }
        Class::RateLimited => "wait and run it again; --json has retryAfterMs where the server said how long".into(),
        Class::Overloaded => "the model's servers are in trouble: run it again later".into(),
        Class::Network => format!(
            "check the network, and the endpoint that {name} is pointed at (a localhost address, a proxy, --network)"
        ),
        _ if agent.passes_stderr() => {
            "its own output says why; with --json the field agentExitCode has its code".into()
        }
        _ => "run it again with --verbose to see each step".into(),
    }
}
