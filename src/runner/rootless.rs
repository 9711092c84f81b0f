//! What Podman says where its user lacks what it needs to run without root.

use super::Engine;
use crate::failure::{Class, Failure};

/// The failure of the user's own means that `text` stands for, if it is one.
pub fn classify(engine: &Engine, text: &str) -> Option<Failure> {
    let says = |parts: &[&str]| parts.iter().any(|part| text.contains(part));
    let (lacks, hint) = if says(&[
        "no subuid ranges found",
        "no subgid ranges found",
        "defined in /etc/subuid",
        "not enough IDs available",
    ]) {
        (
            "your user has no range of subordinate ids",
            format!(
                "sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 \"$USER\" && {engine} system migrate (another \
                 range, where /etc/subuid has that one)"
            ),
        )
    } else if says(&["newuidmap", "newgidmap"]) {
        ("newuidmap is not installed", "sudo apt-get install uidmap".to_owned())
    } else if says(&["\"slirp4netns\": executable file not found", "rootless-netns-slirp4netns.pid: no such file"]) {
        (
            "slirp4netns is not installed, by which its containers reach a network",
            "sudo apt-get install slirp4netns, or --network none".to_owned(),
        )
    } else if says(&["cannot re-exec process", "user namespaces are not enabled"]) {
        (
            "users may not make user namespaces",
            "sudo sysctl user.max_user_namespaces=10000 kernel.unprivileged_userns_clone=1".to_owned(),
        )
    } else {
        return None;
    };
    Some(Failure::new(Class::DaemonPermission, format!("{engine} cannot run without root here: {lacks}"), hint))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_user_lacks_is_told_with_what_gives_it() {
        // Recorded from Podman 4.3.1, but for the last, which stands in its issues.
        for (text, hint) in [
            (
                "Error: keep-id requires additional UIDs or GIDs defined in /etc/subuid and /etc/subgid to function correctly: %!w(<nil>)",
                "--add-subuids",
            ),
            (
                r#"level=error msg="command required for rootless mode with multiple IDs: exec: \"newuidmap\": executable file not found in $PATH""#,
                "uidmap",
            ),
            (r#"Error: exec: "slirp4netns": executable file not found in $PATH"#, "slirp4netns"),
            ("cannot clone: Operation not permitted\nError: cannot re-exec process", "max_user_namespaces"),
        ] {
            let failure = classify(&Engine::docker("podman"), text).unwrap();
            assert_eq!(failure.class, Class::DaemonPermission);
            assert!(failure.hint.contains(hint), "{text}: {}", failure.hint);
        }
        assert!(classify(&Engine::docker("podman"), "Error: nope:latest: image not known").is_none());
    }
}
