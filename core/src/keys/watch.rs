use super::{KeyRing, KeySource, KeysError};

/// Notices when the keys of a source change. It compares contents, not times: a mounted Secret is replaced by pointing a link
/// elsewhere, and a file may be written twice within one tick of the file system's clock.
#[derive(Debug, Clone)]
pub struct KeyWatch {
    source: KeySource,
    seen: [u8; 32],
}

impl KeyWatch {
    /// Loads the keys, and watches from here on. Blocks on the file system.
    pub fn start(source: KeySource) -> Result<(KeyRing, Self), KeysError> {
        // First the hash: what changes while the keys are loaded is noticed at the next look.
        let seen = source.content_hash();
        let ring = source.load()?;
        Ok((ring, Self { source, seen }))
    }

    /// All keys anew if anything has changed since the last look, else `None`. An error is told once; keep the last ring
    /// then. Blocks on the file system.
    pub fn look(&mut self) -> Option<Result<KeyRing, KeysError>> {
        let now = self.source.content_hash();
        if now == self.seen {
            return None;
        }
        self.seen = now;
        Some(self.source.load())
    }

    /// What is watched.
    #[must_use]
    pub fn source(&self) -> &KeySource {
        &self.source
    }
}
