//! The worker image: its Dockerfile, and the commands that build and check it. Pure but for the build folder.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use tempfile::TempDir;

use crate::command::CommandSpec;

/// The embedded Dockerfile.
pub const DOCKERFILE: &str = include_str!("Dockerfile");

/// The label that holds an agent's version, before the agent's name.
const VERSION_LABEL: &str = "ringfence.agent.";

/// What an image is built from.
#[derive(Clone, Debug)]
pub struct Recipe {
    /// The engine's program.
    pub engine: String,
    /// The new image's name.
    pub tag: String,
    /// The image to build on; the Dockerfile's own choice where absent.
    pub base: Option<String>,
    /// The agents to install, by name.
    pub agents: Vec<String>,
    /// Versions by agent, as the registry knows them.
    pub versions: Vec<(String, String)>,
    /// Whether to leave earlier layers out.
    pub no_cache: bool,
    /// Whether to ask for a newer base.
    pub pull: bool,
}

/// A folder with everything the build reads; gone when dropped.
///
/// # Errors
/// A certificate file that cannot be read, or no room for the folder.
pub fn context(ca_cert: Option<&Path>) -> Result<TempDir> {
    let folder = tempfile::tempdir().context("making a folder for the build")?;
    fs::write(folder.path().join("Dockerfile"), DOCKERFILE)?;
    let certificates = folder.path().join("ca");
    fs::create_dir(&certificates)?;
    // An empty folder would not be copied by every builder.
    fs::write(certificates.join("README"), "Further authorities to trust, as *.crt files in PEM.\n")?;
    if let Some(file) = ca_cert {
        fs::copy(file, certificates.join("extra.crt")).with_context(|| format!("copying {}", file.display()))?;
    }
    Ok(folder)
}

impl Recipe {
    /// The command that builds from `folder`.
    pub fn build_command(&self, folder: &Path) -> CommandSpec {
        let mut spec = CommandSpec::new(&self.engine).args(["build", "--tag"]).arg(&self.tag);
        if let Some(base) = &self.base {
            spec = spec.option("--build-arg", format!("BASE={base}"));
        }
        spec = spec.option("--build-arg", format!("AGENTS={}", self.agents.join(" ")));
        for (agent, version) in &self.versions {
            spec = spec.option("--build-arg", format!("{}_VERSION={version}", agent.to_uppercase()));
        }
        if self.no_cache {
            spec = spec.arg("--no-cache");
        }
        if self.pull {
            spec = spec.arg("--pull");
        }
        spec.arg(folder)
    }

    /// The command that asks `agent` in the image for its version, as a run would start it.
    pub fn version_command(&self, agent: &str) -> CommandSpec {
        CommandSpec::new(&self.engine)
            .args([
                "run",
                "--rm",
                "--network",
                "none",
                "--read-only",
                "--tmpfs",
                "/tmp",
                "--env",
                "HOME=/tmp",
                "--entrypoint",
            ])
            .args([agent, self.tag.as_str(), "--version"])
    }

    /// The command that adds the agents' versions to the image as labels; its Dockerfile is in `folder`.
    pub fn label_command(&self, folder: &Path) -> CommandSpec {
        CommandSpec::new(&self.engine).args(["build", "--quiet", "--tag"]).arg(&self.tag).arg(folder)
    }

    /// A folder for [`Recipe::label_command`].
    pub fn label_context(&self, versions: &[(String, String)]) -> Result<TempDir> {
        let folder = tempfile::tempdir().context("making a folder for the build")?;
        let labels: Vec<String> =
            versions.iter().map(|(agent, version)| format!("{VERSION_LABEL}{agent}=\"{version}\"")).collect();
        fs::write(folder.path().join("Dockerfile"), format!("FROM {}\nLABEL {}\n", self.tag, labels.join(" ")))?;
        Ok(folder)
    }
}

/// The version number in what an agent answers to `--version`, such as `2.1.197 (Claude Code)` or `codex-cli 0.169.0`.
pub fn version_in(answer: &str) -> Option<&str> {
    answer.split_whitespace().find(|word| word.starts_with(|c: char| c.is_ascii_digit()) && word.contains('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_choice_reaches_the_command_line() {
        let recipe = Recipe {
            engine: "podman".into(),
            tag: "team/worker:1".into(),
            base: Some("debian:bookworm-slim".into()),
            agents: vec!["claude".into(), "codex".into()],
            versions: vec![("claude".into(), "2.1.197".into())],
            no_cache: true,
            pull: true,
        };
        assert_eq!(
            recipe.build_command(Path::new("/ctx")).to_string(),
            "podman build --tag team/worker:1 --build-arg BASE=debian:bookworm-slim --build-arg 'AGENTS=claude codex' \
             --build-arg CLAUDE_VERSION=2.1.197 --no-cache --pull /ctx"
        );
    }

    #[test]
    fn versions_are_found_in_what_the_agents_answer() {
        for (answer, version) in [
            ("2.1.197 (Claude Code)\n", Some("2.1.197")),
            ("codex-cli 0.169.0", Some("0.169.0")),
            ("1.18.33", Some("1.18.33")),
            ("oops", None),
        ] {
            assert_eq!(version_in(answer), version);
        }
    }
}
