//! A real terminal to look at: a tmux of its own, with a shell in which things are typed.

use std::cell::Cell;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use super::{Bed, PATIENCE, skip, within};

/// A terminal of 80 columns and 24 lines, in the workspace and with the environment of a bed.
pub struct Screen {
    socket: PathBuf,
    /// How many commands were typed.
    runs: Cell<u32>,
}

impl Screen {
    /// A screen; nothing, said aloud, where there is no tmux.
    pub fn of(bed: &Bed) -> Option<Screen> {
        let socket = bed.root().join("tmux");
        let screen = Screen { socket, runs: Cell::new(0) };
        let mut command = bed.command(&[]);
        let environment: Vec<String> = command
            .env("TERM", "tmux-256color")
            .env("PS1", "$ ")
            .env("LC_ALL", "C.UTF-8")
            .get_envs()
            .map(|(name, value)| format!("{}={}", name.display(), value.unwrap_or_default().display()))
            .collect();
        let mut typed = vec!["-f/dev/null".to_owned(), "-u".into()];
        typed.extend(["new-session", "-d", "-x80", "-y24", "-c"].map(str::to_owned));
        typed.push(bed.workspace().display().to_string());
        typed.extend(["env", "-i"].map(str::to_owned));
        typed.extend(environment);
        typed.extend(["bash", "--norc", "--noprofile", "-i"].map(str::to_owned));
        let Ok(mut child) = screen.tmux().args(typed).spawn() else {
            skip("tmux is not installed");
            return None;
        };
        assert!(child.wait().unwrap().success());
        screen.until("a prompt", |shown| shown.starts_with('$'));
        Some(screen)
    }

    fn tmux(&self) -> Command {
        let mut command = Command::new("tmux");
        command.arg("-S").arg(&self.socket).env_remove("TMUX").env("LC_ALL", "C.UTF-8");
        command.stdin(Stdio::null()).stderr(Stdio::null());
        command
    }

    fn ask(&self, args: &[&str]) -> String {
        let output = self.tmux().args(args).output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// What is on it, and above it in the scrollback; lines that were too long for it are whole.
    pub fn text(&self) -> String {
        let text = self.ask(&["capture-pane", "-p", "-J", "-S", "-500"]);
        text.lines().flat_map(|line| [line.trim_end(), "\n"]).collect()
    }

    /// What can be seen of it, row by row.
    pub fn rows(&self) -> Vec<String> {
        self.ask(&["capture-pane", "-p"]).lines().map(|row| row.trim_end().to_owned()).collect()
    }

    /// The same with its colours, as the sequences that make them.
    pub fn coloured(&self) -> String {
        self.ask(&["capture-pane", "-p", "-e"])
    }

    /// The title that a program gave it.
    pub fn title(&self) -> String {
        self.ask(&["display-message", "-p", "#{pane_title}"])
    }

    /// Types a line.
    pub fn enter(&self, text: &str) {
        self.write(text);
        self.key("Enter");
    }

    /// Types something.
    pub fn write(&self, text: &str) {
        self.ask(&["send-keys", "-l", text]);
    }

    /// Presses a key, as tmux calls it.
    pub fn key(&self, key: &str) {
        self.ask(&["send-keys", key]);
    }

    /// Makes it this wide.
    pub fn resize(&self, columns: u16) {
        self.ask(&["resize-window", "-x", &columns.to_string()]);
    }

    /// Waits until `text` is on it.
    #[track_caller]
    pub fn shows(&self, text: &str) {
        self.until(&format!("{text:?} on the screen"), |shown| shown.contains(text));
    }

    /// Waits until what is on it fits.
    #[track_caller]
    pub fn until(&self, what: &str, fits: impl Fn(&str) -> bool) {
        let mut last = String::new();
        let reached = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            within(PATIENCE, what, || {
                last = self.text();
                fits(&last)
            });
        }));
        assert!(reached.is_ok(), "{what}: not on\n{}", last.trim_end());
    }

    /// Types a command and waits until it is over; what the screen then shows.
    #[track_caller]
    pub fn run(&self, text: &str) -> String {
        let run = self.runs.get() + 1;
        self.runs.set(run);
        self.enter(&format!("{text}; echo over{run}=$?"));
        let over = format!("over{run}=");
        self.until("the end", |shown| shown.lines().any(|line| line.starts_with(&over)));
        self.text()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        self.ask(&["kill-server"]);
    }
}
