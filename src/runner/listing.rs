//! The containers that an engine has: how it is asked for them, and how its answers read. Pure.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer};

use super::dialect::Tells;
use super::{Engine, Owner, apple};
use crate::command::CommandSpec;
use crate::failure::{Class, Failure};

/// What is asked of the engine about a container: one JSON object in a line.
const ROW: &str = concat!(
    r#"{"id":{{json .ID}},"name":{{json .Names}},"state":{{json .State}},"image":{{json .Image}},"#,
    r#""kind":{{json (.Label "ringfence.kind")}},"agent":{{json (.Label "ringfence.agent")}},"#,
    r#""loop":{{json (.Label "ringfence.loop")}},"workspace":{{json (.Label "ringfence.workspace")}},"#,
    r#""created":{{json (.Label "ringfence.created")}},"host":{{json (.Label "ringfence.owner.host")}},"#,
    r#""door":{{json (.Label "ringfence.door")}},"shape":{{json (.Label "ringfence.shape")}},"pid":{{json (.Label "ringfence.owner.pid")}},"#,
    r#""start":{{json (.Label "ringfence.owner.start")}},"space":{{json (.Label "ringfence.owner.space")}},"#,
    r#""grace":{{json (.Label "ringfence.grace")}}}"#
);

/// Which containers are meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Filter {
    /// Those with this label, whatever its value.
    Has(&'static str),
    /// Those with this value of a label.
    Label(&'static str, String),
    /// The one with this name.
    Named(String),
}

impl Filter {
    /// Everything that ringfence makes.
    pub fn ours() -> Self {
        Filter::Label("ringfence", "1".into())
    }

    /// Warm sandboxes.
    pub fn sandboxes() -> Self {
        Filter::Label("ringfence.kind", "sandbox".into())
    }

    /// As Docker's `--filter` takes it.
    fn words(&self) -> String {
        match self {
            Filter::Has(label) => format!("label={label}"),
            Filter::Label(label, value) => format!("label={label}={value}"),
            Filter::Named(name) => format!("name=^/?{}$", name.replace('.', r"\.")),
        }
    }

    fn fits(&self, container: &apple::Told) -> bool {
        let value = |label: &str| container.labels().get(label);
        match self {
            Filter::Has(label) => value(label).is_some(),
            Filter::Label(label, wanted) => value(label) == Some(wanted),
            Filter::Named(name) => container.name() == name,
        }
    }
}

/// A question for the containers, running or not, that fit all filters.
#[derive(Clone, Copy, Debug)]
pub struct Listing<'a> {
    /// Who is asked.
    pub engine: &'a Engine,
    /// Which are meant.
    pub filters: &'a [Filter],
}

impl Listing<'_> {
    /// Asks.
    pub fn command(&self) -> CommandSpec {
        let spec = self.engine.command();
        match self.engine.dialect.tells {
            Tells::InJson => spec.args(apple::LIST),
            Tells::ByTemplate => {
                let row = self.engine.dialect.template(ROW);
                let spec = spec.args(["ps", "--all", "--no-trunc", "--format"]).arg(row);
                self.filters.iter().fold(spec, |spec, filter| spec.option("--filter", filter.words()))
            }
        }
    }

    /// The containers in the answer.
    ///
    /// # Errors
    /// Engine (75) where it is none.
    pub fn rows(&self, answer: &str) -> Result<Vec<Row>, Failure> {
        let rows: Result<Vec<Row>, serde_json::Error> = match self.engine.dialect.tells {
            Tells::InJson => apple::told(answer.as_bytes()).map(|all| {
                let fits = |one: &apple::Told| self.filters.iter().all(|filter| filter.fits(one));
                all.into_iter().filter(fits).map(Row::from).collect()
            }),
            Tells::ByTemplate => {
                answer.lines().filter(|line| !line.trim().is_empty()).map(serde_json::from_str).collect()
            }
        };
        rows.map_err(|error| {
            let hint = format!("see what it answers: {}", Listing { filters: &[], ..*self }.command());
            let message = format!("{} lists its containers in a form of its own", self.engine);
            Failure::new(Class::Engine, message, hint).because(error.to_string())
        })
    }
}

/// A container, as the engine lists it; what a label does not say is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Row {
    /// The engine's id.
    pub id: String,
    /// The container's name.
    #[serde(deserialize_with = "first")]
    pub name: String,
    /// `running`, `exited`, `created`, `paused`, …
    #[serde(deserialize_with = "state")]
    pub state: String,
    /// The image, as it was named.
    pub image: String,
    /// `sandbox`, `run`, …
    pub kind: String,
    /// The agent it was made for.
    pub agent: String,
    /// The id of its loop.
    #[serde(rename = "loop")]
    pub loop_id: String,
    /// The folder it was made for.
    pub workspace: String,
    /// When it was made, as RFC 3339 writes it.
    pub created: String,
    /// The container that keeps its door.
    pub door: String,
    /// What it is and may do, in a word.
    pub shape: String,
    /// The process that it must not outlive, if any.
    #[serde(flatten)]
    pub owner: Owner,
}

/// A container's name, which one engine gives as a text and another as a list.
fn first<'de, D: Deserializer<'de>>(names: D) -> Result<String, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Names {
        One(String),
        Many(Vec<String>),
    }
    Ok(match Names::deserialize(names)? {
        Names::One(name) => name,
        Names::Many(names) => names.into_iter().next().unwrap_or_default(),
    })
}

