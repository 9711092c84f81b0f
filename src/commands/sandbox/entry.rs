//! How a command of the caller's gets into a sandbox: the one engine call, and the shell in front of the command. Pure.

use std::ffi::OsString;
use std::time::Duration;

use crate::cli::ExecArgs;
use crate::command::CommandSpec;
use crate::egress::DOOR;
use crate::runner::{MAKE_HOME, NAME_INSIDE, OWN_INSIDE, SIGNAL_INSIDE, Sandbox, tenths};

/// What is said of a container that is not the sandbox that was meant.
const FOREIGN: &str = "Error: it is no sandbox of ringfence, or has another name";

/// What is said where only listed hosts are to be reached, and the sandbox has no door to them.
pub const NO_DOOR: &str = "Error: there is no door";

/// What the shell in front of the command begins with. It stays, and heeds no signal that comes to the command. What it says itself
/// of a command that a signal ended, is nobody's business.
const QUIET: &str = "trap : HUP INT QUIT TERM USR1 USR2; exec 9>&2 2>/dev/null; ";
/// The command. Where memory is short the kernel is to end what uses it up: it would be an agent otherwise, whose supervisor says
/// the same.
const COMMAND: &str = r#"(shift 5; echo 1000 >/proc/self/oom_score_adj; exec "$@" 2>&9 8<&- 9>&-); "#;
/// What it ends with: no lifeline is waited at any longer, and it says the command's code with the nonce, for an engine's client that
/// was ended by a signal exits as if all were well. It opens its standard error anew: a command may have made writes to it fail where
/// they would have to wait, for all who share it (`O_NONBLOCK`, as claude does).
const STAY: &str = concat!(
    r#"set -- "$2" $?; [ -z "$!" ] || kill -ALRM "$!"; "#,
    "[ ! -p /proc/self/fd/9 ] || [ ! -w /proc/self/fd/9 ] || exec 9>/proc/self/fd/9; ",
    r#"printf '\036%s end %s 0\036' "$1" "$2" >&9; exit "$2""#
);
/// Before it, where the command reads no standard input: that is the lifeline then, and its end, which comes with the death of our
/// process and of the client, ends everything that carries the marker. By a shell that does not carry it itself, and that from then
/// on heeds nobody, for the command may be the first to end; one that cannot start a process, because there are too many, exits.
const LIFELINE: &str = concat!(
    r#"exec 8<&0 </dev/null; (trap '' HUP INT QUIT TERM USR1 USR2; unset "${3%=*}"; IFS= read -r line <&8 || { trap '' ALRM; "#,
    r#"exec sh -c "trap 'kill -KILL 0' EXIT; $5" sh HUP "$3" "$4"; }) >/dev/null 9>&- & "#
);
/// The same with a terminal, on which a mark would show: the code is the mark, for no client that was ended exits with this one.
const SWAP: &str = r#"set -- $?; case $1 in 0) exit 209 ;; 209) exit 0 ;; esac; exit "$1""#;
/// The code by which [`SWAP`] tells success; the command that exits with it itself reads 0.
pub const SUCCESS: i32 = 209;

/// What the shell in front of a command is told, as `$2` to `$4`.
#[derive(Clone, Copy)]
pub struct Known<'a> {
    /// The variable by which the command's processes are found again.
    pub marker: &'a str,
    /// The secret of the mark that tells the command's end.
    pub nonce: &'a str,
    /// Between the first signal and KILL, where our end is gone.
    pub grace: Duration,
}

/// The one engine call. Variables stand in it by their names, and their values in the client's own environment, so that they are in
/// no command line. One that would mean something to the client itself travels under another name, and a shell inside renames it.
/// Nothing is done without a door where only `listed` hosts are to be reached.
pub fn command(
    sandbox: &Sandbox,
    known: &Known<'_>,
    args: &ExecArgs,
    variables: &[(String, OsString)],
    listed: bool,
) -> CommandSpec {
    let Known { marker, nonce, grace } = *known;
    let mut spec = sandbox.engine.command().arg("exec");
    for (wanted, flag) in [(args.interactive || has_lifeline(args), "--interactive"), (args.tty, "--tty")] {
        spec = if wanted { spec.arg(flag) } else { spec };
    }
    spec = spec.option("--env", marker);
    let mut shell = format!(
        "[ \"${NAME_INSIDE}\" = \"$1\" ] || {{ echo '{FOREIGN}' >&2; exit 125; }}; unset {}; ",
        OWN_INSIDE.join(" ")
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
    shell.push_str(QUIET);
    shell.push_str(if has_lifeline(args) { LIFELINE } else { "" });
    shell.push_str(COMMAND);
    shell.push_str(if args.tty { SWAP } else { STAY });
    let (name, grace) = (sandbox.name.as_str(), tenths(grace));
    spec.args([name, "sh", "-c", &shell, "sh", name, nonce, marker, &grace, SIGNAL_INSIDE])
        .args(args.command.iter().cloned())
}

/// Whether the command's standard input is our lifeline: it has none of its own.
pub fn has_lifeline(args: &ExecArgs) -> bool {
    !args.interactive && !args.tty
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
        let known = Known { marker: "MARK=1", nonce: "n0nce", grace: Duration::from_secs(2) };
        let variables = [("TOKEN".to_owned(), "secret1".into()), ("HTTPS_PROXY".to_owned(), "secret2".into())];
        let line = command(&sandbox, &known, &args, &variables, true).to_string();
        let (asked, inside) = line.split_once(" box sh -c ").unwrap();
        assert_eq!(
            asked,
            "TOKEN=… RINGFENCE_CARRIED_1=… docker exec --interactive --env MARK=1 --env TOKEN --env RINGFENCE_CARRIED_1 --workdir /w"
        );
        assert!(
            inside.contains("export HTTPS_PROXY=\"$RINGFENCE_CARRIED_1\"; unset RINGFENCE_CARRIED_1; "),
            "{inside}"
        );
        assert!(inside.contains(" sh box n0nce MARK=1 20 ") && inside.ends_with(" make 'a b'"), "{inside}");
        assert!(!line.contains("secret"), "{line}");
    }
}
