//! A run in a warm sandbox: which one, and what happens where it does not exist.

use anyhow::Result;

use super::order::Order;
use super::place::{self, Instead, Place};
use super::reach::{self, Reach, Ways};
use super::workspace::Workspace;
use crate::cli::RunArgs;
use crate::config::{Environment, Mode, Origin, Settings};
use crate::failure::Failure;
use crate::runner::{
    Container, DockerRunner, Engine, Host, HostName, HostRunner, Runner, Sandbox, WarmRunner, is_sandbox_name,
    loop_name,
};

/// The sandbox that the caller wants.
#[derive(Clone)]
pub enum Wanted {
    /// By its name: it must exist.
    Named(String),
    /// By the id of its loop: where it does not exist, a throwaway container will do.
    OfLoop(String),
}

impl Wanted {
    /// What `--sandbox` and `--loop` ask for, of which there is one at most.
    ///
    /// # Errors
    /// Usage where `--mode` insists on the host: never the one in place of the other. What forces the host for everything, and warns
    /// of it, does so here as well.
    pub fn of(args: &RunArgs, settings: &Settings) -> Result<Option<Wanted>, Failure> {
        let wanted = match (&args.sandbox, &args.loop_id) {
            (Some(name), _) if !is_sandbox_name(name) => {
                let message = format!("--sandbox {name:?}: not the name of a sandbox");
                let list = engine(settings).ours("sandbox ls");
                return Err(Failure::usage(message, format!("{list} shows those there are")));
            }
            (Some(name), _) => Wanted::Named(name.clone()),
            (None, Some(id)) => Wanted::OfLoop(id.clone()),
            (None, None) => return Ok(None),
        };
        let mode = settings.mode_for(settings.agent.value);
        match mode.origin {
            _ if mode.value.is_container() => Ok(Some(wanted)),
            Origin::Variable(_) => Ok(None),
            origin => {
                let message = format!("a run in a sandbox cannot be on the host, which {origin} asks for");
                Err(Failure::usage(message, "leave out --sandbox and --loop, or what asks for the host"))
            }
        }
    }
}

/// The container for a warm sandbox, and what the caller should know about it.
///
/// # Errors
/// Config (78) also where the engine has no warm sandboxes.
pub fn container(
    settings: &Settings,
    ways: Ways,
    workspace: &Workspace,
    env: &Environment,
) -> Result<(Container, Vec<String>), Failure> {
    let (container, warnings) = place::container(mode(settings), settings, ways, workspace, env)?;
    if container.remote.is_some() {
        let (why, mend) = place::apart(settings, container.far);
        let message = format!("a warm sandbox shares the workspace, and {why}");
        return Err(Failure::config(message, format!("run without a sandbox there, or {mend}")));
    }
    Ok((container, warnings))
}

/// The engine that warm sandboxes are on: that of the mode that is in force, Docker's where that is the host.
pub fn engine(settings: &Settings) -> Engine {
    place::engine(mode(settings), settings)
}

/// What this machine is called in a sandbox on `engine`, where it can be reached from there. A name that has to be set up first is
/// only for who has a network.
pub fn host_name(engine: &Engine, settings: &Settings, env: &Environment) -> Option<HostName> {
    let far = place::is_elsewhere(engine, env);
    Some(engine.host()).filter(|host| !far && (host.known_by.is_none() || *settings.sandbox.network != "none"))
}

fn mode(settings: &Settings) -> Mode {
    match settings.mode_for(settings.agent.value).value {
        Mode::Host => Mode::Docker,
        mode => mode,
    }
}

/// The place that `wanted` means for `order`.
pub fn place(wanted: &Wanted, order: &Order, env: &Environment, host: &Host) -> Result<Place> {
    let Order { settings, workspace, wish, .. } = order;
    let ways = reach::decide(settings, &Reach::default(), env)?;
    let (container, cold_warnings) = container(settings, ways, workspace, env)?;
    let (name, is_loop) = match wanted {
        Wanted::Named(name) => (name.clone(), false),
        Wanted::OfLoop(id) => (loop_name(id, settings.agent.value.as_str()), true),
    };
    wish.reach.in_sandbox(settings, &name)?;
    // Whatever network it was made with: there it has this name, or none at all. One that these settings would have made with a
    // door has no way to this machine.
    let host_name = host_name(&container.engine, settings, env).filter(|_| container.door.is_none());
    let far = container.far;
    let sandbox = Sandbox { engine: container.engine.clone(), name: name.clone() };
    let no_effect = "in a warm sandbox: it was decided when that was made";
    let mut warnings = place::without_effect(settings, no_effect);
    // A throwaway container heeds them.
    let otherwise = if is_loop { std::mem::take(&mut warnings) } else { Vec::new() };
    let roots = place::roots(&container);
    let as_root = container.user.is_root();
    let instead = is_loop.then(|| {
        let mut warnings = vec![format!(
            "there is no sandbox {name}, so this ran in a throwaway container; to keep one: {} --loop ID",
            container.engine.ours("sandbox create")
        )];
        warnings.extend(cold_warnings);
        let runner: Box<dyn Runner> = Box::new(DockerRunner::new(HostRunner::new(host.clone()), container));
        Instead { runner, warnings, otherwise }
    });
    Ok(Place {
        runner: Box::new(
            WarmRunner::new(host.clone(), sandbox, reach::inside(settings.is_listed()), env.state_dir())
                .partly(settings.allow_partial),
        ),
        as_root,
        host_name,
        far,
        forwarded: Vec::new(),
        policy: None,
        roots,
        sandbox: Some(name),
        instead,
        warnings,
    })
}
