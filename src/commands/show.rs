//! `ringfence sandbox show`: every value in force with its origin, and what each mode guarantees.

use std::time::Duration;

use anyhow::Result;
use owo_colors::Style;
use serde::Serialize;
use serde_json::{Value, json};

use super::run::place;
use crate::config::{Ability, AgentName, Environment, Flags, Found, Guarantee, Level, Mode, Row, Settings, guarantees};
use crate::credentials::{Reader, source_names};
use crate::failure::{Class, Failure};
use crate::output::{Cell, Printer, Table};
use crate::runner::{Engine, Host, engine_failure, info_command, read_info, read_info_errors};

/// How long an engine may take to say what it can do.
const PATIENCE: Duration = Duration::from_secs(10);

/// The JSON form.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown<'s> {
    ok: bool,
    schema: &'static str,
    config_file: String,
    config_file_exists: bool,
    state_dir: Option<String>,
    agent: AgentName,
    mode: Mode,
    credentials: &'s [Credential],
    settings: &'s [Row],
    engines: Value,
    guarantees: &'s [Guarantee],
    warnings: &'s [String],
}

/// Where an agent's login comes from, as far as that can be told without opening anything.
#[derive(Serialize)]
struct Credential {
    agent: AgentName,
    source: Option<String>,
    shadowed: Vec<String>,
}

/// What a run of each agent would be logged in with, in the mode that is its own.
fn credentials(settings: &Settings, env: &Environment) -> Vec<Credential> {
    let of = |agent: AgentName| {
        let reader = if settings.mode_for(agent).value.is_container() { Reader::Lease } else { Reader::Agent };
        let mut names = source_names(agent, settings.agent(agent), env, &settings.variables, reader).into_iter();
        Credential { agent, source: names.next(), shadowed: names.collect() }
    };
    AgentName::MODELS.map(of).into()
}

/// Shows the settings.
///
/// # Errors
/// A configuration that is not legal, and a closed standard output.
pub fn run(flags: &Flags, env: &Environment, host: &Host, out: &Printer) -> Result<()> {
    let settings = Settings::resolve(flags, env)?;
    let engines = [
        (
            "docker",
            find(&place::engine(Mode::Docker, &settings), host)?
                .map(|ability| Ability { copies: place::is_copied(&settings, env), ..ability }),
        ),
        ("apple", find(&place::engine(Mode::Apple, &settings), host)?),
    ];
    let guarantees = guarantees(&settings, &engines[0].1, &engines[1].1);
    let credentials = credentials(&settings, env);
    if out.is_json() {
        return out.json(&Shown {
            ok: true,
            schema: "ringfence.show/1",
            config_file: settings.path.display().to_string(),
            config_file_exists: settings.file_exists,
            state_dir: env.state_dir().map(|folder| folder.display().to_string()),
            agent: settings.agent.value,
            mode: settings.mode_for(settings.agent.value).value,
            credentials: &credentials,
            settings: settings.rows(),
            engines: engines.iter().map(|(mode, found)| ((*mode).to_owned(), described(found))).collect(),
            guarantees: &guarantees,
            warnings: &settings.warnings,
        });
    }
    for warning in &settings.warnings {
        out.warning(warning);
    }
    for line in report(&settings, &credentials, &engines, &guarantees) {
        out.line(&line)?;
    }
    Ok(())
}

/// What `engine` can do; in words why not, where none answers.
fn find(engine: &Engine, host: &Host) -> Result<Found> {
    let answer = match host.capture(&info_command(engine), PATIENCE) {
        Ok(Some(answer)) => answer,
        Ok(None) => return Ok(Err(format!("{engine} did not answer within {} s", PATIENCE.as_secs()))),
        Err(error) => {
            let failure = Failure::of(&error);
            return if failure.class == Class::CliMissing { Ok(Err(failure.message)) } else { Err(error) };
        }
    };
    let Some(facts) = read_info(&answer.stdout).filter(|_| answer.status.success()) else {
        let told = read_info_errors(&answer.stdout).unwrap_or_default();
        let words = format!("{told}\n{}", answer.stderr);
        return Ok(Err(engine_failure(engine, "", "", &words, answer.status.code()).message));
    };
    if let Some(failure) = facts.too_old(engine) {
        return Ok(Err(failure.message));
    }
    let rootless = if facts.rootless { ", rootless" } else { "" };
    Ok(Ok(Ability {
        name: format!("{} {}{rootless}", facts.name, facts.server),
        lacks: facts.lacks,
        machines: engine.dialect.is_apple(),
        least_memory: engine.dialect.least_memory,
        as_root: rustix::process::geteuid().is_root(),
        ..Ability::default()
    }))
}

