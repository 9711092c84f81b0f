//! What a run may reach: the door of its sandbox and the services of this machine, out of what was configured and typed.

use super::place::{self, flag};
use crate::agents::{self, Agent};
use crate::cli::RunArgs;
use crate::config::{Environment, HostRule, Origin, Settings};
use crate::egress::{self, Policy};
use crate::failure::Failure;
use crate::runner::{Door, DoorInside, Forward, Forwards, PUMP, Service, of_this_machine};

/// What was typed about it, but for the hosts.
#[derive(Clone, Debug)]
pub struct Reach {
    /// `--forward`
    pub forwards: Vec<Forward>,
    /// Whether the agent's own API is let through without being listed.
    pub agent_hosts: bool,
    /// `--learn`
    pub learn: bool,
    /// Whether it is a warm sandbox's, into which no service of this machine can be brought.
    pub warm: bool,
}

impl Default for Reach {
    fn default() -> Self {
        Reach { forwards: Vec::new(), agent_hosts: true, learn: false, warm: false }
    }
}

impl Reach {
    /// What `args` say.
    ///
    /// # Errors
    /// Usage (2): a service that cannot be meant, or one port for two of them.
    pub fn of(args: &RunArgs) -> Result<Self, Failure> {
        let mut reach = Reach { agent_hosts: !args.no_agent_hosts, learn: args.learn, ..Reach::default() };
        for text in &args.forward {
            let forward = forward(text).ok_or_else(|| {
                let message = format!("--forward: {text:?} is not PORT or PORT:HOST:PORT");
                Failure::usage(message, "type: --forward 5432, or --forward 5432:db.example.com:5432")
            })?;
            if forward.port == egress::PROXY_PORT || reach.forwards.iter().any(|one| one.port == forward.port) {
                let message = format!("--forward: port {} is taken inside", forward.port);
                return Err(Failure::usage(
                    message,
                    format!("choose another: --forward 15432:{}:{}", forward.host, forward.to),
                ));
            }
            reach.forwards.push(forward);
        }
        Ok(reach)
    }

    /// # Errors
    /// Config (78) for a list of hosts, whoever asks for it: it cannot hold on the host, and nothing is opened in silence.
    pub fn on_host(&self, settings: &Settings) -> Result<Vec<String>, Failure> {
        let hosts = &settings.sandbox.allow_hosts;
        let named =
            || flag(&hosts.origin).map_or_else(|| format!("sandbox.allow_hosts ({})", hosts.origin), str::to_owned);
        let listed = (!hosts.is_empty()).then(named);
        if let Some(list) = listed.or_else(|| self.learn.then(|| "--learn".to_owned())) {
            let message = format!("{list} cannot hold on the host: nothing keeps the agent from the network there");
            return Err(Failure::config(message, "run it in a container: --mode docker; or take the list away"));
        }
        let needless = "--forward has no effect on the host: the agent reaches the service itself".to_owned();
        Ok(if self.forwards.is_empty() { Vec::new() } else { vec![needless] })
    }
}

impl Reach {
    /// # Errors
    /// Usage (2) for what was typed, because it was decided when the warm sandbox `name` was made.
    pub fn in_sandbox(&self, settings: &Settings, name: &str) -> Result<(), Failure> {
        let typed = [
            flag(&settings.sandbox.allow_hosts.origin),
            self.learn.then_some("--learn"),
            (!self.agent_hosts).then_some("--no-agent-hosts"),
        ];
        if let Some(flag) = typed.into_iter().flatten().next() {
            let message = format!("{flag} is not for one run in a warm sandbox, whose network all of its runs share");
            let hint = match flag {
                "--learn" => format!(
                    "open it for all of them: ringfence sandbox network {name} --policy allow; after a run --log shows what it reached"
                ),
                _ => format!("for all of them: ringfence sandbox network {name} --allow-host HOST"),
            };
            return Err(Failure::usage(message, hint));
        }
        if self.forwards.is_empty() {
            return Ok(());
        }
        let message = "--forward brings nothing into a warm sandbox: services are brought when a container is made";
        Err(Failure::usage(message, "leave out --sandbox and --loop for this run"))
    }
}

/// `PORT[:HOST:PORT]`, IPv6 in brackets.
fn forward(text: &str) -> Option<Forward> {
    let port = |text: &str| text.parse().ok().filter(|port: &u16| *port > 0);
    let Some((inside, rest)) = text.split_once(':') else {
        let port = port(text)?;
        return Some(Forward { port, host: "localhost".into(), to: port });
    };
    let (host, to) = rest.rsplit_once(':')?;
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    (!host.is_empty()).then_some(Forward { port: port(inside)?, host: host.to_owned(), to: port(to)? })
}

