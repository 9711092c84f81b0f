//! What a sandbox may reach, and what it tried: the allow-list, the program that keeps it, and that program's count. Pure.
//!
//! The agent's container has no network. A second container has one, and keeps the door: a Unix socket that both see, with an HTTP
//! proxy behind it (`door.pl`). It is our own program because those that Debian has do not do what is promised here: tinyproxy
//! looks at names alone, so that a listed name may lead to this machine, has no ports per host and passes over a `Host` header
//! that differs; squid brings 30 packages. Perl is in every Debian.

mod knocks;
mod presets;
mod rules;

use std::collections::BTreeSet;
use std::net::IpAddr;

pub use knocks::{Denied, Knock, Knocks};
pub use rules::{CHANGE, Change, HostPorts, Rules, SHOW};

use crate::command::shell_word;
use crate::config::HostRule;

/// Where both containers see what they share.
pub const FOLDER: &str = "/run/ringfence";

/// The door itself.
pub const DOOR: &str = "/run/ringfence/door";

/// Where it counts who knocks.
pub const KNOCKS: &str = "/run/ringfence/knocks";

/// Where the agent finds the proxy, at 127.0.0.1.
pub const PROXY_PORT: u16 = 3128;

/// The door's rules, which `sandbox network` changes.
const RULES: &str = "/run/ringfence/rules";

/// The rule that lets everything through.
const OPEN: &str = "allow * *";

/// The socket that a sandbox holds while it lives.
pub const LIFE: &str = "/run/ringfence/life";

/// The ports of a host that is listed without one.
const PORTS: [u16; 2] = [443, 80];

const PROGRAM: &str = include_str!("door.pl");

/// Networks that no name may lead to (IANA's special-purpose registries): this host, loopback, link-local (with the metadata services
/// of clouds), multicast and the reserved rest. Private networks are not among them: a listed name may well be a company's own.
const INWARD: [&str; 8] =
    ["0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/3", "::/128", "::1/128", "fe80::/10", "ff00::/8"];

/// What a sandbox may reach.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Names or addresses, with a port; the same for what is listed and for what an agent needs.
    allowed: BTreeSet<(String, u16)>,
    /// Whether everything is let through, to learn what is needed.
    open: bool,
    /// Ports of services of this machine that are reached at 127.0.0.1.
    forwards: Vec<u16>,
}

impl Policy {
    /// Lets through what is `listed`.
    pub fn new<'a>(listed: impl IntoIterator<Item = &'a HostRule>, forwards: Vec<u16>, open: bool) -> Self {
        Policy { allowed: listed.into_iter().flat_map(ports_of).collect(), open, forwards }
    }

    /// What the door's container runs for one run: a shell script. No name may lead to one of `ours`, the addresses of this machine;
    /// where `sealed`, to no address of the networks that the container is on itself.
    pub fn script(&self, pump: &str, ours: &[IpAddr], sealed: bool) -> Vec<u8> {
        (self.write(ours, sealed) + &start(pump, "")).into_bytes()
    }

    /// The same for a sandbox that is stopped and started again: the rules that it then has are those that it had.
    pub fn lasting_script(&self, pump: &str, ours: &[IpAddr], sealed: bool) -> String {
        format!(
            "[ -e {RULES} ] || {}{}",
            self.write(ours, sealed),
            start(pump, LIFE.rsplit('/').next().unwrap_or_default())
        )
    }

    fn write(&self, ours: &[IpAddr], sealed: bool) -> String {
        let mut rules: Vec<String> = self.allowed.iter().map(|(name, port)| format!("allow {name} {port}")).collect();
        rules.extend(self.open.then(|| OPEN.to_owned()));
        rules.extend(INWARD.iter().map(|network| format!("never {network}")));
        rules.extend(ours.iter().map(never));
        rules.extend(sealed.then(|| "never neighbours".to_owned()));
        rules.push(format!("proxy {}", proxy()));
        rules.extend(self.forwards.iter().map(|port| format!("forward {port}")));
        format!("printf '%s\\n' {} >{RULES} || exit\n", shell_word(rules.join("\n").as_ref()))
    }

    /// The hosts of `knocks` that this list would not have let through, as they can be typed.
    pub fn missing(&self, knocks: &Knocks) -> Vec<HostRule> {
        let mut missing = BTreeSet::new();
        for (host, port) in knocks.allowed().filter(|(host, port)| !self.lists(host, *port)) {
            let port = (!PORTS.contains(&port)).then_some(port);
            missing.insert(HostRule::Host { name: host.to_owned(), port });
        }
        missing.into_iter().collect()
    }

    fn lists(&self, host: &str, port: u16) -> bool {
        self.allowed.iter().any(|(name, allowed)| {
            let below = name.strip_prefix('*').is_some_and(|end| host.ends_with(end) && host.len() > end.len());
            *allowed == port && (below || name == host)
        })
    }
}

