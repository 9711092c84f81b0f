//! `HOST[:PORT]`: what an allow-list is made of.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The groups of hosts that have a name; `egress` knows what they hold.
pub const PRESETS: [&str; 7] = ["anthropic", "crates", "debian", "github", "npm", "openai", "pypi"];

/// An item of an allow-list.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum HostRule {
    /// A group of hosts, without its `@`.
    Preset(String),
    /// One host, or all below a domain.
    Host {
        /// In lower case: a name, `*.` and a name, or an address (IPv6 in brackets).
        name: String,
        /// The one port; 443 and 80 where absent.
        port: Option<u16>,
    },
}

impl HostRule {
    /// The rule that `text` means, or why it means none, in words that follow it.
    pub fn parse(text: &str) -> Result<Self, String> {
        if let Some(preset) = text.strip_prefix('@') {
            let known = PRESETS.contains(&preset);
            return if known {
                Ok(HostRule::Preset(preset.to_owned()))
            } else {
                Err(format!("is no preset; there are @{}", PRESETS.join(", @")))
            };
        }
        if text.contains("://") || text.contains('/') {
            return Err("is an address, not a host".into());
        }
        let (name, port) = match text.rsplit_once(':') {
            Some((name, port)) if !text.ends_with(']') => (name, Some(port)),
            _ => (text, None),
        };
        let port = match port.map(str::parse) {
            None => None,
            Some(Ok(port)) if port > 0 => Some(port),
            Some(_) => return Err("has a port that is no number from 1 to 65535".into()),
        };
        let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
        // One that holds an IPv4 address is that address.
        let is_here = match address(&name).map(|address| address.to_canonical()) {
            Some(address) => address.is_loopback() || address.is_unspecified(),
            None if !is_name(name.strip_prefix("*.").unwrap_or(&name)) => {
                return Err("is not a host with or without a port".into());
            }
            None => name == "localhost" || name.ends_with(".localhost"),
        };
        if is_here {
            return Err("is the container itself; for a service of this machine: --forward PORT".into());
        }
        Ok(HostRule::Host { name, port })
    }
}

/// The address that `name` is, IPv6 in brackets.
fn address(name: &str) -> Option<IpAddr> {
    match name.strip_prefix('[') {
        Some(rest) => rest.strip_suffix(']')?.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
        None => name.parse::<Ipv4Addr>().ok().map(IpAddr::V4),
    }
}

fn is_name(text: &str) -> bool {
    let legal = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    let label = |label: &str| (1..=63).contains(&label.len()) && label.bytes().all(legal) && !label.starts_with('-');
    // What ends in a number reads as an address to some resolvers: 127.1, 0x7f.1.
    let last = text.rsplit('.').next().unwrap_or_default();
    text.len() <= 253 && text.split('.').all(label) && !last.starts_with(|c: char| c.is_ascii_digit())
}

impl fmt::Display for HostRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HostRule::Preset(name) => write!(f, "@{name}"),
            HostRule::Host { name, port: None } => f.write_str(name),
            HostRule::Host { name, port: Some(port) } => write!(f, "{name}:{port}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_rule_can_be() {
        for (text, shown) in [
            ("API.example.com", "api.example.com"),
            ("*.example.com:8443", "*.example.com:8443"),
            ("my_db:5432", "my_db:5432"),
            ("example.com.", "example.com"),
            ("192.0.2.7:80", "192.0.2.7:80"),
            ("[2001:db8::1]", "[2001:db8::1]"),
            ("[2001:db8::1]:443", "[2001:db8::1]:443"),
            ("@npm", "@npm"),
        ] {
            assert_eq!(HostRule::parse(text).map(|rule| rule.to_string()).as_deref(), Ok(shown));
        }
    }

    #[test]
    fn what_no_rule_can_be() {
        for (text, why) in [
            ("https://example.com/x", "not a host"),
            ("*", "not a host"),
            ("a.*.com", "not a host"),
            ("", "not a host"),
            ("a..b", "not a host"),
            ("2130706433", "not a host"),
            ("127.1", "not a host"),
            ("2001:db8::1", "not a host"),
            ("example.com:0", "no number from 1"),
            ("example.com:https", "no number from 1"),
            ("localhost:5432", "--forward"),
            ("127.8.8.8", "--forward"),
            ("[::1]:80", "--forward"),
            ("0.0.0.0", "--forward"),
            ("[::ffff:127.0.0.1]:80", "--forward"),
            ("@nmp", "@npm"),
        ] {
            let refused = HostRule::parse(text).unwrap_err();
            assert!(refused.contains(why), "{text}: {refused}");
        }
    }
}
