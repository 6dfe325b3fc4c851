use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;

/// What people and the operator see of reloads.
#[derive(Debug, Default)]
pub(crate) struct Report(Mutex<Reloads>);

/// How far changes have come.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Reloads {
    /// SHA-256 of the content of the file that is in force; without a file `None`.
    pub(crate) config_hash: Option<String>,
    /// Keys of that file that differ from what runs, and are applied with the next start.
    pub(crate) needs_restart: Vec<String>,
    /// A newer content that was refused.
    pub(crate) config_refused: Option<Refused>,
    /// Why newer keys were refused.
    pub(crate) keys_refused: Option<String>,
}

/// A content that is not in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Refused {
    /// SHA-256 of it, if it could be read.
    pub(crate) hash: Option<String>,
    /// What to correct.
    pub(crate) reason: String,
}

impl Report {
    pub(crate) fn get(&self) -> Reloads {
        self.lock().clone()
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Reloads> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
