//! Known answers of the network's own trie library, and properties.

mod audited;
mod chain_cases;
mod mutations;
mod older_tries;
mod properties;
mod recorded_trees;
mod reference;
mod seeds;

use std::path::Path;

use serde::de::DeserializeOwned;

/// Reads one of the recorded files in `tests/vectors`.
fn vectors<T: DeserializeOwned>(file: &str) -> T {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/vectors").join(file);
    serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap()
}

fn unhex(text: &str) -> Vec<u8> {
    hex::decode(text).unwrap()
}

fn unhex32(text: &str) -> [u8; 32] {
    unhex(text).try_into().unwrap()
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    use sha2::Digest as _;
    sha2::Sha256::digest(bytes).into()
}
