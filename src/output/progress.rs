//! How far many things have come: a bar, and what is being done now.

use std::sync::{Mutex, PoisonError};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::sanitize;
use super::status::REDRAW;

/// One line on standard error that is redrawn while things are done, and gone when they are over.
pub struct Progress {
    bar: ProgressBar,
    now: Mutex<Vec<String>>,
}

impl Progress {
    /// A bar for `total` things of which `done` are done; nothing at all where `live` is false.
    pub fn new(total: usize, done: usize, live: bool) -> Self {
        let bar = if live {
            ProgressBar::with_draw_target(Some(total as u64), ProgressDrawTarget::stderr())
        } else {
            ProgressBar::hidden()
        };
        if let Ok(style) =
            ProgressStyle::with_template("{spinner:.cyan} {pos}/{len} {bar:20.cyan/dim} {elapsed:.dim}  {wide_msg}")
        {
            bar.set_style(style.tick_chars("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏ ").progress_chars("━━─"));
        }
        bar.set_position(done as u64);
        if live {
            bar.enable_steady_tick(REDRAW);
        }
        Progress { bar, now: Mutex::default() }
    }

    /// `name` is being done from now on.
    pub fn began(&self, name: &str) {
        self.change(|now| now.push(sanitize(name)));
    }

    /// It no longer is.
    pub fn ended(&self, name: &str) {
        let name = sanitize(name);
        self.change(|now| now.retain(|other| *other != name));
    }

    fn change(&self, change: impl FnOnce(&mut Vec<String>)) {
        let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut now);
        self.bar.set_message(now.join(", "));
    }

    /// One more is done.
    pub fn advance(&self) {
        self.bar.inc(1);
    }

    /// Writes through `write` without tearing the bar.
    pub fn around<T>(&self, write: impl FnOnce() -> T) -> T {
        self.bar.suspend(write)
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
