//! Signals that ask this process to end: counted, never fatal by themselves, so that what we started is ended first. And the one
//! that stops it (Ctrl-Z), which stops nothing else.

use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicI32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use anyhow::{Context, Result};
use rustix::process::{getpgrp, getsid};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGTSTP};
use signal_hook::iterator::Signals;
use signal_hook::low_level::emulate_default_handler;

/// How many signals came, and which one last.
#[derive(Clone, Debug, Default)]
pub struct Interrupts {
    count: Arc<AtomicUsize>,
    signal: Arc<AtomicI32>,
    /// How many of them are over.
    over: usize,
    /// What people at a terminal should know when they stop us.
    remark: Arc<Mutex<&'static str>>,
}

impl Interrupts {
    /// From now on INT, TERM and HUP no longer end this process but are counted here.
    ///
    /// # Errors
    /// The system does not let us watch for signals.
    pub fn install() -> Result<Self> {
        let interrupts = Interrupts::default();
        let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP, SIGTSTP]).context("watching for signals")?;
        let ours = interrupts.clone();
        thread::spawn(move || {
            for signal in signals.forever() {
                if signal == SIGTSTP {
                    ours.stop();
                    continue;
                }
                ours.signal.store(signal, Ordering::SeqCst);
                ours.count.fetch_add(1, Ordering::SeqCst);
            }
        });
        Ok(interrupts)
    }

    /// From now on Ctrl-Z at a terminal is answered with `remark` before it stops this process.
    pub fn remark_on_stop(&self, remark: &'static str) {
        *self.remark.lock().unwrap_or_else(PoisonError::into_inner) = remark;
    }

    /// Stops this process alone, as a shell's job control expects it. What it started goes on.
    fn stop(&self) {
        // In the session leader's group there is no shell that could ever let us go on; the kernel would not stop us either.
        if getsid(None).is_ok_and(|session| session == getpgrp()) {
            return;
        }
        let remark = *self.remark.lock().unwrap_or_else(PoisonError::into_inner);
        let mut stderr = io::stderr().lock();
        if !remark.is_empty() && stderr.is_terminal() {
            // In place of a live line; nobody may be reading it.
            let _ = writeln!(stderr, "\r\x1b[J{remark}");
        }
        drop(stderr);
        let _ = emulate_default_handler(SIGTSTP);
    }

    /// The same signals for what must be done after the first of them, too: that one and those that came already are over.
    #[must_use]
    pub fn undeterred(&self) -> Self {
        Interrupts { over: self.count.load(Ordering::SeqCst).max(1), ..self.clone() }
    }

    /// Whether what is done now is done after a second signal: nobody waits for it any more.
    pub fn is_urgent(&self) -> bool {
        self.over > 1
    }

    /// How many came so far that are not over.
    pub fn count(&self) -> usize {
        self.count.load(Ordering::SeqCst).saturating_sub(self.over)
    }

    /// The last one; 0 before the first.
    pub fn signal(&self) -> i32 {
        self.signal.load(Ordering::SeqCst)
    }
}
