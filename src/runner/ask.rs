//! What an engine can be asked, and how its answers read: the command lines and their output. Pure.
//!
//! Docker and nerdctl answer in one form, Podman in another; which one is told by the answer, because `docker` may be Podman.

use std::path::PathBuf;

use serde_json::Value;

use super::dialect::Tells;
use super::{Container, Engine, apple};
use crate::command::CommandSpec;
use crate::failure::Failure;

/// What an engine says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EngineFacts {
    /// `Docker`, `Podman` or `Apple container`.
    pub name: &'static str,
    /// Its version.
    pub server: String,
    /// Its client's version; absent where that is not told.
    pub client: Option<String>,
    /// The client's context; absent where it has none.
    pub context: Option<String>,
    /// Whether it runs without root.
    pub rootless: bool,
    /// Whether its control groups are of the first version, which cannot be handed on to a user.
    pub old_groups: bool,
    /// The processors it runs on, as images name them; absent where that is not told.
    pub architecture: Option<String>,
    /// Where it keeps images and containers, on its own machine.
    pub root: Option<PathBuf>,
    /// The limits that it says it cannot enforce, among them that of swap, of which Podman says nothing.
    pub lacks: Vec<&'static str>,
}

impl EngineFacts {
    /// Whether its version is before this one.
    pub fn is_before(&self, major: u32, minor: u32) -> bool {
        let mut numbers = self.server.split(['.', '-', '+']).map_while(|part| part.parse::<u32>().ok());
        (numbers.next().unwrap_or_default(), numbers.next().unwrap_or_default()) < (major, minor)
    }

    /// That it knows less than every run asks of it, where it does.
    pub fn too_old(&self, engine: &Engine) -> Option<Failure> {
        // `--init` came with 0.10, `--cap-drop` with 0.12.
        let is_old = engine.dialect.is_apple() && self.is_before(0, 12);
        let message = format!("{} {} is too old: a run asks for what came with 0.12", self.name, self.server);
        is_old.then(|| Failure::config(message, "/usr/local/bin/update-container.sh"))
    }
}

/// What an engine says of an image.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImageFacts {
    /// Bytes.
    pub size: u64,
    /// RFC 3339.
    pub created: String,
    /// The processors it is made for; absent where that is not told.
    pub architecture: Option<String>,
    /// Its labels.
    pub labels: Vec<(String, String)>,
}

/// Asks for versions, context and abilities, in one call. (Docker's `--format json` is younger than this template.)
pub fn info_command(engine: &Engine) -> CommandSpec {
    match engine.dialect.tells {
        Tells::ByTemplate => engine.command().args(["info", "--format", "{{json .}}"]),
        Tells::InJson => engine.command().args(["system", "status", "--format", "json"]),
    }
}

/// Asks for an image.
pub fn image_command(engine: &Engine, image: &str) -> CommandSpec {
    engine.command().args(["image", "inspect", image])
}

/// Asks for a network.
pub fn network_command(engine: &Engine, network: &str) -> CommandSpec {
    engine.command().args(["network", "inspect", network])
}

/// Asks for everything that the engine knows of a run's container.
pub fn inspect_command(engine: &Engine, run_id: &str) -> CommandSpec {
    let words: &[&str] = match engine.dialect.tells {
        Tells::ByTemplate => &["container", "inspect"],
        Tells::InJson => &["inspect"],
    };
    engine.command().args(words.iter().copied()).arg(Container::name(run_id))
}

/// Whether this answer to [`inspect_command`], where that succeeded, is about a container at all.
pub fn is_told_of(engine: &Engine, answer: &[u8]) -> bool {
    engine.dialect.tells == Tells::ByTemplate || apple::told(answer).is_ok_and(|all| !all.is_empty())
}

/// What executes a script of a shell, which is still to be added, beside what runs in a run's container.
pub fn beside_command(engine: &Engine, run_id: &str) -> CommandSpec {
    engine.command().arg("exec").arg(Container::name(run_id)).args(["sh", "-c"])
}

/// Removes containers by force.
pub fn remove_command(engine: &Engine, names: &[String]) -> CommandSpec {
    engine.remove_command().args(names.iter().cloned())
}

