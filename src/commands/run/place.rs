//! Where a run takes place: the runner for its mode, and the container if it has one.

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::attachments::Root;
use super::order::Order;
use super::reach::{self, Ways};
use super::workspace::Workspace;
use crate::config::{AgentName, Environment, Handover, Mode, Origin, Settings};
use crate::egress::Policy;
use crate::failure::Failure;
use crate::runner::{
    Container, DockerRunner, Engine, HOME, Host, HostName, HostRunner, Mapping, Mount, Remote, Runner, SHARED,
    engine_address, is_remote, unenforced,
};

/// The place of a run whose warm sandbox does not exist.
pub struct Instead {
    /// Carries jobs out there.
    pub runner: Box<dyn Runner>,
    /// What the caller should know then.
    pub warnings: Vec<String>,
    /// What the caller should know where the sandbox does exist.
    pub otherwise: Vec<String>,
}

/// The place of a run.
pub struct Place {
    /// Carries jobs out there.
    pub runner: Box<dyn Runner>,
    /// Whether the agent is root there.
    pub as_root: bool,
    /// What the host is called there, where `localhost` is somebody else.
    pub host_name: Option<HostName>,
    /// Whether it is on another machine.
    pub far: bool,
    /// The warm sandbox that it is, if it is one.
    pub sandbox: Option<String>,
    /// Where to go instead if that sandbox does not exist.
    pub instead: Option<Instead>,
    /// What the agent can reach of the host's files, and where it sees it; first the workspace.
    pub roots: Vec<Root>,
    /// The ports at which it finds services of this machine on its own loopback.
    pub forwarded: Vec<u16>,
    /// What its only way out lets through, where it has but one.
    pub policy: Option<Policy>,
    /// What the caller should know.
    pub warnings: Vec<String>,
}

/// The place that the mode of `order` means.
pub fn choose(order: &Order, env: &Environment, host: &Host) -> Result<Place> {
    let Order { settings, workspace, wish, .. } = order;
    match order.mode() {
        Mode::Host => Ok(Place {
            runner: Box::new(HostRunner::new(host.clone())),
            as_root: rustix::process::geteuid().is_root(),
            host_name: None,
            far: false,
            sandbox: None,
            instead: None,
            roots: vec![Root { outside: workspace.path.clone(), inside: workspace.path.clone() }],
            policy: None,
            forwarded: Vec::new(),
            warnings: [
                without_effect(settings, "on the host; for a container: --mode docker"),
                wish.reach.on_host(settings)?,
            ]
            .concat(),
        }),
        Mode::Docker | Mode::Apple => contained(order, env, host),
    }
}

/// Whether the containers of mode docker get a copy of the workspace.
pub fn is_copied(settings: &Settings, env: &Environment) -> bool {
    match settings.docker_workspace.value {
        Handover::Auto => is_far(settings, env),
        Handover::Mount => false,
        Handover::Copy => true,
    }
}

/// Whether the engine of mode docker is on another machine.
pub fn is_far(settings: &Settings, env: &Environment) -> bool {
    is_elsewhere(&engine(Mode::Docker, settings), env)
}

/// Whether `engine` is on another machine.
pub fn is_elsewhere(engine: &Engine, env: &Environment) -> bool {
    // Without an address it goes by a list of its own, which is not read.
    address(engine, env).as_deref().map_or(engine.is_client_alone(), is_remote)
}

/// Where `engine` listens; absent where that is its default, on this machine.
pub fn address(engine: &Engine, env: &Environment) -> Option<String> {
    engine_address(engine.dialect, |name| env.text(name).map(str::to_owned), env.home().as_deref())
}

/// Why the workspace is copied to an engine that is `far` or not, and what has it mounted.
pub fn apart(settings: &Settings, far: bool) -> (String, &'static str) {
    if far {
        return ("the engine is on another machine".into(), "choose an engine on this machine: DOCKER_HOST");
    }
    let origin = &settings.docker_workspace.origin;
    (
        format!("its engine gets a copy of the workspace (docker.workspace: {origin})"),
        "ringfence sandbox set docker.workspace auto",
    )
}

/// What was asked for on the command line and means nothing `there`.
pub fn without_effect(settings: &Settings, there: &str) -> Vec<String> {
    let sandbox = &settings.sandbox;
    let origins = [
        &sandbox.image.origin,
        &sandbox.network.origin,
        &sandbox.memory.origin,
        &sandbox.cpus.origin,
        &sandbox.mounts.origin,
    ];
    let flags = origins.into_iter().filter_map(flag);
    flags.map(|flag| format!("{flag} has no effect {there}")).collect()
}

