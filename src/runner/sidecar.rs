//! The container that keeps a sandbox's door: the only one of the two that has a network. It lives while our end of its standard
//! input is open, and with it goes the folder that both share.

use std::io::{self, BufRead, BufReader, PipeReader, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context, Result};

use super::forward::Listening;
use super::pipes::{Order, Tail, hold};
use super::{Container, Host, Sink, Stop, engine, frame, identity};
use crate::command::CommandSpec;
use crate::failure::{Class, Failure};

/// How long the engine may take to make a container, or to remove one.
const ENGINE: Duration = Duration::from_secs(60);
/// How long the door may take to end once it is let go.
const END: Duration = Duration::from_secs(10);

/// What reads and writes between pairs of sockets: half of each of the two programs of a door.
pub const PUMP: &str = include_str!("pump.pl");

/// A door, seen from inside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DoorInside {
    /// Whether nothing is to be done where it is not there.
    pub expected: bool,
    /// Its socket.
    pub socket: &'static str,
    /// The file in which it counts who knocks.
    pub knocks: &'static str,
    /// What is executed in its container once that has been started again, so that no name leads to this machine as it is now.
    pub renew: Vec<String>,
    /// What leads programs to it.
    pub variables: Vec<(&'static str, String)>,
}

/// A way out for a container that has no network of its own.
#[derive(Clone, Debug)]
pub struct Door {
    /// The folder that both containers see.
    pub folder: &'static str,
    /// What is seen of it.
    pub inside: DoorInside,
    /// Where the agent finds it, at 127.0.0.1.
    pub port: u16,
    /// What the door's container runs: a shell script. It says `open` first, and at its end whatever is to be known.
    pub script: Vec<u8>,
    /// What it runs for a warm sandbox: it ends once nobody holds a connection to `life`.
    pub lasting: String,
    /// The socket that a warm sandbox holds.
    pub life: &'static str,
}

impl Door {
    /// The name of the container of a run's door.
    pub(super) fn name(run_id: &str) -> String {
        format!("{}-door", Container::name(run_id))
    }

    /// Makes the container. It is root inside, without a capability: so the folder is its own.
    fn create_command(&self, container: &Container, run_id: &str) -> CommandSpec {
        let spec = container.engine.command().args(["create", "--rm", "--interactive"]);
        let labels = [("ringfence.run", run_id.to_owned())].into_iter().chain(identity::owner_labels(container.grace));
        self.hardened(spec, container, run_id, labels).option("-c", frame::BOOT)
    }

    /// Makes and starts the one of a warm sandbox, whose making is called `made`.
    pub(super) fn keep_command(&self, container: &Container, made: &str) -> CommandSpec {
        let labels = [("ringfence.made", made.to_owned()), ("ringfence.created", identity::now_rfc3339())];
        self.hardened(container.engine.command().args(["run", "--detach"]), container, made, labels)
            .option("-c", self.lasting.as_str())
    }

