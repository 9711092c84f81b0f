//! What knocked at the door: counted by it, told to people and programs.

use serde::Serialize;

/// What a sandbox was refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Denied {
    /// The host that was asked for; `*` stands for what was not sent to the door at all.
    pub host: String,
    /// Its port; none where there is no telling.
    pub port: Option<u16>,
    /// How often.
    pub count: u64,
    /// What would let it through.
    pub fix: String,
}

/// What became of who knocked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// It was let through.
    Allowed,
    /// It was not.
    Denied,
}

impl Verdict {
    /// The name, as the door writes it and as it is shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Verdict::Allowed => "allowed",
            Verdict::Denied => "denied",
        }
    }
}

/// A line of the door's table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Knock {
    /// What became of it.
    pub verdict: Verdict,
    /// The host that was asked for.
    pub host: String,
    /// Its port; 0 where there is no telling.
    pub port: u16,
    /// How often.
    pub count: u64,
    /// In a word.
    pub why: String,
}

impl Knock {
    /// Reads a line `allowed|denied COUNT HOST PORT WHY`.
    fn read(line: &str) -> Option<Self> {
        let [verdict, count, host, port, why] = line.split(' ').collect::<Vec<_>>()[..] else { return None };
        Some(Knock {
            verdict: [Verdict::Allowed, Verdict::Denied].into_iter().find(|one| one.as_str() == verdict)?,
            host: host.to_owned(),
            port: port.parse().ok()?,
            count: count.parse().ok()?,
            why: why.to_owned(),
        })
    }

    /// Reads a whole table.
    pub fn read_all(table: &str) -> Vec<Self> {
        table.lines().filter_map(Knock::read).collect()
    }

    fn is_like(&self, other: &Knock) -> bool {
        Knock { count: other.count, ..self.clone() } == *other
    }
}

/// Begins the lines of what had been counted before.
const BEFORE: &str = "before ";

/// All that knocked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Knocks {
    sandbox: Option<String>,
    denied: Vec<Denied>,
    allowed: Vec<(String, u16)>,
    /// Whether there were more of these than the door tells apart.
    more: bool,
}

impl Knocks {
    /// Reads the door's table; `strays` is how many packets found no way out because they were not sent through the door. Lines that
    /// begin with `before` say what had been counted already. `sandbox` is the warm one that it is about, if it is one.
    pub fn read(table: &str, strays: u64, sandbox: Option<&str>) -> Self {
        let (before, now): (Vec<&str>, Vec<&str>) = table.lines().partition(|line| line.starts_with(BEFORE));
        let before: Vec<Knock> = before.iter().filter_map(|line| Knock::read(&line[BEFORE.len()..])).collect();
        let mut knocks = Knocks { sandbox: sandbox.map(str::to_owned), ..Knocks::default() };
        for mut knock in now.into_iter().filter_map(Knock::read) {
            let known = before.iter().find(|known| known.is_like(&knock)).map_or(0, |known| known.count);
            knock.count = knock.count.saturating_sub(known);
            match knock.verdict {
                _ if knock.count == 0 => {}
                // Those that were too many have no name, and it is no rule.
                Verdict::Allowed if knock.port == 0 => knocks.more = true,
                Verdict::Allowed => knocks.allowed.push((knock.host, knock.port)),
                Verdict::Denied => {
                    let fix = fix(&knock, sandbox);
                    let port = (knock.port > 0).then_some(knock.port);
                    knocks.add(Denied { host: knock.host, port, count: knock.count, fix });
                }
            }
        }
        if strays > 0 {
            let fix = "nothing leads out but the proxy in HTTPS_PROXY: let the program use it".to_owned();
            knocks.add(Denied { host: "*".into(), port: None, count: strays, fix });
        }
        knocks
    }

    /// What was let through.
    pub fn allowed(&self) -> impl Iterator<Item = (&str, u16)> {
        self.allowed.iter().map(|(host, port)| (host.as_str(), *port))
    }

    /// Whether more hosts were let through than the door tells apart.
    pub fn has_more(&self) -> bool {
        self.more
    }

    /// What was refused.
    pub fn denied(&self) -> &[Denied] {
        &self.denied
    }

    fn add(&mut self, more: Denied) {
        let same = |one: &&mut Denied| one.host == more.host && one.port == more.port && one.fix == more.fix;
        match self.denied.iter_mut().find(same) {
            Some(one) => one.count += more.count,
            None => self.denied.push(more),
        }
    }

    /// Adds what knocked at another time.
    pub fn extend(&mut self, later: Knocks) {
        self.sandbox = self.sandbox.take().or(later.sandbox);
        self.more |= later.more;
        for denied in later.denied {
            self.add(denied);
        }
        for host in later.allowed {
            if !self.allowed.contains(&host) {
                self.allowed.push(host);
            }
        }
    }

