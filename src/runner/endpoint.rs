//! Where the engine listens, as its own client would find out: a variable, or the context in force. Nothing is asked.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::dialect::{Dialect, PODMAN};

/// The address that the client of an engine goes to; absent where that is its default, on this machine.
///
/// `variable` is the caller's environment, `home` the caller's home folder.
pub fn address(dialect: &Dialect, variable: impl Fn(&str) -> Option<String>, home: Option<&Path>) -> Option<String> {
    if dialect.is_apple() {
        return None;
    }
    if *dialect == PODMAN {
        // The second names a connection of its own list, which is for other machines, the virtual among them.
        return variable("CONTAINER_HOST").or_else(|| variable("CONTAINER_CONNECTION"));
    }
    let folder = variable("DOCKER_CONFIG").map(Into::into).or_else(|| home.map(|home| home.join(".docker")));
    variable("DOCKER_HOST").or_else(|| {
        let folder = folder?;
        let context = variable("DOCKER_CONTEXT").or_else(|| chosen(&folder)).filter(|name| name != "default")?;
        endpoint_of(&folder, &context)
    })
}

/// Whether an engine at `address` is on another machine, and cannot see this one's files.
pub fn is_remote(address: &str) -> bool {
    !["unix:", "npipe:", "fd:"].iter().any(|scheme| address.starts_with(scheme))
}

/// The context that `docker context use` chose.
fn chosen(folder: &Path) -> Option<String> {
    text(&read(&folder.join("config.json"))?["currentContext"])
}

/// A context's endpoint: each has a folder, named for the hash of its name.
fn endpoint_of(folder: &Path, context: &str) -> Option<String> {
    let known = fs::read_dir(folder.join("contexts/meta")).ok()?.flatten();
    let mut known = known.filter_map(|entry| read(&entry.path().join("meta.json")));
    let found = known.find(|meta| meta["Name"] == context)?;
    text(&found["Endpoints"]["docker"]["Host"])
}

fn read(file: &Path) -> Option<Value> {
    serde_json::from_slice(&fs::read(file).ok()?).ok()
}

fn text(value: &Value) -> Option<String> {
    value.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::super::dialect::DOCKER;
    use super::*;

    #[test]
    fn a_variable_goes_before_a_context_and_a_context_before_the_default() {
        let home = tempfile::tempdir().unwrap();
        let meta = home.path().join(".docker/contexts/meta/0badc0de");
        fs::create_dir_all(&meta).unwrap();
        let contents =
            r#"{"Name":"far","Metadata":{},"Endpoints":{"docker":{"Host":"ssh://me@far","SkipTLSVerify":false}}}"#;
        fs::write(meta.join("meta.json"), contents).unwrap();
        let of = |variables: &'static [(&str, &str)]| {
            let variable =
                |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
            address(&DOCKER, variable, Some(home.path()))
        };
        assert_eq!(of(&[]), None);
        assert_eq!(of(&[("DOCKER_CONTEXT", "far")]).as_deref(), Some("ssh://me@far"));
        assert_eq!(of(&[("DOCKER_CONTEXT", "unknown")]), None);
        fs::write(home.path().join(".docker/config.json"), r#"{"currentContext":"far"}"#).unwrap();
        assert_eq!(of(&[]).as_deref(), Some("ssh://me@far"));
        assert_eq!(of(&[("DOCKER_CONTEXT", "default")]), None);
        assert_eq!(of(&[("DOCKER_HOST", "unix:///x")]).as_deref(), Some("unix:///x"));
        assert_eq!(of(&[("DOCKER_CONFIG", "/nowhere")]), None);
        let podman = |name: &str| (name == "CONTAINER_HOST").then(|| "unix:///p".to_owned());
        assert_eq!(address(&PODMAN, podman, None).as_deref(), Some("unix:///p"));
        let podman = |name: &str| (name == "CONTAINER_CONNECTION").then(|| "box".to_owned());
        assert!(address(&PODMAN, podman, None).is_some_and(|address| is_remote(&address)));
        for (address, remote) in [
            ("unix:///x", false),
            ("npipe:////./pipe/x", false),
            ("fd://3", false),
            ("far:2375", true),
            ("ssh://me@far", true),
        ] {
            assert_eq!(is_remote(address), remote, "{address}");
        }
    }
}
