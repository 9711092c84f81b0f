//! `ringfence sandbox save`: what was installed in a sandbox as an image, and never a credential.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::Result;
use serde_json::json;

use super::{Row, call, find};
use crate::command::CommandSpec;
use crate::config::{Environment, Flags, Settings, image_flaw};
use crate::failure::{Class, Failure};
use crate::output::Printer;
use crate::runner::{Host, Sandbox, runs_in_sandboxes, start_sandbox};

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

/// How credentials look inside a file: as an extended regular expression.
const SECRETS: &str = concat!(
    r"sk-ant-[A-Za-z0-9_-]{6}|sk-proj-[A-Za-z0-9_-]{6}|gh[pousr]_[A-Za-z0-9]{20}|_authToken *=|",
    r#""(refreshToken|refresh_token|accessToken|access_token)"[[:space:]]*:[[:space:]]*"[^"]{4}"#
);

/// Prints those of the files that hold a secret, and those that cannot be looked into.
const LOOK: &str = r#"secrets=$1; shift
for file; do [ -d "$file" ] || [ -L "$file" ] || [ -r "$file" ] || printf '%s\n' "$file"; done
LC_ALL=C grep -lsE -e "$secrets" -- "$@"; :"#;

/// How much of a command line the names of files may take, bytes: half of the least that POSIX systems have in practice.
const ARGUMENTS: usize = 64 * 1024;

/// What makes a container out of the image none of ours, and runs a shell in it.
const CHANGES: [&str; 6] = [
    r#"LABEL ringfence="" ringfence.kind="" ringfence.made="" ringfence.agent="" ringfence.loop="" ringfence.workspace="" ringfence.created="" ringfence.door="""#,
    r#"ENV RINGFENCE_PLACES="" RINGFENCE_SANDBOX="" HTTP_PROXY="" http_proxy="" HTTPS_PROXY="" https_proxy="" NO_PROXY="" no_proxy="""#,
    "ENV HOME=/",
    "WORKDIR /",
    // An empty one would leave that of the sandbox.
    r#"ENTRYPOINT ["env"]"#,
    r#"CMD ["sh"]"#,
];

/// Saves a sandbox that no run is in. The homes are no part of the image: they are in memory.
pub fn run(name: &str, image: &str, flags: &Flags, env: &Environment, host: &Host, printer: &Printer) -> Result<()> {
    if let Some(flaw) = image_flaw(image) {
        let hint = format!("lower-case letters, digits and . _ - /, such as {}", image.to_lowercase());
        return Err(Failure::new(Class::InvalidImage, format!("{image:?} {flaw}"), hint).into());
    }
    let settings = Settings::resolve(flags, env)?;
    let engine = settings.docker_command.as_str();
    let sandbox = Sandbox { engine: engine.to_owned(), name: name.to_owned() };
    let row: Row = find(host, engine, &[name.to_owned()])?.remove(0);
    let runs = env.state_dir().map(|state| runs_in_sandboxes(&state)).unwrap_or_default();
    if let Some(count) = runs.get(name).filter(|_| row.state == "running") {
        let who = if *count == 1 { "a run is".to_owned() } else { format!("{count} runs are") };
        let message = format!("{who} in {name}: what they write while it is looked at could be a credential");
        return Err(Failure::usage(message, "wait for its runs to end: ringfence sandbox ls").into());
    }
    if row.state != "running" {
        start_sandbox(host, &sandbox)?;
    }
    let changed = changed(&call(host, engine, &sandbox.on(&["diff"]))?);
    let found = credentials(&sandbox, &changed, host)?;
    if let Some(first) = found.first() {
        let more = if found.len() > 1 { format!(" and {} more", found.len() - 1) } else { String::new() };
        return Err(Failure::usage(
            format!("{name} is not saved: {first}{more} looks like a credential"),
            format!("take it out first: ringfence sandbox exec {name} -- rm {first}"),
        )
        .because(found.join(", "))
        .into());
    }
    let mut command = CommandSpec::new(engine).arg("commit");
    for change in CHANGES {
        command = command.option("--change", change);
    }
    call(host, engine, &command.arg(name).arg(image))?;
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

/// Those of the files that look like a credential, by name or by what is in them.
fn credentials(sandbox: &Sandbox, files: &[String], host: &Host) -> Result<Vec<String>> {
    let mut found: BTreeSet<String> = files.iter().filter(|file| is_login(file)).cloned().collect();
    let mut rest = files;
    while !rest.is_empty() {
        let mut size = 0;
        let fit = rest.iter().take_while(|file| {
            size += file.len() + 1;
            size <= ARGUMENTS
        });
        let (now, later) = rest.split_at(fit.count().max(1));
        let look = sandbox.on(&["exec"]).args(["sh", "-c", LOOK, "sh", SECRETS]).args(now.iter().map(String::as_str));
        let answer = call(host, &sandbox.engine, &look)?;
        found.extend(answer.lines().map(str::to_owned));
        rest = later;
    }
    Ok(found.into_iter().collect())
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
    fn logins_are_known_by_their_names() {
        for file in ["/root/.claude/.credentials.json", "/opt/auth.json", "/x/.aws/credentials", "/root/.ssh/id_rsa"] {
            assert!(is_login(file), "{file}");
        }
        for file in ["/opt/credentials", "/usr/lib/auth.js", "/root/.ssh/id_rsa.pub"] {
            assert!(!is_login(file), "{file}");
        }
    }
}
