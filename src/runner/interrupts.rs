//! Signals that ask this process to end: counted, never fatal by themselves, so that what we started is ended first.

use std::sync::Arc;
use std::sync::atomic::{AtomicI32, AtomicUsize, Ordering};
use std::thread;

use anyhow::{Context, Result};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// How many signals came, and which one last.
#[derive(Clone, Debug, Default)]
pub struct Interrupts {
    count: Arc<AtomicUsize>,
    signal: Arc<AtomicI32>,
}

impl Interrupts {
    /// From now on INT, TERM and HUP no longer end this process but are counted here.
    pub fn install() -> Result<Self> {
        let interrupts = Interrupts::default();
        let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP]).context("watching for signals")?;
        let ours = interrupts.clone();
        thread::spawn(move || {
            for signal in signals.forever() {
                ours.signal.store(signal, Ordering::SeqCst);
                ours.count.fetch_add(1, Ordering::SeqCst);
            }
        });
        Ok(interrupts)
    }

    /// How many came so far.
    pub fn count(&self) -> usize {
        self.count.load(Ordering::SeqCst)
    }

    /// The last one; 0 before the first.
    pub fn signal(&self) -> i32 {
        self.signal.load(Ordering::SeqCst)
    }
}
