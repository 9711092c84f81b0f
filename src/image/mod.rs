//! The worker image: its Dockerfile, and the commands that build and check it. Pure but for the build folder.

mod words;

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anyhow::{Context, Result};
use tempfile::TempDir;

pub use words::{Trouble, explain};

use crate::command::CommandSpec;
use crate::failure::Failure;

/// The embedded Dockerfile.
pub const DOCKERFILE: &str = include_str!("Dockerfile");

/// The label that holds an agent's version, before the agent's name.
pub const VERSION_LABEL: &str = "ringfence.agent.";

/// How long an agent may take to say its version: the first start of a large program from a cold disk.
pub const VERSION_SECONDS: u64 = 60;

/// The beginnings of the command lines by which an engine makes images: what engines call these things differs.
#[derive(Clone, Debug)]
pub struct Words {
    /// Builds, and shows how it goes.
    pub build: CommandSpec,
    /// Builds what is soon done.
    pub rebuild: CommandSpec,
    /// Runs a container.
    pub run: CommandSpec,
    /// Forgets an image.
    pub forget: CommandSpec,
}

/// What an image is built from.
#[derive(Clone, Debug)]
pub struct Recipe {
    /// How the engine is told.
    pub words: Words,
    /// The new image's name.
    pub tag: String,
    /// The image's name until it is checked: `tag` never names anything else than a checked one.
    pub unchecked: String,
    /// The image to build on; the Dockerfile's own choice where absent.
    pub base: Option<String>,
    /// The agents to install, by name.
    pub agents: Vec<String>,
    /// Versions by agent, as the registry knows them.
    pub versions: Vec<(String, String)>,
    /// The caller's variables that name a proxy.
    pub proxies: Vec<&'static str>,
    /// Whether to leave earlier layers out.
    pub no_cache: bool,
    /// Whether to ask for a newer base.
    pub pull: bool,
}

/// A folder with everything the build reads, the certificates in `authorities` among it; gone when dropped.
///
/// # Errors
/// Config (78): there is no folder for temporary files.
pub fn context(authorities: Option<&[u8]>) -> Result<TempDir> {
    let folder = tempfile::tempdir().map_err(|error| Failure::no_temporary(&error))?;
    let certificates = folder.path().join("ca");
    fs::create_dir(&certificates)?;
    // The image keeps these modes, whatever the caller's umask.
    fs::set_permissions(&certificates, Permissions::from_mode(0o755))?;
    write(&folder.path().join("Dockerfile"), DOCKERFILE.as_bytes())?;
    match authorities {
        Some(authorities) => write(&certificates.join("extra.crt"), authorities)?,
        // An empty folder would not be copied by every builder.
        None => write(&certificates.join("README"), b"Further authorities to trust, as *.crt files in PEM.\n")?,
    }
    Ok(folder)
}

fn write(file: &Path, contents: &[u8]) -> Result<()> {
    fs::write(file, contents).with_context(|| format!("writing {}", file.display()))?;
    Ok(fs::set_permissions(file, Permissions::from_mode(0o644))?)
}

/// Why `contents` cannot be trusted authorities, in words that follow the file's name; none if they can.
pub fn authorities_flaw(contents: &[u8]) -> Option<&'static str> {
    let has = |text: &str| contents.windows(text.len()).any(|window| window == text.as_bytes());
    if has("PRIVATE KEY-----") {
        return Some("holds a private key, which must not get into an image");
    }
    (!has("-----BEGIN CERTIFICATE-----")).then_some("holds no certificate in PEM")
}

impl Recipe {
    /// The command that builds the unchecked image from `folder`.
    pub fn build_command(&self, folder: &Path) -> CommandSpec {
        let mut spec = self.words.build.clone().option("--tag", &self.unchecked);
        if let Some(base) = &self.base {
            spec = spec.option("--build-arg", format!("BASE={base}"));
        }
        spec = spec.option("--build-arg", format!("AGENTS={}", self.agents.join(" ")));
        for (agent, version) in &self.versions {
            spec = spec.option("--build-arg", format!("{}_VERSION={version}", agent.to_uppercase()));
        }
        for name in &self.proxies {
            // By name alone: a proxy's address can hold a password. Builders keep these out of the image.
            spec = spec.option("--build-arg", *name);
        }
        if self.no_cache {
            spec = spec.arg("--no-cache");
        }
        if self.pull {
            spec = spec.arg("--pull");
        }
        spec.arg(folder)
    }

