//! `ringfence sandbox save`: what was installed in a sandbox as an image, and never a credential.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::Result;
use serde_json::{Value, json};

use super::{call, find};
use crate::commands::run::warm;
use crate::config::{AgentName, Environment, Flags, Settings, image_flaw};
use crate::credentials::credential_variables;
use crate::failure::{Class, Failure};
use crate::output::Printer;
use crate::runner::{Engine, Host, Row, Sandbox, runs_in_sandboxes};

/// Files that hold a login wherever they are.
const LOGINS: [&str; 10] = [
    ".credentials.json",
    "auth.json",
    ".netrc",
    ".git-credentials",
    ".pgpass",
    ".pypirc",
    "id_rsa",
    "id_dsa",
    "id_ecdsa",
    "id_ed25519",
];
/// Likewise, by the folder that they are in.
const LOGINS_IN: [&str; 4] = [".aws/credentials", ".docker/config.json", "gh/hosts.yml", ".kube/config"];

/// How credentials look inside a file: as an extended regular expression. The lines that begin a private key are constants of many
/// programs as well; in a file that holds a key nothing but text stands before them.
const SECRETS: &str = concat!(
    r"(^|[^A-Za-z0-9])(sk-[A-Za-z0-9_-]{16}|gh[pousr]_[A-Za-z0-9]{20}|github_pat_[A-Za-z0-9_]{20}|(AKIA|ASIA)[A-Z0-9]{16})|",
    r"eyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10}|_authToken *=|",
    r"^[[:print:][:space:]]*-----BEGIN ([A-Z0-9]+ )*PRIVATE KEY-----([[:space:]]*$|\\n)|",
    r#""(refreshToken|refresh_token|accessToken|access_token)"[[:space:]]*:[[:space:]]*"[^"]{4}"#
);

