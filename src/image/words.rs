//! What a builder's output means. Looked at only after a failure.

use anstream::adapter::strip_str;

/// Why a build failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The builder did not get as far as the first step: the engine's own words say why.
    NotBegun,
    /// The image to build on cannot be had.
    Base,
    /// The registry of the agents does not have this one, as `PACKAGE@VERSION`.
    Version(String),
    /// Somebody on the way signs with an authority that the image does not trust.
    Authority,
    /// A step failed.
    Step,
}

/// What became of a build that wrote `output`, and its last words.
pub fn explain(output: &str) -> (Trouble, String) {
    let plain = strip_str(output).to_string();
    let lower = plain.to_lowercase();
    let says = |parts: &[&str]| parts.iter().any(|part| lower.contains(part));
    let trouble = if let Some(version) = plain.lines().find_map(absent_version) {
        Trouble::Version(version)
    } else if says(BASE)
        || last_step(&lower)
            .is_some_and(|step| step.split_once(':').is_some_and(|(_, step)| step.trim_start().starts_with("from ")))
    {
        Trouble::Base
    } else if last_step(&lower).is_none() {
        Trouble::NotBegun
    } else if says(AUTHORITY) {
        Trouble::Authority
    } else {
        Trouble::Step
    };
    (trouble, last_words(&plain))
}

const BASE: &[&str] = &[
    "pull access denied",
    "manifest unknown",
    "failed to resolve source metadata",
    "failed to resolve reference",
    "initializing source docker://",
    "error creating build container",
];

const AUTHORITY: &[&str] =
    &["self signed certificate", "self-signed certificate", "unable to get local issuer", "certificate verify failed"];

fn last_step(output: &str) -> Option<&str> {
    output.lines().filter_map(step).next_back()
}

/// The step that a builder announces in this line, in lower case: `step 1/9 : …`, `[1/2] step 1/9: …` (podman), or `#1 …`.
/// The first may be long gone, because only the end of the output is kept.
fn step(line: &str) -> Option<&str> {
    let line = line.strip_prefix('[').and_then(|line| line.split_once("] ")).map_or(line, |(_, line)| line);
    let number = line.strip_prefix("step ").or_else(|| line.strip_prefix('#'))?;
    number.starts_with(|c: char| c.is_ascii_digit()).then_some(number)
}

/// npm's words, and those of our Dockerfile (but not the Dockerfile itself, which a builder may show).
fn absent_version(line: &str) -> Option<String> {
    if let Some((before, _)) = line.split_once("' is not in this registry") {
        return before.rsplit_once('\'').map(|(_, named)| named.to_owned());
    }
    let (before, version) = line.split_once(" has no version ")?;
    let package = before.split_whitespace().next_back()?;
    (!line.contains('$')).then(|| format!("{package}@{}", version.trim()))
}

/// The last lines that say something, without what the builder says about itself.
fn last_words(output: &str) -> String {
    const NOISE: [&str; 14] = [
        "sending build context",
        "step ",
        "--->",
        "----",
        "removing intermediate",
        "the command '",
        "deprecated:",
        "install the buildx",
        "https://docs.docker.com/go/buildx",
        "npm err! a complete log",
        "npm error a complete log",
        "npm err!     /",
        "dockerfile:",
        ">>>",
    ];
    let noise = |line: &str| {
        let lower = line.to_lowercase();
        let excerpt = line.split_once('|').is_some_and(|(number, _)| number.trim().parse::<u32>().is_ok());
        excerpt || NOISE.iter().any(|start| lower.starts_with(start)) || lower.contains("did not complete successfully")
    };
    let lines: Vec<&str> = output.lines().map(bare).filter(|line| line.len() > 12 && !noise(line)).collect();
    let last = &lines[lines.len().saturating_sub(3)..];
    last.iter().map(|line| line.chars().take(300).collect::<String>()).collect::<Vec<_>>().join("; ")
}

