//! Claude Code: `.credentials.json` without its refresh token.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Found, Rules, is_text, object};

/// The login file in the home of who runs it.
const LOGIN: &str = ".claude/.credentials.json";

pub(super) const RULES: Rules = Rules {
    variables: &[
        ("CLAUDE_CODE_OAUTH_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN"),
        ("ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_AUTH_TOKEN"),
        ("ANTHROPIC_API_KEY", "ANTHROPIC_API_KEY"),
    ],
    // In which order claude 2.1.197 takes them, asked with several set; the first two are both sent.
    own: &["ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_API_KEY", "CLAUDE_CODE_OAUTH_TOKEN"],
    many_providers: false,
    file: ".credentials.json",
    folder: ["CLAUDE_CONFIG_DIR", "", ".claude"],
    login: LOGIN,
    lease,
    token,
    fix: fix(cfg!(target_os = "macos")),
    renew: "run `claude` once on the host and log in (/login), or set CLAUDE_CODE_OAUTH_TOKEN (`claude setup-token`)",
};

/// What to do when there is none. On macOS a login leaves no file.
const fn fix(macos: bool) -> &'static str {
    if macos {
        "on macOS the login is in the Keychain, where no container can read it: run `claude setup-token` and set CLAUDE_CODE_OAUTH_TOKEN"
    } else {
        "run `claude` once on the host to log in, or set ANTHROPIC_API_KEY or CLAUDE_CODE_OAUTH_TOKEN (`claude setup-token`)"
    }
}

/// The login without what renews it. Other entries of the file, such as those of MCP servers, stay on the host.
fn lease(contents: &[u8]) -> Result<Found, String> {
    let mut file = object(contents)?;
    let Some(Value::Object(mut login)) = file.remove("claudeAiOauth") else {
        return Err("it holds no Claude login (claudeAiOauth)".into());
    };
    if !is_text(login.get("accessToken")) {
        return Err("its login has no accessToken".into());
    }
    if login.get("scopes").and_then(Value::as_array).is_none_or(Vec::is_empty) {
        return Err("its login has no scopes, without which claude does not count it as one".into());
    }
    let renewable = is_text(login.remove("refreshToken").as_ref());
    let expires = login.get("expiresAt").and_then(Value::as_i64).and_then(|ms| Timestamp::from_millisecond(ms).ok());
    let contents = json!({ "claudeAiOauth": login }).to_string().into_bytes();
    Ok(Found::file(LOGIN, contents, expires, renewable))
}

/// API keys and OAuth tokens are told apart by their prefix.
fn token(token: String) -> Found {
    let name = if token.starts_with("sk-ant-api") { "ANTHROPIC_API_KEY" } else { "CLAUDE_CODE_OAUTH_TOKEN" };
    Found::variable(name, token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn on_macos_the_keychain_is_named_with_the_way_around_it() {
        for part in ["Keychain", "`claude setup-token`", "CLAUDE_CODE_OAUTH_TOKEN"] {
            assert!(fix(true).contains(part), "{part}");
        }
        assert!(!fix(false).contains("Keychain") && fix(false).contains("ANTHROPIC_API_KEY"));
        assert_eq!(RULES.fix, fix(cfg!(target_os = "macos")));
    }
}
