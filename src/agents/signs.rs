//! What HTTP statuses and the words of model APIs and their clients mean. A structured status decides; words refine it, and decide
//! where there is none. What nobody knows stays `agent_failed`.

use std::time::Duration;

use super::Verdict;
use crate::failure::Class;

/// How much of a message is kept, bytes.
const LONGEST: usize = 8 * 1024;

/// What the words mean, in the order in which they are looked for: a cause before its consequence ("stream disconnected:
/// rate limit reached"). In lower case, with straight apostrophes. All were printed by an agent or stand in its program.
const WORDS: &[(Class, &[&str])] = &[
    (
        Class::QuotaExhausted,
        &[
            "credit balance",
            "insufficient_quota",
            "quota exceeded",
            "exceeded your current quota",
            "out of credits",
            "hit your spend cap",
            "to use codex with your chatgpt plan, upgrade",
        ],
    ),
    (
        Class::AuthExpired,
        &[
            "token has expired",
            "token is expired",
            "token expired",
            "token refresh failed",
            "login has expired",
            "api key expired",
        ],
    ),
    (
        Class::AuthMissing,
        &[
            "not logged in",
            "missing bearer",
            "missing environment variable: `",
            "api key is missing",
            "no providers are available",
            "didn't provide an api key",
            "could not resolve authentication method",
        ],
    ),
    (
        Class::AuthRejected,
        &[
            "invalid api key",
            "invalid x-api-key",
            "incorrect api key",
            "api key not valid",
            "access token could not be refreshed",
            "refresh token",
            "auth.openai.com",
            "token revoked",
            "token has been revoked",
            "disabled organization",
            "organization has disabled",
            "failed to authenticate",
            "please run /login",
        ],
    ),
    (
        Class::RateLimited,
        &[
            "rate limit",
            "rate_limit",
            "too many requests",
            "hit your usage limit",
            "hit your session limit",
            "usage limit reached",
        ],
    ),
    (
        Class::Overloaded,
        &[
            "overloaded",
            "high demand",
            "high load",
            "at capacity",
            "internal server error",
            "server had an error",
            "service unavailable",
            "bad gateway",
        ],
    ),
    (
        Class::Network,
        &[
            "stream disconnected",
            "waiting for network",
            "error sending request",
            "connection failed",
            "unable to connect",
            "cannot connect",
            "connection to the api was lost",
            "connection refused",
            "connectionrefused",
            "econnrefused",
            "econnreset",
            "enotfound",
            "etimedout",
            "failed to lookup address",
            "network unreachable",
            "network error",
            "socket hang up",
            "request timed out",
        ],
    ),
];

/// What a failed request means by its HTTP status, where it has one, and its words.
pub(super) fn class(status: Option<u64>, text: &str) -> Class {
    let text = text.to_lowercase().replace('’', "'");
    let said = || WORDS.iter().find(|(_, words)| words.iter().any(|word| text.contains(word))).map(|(class, _)| *class);
    match status.or_else(|| status_in(&text)) {
        Some(401 | 403) => match said() {
            // A server that answered knows better than its client's "Not logged in".
            Some(Class::AuthMissing) if text.contains("not logged in") => Class::AuthRejected,
            Some(class @ (Class::AuthExpired | Class::AuthMissing | Class::QuotaExhausted)) => class,
            _ => Class::AuthRejected,
        },
        Some(402) => Class::QuotaExhausted,
        // OpenAI answers 429 for an empty account as well.
        Some(429) => said().filter(|class| *class == Class::QuotaExhausted).unwrap_or(Class::RateLimited),
        Some(500..=599) => Class::Overloaded,
        Some(_) => match said() {
            Some(class) if class.exit_code() == Class::QuotaExhausted.exit_code() => class,
            _ => Class::AgentFailed,
        },
        None => said().unwrap_or(Class::AgentFailed),
    }
}

/// The HTTP status that an error's text names, in the spellings of codex and of the AI SDKs.
fn status_in(text: &str) -> Option<u64> {
    ["unexpected status ", "last status: ", "status code "].iter().find_map(|words| {
        let (_, after) = text.split_once(words)?;
        let digits = after.get(..3)?;
        digits.parse().ok().filter(|status| (400..600).contains(status))
    })
}

/// How long a server asks to wait, in the words of `OpenAI`'s errors: "Please try again in 1.898s".
pub(super) fn wait_in(text: &str) -> Option<Duration> {
    let (_, after) = text.split_once("try again in ")?;
    let digits = after.find(|c: char| !c.is_ascii_digit() && c != '.')?;
    let (number, unit) = after.split_at(digits);
    let seconds = match unit.split(|c: char| !c.is_ascii_alphabetic()).next()? {
        "ms" => 0.001,
        "s" => 1.0,
        _ => return None,
    };
    Duration::try_from_secs_f64(number.parse::<f64>().ok()? * seconds).ok()
}

