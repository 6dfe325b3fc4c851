use std::path::Path;

use serde::Deserialize;

use super::secret_text::SecretText;
use super::{KeyRing, KeysError};
use crate::address::SecretKey;

/// Other fields are ignored, as the network's own relay miner does with the same file.
#[derive(Deserialize)]
struct List {
    keys: Option<Vec<SecretText>>,
}

/// Reads `keys: [hex, …]`. One bad entry refuses the whole file: it is edited as one.
pub(super) fn load(path: &Path) -> Result<KeyRing, KeysError> {
    let text = SecretText::read(path).map_err(|error| KeysError::Read { path: path.to_owned(), error })?;
    parse(&text).map_err(|reason| KeysError::ListFile { path: path.to_owned(), reason })
}

pub(super) fn parse(text: &SecretText) -> Result<KeyRing, String> {
    // An empty text is no mapping, and deserves the same advice as one without keys.
    let list: Option<List> = text.parse("keys: [<64 hex digits>, …]")?;
    let keys = list.and_then(|list| list.keys).filter(|keys| !keys.is_empty());
    let keys = keys.ok_or("no keys; give at least one under `keys:`")?;
    let mut ring = KeyRing::default();
    let mut bad = Vec::new();
    for (number, text) in (1..).zip(&keys) {
        match SecretKey::from_hex(text.as_str()) {
            Ok(key) => ring.insert(key),
            Err(error) => bad.push(format!("entry {number}: {error}")),
        }
    }
    if bad.is_empty() { Ok(ring) } else { Err(bad.join("; ")) }
}
