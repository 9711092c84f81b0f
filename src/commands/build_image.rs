//! `ringfence sandbox build-image`: the worker image, built and checked.

use std::time::Duration;

use anyhow::Result;
use serde_json::{Map, Value, json};

use crate::cli::BuildImageArgs;
use crate::config::{Environment, Flags, Settings, image_flaw};
use crate::failure::{Class, Failure};
use crate::image::{self, DOCKERFILE, Recipe};
use crate::output::Printer;
use crate::runner::{Host, engine_failure};

/// How long an agent may take to say its version: the first start of a large program from a cold disk.
const VERSION_LIMIT: Duration = Duration::from_secs(60);

const AGENTS: [&str; 3] = ["claude", "codex", "opencode"];

/// Builds the image, asks each agent in it for its version, and writes these into its labels.
pub fn run(args: &BuildImageArgs, flags: &Flags, env: &Environment, host: &Host, printer: &Printer) -> Result<()> {
    if args.print {
        return if printer.is_json() {
            printer.json(&json!({ "ok": true, "schema": "ringfence.build-image/1", "dockerfile": DOCKERFILE }))
        } else {
            Ok(printer.answer(DOCKERFILE.as_bytes())?)
        };
    }
    let settings = Settings::resolve(flags, env)?;
    let recipe = recipe(args, &settings)?;
    if let Some(file) = args.ca_cert.as_deref().filter(|file| !file.is_file()) {
        return Err(Failure::usage(
            format!("no such certificate file: {}", file.display()),
            "give a PEM file: --ca-cert FILE",
        )
        .into());
    }
    let context = image::context(args.ca_cert.as_deref())?;
    printer.note(&format!("building {} with {}", recipe.tag, recipe.agents.join(", ")));
    let built = host.stream(&recipe.build_command(context.path()))?;
    if !built.status.success() {
        return Err(build_failure(&recipe, &built.stderr, built.status.code()).into());
    }
    let versions = versions(&recipe, host, printer)?;
    let labels = recipe.label_context(&versions)?;
    let labelled = host.stream(&recipe.label_command(labels.path()))?;
    if !labelled.status.success() {
        return Err(build_failure(&recipe, &labelled.stderr, labelled.status.code()).into());
    }
    if printer.is_json() {
        let agents: Map<String, Value> = versions.into_iter().map(|(agent, version)| (agent, version.into())).collect();
        printer.json(&json!({ "ok": true, "schema": "ringfence.build-image/1", "image": recipe.tag, "agents": agents }))
    } else {
        printer.line(&recipe.tag)
    }
}

fn recipe(args: &BuildImageArgs, settings: &Settings) -> Result<Recipe, Failure> {
    for image in [&args.tag, &args.base].into_iter().flatten() {
        if let Some(flaw) = image_flaw(image) {
            let hint = format!("lower-case letters, digits and . _ - /, such as {}", image.to_lowercase());
            return Err(Failure::new(Class::InvalidImage, format!("{image} is not a legal image name: {flaw}"), hint));
        }
    }
    let agents = if args.agent.is_empty() { AGENTS.map(String::from).to_vec() } else { args.agent.clone() };
    let versions = args.agent_version.iter().map(|text| version(text, &agents)).collect::<Result<_, _>>()?;
    Ok(Recipe {
        engine: settings.docker_command.value.clone(),
        tag: args.tag.clone().unwrap_or_else(|| settings.sandbox.image.value.clone()),
        base: args.base.clone(),
        agents,
        versions,
        no_cache: args.no_cache,
        pull: args.pull,
    })
}

fn version(text: &str, agents: &[String]) -> Result<(String, String), Failure> {
    let legal =
        |version: &str| !version.is_empty() && version.chars().all(|c| c.is_ascii_alphanumeric() || "._-+".contains(c));
    match text.split_once('=') {
        Some((agent, version)) if agents.iter().any(|known| known == agent) && legal(version) => {
            Ok((agent.into(), version.into()))
        }
        _ => Err(Failure::usage(
            format!("--agent-version {text}: not NAME=VERSION with one of {}", agents.join(", ")),
            "type: --agent-version claude=2.1.197",
        )),
    }
}

fn versions(recipe: &Recipe, host: &Host, printer: &Printer) -> Result<Vec<(String, String)>> {
    let mut versions = Vec::new();
    for agent in &recipe.agents {
        let answer = host.capture(&recipe.version_command(agent), VERSION_LIMIT)?;
        let text =
            answer.as_ref().map(|answer| String::from_utf8_lossy(&answer.stdout).into_owned()).unwrap_or_default();
        let Some(version) =
            image::version_in(&text).filter(|_| answer.as_ref().is_some_and(|answer| answer.status.success()))
        else {
            let message = format!("{agent} does not answer `--version` in the new image {}", recipe.tag);
            let hint = format!(
                "build it again without cache, or with another version: --no-cache --agent-version {agent}=VERSION"
            );
            let words = answer.map_or_else(|| "it took too long".to_owned(), |answer| answer.stderr);
            return Err(Failure::new(Class::CliMissing, message, hint).because(words).into());
        };
        printer.note(&format!("{agent} {version}"));
        versions.push((agent.clone(), version.to_owned()));
    }
    Ok(versions)
}

fn build_failure(recipe: &Recipe, words: &str, status: Option<i32>) -> Failure {
    let failure = engine_failure(&recipe.engine, recipe.base.as_deref().unwrap_or(&recipe.tag), words, status);
    if failure.class != Class::Engine {
        return failure;
    }
    let hint = "read the build's last lines above; behind an inspecting proxy: --ca-cert FILE; without a registry: --base IMAGE";
    Failure::new(Class::Engine, format!("building {} failed", recipe.tag), hint)
        .because(failure.cause.unwrap_or_default())
}
