//! The rules of a door that is open: what they say, and how they are changed.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::Serialize;

use super::{OPEN, never, ports_of};
use crate::config::HostRule;

/// A host, with the ports that a rule is about; none stands for all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HostPorts {
    /// The host.
    pub host: String,
    /// Its ports.
    pub ports: Vec<u16>,
}

/// What the rules come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Whether what no rule is about is let through.
    pub open: bool,
    /// What is let through anyway.
    pub allow: Vec<HostPorts>,
    /// What is not, whatever else is said.
    pub block: Vec<HostPorts>,
}

impl Rules {
    /// Reads the lines of the file `rules`.
    pub fn read(text: &str) -> Self {
        let list = |verdict: &str| {
            let mut hosts: BTreeMap<&str, Vec<u16>> = BTreeMap::new();
            for line in text.lines().filter(|line| *line != OPEN) {
                if let [first, host, port] = line.split(' ').collect::<Vec<_>>()[..]
                    && first == verdict
                {
                    hosts.entry(host).or_default().extend(port.parse::<u16>());
                }
            }
            let one = |(host, ports): (&str, Vec<u16>)| HostPorts { host: host.to_owned(), ports };
            hosts.into_iter().map(one).collect()
        };
        Rules { open: text.lines().any(|line| line == OPEN), allow: list("allow"), block: list("block") }
    }
}

/// A change of rules that are in force: lines that go, then lines that come. The last word about a host wins.
#[derive(Clone, Debug)]
pub struct Change<'a> {
    rules: &'a str,
    remove: Vec<String>,
    add: Vec<String>,
}

impl<'a> Change<'a> {
    /// A change of the lines of the file `rules`.
    pub fn of(rules: &'a str) -> Self {
        Change { rules, remove: Vec::new(), add: Vec::new() }
    }

    /// Lets through what no rule is about, or not.
    pub fn open(&mut self, open: bool) {
        self.remove.push(OPEN.into());
        self.add.extend(open.then(|| OPEN.to_owned()));
    }

    /// Keeps every name from `ours`, the addresses of this machine: it may have got some since.
    pub fn keep_from(&mut self, ours: &[IpAddr]) {
        self.add.extend(ours.iter().map(never));
    }

    /// Lets a host through.
    pub fn allow(&mut self, rule: &HostRule) {
        self.forget("block", rule);
        self.add.extend(ports_of(rule).iter().map(|(host, port)| format!("allow {host} {port}")));
    }

    /// Lets a host through no more, on all of its ports unless one is named.
    pub fn block(&mut self, rule: &HostRule) {
        self.forget("allow", rule);
        let port = match rule {
            HostRule::Host { port: Some(port), .. } => port.to_string(),
            _ => "*".to_owned(),
        };
        let mut hosts: Vec<String> = ports_of(rule).into_iter().map(|(host, _)| host).collect();
        hosts.dedup();
        self.add.extend(hosts.iter().map(|host| format!("block {host} {port}")));
    }

    /// Removes what says `verdict` of the same host, and of the same port if one is named.
    fn forget(&mut self, verdict: &str, rule: &HostRule) {
        let named = matches!(rule, HostRule::Host { port: Some(_), .. });
        for (host, port) in ports_of(rule) {
            let start = format!("{verdict} {host} ");
            let is_meant = |end: &str| !named || end == "*" || end == port.to_string();
            for line in self.rules.lines().filter(|line| line.strip_prefix(&start).is_some_and(is_meant)) {
                if !self.remove.iter().any(|known| known == line) {
                    self.remove.push(line.to_owned());
                }
            }
        }
    }

    /// The arguments of [`CHANGE`].
    pub fn arguments(&self) -> [String; 2] {
        let gone: Vec<&str> = self.remove.iter().chain(&self.add).map(String::as_str).collect();
        [gone.join("\n"), self.add.join("\n")]
    }
}

/// Changes the rules of the door that it is run in, by the lines `$1` that go and the lines `$2` that come, one change after the
/// other, and says that they have changed. A POSIX shell's, with Debian's `flock`.
pub const CHANGE: &str = r#"cd /run/ringfence && exec 9>lock && flock 9 &&
{ grep -vxF -e "$1" rules; printf '%s\n' "$2"; } >rules.new && mv rules.new rules && kill -HUP 1"#;

/// Prints the rules, a line `--`, and who knocked.
pub const SHOW: &str = "cd /run/ringfence && cat rules && echo -- && { [ ! -e knocks ] || cat knocks; }";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_read_and_changed() {
        let rules =
            Rules::read("allow a.test 443\nallow a.test 80\nallow * *\nblock b.test *\nnever ::1/128\nproxy x\n");
        assert!(rules.open);
        assert_eq!(rules.allow, [HostPorts { host: "a.test".into(), ports: vec![443, 80] }]);
        assert_eq!(rules.block, [HostPorts { host: "b.test".into(), ports: Vec::new() }]);

        let mut change = Change::of("allow a.test 443\nallow a.test 80\nallow c.test 8080\nblock b.test *\n");
        change.open(false);
        change.allow(&HostRule::parse("b.test").unwrap());
        change.block(&HostRule::parse("a.test:80").unwrap());
        change.block(&HostRule::parse("c.test").unwrap());
        let [gone, come] = change.arguments();
        assert_eq!(come, "allow b.test 443\nallow b.test 80\nblock a.test 80\nblock c.test *");
        assert_eq!(gone, format!("allow * *\nblock b.test *\nallow a.test 80\nallow c.test 8080\n{come}"));
    }
}
