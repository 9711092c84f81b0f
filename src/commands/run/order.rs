//! A task with all that was decided about it: enough to try it, to try it again, and to write down what failed.

use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::sync::Arc;

use super::plan::Wish;
use super::reach::Reach;
use super::workspace::Workspace;
use crate::cli::RunArgs;
use crate::config::{Environment, Flags, Mode, Settings};
use crate::failure::Failure;
use crate::ledger::{Invocation, Letter};
use crate::redact::{Secrets, unseal};

/// A task, ready to be tried.
#[derive(Clone)]
pub struct Order {
    /// What is in force for it.
    pub settings: Arc<Settings>,
    /// Where it works.
    pub workspace: Workspace,
    /// The task itself, and how it is to be run.
    pub wish: Wish,
    /// The options that a dead letter keeps of it.
    pub args: Vec<String>,
    /// Whether it does without what is in the workspace: where that would be copied, nothing goes and nothing comes back.
    pub bare: bool,
}

impl Order {
    /// A task of our own, of which nothing is kept: `prompt` by the agent of `settings`, with these arguments.
    pub fn of_ours(settings: Settings, workspace: Workspace, prompt: &str, agent_args: Vec<OsString>) -> Self {
        let wish = Wish {
            prompt: prompt.into(),
            model: None,
            agent_args,
            raw: false,
            dry: false,
            sandbox: None,
            reach: Reach::default(),
        };
        Order { settings: settings.into(), workspace, wish, args: Vec::new(), bare: false }
    }

    /// The same, which does without what is in the workspace.
    pub fn bare(self) -> Self {
        Order { bare: true, ..self }
    }

    /// Where its agent is to run.
    pub fn mode(&self) -> Mode {
        self.settings.mode_for(self.settings.agent.value).value
    }

    /// One attempt, as events name it.
    pub fn invocation(&self, run_id: &str, attempt: u32, secrets: &Secrets) -> Invocation {
        Invocation {
            run_id: run_id.to_owned(),
            agent: self.settings.agent.value,
            mode: self.mode(),
            workspace: secrets.redact(&self.workspace.path.to_string_lossy()).into_owned(),
            attempt,
        }
    }
}

/// The options of a run from which a dead letter can be replayed, but for its task, agent, mode and workspace, from any folder. Of
/// a variable that was handed in with its value the name alone is kept: the value may be secret.
pub fn options(args: &RunArgs, flags: &Flags) -> Vec<String> {
    let mut options = Vec::new();
    let mut add = |name: &str, value: Option<&str>| {
        if let Some(value) = value {
            options.push(format!("{name}={value}"));
        }
    };
    let container = &args.container;
    add("--config", flags.config.as_deref().map(absolute).as_deref());
    add("--model", args.model.as_deref());
    add("--image", container.image.as_deref());
    add("--network", container.network.as_deref());
    add("--memory", container.memory.as_deref());
    add("--cpus", container.cpus.as_deref());
    add("--timeout", args.timeout.as_deref());
    add("--idle-timeout", args.idle_timeout.as_deref());
    add("--grace", args.grace.as_deref());
    add("--max-attempts", args.max_attempts.as_deref());
    add("--max-cost", args.max_cost.map(|usd| usd.to_string()).as_deref());
    add("--sandbox", args.sandbox.as_deref());
    add("--loop", args.loop_id.as_deref());
    add("--fallback", args.fallback.as_deref());
    for mount in &container.mount {
        let (source, rest) = mount.split_at(mount.find(':').unwrap_or(mount.len()));
        add("--mount", Some(&format!("{}{rest}", absolute(Path::new(source)))));
    }
    for host in &args.allow_host {
        add("--allow-host", Some(host));
    }
    for forward in &args.forward {
        add("--forward", Some(forward));
    }
    for variable in &args.env {
        let variable = variable.to_string_lossy();
        add("--env", variable.split('=').next());
    }
    let switches =
        [("--no-agent-hosts", args.no_agent_hosts), ("--learn", args.learn), ("--allow-partial", args.allow_partial)];
    options.extend(switches.iter().filter(|(_, on)| *on).map(|(name, _)| (*name).to_owned()));
    if !args.agent_args.is_empty() {
        options.push("--".into());
        options.extend(args.agent_args.iter().map(|arg| text(arg)));
    }
    options
}

