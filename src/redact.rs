//! Keeps secrets out of what is shown and kept: by value, every credential that this process has handed in, and by shape, the
//! usual keys, whoever they belong to.

mod shapes;

use std::borrow::Cow;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use serde_json::Value;
use shapes::shaped;

/// What stands where a secret stood.
pub const REDACTED: &str = "[redacted]";

/// How it begins where the variable that held it is named.
const SEALED: &str = "[redacted:";

/// Shortest value that is taken for a secret, bytes: anything shorter also stands in ordinary words.
const SHORTEST: usize = 5;

/// Shortest part of an address that is taken for a secret of its own, bytes: tokens are longer, and names mostly shorter.
const SHORTEST_PART: usize = 16;

/// Values of variables that everybody knows.
const PUBLIC: &[&str] =
    &["false", "debug", "trace", "error", "always", "never", "production", "development", "staging", "localhost"];

/// A value that must not be shown.
struct Secret {
    value: String,
    /// The variable that holds all of it, where it is one.
    name: Option<String>,
}

/// The secrets of this process; every clone knows all of them.
#[derive(Clone, Default)]
pub struct Secrets(Arc<RwLock<Vec<Secret>>>);

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secrets(…)")
    }
}

impl Secrets {
    /// From now on `value` is a secret, with what in it may be shown alone: the password and the tokens of an address, the lines of
    /// a long text, the form that a text has in JSON. A path that exists is none, nor an address with nothing but names in it.
    pub fn add(&self, value: &str) {
        self.add_of(None, value);
    }

    /// The same for the value of the variable `name`.
    pub fn add_variable(&self, name: &str, value: &str) {
        self.add_of(Some(name), value);
    }

    fn add_of(&self, name: Option<&str>, value: &str) {
        let value = value.trim();
        if value.starts_with('/') && Path::new(value).exists() {
            return;
        }
        if let Some(address) = Address::of(value) {
            if address.is_plain() {
                return;
            }
            address.secrets().for_each(|part| self.insert(None, part));
        }
        if let Ok(json @ (Value::Object(_) | Value::Array(_))) = serde_json::from_str(value) {
            self.add_keys(&json);
        }
        if value.contains('\n') {
            value
                .lines()
                .map(str::trim)
                .filter(|line| line.len() >= SHORTEST_PART)
                .for_each(|line| self.insert(None, line));
        }
        if let Ok(quoted) = serde_json::to_string(value)
            && quoted.len() > value.len() + 2
        {
            self.insert(None, &quoted[1..quoted.len() - 1]);
        }
        self.insert(name, value);
    }

    /// What stands in `json` under the name of a key.
    fn add_keys(&self, json: &Value) {
        let telling =
            |name: &str| ["key", "token", "secret", "password", "auth"].iter().any(|word| name.contains(word));
        match json {
            Value::Array(values) => values.iter().for_each(|value| self.add_keys(value)),
            Value::Object(fields) => fields.iter().for_each(|(name, value)| match value.as_str() {
                Some(text) if telling(&name.to_ascii_lowercase()) => self.insert(None, text),
                _ => self.add_keys(value),
            }),
            _ => {}
        }
    }

    fn insert(&self, name: Option<&str>, value: &str) {
        if value.len() < SHORTEST || PUBLIC.contains(&value) {
            return;
        }
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(secret) = known.iter_mut().find(|secret| secret.value == value) {
            secret.name = secret.name.take().or_else(|| name.map(str::to_owned));
            return;
        }
        known.push(Secret { value: value.to_owned(), name: name.map(str::to_owned) });
        // The longest first, so that a secret that holds another one goes whole.
        known.sort_by_key(|secret| std::cmp::Reverse(secret.value.len()));
    }

