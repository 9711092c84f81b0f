//! What the probe could reach: this machine, its services, and the agents' servers by name.

use std::net::{IpAddr, SocketAddr, TcpStream};
use std::time::Duration;

use super::check::Check;
use super::verdict::{Judge, Named, Port};
use super::vm::has_machines;
use crate::commands::run::place;
use crate::failure::{Class, Failure};
use crate::runner::Engine;

/// Lets containers on the default network in.
const FIREWALL: &str = "sudo iptables -I INPUT -i docker0 -j ACCEPT";

/// Whether somebody listens at `address` of this machine.
fn answers(address: &str, port: u16) -> bool {
    let address = address.parse().map(|ip: IpAddr| SocketAddr::new(ip, port));
    address.is_ok_and(|address| TcpStream::connect_timeout(&address, Duration::from_secs(2)).is_ok())
}

impl Judge<'_> {
    /// The engine of the mode that is walked.
    pub(super) fn engine(&self) -> Engine {
        place::engine(self.expected.settings.mode.value, self.expected.settings)
    }

    /// What makes the image anew, where agents run in one.
    pub(super) fn rebuilt(&self) -> Option<String> {
        self.expected.container.then(|| self.engine().ours("sandbox build-image"))
    }

    /// Whether the container reaches this machine by its name for it.
    pub(super) fn host_name(&mut self) {
        let id = "run.host";
        if has_machines(self.expected.settings) {
            let reason = "what this machine is called there is a matter of engine.host-name";
            return self.checks.push(Check::skip(id, reason));
        }
        let seen = &self.watch.seen;
        let Some(name) = self.expected.host_name else {
            return self.checks.push(Check::skip(id, "the engine is on another machine"));
        };
        let check = match (&seen.listened, self.value("listener")) {
            (None, _) => {
                Check::skip(id, format!("{name} is no name on network {}", *self.expected.settings.sandbox.network))
            }
            (Some(Err(why)), _) => Check::skip(id, format!("nothing could listen for it ({why})")),
            (Some(Ok(at)), _) if seen.reached => {
                Check::ok(id, format!("{name} reaches this machine, at {at}")).took(self.took("listener"))
            }
            (Some(Ok(_)), "untold") => Check::skip(id, "the image has nothing to connect with (bash, or nc)"),
            (Some(Ok(at)), _) => {
                let fact = format!("{name} does not reach {at} on this machine");
                Check::warn(id, fact, FIREWALL).took(self.took("listener"))
            }
        };
        self.checks.push(check);
    }

    pub(super) fn services(&mut self) {
        let expected = self.expected;
        for Port { variable, number, answers_here } in &expected.ports {
            let id = format!("service.{variable}");
            let Some(port) = number else {
                let reason = "it names no port, or its network reaches nothing of this machine";
                self.checks.push(Check::skip(id, format!("${variable} names this machine, but {reason}")));
                continue;
            };
            let key = format!("port.{port}");
            let listens = format!("port {port} of ${variable}");
            let check = match (self.value(&key), answers_here) {
                ("ok", _) => Check::ok(id, format!("{listens} answers from where agents run")),
                ("untold", _) => {
                    Check::skip(id, format!("{listens}: the image has nothing to connect with (bash, or nc)"))
                }
                (_, false) => {
                    let fix = format!("start what is to listen on port {port}, or unset {variable}");
                    Check::warn(id, format!("{listens} answers nobody, not even on this machine"), fix)
                }
                (_, true) => {
                    let at = match &self.watch.seen.listened {
                        Some(Ok(at)) => at.as_str(),
                        _ => "0.0.0.0",
                    };
                    let fact = format!("{listens} answers on this machine, but not from a container");
                    if answers(at, *port) {
                        Check::warn(id, format!("{fact}, although it listens on {at}"), FIREWALL)
                    } else {
                        let fix = format!(
                            "socat TCP-LISTEN:{port},bind={at},fork TCP:127.0.0.1:{port}; or let it listen on {at} as well"
                        );
                        Check::warn(id, format!("{fact}: it listens on 127.0.0.1 only"), fix)
                    }
                }
            };
            self.add(&key, check);
        }
    }

    pub(super) fn names(&mut self) {
        let expected = self.expected;
        for Named { agent, name, reason, here } in expected.names.iter().filter(|named| named.agent.is_model()) {
            let id = format!("run.dns.{agent}");
            let Some(name) = name else {
                self.checks.push(Check::skip(id, *reason));
                continue;
            };
            let key = format!("name.{name}");
            let check = match (self.value(&key), here) {
                ("ok", _) => Check::ok(id, format!("{name} is resolved where agents run")),
                ("untold", _) => Check::skip(id, "the image has nothing to resolve names with (getent, or nslookup)"),
                (_, Some(true)) => {
                    let hint = "tell the engine of a name server: \"dns\": [\"ADDRESS\"] in /etc/docker/daemon.json, then restart it";
                    let message = format!("{name} is resolved on this machine, but not where agents run");
                    Check::fail(id, &Failure::new(Class::Network, message, hint))
                }
                (_, _) => Check::skip(id, format!("{name} is not resolved on this machine either")),
            };
            self.add(&key, check);
        }
    }
}
