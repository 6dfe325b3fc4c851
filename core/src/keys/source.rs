use std::io;
use std::path::PathBuf;

use sha2::{Digest, Sha256};

use super::reading::Reading;
use super::secret_text::SecretText;
use super::{KeyRing, directory, keyring, list_file};
use crate::config::{KeyringSection, KeysSection};

/// Where a process finds its keys: some of a list file, a directory and a keyring.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeySource(Vec<Place>);

/// One of the places that keys come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    List(PathBuf),
    Directory(PathBuf),
    Keyring(KeyringSection),
}

/// Why keys could not be loaded. Keep the last ones that were.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// No form is configured.
    #[error("no keys are configured; set `keys.file`, `keys.directory` or `keys.keyring`")]
    NoSource,
    /// A file or directory cannot be read.
    #[error("cannot read keys from {path}: {error}")]
    Read {
        /// Where.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// A keyring cannot be opened.
    #[error("the keyring {path} is refused: {reason}")]
    Keyring {
        /// Its directory.
        path: PathBuf,
        /// What to correct. Never contains a key or a passphrase.
        reason: String,
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
        let list = section.file.clone().map(Place::List);
        let directory = section.directory.clone().map(Place::Directory);
        let keyring = section.keyring.clone().map(Place::Keyring);
        Self([list, directory, keyring].into_iter().flatten().collect())
    }

    /// Reads all keys of all sources, or fails with the first that cannot be read. Blocks on the file system.
    pub fn load(&self) -> Result<KeyRing, KeysError> {
        if self.0.is_empty() {
            return Err(KeysError::NoSource);
        }
        let mut ring = KeyRing::default();
        for place in &self.0 {
            ring.extend(place.read()?.ring);
        }
        Ok(ring)
    }

    pub(super) fn places(&self) -> &[Place] {
        &self.0
    }
}

impl Place {
    /// The kind of source, as metrics call it.
    pub(super) fn provider(&self) -> &'static str {
        match self {
            Self::List(_) => "supplier_keys_file",
            Self::Directory(_) => "file",
            Self::Keyring(_) => "keyring",
        }
    }

    /// Reads it anew. Blocks on the file system.
    pub(super) fn read(&self) -> Result<Reading, KeysError> {
        match self {
            Self::List(path) => list_file::load(path).map(Reading::from),
            Self::Directory(path) => directory::load(path),
            Self::Keyring(keyring) => keyring::load(keyring),
        }
    }

    /// A hash over everything that [`Self::read`] would read, which changes with any of it. Blocks on the file system.
    pub(super) fn content_hash(&self) -> [u8; 32] {
        let mut hasher = Sha256::new();
        let outcome = match self {
            Self::List(path) => SecretText::read(path).map(|text| text.hash(&mut hasher)),
            Self::Directory(path) => directory::hash(path, &mut hasher),
            Self::Keyring(keyring) => keyring::hash(keyring, &mut hasher),
        };
        // What cannot be read counts as a content of its own.
        if let Err(error) = outcome {
            hasher.update(error.to_string());
        }
        hasher.finalize().into()
    }
}
