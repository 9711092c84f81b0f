//! Addresses that mean "this machine", and what they must become inside a container to still mean it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Where a service that is brought inside is found there.
const INSIDE: &str = "127.0.0.1";

/// `value` with its host replaced by `host`, where it is a URL or `host:port` whose host is this machine's loopback or
/// unspecified address, and likewise each of several hosts; absent where it is anything else, or there is no `host`. A service at a
/// port of `forwarded` is at 127.0.0.1, whichever loopback address it has here; absent where it is called so. Credentials, port,
/// path and query are kept.
pub fn rewrite(value: &str, host: Option<&str>, forwarded: &[u16]) -> Option<String> {
    let address = Address::of(value)?;
    let inside = |Host { name, port }: &Host| {
        let new = match address.number(port) {
            Some(number) if forwarded.contains(&number) => INSIDE,
            _ => host?,
        };
        let is_there = new == INSIDE && matches!(*name, "localhost" | INSIDE);
        (is_this_machine(name) && !is_there).then(|| format!("{new}{port}"))
    };
    let new: Vec<Option<String>> = address.hosts.iter().map(inside).collect();
    new.iter().any(Option::is_some).then(|| {
        let whole = |(new, old): (Option<String>, &Host)| new.unwrap_or_else(|| format!("{}{}", old.name, old.port));
        let hosts: Vec<String> = new.into_iter().zip(&address.hosts).map(whole).collect();
        format!("{}{}{}{}", address.scheme, address.credentials, hosts.join(","), address.tail)
    })
}

/// A service that a variable's value names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// Its host, a name or an address.
    pub host: String,
    /// Its port, where that is told or its scheme has one.
    pub port: Option<u16>,
    /// Whether the host is this machine's loopback or unspecified address.
    pub here: bool,
}

impl Service {
    /// The service that `value`, a URL or `host:port`, names; none where it has several hosts.
    pub fn of(value: &str) -> Option<Self> {
        let address = Address::of(value)?;
        let [Host { name, port }] = address.hosts[..] else { return None };
        let host = name.trim_start_matches('[').trim_end_matches(']').to_owned();
        (!host.is_empty()).then(|| Service { here: is_this_machine(name), host, port: address.number(port) })
    }
}

/// A URL or `host:port`, in its parts: all of them together, with commas between the hosts, are the whole.
struct Address<'v> {
    /// With its `://`.
    scheme: &'v str,
    /// With its `@`.
    credentials: &'v str,
    /// Mostly one; databases and queues have several.
    hosts: Vec<Host<'v>>,
    tail: &'v str,
}

struct Host<'v> {
    name: &'v str,
    /// With its `:`.
    port: &'v str,
}

impl<'v> Address<'v> {
    /// The `port` of a host, where that is told or the scheme has one.
    fn number(&self, port: &str) -> Option<u16> {
        let usual = match self.scheme.trim_end_matches("://") {
            "http" | "ws" => Some(80),
            "https" | "wss" => Some(443),
            _ => None,
        };
        port.strip_prefix(':').map_or(usual, |digits| digits.parse().ok())
    }

    fn of(value: &'v str) -> Option<Self> {
        let (scheme, rest) = match value.split_once("://") {
            Some((scheme, rest)) if is_scheme(scheme) => (&value[..scheme.len() + 3], rest),
            Some(_) => return None,
            None => ("", value),
        };
        // Its properties stand behind semicolons.
        let ends: &[char] = if scheme == "jdbc:sqlserver://" { &['/', '?', '#', ';'] } else { &['/', '?', '#'] };
        let (authority, tail) = rest.split_at(rest.find(ends).unwrap_or(rest.len()));
        let (credentials, hosts) = authority.split_at(authority.rfind('@').map_or(0, |at| at + 1));
        let host = |host| split_port(host).map(|(name, port)| Host { name, port });
        let hosts: Vec<Host> = hosts.split(',').map(host).collect::<Option<_>>()?;
        // Without a scheme only `host:port` is an address; a bare word such as "localhost" may be anything.
        let are_whole = || hosts.iter().all(|host| !host.port.is_empty());
        let is_address = !scheme.is_empty() || (are_whole() && tail.is_empty() && credentials.is_empty());
        is_address.then_some(Address { scheme, credentials, hosts, tail })
    }
}

/// One scheme, or one in another, as in `jdbc:postgresql`.
fn is_scheme(text: &str) -> bool {
    text.split(':').all(|scheme| {
        scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
    })
}

/// `name` and `:port` (or nothing); absent where the port is no number.
fn split_port(address: &str) -> Option<(&str, &str)> {
    let name_end = match address.strip_prefix('[') {
        Some(inner) => inner.find(']')? + 2,
        None => address.find(':').unwrap_or(address.len()),
    };
    let (name, port) = address.split_at(name_end);
    let digits = port.strip_prefix(':').unwrap_or(port);
    (port.is_empty() || (port.len() > 1 && digits.bytes().all(|byte| byte.is_ascii_digit()))).then_some((name, port))
}

