//! What is in force, and why: flag > environment > file > default, every value with its origin.

mod edit;
mod environment;
mod file;
mod guarantees;
mod host;
mod image;
mod layers;
mod lists;
mod mode;
mod mount;
mod quantity;
mod read;
mod schema;
mod store;
mod values;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::ops::Deref;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

pub use edit::{Change, edit};
pub use environment::Environment;
pub use guarantees::{Ability, Found, Guarantee, Level, guarantees};
pub use host::HostRule;
#[cfg(test)]
pub use host::PRESETS;
pub use image::flaw as image_flaw;
pub use layers::Row;
pub use lists::is_variable_name;
pub use mount::usable_inside;
pub use quantity::duration as parse_duration;
pub use read::nearest;
pub use schema::{AgentSettings, RunSettings, SandboxSettings, keys};
pub use values::{AgentName, Handover, Mode, Workdir, duration_text};

use crate::failure::Failure;
use file::ConfigFile;
use layers::Layers;
use mode::Request;

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Built in.
    Default,
    /// A line of the configuration file.
    File {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
    },
    /// A variable, by its name.
    Variable(String),
    /// A flag, with its dashes.
    Flag(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Default => f.pad("default"),
            Origin::File { path, line } => {
                write!(f, "{}:{line}", path.file_name().unwrap_or(path.as_os_str()).to_string_lossy())
            }
            Origin::Variable(name) => write!(f, "${name}"),
            Origin::Flag(name) => f.pad(name),
        }
    }
}

/// A value in force, with where it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting<T> {
    /// The value.
    pub value: T,
    /// Where it comes from.
    pub origin: Origin,
}

impl<T> Deref for Setting<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

/// What the command line overrides, as typed.
#[derive(Clone, Debug, Default)]
pub struct Flags {
    /// `--config`
    pub config: Option<PathBuf>,
    /// `--mode`
    pub mode: Option<String>,
    /// `--agent`
    pub agent: Option<String>,
    /// `--image`
    pub image: Option<String>,
    /// `--network`
    pub network: Option<String>,
    /// `--memory`
    pub memory: Option<String>,
    /// `--cpus`
    pub cpus: Option<String>,
    /// `--timeout`
    pub timeout: Option<String>,
    /// `--idle-timeout`
    pub idle_timeout: Option<String>,
    /// `--grace`
    pub grace: Option<String>,
    /// `--max-attempts`
    pub max_attempts: Option<String>,
    /// `--mount`, in addition to the file's
    pub mounts: Vec<String>,
    /// `--allow-host`, in addition to the file's
    pub allow_hosts: Vec<String>,
    /// `--env NAME[=VALUE]`, in addition to the file's
    pub env: Vec<OsString>,
    /// `--allow-partial`
    pub allow_partial: bool,
}

/// A variable that an agent is handed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// Its value; the caller's where absent.
    pub value: Option<OsString>,
}

/// Everything that is in force.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The configuration file, absolute, whether it exists or not; empty where the user has no config folder.
    pub path: PathBuf,
    /// Whether that file exists.
    pub file_exists: bool,
    /// Where agents run that have no mode of their own.
    pub mode: Setting<Mode>,
    /// The agent that runs.
    pub agent: Setting<AgentName>,
    /// Limits of a run.
    pub run: RunSettings,
    /// What a container is made of.
    pub sandbox: SandboxSettings,
    /// The Docker-compatible program.
    pub docker_command: Setting<String>,
    /// How the containers of that get the workspace.
    pub docker_workspace: Setting<Handover>,
    /// Apple's program.
    pub apple_command: Setting<String>,
    /// The variables handed in: the names of `sandbox.env`, then `--env`, where a later one replaces an earlier.
    pub variables: Vec<Variable>,
    /// Whether a run may do without a limit that its engine does not enforce.
    pub allow_partial: bool,
    /// What the caller should be told about this configuration, once per command.
    pub warnings: Vec<String>,
    agents: BTreeMap<AgentName, AgentSettings>,
    configured_mode: Setting<Mode>,
    request: Option<Setting<Request>>,
    rows: Vec<Row>,
}

