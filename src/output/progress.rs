//! How far many things have come: a bar, and what is being done now.

use std::time::Instant;

use super::line::LiveLine;
use super::sanitize;
use super::status::elapsed;

/// Width of the bar, characters.
const WIDTH: usize = 20;

/// One line on standard error that is redrawn while things are done, and gone when they are over.
pub struct Progress(LiveLine<Shown>);

struct Shown {
    done: usize,
    now: Vec<String>,
}

impl Progress {
    /// A bar for `total` things of which `done` are done; nothing at all where `live` is false.
    pub fn new(total: usize, done: usize, live: bool) -> Self {
        let began = Instant::now();
        Progress(LiveLine::new(Shown { done, now: Vec::new() }, live, move |shown, line| {
            let full = (WIDTH * shown.done).checked_div(total).unwrap_or(WIDTH).min(WIDTH);
            line.spinner().bold(&format!("{}/{total}", shown.done));
            line.plain(&format!("{}{}", "━".repeat(full), "─".repeat(WIDTH - full)));
            line.dim(&elapsed(began.elapsed())).plain(&shown.now.join(", "));
        }))
    }

    /// `name` is being done from now on.
    pub fn began(&self, name: &str) {
        self.0.change(|shown| shown.now.push(sanitize(name)));
    }

    /// It no longer is.
    pub fn ended(&self, name: &str) {
        let name = sanitize(name);
        self.0.change(|shown| shown.now.retain(|other| *other != name));
    }

    /// One more is done.
    pub fn advance(&self) {
        self.0.change(|shown| shown.done += 1);
    }

    /// Writes through `write` without tearing the bar.
    pub fn around<T>(&self, write: impl FnOnce() -> T) -> T {
        self.0.around(write)
    }
}
