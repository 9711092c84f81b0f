//! What a client says of an engine on another machine: of the way there, over ssh or TLS, and not of the engine.

use super::Engine;
use crate::failure::{Class, Failure};

/// The placeholder by which Docker's client calls an engine that it reaches over ssh.
const OVER_SSH: &str = "http://docker.example.com";

/// The failure of the way to `engine` on another machine that `text` stands for, if it is of that.
pub fn classify(engine: &Engine, text: &str) -> Option<Failure> {
    let lower = text.to_lowercase();
    let says = |parts: &[&str]| parts.iter().any(|part| lower.contains(part));
    let ssh = command(text);
    // Where the client does not say what it starts: of docker contexts and variables this shows which is in force.
    let by_hand = ssh.clone().unwrap_or_else(|| "ssh HOST".into());
    if says(&["exec: \"ssh\": executable file not found"]) {
        let message = format!("ssh is not installed, and the address of the {engine} engine is one of ssh's");
        return Some(Failure::new(
            Class::CliMissing,
            message,
            "install an ssh client (Debian: apt-get install openssh-client)",
        ));
    }
    if ssh.is_some() || text.contains(OVER_SSH) || says(&["ssh: handshake failed"]) {
        let (class, message, hint) = if says(&["host key verification failed", "knownhosts:"]) {
            let hint = format!(
                "compare its key, then accept it by hand: {by_hand} true; where its key was changed for a good reason, first: \
                 ssh-keygen -R HOST"
            );
            (Class::DaemonUnreachable, "does not know the machine of", hint)
        } else if says(&["permission denied (", "unable to authenticate", "too many authentication failures"]) {
            let hint =
                format!("give it a key that works without a question (ssh-copy-id, ssh-add), and try: {by_hand} true");
            (Class::DaemonPermission, "is not let in by the machine of", hint)
        } else if says(&["command not found", "exit status 127"]) {
            let hint = format!("install docker there, where ssh finds it: {by_hand} docker version");
            (Class::DaemonUnreachable, "finds no docker on the machine of", hint)
        } else {
            (Class::DaemonUnreachable, "does not come through to", format!("see why not: {by_hand} docker version"))
        };
        return Some(Failure::new(class, format!("ssh {message} the {engine} engine"), hint));
    }
    // Of the engine's own way, not of one that it goes itself, as to a registry.
    let client_says = says(&["error during connect"]) && says(&["tls: ", "x509: ", "http response to https client"]);
    if client_says || says(&["an http request to an https server"]) {
        let hint = "DOCKER_TLS_VERIFY=1 and DOCKER_CERT_PATH, a folder with the engine's ca.pem, cert.pem and key.pem; or a docker \
                    context with them";
        // The other end's words: it wants a certificate, or another one.
        let class = if says(&["remote error: tls"]) { Class::DaemonPermission } else { Class::DaemonUnreachable };
        return Some(Failure::new(class, format!("the {engine} engine and its client do not agree on TLS"), hint));
    }
    None
}

/// How the client that said `text` calls ssh, for a person to type: without the command that it runs there.
pub fn command(text: &str) -> Option<String> {
    let (_, rest) = text.split_once("command [ssh ")?;
    let (words, _) = rest.split_once("] has exited")?;
    let mut words = words.split(' ').peekable();
    let mut typed = vec!["ssh"];
    while let Some(word) = words.next() {
        match word {
            "-o" => drop(words.next()),
            "-T" => {}
            "--" => {
                typed.extend(words.next());
                return Some(typed.join(" "));
            }
            word => typed.push(word),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Recorded from the client 28.2.2 with Debian's ssh, and a server of Debian's.
    fn ssh(status: u8, words: &str) -> String {
        format!(
            "docker: error during connect: Head \"http://docker.example.com/_ping\": command [ssh -o ConnectTimeout=30 -T -l me -p 42 \
             -- far.example docker system dial-stdio] has exited with exit status {status}, make sure the URL is valid, and Docker 18.09 \
             or later is installed on the remote host: stderr={words}"
        )
    }

    #[test]
    fn what_stands_in_the_way_of_ssh_is_told_with_what_to_type() {
        for (text, class, hint) in [
            (ssh(255, "ssh: connect to host far.example port 42: Connection refused"), Class::DaemonUnreachable, "ssh -l me -p 42 far.example docker version"),
            (ssh(255, "ssh: Could not resolve hostname far.example: Name or service not known"), Class::DaemonUnreachable, "docker version"),
            (ssh(255, "me@far.example: Permission denied (publickey)."), Class::DaemonPermission, "ssh -l me -p 42 far.example true"),
            (ssh(255, "Host key verification failed."), Class::DaemonUnreachable, "accept it by hand: ssh -l me -p 42 far.example true"),
            (ssh(127, "bash: line 1: docker: command not found"), Class::DaemonUnreachable, "install docker there"),
            ("docker: error during connect: Head \"http://docker.example.com/_ping\": exec: \"ssh\": executable file not found in $PATH".into(), Class::CliMissing, "openssh-client"),
            ("docker: Cannot connect to the Docker daemon at http://docker.example.com. Is the docker daemon running?".into(), Class::DaemonUnreachable, "ssh HOST docker version"),
            // Recorded from the client 28.2.2 and a server that wants certificates.
            ("docker: error during connect: Head \"https://127.0.0.1:1/_ping\": tls: failed to verify certificate: x509: certificate signed by unknown authority".into(), Class::DaemonUnreachable, "DOCKER_CERT_PATH"),
            ("docker: error during connect: Head \"https://127.0.0.1:1/_ping\": remote error: tls: certificate required".into(), Class::DaemonPermission, "DOCKER_CERT_PATH"),
        ] {
            let failure = classify(&Engine::docker("docker"), &text).unwrap();
            assert_eq!(failure.class, class, "{text}");
            assert!(failure.hint.contains(hint), "{}", failure.hint);
        }
        for engines in [
            "Cannot connect to the Docker daemon at unix:///x.sock. Is the docker daemon running?",
            "Get \"https://registry.example/v2/\": tls: failed to verify certificate: x509: certificate signed by unknown authority",
        ] {
            assert!(classify(&Engine::docker("docker"), engines).is_none(), "{engines}");
        }
    }
}
