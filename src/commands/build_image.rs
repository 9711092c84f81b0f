//! `ringfence sandbox build-image`: the worker image, built and checked.

use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use serde_json::{Map, Value, json};

use crate::cli::BuildImageArgs;
use crate::command::CommandSpec;
use crate::commands::run::place;
use crate::config::{AgentName, Environment, Flags, Settings, image_flaw};
use crate::failure::{Class, Failure};
use crate::image::{self, DOCKERFILE, Recipe, Trouble, VERSION_SECONDS, Words};
use crate::output::Printer;
use crate::runner::{self, Engine, Host, engine_failure};

/// How long a check of an agent's version may take: its own limit, and the container's start and end.
const VERSION_LIMIT: Duration = Duration::from_secs(VERSION_SECONDS + 30);
/// How long forgetting a name may take.
const FORGET_LIMIT: Duration = Duration::from_secs(60);

/// Where a build may have to be told of a proxy: builders know these names.
const PROXIES: [&str; 6] = ["HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"];

/// Builds the image, asks each agent in it for its version, and writes these into its labels.
///
/// # Errors
/// Usage (2) or `invalid_image` (78) for what was typed, `cli_missing` (69) for an agent that the image turns out to lack, and what
/// the builder's words mean.
pub fn run(args: &BuildImageArgs, flags: &Flags, env: &Environment, host: &Host, printer: &Printer) -> Result<()> {
    if args.print {
        return if printer.is_json() {
            printer.json(&json!({ "ok": true, "schema": "ringfence.build-image/1", "dockerfile": DOCKERFILE }))
        } else {
            printer.answer(DOCKERFILE.as_bytes())
        };
    }
    let settings = Settings::resolve(flags, env)?;
    let engine = place::engine(settings.mode.value, &settings);
    let recipe = recipe(args, &engine, &settings, env)?;
    let authorities = authorities(args, env, printer)?;
    printer.note(&format!("building {} with {}", recipe.tag, recipe.agents.join(", ")));
    let context = image::context(authorities.as_deref())?;
    build(&recipe, &engine, &recipe.build_command(context.path()), host, &mut |line| {
        printer.note(String::from_utf8_lossy(line).trim_end());
    })?;
    let checked = check(&recipe, &engine, host, printer);
    // After a signal, too. The image itself stays where it has been given its name.
    let _ = host.undeterred().capture(&recipe.forget_command(), FORGET_LIMIT);
    let versions = checked?;
    if printer.is_json() {
        let agents: Map<String, Value> = versions.into_iter().map(|(agent, version)| (agent, version.into())).collect();
        printer.json(&json!({ "ok": true, "schema": "ringfence.build-image/1", "image": recipe.tag, "agents": agents }))
    } else {
        printer.line(&recipe.tag)
    }
}

/// One build; `show` gets the lines of its progress.
fn build(
    recipe: &Recipe,
    engine: &Engine,
    command: &CommandSpec,
    host: &Host,
    show: &mut dyn FnMut(&[u8]),
) -> Result<()> {
    let built = host.stream(command, show)?;
    if built.status.success() {
        return Ok(());
    }
    Err(build_failure(recipe, engine, &built.stderr, built.status.code()).into())
}

/// The agents' versions in the unchecked image, after which it has its name.
fn check(recipe: &Recipe, engine: &Engine, host: &Host, printer: &Printer) -> Result<Vec<(String, String)>> {
    let versions = versions(recipe, host, printer)?;
    let folder = recipe.label_context(&versions)?;
    build(recipe, engine, &recipe.label_command(folder.path()), host, &mut |_| {})?;
    Ok(versions)
}

/// What the build and the image are to trust: the file that was named, else the one by which this machine's own Node or
/// OpenSSL programs get through an inspecting proxy.
fn authorities(args: &BuildImageArgs, env: &Environment, printer: &Printer) -> Result<Option<Vec<u8>>, Failure> {
    let read = |file: &Path| match std::fs::read(file) {
        Ok(contents) => match image::authorities_flaw(&contents) {
            None => Ok(contents),
            Some(flaw) => Err((format!("{} {flaw}", file.display()), String::new())),
        },
        Err(error) => Err((format!("{} cannot be read", file.display()), error.to_string())),
    };
    if let Some(file) = &args.ca_cert {
        let refuse = |(message, cause)| Failure::usage(message, "give a PEM file: --ca-cert FILE").because(cause);
        return read(file).map(Some).map_err(refuse);
    }
    for name in ["NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE"] {
        let Some(file) = env.get(name).filter(|file| !file.is_empty()).map(Path::new) else { continue };
        match read(file) {
            Ok(contents) => {
                printer.note(&format!("the image trusts {} as well (${name})", file.display()));
                return Ok(Some(contents));
            }
            Err((flaw, _)) => printer.warning(&format!("${name}: {flaw}; it is left out of the image")),
        }
    }
    Ok(None)
}

fn recipe(args: &BuildImageArgs, engine: &Engine, settings: &Settings, env: &Environment) -> Result<Recipe> {
    for image in [&args.tag, &args.base].into_iter().flatten() {
        if let Some(flaw) = image_flaw(image) {
            let hint = format!("lower-case letters, digits and . _ - /, such as {}", image.to_lowercase());
            return Err(Failure::new(Class::InvalidImage, format!("{image:?} {flaw}"), hint).into());
        }
    }
    let agents = if args.agent.is_empty() {
        AgentName::MODELS.map(|agent| agent.to_string()).to_vec()
    } else {
        args.agent.clone()
    };
    let versions = args.agent_version.iter().map(|text| version(text, &agents)).collect::<Result<_, _>>()?;
    let hands_on = engine.dialect.builds_with_variables;
    let proxies = PROXIES.into_iter().filter(|name| hands_on && env.text(name).is_some()).collect();
    Ok(Recipe {
        words: Words {
            build: engine.build_command(),
            rebuild: engine.rebuild_command(),
            run: engine.command().arg("run"),
            forget: engine.forget_command(),
        },
        tag: args.tag.clone().unwrap_or_else(|| settings.sandbox.image.value.clone()),
        unchecked: format!("ringfence/unchecked:{}", runner::new_run_id()?),
        base: args.base.clone(),
        agents,
        versions,
        proxies,
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

fn build_failure(recipe: &Recipe, engine: &Engine, output: &str, status: Option<i32>) -> Failure {
    let (trouble, words) = image::explain(output);
    let message = format!("building {} failed", recipe.tag);
    let base = recipe.base.as_deref().unwrap_or("that the Dockerfile names");
    let failure = match trouble {
        Trouble::NotBegun => return engine_failure(engine, base, "", output, status),
        Trouble::Base => Failure::new(
            Class::ImageMissing,
            format!("the base image {base} cannot be had"),
            format!(
                "try: {}; or build on a Debian image that this engine has: --base IMAGE",
                engine.pull_command("IMAGE")
            ),
        ),
        Trouble::Version(version) => Failure::usage(
            format!("there is no {version}"),
            format!(
                "see what there is with: npm view {} versions",
                version.rsplit_once('@').map_or("", |(name, _)| name)
            ),
        ),
        Trouble::Authority => Failure::new(
            Class::Engine,
            message,
            "something on the way inspects TLS: trust its authority with --ca-cert FILE",
        ),
        Trouble::Step => Failure::new(
            Class::Engine,
            message,
            "type it again without --quiet and read the step that fails; the base must be a Debian image: --base IMAGE",
        ),
    };
    failure.because(words)
}
