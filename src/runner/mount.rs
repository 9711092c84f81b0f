//! A bind mount, and how an engine is told of it.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use super::dialect::{Dialect, PODMAN};
use crate::command::CommandSpec;

/// A bind mount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// On the host.
    pub source: PathBuf,
    /// Inside.
    pub target: PathBuf,
    /// Whether the agent may only read it.
    pub read_only: bool,
}

/// Adds the option that mounts `source` at `target`.
pub(super) fn bind(spec: CommandSpec, dialect: &Dialect, source: &Path, target: &Path, read_only: bool) -> CommandSpec {
    if dialect.is_apple() {
        // Its `--mount` takes folders only.
        let mut value = OsString::from(source);
        value.push(":");
        value.push(target);
        value.push(if read_only { ":ro" } else { "" });
        return spec.option("--volume", value);
    }
    // One line of CSV (RFC 4180), whose quoted fields carry commas, colons, quotes, spaces and newlines.
    let mut value = b"type=bind,".to_vec();
    value.extend(field("src=", source.as_os_str()));
    value.push(b',');
    value.extend(field("dst=", target.as_os_str()));
    if read_only {
        value.extend_from_slice(b",readonly");
    }
    spec.option("--mount", OsString::from_vec(value))
}

/// The value of `--mount` for a volume without a name, and without what the image has at its place.
pub(super) fn volume(dialect: &Dialect, target: &Path) -> OsString {
    let mut value = b"type=volume,".to_vec();
    value.extend(field("dst=", target.as_os_str()));
    // Podman has no such word for a volume without a name; the supervisor refuses a place that is not empty.
    if *dialect != PODMAN {
        value.extend_from_slice(b",volume-nocopy");
    }
    OsString::from_vec(value)
}

fn field(key: &str, value: &OsStr) -> Vec<u8> {
    let mut field = format!("\"{key}").into_bytes();
    for &byte in value.as_bytes() {
        if byte == b'"' {
            field.push(b'"');
        }
        field.push(byte);
    }
    field.push(b'"');
    field
}
