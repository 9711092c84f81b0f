//! What an engine says of the limits that it can enforce, and what gives it those that it lacks.

use super::check::Check;
use crate::runner::EngineFacts;

/// What the engine says.
pub fn limits(facts: &EngineFacts) -> Check {
    if facts.lacks == ["swap"] {
        let fact =
            "it can enforce memory, cpus and pids, but its kernel does not count swap: memory is limited without it";
        return Check::warn("engine.limits", fact, NO_SWAP);
    }
    if facts.lacks.is_empty() {
        return Check::ok("engine.limits", "it can enforce memory, cpus and pids");
    }
    let fact = format!("it says that it cannot enforce {}", facts.lacks.join(", "));
    let fix = if facts.rootless && facts.old_groups {
        format!("{UNIFIED}, and then: {DELEGATE}")
    } else {
        DELEGATE.to_owned()
    };
    Check::warn("engine.limits", fact, fix)
}

/// Hands control groups on to the user's own services.
pub const DELEGATE: &str = r"sudo mkdir -p /etc/systemd/system/user@.service.d && printf '[Service]\nDelegate=cpu memory pids\n' | sudo tee /etc/systemd/system/user@.service.d/delegate.conf && sudo systemctl daemon-reload; then log in again";

/// Gives a machine the control groups that can be handed on.
const UNIFIED: &str = "control groups of version 1 cannot be handed on to a user: add systemd.unified_cgroup_hierarchy=1 to the \
                           kernel's command line (GRUB_CMDLINE_LINUX in /etc/default/grub), sudo update-grub && sudo reboot";

/// Lets a kernel count swap; or leaves it none to count.
pub const NO_SWAP: &str = "add swapaccount=1 to the kernel's command line (GRUB_CMDLINE_LINUX in /etc/default/grub), then sudo update-grub \
                           && sudo reboot; or sudo swapoff -a";
