//! The container that keeps a sandbox's door: the only one of the two that has a network. A run's lives while our end of its
//! standard input is open, and with it goes the folder that both share; a warm sandbox's is made before that, which then holds it.

use std::io::{self, BufRead, BufReader, PipeReader, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context, Result};

use super::door::{is_without_perl, without_perl};
use super::forward::Listening;
use super::pipes::{Order, Tail, hold};
use super::{Container, Door, Guard, Host, Sink, Stop, frame};
use crate::command::CommandSpec;
use crate::failure::{Class, Failure};

/// How long the engine may take to make a container or to remove one, and a door to open.
const ENGINE: Duration = Duration::from_secs(60);
/// How long the door may take to end once it is let go.
const END: Duration = Duration::from_secs(10);

/// Waits until the door is there, as long as its container is.
const WAIT: &str = "until [ -S \"$1\" ]; do sleep 0.02 || sleep 1; done";

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
    /// Removes it should we be killed: nothing else would, where it was not started yet.
    guard: Option<Guard>,
    /// Whether it ended before we let it go.
    early: bool,
    gone: bool,
}

impl<'a> Sidecar<'a> {
    /// Makes the container, and begins to start it: when this returns, another one can be given its folder.
    pub(super) fn begin(host: &'a Host, container: &'a Container, door: &Door, run_id: &'a str) -> Result<Self> {
        let removing = || remove(host, container, run_id);
        let guard = host.guard(&Door::remove_command(container, run_id))?;
        let create = door.create_command(container, run_id);
        // Not ended by a signal: the engine would go on making it, and nobody would know when it is there to be removed.
        let made = host.undeterred().capture(&create, ENGINE).inspect_err(|_| removing())?;
        let made = made.ok_or_else(|| {
            removing();
            Failure::new(Class::Engine, "the engine did not make the door's container in a minute", "run it again")
        })?;
        if !made.status.success() {
            return Err(container.failure(&made.stderr, made.status.code()).into());
        }
        if host.interrupts.count() > 0 {
            removing();
            let message = "interrupted while the sandbox's door was made";
            return Err(Failure::interrupted(host.interrupts.signal(), message).into());
        }
        let mut started = Sidecar::start(host, container, door, run_id).inspect_err(|_| removing())?;
        started.guard = Some(guard);
        Ok(started)
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
            guard: None,
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
        self.guard.take().into_iter().for_each(Guard::release);
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
        if is_without_perl(text) {
            return without_perl(&self.container.image);
        }
        let failure = self.container.failure(text, status);
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
            self.guard.take().into_iter().for_each(Guard::release);
        }
    }
}

/// After a signal, too. That there is none is the usual answer.
fn remove(host: &Host, container: &Container, run_id: &str) {
    let _ = host.undeterred().capture(&Door::remove_command(container, run_id), ENGINE);
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

/// Makes the container for the door of a sandbox, if it is to have one, and waits until it is open. `made` names this making.
///
/// # Errors
/// What is made may then still be there, with that name in its label.
pub fn keep(host: &Host, container: &Container, made: &str) -> Result<()> {
    let Some(door) = &container.door else { return Ok(()) };
    let ask = |command: &CommandSpec| {
        let answer = host.capture(command, ENGINE)?;
        let late = || Failure::new(Class::Engine, "the sandbox's door did not open in a minute", "try it again");
        anyhow::Ok(answer.ok_or_else(late)?)
    };
    let answer = ask(&door.keep_command(container, made))?;
    if !answer.status.success() {
        return Err(container.failure(&answer.stderr, answer.status.code()).into());
    }
    let wait = container.engine.command().args(["exec"]).arg(Door::name(made));
    if !ask(&wait.args(["sh", "-c", WAIT, "sh", door.inside.socket]))?.status.success() {
        // It did not stay up, and nothing else is known to keep it from that.
        return Err(without_perl(&container.image).into());
    }
    Ok(())
}

/// Removes it again, where the sandbox was not made.
pub fn forget(host: &Host, container: &Container, made: &str) {
    if container.door.is_some() {
        remove(host, container, made);
    }
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