    fn hardened(
        &self,
        spec: CommandSpec,
        container: &Container,
        id: &str,
        labels: impl IntoIterator<Item = (&'static str, String)>,
    ) -> CommandSpec {
        let mut spec = spec.args(["--pull", "never", "--log-driver", "none"]).option("--name", Door::name(id));
        let all = [
            ("ringfence", "1".to_owned()),
            ("ringfence.kind", "door".to_owned()),
            ("ringfence.workspace", container.workspace.to_string_lossy().into_owned()),
        ];
        for (name, value) in all.into_iter().chain(labels) {
            spec = spec.option("--label", format!("{name}={value}"));
        }
        // Where the host has a name it is one that leads inward.
        if container.engine.dialect.adds_host {
            spec = spec.option("--add-host", format!("{}:host-gateway", container.engine.dialect.host_name));
        }
        // It is the agent's image, whose variables are not to bring anything into the door.
        for name in ["PERL5OPT", "PERL5LIB", "LD_PRELOAD"] {
            spec = spec.option("--env", format!("{name}="));
        }
        spec.args(["--user", "0:0", "--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--read-only"])
            .args(["--pids-limit", "2048", "--memory", "1g", "--memory-swap", "1g"])
            .option("--network", container.network.as_str())
            .option("--volume", self.folder)
            .args(["--workdir", "/", "--entrypoint", "sh"])
            .arg(container.image.as_str())
    }

    /// Starts it on our streams.
    fn start_command(container: &Container, run_id: &str) -> CommandSpec {
        container.engine.command().args(["start", "--attach", "--interactive"]).arg(Door::name(run_id))
    }

    /// What is executed for it before the agent's container is run, and beside that.
    pub(super) fn commands(&self, container: &Container, run_id: &str) -> [CommandSpec; 2] {
        [self.create_command(container, run_id), Door::start_command(container, run_id)]
    }

    fn remove_command(container: &Container, run_id: &str) -> CommandSpec {
        container.engine.remove_command().arg(Door::name(run_id))
    }
}

/// A door that is being opened, or is open.
pub(super) struct Sidecar<'a> {
    host: &'a Host,
    container: &'a Container,
    run_id: &'a str,
    child: duct::Handle,
    lifeline: Option<Sender<Order>>,
    opened: Arc<AtomicBool>,
    said: Option<JoinHandle<String>>,
    complained: Option<JoinHandle<String>>,
    /// Whether it ended before we let it go.
    early: bool,
    gone: bool,
}

impl<'a> Sidecar<'a> {
    /// Makes the container, and begins to start it: when this returns, another one can be given its folder.
    pub(super) fn begin(host: &'a Host, container: &'a Container, door: &Door, run_id: &'a str) -> Result<Self> {
        let removing = || remove(host, container, run_id);
        let create = door.create_command(container, run_id);
        // Not ended by a signal: the engine would go on making it, and nobody would know when it is there to be removed.
        let patient = host.undeterred();
        let made = patient.capture(&create, ENGINE).inspect_err(|_| removing())?;
        let made = made.ok_or_else(|| {
            removing();
            Failure::new(Class::Engine, "the engine did not make the door's container in a minute", "run it again")
        })?;
        if !made.status.success() {
            let Container { engine, image, network, .. } = container;
            return Err(engine::classify(engine, image, network, &made.stderr, made.status.code()).into());
        }
        if host.interrupts.count() > 0 {
            removing();
            let class = Class::Interrupted(host.interrupts.signal());
            let message = "interrupted while the sandbox's door was made";
            return Err(Failure::new(class, message, "run it again when you want it to go on").into());
        }
        Sidecar::start(host, container, door, run_id).inspect_err(|_| removing())
    }

    fn start(host: &'a Host, container: &'a Container, door: &Door, run_id: &'a str) -> Result<Self> {
        let (stdin, lifeline) = io::pipe().context("making the door's lifeline")?;
        let (stdout, stdout_end) = io::pipe().context("making a pipe")?;
        let (stderr, stderr_end) = io::pipe().context("making a pipe")?;
        let child = host.start(&Door::start_command(container, run_id), stdin, stdout_end, stderr_end)?;
        let opened = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&opened);
        Ok(Sidecar {
            host,
            container,
            run_id,
            child,
            lifeline: Some(hold(lifeline, frame::bare(&door.script))),
            opened,
            said: Some(thread::spawn(move || listen(stdout, &told))),
            complained: Some(thread::spawn(move || last_of(stderr))),
            early: false,
            gone: false,
        })
    }

    fn has_ended(&self) -> bool {
        self.child.try_wait().is_ok_and(|output| output.is_some())
    }

    /// Whether it will never open.
    fn is_lost(&self) -> bool {
        !self.opened.load(Ordering::SeqCst) && self.has_ended()
    }

    /// Lets it go, and returns at once.
    fn let_go(&mut self) {
        self.early |= self.lifeline.is_some() && self.has_ended();
        self.lifeline = None;
    }

    /// Waits until it is gone. What it said at its end; nothing where that came before we let it go. The error is why it never
    /// opened.
    pub(super) fn finish(mut self) -> Result<Option<String>, Failure> {
        let lost = self.is_lost();
        self.let_go();
        let ended = self.child.wait_timeout(END).ok().flatten();
        if ended.is_none() {
            let _ = self.child.kill();
            remove(self.host, self.container, self.run_id);
        }
        self.gone = true;
        let text =
            |thread: Option<JoinHandle<String>>| thread.and_then(|thread| thread.join().ok()).unwrap_or_default();
        let (said, complained) = (text(self.said.take()), text(self.complained.take()));
        if lost {
            let status = ended.and_then(|output| output.status.code());
            return Err(self.never_opened(&complained, status));
        }
        Ok((!self.early).then_some(said))
    }

    fn never_opened(&self, text: &str, status: Option<i32>) -> Failure {
        let Container { engine, image, network, .. } = self.container;
        if is_without_perl(text) {
            return without_perl(image);
        }
        let failure = engine::classify(engine, image, network, text, status);
        match failure.class {
            Class::Engine => {
                Failure { message: "the sandbox's door to the network could not be opened".into(), ..failure }
            }
            _ => failure,
        }
    }
}

