use std::fmt;

use serde::Serialize;

/// Something that was found out.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Finding {
    /// How much it matters.
    pub level: Level,
    /// The key or thing that it is about.
    pub subject: String,
    /// What was found, and what to do about it.
    pub text: String,
}

/// How much a finding matters, the weightiest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// The role would not start, or relays would be lost or refused.
    Error,
    /// It would work, but worse than meant.
    Warning,
    /// Good to know.
    Info,
    /// For those who look closely.
    Debug,
}

impl Finding {
    /// Something that must be corrected.
    #[must_use]
    pub fn error(subject: impl Into<String>, text: impl Into<String>) -> Self {
        Self { level: Level::Error, subject: subject.into(), text: text.into() }
    }

    /// Something that deserves a look.
    #[must_use]
    pub fn warning(subject: impl Into<String>, text: impl Into<String>) -> Self {
        Self { level: Level::Warning, subject: subject.into(), text: text.into() }
    }

    /// Something good to know.
    #[must_use]
    pub fn info(subject: impl Into<String>, text: impl Into<String>) -> Self {
        Self { level: Level::Info, subject: subject.into(), text: text.into() }
    }

    /// Something for those who look closely.
    #[must_use]
    pub fn debug(subject: impl Into<String>, text: impl Into<String>) -> Self {
        Self { level: Level::Debug, subject: subject.into(), text: text.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let level = match self.level {
            Level::Error => "ERROR",
            Level::Warning => "warning",
            Level::Info => "info",
            Level::Debug => "debug",
        };
        write!(f, "{level:<7} {}: {}", self.subject, self.text)
    }
}
