//! What must be in force inside a container before an agent is started in it. The supervisor looks: some engines accept a limit
//! that they cannot enforce, and say so in a warning at most.

/// What a container was asked for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fence {
    /// Bytes of memory at most.
    pub memory: u64,
    /// CPUs at most.
    pub cpus: f64,
    /// Processes at most.
    pub pids: u32,
    /// Whether the image's files are read-only.
    pub read_only_root: bool,
    /// Whether no program can gain privileges.
    pub no_new_privileges: bool,
}

impl Fence {
    /// What tells the supervisor of it, as a shell's assignments.
    pub fn script(&self) -> String {
        self.variables().map(|(name, value)| format!("{name}={value}")).join(" ")
    }

    fn variables(&self) -> [(&'static str, String); 6] {
        let switch = |on: bool| if on { "1".to_owned() } else { String::new() };
        // Rounded up: what an engine makes of a fraction may differ in its last digit.
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a positive number of CPUs, far below 2^50"
        )]
        let millicpus = (self.cpus * 1000.0).ceil() as u64;
        [
            ("rf_fence", "1".to_owned()),
            ("rf_fence_memory", self.memory.to_string()),
            ("rf_fence_millicpus", millicpus.to_string()),
            ("rf_fence_pids", self.pids.to_string()),
            ("rf_fence_read_only", switch(self.read_only_root)),
            ("rf_fence_no_new", switch(self.no_new_privileges)),
        ]
    }
}

/// What an engine says, in its `words` on making a container, of limits that it accepts and does not enforce.
pub fn dropped(words: &str) -> Vec<&str> {
    let says = |line: &str, parts: &[&str]| parts.iter().any(|part| line.contains(part));
    let is_told =
        |line: &str| says(line, &["limit", "Limit"]) && says(line, &["ignored", "discarded", "does not support"]);
    words.lines().map(str::trim).filter(|line| is_told(line)).collect()
}

/// What the supervisor may name as not in force, each with the setting or the guarantee that it is.
const NAMES: [(&str, &str); 6] = [
    ("memory", "sandbox.memory"),
    ("cpus", "sandbox.cpus"),
    ("pids", "sandbox.pids"),
    ("root", "sandbox.read_only_root"),
    ("privileges", "no-new-privileges"),
    ("capabilities", "dropped capabilities"),
];

/// The name of what `word`, the supervisor's, stands for.
pub fn name_of(word: &str) -> Option<&'static str> {
    NAMES.iter().find(|(known, _)| *known == word).map(|(_, name)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_engine_does_without_is_in_its_words() {
        // Podman 4.3.1, recorded; Docker, after its sources.
        let podman = "Resource limits are not supported and ignored on cgroups V1 rootless systems";
        let docker = "WARNING: Your kernel does not support pids limit capabilities or the cgroup is not mounted. PIDs limit discarded.";
        let noise = "time=\"x\" level=warning msg=\"\\\"/\\\" is not a shared mount\"\n0123abcd";
        assert_eq!(dropped(&format!("{noise}\n{podman}\n{docker}\n")), [podman, docker]);
        assert!(dropped(noise).is_empty());
    }
}
