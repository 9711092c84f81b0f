//! What is written down so that nothing is lost while nobody looks: events, dead letters, and how far a batch has come.

mod dead_letters;
mod events;
mod journal;
mod lines;

pub use dead_letters::{Begun, DeadLetters, LONGEST_ID, Letter, SCHEMA as LETTER_SCHEMA, is_id};
pub use events::{Event, EventLog, Invocation, Kind};
pub use journal::{Journal, fingerprint};
pub use lines::Lines;
