//! One line at the bottom of the terminal, redrawn in place.
//!
//! It is cut by the terminal itself (no automatic wrap while it is written), and the cursor waits in its first column: whatever
//! the terminal does to the line when it is resized, erasing from the cursor to the end of the screen takes all of it away.

use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rustix::io::ioctl_fionread;
use rustix::termios::{LocalModes, tcgetattr};

/// How often the line is redrawn.
const REDRAW: Duration = Duration::from_millis(120);

/// Erases the line: from the cursor, which waits at its beginning, to the end of the screen. The line goes first, because tmux
/// keeps in its scrollback what goes with a whole screen.
const ERASE: &str = "\r\x1b[K\x1b[J";

const FRAMES: [&str; 10] = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];

/// A line that shows an `S`.
pub(super) struct LiveLine<S>(Option<Drawn<S>>);

struct Drawn<S> {
    shared: Arc<Shared<S>>,
    painter: Option<JoinHandle<()>>,
}

struct Shared<S> {
    /// What is shown; never held while anything is written, so that a terminal that takes nothing (Ctrl-S) holds nobody up who has
    /// something new to show.
    state: Mutex<State<S>>,
    over: Condvar,
    /// Held by who writes.
    pen: Mutex<Pen>,
}

/// What writes the line. Keys that are pressed meanwhile wait for the next program that reads them, and are echoed.
#[derive(Default)]
struct Pen {
    /// Whether the line is on the screen.
    is_drawn: bool,
    /// How much had been typed when it was drawn last, bytes.
    typed: u64,
}

impl Pen {
    fn draw(&mut self, text: &str) {
        put(&format!("{}\r\x1b[?7l{text}\x1b[J\x1b[?7h\r", self.back()));
        self.is_drawn = true;
    }

    fn erase(&mut self) {
        put(&format!("{}{ERASE}", self.back()));
        self.is_drawn = false;
    }

    /// Goes back to where the line stands, if Enter took the cursor down. By one row, for several Enters look like a longer line: one
    /// pressed twice within a moment leaves a copy.
    fn back(&mut self) -> &'static str {
        let before = std::mem::replace(&mut self.typed, typed());
        let echoes = || tcgetattr(io::stdin()).is_ok_and(|modes| modes.local_modes.contains(LocalModes::ECHO));
        if self.is_drawn && self.typed > before && echoes() { "\x1b[A" } else { "" }
    }
}

/// How much waits on standard input, bytes, where that is a terminal: it counts whole lines.
fn typed() -> u64 {
    if io::stdin().is_terminal() { ioctl_fionread(io::stdin()).unwrap_or_default() } else { 0 }
}

struct State<S> {
    shown: S,
    over: bool,
}

impl<S> Shared<S> {
    /// Waits until the line is to be drawn again, or is over: whether it is.
    fn wait(&self) -> bool {
        let state = locked(&self.state);
        let waited = self.over.wait_timeout_while(state, REDRAW, |state| !state.over);
        waited.unwrap_or_else(PoisonError::into_inner).0.over
    }
}

/// The text of a line, as it is put together.
pub(super) struct Text {
    text: String,
    frame: &'static str,
}

impl Text {
    fn add(&mut self, style: &str, text: &str) -> &mut Self {
        let gap = if self.text.is_empty() { "" } else { " " };
        // Writing to a string does not fail.
        let _ = write!(self.text, "{gap}\x1b[{style}m{text}\x1b[0m");
        self
    }

    /// A sign of life.
    pub(super) fn spinner(&mut self) -> &mut Self {
        let frame = self.frame;
        self.add("36", frame)
    }

    pub(super) fn bold(&mut self, text: &str) -> &mut Self {
        self.add("1", text)
    }

    pub(super) fn dim(&mut self, text: &str) -> &mut Self {
        self.add("2", text)
    }

    pub(super) fn plain(&mut self, text: &str) -> &mut Self {
        self.add("", text)
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Nobody may be reading standard error; that is no reason to stop.
fn put(text: &str) {
    let mut err = io::stderr().lock();
    let _ = err.write_all(text.as_bytes()).and_then(|()| err.flush());
}

impl<S: Send + 'static> LiveLine<S> {
    /// A line that `draw` makes of what is `shown`; nothing at all where `live` is false.
    pub(super) fn new(shown: S, live: bool, draw: impl Fn(&S, &mut Text) + Send + 'static) -> Self {
        if !live {
            return LiveLine(None);
        }
        let state = Mutex::new(State { shown, over: false });
        let shared = Arc::new(Shared { state, over: Condvar::new(), pen: Mutex::default() });
        let ours = shared.clone();
        let thread = thread::spawn(move || {
            let mut spinner = FRAMES.iter().cycle();
            // What is over at once is never drawn.
            while !ours.wait() {
                let mut pen = locked(&ours.pen);
                let mut text = Text { text: String::new(), frame: spinner.next().unwrap_or(&"") };
                draw(&locked(&ours.state).shown, &mut text);
                pen.draw(&text.text);
            }
        });
        LiveLine(Some(Drawn { shared, painter: Some(thread) }))
    }

    /// Changes what is shown from the next time on that it is drawn.
    pub(super) fn change(&self, change: impl FnOnce(&mut S)) {
        if let Some(drawn) = &self.0 {
            change(&mut locked(&drawn.shared.state).shown);
        }
    }

    /// Writes through `write` while the line is away.
    pub(super) fn around<T>(&self, write: impl FnOnce() -> T) -> T {
        let Some(drawn) = &self.0 else { return write() };
        let mut pen = locked(&drawn.shared.pen);
        pen.erase();
        write()
    }
}

impl<S> Drop for LiveLine<S> {
    fn drop(&mut self) {
        if let Some(drawn) = &mut self.0 {
            locked(&drawn.shared.state).over = true;
            drawn.shared.over.notify_one();
            if let Some(painter) = drawn.painter.take() {
                let _ = painter.join();
            }
            locked(&drawn.shared.pen).erase();
        }
    }
}
