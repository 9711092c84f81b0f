//! Codex: `auth.json` with an empty refresh token (without the key codex does not parse the file).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde_json::Value;

use super::{Found, Rules, is_text, object};

/// The login file in the home of who runs it.
const LOGIN: &str = ".codex/auth.json";

pub(super) const RULES: Rules = Rules {
    // codex itself ignores OPENAI_API_KEY.
    variables: &[("CODEX_API_KEY", "CODEX_API_KEY"), ("OPENAI_API_KEY", "CODEX_API_KEY")],
    own: &["CODEX_API_KEY"],
    many_providers: false,
    file: "auth.json",
    folder: ["CODEX_HOME", "", ".codex"],
    login: LOGIN,
    lease,
    token: |token| Found::variable("CODEX_API_KEY", token),
    fix: "run `codex login` on the host, or set CODEX_API_KEY or OPENAI_API_KEY",
    renew: "run `codex login` on the host, or set CODEX_API_KEY",
};

fn lease(contents: &[u8]) -> Result<Found, String> {
    let mut file = object(contents)?;
    let (mut expires, mut renewable) = (None, false);
    if let Some(Value::Object(tokens)) = file.get_mut("tokens") {
        let Some(access) = tokens.get("access_token").and_then(Value::as_str).filter(|token| !token.is_empty()) else {
            return Err("its login has no access_token".into());
        };
        expires = jwt_expiry(access);
        renewable = is_text(tokens.insert("refresh_token".into(), "".into()).as_ref());
        // A recent date keeps codex from trying to renew what it cannot.
        file.insert("last_refresh".into(), Timestamp::now().to_string().into());
    } else if !is_text(file.get("OPENAI_API_KEY")) {
        return Err("it holds neither a login (tokens) nor an OPENAI_API_KEY".into());
    }
    let contents = Value::Object(file).to_string().into_bytes();
    Ok(Found::file(LOGIN, contents, expires, renewable))
}

/// The `exp` claim of a JSON Web Token (RFC 7519, section 4.1.4), seconds since 1970; its signature is not ours to check.
fn jwt_expiry(token: &str) -> Option<Timestamp> {
    let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    let claims: Value = serde_json::from_slice(&payload).ok()?;
    Timestamp::from_second(claims.get("exp")?.as_i64()?).ok()
}
