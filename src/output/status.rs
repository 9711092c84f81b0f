//! The live status line: what the agent is doing, and for how long.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::sanitize;

/// How often the line is redrawn.
pub(super) const REDRAW: Duration = Duration::from_millis(120);

/// One line on standard error that is redrawn while something lasts, and gone when it is over.
pub struct Status(ProgressBar);

impl Status {
    /// A line that begins with `what`; nothing at all where `live` is false.
    pub fn new(what: &str, live: bool) -> Self {
        if !live {
            return Status(ProgressBar::hidden());
        }
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template("{spinner:.cyan} {prefix:.bold} {elapsed:.dim}  {wide_msg}") {
            bar.set_style(style.tick_chars("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏ "));
        }
        bar.set_prefix(sanitize(what));
        bar.enable_steady_tick(REDRAW);
        Status(bar)
    }

    /// What is being done now.
    pub fn doing(&self, what: &str) {
        self.0.set_message(sanitize(what).replace(['\n', '\t'], " "));
    }

    /// Writes through `write` without tearing the line.
    pub fn around<T>(&self, write: impl FnOnce() -> T) -> T {
        self.0.suspend(write)
    }
}

impl Drop for Status {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