    /// `text` without the secrets.
    pub fn redact<'t>(&self, text: &'t str) -> Cow<'t, str> {
        self.replaced(text, |_| None)
    }

    /// The beginning of `text` without the secrets, at most `longest` characters. One that was cut before would be none any more, and
    /// a part of it would stay.
    pub fn shortened(&self, text: &str, longest: usize) -> String {
        let text = self.redact(text);
        match text.char_indices().nth(longest) {
            None => text.into_owned(),
            Some(_) => text.chars().take(longest - 1).chain(['…']).collect(),
        }
    }

    /// `text` without the secrets, but with the names of the variables among `names` that hold one: [`unseal`] puts their values in.
    pub fn seal(&self, text: &str, names: &[String]) -> String {
        let sealed = |name: &Option<String>| {
            let name = name.as_ref().filter(|name| names.contains(name))?;
            Some(format!("{SEALED}{name}]"))
        };
        self.replaced(text, sealed).into_owned()
    }

    fn replaced<'t>(&self, text: &'t str, sealed: impl Fn(&Option<String>) -> Option<String>) -> Cow<'t, str> {
        let mut text = Cow::Borrowed(text);
        for Secret { value, name } in self.0.read().unwrap_or_else(PoisonError::into_inner).iter() {
            if text.contains(value.as_str()) {
                let instead = sealed(name).map_or(Cow::Borrowed(REDACTED), Cow::Owned);
                text = Cow::Owned(text.replace(value.as_str(), &instead));
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

/// `sealed` with the values that `value_of` has for the variables that are named in it, or which part of it cannot be known again.
///
/// # Errors
/// The variable that has no value, or [`REDACTED`] for what had no name.
pub fn unseal(sealed: &str, value_of: impl Fn(&str) -> Option<String>) -> Result<String, String> {
    if sealed.contains(REDACTED) {
        return Err(REDACTED.to_owned());
    }
    let mut parts = sealed.split(SEALED);
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (name, rest) = part.split_once(']').ok_or_else(|| REDACTED.to_owned())?;
        text.push_str(&value_of(name).ok_or_else(|| name.to_owned())?);
        text.push_str(rest);
    }
    Ok(text)
}

/// An address with its scheme, such as `https://user:password@host:1/path?query`.
struct Address<'v> {
    user: Option<&'v str>,
    password: Option<&'v str>,
    /// What stands behind the host.
    rest: &'v str,
}

impl<'v> Address<'v> {
    fn of(value: &'v str) -> Option<Self> {
        let (scheme, rest) = value.split_once("://")?;
        let of_scheme = |c: char| c.is_ascii_alphanumeric() || "+-.".contains(c);
        if !scheme.starts_with(|c: char| c.is_ascii_alphabetic()) || !scheme.chars().all(of_scheme) {
            return None;
        }
        let (authority, rest) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        // A password may hold an @ of its own.
        let userinfo = authority.rsplit_once('@').map(|(userinfo, _)| userinfo);
        let (user, password) = match userinfo.map(|info| (info, info.split_once(':'))) {
            Some((_, Some((user, password)))) => (Some(user), Some(password)),
            Some((user, None)) => (Some(user), None),
            None => (None, None),
        };
        Some(Address { user, password, rest })
    }

