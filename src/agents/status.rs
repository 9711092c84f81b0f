//! What an agent's own command says of its login. Measured with claude 2.1.197, codex 0.169.0 and opencode 1.18.33.

use serde_json::Value;

use crate::command::CommandSpec;
use crate::config::AgentName;

/// What it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Login {
    /// There is one, with its own words for it.
    Accepted(String),
    /// There is none.
    Refused(String),
    /// It cannot tell.
    Unsaid(String),
}

/// The command of `agent` that says whether it is logged in. They only look: none of them asks its server.
pub fn status_command(agent: AgentName) -> Option<CommandSpec> {
    match agent {
        AgentName::Claude => Some(CommandSpec::new("claude").args(["auth", "status"])),
        AgentName::Codex => Some(CommandSpec::new("codex").args(["login", "status"])),
        AgentName::Opencode => Some(CommandSpec::new("opencode").args(["auth", "list"])),
        AgentName::Shell => None,
    }
}

/// What that command's answer means. `by_key` says that the credential is a variable, which codex counts for a run but not as a
/// login.
pub fn login(agent: AgentName, code: i32, stdout: &str, stderr: &str, by_key: bool) -> Login {
    match agent {
        AgentName::Claude => claude(code, stdout),
        AgentName::Codex => codex(code, &format!("{stdout}\n{stderr}"), by_key),
        AgentName::Opencode => opencode(code, stdout),
        AgentName::Shell => Login::Unsaid("a script needs no login".into()),
    }
}

fn claude(code: i32, stdout: &str) -> Login {
    let said: Value = serde_json::from_str(stdout).unwrap_or_default();
    let method = said["authMethod"].as_str().unwrap_or("unknown").to_owned();
    match (code, said["loggedIn"].as_bool()) {
        (0, Some(true)) => Login::Accepted(format!("claude auth status: logged in ({method})")),
        (_, Some(_)) => Login::Refused("claude auth status: not logged in".into()),
        (code, None) => {
            Login::Unsaid(format!("claude auth status exited with {code} and said nothing that is understood"))
        }
    }
}

fn codex(code: i32, said: &str, by_key: bool) -> Login {
    let line = |start: &str| said.lines().map(str::trim).find(|line| line.starts_with(start)).map(str::to_owned);
    match (code, line("Logged in"), line("Not logged in")) {
        (0, Some(line), _) => Login::Accepted(format!("codex login status: {line}")),
        (_, _, Some(_)) if by_key => {
            Login::Unsaid("codex login status does not count a key in a variable, which codex exec does use".into())
        }
        (_, _, Some(line)) => Login::Refused(format!("codex login status: {line}")),
        (0, None, None) => Login::Unsaid("codex login status said nothing that is understood".into()),
        (code, ..) => {
            let last = said.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or_default();
            Login::Refused(format!("codex login status exited with {code}: {last}"))
        }
    }
}

/// It ends with `1 credentials` and, below, `2 environment variables`.
fn opencode(code: i32, stdout: &str) -> Login {
    let counted = |what: &str| {
        let line = stdout.lines().find(|line| line.trim_end().trim_end_matches('s').ends_with(what))?;
        line.split_whitespace().find_map(|word| word.parse::<u64>().ok())
    };
    let counts = [counted("credential"), counted("environment variable")];
    match (code, counts) {
        (0, [None, None]) => Login::Unsaid("opencode auth list said nothing that is understood".into()),
        (0, counts) if counts.iter().flatten().sum::<u64>() > 0 => {
            Login::Accepted(format!("opencode auth list: {} of its own", counts.iter().flatten().sum::<u64>()))
        }
        (0, _) => Login::Refused("opencode auth list: none".into()),
        (code, _) => Login::Unsaid(format!("opencode auth list exited with {code}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_real_answers_are_understood() {
        let claude = |text| {
            login(
                AgentName::Claude,
                i32::from(text != "{\"loggedIn\":true,\"authMethod\":\"api_key\"}"),
                text,
                "",
                true,
            )
        };
        assert!(
            matches!(claude("{\"loggedIn\":true,\"authMethod\":\"api_key\"}"), Login::Accepted(text) if text.ends_with("(api_key)"))
        );
        assert!(matches!(claude("{\n  \"loggedIn\": false,\n  \"authMethod\": \"none\"\n}"), Login::Refused(_)));
        assert!(matches!(claude("oh"), Login::Unsaid(_)));

        let codex = |code, text, by_key| login(AgentName::Codex, code, "", text, by_key);
        assert!(matches!(codex(0, "WARNING: x\nLogged in using ChatGPT\n", false), Login::Accepted(_)));
        assert!(matches!(codex(1, "Not logged in\n", false), Login::Refused(_)));
        assert!(matches!(codex(1, "Not logged in\n", true), Login::Unsaid(_)));
        assert!(matches!(
            codex(1, "Error checking login status: missing field `refresh_token`\n", false),
            Login::Refused(_)
        ));

        let opencode = |text| login(AgentName::Opencode, 0, text, "", false);
        assert!(matches!(opencode("┌  Credentials x\n│\n└  0 credentials\n"), Login::Refused(_)));
        assert!(matches!(
            opencode("└  0 credentials\n\n┌  Environment\n●  Anthropic X\n└  1 environment variable\n"),
            Login::Accepted(_)
        ));
        assert!(matches!(opencode("└  1 credentials\n"), Login::Accepted(_)));
        assert!(matches!(opencode("what?"), Login::Unsaid(_)));
    }
}
