//! Services of this machine for a container without a way to it: a Unix socket each, which the container sees, and which is
//! carried here to the service's address. So a service that listens on loopback alone can be reached as well.

use std::fs;
use std::io::{self, PipeReader, PipeWriter};
use std::net::{Shutdown, TcpStream};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{FlockOperation, Mode, OFlags, flock, open};

use super::Mount;

/// Where a container sees the sockets.
const INSIDE: &str = "/run/ringfence-forward";

/// How many callers of one service are carried at a time: each takes two files and two threads of ours.
const MOST: usize = 128;
/// When to look again after a caller could not be taken.
const LATER: Duration = Duration::from_millis(50);

/// A service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forward {
    /// Its port inside, at 127.0.0.1.
    pub port: u16,
    /// Its host, as this machine knows it.
    pub host: String,
    /// Its port there.
    pub to: u16,
}

/// The services of one container, before it is started.
#[derive(Clone, Debug)]
pub struct Forwards {
    /// The folder below which the sockets are made.
    pub state: PathBuf,
    /// The services.
    pub list: Vec<Forward>,
}

impl Forwards {
    pub(super) fn relays(&self) -> impl Iterator<Item = String> {
        self.list.iter().map(|forward| format!("{}={}", forward.port, inside(forward.port)))
    }

    fn folder(&self, run_id: &str) -> PathBuf {
        self.state.join("forward").join(run_id)
    }

    /// What a run's container must be given.
    pub(super) fn mounts(&self, run_id: &str) -> impl Iterator<Item = Mount> {
        let folder = self.folder(run_id);
        self.list.iter().map(move |forward| Mount {
            source: folder.join(forward.port.to_string()),
            target: inside(forward.port).into(),
            read_only: true,
        })
    }

    /// Listens for a run, until what is returned is dropped.
    pub(super) fn listen(&self, run_id: &str) -> Result<Listening> {
        let folder = self.folder(run_id);
        let parent = self.state.join("forward");
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&parent).with_context(|| making(&parent))?;
        // Held while a folder is made and locked, so that nobody takes it for a dead one.
        let all = lock(&parent, FlockOperation::LockExclusive)?;
        sweep(&parent);
        fs::DirBuilder::new().mode(0o700).create(&folder).with_context(|| making(&folder))?;
        let held = lock(&folder, FlockOperation::NonBlockingLockExclusive)?;
        drop(all);
        let (end, alive) = io::pipe().context("making a pipe")?;
        let listening = Listening { folder, held, _alive: alive };
        let end = Arc::new(end);
        for forward in &self.list {
            let socket = listening.bind(forward.port)?;
            let (forward, end) = (forward.clone(), Arc::clone(&end));
            thread::Builder::new()
                .spawn(move || serve(&socket, &forward, &end))
                .context("starting a thread for --forward")?;
        }
        Ok(listening)
    }
}

fn inside(port: u16) -> String {
    format!("{INSIDE}/{port}")
}

fn making(folder: &Path) -> String {
    format!("making {}", folder.display())
}

fn lock(folder: &Path, how: FlockOperation) -> Result<OwnedFd> {
    let file = open(folder, OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
    flock(&file, how).with_context(|| format!("locking {}", folder.display()))?;
    Ok(file)
}

/// Removes the folders of processes that are no more.
fn sweep(parent: &Path) {
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        if lock(&entry.path(), FlockOperation::NonBlockingLockExclusive).is_ok() {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// Sockets that are listened on.
pub(super) struct Listening {
    folder: PathBuf,
    /// Its lock says that somebody is there.
    held: OwnedFd,
    /// Its end is that of the threads that listen.
    _alive: PipeWriter,
}

impl Listening {
    fn bind(&self, port: u16) -> Result<UnixListener> {
        // By way of the open folder: a socket's own path may have 107 bytes.
        let short = format!("/proc/self/fd/{}/{port}", self.held.as_raw_fd());
        let socket = UnixListener::bind(&short).with_context(|| format!("listening for --forward {port}"))?;
        fs::set_permissions(&short, fs::Permissions::from_mode(0o600))?;
        Ok(socket)
    }

    /// Takes the sockets off the disk. Who has them mounted keeps them.
    pub(super) fn hide(&self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.hide();
    }
}

/// Carries every caller of `socket` to the service, until the other side of `end` is closed.
fn serve(socket: &UnixListener, forward: &Forward, end: &PipeReader) {
    let carried = Arc::new(());
    loop {
        let mut both = [PollFd::new(socket, PollFlags::IN), PollFd::new(end, PollFlags::empty())];
        if poll(&mut both, None).is_err() || both[1].revents().intersects(PollFlags::HUP) {
            return;
        }
        let Ok((caller, _)) = socket.accept() else {
            // No files left, or a caller that is gone: neither is for ever.
            thread::sleep(LATER);
            continue;
        };
        if Arc::strong_count(&carried) > MOST {
            continue;
        }
        let (host, port, one) = (forward.host.clone(), forward.to, Arc::clone(&carried));
        // A service that does not answer is a closed connection to the caller, and so is a thread that cannot be started.
        let _ = thread::Builder::new().spawn(move || {
            let carried = TcpStream::connect((host.as_str(), port)).and_then(|service| carry(&caller, &service));
            drop(one);
            carried
        });
    }
}

fn carry(caller: &UnixStream, service: &TcpStream) -> io::Result<()> {
    let _ = service.set_nodelay(true);
    thread::scope(|scope| {
        thread::Builder::new().spawn_scoped(scope, || {
            let _ = io::copy(&mut &*caller, &mut &*service);
            service.shutdown(Shutdown::Write)
        })?;
        let _ = io::copy(&mut &*service, &mut &*caller);
        caller.shutdown(Shutdown::Write)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;
    use std::net::TcpListener;

    #[test]
    fn callers_beyond_the_most_are_turned_away_and_later_ones_are_served() {
        let state = tempfile::tempdir().unwrap();
        let service = TcpListener::bind("127.0.0.1:0").unwrap();
        let to = service.local_addr().unwrap().port();
        let list = vec![Forward { port: 1, host: "127.0.0.1".into(), to }];
        let forwards = Forwards { state: state.path().into(), list };
        let _listening = forwards.listen("run").unwrap();
        let call = || UnixStream::connect(forwards.folder("run").join("1")).unwrap();
        let answered: Vec<_> = (0..MOST).map(|_| (call(), service.accept().unwrap())).collect();
        assert_eq!(call().read(&mut [0]).unwrap(), 0, "one too many");
        drop(answered);
        // Those before are gone when their threads have seen it.
        let mut after = call();
        service.set_nonblocking(true).unwrap();
        let mut tries = 0;
        while service.accept().is_err() {
            tries += 1;
            assert!(tries < 600, "nobody is served any more");
            thread::sleep(LATER);
            after.set_nonblocking(true).unwrap();
            if matches!(after.read(&mut [0]), Ok(0)) {
                after = call();
            }
        }
    }
}
