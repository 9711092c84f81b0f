//! The image that runs use, and the agents in it.

use super::check::Check;
use super::engine::{Answer, Look};
use crate::config::AgentName;
use crate::failure::{Class, Failure};
use crate::image::VERSION_LABEL;
use crate::runner::{Engine, EngineFacts, ImageFacts, read_image};

impl Look<'_> {
    /// The agents of which the image does not tell.
    pub(super) fn image(
        &self,
        answer: &Answer,
        engine: &EngineFacts,
        agents: &[AgentName],
        checks: &mut Vec<Check>,
    ) -> Vec<AgentName> {
        let setting = &self.settings.sandbox.image;
        let facts = self.answer(answer).and_then(|captured| {
            read_image(&captured.stdout).ok_or_else(|| {
                Failure::new(
                    Class::ImageMissing,
                    format!("nothing is known of {}", setting.value),
                    self.engine.ours("sandbox build-image"),
                )
            })
        });
        let facts = match facts {
            Ok(facts) => facts,
            Err(failure) => {
                checks.push(Check::fail("image", &failure).took(answer.took));
                return Vec::new();
            }
        };
        let day = facts.created.get(..10).filter(|day| !day.starts_with("0001")).unwrap_or("an unknown day");
        let fact = format!("{} ({}): {} MB, made on {day}", setting.value, setting.origin, facts.size / 1_000_000);
        checks.push(Check::ok("image", fact).took(answer.took));
        if let (Some(made_for), Some(has)) = (&facts.architecture, &engine.architecture)
            && made_for != has
        {
            let fact = format!("{} is made for {made_for}, and the engine's processor is {has}", setting.value);
            let fix = if setting.starts_with("ringfence/") {
                self.engine.ours("sandbox build-image")
            } else {
                format!("{} pull --platform linux/{has} {}", self.engine, setting.value)
            };
            checks.push(Check::warn("image.architecture", fact, fix));
        }
        let listed: Vec<&str> = facts.labels.iter().filter_map(|(name, _)| name.strip_prefix(VERSION_LABEL)).collect();
        let has_labels = !listed.is_empty();
        // The image is made anew, with all that it has to have and all that it had.
        let wanted: Vec<AgentName> = AgentName::MODELS
            .into_iter()
            .filter(|agent| agents.contains(agent) || listed.contains(&agent.as_str()))
            .collect();
        let mut untold = Vec::new();
        for agent in agents.iter().filter(|agent| agent.is_model()) {
            match version(&facts, *agent) {
                Some(version) => {
                    checks.push(Check::ok(format!("agent.{agent}"), format!("{agent} {version} is in the image")));
                }
                None if has_labels => checks.push(lacks(&self.engine, *agent, &wanted, setting)),
                None => untold.push(*agent),
            }
        }
        untold
    }
}

fn version(facts: &ImageFacts, agent: AgentName) -> Option<&str> {
    let label = format!("{VERSION_LABEL}{agent}");
    facts.labels.iter().find(|(name, _)| *name == label).map(|(_, version)| version.as_str())
}

/// The check of an image without `agent`, where it should have all of `wanted`.
pub fn lacks(engine: &Engine, agent: AgentName, wanted: &[AgentName], image: &str) -> Check {
    let failure =
        Failure::new(Class::CliMissing, format!("{agent} is not in the image {image}"), build(engine, wanted, image));
    Check::fail(format!("agent.{agent}"), &failure)
}

/// What makes the image anew, with these agents.
pub fn build(engine: &Engine, agents: &[AgentName], image: &str) -> String {
    let agents: Vec<String> = agents.iter().map(|agent| format!("--agent {agent}")).collect();
    format!("{} {} --tag {image}", engine.ours("sandbox build-image"), agents.join(" "))
}
