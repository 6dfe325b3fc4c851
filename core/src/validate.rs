//! Would a role work with what it is given? What is found out is a list of [`Finding`]s; nothing here writes.

mod chain;
mod finding;
mod redis;

use std::time::Duration;

pub use chain::nodes;
pub use finding::{Finding, Level};
pub use redis::inspect;

use crate::config::KeysSection;
use crate::config::reference::{Note, Weight};
use crate::keys::{KeyRing, KeySource};

/// How long one thing may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// What a file says in the layout of the Go relay miner, and is passed over or means something else here.
#[must_use]
pub fn of_file(notes: &[Note], passed_over: &[String]) -> Vec<Finding> {
    let passed_over = passed_over.iter().map(|text| Finding::warning("configuration", text));
    let notes = notes.iter().map(|note| match note.weight {
        Weight::Changed => Finding::warning(&note.key, &note.text),
        Weight::Ignored => Finding::info(&note.key, format!("no effect: {}", note.text)),
    });
    passed_over.chain(notes).collect()
}

/// Opens the keys. Without any, the level of that is `none`.
#[must_use]
pub fn keys(section: &KeysSection, none: Level) -> (KeyRing, Vec<Finding>) {
    let ring = match KeySource::from_section(section).load() {
        Ok(ring) => ring,
        Err(error) => return (KeyRing::default(), vec![Finding::error("keys", error.to_string())]),
    };
    let refused = ring.refused().iter();
    let mut findings: Vec<Finding> =
        refused.map(|file| Finding::warning(file.path.display().to_string(), &file.reason)).collect();
    findings.push(if ring.is_empty() {
        let text = "no supplier key was found; put one into the file, directory or keyring that `keys` names";
        Finding { level: none, subject: "keys".to_owned(), text: text.to_owned() }
    } else {
        Finding::info("keys", format!("{} suppliers", ring.len()))
    });
    (ring, findings)
}