fn is_this_machine(name: &str) -> bool {
    if let Some(inner) = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        let local = |address: IpAddr| address.is_loopback() || address.is_unspecified();
        return inner.parse().is_ok_and(|address: Ipv6Addr| local(address.to_canonical()));
    }
    let local_name = name.strip_suffix('.').unwrap_or(name).eq_ignore_ascii_case("localhost");
    let address = || name.parse().is_ok_and(|address: Ipv4Addr| address.is_loopback() || address.is_unspecified());
    local_name || address() || is_short_loopback(name)
}

/// Whether it is 127.0.0.0/8 with its last two or three numbers in one, as in `127.1`.
fn is_short_loopback(name: &str) -> bool {
    let number =
        |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse::<u32>().ok()).flatten();
    let Some(rest) = name.strip_prefix("127.") else { return false };
    match rest.split_once('.') {
        None => number(rest).is_some_and(|last| last < 1 << 24),
        Some((second, last)) => {
            number(second).is_some_and(|second| second < 1 << 8) && number(last).is_some_and(|last| last < 1 << 16)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_host_changes_and_only_where_it_is_this_machine() {
        for (value, rewritten) in [
            ("http://localhost:8080/v1?a=b#c", Some("http://H:8080/v1?a=b#c")),
            ("postgres://user:p%40ss@127.0.0.1:5432/db", Some("postgres://user:p%40ss@H:5432/db")),
            ("http://user:a@b@127.9.8.7/x", Some("http://user:a@b@H/x")),
            ("https://[::1]:9/x", Some("https://H:9/x")),
            ("http://0.0.0.0", Some("http://H")),
            ("LOCALHOST:6379", Some("H:6379")),
            ("[::]:80", Some("H:80")),
            ("redis://localhost", Some("redis://H")),
            ("jdbc:postgresql://localhost:5432/db", Some("jdbc:postgresql://H:5432/db")),
            ("http://[::ffff:127.0.0.1]:1/", Some("http://H:1/")),
            ("http://localhost.:1/", Some("http://H:1/")),
            ("mongodb://u:p,q@localhost:1,db.test:2,[::1]/x?a=b,c", Some("mongodb://u:p,q@H:1,db.test:2,H/x?a=b,c")),
            ("localhost:9092,127.0.0.1:5433", Some("H:9092,127.0.0.1:5433")),
            ("jdbc:sqlserver://localhost:1433;password=a/b@c,d", Some("jdbc:sqlserver://H:1433;password=a/b@c,d")),
            ("http://127.1/", Some("http://H/")),
            ("http://127.0.1:1/", Some("http://H:1/")),
            ("http://127.1.2.3.4/", None),
            ("http://127.99999999/", None),
            ("http://127.+1/", None),
            ("http://127./", None),
            ("localhost:80,localhost", None),
            ("localhost,127.0.0.1", None),
            ("a.test:1,b.test:2", None),
            (":jdbc://localhost", None),
            ("http://localhost:5433/", None),
            ("localhost:5433", None),
            ("http://127.8.8.8:5433/v1", Some("http://127.0.0.1:5433/v1")),
            ("postgres://u:p@[::1]:5433/db", Some("postgres://u:p@127.0.0.1:5433/db")),
            ("localhost", None),
            ("127.0.0.1", None),
            ("http://localhost.example.com/", None),
            ("http://example.com/?u=http://localhost/", None),
            ("http://128.0.0.1/", None),
            ("localhost:http", None),
            ("localhost:", None),
            ("a b://localhost", None),
            ("/path/localhost:80", None),
            ("", None),
        ] {
            assert_eq!(rewrite(value, Some("H"), &[5433]).as_deref(), rewritten, "{value}");
        }
        assert_eq!(rewrite("http://127.8.8.8", None, &[80]).as_deref(), Some("http://127.0.0.1"));
        assert_eq!(rewrite("http://127.8.8.8:81", None, &[80]), None);
    }
    #[test]
    fn a_service_has_a_host_and_mostly_a_port() {
        let service = |host: &str, port, here| Some(Service { host: host.into(), port, here });
        for (value, expected) in [
            ("http://localhost:8080/v1", service("localhost", Some(8080), true)),
            ("https://user:pw@api.example/v1", service("api.example", Some(443), false)),
            ("redis://127.0.0.1", service("127.0.0.1", None, true)),
            ("[::1]:90", service("::1", Some(90), true)),
            ("localhost:99999", service("localhost", None, true)),
            ("kafka://localhost:1,localhost:2", None),
            ("localhost", None),
            ("://x", None),
        ] {
            assert_eq!(Service::of(value), expected, "{value}");
        }
    }
}