/// A line without `BuildKit`'s step and time, such as `#9 4.21 `.
fn bare(line: &str) -> &str {
    let line = line.trim();
    let Some((step, rest)) = line.strip_prefix('#').and_then(|rest| rest.split_once(' ')) else { return line };
    if step.is_empty() || !step.bytes().all(|byte| byte.is_ascii_digit()) {
        return line;
    }
    match rest.split_once(' ') {
        Some((time, words)) if time.parse::<f64>().is_ok() => words.trim(),
        _ => rest.trim(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_old_builder_is_understood() {
        let version = "Step 13/18 : RUN set -eu; echo \"$1 has no version $2\" >&2\n ---> Running in d70f5f487a19\n\
            \u{1b}[91mnpm ERR! code E404\nnpm ERR! 404 No match found for version 9.9.9\n\
            npm ERR! 404  '@anthropic-ai/claude-code@9.9.9' is not in this registry.\n\u{1b}[0mRemoving intermediate container d\n\
            The command '/bin/sh -c set -eu; …' returned a non-zero code: 1\n";
        assert_eq!(explain(version).0, Trouble::Version("@anthropic-ai/claude-code@9.9.9".into()));
        let base = "Step 1/18 : ARG BASE=node:22-bookworm-slim\nStep 2/18 : FROM $BASE AS tools\n\
            Get \"https://registry.test/v2/\": dial tcp: lookup registry.test: no such host\n";
        let (trouble, words) = explain(base);
        assert_eq!(trouble, Trouble::Base);
        assert_eq!(words, "Get \"https://registry.test/v2/\": dial tcp: lookup registry.test: no such host");
        let step = "Step 3/18 : RUN apt-get update\n ---> Running in 848ef2e0f057\n\u{1b}[91m/bin/sh: apt-get: not found\n\u{1b}[0m\
            Removing intermediate container 848ef2e0f057\nThe command '/bin/sh -c apt-get update' returned a non-zero code: 127\n";
        assert_eq!(explain(step), (Trouble::Step, "/bin/sh: apt-get: not found".into()));
        let daemon = "Cannot connect to the Docker daemon at unix:///x.sock. Is the docker daemon running?\n";
        assert_eq!(explain(daemon).0, Trouble::NotBegun);
    }

    #[test]
    fn podman_is_understood() {
        let base = "[1/3] STEP 1/4: FROM nope/nope AS tools\nError: creating build container: initializing source \
            docker://nope/nope:latest: pinging container registry: no such host\n";
        assert_eq!(explain(base).0, Trouble::Base);
        let step = "[1/3] STEP 2/4: RUN apt-get update\n/bin/sh: apt-get: not found\nError: building at STEP \"RUN apt-get\"\n";
        assert_eq!(explain(step).0, Trouble::Step);
    }

    #[test]
    fn buildkit_is_understood() {
        let version = "#1 [internal] load build definition\n#12 0.93 @openai/codex has no version 0.0.0\n\
            #12 ERROR: process \"/bin/sh -c set -eu\" did not complete successfully: exit code: 1\n------\nDockerfile:37\n\
            --------------------\n  36 |     # echo\n  37 | >>> RUN set -eu; echo \"$1 has no version $2\"\n";
        let (trouble, words) = explain(version);
        assert_eq!(trouble, Trouble::Version("@openai/codex@0.0.0".into()));
        assert!(words.ends_with("@openai/codex has no version 0.0.0"), "{words}");
        let base = "#1 [internal] load build definition\nERROR: failed to solve: nope/nope: failed to resolve source metadata for \
            registry.test/nope/nope:latest: pull access denied\n";
        assert_eq!(explain(base).0, Trouble::Base);
        let authority = "#1 [internal] load\n#10 2.1 npm error code SELF_SIGNED_CERT_IN_CHAIN\n\
            #10 2.1 npm error self-signed certificate in certificate chain\n";
        assert_eq!(explain(authority).0, Trouble::Authority);
    }
}
