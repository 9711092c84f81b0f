//! What a warm sandbox is made with, so that it can say of itself later: its name, the folders of the host that it has, and the limits
//! that it was to have.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::fence::Fence;
use super::frame::Script;

/// The variable of a warm sandbox that says its name: a container that somebody else made has none.
pub const NAME: &str = "RINGFENCE_SANDBOX";

/// The variable of a warm sandbox that says which of the host's folders it has: a shell's `case` over `rf_dir`, a path on the host,
/// that sets `rf_in` to the path inside.
pub const PLACES: &str = "RINGFENCE_PLACES";

/// The variable of a warm sandbox that says what was asked for when it was made: a [`Fence`]'s script.
pub const FENCE: &str = "RINGFENCE_FENCE";

/// The variables that a warm sandbox was made with, which no agent and no command needs.
pub const OWN: [&str; 3] = [NAME, PLACES, FENCE];

/// The variables, as `NAME=VALUE`, of a sandbox with this name, which has each of these folders of the host at the path inside that
/// follows it, and these limits.
pub fn variables(name: &str, folders: &[(&Path, &Path)], fence: &Fence) -> [OsString; 3] {
    let mut places_inside = format!("{PLACES}=").into_bytes();
    places_inside.extend(places(folders));
    [OsString::from_vec(places_inside), format!("{NAME}={name}").into(), format!("{FENCE}={}", fence.script()).into()]
}

/// The value of [`PLACES`] for a container that has each of these folders of the host at the path inside that follows it.
fn places(folders: &[(&Path, &Path)]) -> Vec<u8> {
    let mut folders: Vec<_> = folders.iter().map(|(outside, inside)| (trimmed(outside), trimmed(inside))).collect();
    // The innermost first.
    folders.sort_by_key(|(outside, _)| std::cmp::Reverse(outside.len()));
    let mut script = Script::default();
    script.raw("case $rf_dir in ");
    for (outside, inside) in &folders {
        script.word(outside).raw("|").word(outside).raw("/*) rf_in=").word(inside);
        script.raw("${rf_dir#").word(outside).raw("} rf_root=").word(inside);
        script.raw(" rf_made=").word(inode(outside).as_bytes()).raw(" ;; ");
    }
    let known: Vec<_> = folders.iter().map(|(outside, _)| String::from_utf8_lossy(outside)).collect();
    script.raw("*) printf %s ").word(format!("it has {}", known.join(", ")).as_bytes()).raw(" >&2 ;; esac");
    script.0
}

/// The number of a folder in its file system; empty where it cannot be seen.
pub(super) fn inode(folder: &[u8]) -> String {
    std::fs::metadata(OsStr::from_bytes(folder)).map(|folder| folder.ino().to_string()).unwrap_or_default()
}

/// A folder's path without the slash that only the root ends in.
fn trimmed(folder: &Path) -> &[u8] {
    let path = folder.as_os_str().as_bytes();
    path.strip_suffix(b"/").unwrap_or(path)
}

/// Goes to `rf_dir`. A folder that was removed on the host is still mounted, without a path, and nothing can be made in it. One that
/// was moved is mounted still, and one below which something else is mounted is hidden: told by the folders' numbers (`rf_now` is
/// that on the host), where they are the same on both sides, as they were when the sandbox was made.
pub(super) const ENTER: &str = r#"
rf_in=
eval "$RINGFENCE_PLACES"
[ -n "$rf_in" ] && cd -- "$rf_in" || return 1
[ -n "$(pwd -P 2>/dev/null)" ] || {
printf %s 'it was removed on the host since the sandbox was made; make the sandbox again' >&2; return 1; }
rf_is() { rf_key=$2; set -- $(ls -di -- "$1" 2>/dev/null); [ "$1" = "$rf_key" ]; }
[ -z "$rf_now" ] || rf_is . "$rf_now" || ! rf_is "${rf_root:-/}" "$rf_made" && return
printf %s 'it is another folder now, or another one is mounted there; make the sandbox again' >&2
return 1
}
"#;
