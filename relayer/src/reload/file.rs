use std::path::{Path, PathBuf};

use relay_core::config::{ConfigError, Period, read};
use sha2::{Digest, Sha256};

use crate::Config;
use crate::config::{Loaded, UnknownKeys};

/// How often files are looked at.
const EVERY: Period = Period::from_secs(2);

/// The file that a configuration comes from, watched for changes of its content.
#[derive(Debug, Clone)]
pub struct ConfigFile {
    path: PathBuf,
    /// Of the content that was last looked at, good or not.
    seen: [u8; 32],
    unknown: UnknownKeys,
    every: Period,
}

/// What a configuration file says now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Content {
    pub(super) text: String,
    /// SHA-256 of it, in hex digits.
    pub(super) hash: String,
}

impl ConfigFile {
    /// Reads and checks a file, now and each time that it has changed.
    pub fn load(path: &Path, unknown: UnknownKeys) -> Result<(Loaded, Self), ConfigError> {
        let text = read(path)?;
        let file = Self { path: path.to_owned(), seen: Sha256::digest(&text).into(), unknown, every: EVERY };
        Ok((file.parse(&text)?, file))
    }

    /// Looks at files in other intervals than 2 s.
    #[must_use]
    pub fn every(self, every: Period) -> Self {
        Self { every, ..self }
    }

    pub(super) fn interval(&self) -> Period {
        self.every
    }

    pub(super) fn parse(&self, text: &str) -> Result<Loaded, ConfigError> {
        Config::read_text(text, &self.path.display().to_string(), self.unknown)
    }

    /// SHA-256 of the content that was last looked at.
    pub(super) fn hash(&self) -> String {
        hex::encode(self.seen)
    }

    /// The content if it has changed since the last look. That it cannot be read is told once. Blocks on the file system.
    pub(super) fn look(&mut self) -> Option<Result<Content, ConfigError>> {
        let outcome = read(&self.path);
        let now: [u8; 32] = match &outcome {
            Ok(text) => Sha256::digest(text).into(),
            Err(error) => Sha256::digest(error.to_string()).into(),
        };
        if now == self.seen {
            return None;
        }
        self.seen = now;
        Some(outcome.map(|text| Content { text, hash: hex::encode(now) }))
    }
}

/// How often keys are looked at where there is no configuration file.
pub(super) fn usual_interval() -> Period {
    EVERY
}
