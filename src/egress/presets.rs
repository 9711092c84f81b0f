//! The groups of hosts that have a name. The one place where a host of somebody else's is named, and by its owner's domain
//! where that will do.

/// What `@name` stands for.
pub fn hosts(name: &str) -> &'static [&'static str] {
    match name {
        "anthropic" => &["*.anthropic.com"],
        // The second one serves codex with a ChatGPT login.
        "openai" => &["*.openai.com", "chatgpt.com"],
        "github" => &["github.com", "*.github.com", "*.githubusercontent.com"],
        "npm" => &["*.npmjs.org"],
        "pypi" => &["pypi.org", "*.pythonhosted.org"],
        "crates" => &["crates.io", "*.crates.io"],
        "debian" => &["*.debian.org"],
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{HostRule, PRESETS};

    #[test]
    fn every_preset_holds_legal_hosts() {
        for name in PRESETS {
            assert!(!hosts(name).is_empty(), "{name}");
            for host in hosts(name) {
                assert!(matches!(HostRule::parse(host), Ok(HostRule::Host { port: None, .. })), "{host}");
            }
        }
    }
}
