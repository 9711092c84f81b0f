//! This machine: the configuration, the workspace, disks, and the agents on the host.

use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::fs::{Access, access, statvfs};

use super::check::Check;
use super::scratch::left_in;
use super::workspace::work_tree;
use crate::command::CommandSpec;
use crate::commands::run::Workspace;
use crate::config::{AgentName, Mode, Setting, Settings};
use crate::failure::{Class, Failure};
use crate::image::version_in;
use crate::runner::{Host, find_program};

/// Less room than this is none: a log line more and it is full.
const NONE: u64 = 64 << 10;
/// Room for a small change and its build.
const LITTLE: u64 = 256 << 20;
/// How long an agent may take to say its version.
const VERSION: Duration = Duration::from_secs(15);

/// The file, and what overrides it.
pub fn configuration(settings: &Settings) -> Vec<Check> {
    let origins = || settings.rows().iter().map(|row| row.origin.as_str());
    let in_file = origins().filter(|origin| !origin.starts_with(['$', '-']) && *origin != "default").count();
    let stronger: BTreeSet<&str> = origins().filter(|origin| origin.starts_with(['$', '-'])).collect();
    let file = if settings.file_exists {
        format!("{} sets {in_file} of {} values", settings.path.display(), settings.rows().len())
    } else if settings.path.as_os_str().is_empty() {
        "HOME is not set, so there is no configuration: defaults apply".to_owned()
    } else {
        format!("{} is not there: defaults apply", settings.path.display())
    };
    let over = if stronger.is_empty() {
        String::new()
    } else {
        format!("; stronger: {}", stronger.into_iter().collect::<Vec<_>>().join(", "))
    };
    let forced = |warning: &String| Check::warn("config.override", warning, "unset AGENT_LOOP_HOST");
    let warnings = settings.warnings.iter().map(forced);
    [Check::ok("config", format!("{file}{over}"))].into_iter().chain(warnings).collect()
}

/// Where runs take place: a check for each mode that an agent has.
pub fn modes(settings: &Settings, agents: &[AgentName]) -> Vec<Check> {
    let mut modes: Vec<(Setting<Mode>, Vec<&str>)> = Vec::new();
    for agent in agents {
        let mode = settings.mode_for(*agent);
        match modes.iter_mut().find(|(known, _)| known.value == mode.value) {
            Some((_, agents)) => agents.push(agent.as_str()),
            None => modes.push((mode, vec![agent.as_str()])),
        }
    }
    let only = modes.len() == 1;
    let check = |(mode, agents): (Setting<Mode>, Vec<&str>)| {
        let fence = match mode.value {
            Mode::Host => "the agent has your permissions, and no fence",
            Mode::Docker | Mode::Apple => "a throwaway container",
        };
        let fact = format!("{} ({}): {fence}", mode.value, mode.origin);
        if only {
            Check::ok("mode", fact)
        } else {
            Check::ok(format!("mode.{}", mode.value), format!("{}: {fact}", agents.join(", ")))
        }
    };
    modes.into_iter().map(check).collect()
}

/// The folder and the room in it.
pub fn workspace(workspace: &Workspace, mode: Mode) -> Vec<Check> {
    let path = &workspace.path;
    let mut checks = vec![match access(path, Access::WRITE_OK | Access::EXEC_OK) {
        Ok(()) => Check::ok("workspace", path.display().to_string()),
        Err(error) => Check::fail("workspace", &unwritable(path, &error.into())),
    }];
    if let (true, Some(Err(reason))) = (mode.is_container(), workspace.common_git_folder()) {
        checks.push(Check::warn("workspace.git", reason, git_fix(workspace)));
    }
    let left = left_in(path);
    if !left.is_empty() {
        let fix = CommandSpec::new("rm").arg("-r").args(&left).to_string();
        checks.push(Check::warn(
            "workspace.scratch",
            "an earlier doctor was ended by force and left a folder here",
            fix,
        ));
    }
    let fix = "remove what is not needed there, or choose a folder on another disk with -C";
    checks.extend(space("disk.workspace", "the workspace", path, LITTLE, fix));
    checks
}

/// What to type where the workspace's `.git` is a file that leads to a folder no container gets.
fn git_fix(workspace: &Workspace) -> String {
    let Some(own) = workspace.linked_git_folder() else { return "git init".to_owned() };
    // Only a linked worktree's has this.
    if own.join("commondir").exists() {
        let common = own.ancestors().nth(2).unwrap_or(&own);
        return CommandSpec::new("git")
            .arg("-C")
            .arg(common)
            .args(["worktree", "repair"])
            .arg(&workspace.path)
            .to_string();
    }
    // A submodule's git folder is in that of the repository around it.
    let around = workspace.path.parent().and_then(work_tree).and_then(|top| std::fs::canonicalize(top).ok());
    let run = CommandSpec::new("ringfence").arg("run");
    match around.filter(|top| own.starts_with(top)) {
        Some(top) => run.arg("-C").arg(top).to_string(),
        None => run.arg("--mount").arg(own).to_string(),
    }
}

