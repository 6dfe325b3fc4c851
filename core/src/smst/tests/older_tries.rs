//! `smst.json`: thirteen tries with every stored node and every field of their proofs.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::super::gob;
use super::reference::{Entry, ReferenceTree};
use super::{unhex, unhex32, vectors};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RecordedTrie {
    name: String,
    leaves: Vec<RecordedLeaf>,
    root: String,
    store: BTreeMap<String, String>,
    proofs: Vec<RecordedProof>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RecordedLeaf {
    key: String,
    value: String,
    weight: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RecordedProof {
    path: String,
    gob: String,
    closest_path: String,
    closest_value_hash: String,
    flipped_bits: Vec<u16>,
    depth: u16,
    side_nodes: Option<Vec<String>>,
    sibling_data: String,
    valid: bool,
    #[serde(rename = "CFlipped")]
    compact_flipped_bits: Option<Vec<String>>,
    #[serde(rename = "CDepth")]
    compact_depth: String,
    bit_mask: String,
    #[serde(rename = "NumSide")]
    num_side_nodes: i64,
    #[serde(rename = "CSide")]
    compact_side_nodes: usize,
}

#[test]
fn roots_stored_nodes_and_proofs_are_those_of_the_reference() {
    let tries: Vec<RecordedTrie> = vectors("smst.json");
    assert_eq!(tries.len(), 13);
    for trie in &tries {
        let entry =
            |leaf: &RecordedLeaf| Entry { key: unhex(&leaf.key), value: unhex(&leaf.value), weight: leaf.weight };
        let tree = ReferenceTree::new(trie.leaves.iter().map(entry));
        assert_eq!(tree.root.to_string(), trie.root, "root of {}", trie.name);
        assert_eq!(tree.stored(), trie.store, "stored nodes of {}", trie.name);
        for proof in &trie.proofs {
            check(&tree, proof, &trie.name);
        }
    }
}

fn check(tree: &ReferenceTree, recorded: &RecordedProof, name: &str) {
    let proof = tree.prove(&unhex32(&recorded.path));
    assert_eq!(hex::encode(proof.closest_path), recorded.closest_path, "{name}");
    assert_eq!(hex::encode(&proof.closest_value), recorded.closest_value_hash, "{name}");
    assert_eq!(proof.flipped_bits, recorded.flipped_bits, "{name}");
    assert_eq!(proof.depth, recorded.depth, "{name}");
    let side_nodes: Vec<_> = proof.side_nodes.iter().map(hex::encode).collect();
    assert_eq!(side_nodes, recorded.side_nodes.clone().unwrap_or_default(), "{name}");
    assert_eq!(hex::encode(&proof.sibling_data), recorded.sibling_data, "{name}");
    assert_eq!(proof.verify(&tree.root).is_ok(), recorded.valid, "{name}");

    let compact = proof.compact();
    let flipped_bits: Vec<_> = compact.flipped_bits.iter().map(hex::encode).collect();
    assert_eq!(flipped_bits, recorded.compact_flipped_bits.clone().unwrap_or_default(), "{name}");
    assert_eq!(hex::encode(&compact.depth), recorded.compact_depth, "{name}");
    let sides = compact.closest_proof.as_ref().unwrap();
    assert_eq!(hex::encode(&sides.bit_mask), recorded.bit_mask, "{name}");
    assert_eq!(sides.num_side_nodes, recorded.num_side_nodes, "{name}");
    assert_eq!(sides.side_nodes.len(), recorded.compact_side_nodes, "{name}");
    assert_eq!(compact.expand().unwrap(), proof, "{name}");

    let bytes = gob::encode(&compact);
    assert_eq!(hex::encode(&bytes), recorded.gob, "{name}");
    assert_eq!(gob::decode(&bytes).unwrap(), compact, "{name}");
}
