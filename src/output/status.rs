//! The live status line: what the agent is doing, for how long, and what it has used.

use std::time::{Duration, Instant};

use super::line::LiveLine;
use super::sanitize;

/// Longest remark on the line, characters: the terminal cuts what does not fit.
const LONGEST: usize = 400;

/// One line on standard error that is redrawn while something lasts, and gone when it is over.
pub struct Status(LiveLine<Shown>);

#[derive(Default)]
struct Shown {
    what: String,
    used: String,
    doing: String,
}

impl Status {
    /// A line that begins with `what`; nothing at all where `live` is false.
    pub fn new(what: &str, live: bool) -> Self {
        let began = Instant::now();
        let shown = Shown { what: one_line(what), ..Shown::default() };
        Status(LiveLine::new(shown, live, move |shown, line| {
            line.spinner().bold(&shown.what).dim(&elapsed(began.elapsed()));
            if !shown.used.is_empty() {
                line.dim(&shown.used);
            }
            line.plain(&shown.doing);
        }))
    }

    /// What is being done now.
    pub fn doing(&self, what: &str) {
        self.0.change(|shown| shown.doing = one_line(what));
    }

    /// What has been used so far.
    pub fn used(&self, what: &str) {
        self.0.change(|shown| shown.used = one_line(what));
    }

    /// Writes through `write` without tearing the line.
    pub fn around<T>(&self, write: impl FnOnce() -> T) -> T {
        self.0.around(write)
    }
}

fn one_line(text: &str) -> String {
    sanitize(text).replace(['\n', '\t'], " ").chars().take(LONGEST).collect()
}

/// `7s`, `1:05`, `2:00:31`.
pub(super) fn elapsed(time: Duration) -> String {
    let (hours, minutes, seconds) = (time.as_secs() / 3600, time.as_secs() / 60 % 60, time.as_secs() % 60);
    match (hours, minutes) {
        (0, 0) => format!("{seconds}s"),
        (0, _) => format!("{minutes}:{seconds:02}"),
        _ => format!("{hours}:{minutes:02}:{seconds:02}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_remarks_are_short() {
        let text = |seconds| elapsed(Duration::from_secs(seconds));
        assert_eq!([text(7), text(65), text(7231)], ["7s", "1:05", "2:00:31"]);
        assert_eq!(one_line("a\x1b[2J\nb\tc"), "a␛[2J b c");
    }
}
