//! What an engine's words mean. Looked at only after a failure, and only at words that are certainly the engine's.

mod words;

use words::{Trouble, last_words};

use super::{Engine, distant, rootless};
use crate::failure::{Class, Failure};

/// The failure that `text`, the standard error of `engine`, and `status`, its client's exit code, stand for, when `image` was to
/// be used on `network`.
pub fn classify(engine: &Engine, image: &str, network: &str, text: &str, status: Option<i32>) -> Failure {
    let trouble = Trouble::of(text);
    // What is said of the way to it says more than what that led to, but for a permission.
    let way = || distant::classify(engine, text).or_else(|| rootless::classify(engine, text));
    let way = if trouble == Some(Trouble::Permission) { None } else { way() };
    let known = way.or_else(|| Some(explained(trouble?, engine, image, network, text)));
    let failure = known.unwrap_or_else(|| {
        let code = status.map_or_else(|| "killed".to_owned(), |code| format!("status {code}"));
        let hint = format!(
            "{} shows whether the engine is well; run again with --verbose for the whole command",
            engine.well_command()
        );
        Failure::new(Class::Engine, format!("{engine} could not run the container ({code})"), hint)
    });
    failure.because(last_words(text))
}

fn explained(trouble: Trouble, engine: &Engine, image: &str, network: &str, text: &str) -> Failure {
    let (class, message, hint) = match trouble {
        Trouble::Permission => {
            (Class::DaemonPermission, format!("you may not use the {engine} engine"), permission_hint(engine, text))
        }
        Trouble::Address => (
            Class::DaemonUnreachable,
            format!("{engine} does not understand where its engine is"),
            match base(engine) {
                "podman" => format!(
                    "unset CONTAINER_HOST CONTAINER_CONNECTION; {engine} system connection list shows the connections there are"
                ),
                _ => format!("unset DOCKER_HOST DOCKER_CONTEXT; {engine} context ls shows the contexts there are"),
            },
        ),
        Trouble::Unreachable => (Class::DaemonUnreachable, format!("no {engine} engine answers"), start_hint(engine)),
        Trouble::ImageName => (
            Class::InvalidImage,
            format!("{image} is not a legal image name"),
            format!("ringfence sandbox set sandbox.image {}", image.to_lowercase()),
        ),
        Trouble::ImageMissing => {
            (Class::ImageMissing, format!("the image {image} is not on this engine"), image_hint(engine, image))
        }
        Trouble::NetworkMissing => (
            Class::NetworkMissing,
            format!("there is no network named {network}"),
            format!("{engine} network create {network}, or use --network bridge"),
        ),
        Trouble::Processor => (
            Class::InvalidImage,
            format!("the image {image} is made for another processor than the engine's"),
            image_hint(engine, image),
        ),
        Trouble::NoShell => (
            Class::InvalidImage,
            format!("the image {image} lacks a shell or its tools; a sandbox needs sh, head, grep and sleep"),
            format!("use an image with a POSIX shell: {}", engine.ours("sandbox build-image")),
        ),
        Trouble::TooOld => (
            Class::Config,
            format!("this version of {engine} does not know all that a run asks of it"),
            newer_hint(engine).into(),
        ),
        Trouble::Podman => (
            Class::Config,
            format!("{engine} is Podman under another name"),
            "ringfence sandbox set docker.command podman".into(),
        ),
        Trouble::Mount => (
            Class::Usage,
            "the engine cannot mount a folder of this run".into(),
            format!(
                "check the workspace and every --mount: a folder must exist where the engine runs, and have a target of its own{}",
                if engine.dialect.is_apple() {
                    ""
                } else {
                    "; one that does not see this machine's folders: ringfence sandbox set docker.workspace copy"
                }
            ),
        ),
    };
    Failure::new(class, message, hint)
}

/// How the caller comes to be allowed to use the engine of which `text` is.
fn permission_hint(engine: &Engine, text: &str) -> String {
    match distant::command(text) {
        _ if base(engine) == "podman" => format!(
            "unset CONTAINER_HOST: {engine} needs no service; or name one of yours: systemctl --user start podman.socket"
        ),
        Some(ssh) => format!("{ssh} 'sudo usermod -aG docker \"$USER\"'"),
        None => {
            "sudo usermod -aG docker \"$USER\", then log in again; or set DOCKER_HOST to an engine that is yours".into()
        }
    }
}

/// How the caller gets an engine that knows what runs ask of it.
fn newer_hint(engine: &Engine) -> &'static str {
    if engine.dialect.is_apple() {
        "ringfence sandbox doctor --mode apple; /usr/local/bin/update-container.sh"
    } else {
        "use another engine, or a newer one: ringfence sandbox set docker.command docker"
    }
}

/// How the engine behind this program is started.
fn start_hint(engine: &Engine) -> String {
    match base(engine) {
        "podman" => "podman machine start (macOS), systemctl --user start podman.socket (Linux), or unset CONTAINER_HOST: on Linux \
                     podman needs no service"
            .into(),
        _ if engine.dialect.is_apple() => format!("{engine} system start"),
        _ => "start it (sudo systemctl start docker, or Docker Desktop), or set DOCKER_HOST to where it listens".into(),
    }
}

/// A program's name.
fn base(engine: &Engine) -> &str {
    engine.program.rsplit('/').next().unwrap_or_default()
}