/// What a container is given for it.
#[derive(Default)]
pub struct Ways {
    /// Its only way out.
    pub door: Option<Door>,
    /// What that lets through.
    pub policy: Option<Policy>,
    /// Services of this machine.
    pub forwards: Option<Forwards>,
    /// What the caller should know.
    pub warnings: Vec<String>,
}

/// Decides for the agent of `settings`.
///
/// # Errors
/// Usage (2) for options that contradict each other; config (78) for what cannot be kept here.
pub fn decide(settings: &Settings, reach: &Reach, env: &Environment) -> Result<Ways, Failure> {
    let agent = agents::agent(settings.agent.value);
    let sandbox = &settings.sandbox;
    let mut forwards = reach.forwards.clone();
    let mut door = None;
    let mut policy = None;
    let mut warnings = Vec::new();
    if is_sealed(settings, reach)? {
        let mut listed = sandbox.allow_hosts.value.clone();
        if reach.agent_hosts {
            listed.extend(agent.hosts().iter().map(|name| HostRule::Preset((*name).to_owned())));
            for (host, port) in endpoints(settings, agent, env) {
                let named = format!("{host}:{port}");
                let here = Service::of(&named).filter(|service| service.here);
                match (HostRule::parse(&named), here) {
                    (Ok(rule), _) => listed.push(rule),
                    (Err(why), None) => {
                        warnings.push(format!("the agent is pointed at {named}, which {why}: the door does not lead there"));
                    }
                    (Err(_), Some(_)) if reach.warm => warnings.push(format!(
                        "the agent is pointed at {named}, a service of this machine: a warm sandbox with a list of hosts cannot reach it"
                    )),
                    // This machine itself is no host of a list: its service comes inside, where the address then is the same.
                    (Err(_), Some(_)) if forwards.iter().any(|forward| forward.port == port) => {}
                    (Err(_), Some(service)) => forwards.push(Forward { port, host: service.host, to: port }),
                }
            }
        }
        let ports = forwards.iter().map(|forward| forward.port).collect();
        let allowed = Policy::new(&listed, ports, reach.learn);
        let (ours, sealed) = (of_this_machine(), is_common(&sandbox.network));
        door = Some(Door {
            folder: egress::FOLDER,
            inside: inside(true),
            port: egress::PROXY_PORT,
            script: allowed.script(PUMP, &ours, sealed),
            lasting: allowed.lasting_script(PUMP, &ours, sealed),
            life: egress::LIFE,
        });
        policy = Some(allowed);
    }
    let forwards = if forwards.is_empty() { None } else { Some(carried(forwards, settings, env)?) };
    Ok(Ways { door, policy, forwards, warnings })
}

/// Whether containers are on this network that nobody chose to put together: on a default one nobody has a name, while whoever named
/// a network has chosen its other containers as well.
fn is_common(network: &str) -> bool {
    matches!(network, "bridge" | "default" | "podman")
}

/// What is seen of a door, wherever there is one; `expected` where there must be one.
pub fn inside(expected: bool) -> DoorInside {
    DoorInside {
        expected,
        socket: egress::DOOR,
        knocks: egress::KNOCKS,
        renew: egress::renewal(&of_this_machine()),
        variables: egress::variables(),
    }
}

/// Whether nothing but a door is to lead out.
fn is_sealed(settings: &Settings, reach: &Reach) -> Result<bool, Failure> {
    let sandbox = &settings.sandbox;
    let hosts = &sandbox.allow_hosts;
    if hosts.is_empty() && !reach.learn {
        return Ok(false);
    }
    let name = flag(&hosts.origin).or(reach.learn.then_some("--learn")).unwrap_or("sandbox.allow_hosts");
    match sandbox.network.as_str() {
        // What is configured for most runs is closed for one, or the other way round.
        "none" if matches!(hosts.origin, Origin::Flag(_)) || reach.learn => {
            let message = format!("{name} and network none ({}) contradict each other", sandbox.network.origin);
            Err(Failure::usage(message, "leave one of them out, or type --network bridge"))
        }
        "none" => Ok(false),
        "host" => {
            let message = format!("{name} cannot hold on the host's own network ({})", sandbox.network.origin);
            Err(Failure::config(message, "use --network bridge"))
        }
        _ => Ok(true),
    }
}

