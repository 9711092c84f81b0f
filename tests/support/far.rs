//! An engine that sees none of this machine's files: a second daemon with a mount namespace of its own, in which the workspaces do
//! not exist, and a network of its own, so that it cannot come near the first one's bridge.

use std::fs;
use std::io;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

use super::runtime::Runtime;
use super::stub::Stub;
use super::{Bed, Engine, TINY, part, signal, within};

/// An address of that machine's (of a block for documentation).
const HERE: &str = "192.0.2.7";

/// The other machine's engine, until it is dropped.
pub struct Far {
    folder: TempDir,
    daemon: Child,
    address: String,
}

impl Far {
    /// Nothing, said aloud, where this machine cannot have one: that is no fault of what is tested.
    pub fn start() -> Option<Far> {
        Engine::get()?;
        let has_daemon =
            ["/usr/sbin", "/usr/bin", "/usr/local/bin"].iter().any(|folder| Path::new(folder).join("dockerd").exists());
        if !rustix::process::geteuid().is_root() || !has_daemon {
            eprintln!("skipped on this machine: a second engine needs root and dockerd");
            return None;
        }
        let folder = tempfile::Builder::new().prefix("rf-far-").tempdir().unwrap();
        let (at, beds) = (folder.path().display(), Bed::base());
        let script = format!(
            "ip link set lo up && ip address add {HERE}/32 dev lo && mount -t tmpfs none '{}' && exec dockerd --bridge none --iptables=false --ip6tables=false \
             --data-root {at}/data --exec-root {at}/exec --pidfile {at}/pid --host unix://{at}/socket",
            beds.display()
        );
        let log = fs::File::create(folder.path().join("log")).unwrap();
        let mut command = Command::new("unshare");
        command.args(["--mount", "--net", "sh", "-c", &script]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let path = format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap_or_default());
        let daemon = command.env("PATH", path).env_remove("DOCKER_HOST").spawn().unwrap();
        let address = serve(folder.path().join("socket"));
        let far = Far { folder, daemon, address };
        within(Duration::from_secs(60), "the far engine answers", || far.docker(&["version"]).contains("Server"));
        let tar = far.folder.path().join("tiny.tar");
        assert!(Runtime::Docker.client().args(["save", "--output"]).arg(&tar).arg(TINY).status().unwrap().success());
        far.docker(&["load", "--input", tar.to_str().unwrap()]);
        Some(far)
    }

    pub fn docker(&self, args: &[&str]) -> String {
        let mut command = Command::new("docker");
        command.args(args).env("DOCKER_HOST", format!("unix://{}/socket", self.folder.path().display()));
        let output = command.stdin(Stdio::null()).output().unwrap();
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
            .trim()
            .to_owned()
    }

    /// An image with the real claude in it, on the tiny one: with a shell of the kind that it wants, and the libraries of both.
    pub fn claude(&self) -> &'static str {
        let image = "ringfence-test/far-claude";
        let script = r#"
            set -e
            docker create --name seed --network none "$1" true
            libraries=$({ ldd "$2"; ldd "$3"; } | grep -o '/[^ :]*' | sort -u | grep -vxF -e "$2" -e "$3")
            tar -chPf - --transform='s|.*/claude[^/]*$|usr/bin/claude|' --transform='s|^/||' "$2" "$3" $libraries | docker cp - seed:/
            docker commit seed "$4"
            docker rm seed"#;
        let bash = Command::new("sh").args(["-c", "command -v bash"]).output().unwrap().stdout;
        let claude = fs::canonicalize(part("RINGFENCE_TEST_CLAUDE")).unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", script, "sh", TINY]).arg(claude).arg(String::from_utf8(bash).unwrap().trim()).arg(image);
        command.env("DOCKER_HOST", format!("unix://{}/socket", self.folder.path().display()));
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        image
    }

    /// A stub of the model on that machine, which its containers reach at an address that is none of this one's.
    pub fn stub(&self, options: &[&str]) -> Stub {
        let mut command = Command::new("nsenter");
        command.arg("--net").arg("--target").arg(self.daemon.id().to_string()).arg(Stub::program());
        Stub::launch(command, HERE, options)
    }

    /// A bed whose ringfence is led to this engine by a docker context, which names an address of another machine's.
    pub fn bed(&self) -> Bed {
        let mut bed = Bed::new();
        let config = bed.home().join(".docker");
        let host = format!("host={}", self.address);
        let mut command = Command::new("docker");
        command.arg("--config").arg(config).args(["context", "create", "far", "--docker", &host]);
        assert!(
            command.env_remove("DOCKER_HOST").stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap().success()
        );
        bed.set("DOCKER_CONTEXT", "far");
        bed
    }

    pub fn containers(&self) -> String {
        self.docker(&["ps", "--all", "--quiet", "--filter", "label=ringfence=1"])
    }

    /// Nothing of any run is left there: no container, and no volume with somebody's workspace.
    pub fn is_clean(&self) -> bool {
        self.containers().is_empty() && self.docker(&["volume", "ls", "--quiet"]).is_empty()
    }
}

impl Drop for Far {
    fn drop(&mut self) {
        signal(i32::try_from(self.daemon.id()).unwrap(), "TERM");
        let _ = self.daemon.wait();
    }
}

/// An address on loopback that leads to `socket`, for as long as this process lives.
fn serve(socket: PathBuf) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("tcp://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for near in listener.incoming().flatten() {
            let Ok(far) = UnixStream::connect(&socket) else { continue };
            let (mut near_in, mut far_out) = (near.try_clone().unwrap(), far.try_clone().unwrap());
            thread::spawn(move || {
                let _ = io::copy(&mut near_in, &mut far_out);
                let _ = far_out.shutdown(Shutdown::Write);
            });
            thread::spawn(move || back(far, near));
        }
    });
    address
}

fn back(mut far: UnixStream, mut near: TcpStream) {
    let _ = io::copy(&mut far, &mut near);
    let _ = near.shutdown(Shutdown::Write);
}