/// Prints those of the files that hold a secret, and those that cannot be looked into; a pipe that nobody writes to is none.
const LOOK: &str = r#"secrets=$1; shift
some() { count=0
for file; do
[ $count != 0 ] || set --
count=$((count + 1)); [ $count -le 200 ] || break
[ -f "$file" ] && [ ! -L "$file" ] || continue
if [ -r "$file" ]; then set -- "$@" "$file"; else printf '%s\n' "$file"; fi
done
[ $# = 0 ] || LC_ALL=C grep -alsE -e "$secrets" -- "$@"
[ $? -lt 126 ]; }
while [ $# -gt 0 ]; do some "$@" || exit 1; shift $(($# < 200 ? $# : 200)); done"#;

/// How much of a command line the names of files may take, bytes: a quarter of what POSIX systems have in practice.
const ARGUMENTS: usize = 256 * 1024;

/// What makes a container out of the image none of ours.
/// One in each change: Podman takes what follows the first for a part of its value.
const EMPTY: [(&str, &[&str]); 2] = [
    (
        "LABEL",
        &[
            "ringfence",
            "ringfence.kind",
            "ringfence.made",
            "ringfence.agent",
            "ringfence.loop",
            "ringfence.workspace",
            "ringfence.created",
            "ringfence.door",
            "ringfence.shape",
        ],
    ),
    (
        "ENV",
        &[
            "RINGFENCE_PLACES",
            "RINGFENCE_FENCE",
            "RINGFENCE_SANDBOX",
            "HTTP_PROXY",
            "http_proxy",
            "HTTPS_PROXY",
            "https_proxy",
            "NO_PROXY",
            "no_proxy",
        ],
    ),
];

/// What runs in a container out of the image, and as whom.
const OWN: &str = "{{json .Config}}";

/// Saves a sandbox that no run is in. The homes are no part of the image: they are in memory.
pub fn run(name: &str, image: &str, flags: &Flags, env: &Environment, host: &Host, printer: &Printer) -> Result<()> {
    if let Some(flaw) = image_flaw(image) {
        let hint = format!("lower-case letters, digits and . _ - /, such as {}", image.to_lowercase());
        return Err(Failure::new(Class::InvalidImage, format!("{image:?} {flaw}"), hint).into());
    }
    let settings = Settings::resolve(flags, env)?;
    let engine = &warm::engine(&settings);
    let sandbox = Sandbox { engine: engine.clone(), name: name.to_owned() };
    let row: Row = find(host, engine, &[name.to_owned()])?.remove(0);
    let runs = env.state_dir().map(|state| runs_in_sandboxes(&state)).unwrap_or_default();
    nobody_in(engine, name, &runs)?;
    if !engine.dialect.commits {
        let message = format!("{engine} makes no image of a container, so {name} cannot be saved");
        let hint = format!(
            "write what was installed into a Dockerfile, then: {engine} build --tag {image} . && {} --template {image}",
            engine.ours("sandbox create")
        );
        return Err(Failure::config(message, hint).into());
    }
    let own = call(host, engine, &engine.command().args(["image", "inspect", "--format", OWN, &row.image]))?;
    let mut commit = engine.command().arg("commit");
    let empty = EMPTY.iter().flat_map(|(word, names)| names.iter().map(move |name| format!("{word} {name}=\"\"")));
    for change in empty.chain(own_changes(&own)) {
        commit = commit.option("--change", change);
    }
    let before = call(host, engine, &sandbox.on(&["diff"]))?;
    let id = call(host, engine, &commit.arg(name))?.trim().to_owned();
    // From here on there is an image, though without a name; whatever happens, it gets its name or goes.
    let looked = (|| {
        // What came meanwhile, and what went.
        let changed = changed(&(before + &call(host, engine, &sandbox.on(&["diff"]))?));
        nobody_in(engine, name, &env.state_dir().map(|state| runs_in_sandboxes(&state)).unwrap_or_default())?;
        clean(name, &credentials(engine, &id, &changed, host)?)?;
        call(host, engine, &engine.command().args(["tag", &id, image]))?;
        anyhow::Ok(changed)
    })();
    if looked.is_err() {
        let host = host.undeterred();
        let _ = call(&host, engine, &engine.command().args(["rmi", &id]));
    }
    let changed = looked?;
    if printer.is_json() {
        let saved = json!({
            "ok": true, "schema": "ringfence.saved/1", "name": name, "image": image, "files": changed.len(),
        });
        return printer.json(&saved);
    }
    if changed.is_empty() {
        printer.warning(
            "nothing was changed in its image; with a read-only root nothing can be: ringfence sandbox set sandbox.read_only_root false",
        );
    }
    printer.line(image)
}

/// # Errors
/// Usage where somebody is in the sandbox: what they write while it is looked at could be a credential.
fn nobody_in(engine: &Engine, name: &str, runs: &BTreeMap<String, usize>) -> Result<(), Failure> {
    let Some(count) = runs.get(name) else { return Ok(()) };
    let who = if *count == 1 { "a run is".to_owned() } else { format!("{count} runs are") };
    let message = format!("{who} in {name}: what they write while it is looked at could be a credential");
    Err(Failure::usage(message, format!("wait for its runs to end: {}", engine.ours("sandbox ls"))))
}

fn clean(name: &str, found: &[String]) -> Result<(), Failure> {
    let Some(first) = found.first() else { return Ok(()) };
    let more = if found.len() > 1 { format!(" and {} more", found.len() - 1) } else { String::new() };
    Err(Failure::usage(
        format!("{name} is not saved: {first}{more} looks like a credential"),
        format!("take it out first: ringfence sandbox exec {name} -- rm {first}"),
    )
    .because(found.join(", ")))
}

/// What gives the image back what the sandbox's own image, whose configuration is `own`, runs, where and as whom.
fn own_changes(own: &str) -> Vec<String> {
    let own: Value = serde_json::from_str(own).unwrap_or_default();
    let text = |key: &str, none: &str| own[key].as_str().filter(|text| !text.is_empty()).unwrap_or(none).to_owned();
    let list = |key: &str| own[key].as_array().filter(|list| !list.is_empty()).map(|list| json!(list).to_string());
    let variables = own["Env"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let home = variables.filter_map(|variable| variable.strip_prefix("HOME=")).next_back().unwrap_or_default();
    vec![
        // Where it is empty the engine sets that of the user.
        format!("ENV HOME={}", json!(home)),
        format!("USER {}", text("User", "0:0")),
        format!("WORKDIR {}", text("WorkingDir", "/")),
        // An empty one would leave that of the sandbox.
        format!("ENTRYPOINT {}", list("Entrypoint").unwrap_or_else(|| r#"["env"]"#.into())),
        format!("CMD {}", list("Cmd").unwrap_or_else(|| r#"["sh"]"#.into())),
    ]
}

/// The paths that were added or changed and have nothing below them that was.
fn changed(diff: &str) -> Vec<String> {
    let paths: BTreeSet<&str> =
        diff.lines().filter_map(|line| line.strip_prefix("A ").or_else(|| line.strip_prefix("C "))).collect();
    let is_leaf = |path: &&&str| {
        let below = format!("{path}/");
        !paths.range(below.as_str()..).next().is_some_and(|next| next.starts_with(&below))
    };
    // Where the engine hangs in the home, the workspace and its own program it makes empty folders and files.
    let ours = |path: &&&str| !["/home/ringfence", "/sbin/docker-init", "/run/podman-init"].contains(*path);
    paths.iter().filter(is_leaf).filter(ours).map(|path| (*path).to_owned()).collect()
}

/// Those of the files of the image `id` that look like a credential, by name or by what is in them: looked at in a container that
/// can do nothing else, where nobody changes them meanwhile.
fn credentials(engine: &Engine, id: &str, files: &[String], host: &Host) -> Result<Vec<String>> {
    let mut found: BTreeSet<String> = files.iter().filter(|file| is_login(file)).cloned().collect();
    let alone = engine
        .command()
        .args([
            "run",
            "--rm",
            "--network",
            "none",
            "--read-only",
            "--user",
            "0:0",
            "--security-opt",
            "no-new-privileges",
        ])
        .args(["--cap-drop", "ALL", "--cap-add", "DAC_READ_SEARCH", "--pids-limit", "64", "--entrypoint", "sh", id])
        .args(["-c", LOOK, "sh", &secrets()]);
    let mut rest = files;
    while !rest.is_empty() {
        let mut size = 0;
        let fit = rest.iter().take_while(|file| {
            size += file.len() + 1;
            size <= ARGUMENTS
        });
        let (now, later) = rest.split_at(fit.count().max(1));
        let answer = call(host, engine, &alone.clone().args(now.iter().map(String::as_str)))?;
        found.extend(answer.lines().map(str::to_owned));
        rest = later;
    }
    Ok(found.into_iter().collect())
}

/// How credentials look, and the variables that hold one, with a value, in a script or in JSON.
fn secrets() -> String {
    let names: Vec<&str> = AgentName::ALL.iter().flat_map(|agent| credential_variables(*agent)).collect();
    let names = names.join("|");
    format!(
        r#"{SECRETS}|(^|[^A-Za-z0-9_])({names})=["']?[A-Za-z0-9_.+/-]{{8}}|"({names})"[[:space:]]*:[[:space:]]*"[^"$]{{8}}"#
    )
}

fn is_login(file: &str) -> bool {
    let path = Path::new(file);
    let name = path.file_name().unwrap_or_default();
    LOGINS.iter().any(|login| name == *login) || LOGINS_IN.iter().any(|login| path.ends_with(login))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_has_nothing_below_it_was_changed_itself() {
        let diff =
            "C /home\nA /home/ringfence\nC /usr\nC /usr/bin\nA /usr/bin/tool\nA /usr/bin-x\nD /usr/old\nA /opt\n";
        assert_eq!(changed(diff), ["/opt", "/usr/bin-x", "/usr/bin/tool"]);
    }

    #[test]
    fn an_image_runs_what_its_own_ran() {
        let own = r#"{"User":"node","WorkingDir":"/app","Entrypoint":["/init","a b"],"Cmd":null,"Env":["PATH=/bin","HOME=/srv"]}"#;
        let changes =
            ["ENV HOME=\"/srv\"", "USER node", "WORKDIR /app", r#"ENTRYPOINT ["/init","a b"]"#, r#"CMD ["sh"]"#];
        assert_eq!(own_changes(own), changes);
        assert_eq!(own_changes("{}")[..2], [r#"ENV HOME="""#, "USER 0:0"]);
    }

    #[test]
    fn logins_are_known_by_their_names() {
        for file in ["/root/.claude/.credentials.json", "/opt/auth.json", "/x/.aws/credentials", "/root/.ssh/id_rsa"] {
            assert!(is_login(file), "{file}");
        }
        for file in ["/opt/credentials", "/usr/lib/auth.js", "/root/.ssh/id_rsa.pub"] {
            assert!(!is_login(file), "{file}");
        }
    }
}