    /// In a line, where a host was refused.
    pub fn in_words(&self) -> Option<String> {
        const MOST: usize = 4;
        let hosts: Vec<&Denied> = self.denied.iter().filter(|one| one.host != "*").collect();
        let name = |one: &Denied| match (one.port, one.count) {
            (Some(port), 1) => format!("{}:{port}", one.host),
            (Some(port), count) => format!("{}:{port} ({count} times)", one.host),
            (None, count) => format!("{count} requests that were none"),
        };
        let mut names: Vec<String> = hosts.iter().take(MOST).map(|one| name(one)).collect();
        let more = hosts.len().saturating_sub(MOST);
        if more > 0 {
            names.push(format!("{more} more"));
        }
        let start = self.sandbox.as_deref().map(in_sandbox).unwrap_or_default();
        let flags = |one: &&Denied| Some(one.fix.strip_prefix(&start)?.to_owned()).filter(|fix| fix.starts_with("--"));
        let mut fixes: Vec<String> = hosts.iter().filter_map(flags).collect();
        fixes.sort_unstable();
        fixes.dedup();
        fixes.truncate(MOST);
        let fixes = match fixes.join(" ") {
            fixes if fixes.is_empty() => fixes,
            fixes => format!("; to let them through: {start}{fixes}"),
        };
        (!names.is_empty()).then(|| format!("the network policy denied {}{fixes}", names.join(", ")))
    }
}

/// What is typed to change what a warm sandbox may reach.
fn in_sandbox(name: &str) -> String {
    format!("ringfence sandbox network {name} ")
}

/// What would let a request through that was refused.
fn fix(knock: &Knock, sandbox: Option<&str>) -> String {
    let Knock { host, port, why, .. } = knock;
    let here = host == "localhost" || host.starts_with("127.") || host == "[::1]";
    let start = sandbox.map(in_sandbox).unwrap_or_default();
    match why.as_str() {
        "inward" | "unlisted" if sandbox.is_some() && (here || why == "inward") => {
            format!("nothing in a warm sandbox; in a throwaway container: --forward {port}")
        }
        "inward" => format!("--forward {port}"),
        "unlisted" if here => format!("--forward {port}"),
        "unlisted" | "blocked" if *port == 443 || *port == 80 => format!("{start}--allow-host {host}"),
        "unlisted" | "blocked" => format!("{start}--allow-host {host}:{port}"),
        "mismatch" => "nothing: the request names two different hosts".into(),
        "endless" => "nothing: say its Content-Length, or use HTTPS".into(),
        "malformed" => "nothing: it was no request that a proxy can take".into(),
        _ => "nothing: too many hosts were asked for to count them all".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_read_and_told() {
        let table = "allowed 2 a.test 443 listed\ndenied 3 b.test 443 unlisted\ndenied 1 b.test 80 unlisted\n\
                     denied 1 c.test 8080 unlisted\ndenied 2 d.test 5432 inward\ndenied 1 e.test 80 mismatch\n\
                     denied 9 ? 0 malformed\nnonsense\nallowed 4 ? 0 others\n";
        let knocks = Knocks::read(table, 7, None);
        let fixes: Vec<&str> = knocks.denied().iter().map(|one| one.fix.as_str()).collect();
        assert!(
            Knocks::read(table, 0, None).has_more()
                && !Knocks::read("allowed 4 a.test 443 listed\n", 0, None).has_more()
        );
        assert_eq!(
            fixes[..4],
            ["--allow-host b.test", "--allow-host b.test", "--allow-host c.test:8080", "--forward 5432"]
        );
        let json = serde_json::to_value(&knocks.denied()[6]).unwrap();
        assert_eq!((&json["host"], &json["port"], &json["count"]), (&"*".into(), &serde_json::Value::Null, &7.into()));
        assert_eq!(
            knocks.in_words().unwrap(),
            "the network policy denied b.test:443 (3 times), b.test:80, c.test:8080, d.test:5432 (2 times), 2 more; \
             to let them through: --allow-host b.test --allow-host c.test:8080 --forward 5432"
        );
        assert_eq!(knocks.allowed().collect::<Vec<_>>(), [("a.test", 443)]);
        assert_eq!(Knocks::read("allowed 1 a.test 443 listed\n", 3, None).in_words(), None);
    }

    #[test]
    fn two_attempts_add_up() {
        let mut one = Knocks::read("denied 3 b.test 443 unlisted\n", 1, None);
        one.extend(Knocks::read("denied 2 b.test 443 unlisted\nallowed 1 a.test 80 listed\n", 1, None));
        assert_eq!(one.denied().iter().map(|one| one.count).collect::<Vec<_>>(), [5, 2]);
        assert_eq!(one.allowed().collect::<Vec<_>>(), [("a.test", 80)]);
    }

    #[test]
    fn what_a_warm_sandbox_had_counted_before_is_taken_off() {
        let table = "before denied 3 b.test 443 unlisted\nbefore allowed 1 a.test 80 listed\ndenied 5 b.test 443 unlisted\n\
                     allowed 1 a.test 80 listed\ndenied 1 c.test 80 inward\n";
        let knocks = Knocks::read(table, 0, Some("box"));
        assert_eq!(knocks.denied().iter().map(|one| one.count).collect::<Vec<_>>(), [2, 1]);
        assert_eq!(knocks.allowed().count(), 0);
        assert_eq!(
            knocks.in_words().unwrap(),
            "the network policy denied b.test:443 (2 times), c.test:80; to let them through: \
             ringfence sandbox network box --allow-host b.test"
        );
    }
}
