//! opencode: `auth.json`, one entry a provider, with the refresh tokens emptied.

use jiff::Timestamp;
use serde_json::Value;

use super::{Found, Rules, is_text, object};

/// The login file in the home of who runs it.
const LOGIN: &str = ".local/share/opencode/auth.json";

pub(super) const RULES: Rules = Rules {
    variables: &[
        ("ANTHROPIC_API_KEY", "ANTHROPIC_API_KEY"),
        ("OPENAI_API_KEY", "OPENAI_API_KEY"),
        ("OPENROUTER_API_KEY", "OPENROUTER_API_KEY"),
        // opencode counts the former as a login, but calls the API with the latter only.
        ("GEMINI_API_KEY", "GOOGLE_GENERATIVE_AI_API_KEY"),
        ("GOOGLE_GENERATIVE_AI_API_KEY", "GOOGLE_GENERATIVE_AI_API_KEY"),
    ],
    own: &["ANTHROPIC_API_KEY", "OPENAI_API_KEY", "OPENROUTER_API_KEY", "GOOGLE_GENERATIVE_AI_API_KEY"],
    many_providers: true,
    file: "auth.json",
    folder: ["XDG_DATA_HOME", "opencode", ".local/share/opencode"],
    login: LOGIN,
    lease,
    token: |token| Found::variable("OPENCODE_API_KEY", token),
    fix: "run `opencode auth login` on the host, or set the API key of its provider, such as ANTHROPIC_API_KEY",
    renew: "run `opencode auth login` on the host, or set the API key of its provider, such as ANTHROPIC_API_KEY",
};

/// The end of the lease is that of the login that ends last: the others' providers may never be asked.
fn lease(contents: &[u8]) -> Result<Found, String> {
    let mut file = object(contents)?;
    let (mut ends, mut renewable) = (Vec::new(), false);
    for entry in file.values_mut().filter_map(Value::as_object_mut) {
        let is_login = entry.get("type").and_then(Value::as_str) == Some("oauth");
        ends.push(if is_login { entry.get("expires").and_then(Value::as_i64).filter(|ms| *ms > 0) } else { None });
        if is_login {
            renewable |= is_text(entry.insert("refresh".into(), "".into()).as_ref());
        }
    }
    if ends.is_empty() {
        return Err("it holds no provider's login".into());
    }
    let all_end: Option<Vec<i64>> = ends.into_iter().collect();
    let expires = all_end.and_then(|ends| ends.into_iter().max()).and_then(|ms| Timestamp::from_millisecond(ms).ok());
    let contents = Value::Object(file).to_string().into_bytes();
    Ok(Found::file(LOGIN, contents, expires, renewable))
}
