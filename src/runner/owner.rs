//! Whether the process that owns a container still lives, by the container's labels.

use rustix::process::{Pid, test_kill_process};

use super::identity;

/// The owner that a container's labels name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// Host name, `ringfence.owner.host`.
    pub host: String,
    /// Process id there, `ringfence.owner.pid`.
    pub pid: String,
    /// Start time, `ringfence.owner.start`; empty where the system does not tell.
    pub start: String,
}

impl Owner {
    /// Whether the owner is certainly gone. One on another machine cannot be seen from here and counts as living.
    pub fn is_gone(&self) -> bool {
        let Some(pid) = self.pid.parse().ok().and_then(Pid::from_raw) else { return false };
        if self.host != identity::host_name() {
            return false;
        }
        if self.start.is_empty() {
            return test_kill_process(pid) == Err(rustix::io::Errno::SRCH);
        }
        identity::start_of(&pid.to_string()).as_deref() != Some(self.start.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_lives_and_its_id_at_another_time_does_not() {
        let [host, pid, start] = identity::owner_labels().map(|(_, value)| value);
        let own = Owner { host, pid, start };
        assert!(!own.is_gone());
        if !own.start.is_empty() {
            assert!(Owner { start: "1".into(), ..own.clone() }.is_gone());
        }
        assert!(!Owner { host: "another machine".into(), start: "1".into(), ..own.clone() }.is_gone());
        assert!(!Owner { pid: String::new(), ..own.clone() }.is_gone(), "a label that is not ours says nothing");
        assert!(Owner { pid: "4194304".into(), start: String::new(), ..own }.is_gone());
    }
}