/// Host and port of every URL in the variables that the agent documents.
fn endpoints(settings: &Settings, agent: &dyn Agent, env: &Environment) -> Vec<(String, u16)> {
    let typed = |name: &str| settings.variables.iter().find(|variable| variable.name == name)?.value.as_deref();
    let value = |name: &&str| typed(name).or_else(|| env.get(name)).and_then(|value| value.to_str());
    agent.variables().iter().filter_map(value).filter_map(endpoint).collect()
}

/// The host, with brackets for IPv6, and the port of an HTTP URL.
fn endpoint(url: &str) -> Option<(String, u16)> {
    let (scheme, rest) = url.split_once("://")?;
    let port = match scheme.to_ascii_lowercase().as_str() {
        "http" => 80,
        "https" => 443,
        _ => return None,
    };
    let authority = rest.split(['/', '?', '#']).next()?.rsplit('@').next()?;
    Some(match authority.rsplit_once(':') {
        Some((host, number)) if !authority.ends_with(']') => (host.to_owned(), number.parse().ok()?),
        _ => (authority.to_owned(), port),
    })
}

fn carried(list: Vec<Forward>, settings: &Settings, env: &Environment) -> Result<Forwards, Failure> {
    let hint = "use --network bridge, where a service of the host is at host.docker.internal";
    let engine = place::engine(settings.mode_for(settings.agent.value).value, settings);
    if place::is_elsewhere(&engine, env) {
        let address = place::address(&engine, env).map(|address| format!(", {address}")).unwrap_or_default();
        let message = format!("the engine is on another machine{address}: no service of this one can be brought to it");
        return Err(Failure::config(message, "leave it out there, or choose an engine on this machine: DOCKER_HOST"));
    }
    if !cfg!(target_os = "linux") {
        let message = "containers of this system run in a machine of their own, which --forward cannot reach into";
        return Err(Failure::config(message, hint));
    }
    Ok(Forwards { state: super::record::state_dir(env)?, list })
}

/// The ports at which `forwards` bring services inside.
pub fn ports(forwards: Option<&Forwards>) -> Vec<u16> {
    forwards.into_iter().flat_map(|forwards| &forwards.list).map(|forward| forward.port).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Flags;

    #[test]
    fn a_forward_is_a_port_or_an_address() {
        let to = |port, host: &str, to| Some(Forward { port, host: host.into(), to });
        assert_eq!(forward("5432"), to(5432, "localhost", 5432));
        assert_eq!(forward("1:db.example.com:5432"), to(1, "db.example.com", 5432));
        assert_eq!(forward("80:[::1]:8080"), to(80, "::1", 8080));
        for text in ["", "0", "x", "80:8080", "80::1", "80:h:", "70000"] {
            assert_eq!(forward(text), None, "{text}");
        }
    }

    #[test]
    fn only_a_loopback_address_comes_inside_by_itself_and_only_from_there() {
        let env = Environment::of([("HOME", "/home/u")]);
        let flags = Flags { allow_hosts: vec!["files.test".into()], ..Flags::default() };
        let settings = Settings::resolve(&flags, &env).unwrap();
        let ways = |url: &str| {
            let env = Environment::of([("HOME", "/home/u"), ("ANTHROPIC_BASE_URL", url)]);
            decide(&settings, &Reach::default(), &env).unwrap()
        };
        for (url, host) in [("http://127.0.0.1:4010", "127.0.0.1"), ("http://[::1]:4010/v1", "::1")] {
            let forwards = ways(url).forwards.unwrap().list;
            assert_eq!(forwards, [Forward { port: 4010, host: host.into(), to: 4010 }]);
        }
        for url in ["http://a..b:4010", "http://2130706433:4010", "http://[fe80::1%25lo]:4010"] {
            let ways = ways(url);
            assert!(ways.forwards.is_none() && ways.warnings.len() == 1, "{url}: {:?}", ways.warnings);
        }
    }

    #[test]
    fn networks_that_every_container_is_on_are_told_from_chosen_ones() {
        assert!(["bridge", "default", "podman"].into_iter().all(is_common) && !is_common("mynet"));
    }

    #[test]
    fn an_endpoint_is_an_http_url() {
        let is = |host: &str, port| Some((host.to_owned(), port));
        assert_eq!(endpoint("https://api.example.com/v1"), is("api.example.com", 443));
        assert_eq!(endpoint("HTTP://u:p@[::1]:4010?x"), is("[::1]", 4010));
        assert_eq!(endpoint("http://localhost"), is("localhost", 80));
        for text in ["localhost:80", "", "ftp://h/", "http://h:x/"] {
            assert_eq!(endpoint(text), None, "{text}");
        }
    }
}