    /// The command that asks `agent` in the unchecked image for its version, as a run would start it. It ends by itself, also
    /// where nobody waits for it any more.
    pub fn version_command(&self, agent: &str) -> CommandSpec {
        let run = self.words.run.clone();
        run.args(["--rm", "--network", "none"])
            .args(["--read-only", "--tmpfs", "/tmp", "--env", "HOME=/tmp"])
            .args(["--entrypoint", "timeout", self.unchecked.as_str(), "-k", "5"])
            .args([VERSION_SECONDS.to_string().as_str(), agent, "--version"])
    }

    /// The command that makes the image proper: the unchecked one with the agents' versions as labels, by the Dockerfile in
    /// `folder`.
    pub fn label_command(&self, folder: &Path) -> CommandSpec {
        self.words.rebuild.clone().option("--tag", &self.tag).arg(folder)
    }

    /// The command that forgets the unchecked name.
    pub fn forget_command(&self) -> CommandSpec {
        self.words.forget.clone().arg(&self.unchecked)
    }

    /// A folder for [`Recipe::label_command`].
    ///
    /// # Errors
    /// No room for the folder.
    pub fn label_context(&self, versions: &[(String, String)]) -> Result<TempDir> {
        let folder = tempfile::tempdir().map_err(|error| Failure::no_temporary(&error))?;
        let labels: Vec<String> =
            versions.iter().map(|(agent, version)| format!("{VERSION_LABEL}{agent}=\"{version}\"")).collect();
        let dockerfile = format!("FROM {}\nLABEL {}\n", self.unchecked, labels.join(" "));
        write(&folder.path().join("Dockerfile"), dockerfile.as_bytes())?;
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
            words: Words {
                build: CommandSpec::new("podman").args(["build", "--force-rm"]),
                rebuild: CommandSpec::new("podman").args(["build", "--quiet"]),
                run: CommandSpec::new("podman").arg("run"),
                forget: CommandSpec::new("podman").arg("rmi"),
            },
            tag: "team/worker:1".into(),
            unchecked: "ringfence/unchecked:7".into(),
            base: Some("debian:bookworm-slim".into()),
            agents: vec!["claude".into(), "codex".into()],
            versions: vec![("claude".into(), "2.1.197".into())],
            proxies: vec!["HTTPS_PROXY", "no_proxy"],
            no_cache: true,
            pull: true,
        };
        assert_eq!(
            recipe.build_command(Path::new("/ctx")).to_string(),
            "podman build --force-rm --tag ringfence/unchecked:7 --build-arg BASE=debian:bookworm-slim \
             --build-arg 'AGENTS=claude codex' --build-arg CLAUDE_VERSION=2.1.197 --build-arg HTTPS_PROXY --build-arg no_proxy \
             --no-cache --pull /ctx"
        );
        assert_eq!(
            recipe.label_command(Path::new("/ctx")).to_string(),
            "podman build --quiet --tag team/worker:1 /ctx"
        );
        assert_eq!(recipe.forget_command().to_string(), "podman rmi ringfence/unchecked:7");
        assert_eq!(
            recipe.version_command("claude").to_string(),
            "podman run --rm --network none --read-only --tmpfs /tmp --env HOME=/tmp --entrypoint timeout \
             ringfence/unchecked:7 -k 5 60 claude --version"
        );
    }

    #[test]
    fn authorities_are_certificates_and_nothing_else() {
        let certificate = "-----BEGIN CERTIFICATE-----\nMII\n-----END CERTIFICATE-----\n";
        assert_eq!(authorities_flaw(certificate.as_bytes()), None);
        assert_eq!(authorities_flaw(b"MII"), Some("holds no certificate in PEM"));
        let key = format!("{certificate}-----BEGIN RSA PRIVATE KEY-----\n");
        assert!(authorities_flaw(key.as_bytes()).is_some_and(|flaw| flaw.contains("private key")));
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
