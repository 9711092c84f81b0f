//! `ringfence sandbox network`: what a warm sandbox may reach, shown and changed while it lives.

use anyhow::Result;
use serde_json::{Value, json};

use super::{call, find};
use crate::cli::{NetworkArgs, PolicyArg};
use crate::commands::run::place::no_door;
use crate::commands::run::reach;
use crate::commands::run::warm;
use crate::config::{Environment, Flags, HostRule, Settings};
use crate::egress::{CHANGE, Change, HostPorts, Knock, Rules, SHOW};
use crate::failure::Failure;
use crate::output::{Printer, Table};
use crate::runner::{Host, Row, Sandbox, of_this_machine, start_sandbox};

/// Changes what is to be changed, then shows what is in force, or with `--log` who knocked.
pub fn run(args: &NetworkArgs, flags: &Flags, env: &Environment, host: &Host, printer: &Printer) -> Result<()> {
    let wishes = wishes(args)?;
    let settings = Settings::resolve(flags, env)?;
    let engine = &warm::engine(&settings);
    if !engine.dialect.has_doors {
        return Err(no_door("mode apple").into());
    }
    let row: Row = find(host, engine, std::slice::from_ref(&args.name))?.remove(0);
    if row.door.is_empty() {
        return Err(without_door(&args.name).into());
    }
    if row.state != "running" {
        start_sandbox(host, &Sandbox { engine: engine.clone(), name: args.name.clone() }, &reach::inside(false))?;
    }
    let inside = |script: &str| engine.command().args(["exec", row.door.as_str(), "sh", "-c", script, "sh"]);
    let mut answer = call(host, engine, &inside(SHOW))?;
    if args.policy.is_some() || !wishes.is_empty() {
        let mut change = Change::of(answer.split_once("--\n").map_or("", |(rules, _)| rules));
        if let Some(policy) = args.policy {
            change.open(policy == PolicyArg::Allow);
        }
        change.keep_from(&of_this_machine());
        for (allow, rule) in &wishes {
            if *allow { change.allow(rule) } else { change.block(rule) }
        }
        call(host, engine, &inside(CHANGE).args(change.arguments()))?;
        answer = call(host, engine, &inside(SHOW))?;
    }
    let (rules, knocks) = answer.split_once("--\n").unwrap_or((&answer, ""));
    show(args, &Rules::read(rules), &Knock::read_all(knocks), printer)
}

/// The hosts that were typed, and whether they are to be let through.
fn wishes(args: &NetworkArgs) -> Result<Vec<(bool, HostRule)>, Failure> {
    let rule = |allow: bool, text: &String| {
        let flag = if allow { "--allow-host" } else { "--block-host" };
        let rule = HostRule::parse(text).map_err(|why| {
            let hint = format!("type a host with or without a port, or a preset: {flag} example.com");
            Failure::usage(format!("{flag}: {text:?} {why}"), hint)
        })?;
        Ok((allow, rule))
    };
    let blocked = args.block_host.iter().map(|text| rule(false, text));
    args.allow_host.iter().map(|text| rule(true, text)).chain(blocked).collect()
}

fn without_door(name: &str) -> Failure {
    let message =
        format!("the sandbox {name} was made without a list of hosts: its network cannot be changed any more");
    let hint =
        format!("make it again: ringfence sandbox rm {name} && ringfence sandbox create {name} --allow-host HOST");
    Failure::config(message, hint)
}

fn show(args: &NetworkArgs, rules: &Rules, knocks: &[Knock], printer: &Printer) -> Result<()> {
    let policy = if rules.open { "allow" } else { "deny" };
    if printer.is_json() {
        let mut object = json!({
            "ok": true, "schema": "ringfence.network/1", "name": args.name, "policy": policy,
            "allow": rules.allow, "block": rules.block,
        });
        if args.log {
            object["log"] = knocks.iter().map(entry).collect();
        }
        return printer.json(&object);
    }
    if args.log {
        let mut table = Table::new(&["VERDICT", "HOST", "PORT", "COUNT", "WHY"]);
        for Knock { verdict, host, port, count, why } in knocks {
            table.row([verdict.as_str(), host, &port.to_string(), &count.to_string(), why]);
        }
        return table.lines().try_for_each(|line| printer.line(&line));
    }
    let ports = |one: &HostPorts| match one.ports[..] {
        [] => "all".to_owned(),
        ref ports => ports.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
    };
    let mut table = Table::new(&["RULE", "HOST", "PORTS"]);
    for (rule, hosts) in [("block", &rules.block), ("allow", &rules.allow)] {
        for one in hosts {
            table.row([rule, &one.host, &ports(one)]);
        }
    }
    table.row([policy, "every other", "all"]);
    table.lines().try_for_each(|line| printer.line(&line))
}

fn entry(knock: &Knock) -> Value {
    let Knock { verdict, host, port, count, why } = knock;
    json!({ "verdict": verdict, "host": host, "port": port, "count": count, "reason": why })
}