impl Drop for Sidecar<'_> {
    fn drop(&mut self) {
        if !self.gone {
            self.let_go();
            if !matches!(self.child.wait_timeout(END), Ok(Some(_))) {
                let _ = self.child.kill();
                remove(self.host, self.container, self.run_id);
            }
        }
    }
}

/// Whether a shell says in `text` that it found no perl.
pub(super) fn is_without_perl(text: &str) -> bool {
    text.contains("perl: not found") || text.contains("perl: command not found")
}

/// An image in which neither half of a door can run.
pub(super) fn without_perl(image: &str) -> Failure {
    Failure::new(
        Class::InvalidImage,
        format!("the image {image} has no perl, which --allow-host and --forward need in it"),
        "use an image of the Debian family, or install perl in yours: ringfence sandbox build-image",
    )
}

/// After a signal, too. That there is none is the usual answer.
fn remove(host: &Host, container: &Container, run_id: &str) {
    let host = host.undeterred();
    let _ = host.capture(&Door::remove_command(container, run_id), ENGINE);
}

fn listen(stdout: PipeReader, opened: &AtomicBool) -> String {
    let mut lines = BufReader::new(stdout);
    let (mut first, mut rest) = (String::new(), Vec::new());
    if lines.read_line(&mut first).is_ok() && first == "open\n" {
        opened.store(true, Ordering::SeqCst);
    }
    let _ = lines.read_to_end(&mut rest);
    String::from_utf8_lossy(&rest).into_owned()
}

fn last_of(mut stderr: PipeReader) -> String {
    let (mut tail, mut chunk) = (Tail::default(), [0; 4096]);
    while let Ok(length @ 1..) = stderr.read(&mut chunk) {
        tail.push(&chunk[..length]);
    }
    tail.text()
}

/// Minds what a run's container depends on, while the run's own sink takes what the agent writes.
pub(super) struct Minding<'a, 'b> {
    /// Takes what the agent writes.
    pub sink: &'a mut dyn Sink,
    /// The door, if there is one.
    pub sidecar: Option<&'a mut Sidecar<'b>>,
    /// The services of this machine, if there are any.
    pub services: Option<&'a Listening>,
}

impl Sink for Minding<'_, '_> {
    fn stdout(&mut self, chunk: &[u8]) -> Result<(), Stop> {
        self.sink.stdout(chunk)
    }

    fn stderr(&mut self, chunk: &[u8]) -> Result<(), Stop> {
        self.sink.stderr(chunk)
    }

    fn tick(&mut self) -> Result<(), Stop> {
        // The agent's container waits for the door, which is not worth it any more.
        if self.sidecar.as_ref().is_some_and(|sidecar| sidecar.is_lost()) {
            return Err(Stop::Decided);
        }
        self.sink.tick()
    }

    fn started(&mut self) {
        if let Some(services) = self.services {
            services.hide();
        }
        self.sink.started();
    }

    fn ended(&mut self) {
        if let Some(sidecar) = &mut self.sidecar {
            sidecar.let_go();
        }
        self.sink.ended();
    }

    fn ending(&mut self) {
        self.sink.ending();
    }
}
