//! What names a run: its id, the secret of its marks, the time, and the process that owns it.

use std::fmt::Write;
use std::time::Duration;

use anyhow::{Context, Result};

fn random_hex(bytes: usize) -> Result<String> {
    let mut random = vec![0; bytes];
    getrandom::fill(&mut random)
        .map_err(|error| anyhow::anyhow!("{error}"))
        .context("asking the system for random bytes")?;
    let mut text = String::with_capacity(2 * bytes);
    for byte in random {
        write!(text, "{byte:02x}")?;
    }
    Ok(text)
}

/// A name for a run that sorts by time and is unique on any number of machines: `20261121-031140-9f2c4e1a`, in UTC.
///
/// # Errors
/// The system has no random bytes.
pub fn new_run_id() -> Result<String> {
    let now = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC);
    Ok(format!("{}-{}", now.strftime("%Y%m%d-%H%M%S"), random_hex(4)?))
}

/// The secret that our marks carry: 128 random bits, never shown to the agent.
///
/// # Errors
/// The system has no random bytes.
pub fn new_nonce() -> Result<String> {
    random_hex(16)
}

/// The current time as RFC 3339 writes it, in UTC, to the millisecond.
pub fn now_rfc3339() -> String {
    format!("{:.3}", jiff::Timestamp::now())
}

/// The owner of a run, as its labels name it: host name, process id, the process's start time in clock ticks since boot
/// (proc(5), field 22 of `stat`), which tells it from a later process with the same id, and among which processes the id counts. Where it is
/// gone, what it owned takes at most `grace` to end by itself.
pub(super) fn owner_labels(grace: Duration) -> [(&'static str, String); 5] {
    [
        ("ringfence.owner.host", host_name()),
        ("ringfence.owner.pid", std::process::id().to_string()),
        ("ringfence.owner.start", start_of("self").unwrap_or_default()),
        ("ringfence.owner.space", space().unwrap_or_default()),
        ("ringfence.grace", grace.as_secs_f64().ceil().to_string()),
    ]
}

/// This machine's name.
pub(super) fn host_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// Among which processes our ids count: this boot of the machine (random(4)), and the namespace (`pid_namespaces(7)`). Absent where the
/// system does not tell; where it knows no such namespaces there is one.
pub(super) fn space() -> Option<String> {
    if !cfg!(target_os = "linux") {
        return Some("all".into());
    }
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let namespace = std::fs::read_link("/proc/self/ns/pid").ok()?;
    Some(format!("{} {}", boot.trim(), namespace.display()))
}

/// The id under which `/proc` shows this process; absent where there is none.
pub(super) fn shown_as() -> Option<rustix::process::Pid> {
    let link = std::fs::read_link("/proc/self").ok()?;
    rustix::process::Pid::from_raw(link.to_str()?.parse().ok()?)
}

/// When the process `pid` of this machine was started, in clock ticks since boot; absent where there is none, or no `/proc`.
pub(super) fn start_of(pid: &str) -> Option<String> {
    std::fs::read_to_string(format!("/proc/{pid}/stat")).ok().and_then(|stat| start_ticks(&stat))
}

/// Field 22 of a line of `/proc/PID/stat`; the second field, a name in brackets, may hold anything.
fn start_ticks(stat: &str) -> Option<String> {
    stat.rsplit_once(')')?.1.split_whitespace().nth(19).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn run_ids_differ_and_are_legal_names() {
        let (one, two) = (new_run_id().unwrap(), new_run_id().unwrap());
        assert_ne!(one, two);
        assert!(one.chars().all(|c| c.is_ascii_alphanumeric() || c == '-'), "{one}");
    }

    #[test]
    fn the_start_time_is_found_behind_any_process_name() {
        let fields: Vec<String> = (3..=24).map(|field| field.to_string()).collect();
        let stat = format!("7 (a) b) {}", fields.join(" "));
        assert_eq!(start_ticks(&stat).as_deref(), Some("22"));
    }
}