/// The flag that a value comes from.
pub fn flag(origin: &Origin) -> Option<&str> {
    match origin {
        Origin::Flag(flag) => Some(flag),
        _ => None,
    }
}

fn contained(order: &Order, env: &Environment, host: &Host) -> Result<Place> {
    let Order { settings, workspace, wish, .. } = order;
    let mut ways = reach::decide(settings, &wish.reach, env)?;
    let policy = ways.policy.take();
    let (mut container, warnings) = container(order.mode(), settings, ways, workspace, env)?;
    if let Some(remote) = &mut container.remote {
        remote.bare = order.bare;
    }
    Ok(Place {
        roots: roots(&container),
        as_root: container.user.is_root(),
        host_name: container.host_name(),
        far: container.far,
        forwarded: reach::ports(container.forwards.as_ref()),
        policy,
        runner: Box::new(DockerRunner::new(HostRunner::new(host.clone()), container)),
        sandbox: None,
        instead: None,
        warnings,
    })
}

/// The engine that makes the containers of `mode`.
pub fn engine(mode: Mode, settings: &Settings) -> Engine {
    match mode {
        Mode::Apple => Engine::apple(settings.apple_command.as_str()),
        Mode::Host | Mode::Docker => Engine::docker(settings.docker_command.as_str()),
    }
}

/// The container that the settings ask for in `mode`, with these ways to others, and what the caller should know about it.
pub fn container(
    mode: Mode,
    settings: &Settings,
    ways: Ways,
    workspace: &Workspace,
    env: &Environment,
) -> Result<(Container, Vec<String>), Failure> {
    let sandbox = &settings.sandbox;
    let mut warnings = ways.warnings;
    let folder = workspace.inside(&sandbox.workdir.value)?;
    if env.home().is_some_and(|home| home.starts_with(&workspace.path)) {
        warnings.push(format!(
            "the workspace {} holds your home folder, with its keys and logins: the agent can read all of it; choose a smaller folder with -C",
            workspace.path.display()
        ));
    }
    let engine = engine(mode, settings);
    let least = engine.dialect.least_memory;
    if sandbox.memory.bytes() < least {
        let message = format!(
            "{engine} gives no container less than {} MiB of memory, and sandbox.memory is {} ({})",
            least >> 20,
            sandbox.memory.value,
            sandbox.memory.origin
        );
        return Err(Failure::config(message, "give it more: --memory 4g, or ringfence sandbox set sandbox.memory 4g"));
    }
    let far = mode != Mode::Apple && is_far(settings, env);
    let remote = mode != Mode::Apple && is_copied(settings, env);
    let mounts = if remote {
        unmounted(settings, far, workspace, &mut warnings)?
    } else {
        mounts(settings, workspace, &mut warnings)?
    };
    let user = if remote {
        Mapping::Copied
    } else {
        Mapping::of_caller(engine.dialect, |name| env.text(name).map(str::to_owned), env.home().as_deref())
    };
    let container = Container {
        engine,
        far,
        remote: remote.then(|| Remote { kept: env.state_dir().map(|folder| folder.join("returned")), bare: false }),
        image: sandbox.image.value.clone(),
        network: sandbox.network.value.clone(),
        memory: sandbox.memory.bytes(),
        cpus: sandbox.cpus.value,
        pids: sandbox.pids.value,
        read_only_root: sandbox.read_only_root.value,
        workspace: workspace.path.clone(),
        workdir: folder,
        mounts,
        user,
        agent: settings.agent.value.to_string(),
        forwards: ways.forwards,
        door: ways.door,
        grace: settings.run.grace.value,
        partial: settings.allow_partial,
    };
    warnings.extend(can_be_had(&container, settings)?);
    Ok((container, warnings))
}

