//! Looking for a run's processes on this machine, by the marker that all of them inherit.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
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
            if seen.insert(process.clone()) && carries(&process, marker, &mut environment, until) {
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
    let holds = |path: &PathBuf| {
        fs::read(path.join("cmdline"))
            .is_ok_and(|bytes| bytes.windows(text.len()).any(|window| window == text.as_bytes()))
    };
    let id = |path: PathBuf| path.file_name().map(|id| id.to_string_lossy().into_owned());
    CAN_LOOK.then(|| processes().filter(holds).filter_map(id).collect())
}

fn processes() -> impl Iterator<Item = PathBuf> {
    let listed: Vec<_> = fs::read_dir("/proc").into_iter().flatten().flatten().collect();
    listed
        .into_iter()
        .filter(|entry| entry.file_name().as_encoded_bytes().first().is_some_and(u8::is_ascii_digit))
        .map(|entry| entry.path())
}

/// Whether the environment of a process holds `marker`. While the process starts another program it reads as empty, and one
/// that was opened before ends in the middle: only what can still be read from its beginning was read to its end, and only the
/// kernel's own word that there is nothing is believed. `environment` is room for it.
fn carries(process: &Path, marker: &str, environment: &mut Vec<u8>, until: Instant) -> bool {
    while let Ok(file) = File::open(process.join("environ")) {
        environment.clear();
        let read = (&file).read_to_end(environment);
        if environment.split(|&byte| byte == 0).any(|variable| variable == marker.as_bytes()) {
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

/// Whether a process has no environment, by the numbers of `/proc/PID/stat` as the manual page `proc_pid_stat` gives them. Where
/// its code starts (26) is 0 until its program has been started, and for ever in a kernel thread or one that has ended: these
/// have no program. From then on the start (50) and the end (51) of its environment are right.
fn environment_is_empty(process: &Path) -> bool {
    let text = fs::read(process.join("stat")).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    // The name (2) may hold anything; the first number after it is 3.
    let numbers: Vec<_> = text.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let number = |field: usize| numbers.get(field - 3).copied().unwrap_or("0");
    if number(26) == "0" { fs::read_link(process.join("exe")).is_err() } else { number(50) == number(51) }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

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
