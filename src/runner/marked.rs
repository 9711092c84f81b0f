//! Looking for a run's processes on this machine, by the marker that all of them inherit.

use std::fs;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// The longest that a process is given to start another program.
const EXEC: Duration = Duration::from_secs(2);

/// Whether this system lets its processes be found here. Elsewhere the supervisor looks with what its shell has.
pub const CAN_LOOK: bool = cfg!(target_os = "linux");

/// Whether a process is left whose environment holds `marker`, a `NAME=VALUE`. One that ends meanwhile, or belongs to somebody
/// else, cannot be read and does not count.
pub fn any(marker: &str) -> bool {
    let Ok(entries) = fs::read_dir("/proc") else { return false };
    entries
        .flatten()
        .filter(|entry| entry.file_name().as_encoded_bytes().first().is_some_and(u8::is_ascii_digit))
        .filter_map(|entry| environment(&entry.path()))
        .any(|environment| environment.split(|&byte| byte == 0).any(|variable| variable == marker.as_bytes()))
}

/// The environment of a process. While it starts another program it reads as if it had neither environment nor arguments, for
/// long on a busy machine; then, told by its program from a kernel thread and from one that has ended, it is looked at again.
fn environment(process: &Path) -> Option<Vec<u8>> {
    let until = Instant::now() + EXEC;
    loop {
        let environment = fs::read(process.join("environ")).ok()?;
        let starting = environment.is_empty()
            && fs::read(process.join("cmdline")).is_ok_and(|arguments| arguments.is_empty())
            && fs::read_link(process.join("exe")).is_ok();
        if !starting || Instant::now() > until {
            return Some(environment);
        }
        sleep(Duration::from_micros(500));
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_variable_of_our_own_is_found_and_a_made_up_one_is_not() {
        let (name, value) = std::env::vars().find(|(name, _)| name == "PATH").unwrap();
        assert!(any(&format!("{name}={value}")));
        assert!(!any("RINGFENCE_RUN_nobody=1"));
    }
}