    /// The words behind the host that are long enough for a token.
    fn tokens(&self) -> impl Iterator<Item = &'v str> {
        self.rest.split(['/', '?', '#', '&', '=', ';']).filter(|part| part.len() >= SHORTEST_PART)
    }

    /// Whether there is nothing in it but a host and a path of names.
    fn is_plain(&self) -> bool {
        self.user.is_none()
            && !self.rest.contains(['?', '#', '@'])
            && !self.rest.contains(char::is_whitespace)
            && self.tokens().next().is_none()
    }

    fn secrets(&self) -> impl Iterator<Item = &'v str> {
        // A user without a password, or with a long name, is a token.
        let alone = |user: &&str| self.password.is_none_or(str::is_empty) || user.len() >= SHORTEST_PART;
        self.user.filter(alone).into_iter().chain(self.password).chain(self.tokens())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_handed_in_goes_by_its_value() {
        let secrets = Secrets::default();
        let kept = ["/", "tiny", "http://host/", "https://gateway.example:8443/anthropic/v1", "debug", "false"];
        for (value, shown) in [
            ("hunter2hunter2", "hunter2hunter2"),
            ("hunter2", "hunter2"),
            ("five5", "five5"),
            ("/K7MDENG/bPxRfiCYEXAMPLEKEY", "/K7MDENG/bPxRfiCYEXAMPLEKEY"),
            ("https://u:p4ssword@host/x", "p4ssword"),
            ("postgres://u:p@ss:w0rd@host/db", "p@ss:w0rd"),
            ("https://tokentoken@host/x", "tokentoken"),
            ("https://x-access-token-17:@host/x", "x-access-token-17"),
            ("https://hooks.example/services/T0/B0/abcdefghijklmnop", "abcdefghijklmnop"),
            ("https://host/?token=0123456789abcdef", "0123456789abcdef"),
            ("{\"url\":\"https://u:v@host\",\"key\":\"k\"}", "{\"url\":\"https://u:v@host\",\"key\":\"k\"}"),
            ("{\"a\":{\"apiKey\":\"in-the-config\"}}", "in-the-config"),
            ("{\"a\":\"b\"}", "{\\\"a\\\":\\\"b\\\"}"),
            ("first\nthe second of its lines", "the second of its lines"),
        ] {
            secrets.clone().add(value);
            assert_eq!(secrets.redact(&format!("A={value};")), "A=[redacted];");
            assert_eq!(secrets.redact(&format!("A={shown};")), "A=[redacted];");
        }
        for value in kept {
            secrets.add(value);
            assert_eq!(secrets.redact(value), value);
        }
    }

    #[test]
    fn what_was_sealed_by_its_variable_comes_back_and_nothing_else_does() {
        let secrets = Secrets::default();
        secrets.add_variable("TOKEN", "correct-horse");
        secrets.add("battery-staple");
        let names = ["TOKEN".to_owned()];
        let sealed = secrets.seal("use correct-horse twice: correct-horse", &names);
        assert_eq!(sealed, "use [redacted:TOKEN] twice: [redacted:TOKEN]");
        let value_of = |name: &str| (name == "TOKEN").then(|| "new".to_owned());
        assert_eq!(unseal(&sealed, value_of).unwrap(), "use new twice: new");
        assert_eq!(unseal(&sealed, |_| None).unwrap_err(), "TOKEN");
        assert_eq!(secrets.seal("correct-horse", &[]), REDACTED, "what is not handed in again is not named");
        assert_eq!(unseal(&secrets.seal("a battery-staple", &names), value_of).unwrap_err(), REDACTED);
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
            "sk_test_abcdefghijklmnop",
            "xapp-1-A0-123456",
            "ya29.abcdefghijklmnop",
            "-----BEGIN RSA PRIVATE KEY-----\nMIIabc\n-----END RSA PRIVATE KEY-----",
            "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.abc",
        ] {
            assert_eq!(secrets.redact(&format!("x={key}, \"{key}\"")), "x=[redacted], \"[redacted]\"", "{key}");
        }
        assert_eq!(secrets.redact("Authorization: Bearer abcdef123456\n"), "Authorization: Bearer [redacted]\n");
        for escape in ["\\n", "\\t", "\\u000a"] {
            let key = "sk-ant-api03-abcdefghijklmnop";
            assert_eq!(
                secrets.redact(&format!("{{\"text\":\"a{escape}{key}\"}}")),
                format!("{{\"text\":\"a{escape}[redacted]\"}}")
            );
        }
        assert_eq!(secrets.redact("x -----BEGIN PRIVATE KEY-----\nMIIabc"), "x [redacted]");
    }

    #[test]
    fn ordinary_words_stay() {
        let text = "a task-force-that-asks-for-more, ski-lifts, sk-1, Bearer of news; grüße 漢字 AKIA eyJ";
        assert!(matches!(Secrets::default().redact(text), Cow::Borrowed(same) if same == text));
    }
}