fn described(found: &Found) -> Value {
    match found {
        Ok(ability) => json!({ "found": true, "name": ability.name, "lacks": ability.lacks }),
        Err(reason) => json!({ "found": false, "reason": reason }),
    }
}

fn report(
    settings: &Settings,
    credentials: &[Credential],
    engines: &[(&str, Found)],
    guarantees: &[Guarantee],
) -> Vec<String> {
    let mode = settings.mode_for(settings.agent.value).value;
    let (path, homeless) = (settings.path.display(), settings.path.as_os_str().is_empty());
    let file = match settings.file_exists {
        true => path.to_string(),
        false if homeless => "none, because HOME is not set: defaults apply".to_owned(),
        false => format!("{path} (not there: defaults apply)"),
    };
    let mut lines = vec![format!("Configuration: {file}"), String::new()];
    lines.extend(values(settings).lines());
    lines.push(String::new());
    lines.extend(logins(credentials).lines());
    lines.push(String::new());
    lines.extend(levels(guarantees).lines());
    lines.push(String::new());
    for (mode, found) in engines {
        let words = found.as_ref().map_or_else(String::as_str, |ability| &ability.name);
        lines.push(format!("Engine of mode {mode}: {words}"));
    }
    lines.push(String::new());
    lines.push(format!("{} runs in mode {mode}:", settings.agent.value));
    lines.extend(reasons(guarantees, mode).lines());
    lines
}

fn values(settings: &Settings) -> Table {
    let mut table = Table::new(&["KEY", "VALUE", "ORIGIN"]);
    for row in settings.rows() {
        let origin = if row.origin == "default" { Style::new().dimmed() } else { Style::new() };
        table.row([Cell::from(&row.key), text(&row.value).into(), Cell::styled(&row.origin, origin)]);
    }
    table
}

fn logins(credentials: &[Credential]) -> Table {
    let mut table = Table::new(&["LOGIN", "FROM", "NOT USED"]);
    for Credential { agent, source, shadowed } in credentials {
        let source = match source {
            Some(source) => Cell::from(source),
            None => Cell::styled("none found", Style::new().yellow()),
        };
        table.row([Cell::from(agent.as_str()), source, Cell::from(shadowed.join(", "))]);
    }
    table
}

/// Text as it is, everything else as JSON, which for a list is also TOML.
fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn cell(level: Level) -> Cell {
    let style = match level {
        Level::Enforced => Style::new().green(),
        Level::Partial => Style::new().yellow(),
        Level::Absent => Style::new().red(),
    };
    Cell::styled(level.as_str(), style)
}

fn levels(guarantees: &[Guarantee]) -> Table {
    let mut header = vec!["GUARANTEE".to_owned()];
    header.extend(Mode::names().map(str::to_uppercase));
    let mut table = Table::new(&header.iter().map(String::as_str).collect::<Vec<_>>());
    for guarantee in guarantees {
        let verdicts = Mode::ALL.iter().map(|mode| cell(guarantee.of(*mode).level));
        table.row([Cell::from(guarantee.name)].into_iter().chain(verdicts));
    }
    table
}

fn reasons(guarantees: &[Guarantee], mode: Mode) -> Table {
    let mut table = Table::new(&["GUARANTEE", "LEVEL", "WHY"]);
    for guarantee in guarantees {
        let verdict = guarantee.of(mode);
        table.row([Cell::from(guarantee.name), cell(verdict.level), Cell::from(&verdict.why)]);
    }
    table
}
