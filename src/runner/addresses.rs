//! The addresses of this machine, as far as it tells them without being asked through the network.

use std::collections::BTreeSet;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Every address of this machine, its bridges' among them. Empty where the system does not list them in `/proc`.
pub fn of_this_machine() -> Vec<IpAddr> {
    let text = |path| fs::read_to_string(path).unwrap_or_default();
    let found: BTreeSet<IpAddr> =
        local_v4(&text("/proc/net/fib_trie")).chain(local_v6(&text("/proc/net/if_inet6"))).collect();
    found.into_iter().collect()
}

/// An address stands on the line before the one that calls it local.
fn local_v4(trie: &str) -> impl Iterator<Item = IpAddr> {
    trie.lines().zip(trie.lines().skip(1)).filter_map(|(address, kind)| {
        let address: Ipv4Addr = address.trim_start().strip_prefix("|-- ")?.parse().ok()?;
        kind.contains("/32 host LOCAL").then_some(address.into())
    })
}

/// 32 hexadecimal digits begin each line.
fn local_v6(list: &str) -> impl Iterator<Item = IpAddr> {
    list.lines().filter_map(|line| {
        let digits = u128::from_str_radix(line.split(' ').next()?, 16).ok()?;
        Some(Ipv6Addr::from_bits(digits).into())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn local_addresses_are_told_from_routes() {
        let trie = "Main:\n  +-- 0.0.0.0/0 3 0 5\n     |-- 198.18.0.0\n        /24 link UNICAST\n     |-- 198.18.0.1\n        \
                    /32 host LOCAL\n     |-- 198.18.0.255\n        /32 link BROADCAST\n";
        assert_eq!(local_v4(trie).collect::<Vec<_>>(), ["198.18.0.1".parse::<IpAddr>().unwrap()]);
        let list =
            "fd000000000000000000000000000001 02 40 00 80 eth0\n00000000000000000000000000000001 01 80 10 80 lo\n";
        let wanted: Vec<IpAddr> = ["fd00::1", "::1"].map(|address| address.parse().unwrap()).to_vec();
        assert_eq!(local_v6(list).collect::<Vec<_>>(), wanted);
    }
}