impl Settings {
    /// Reads the file, the variables and the flags, strictly.
    ///
    /// # Errors
    /// Config (78) for the file and for variables, `invalid_image` (78) for an image wherever it is named, usage (2)
    /// for other flags and for a `--config` that does not exist.
    pub fn resolve(flags: &Flags, env: &Environment) -> Result<Settings, Failure> {
        let path = file::path(flags, env);
        let text = file::text(&path, flags)?;
        let parse = |text| ConfigFile::parse(&path, text, flags.config.as_deref(), env.home());
        let file = text.as_deref().map(parse).transpose()?;
        let layers = Layers::new(file, flags, env)?;
        let top = schema::TopSettings::resolve("", &layers)?;
        let run = RunSettings::resolve("run", &layers)?;
        let mut sandbox = SandboxSettings::resolve("sandbox", &layers)?;
        layers.append("sandbox.mounts", &mut sandbox.mounts, "--mount", &flags.mounts, lists::mounts)?;
        layers.append(
            "sandbox.allow_hosts",
            &mut sandbox.allow_hosts,
            "--allow-host",
            &flags.allow_hosts,
            lists::hosts,
        )?;
        let docker = schema::DockerSettings::resolve("docker", &layers)?;
        let apple_command = schema::AppleSettings::resolve("apple", &layers)?.command;
        let mut agents = BTreeMap::from([(AgentName::Shell, AgentSettings::of_none())]);
        for agent in AgentName::MODELS {
            agents.insert(agent, AgentSettings::resolve(&format!("agents.{agent}"), &layers)?);
        }
        let (request, warnings) = mode::requested(flags, env)?;
        let mut settings = Settings {
            path: path.clone(),
            file_exists: text.is_some(),
            mode: mode::in_force(request.as_ref(), &[&top.mode]),
            agent: top.agent,
            run,
            docker_command: docker.command,
            docker_workspace: docker.workspace,
            apple_command,
            variables: variables(&sandbox.env, &flags.env)?,
            sandbox,
            allow_partial: flags.allow_partial,
            warnings,
            agents,
            configured_mode: top.mode,
            request,
            rows: layers.into_rows(),
        };
        settings.correct_modes();
        Ok(settings)
    }

    /// The settings of one agent. A shell script has none: its paths are empty, its lists too.
    pub fn agent(&self, agent: AgentName) -> &AgentSettings {
        &self.agents[&agent]
    }

    /// Where `agent` runs: a flag or a variable, else its own mode in the file, else the general one.
    pub fn mode_for(&self, agent: AgentName) -> Setting<Mode> {
        let own = &self.agent(agent).mode;
        let own = own.value.map(|value| Setting { value, origin: own.origin.clone() });
        let configured: Vec<&Setting<Mode>> = own.iter().chain([&self.configured_mode]).collect();
        mode::in_force(self.request.as_ref(), &configured)
    }

    /// Whether a container reaches nothing but listed hosts.
    pub fn is_listed(&self) -> bool {
        let network = self.sandbox.network.as_str();
        !self.sandbox.allow_hosts.is_empty() && network != "none" && network != "host"
    }

    /// The same settings on the host, because `flag` asks for it.
    #[must_use]
    pub fn on_host(&self, flag: &str) -> Settings {
        let mut settings = self.clone();
        let origin = Origin::Flag(flag.to_owned());
        settings.mode = Setting { value: Mode::Host, origin: origin.clone() };
        settings.request = Some(Setting { value: Request::Exactly(Mode::Host), origin });
        settings.correct_modes();
        settings
    }

    /// Every key with its value in force and its origin, in the order of the documentation.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// The rows of modes are recorded before what overrides them is known.
    fn correct_modes(&mut self) {
        let modes = AgentName::MODELS.map(|agent| (format!("agents.{agent}.mode"), self.mode_for(agent)));
        for (key, mode) in modes.into_iter().chain([("mode".to_owned(), self.mode.clone())]) {
            if let Some(row) = self.rows.iter_mut().find(|row| row.key == key) {
                *row = Row::new(key, &mode);
            }
        }
    }
}

/// The variables to hand in, by the file's names and the flags' `NAME[=VALUE]`.
fn variables(names: &[String], flags: &[OsString]) -> Result<Vec<Variable>, Failure> {
    let mut variables: Vec<Variable> = names.iter().map(|name| Variable { name: name.clone(), value: None }).collect();
    for flag in flags {
        let bytes = flag.as_bytes();
        let (name, value) = match bytes.iter().position(|b| *b == b'=') {
            Some(at) => (&bytes[..at], Some(OsString::from_vec(bytes[at + 1..].to_vec()))),
            None => (bytes, None),
        };
        let name = String::from_utf8_lossy(name).into_owned();
        if !is_variable_name(&name) {
            let message = format!("--env: {name:?} is not a variable's name (letters, digits and `_`)");
            return Err(Failure::usage(message, "type: --env NAME or --env NAME=VALUE"));
        }
        variables.retain(|variable| variable.name != name);
        variables.push(Variable { name, value });
    }
    Ok(variables)
}

#[cfg(test)]
mod tests;