/// A verdict of `class` on the agent called `name`, in its own words.
pub(super) fn failed(name: &str, class: Class, text: &str) -> Verdict {
    let text = one_line(text);
    let message = if text.is_empty() { format!("{name} failed without a reason") } else { format!("{name}: {text}") };
    Verdict { class, message, retry_after: None }
}

/// The verdict on an agent that ended without saying how.
pub(super) fn unfinished(name: &str, code: i32) -> Verdict {
    let message = format!("{name} ended before its task was done (exit code {code})");
    Verdict { class: Class::AgentFailed, message, retry_after: None }
}

impl Verdict {
    /// The same verdict with the time to wait, if waiting helps at all.
    pub(super) fn after(mut self, wait: Option<Duration>) -> Self {
        self.retry_after = wait.filter(|_| self.class.retryable());
        self
    }
}

/// `text` in one line, without control characters; where it is long, the words that it begins with. Whoever shows it cuts it further:
/// no word is cut here, for of a secret in it a part would stay.
pub(super) fn one_line(text: &str) -> String {
    let words = text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
    let mut line = String::new();
    for word in words {
        if !line.is_empty() {
            line.push(' ');
        }
        if line.len() + word.len() > LONGEST {
            line.push('…');
            break;
        }
        line.push_str(word);
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_decide_and_words_refine() {
        for (status, text, expected) in [
            (Some(401), "invalid x-api-key", Class::AuthRejected),
            (Some(401), "OAuth token has expired. Please obtain a new token", Class::AuthExpired),
            (Some(401), "Not logged in · Please run /login", Class::AuthRejected),
            (None, "Not logged in · Please run /login", Class::AuthMissing),
            (Some(403), "Overloaded", Class::AuthRejected),
            (Some(402), "", Class::QuotaExhausted),
            (Some(429), "You exceeded your current quota, please check your plan", Class::QuotaExhausted),
            (Some(429), "slow down", Class::RateLimited),
            (Some(503), "credit balance", Class::Overloaded),
            (Some(400), "Your credit balance is too low", Class::QuotaExhausted),
            (Some(400), "API key not valid. Please pass a valid API key.", Class::AuthRejected),
            (Some(400), "stream disconnected", Class::AgentFailed),
            (Some(404), "model: nope", Class::AgentFailed),
            (None, "unexpected status 502 Bad Gateway: ", Class::Overloaded),
            (None, "exceeded retry limit, last status: 429 Too Many Requests", Class::RateLimited),
            (None, "You’ve hit your usage limit. Try again at 3:05 PM.", Class::RateLimited),
            (None, "Missing environment variable: `MY_KEY`.", Class::AuthMissing),
            (None, "You didn’t provide an API key", Class::AuthMissing),
            (None, "could not be refreshed because your refresh token has expired", Class::AuthExpired),
            (None, "error sending request for url (https://auth.openai.com/oauth/token)", Class::AuthRejected),
            (None, "stream disconnected before completion: Rate limit reached", Class::RateLimited),
            (None, "the file has 401 lines", Class::AgentFailed),
            (None, "", Class::AgentFailed),
        ] {
            assert_eq!(class(status, text), expected, "{status:?} {text}");
        }
    }

    #[test]
    fn waits_are_read_and_only_kept_where_waiting_helps() {
        assert_eq!(wait_in("Please try again in 1.5s. Visit"), Some(Duration::from_millis(1500)));
        assert_eq!(wait_in("try again in 20ms."), Some(Duration::from_millis(20)));
        for text in
            ["try again in 3 days", "try again in 99999999999999999999999s", "try again in .s", "try again in 5", ""]
        {
            assert_eq!(wait_in(text), None, "{text}");
        }
        let wait = Some(Duration::from_secs(1));
        assert_eq!(failed("x", Class::Overloaded, "").after(wait).retry_after, wait);
        assert_eq!(failed("x", Class::AuthRejected, "").after(wait).retry_after, None);
    }

    #[test]
    fn messages_are_one_line() {
        assert_eq!(failed("codex", Class::Network, " a\r\n\tb\x1b[2J ").message, "codex: a b [2J");
        let long = one_line(&"né ".repeat(1_000_000));
        assert!((LONGEST - 8..LONGEST + 4).contains(&long.len()) && long.ends_with(" né …"), "{}", long.len());
        assert_eq!(one_line(&"x".repeat(LONGEST + 1)), "…");
    }
}
