//! How a command of the caller's gets into a sandbox: the one engine call, and the shell in front of the command. Pure.

use std::ffi::OsString;

use crate::cli::ExecArgs;
use crate::command::CommandSpec;
use crate::egress::DOOR;
use crate::runner::{MAKE_HOME, NAME_INSIDE, PLACES_INSIDE, Sandbox};

/// What is said of a container that is not the sandbox that was meant.
const FOREIGN: &str = "Error: it is no sandbox of ringfence, or has another name";

/// What is said where only listed hosts are to be reached, and the sandbox has no door to them.
pub const NO_DOOR: &str = "Error: there is no door";

/// The shell in front of the command `$3`: without a terminal it stays, heeds no signal that comes to the command, and says its
/// code with the nonce `$2`: an engine's client that was ended by a signal exits as if all were well. What it says itself of a
/// command that a signal ended, is nobody's business.
const STAY: &str = concat!(
    r#"trap : HUP INT QUIT TERM USR1 USR2; exec 9>&2 2>/dev/null; (shift 2; exec "$@" 2>&9 9>&-); "#,
    r#"set -- "$2" $?; printf '\036%s end %s 0\036' "$1" "$2" >&9; exit "$2""#
);
/// With a terminal, on which a mark would show, it becomes the command.
const BECOME: &str = r#"shift 2; exec "$@""#;

/// The one engine call. Variables stand in it by their names, and their values in the client's own environment, so that they are in
/// no command line. Nothing is done without a door where only `listed` hosts are to be reached. One that would mean something to the client itself travels under another name, and a shell inside renames it.
pub fn command(
    sandbox: &Sandbox,
    marker: &str,
    nonce: &str,
    args: &ExecArgs,
    variables: &[(String, OsString)],
    listed: bool,
) -> CommandSpec {
    let mut spec = sandbox.engine.command().arg("exec");
    for (wanted, flag) in [(args.interactive, "--interactive"), (args.tty, "--tty")] {
        spec = if wanted { spec.arg(flag) } else { spec };
    }
    spec = spec.option("--env", marker);
    let mut shell = format!(
        "[ \"${NAME_INSIDE}\" = \"$1\" ] || {{ echo '{FOREIGN}' >&2; exit 125; }}; unset {NAME_INSIDE} {PLACES_INSIDE}; "
    );
    if sandbox.engine.dialect.makes_homes() {
        shell.extend([MAKE_HOME, "; "]);
    }
    if listed {
        shell.extend([format!("[ -S {DOOR} ] || {{ echo '{NO_DOOR}' >&2; exit 125; }}; ")]);
    }
    for (at, (name, value)) in variables.iter().enumerate() {
        let carrier = if clients_own(name) { format!("RINGFENCE_CARRIED_{at}") } else { name.clone() };
        if carrier != *name {
            for part in ["export ", name, "=\"$", &carrier, "\"; unset ", &carrier, "; "] {
                shell.push_str(part);
            }
        }
        spec = spec.option("--env", carrier.as_str()).env(carrier, value.clone());
    }
    if let Some(folder) = &args.workdir {
        spec = spec.option("--workdir", folder.clone());
    }
    shell.push_str(if args.tty { BECOME } else { STAY });
    let name = sandbox.name.as_str();
    spec.args([name, "sh", "-c", &shell, "sh", name, nonce]).args(args.command.iter().cloned())
}

/// Whether a variable of this name means something to the engine's client itself.
fn clients_own(name: &str) -> bool {
    let beginnings = ["DOCKER_", "CONTAINER", "XDG_", "LD_", "DYLD_", "GO", "SSL_CERT_", "OTEL_", "SSH_", "RINGFENCE_"];
    ["PATH", "HOME", "TMPDIR", "TERM"].contains(&name)
        || name.to_ascii_uppercase().ends_with("_PROXY")
        || beginnings.iter().any(|beginning| name.starts_with(beginning))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{Cli, Command, SandboxCommand, WarmCommand};
    use crate::runner::Engine;
    use clap::Parser;

    #[test]
    fn values_are_in_no_command_line_and_the_clients_own_variables_are_left_alone() {
        let words = ["ringfence", "sandbox", "exec", "box", "-i", "-w", "/w", "--", "make", "a b"];
        let Command::Sandbox(SandboxCommand::Warm(WarmCommand::Exec(args))) = Cli::parse_from(words).command else {
            panic!("not understood");
        };
        let sandbox = Sandbox { engine: Engine::docker("docker"), name: "box".into() };
        let variables = [("TOKEN".to_owned(), "secret1".into()), ("HTTPS_PROXY".to_owned(), "secret2".into())];
        let line = command(&sandbox, "MARK=1", "n0nce", &args, &variables, true).to_string();
        let (asked, inside) = line.split_once(" box sh -c ").unwrap();
        assert_eq!(
            asked,
            "TOKEN=… RINGFENCE_CARRIED_1=… docker exec --interactive --env MARK=1 --env TOKEN --env RINGFENCE_CARRIED_1 --workdir /w"
        );
        assert!(
            inside.contains("export HTTPS_PROXY=\"$RINGFENCE_CARRIED_1\"; unset RINGFENCE_CARRIED_1; "),
            "{inside}"
        );
        assert!(inside.ends_with(" sh box n0nce make 'a b'"), "{inside}");
        assert!(!line.contains("secret"), "{line}");
    }
}
