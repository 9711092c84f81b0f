//! Looking for a run's processes on this machine, by the marker that all of them inherit.

use std::collections::HashSet;
use std::ffi::CStr;
use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::FileExt;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// The longest that a process is given to start another program, and that new processes are looked for.
const PATIENCE: Duration = Duration::from_secs(2);

/// Whether this system lets its processes be found here. Elsewhere the supervisor looks with what its shell has.
pub const CAN_LOOK: bool = cfg!(target_os = "linux");

/// Whether a process is left whose environment holds `marker`, a `NAME=VALUE`. One that ends meanwhile, or belongs to somebody
/// else, cannot be read and does not count. A process may start another between being listed and being read, and end: what
/// is new since the last list is looked at as well, until there is nothing new.
pub fn any(marker: &str) -> bool {
    let until = Instant::now() + PATIENCE;
    let mut seen = HashSet::new();
    // Most environments fit, so one read takes them.
    let mut environment = Vec::with_capacity(64 * 1024);
    loop {
        let before = seen.len();
        for process in processes() {
            if seen.insert(process) && carries(process, marker, &mut environment, until) {
                return true;
            }
        }
        if seen.len() == before || Instant::now() > until {
            return false;
        }
    }
}

/// The processes whose arguments hold `text`, by their ids; absent where this system does not show arguments as files.
pub fn with_argument(text: &str) -> Option<Vec<String>> {
    let holds = |process: &u32| {
        fs::read(file(*process, "cmdline"))
            .is_ok_and(|bytes| bytes.windows(text.len()).any(|window| window == text.as_bytes()))
    };
    CAN_LOOK.then(|| processes().into_iter().filter(holds).map(|process| process.to_string()).collect())
}

/// The ids of the processes that there are.
fn processes() -> Vec<u32> {
    let listed = fs::read_dir("/proc").into_iter().flatten().flatten();
    listed.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

/// What the kernel says about a process under `name`.
fn file(process: u32, name: &str) -> String {
    format!("/proc/{process}/{name}")
}

/// Whether the environment of a process holds `marker`. While the process starts another program it reads as empty, and one
/// that was opened before ends in the middle: only what can still be read from its beginning was read to its end, and only the
/// kernel's own word that there is nothing is believed. `environment` is room for it.
fn carries(process: u32, marker: &str, environment: &mut Vec<u8>, until: Instant) -> bool {
    while let Ok(file) = File::open(file(process, "environ")) {
        environment.clear();
        let read = (&file).read_to_end(environment);
        if holds(environment, marker.as_bytes()) {
            return true;
        }
        let whole = read.is_ok() && file.read_at(&mut [0], 0).is_ok_and(|length| length > 0);
        if whole || environment_is_empty(process) || Instant::now() > until {
            return false;
        }
        sleep(Duration::from_micros(500));
    }
    false
}

/// Whether one of these variables, each with a zero byte behind it, is `marker`. By the standard library's own search for that byte:
/// most of the time that a look takes was spent on searching one by one.
fn holds(environment: &[u8], marker: &[u8]) -> bool {
    let mut rest = environment;
    while let Ok(variable) = CStr::from_bytes_until_nul(rest) {
        if variable.to_bytes() == marker {
            return true;
        }
        rest = &rest[variable.count_bytes() + 1..];
    }
    rest == marker
}

/// Whether a process has no environment, by the numbers of `/proc/PID/stat` as the manual page `proc_pid_stat` gives them. Where
/// its code starts (26) is 0 until its program has been started, and for ever in a kernel thread or one that has ended: these
/// have no program. From then on the start (50) and the end (51) of its environment are right.
fn environment_is_empty(process: u32) -> bool {
    let text = fs::read(file(process, "stat")).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    // The name (2) may hold anything; the first number after it is 3.
    let numbers: Vec<_> = text.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let number = |field: usize| numbers.get(field - 3).copied().unwrap_or("0");
    if number(26) == "0" { fs::read_link(file(process, "exe")).is_err() } else { number(50) == number(51) }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_variable_is_found_wherever_it_stands_and_only_whole() {
        for (environment, found) in
            [("M=1\0A=2\0", true), ("A=2\0M=1\0", true), ("A=2\0M=1", true), ("\0M=1\0", true), ("", false)]
        {
            assert_eq!(holds(environment.as_bytes(), b"M=1"), found, "{environment:?}");
        }
        assert!(!holds(b"XM=1\0M=12\0A=M=1\0M=", b"M=1"));
    }

    #[test]
    fn a_variable_of_our_own_is_found_and_a_made_up_one_is_not() {
        let (name, value) = std::env::vars().find(|(name, _)| name == "PATH").unwrap();
        assert!(any(&format!("{name}={value}")));
        assert!(!any("RINGFENCE_RUN_nobody=1"));
        let own = std::env::args().next().unwrap();
        assert!(with_argument(&own).unwrap().contains(&std::process::id().to_string()));
        assert_eq!(with_argument(&format!("{own}, which nobody typed")), Some(Vec::new()));
    }
}
