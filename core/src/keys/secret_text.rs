use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use serde::Deserialize;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// Larger files hold no keys: this is room for 50 000 of them.
const MAX_BYTES: u64 = 4 << 20;

/// Text that is or contains a private key: zeroised when dropped, never printed.
#[derive(Deserialize)]
#[serde(from = "String")]
pub(super) struct SecretText(Zeroizing<String>);

impl SecretText {
    /// Reads a file.
    pub(super) fn read(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        // All at once: a buffer that grows leaves copies of its content behind.
        let size = file.metadata()?.len();
        let too_large = || io::Error::other(format!("{size} bytes; key files have at most {MAX_BYTES}"));
        if size > MAX_BYTES {
            return Err(too_large());
        }
        let capacity = usize::try_from(size).map_err(|_| too_large())?;
        let mut text = Zeroizing::new(String::with_capacity(capacity.saturating_add(1)));
        file.take(MAX_BYTES).read_to_string(&mut text)?;
        Ok(Self(text))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// Adds length and text: what a hash of many texts needs to be one of these texts only.
    pub(super) fn hash(&self, hasher: &mut Sha256) {
        hasher.update(self.0.len().to_be_bytes());
        hasher.update(self.0.as_bytes());
    }

    /// Parses YAML. An error gives the line only, because parsers like to quote what they read.
    pub(super) fn parse<'t, T: Deserialize<'t>>(&'t self, shape: &str) -> Result<T, String> {
        serde_saphyr::from_str(self.as_str()).map_err(|error| {
            let line = error.without_snippet().location().map(|location| location.line());
            let place = line.filter(|line| *line > 0).map(|line| format!("line {line}: ")).unwrap_or_default();
            format!("{place}not YAML of the form `{shape}`")
        })
    }
}

impl From<String> for SecretText {
    fn from(text: String) -> Self {
        Self(Zeroizing::new(text))
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretText")
    }
}