fn image_hint(engine: &Engine, image: &str) -> String {
    let build = engine.ours("sandbox build-image");
    if image.starts_with("ringfence/") {
        build
    } else {
        format!("{}, or {build} --tag {image}", engine.pull_command(image))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class(text: &str) -> Class {
        classify(&Engine::docker("docker"), "nope:latest", "nonet", text, Some(125)).class
    }

    #[test]
    fn old_and_new_words_are_understood() {
        for (text, class) in [
            (
                "docker: Cannot connect to the Docker daemon at unix:///x.sock. Is the docker daemon running?",
                Class::DaemonUnreachable,
            ),
            (
                "docker: failed to connect to the docker API at unix:///x.sock; check if the path is correct and if the daemon is \
                 running: dial unix /x.sock: connect: no such file or directory",
                Class::DaemonUnreachable,
            ),
            (
                "docker: permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock: \
                 Head \"http://x/_ping\": dial unix /var/run/docker.sock: connect: permission denied.",
                Class::DaemonPermission,
            ),
            (
                "docker: Error response from daemon: No such image: nope:latest.\nSee 'docker run --help'.",
                Class::ImageMissing,
            ),
            ("Error: internalError: \"XPC connection error: Connection invalid\"", Class::DaemonUnreachable),
            // After the sources of Apple's, 1.2.
            ("Error: notFound: \"image not found: nope:latest\"", Class::ImageMissing),
            ("Error: notFound: \"network nonet not found\"", Class::NetworkMissing),
            ("Unable to find image 'nope:latest' locally", Class::ImageMissing),
            ("Error: nope:latest: image not known", Class::ImageMissing),
            ("docker: Error response from daemon: network nonet not found.", Class::NetworkMissing),
            ("Error: unable to find network with name or ID nonet: network not found", Class::NetworkMissing),
            ("docker: invalid reference format: repository name must be lowercase.", Class::InvalidImage),
            (
                "docker: Error response from daemon: OCI runtime create failed: exec: \"sh\": executable file not found in $PATH: \
                 unknown.",
                Class::InvalidImage,
            ),
            ("[FATAL tini (7)] exec sh failed: No such file or directory", Class::InvalidImage),
            ("ERROR (catatonit:2): failed to exec pid1: No such file or directory", Class::InvalidImage),
            ("sh: 1: head: not found", Class::InvalidImage),
            ("Error: statfs /x: no such file or directory", Class::Usage),
            ("unknown flag: --pull\nSee 'docker run --help'.", Class::Config),
            ("Error: unknown mount option \"uid=0\": invalid mount option", Class::Config),
            // Recorded from the client 28.2.2 with a wrong DOCKER_CONTEXT and a wrong DOCKER_HOST; the last two are other wordings, not recorded.
            (
                "Failed to initialize: unable to resolve docker endpoint: context \"nope\": context not found: open \
                 /root/.docker/contexts/meta/x/meta.json: no such file or directory",
                Class::DaemonUnreachable,
            ),
            (
                "Failed to initialize: unable to resolve docker endpoint: invalid bind address format: http://x y",
                Class::DaemonUnreachable,
            ),
            ("docker: invalid bind address format: nonsense", Class::DaemonUnreachable),
            ("unable to parse docker host `nonsense`", Class::DaemonUnreachable),
            (
                "Current context \"nope\" is not found on the file system, please check your config file at /x/config.json",
                Class::DaemonUnreachable,
            ),
            (
                "docker: Error response from daemon: invalid mount config for type \"bind\": bind source path does not exist: /x.",
                Class::Usage,
            ),
            ("docker: Error response from daemon: no space left on device.", Class::Engine),
            // Recorded from the clients 20.10.24 and 28.2.2, asked by `sandbox doctor`.
            (
                "Cannot connect to the Docker daemon at tcp://127.0.0.1:1. Is the docker daemon running?",
                Class::DaemonUnreachable,
            ),
            (
                "permission denied while trying to connect to the Docker daemon socket at unix:///x.sock: Get \
                 \"http://%2Fx.sock/v1.24/containers/json?all=1\": dial unix /x.sock: connect: permission denied",
                Class::DaemonPermission,
            ),
            ("Error: No such image: nope:1", Class::ImageMissing),
            ("Error response from daemon: no such image: nope:1: No such image: nope:1", Class::ImageMissing),
            ("Error: No such network: nonet", Class::NetworkMissing),
            ("Error response from daemon: network nonet not found", Class::NetworkMissing),
            (
                "docker: Error response from daemon: network nonet not found\n\nRun 'docker run --help' for more information",
                Class::NetworkMissing,
            ),
            ("", Class::Engine),
        ] {
            assert_eq!(self::class(text), class, "{text}");
        }
    }

    #[test]
    fn an_image_for_another_processor_lacks_no_shell() {
        for text in [
            "[FATAL tini (7)] exec sh failed: Exec format error",
            "exec /usr/bin/sh: exec format error",
            "{\"msg\":\"exec container process `/bin/sh`: Exec format error\",\"level\":\"error\"}",
        ] {
            let failure = classify(&Engine::docker("docker"), "debian:13", "bridge", text, Some(1));
            assert_eq!(failure.class, Class::InvalidImage);
            assert!(failure.message.contains("another processor") && failure.hint.contains("docker pull debian:13"));
        }
    }

    #[test]
    fn the_cause_leaves_out_the_usage_reminder() {
        let failure = classify(
            &Engine::docker("docker"),
            "x",
            "bridge",
            "docker: oh no.\n\nRun 'docker run --help' for more information\n",
            Some(125),
        );
        assert_eq!(failure.cause.as_deref(), Some("docker: oh no."));
    }
}
