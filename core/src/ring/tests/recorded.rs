//! Readers of the recorded files.

use std::path::Path;

use serde_json::Value;

use crate::address::PublicKey;

fn path(file: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests").join(file)
}

/// A JSON file below `tests/`.
pub(super) fn json(file: &str) -> Value {
    serde_json::from_slice(&bytes(file)).unwrap()
}

/// Any file below `tests/`.
pub(super) fn bytes(file: &str) -> Vec<u8> {
    std::fs::read(path(file)).unwrap()
}

/// The cases of a list, which must have that many.
pub(super) fn cases<'v>(vectors: &'v Value, list: &str, count: usize) -> &'v [Value] {
    let cases = vectors[list].as_array().unwrap();
    assert_eq!(cases.len(), count, "{list}");
    cases
}

pub(super) fn text<'v>(case: &'v Value, field: &str) -> &'v str {
    case[field].as_str().unwrap_or_default()
}

/// A field in hex.
pub(super) fn hex(case: &Value, field: &str) -> Vec<u8> {
    hex::decode(text(case, field)).unwrap()
}

/// A field in hex of known length.
pub(super) fn array<const N: usize>(case: &Value, field: &str) -> [u8; N] {
    hex(case, field).try_into().unwrap()
}

/// A list of public keys in hex.
pub(super) fn keys(case: &Value, field: &str) -> Vec<PublicKey> {
    let keys = case[field].as_array().into_iter().flatten();
    keys.map(|key| PublicKey::from_bytes(&hex::decode(key.as_str().unwrap()).unwrap()).unwrap()).collect()
}