/// The answer to [`info_command`]; absent where no engine stands behind the client that gave it.
pub fn read_info(stdout: &[u8]) -> Option<EngineFacts> {
    let info: Value = serde_json::from_slice(stdout).ok()?;
    if info["host"].is_object() {
        return podman(&info);
    }
    if info["apiServerVersion"].is_string() {
        return apples(&info);
    }
    let server = text(&info["ServerVersion"])?;
    let options = info["SecurityOptions"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let limits = [("MemoryLimit", "memory"), ("CpuCfsQuota", "cpus"), ("PidsLimit", "pids"), ("SwapLimit", "swap")];
    Some(EngineFacts {
        name: "Docker",
        server,
        client: text(&info["ClientInfo"]["Version"]),
        context: text(&info["ClientInfo"]["Context"]),
        rootless: options.into_iter().any(|option| option == "name=rootless"),
        old_groups: info["CgroupVersion"] == "1",
        architecture: text(&info["Architecture"]).map(|name| architecture(&name).to_owned()),
        root: text(&info["DockerRootDir"]).map(PathBuf::from),
        lacks: limits.into_iter().filter(|(key, _)| info[*key] == Value::Bool(false)).map(|(_, name)| name).collect(),
    })
}

/// Why no engine stands behind the client that gave this answer to [`info_command`]: Docker's clients up to 20.10 say it in the
/// answer itself, and exit with 0; Apple's says it there as well.
pub fn read_info_errors(stdout: &[u8]) -> Option<String> {
    let info: Value = serde_json::from_slice(stdout).ok()?;
    if info["apiServerVersion"].is_string() && info["status"] != "running" {
        return Some("apiserver is not running".into());
    }
    let errors: Vec<&str> = info["ServerErrors"].as_array()?.iter().filter_map(Value::as_str).collect();
    Some(errors.join("; "))
}

fn podman(info: &Value) -> Option<EngineFacts> {
    let version = |part: &Value| text(&part["Version"]).or_else(|| text(&part["APIVersion"]));
    let rootless = info["host"]["security"]["rootless"] == Value::Bool(true);
    let controllers = info["host"]["cgroupControllers"].as_array();
    let lacks = |name: &&str| controllers.is_some_and(|known| !known.iter().any(|one| one == *name));
    let names = [("memory", "memory"), ("cpu", "cpus"), ("pids", "pids")];
    // Under the first version of control groups Podman lists no controllers: root has all of them, a user none (4.3, measured).
    let listed = rootless || controllers.is_some_and(|known| !known.is_empty());
    Some(EngineFacts {
        name: "Podman",
        server: version(&info["version"])?,
        client: None,
        context: None,
        rootless,
        old_groups: info["host"]["cgroupVersion"] == "v1",
        architecture: text(&info["host"]["arch"]).map(|name| architecture(&name).to_owned()),
        root: text(&info["store"]["graphRoot"]).map(PathBuf::from),
        lacks: names.into_iter().filter(|(key, _)| listed && lacks(key)).map(|(_, name)| name).collect(),
    })
}

fn apples(info: &Value) -> Option<EngineFacts> {
    let runs = info["status"] == "running";
    // "container-apiserver version 1.2.2 (build: release, commit: 0123abc)"
    let mut words = info["apiServerVersion"].as_str()?.split_whitespace();
    let version = words.find(|word| word.starts_with(|c: char| c.is_ascii_digit()))?.to_owned();
    runs.then(|| EngineFacts { name: "Apple container", server: version, ..EngineFacts::default() })
}

fn text(value: &Value) -> Option<String> {
    value.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}

/// The answer to [`image_command`].
pub fn read_image(stdout: &[u8]) -> Option<ImageFacts> {
    let answer: Value = serde_json::from_slice(stdout).ok()?;
    let image = answer.get(0)?;
    // Apple's tells of one for each processor, and of what belongs to one, for none.
    let known = |variant: &&Value| variant["platform"]["architecture"].as_str().is_some_and(|name| name != "unknown");
    let [size, created, architecture, config] = match image["variants"].as_array() {
        None => [&image["Size"], &image["Created"], &image["Architecture"], &image["Config"]],
        Some(variants) => {
            let variant = variants.iter().find(known)?;
            let image = &variant["config"];
            [&variant["size"], &image["created"], &image["architecture"], &image["config"]]
        }
    };
    let labels = config["Labels"].as_object().into_iter().flatten();
    let pair = |(name, value): (&String, &Value)| Some((name.clone(), value.as_str()?.to_owned()));
    Some(ImageFacts {
        size: size.as_u64().unwrap_or_default(),
        created: text(created).unwrap_or_default(),
        architecture: text(architecture).map(|name| self::architecture(&name).to_owned()),
        labels: labels.filter_map(pair).collect(),
    })
}

/// The name that images have for the processors that the kernel calls `name`.
pub(super) fn architecture(name: &str) -> &str {
    match name {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "armv6l" | "armv7l" | "armhf" => "arm",
        "i386" | "i686" => "386",
        name => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Recorded from the client 20.10.24, which exits with 0.
    const OLD_WITHOUT_ENGINE: &str = r#"{"ServerErrors":["Cannot connect to the Docker daemon at unix:///x. Is the docker daemon running?"],
        "ClientInfo":{"Debug":false,"Context":"default","Plugins":[],"Warnings":null}}"#;

    /// What clients of several ages print, shortened to what is read and a little around it.
    #[test]
    fn old_and_new_clients_are_understood() {
        let docker = |server: &str, client: Option<&str>, context: Option<&str>| EngineFacts {
            name: "Docker",
            server: server.into(),
            client: client.map(Into::into),
            context: context.map(Into::into),
            root: Some("/var/lib/docker".into()),
            ..EngineFacts::default()
        };
        let podman = EngineFacts { name: "Podman", server: "4.3.1".into(), ..EngineFacts::default() };
        for (answer, facts) in [
            // Docker 28 asking 20.10.
            (
                r#"{"Architecture":"x86_64","MemoryLimit":true,"CpuCfsQuota":true,"PidsLimit":true,"DockerRootDir":"/var/lib/docker","ServerVersion":"20.10.24+dfsg1",
                 "SecurityOptions":["name=seccomp,profile=default"],"ClientInfo":{"Version":"28.2.2","Context":"default","Plugins":[]}}"#,
                Some(EngineFacts {
                    architecture: Some("amd64".into()),
                    ..docker("20.10.24+dfsg1", Some("28.2.2"), Some("default"))
                }),
            ),
            // Docker 19.03, on a kernel that does not count swap: no version of the client.
            (
                r#"{"MemoryLimit":true,"SwapLimit":false,"CpuCfsQuota":true,"DockerRootDir":"/var/lib/docker","ServerVersion":"19.03.15",
                 "SecurityOptions":["name=seccomp,profile=default"],"ClientInfo":{"Debug":false,"Plugins":[],"Warnings":null}}"#,
                Some(EngineFacts { lacks: vec!["swap"], ..docker("19.03.15", None, None) }),
            ),
            // A rootless engine without delegated control groups.
            (
                r#"{"MemoryLimit":false,"CpuCfsQuota":true,"PidsLimit":false,"DockerRootDir":"/var/lib/docker","ServerVersion":"27.1.1",
                 "SecurityOptions":["name=seccomp,profile=builtin","name=rootless","name=cgroupns"],
                 "ClientInfo":{"Version":"27.1.1","Context":"rootless"}}"#,
                Some(EngineFacts {
                    rootless: true,
                    lacks: vec!["memory", "pids"],
                    ..docker("27.1.1", Some("27.1.1"), Some("rootless"))
                }),
            ),
            // No engine: Docker 28 prints a shell of an answer, Docker 20.10 its errors in it.
            (
                r#"{"ID":"","MemoryLimit":false,"ServerVersion":"","ClientInfo":{"Version":"28.2.2","Context":"default"}}"#,
                None,
            ),
            (OLD_WITHOUT_ENGINE, None),
            (
                r#"{"host":{"cgroupControllers":["cpu","memory","pids"],"security":{"rootless":true}},"store":{"graphRoot":"/g"},
                 "version":{"APIVersion":"4.3.1","Version":"4.3.1"}}"#,
                Some(EngineFacts { rootless: true, root: Some("/g".into()), ..podman.clone() }),
            ),
            (
                r#"{"host":{"arch":"arm64","cgroupControllers":["memory"],"security":{"rootless":false}},"version":{"Version":"4.3.1"}}"#,
                Some(EngineFacts { architecture: Some("arm64".into()), lacks: vec!["cpus", "pids"], ..podman.clone() }),
            ),
            (
                r#"{"host":{"cgroupControllers":[],"security":{"rootless":true}},"version":{"Version":"4.3.1"}}"#,
                Some(EngineFacts { rootless: true, lacks: vec!["memory", "cpus", "pids"], ..podman.clone() }),
            ),
            (
                r#"{"host":{"cgroupControllers":[],"cgroupVersion":"v1"},"version":{"Version":"4.3.1"}}"#,
                Some(EngineFacts { old_groups: true, ..podman }),
            ),
            // Apple's, after the sources of 1.2.
            (
                r#"{"apiServerAppName":"container-apiserver","apiServerVersion":"container-apiserver version 1.2.2 (build: release, commit: 0)","status":"running"}"#,
                Some(EngineFacts { name: "Apple container", server: "1.2.2".into(), ..EngineFacts::default() }),
            ),
            (r#"{"apiServerVersion":"","status":"unregistered"}"#, None),
            ("Client:\n Context: default\n", None),
        ] {
            assert_eq!(read_info(answer.as_bytes()), facts, "{answer}");
        }
    }

    #[test]
    fn an_old_client_without_an_engine_says_so_in_its_answer() {
        let words = "Cannot connect to the Docker daemon at unix:///x. Is the docker daemon running?";
        assert_eq!(read_info_errors(OLD_WITHOUT_ENGINE.as_bytes()).as_deref(), Some(words));
        assert_eq!(read_info_errors(b"{}"), None);
        let apples = read_info_errors(br#"{"apiServerVersion":"","status":"not running"}"#);
        assert_eq!(apples.as_deref(), Some("apiserver is not running"));
    }

    #[test]
    fn versions_are_compared_by_their_numbers() {
        let facts =
            |server: &str| EngineFacts { name: "Apple container", server: server.into(), ..EngineFacts::default() };
        for (server, before_0_12, before_1_0) in [
            ("0.9.0", true, true),
            ("0.12.3", false, true),
            ("1.0.0-beta", false, false),
            ("1.2.2", false, false),
            ("2", false, false),
        ] {
            let facts = facts(server);
            assert_eq!(facts.too_old(&Engine::apple("container")).is_some(), before_0_12, "{server}");
            assert_eq!(facts.is_before(1, 0), before_1_0, "{server}");
            assert!(facts.too_old(&Engine::docker("docker")).is_none());
        }
    }

    #[test]
    fn images_are_understood() {
        let answer = br#"[{"Id":"sha256:1","Created":"2026-11-21T03:00:00Z","Size":7,"Architecture":"arm64","Config":{"Labels":{"ringfence.agent.claude":"2.1.197"}}}]"#;
        let labels = vec![("ringfence.agent.claude".to_owned(), "2.1.197".to_owned())];
        let facts =
            ImageFacts { size: 7, created: "2026-11-21T03:00:00Z".into(), architecture: Some("arm64".into()), labels };
        assert_eq!(read_image(answer), Some(facts.clone()));
        let apples = br#"[{"id":"1","configuration":{"name":"x:1"},"variants":[
            {"platform":{"architecture":"unknown","os":"unknown"},"size":1,"config":{}},
            {"platform":{"architecture":"arm64","os":"linux"},"size":7,"config":{"created":"2026-11-21T03:00:00Z","architecture":"arm64",
             "config":{"Labels":{"ringfence.agent.claude":"2.1.197"}}}}]}]"#;
        assert_eq!(read_image(apples), Some(facts));
        assert_eq!(read_image(br#"[{"Config":{"Labels":null}}]"#), Some(ImageFacts::default()));
        assert_eq!(read_image(b"[]"), None);
    }
}