/// What to type so that `path` can be written to.
pub fn taken_over(path: &Path) -> String {
    let is_own = std::fs::metadata(path).is_ok_and(|folder| folder.uid() == rustix::process::geteuid().as_raw());
    let spec = if is_own {
        CommandSpec::new("chmod").arg("u+wx").arg(path).to_string()
    } else {
        CommandSpec::new("sudo").arg("chown").arg(rustix::process::geteuid().as_raw().to_string()).arg(path).to_string()
    };
    format!("{spec}, or choose another folder: -C DIR")
}

/// What it means that nothing can be written into `path`.
pub fn unwritable(path: &Path, error: &std::io::Error) -> Failure {
    let (class, hint) = match error.kind() {
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => {
            (Class::Internal, "remove what is not needed there, or choose a folder on another disk with -C".to_owned())
        }
        std::io::ErrorKind::ReadOnlyFilesystem => (
            Class::Usage,
            "choose a folder on a disk that can be written to: -C DIR, or mount it read-write".to_owned(),
        ),
        _ => (Class::Usage, taken_over(path)),
    };
    Failure::new(class, format!("the workspace {} cannot be written to", path.display()), hint)
        .because(error.to_string())
}

/// The room at `path`, of which less than `little` bytes is a warning; absent where the system does not tell.
pub fn space(id: &str, what: &str, path: &Path, little: u64, fix: &str) -> Option<Check> {
    let disk = statvfs(path).ok()?;
    // Some file systems count no blocks at all.
    if disk.f_blocks == 0 {
        return None;
    }
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    let amount = if free >> 30 > 1 { format!("{} GiB", free >> 30) } else { format!("{} MiB", free >> 20) };
    let fact = format!("{amount} are free for {what} ({})", path.display());
    Some(if free < NONE {
        Check::fail(id, &Failure::new(Class::Internal, format!("the disk is full: {fact}"), fix))
    } else if free < little {
        Check::warn(id, fact, fix)
    } else {
        Check::ok(id, fact)
    })
}

/// The agent `name` on the host, where it is to run; its version is asked of itself where `thorough`.
pub fn agent(name: AgentName, host: &Host, thorough: bool) -> Check {
    let id = format!("agent.{name}");
    let began = Instant::now();
    let program = name.to_string();
    let path = match find_program(program.as_ref()) {
        Ok(path) => path,
        Err(failure) => return Check::fail(id, &failure),
    };
    let place = path.display();
    if !thorough {
        return Check::ok(id, format!("{name} is at {place}; it was not asked for its version: --quick"))
            .took(began.elapsed());
    }
    let answer = host.capture(&CommandSpec::new(path.as_os_str()).arg("--version"), VERSION);
    let said =
        answer.as_ref().ok().and_then(Option::as_ref).map(|said| String::from_utf8_lossy(&said.stdout).into_owned());
    let check = if let Some(version) = said.as_deref().and_then(version_in) {
        Check::ok(id, format!("{name} {version} at {place}"))
    } else {
        let fact = format!("{place} does not answer --version within {} s", VERSION.as_secs());
        Check::warn(id, fact, format!("{program} --version, to see why; or install it again"))
    };
    check.took(began.elapsed())
}

/// The agents on the host, which only logins need where runs take place in containers.
pub fn agents_here() -> Check {
    let (mut here, mut absent) = (Vec::new(), Vec::new());
    for name in AgentName::MODELS {
        match find_program(name.as_str().as_ref()) {
            Ok(path) => here.push(path.display().to_string()),
            Err(_) => absent.push(name.as_str()),
        }
    }
    let here = if here.is_empty() { "none".to_owned() } else { here.join(", ") };
    let absent = if absent.is_empty() { String::new() } else { format!("; not there: {}", absent.join(", ")) };
    Check::ok("host.agents", format!("on the host, where logins are renewed: {here}{absent}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_owner_can_change_what_may_be_done_in_a_folder() {
        let own = tempfile::tempdir().unwrap();
        assert!(taken_over(own.path()).starts_with("chmod u+wx /"));
        let foreign = if rustix::process::geteuid().is_root() {
            std::os::unix::fs::chown(own.path(), Some(12345), None).unwrap();
            own.path()
        } else {
            Path::new("/")
        };
        let uid = rustix::process::geteuid().as_raw();
        assert!(taken_over(foreign).starts_with(&format!("sudo chown {uid} /")));
    }
}