/// A container's state, in Docker's words: Podman 4.3 says `Up 5 seconds` and `Exited (0) …`.
fn state<'de, D: Deserializer<'de>>(state: D) -> Result<String, D::Error> {
    let state = String::deserialize(state)?.to_lowercase();
    Ok(match state.split_whitespace().next() {
        Some("up") => "running".to_owned(),
        Some(word) => word.to_owned(),
        None => state,
    })
}

impl From<apple::Told> for Row {
    fn from(told: apple::Told) -> Self {
        let label = |name: &str| told.labels().get(name).cloned().unwrap_or_default();
        Row {
            id: told.name().to_owned(),
            name: told.name().to_owned(),
            state: match told.state() {
                "stopped" => "exited".to_owned(),
                state => state.to_owned(),
            },
            image: told.image().to_owned(),
            kind: label("ringfence.kind"),
            agent: label("ringfence.agent"),
            loop_id: label("ringfence.loop"),
            workspace: label("ringfence.workspace"),
            created: label("ringfence.created"),
            door: label("ringfence.door"),
            shape: label("ringfence.shape"),
            owner: Owner {
                host: label("ringfence.owner.host"),
                pid: label("ringfence.owner.pid"),
                start: label("ringfence.owner.start"),
                space: label("ringfence.owner.space"),
                grace: label("ringfence.grace"),
            },
        }
    }
}

impl Row {
    /// Whether this is a warm sandbox.
    pub fn is_sandbox(&self) -> bool {
        self.kind == "sandbox"
    }

    /// Whether the process that it must not outlive is certainly gone.
    pub fn is_orphan(&self) -> bool {
        !self.is_sandbox() && self.owner.is_gone()
    }

    /// Whether it is about to be another one, or none.
    pub fn is_going(&self) -> bool {
        matches!(self.state.as_str(), "removing" | "dead" | "stopping")
    }

    /// How long it may take to end by itself, counted from when it was seen to be an orphan at the latest.
    pub fn grace(&self) -> Duration {
        if matches!(self.state.as_str(), "exited" | "dead") { Duration::ZERO } else { self.owner.grace() }
    }

    /// Whether it keeps the door of a warm sandbox.
    pub fn is_lasting_door(&self) -> bool {
        self.kind == "door" && self.owner.pid.is_empty()
    }

    /// Time since it was made, where that is known.
    pub fn age(&self) -> Option<Duration> {
        let created: Timestamp = self.created.parse().ok()?;
        Some(Duration::try_from(Timestamp::now().duration_since(created)).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn docker_is_asked_by_filters_and_a_template() {
        let engine = Engine::docker("podman");
        let filters = [Filter::ours(), Filter::Has("ringfence.owner.pid"), Filter::Named("a.b".into())];
        let listing = Listing { engine: &engine, filters: &filters };
        let line = listing.command().to_string();
        assert!(line.starts_with("podman ps --all --no-trunc --format "), "{line}");
        assert!(line.contains(r#"(index .Labels "ringfence.kind")"#), "{line}");
        assert!(
            line.ends_with(r"--filter label=ringfence=1 --filter label=ringfence.owner.pid --filter 'name=^/?a\.b$'"),
            "{line}"
        );
        let answer = "{\"id\":\"1\",\"name\":[\"a.b\"],\"state\":\"Up 5 seconds\",\"kind\":\"run\",\"pid\":\"7\"}\n\n";
        let rows = listing.rows(answer).unwrap();
        assert_eq!(
            (rows[0].name.as_str(), rows[0].state.as_str(), rows[0].owner.pid.as_str()),
            ("a.b", "running", "7")
        );
        assert!(listing.rows("CONTAINER ID\n").is_err());
    }

    #[test]
    fn apples_answers_of_both_shapes_are_read_and_filtered() {
        let engine = Engine::apple("container");
        for answer in [apple::samples::BEFORE_1_0, apple::samples::FROM_1_0] {
            let rows = |filters: &[Filter]| Listing { engine: &engine, filters }.rows(answer).unwrap();
            assert_eq!(
                Listing { engine: &engine, filters: &[] }.command().to_string(),
                "container list --all --format json"
            );
            assert_eq!(rows(&[]).len(), 3);
            assert!(rows(&[Filter::ours(), Filter::Label("ringfence.loop", "7".into())]).is_empty());
            assert_eq!(rows(&[Filter::Named("db".into())])[0].kind, "");
            assert_eq!(rows(&[Filter::Has("ringfence.owner.pid")])[0].owner.pid, "123");
            let sandboxes = rows(&[Filter::sandboxes()]);
            let wanted = Row {
                id: "box".into(),
                name: "box".into(),
                state: "running".into(),
                image: "registry.test/ringfence/worker:latest".into(),
                kind: "sandbox".into(),
                workspace: "/work space".into(),
                ..Row::default()
            };
            assert_eq!(sandboxes, [wanted]);
            assert_eq!(rows(&[Filter::Named("ringfence-1".into())])[0].state, "exited");
        }
        assert!(Listing { engine: &engine, filters: &[] }.rows("{}").is_err());
    }
}
