//! This machine: the configuration, the workspace, disks, and the agents on the host.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::fs::{Access, access, statvfs};

use super::check::Check;
use super::scratch::left_in;
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

/// Where runs take place.
pub fn mode(mode: &Setting<Mode>) -> Check {
    let fence = match mode.value {
        Mode::Host => "the agent has your permissions, and no fence",
        Mode::Docker | Mode::Apple => "a throwaway container",
    };
    Check::ok("mode", format!("{} ({}): {fence}", mode.value, mode.origin))
}

/// The folder and the room in it.
pub fn workspace(workspace: &Workspace) -> Vec<Check> {
    let path = &workspace.path;
    let mut checks = vec![match access(path, Access::WRITE_OK | Access::EXEC_OK) {
        Ok(()) => Check::ok("workspace", path.display().to_string()),
        Err(error) => Check::fail("workspace", &unwritable(path, &error.into())),
    }];
    if let Some(Err(reason)) = workspace.common_git_folder() {
        checks.push(Check::warn("workspace.git", reason, "git worktree repair, in the main worktree"));
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
        _ => (
            Class::Usage,
            format!("{}, or choose another folder: -C DIR", CommandSpec::new("chmod").arg("u+wx").arg(path)),
        ),
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

/// The agent `name` on the host, where it is to run; its version is asked of itself.
pub fn agent(name: AgentName, host: &Host) -> Check {
    let id = format!("agent.{name}");
    let began = Instant::now();
    let program = name.to_string();
    let path = match find_program(program.as_ref()) {
        Ok(path) => path,
        Err(failure) => return Check::fail(id, &failure),
    };
    let place = path.display();
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
    for name in AgentName::ALL.iter().filter(|name| **name != AgentName::Shell) {
        match find_program(name.as_str().as_ref()) {
            Ok(path) => here.push(path.display().to_string()),
            Err(_) => absent.push(name.as_str()),
        }
    }
    let here = if here.is_empty() { "none".to_owned() } else { here.join(", ") };
    let absent = if absent.is_empty() { String::new() } else { format!("; not there: {}", absent.join(", ")) };
    Check::ok("host.agents", format!("on the host, where logins are renewed: {here}{absent}"))
}