/// That the engine can make this container; what it lacks and may lack, in a warning.
///
/// # Errors
/// Usage (2) for a path, config (78) for anything else that it cannot be told or give.
fn can_be_had(container: &Container, settings: &Settings) -> Result<Option<String>, Failure> {
    let has_ways = container.door.is_some() || container.forwards.is_some();
    if has_ways && (!container.engine.dialect.has_doors || container.remote.is_some()) {
        if !container.engine.dialect.has_doors {
            return Err(no_door("mode apple"));
        }
        let (why, mend) = apart(settings, container.far);
        let message = format!("--allow-host and --forward lead through this machine's folders, and {why}");
        return Err(Failure::config(message, format!("{mend}; or use --network none, without them")));
    }
    if container.engine.dialect.is_apple() && container.network == "host" {
        let message = format!("mode apple has no network of the host's ({})", settings.sandbox.network.origin);
        return Err(Failure::config(message, "use --network bridge: a service of this machine has a name there"));
    }
    if let Some(path) = container.over_home() {
        let message = format!("{} holds {HOME}, the agent's own home in a container", path.display());
        return Err(Failure::usage(message, "give it another place: --mount SRC:/data, or sandbox.workdir /workspace"));
    }
    if let Some((path, what)) = container.untellable() {
        let message = format!("{} cannot be told of a path with {what} in it: {}", container.engine, path.display());
        return Err(Failure::usage(message, "rename it, or choose another folder with -C"));
    }
    match container.unspeakable() {
        lacking if lacking.is_empty() => Ok(None),
        lacking if settings.allow_partial => Ok(Some(without(&container.engine.program, &lacking))),
        lacking => Err(unenforced(&container.engine, &lacking)),
    }
}

/// That listed hosts and forwarded services cannot be had `there`.
pub fn no_door(there: &str) -> Failure {
    Failure::config(
        format!("{there} has no door for listed hosts, and no way for forwarded services"),
        "use --network none or a Docker Engine on this machine, without --allow-host and --forward",
    )
}

/// What of the host's files `container` has, and where it sees it; first the workspace.
pub fn roots(container: &Container) -> Vec<Root> {
    let mounts = container.mounts.iter().map(|mount| (&mount.source, &mount.target));
    let roots = [(&container.workspace, &container.workdir)].into_iter().chain(mounts);
    roots.map(|(outside, inside)| Root { outside: outside.clone(), inside: inside.clone() }).collect()
}

/// That `engine` runs the agent without `lacking`, as `--allow-partial` allows.
pub fn without(engine: &str, lacking: &[&str]) -> String {
    format!("{engine} does not enforce {}: the agent runs without (--allow-partial)", lacking.join(", "))
}

/// The configured mounts, the agent's shared files, and a linked worktree's git folder.
fn mounts(settings: &Settings, workspace: &Workspace, warnings: &mut Vec<String>) -> Result<Vec<Mount>, Failure> {
    let mut mounts = Vec::new();
    for mount in settings.sandbox.mounts.iter() {
        if !mount.source.exists() {
            let message = format!(
                "no such file or folder to mount: {} ({})",
                mount.source.display(),
                settings.sandbox.mounts.origin
            );
            return Err(Failure::usage(message, "correct its path: SRC[:DST][:ro]"));
        }
        mounts.push(Mount { source: mount.source.clone(), target: mount.target.clone(), read_only: mount.read_only });
    }
    match workspace.common_git_folder() {
        Some(Ok(common)) => mounts.push(Mount { source: common.clone(), target: common, read_only: false }),
        Some(Err(reason)) => warnings.push(reason),
        None => {}
    }
    for (name, source) in shared(settings) {
        mounts.push(Mount { source, target: Path::new(SHARED).join(name), read_only: true });
    }
    Ok(mounts)
}

/// What a container does without whose engine gets a copy: nothing of this machine can be mounted there.
fn unmounted(
    settings: &Settings,
    far: bool,
    workspace: &Workspace,
    warnings: &mut Vec<String>,
) -> Result<Vec<Mount>, Failure> {
    let (why, mend) = apart(settings, far);
    if let Some(mount) = settings.sandbox.mounts.first() {
        let message = format!("{mount} ({}) cannot be mounted: {why}", settings.sandbox.mounts.origin);
        return Err(Failure::usage(
            message,
            format!("leave it out, or copy what is needed into the workspace; or {mend}"),
        ));
    }
    if workspace.common_git_folder().is_some() {
        warnings.push(
            "the workspace is a linked worktree, whose git folder does not go to the engine: git will not work inside"
                .into(),
        );
    }
    warnings.extend(shared(settings).map(|(name, _)| format!("{name} is not shared: {why}")));
    Ok(Vec::new())
}

/// The files and folders that the agent's settings share, those that exist, with their names in the agent's folder.
pub fn shared(settings: &Settings) -> impl Iterator<Item = (&str, PathBuf)> {
    let agent = settings.agent(settings.agent.value);
    let named = agent.share.iter().map(|name| (name.as_str(), agent.auth_dir.join(name)));
    named.filter(|(_, path)| settings.agent.value != AgentName::Shell && path.exists())
}
