//! `smst_proofs.json`, `mutations`: every rule of the verifier broken once.

use serde::Deserialize;

use super::super::{Root, gob};
use super::{unhex, vectors};

#[derive(Deserialize)]
struct File {
    mutations: Vec<Mutation>,
}

#[derive(Deserialize)]
struct Mutation {
    name: String,
    root: String,
    gob: String,
    verdict: Verdict,
}

#[derive(Deserialize)]
struct Verdict {
    stage: String,
}

/// What the reference lets through to a later stage, or accepts, and we refuse on purpose: it cuts or ignores these bytes.
const STRICTER: [(&str, &str); 13] = [
    ("closest path: 31 bytes", "decompact"),
    ("closest path: 33 bytes, extra zero", "decompact"),
    ("closest path: empty", "decompact"),
    ("32 byte path only", "decompact"),
    ("proof of the empty trie", "decompact"),
    ("side nodes: 47 bytes", "decompact"),
    ("side nodes: 47 bytes, no sibling data", "decompact"),
    ("side nodes: 49 bytes, no sibling data", "decompact"),
    ("non-membership data: present, 32 bytes", "decompact"),
    ("non-membership data: present, 60 bytes", "decompact"),
    ("value: empty", "get_value"),
    ("value: 16 bytes only", "get_value"),
    ("value: 16 zero bytes", "get_value"),
];

#[test]
fn every_verdict_is_that_of_the_reference_or_a_stricter_one_we_chose() {
    let file: File = vectors("smst_proofs.json");
    assert_eq!(file.mutations.len(), 124);
    for mutation in &file.mutations {
        let stricter = STRICTER.iter().find(|(name, _)| *name == mutation.name);
        let expected = stricter.map_or(mutation.verdict.stage.as_str(), |(_, stage)| stage);
        assert_eq!(stage(&unhex(&mutation.gob), &unhex(&mutation.root)), expected, "{}", mutation.name);
    }
    for (name, stage) in STRICTER {
        let mutation = file.mutations.iter().find(|mutation| mutation.name == name).unwrap();
        assert_ne!(mutation.verdict.stage, stage, "{name} needs no exception");
    }
}

/// Where the checks end.
pub(super) fn stage(bytes: &[u8], root: &[u8]) -> &'static str {
    let Ok(compact) = gob::decode(bytes) else { return "unmarshal" };
    let Ok(proof) = compact.expand() else { return "decompact" };
    if proof.leaf().is_err() {
        return "get_value";
    }
    let verified = Root::try_from(root).is_ok_and(|root| proof.verify(&root).is_ok());
    if verified { "valid" } else { "verify" }
}
