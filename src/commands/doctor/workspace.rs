//! The real workspace, as an agent in a container has it: whether it can be written to, and whether git works there.

use std::fs;
use std::path::{Path as FilePath, PathBuf};
use std::time::Duration;

use anyhow::Result;

use super::check::Check;
use super::machine::taken_over;
use super::path::Path;
use crate::command::CommandSpec;
use crate::commands::run::Order;
use crate::failure::{Class, Failure};
use crate::runner::{self, End, Limits, Sink, Stop};

/// Makes a file `$1` and removes it, and asks git where `$2` says so. Here and not on the host, because git obeys what the folder's
/// configuration says, and an agent can write that.
const LOOK: &str = r#"first() { printf '%s=failed: %s\n' "$1" "$(printf '%s\n' "$2" | head -n 1)"; }
if words=$( { echo made >"$1" && rm -f "$1"; } 2>&1 ); then echo write=ok; else first write "$words"; fi
[ "$2" = git ] || exit 0
command -v git >/dev/null 2>&1 || { echo git=absent; exit 0; }
if words=$(git status --porcelain 2>&1 >/dev/null); then echo git=ok; else first git "$words"; fi"#;

/// The wall clock of the look: git reads every file of a large repository that it has not seen yet.
const LIMIT: Duration = Duration::from_secs(60);
const GRACE: Duration = Duration::from_secs(1);

impl Path<'_> {
    /// What an agent can do in the real workspace, where it is in a container: there it has the caller's user and group, but none of
    /// the caller's other groups, and nothing of what lies around the workspace.
    pub fn inside(&self) -> Vec<Check> {
        if self.is_copied() {
            let reason =
                "where it is copied, the agent has all of it as its own; it is not carried there and back for a trial";
            return ["run.workspace", "run.workspace-git"].map(|id| Check::skip(id, reason)).into();
        }
        self.look_inside().unwrap_or_else(|error| vec![Check::fail("run.workspace", &Failure::of(&error))])
    }

    fn look_inside(&self) -> Result<Vec<Check>> {
        let run_id = runner::new_run_id()?;
        let top = work_tree(&self.workspace.path);
        // What the static check has said is not said twice.
        let told = matches!(self.workspace.common_git_folder(), Some(Err(_)));
        let asks = if top.is_some() && !told { "git" } else { "" };
        let name = format!(".ringfence-doctor-{run_id}");
        let args = vec![name.as_str().into(), asks.into()];
        let look = Order::of_ours(self.offline(), self.workspace.clone(), LOOK, args);
        let plan = self.plan(&look, &run_id)?;
        let limits = Limits { timeout: Some(LIMIT), idle_timeout: None, grace: GRACE };
        let mut said = Said(Vec::new());
        let outcome = plan.observe(&limits, &mut said)?;
        // One that was ended between the two leaves it.
        let _ = fs::remove_file(self.workspace.path.join(name));
        let text = String::from_utf8_lossy(&said.0);
        let value = |key: &str| text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
        let mut checks = vec![self.written(value("write"), outcome.end).took(outcome.timings.agent)];
        if let (Some(top), "git") = (top, asks) {
            checks.push(self.asked(value("git"), &top));
        }
        Ok(checks)
    }

    fn written(&self, said: Option<&str>, end: End) -> Check {
        let (id, path) = ("run.workspace", &self.workspace.path);
        match said {
            Some("ok") => Check::ok(id, format!("the agent can write into {}", path.display())),
            Some(words) => {
                let message = format!(
                    "the agent cannot write into {}: inside it has your user and group, but not your other groups",
                    path.display()
                );
                Check::fail(id, &Failure::new(Class::Usage, message, taken_over(path)).because(words))
            }
            None => {
                let message = format!("what can be done in {} was not told ({end:?})", path.display());
                Check::fail(id, &Failure::new(Class::Internal, message, "ringfence sandbox doctor --verbose"))
            }
        }
    }

    /// What git says in the workspace, which belongs to the work tree in `top`.
    fn asked(&self, said: Option<&str>, top: &FilePath) -> Check {
        let (id, path) = ("run.workspace-git", &self.workspace.path);
        match said {
            Some("ok") => Check::ok(id, format!("git works in {}", path.display())),
            Some("absent") => Check::skip(id, "there is no git where agents run"),
            Some(words) => {
                let fix = if top == path {
                    CommandSpec::new("sudo").args(["chown", "-R", &owner()]).arg(path).to_string()
                } else {
                    CommandSpec::new("ringfence").args(["run", "-C"]).arg(top).to_string()
                };
                Check::warn(id, format!("git does not work where the agent works ({words})"), fix)
            }
            None => Check::warn(
                id,
                format!("git status did not end within {} s", LIMIT.as_secs()),
                CommandSpec::new("git").arg("-C").arg(top).arg("gc").to_string(),
            ),
        }
    }
}

/// The caller's user and group, by number.
fn owner() -> String {
    format!("{}:{}", rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw())
}

/// The folder with the `.git` that git would find from `folder`; only looked for, for git itself is not run here.
pub fn work_tree(folder: &FilePath) -> Option<PathBuf> {
    let has_git = |folder: &&FilePath| {
        let git = folder.join(".git");
        git.is_file() || git.join("HEAD").exists()
    };
    folder.ancestors().find(has_git).map(FilePath::to_owned)
}

/// What it said on standard output.
struct Said(Vec<u8>);

impl Sink for Said {
    fn stdout(&mut self, chunk: &[u8]) -> Result<(), Stop> {
        self.0.extend_from_slice(chunk);
        Ok(())
    }
}
