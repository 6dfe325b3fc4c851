use std::io;
use std::path::PathBuf;

use sha2::{Digest, Sha256};

use super::secret_text::SecretText;
use super::{KeyRing, directory, list_file};
use crate::config::KeysSection;

/// Where a process finds its keys. The system's keyrings are not among the sources.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeySource {
    file: Option<PathBuf>,
    directory: Option<PathBuf>,
}

/// Why no ring could be loaded. Keep the last one that was.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// Neither form is configured.
    #[error("no keys are configured; set `keys.file` or `keys.directory`")]
    NoSource,
    /// A file or directory cannot be read.
    #[error("cannot read keys from {path}: {error}")]
    Read {
        /// Where.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// The list file has a bad entry or another shape.
    #[error("the key file {path} is refused: {reason}")]
    ListFile {
        /// The file.
        path: PathBuf,
        /// What to correct. Never contains a key.
        reason: String,
    },
}

impl KeySource {
    /// The sources that a configuration names.
    #[must_use]
    pub fn from_section(section: &KeysSection) -> Self {
        Self { file: section.file.clone(), directory: section.directory.clone() }
    }

    /// Reads all keys: those of the list file and those of the directory, together. Blocks on the file system.
    pub fn load(&self) -> Result<KeyRing, KeysError> {
        if self.file.is_none() && self.directory.is_none() {
            return Err(KeysError::NoSource);
        }
        let mut ring = KeyRing::default();
        if let Some(path) = &self.file {
            ring.extend(list_file::load(path)?);
        }
        if let Some(path) = &self.directory {
            ring.extend(directory::load(path)?);
        }
        Ok(ring)
    }

    /// A hash over everything that [`Self::load`] would read, which changes with any of it. Blocks on the file system.
    pub(super) fn content_hash(&self) -> [u8; 32] {
        let mut hasher = Sha256::new();
        // What cannot be read counts as a content of its own.
        let note = |outcome: io::Result<()>, hasher: &mut Sha256| {
            if let Err(error) = outcome {
                hasher.update(error.to_string());
            }
        };
        if let Some(path) = &self.file {
            let outcome = SecretText::read(path).map(|text| text.hash(&mut hasher));
            note(outcome, &mut hasher);
        }
        if let Some(path) = &self.directory {
            let outcome = directory::hash(path, &mut hasher);
            note(outcome, &mut hasher);
        }
        hasher.finalize().into()
    }
}
