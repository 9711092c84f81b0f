//! `ringfence sandbox show`: every value in force with its origin, and what each mode guarantees.

use anyhow::Result;
use owo_colors::Style;
use serde::Serialize;
use serde_json::Value;

use crate::config::{AgentName, Environment, Flags, Guarantee, Level, Mode, Row, Settings, guarantees};
use crate::output::{Cell, Printer, Table};

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
    settings: &'s [Row],
    guarantees: &'s [Guarantee],
    warnings: &'s [String],
}

/// Shows the settings.
///
/// # Errors
/// A configuration that is not legal, and a closed standard output.
pub fn run(flags: &Flags, env: &Environment, out: &Printer) -> Result<()> {
    let settings = Settings::resolve(flags, env)?;
    let guarantees = guarantees(&settings);
    if out.is_json() {
        return out.json(&Shown {
            ok: true,
            schema: "ringfence.show/1",
            config_file: settings.path.display().to_string(),
            config_file_exists: settings.file_exists,
            state_dir: env.state_dir().map(|folder| folder.display().to_string()),
            agent: settings.agent.value,
            mode: settings.mode_for(settings.agent.value).value,
            settings: settings.rows(),
            guarantees: &guarantees,
            warnings: &settings.warnings,
        });
    }
    for warning in &settings.warnings {
        out.warning(warning);
    }
    for line in report(&settings, &guarantees) {
        out.line(&line)?;
    }
    Ok(())
}

fn report(settings: &Settings, guarantees: &[Guarantee]) -> Vec<String> {
    let mode = settings.mode_for(settings.agent.value).value;
    let absent = if settings.file_exists { "" } else { " (not there: defaults apply)" };
    let mut lines = vec![format!("Configuration: {}{absent}", settings.path.display()), String::new()];
    lines.extend(values(settings).lines());
    lines.push(String::new());
    lines.extend(levels(guarantees).lines());
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
