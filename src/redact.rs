//! Keeps secrets out of what is shown and kept: by value, every credential that this process has handed in, and by shape, the
//! usual keys, whoever they belong to.

use std::borrow::Cow;
use std::sync::{Arc, PoisonError, RwLock};

/// What stands where a secret stood.
pub const REDACTED: &str = "[redacted]";

/// Shortest value that is taken for a secret, bytes: anything shorter also stands in ordinary words.
const SHORTEST: usize = 6;

/// The secrets of this process; every clone knows all of them.
#[derive(Clone, Default)]
pub struct Secrets(Arc<RwLock<Vec<String>>>);

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secrets(…)")
    }
}

impl Secrets {
    /// From now on `value` is a secret. Of an address that holds a user's password, only that is.
    pub fn add(&self, value: &str) {
        let value = match value.split_once("://") {
            None => value,
            Some((_, rest)) => match rest.split_once('@').and_then(|(user, _)| user.split_once(':')) {
                Some((_, password)) => password,
                None => return,
            },
        };
        let value = value.trim();
        if value.len() < SHORTEST || value.starts_with('/') {
            return;
        }
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if !known.iter().any(|other| other == value) {
            known.push(value.to_owned());
            // The longest first, so that a secret that holds another one goes whole.
            known.sort_by_key(|value| std::cmp::Reverse(value.len()));
        }
    }

    /// `text` without the secrets.
    pub fn redact<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let mut text = Cow::Borrowed(text);
        for value in self.0.read().unwrap_or_else(PoisonError::into_inner).iter() {
            if text.contains(value.as_str()) {
                text = Cow::Owned(text.replace(value.as_str(), REDACTED));
            }
        }
        if shaped(&text).next().is_none() {
            return text;
        }
        let mut clean = String::with_capacity(text.len());
        let mut done = 0;
        for (from, to) in shaped(&text) {
            clean.push_str(&text[done..from]);
            clean.push_str(REDACTED);
            done = to;
        }
        clean.push_str(&text[done..]);
        Cow::Owned(clean)
    }
}

/// A kind of key: how it begins, and how many of the characters of a key follow at least.
const SHAPES: &[(&str, usize)] = &[
    ("sk-", 16),
    ("sk_live_", 16),
    ("rk_live_", 16),
    ("ghp_", 20),
    ("gho_", 20),
    ("ghu_", 20),
    ("ghs_", 20),
    ("ghr_", 20),
    ("github_pat_", 20),
    ("glpat-", 16),
    ("xoxa-", 10),
    ("xoxb-", 10),
    ("xoxp-", 10),
    ("xoxr-", 10),
    ("xoxs-", 10),
    ("AKIA", 16),
    ("ASIA", 16),
    ("AIza", 30),
    ("npm_", 30),
    ("hf_", 30),
    // The beginning of `{"` in base64: a JSON web token.
    ("eyJ", 40),
];

/// What introduces a token in a header; the token follows.
const INTRODUCED: &[&str] = &["Bearer ", "bearer "];

/// Shortest token after `Bearer `, bytes.
const BEARER: usize = 12;

/// Where the keys stand that can be told by their looks, in order.
fn shaped(text: &str) -> impl Iterator<Item = (usize, usize)> + '_ {
    let mut at = 0;
    std::iter::from_fn(move || {
        while at < text.len() {
            let here = at;
            at += text[here..].chars().next().map_or(1, char::len_utf8);
            let inside_a_word = text[..here].ends_with(|c: char| c.is_ascii_alphanumeric());
            if inside_a_word {
                continue;
            }
            if let Some((from, to)) = key_at(text, here) {
                at = to;
                return Some((from, to));
            }
        }
        None
    })
}

fn key_at(text: &str, at: usize) -> Option<(usize, usize)> {
    let rest = &text[at..];
    let key = |from: usize| {
        let of_a_key = |c: char| c.is_ascii_alphanumeric() || "-_.~+/=".contains(c);
        text[from..].find(|c| !of_a_key(c)).unwrap_or(text.len() - from)
    };
    for (start, least) in SHAPES {
        if rest.starts_with(start) && key(at + start.len()) >= *least {
            return Some((at, at + start.len() + key(at + start.len())));
        }
    }
    for start in INTRODUCED {
        if rest.starts_with(start) && key(at + start.len()) >= BEARER {
            return Some((at + start.len(), at + start.len() + key(at + start.len())));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_handed_in_goes_by_its_value() {
        let secrets = Secrets::default();
        for value in ["hunter2hunter2", "hunter2", "short", "/home/user", "https://u:p4ssword@host/x", "http://host/"] {
            secrets.clone().add(value);
        }
        let text = "A=hunter2hunter2 B=hunter2 short /home/user https://u:p4ssword@host/x http://host/";
        assert_eq!(
            secrets.redact(text),
            "A=[redacted] B=[redacted] short /home/user https://u:[redacted]@host/x http://host/"
        );
    }

    #[test]
    fn keys_go_by_their_looks() {
        let secrets = Secrets::default();
        for key in [
            "sk-ant-api03-abcdefghijklmnop",
            "sk-proj-abcdefghijklmnop",
            "ghp_abcdefghijklmnopqrst1234",
            "xoxb-1234567890-abc",
            "AKIAIOSFODNN7EXAMPLE",
            "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.abc",
        ] {
            assert_eq!(secrets.redact(&format!("x={key}, \"{key}\"")), "x=[redacted], \"[redacted]\"", "{key}");
        }
        assert_eq!(secrets.redact("Authorization: Bearer abcdef123456\n"), "Authorization: Bearer [redacted]\n");
    }

    #[test]
    fn ordinary_words_stay() {
        let text = "a task-force-that-asks-for-more, ski-lifts, sk-1, Bearer of news; grüße 漢字 AKIA eyJ";
        assert!(matches!(Secrets::default().redact(text), Cow::Borrowed(same) if same == text));
    }
}
