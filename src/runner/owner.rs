//! Whether the process that owns a container still lives, by the container's labels.

use std::time::Duration;

use rustix::process::{Pid, getpid, test_kill_process};
use serde::Deserialize;

use super::identity;

/// The owner that a container's labels name; what a label does not say is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Owner {
    /// Host name, `ringfence.owner.host`.
    pub host: String,
    /// Process id there, `ringfence.owner.pid`.
    pub pid: String,
    /// Start time, `ringfence.owner.start`; empty where the system does not tell.
    pub start: String,
    /// Among which processes that id counts, `ringfence.owner.space`.
    pub space: String,
    /// How long a run of this owner may take to end after it, whole seconds: `ringfence.grace`.
    pub grace: String,
}

impl Owner {
    /// Whether the owner is certainly gone. One that cannot be seen from here, on another machine or among the processes of another
    /// container, counts as living; so does one that is there, but is not shown to us.
    pub fn is_gone(&self) -> bool {
        let Some(pid) = self.pid.parse().ok().and_then(Pid::from_raw) else { return false };
        if self.host != identity::host_name() || identity::space().is_none_or(|space| space != self.space) {
            return false;
        }
        if test_kill_process(pid) == Err(rustix::io::Errno::SRCH) {
            return true;
        }
        // A `/proc` may show the processes of another namespace than ours, under other ids.
        let is_ours = identity::shown_as() == Some(getpid());
        let start = identity::start_of(&pid.to_string()).filter(|_| is_ours && !self.start.is_empty());
        start.is_some_and(|start| start != self.start)
    }

    /// How long what it owns may take to end by itself after it.
    pub fn grace(&self) -> Duration {
        Duration::from_secs(self.grace.parse().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own() -> Owner {
        let labels = identity::owner_labels(Duration::from_millis(6500));
        let [host, pid, start, space, grace] = labels.map(|(_, value)| value);
        Owner { host, pid, start, space, grace }
    }

    #[test]
    fn this_process_lives_and_its_id_at_another_time_does_not() {
        let own = own();
        assert!(!own.is_gone());
        if !own.start.is_empty() {
            assert!(Owner { start: "1".into(), ..own.clone() }.is_gone());
        }
        assert!(!Owner { host: "another machine".into(), start: "1".into(), ..own.clone() }.is_gone());
        assert!(!Owner { pid: String::new(), ..own.clone() }.is_gone(), "a label that is not ours says nothing");
        assert_eq!((own.grace(), Owner::default().grace()), (Duration::from_secs(7), Duration::ZERO));
        for start in ["", "1"] {
            assert!(Owner { pid: "4194304".into(), start: start.into(), ..own.clone() }.is_gone());
        }
    }

    #[test]
    fn an_id_that_counts_among_other_processes_says_nothing() {
        let gone = Owner { pid: "4194304".into(), start: "1".into(), ..own() };
        assert!(gone.is_gone());
        for space in ["", "another boot pid:[4026531836]"] {
            assert!(!Owner { space: space.into(), ..gone.clone() }.is_gone(), "{space:?}");
        }
    }
}