/// The rule that keeps every name from this one address.
fn never(address: &IpAddr) -> String {
    format!("never {address}/{}", if address.is_ipv4() { 32 } else { 128 })
}

/// What is executed in a door's container so that no name leads to one of `ours` any more, the addresses of this machine by now.
pub fn renewal(ours: &[IpAddr]) -> Vec<String> {
    let mut change = Change::of("");
    change.keep_from(ours);
    ["sh", "-c", CHANGE, "sh"].map(str::to_owned).into_iter().chain(change.arguments()).collect()
}

/// Its standard input may be the lifeline.
fn start(pump: &str, argument: &str) -> String {
    format!("exec perl /dev/fd/5 {argument} 5<<'END_OF_DOOR'\n{pump}\n{PROGRAM}END_OF_DOOR\n")
}

/// The names and ports of an item of a list.
fn ports_of(rule: &HostRule) -> Vec<(String, u16)> {
    let both = |name: &str| PORTS.map(|port| (name.to_owned(), port)).to_vec();
    match rule {
        HostRule::Preset(name) => presets::hosts(name).iter().flat_map(|host| both(host)).collect(),
        HostRule::Host { name, port: None } => both(name),
        HostRule::Host { name, port: Some(port) } => vec![(name.clone(), *port)],
    }
}

fn proxy() -> String {
    format!("http://127.0.0.1:{PROXY_PORT}")
}

/// The variables by which programs find the proxy, in both spellings.
pub fn variables() -> Vec<(&'static str, String)> {
    let own = "localhost,127.0.0.1,::1".to_owned();
    let mut variables = Vec::new();
    for name in ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy"] {
        variables.push((name, proxy()));
    }
    variables.extend([("NO_PROXY", own.clone()), ("no_proxy", own)]);
    variables
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(text: &str) -> HostRule {
        HostRule::parse(text).unwrap()
    }

    #[test]
    fn the_script_has_the_rules_and_nothing_of_them_is_code() {
        let listed = [rule("api.example.com"), rule("*.example.org:8443"), rule("[2001:db8::1]:80"), rule("@github")];
        let script = Policy::new(&listed, vec![5432], false).script("pump", &["192.0.2.1".parse().unwrap()], true);
        let script = String::from_utf8(script).unwrap();
        for part in [
            "allow api.example.com 443\n",
            "allow api.example.com 80\n",
            "allow *.example.org 8443\n",
            "allow [2001:db8::1] 80\n",
            "allow github.com 443\n",
            "never 192.0.2.1/32\n",
            "never neighbours\n",
            "forward 5432' >/run/ringfence/rules",
            "proxy http://127.0.0.1:3128\n",
            "exec perl /dev/fd/5  5<<'END_OF_DOOR'\npump\n",
        ] {
            assert!(script.contains(part), "{part:?} is not in\n{script}");
        }
        assert!(!script.contains("allow * *"));
        assert!(PROGRAM.contains(&format!("'{FOLDER}'")) && DOOR == format!("{FOLDER}/door"));
    }

    #[test]
    fn what_was_learnt_leaves_out_what_is_listed() {
        let policy = Policy::new(&[rule("*.example.com"), rule("db.example.org:5432")], Vec::new(), true);
        let knocks = Knocks::read(
            "allowed 2 a.example.com 443 listed\nallowed 1 a.example.com 8443 listed\nallowed 1 example.com 80 listed\n\
             allowed 1 example.com 443 listed\nallowed 3 db.example.org 5432 listed\n",
            0,
            None,
        );
        let missing: Vec<String> = policy.missing(&knocks).iter().map(ToString::to_string).collect();
        assert_eq!(missing, ["a.example.com:8443", "example.com"]);
    }
}