fn text(word: &OsStr) -> String {
    word.to_string_lossy().into_owned()
}

fn absolute(path: &Path) -> String {
    std::path::absolute(path).map_or_else(|_| path.display().to_string(), |path| path.display().to_string())
}

/// `letter` with the values of the variables that stood in it and are handed in again, as the caller's environment has them now.
///
/// # Errors
/// Usage (2): something of it cannot be known again.
pub fn unsealed(letter: &Letter, env: &Environment) -> Result<Letter, Failure> {
    let named = |name: &str| letter.args.iter().any(|arg| arg.strip_prefix("--env=") == Some(name));
    let value_of = |name: &str| env.text(name).filter(|_| named(name)).map(str::to_owned);
    let open = |text: &str| {
        unseal(text, value_of).map_err(|missing| {
            let id = &letter.id;
            if named(&missing) {
                let message =
                    format!("the task of {id} holds the value of {missing}, which was not kept and is not set");
                return Failure::usage(message, format!("export {missing}=…, and replay it again"));
            }
            let message = format!("the task of {id} or its options held a secret, which was not kept: {missing}");
            let hint = format!("give the task anew, ringfence run …, then ringfence dead-letter rm {id}");
            Failure::usage(message, hint)
        })
    };
    Ok(Letter {
        task: open(&letter.task)?,
        workspace: open(&letter.workspace)?,
        args: letter.args.iter().map(|arg| open(arg)).collect::<Result<_, _>>()?,
        ..letter.clone()
    })
}

/// What would be typed to run a letter's task again, but for the task.
pub fn typed(agent: &str, mode: &str, workspace: &str, options: &[String]) -> Vec<OsString> {
    let fixed = ["ringfence", "run", "--agent", agent, "--mode", mode].map(OsString::from);
    let folder = OsString::from(format!("--workspace={workspace}"));
    fixed.into_iter().chain([folder]).chain(options.iter().map(OsString::from)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{Cli, Command};
    use crate::commands::run_flags;
    use clap::Parser;

    #[test]
    fn what_a_letter_keeps_comes_back_as_it_was_typed() {
        let line = "ringfence run -a shell -m x --image i --memory 1g --cpus 2 --network none --timeout 5m --grace 1s -e A=secret \
                    -e B --mount /a:/b:ro --allow-host h:1 --forward 5:h:6 --no-agent-hosts --max-cost 2.5 --max-attempts 4 --fallback host --idle-timeout 9s --config /c --allow-partial -- -x --y";
        let options_of = |words: Vec<OsString>| {
            let cli = Cli::try_parse_from(words).unwrap();
            let Command::Run(args) = cli.command else { panic!() };
            let flags = run_flags(&cli.global, &args);
            (options(&args, &flags), args.agent_args)
        };
        let (kept, agents) = options_of(line.split_whitespace().map(OsString::from).collect());
        assert_eq!(agents, ["-x", "--y"]);
        assert!(kept.contains(&"--env=A".to_owned()) && !kept.concat().contains("secret"), "{kept:?}");
        let (mounts, _) =
            options_of(["ringfence", "run", "--mount=data:/b", "--mount", "."].map(OsString::from).to_vec());
        let here = std::env::current_dir().unwrap().display().to_string();
        assert_eq!(mounts, [format!("--mount={here}/data:/b"), format!("--mount={here}")], "from any folder");
        assert_eq!(options_of(typed("shell", "host", "/w", &kept)), (kept, agents));
    }
}
