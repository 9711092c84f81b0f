//! Looking for a run's processes on this machine, by the marker that all of them inherit.

use std::fs;

/// Whether this system lets its processes be found here. Elsewhere the supervisor looks with what its shell has.
pub const CAN_LOOK: bool = cfg!(target_os = "linux");

/// Whether a process is left whose environment holds `marker`, a `NAME=VALUE`. One that ends meanwhile, or belongs to somebody
/// else, cannot be read and does not count.
pub fn any(marker: &str) -> bool {
    let Ok(entries) = fs::read_dir("/proc") else { return false };
    entries
        .flatten()
        .filter(|entry| entry.file_name().as_encoded_bytes().first().is_some_and(u8::is_ascii_digit))
        .filter_map(|entry| fs::read(entry.path().join("environ")).ok())
        .any(|environment| environment.split(|&byte| byte == 0).any(|variable| variable == marker.as_bytes()))
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
