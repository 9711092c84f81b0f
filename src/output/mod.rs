//! What people and programs see: one printer for both streams, the live status line, tables, and the wall between a model's
//! text and the terminal.

mod line;
mod passage;
mod printer;
mod progress;
mod sanitize;
mod schemas;
mod status;
mod table;

pub use passage::{Guard, Passage, To, unfinished};
pub use printer::{Colors, Form, Printer, Talk};
pub use progress::Progress;
pub use sanitize::{one_line, sanitize};
pub use schemas::schema;
pub use status::Status;
pub use table::{Cell, Table};
