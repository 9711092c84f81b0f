//! The pipes of a child: what it is told, what it says, and how much of that is kept.

use std::fs::File;
use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::os::fd::AsFd;
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

/// How often everything else is looked at, however much comes.
const TICK: Duration = Duration::from_millis(50);
/// Read size of the agent's streams, bytes.
const CHUNK: usize = 256 * 1024;
/// How much is kept of texts that may explain a failure, bytes.
const TAIL: usize = 16 * 1024;

/// What came out of a child.
#[derive(Clone, Copy)]
pub enum Heard<'a> {
    /// Bytes on standard output.
    Out(&'a [u8]),
    /// Bytes on standard error.
    Err(&'a [u8]),
    /// That standard output has ended.
    OutEnded,
    /// That some time has passed, whether or not anything came.
    Tick,
}

/// Gives a pipe the capacity that any process may ask for (1 MiB, pipe(7)), so that a fast writer is woken less often.
#[cfg(target_os = "linux")]
pub fn widen(pipe: &impl AsFd) {
    // A system that allows less keeps its default: slower, never wrong.
    let _ = rustix::pipe::fcntl_setpipe_size(pipe, 1 << 20);
}

#[cfg(not(target_os = "linux"))]
pub fn widen(_: &impl AsFd) {}

/// What is sent over the lifeline behind the frame.
pub enum Order {
    /// A line for the supervisor.
    Line(&'static [u8]),
    /// The workspace.
    Parcel(File),
}

/// Holds the lifeline in a thread of its own, so that a child that does not read can never block us. What is sent is written
/// behind the frame; when the sender is dropped the lifeline closes.
pub fn hold(mut lifeline: PipeWriter, frame: Vec<u8>) -> Sender<Order> {
    let (sender, orders) = channel();
    thread::spawn(move || {
        // An error means that the child is gone; its streams will say so.
        let mut alive = lifeline.write_all(&frame).is_ok();
        drop(frame);
        for order in orders {
            alive = alive
                && match order {
                    Order::Line(line) => lifeline.write_all(line).is_ok(),
                    Order::Parcel(mut parcel) => io::copy(&mut parcel, &mut lifeline).is_ok(),
                };
        }
    });
    sender
}

/// Both streams of a child, read as they come by the one thread that also passes them on: nothing is kept, so a slow reader of
/// ours slows the agent down.
pub struct Streams {
    open: Vec<Stream>,
    buffer: Vec<u8>,
    ticked: Instant,
}

struct Stream {
    pipe: PipeReader,
    is_stderr: bool,
    ended: bool,
}

impl Streams {
    /// The streams of a child that has just been started.
    pub fn new(stdout: PipeReader, stderr: PipeReader) -> Self {
        let open = [(stdout, false), (stderr, true)];
        let open = open.map(|(pipe, is_stderr)| Stream { pipe, is_stderr, ended: false }).into();
        Streams { open, buffer: vec![0; CHUNK], ticked: Instant::now() }
    }

    /// Waits, until the next tick at most, and hands what came to `take`, once for each stream that has something. False once both
    /// have ended.
    ///
    /// # Errors
    /// Where the system cannot wait for the streams.
    pub fn wait(&mut self, mut take: impl FnMut(Heard<'_>)) -> io::Result<bool> {
        let mut watched: Vec<_> = self.open.iter().map(|stream| PollFd::new(&stream.pipe, PollFlags::IN)).collect();
        let limit = Timespec::try_from(TICK).ok();
        match poll(&mut watched, limit.as_ref()) {
            Err(Errno::INTR) => return Ok(true),
            answer => answer?,
        };
        let ready: Vec<_> = watched.iter().map(|watched| !watched.revents().is_empty()).collect();
        for (stream, _) in self.open.iter_mut().zip(ready).filter(|(_, ready)| *ready) {
            match stream.pipe.read(&mut self.buffer) {
                Ok(0) | Err(_) => {
                    stream.ended = true;
                    if !stream.is_stderr {
                        take(Heard::OutEnded);
                    }
                }
                Ok(length) if stream.is_stderr => take(Heard::Err(&self.buffer[..length])),
                Ok(length) => take(Heard::Out(&self.buffer[..length])),
            }
        }
        self.open.retain(|stream| !stream.ended);
        if !self.open.is_empty() && self.ticked.elapsed() >= TICK {
            self.ticked = Instant::now();
            take(Heard::Tick);
        }
        Ok(!self.open.is_empty())
    }
}

/// The last bytes of a stream.
#[derive(Default)]
pub struct Tail(Vec<u8>);

impl Tail {
    /// Adds bytes at the end.
    pub fn push(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
        if self.0.len() > 2 * TAIL {
            self.0.drain(..self.0.len() - TAIL);
        }
    }

    /// What is kept, as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.0[self.0.len().saturating_sub(TAIL)..]).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_is_told_however_much_comes() {
        let (stdout, _open) = io::pipe().unwrap();
        let (stderr, mut says) = io::pipe().unwrap();
        let mut streams = Streams::new(stdout, stderr);
        thread::sleep(TICK);
        says.write_all(b"more").unwrap();
        let mut heard = Vec::new();
        assert!(streams.wait(|it| heard.push((matches!(it, Heard::Err(b"more")), matches!(it, Heard::Tick)))).unwrap());
        assert_eq!(heard, [(true, false), (false, true)]);
    }
}
