//! The pipes of a child: what it is told, what it says, and how much of that is kept.

use std::io::{PipeReader, PipeWriter, Read, Write};
use std::os::fd::AsFd;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread;

/// Read size of the agent's streams, bytes; below the size at which an allocation becomes a mapping of its own (128 KiB, mallopt(3)).
const CHUNK: usize = 64 * 1024;
/// Chunks in flight, so that a slow reader of ours slows the agent down instead of filling memory.
const CHUNKS: usize = 8;
/// How much is kept of texts that may explain a failure, bytes.
const TAIL: usize = 16 * 1024;

/// Something that came out of a child.
pub enum Event {
    /// On standard output.
    Out(Vec<u8>),
    /// On standard error.
    Err(Vec<u8>),
    /// The end of one of the two.
    Closed,
}

/// Gives a pipe the capacity that any process may ask for (1 MiB, pipe(7)), so that a fast writer is woken less often.
#[cfg(target_os = "linux")]
pub fn widen(pipe: &impl AsFd) {
    // A system that allows less keeps its default: slower, never wrong.
    let _ = rustix::pipe::fcntl_setpipe_size(pipe, 1 << 20);
}

#[cfg(not(target_os = "linux"))]
pub fn widen(_: &impl AsFd) {}

/// Holds the lifeline in a thread of its own, so that a child that does not read can never block us. What is sent is written
/// behind the frame; when the sender is dropped the lifeline closes.
pub fn hold(mut lifeline: PipeWriter, frame: Vec<u8>) -> Sender<&'static [u8]> {
    let (sender, orders) = channel::<&'static [u8]>();
    thread::spawn(move || {
        // An error means that the child is gone; its streams will say so.
        let mut alive = lifeline.write_all(&frame).is_ok();
        drop(frame);
        for order in orders {
            alive = alive && lifeline.write_all(order).is_ok();
        }
    });
    sender
}

/// Reads both streams of a child until they end.
pub fn pump(stdout: PipeReader, stderr: PipeReader) -> Receiver<Event> {
    let (events, inbox) = sync_channel(CHUNKS);
    read(stdout, events.clone(), Event::Out);
    read(stderr, events, Event::Err);
    inbox
}

fn read(mut stream: PipeReader, events: SyncSender<Event>, wrap: fn(Vec<u8>) -> Event) {
    thread::spawn(move || {
        loop {
            let mut chunk = vec![0; CHUNK];
            match stream.read(&mut chunk) {
                Ok(0) | Err(_) => break,
                Ok(length) => chunk.truncate(length),
            }
            if events.send(wrap(chunk)).is_err() {
                return;
            }
        }
        let _ = events.send(Event::Closed);
    });
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
