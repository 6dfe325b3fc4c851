//! `smst_proofs.json`, `trees`: proofs for real seeds, with constant, varying, zero and wrapping weights.

use serde::Deserialize;

use super::super::gob;
use super::reference::{Entry, ReferenceTree};
use super::{sha256, unhex, unhex32, vectors};

#[derive(Deserialize)]
struct File {
    trees: Vec<RecordedTree>,
}

#[derive(Deserialize)]
struct RecordedTree {
    leaves: Leaves,
    sha256_of_all_values: String,
    root: String,
    sum: String,
    count: String,
    proofs: Vec<RecordedProof>,
}

#[derive(Deserialize, Debug)]
struct Leaves {
    value_prefix: String,
    count: usize,
    value_length: usize,
    weights: String,
}

#[derive(Deserialize)]
struct RecordedProof {
    seed_block_hash: Option<String>,
    session_id: Option<String>,
    path: String,
    closest_leaf: usize,
    compact: Option<RecordedCompact>,
    gob: Option<String>,
    gob_sha256: String,
    verdict: Verdict,
}

#[derive(Deserialize)]
struct Verdict {
    valid: bool,
}

#[derive(Deserialize)]
struct RecordedCompact {
    path: String,
    flipped_bits: Vec<String>,
    depth: String,
    closest_path: String,
    closest_value_hash: String,
    side_nodes: Vec<String>,
    bit_mask: String,
    num_side_nodes: i64,
    sibling_data: String,
}

impl Leaves {
    fn value(&self, index: usize) -> Vec<u8> {
        let start = format!("{}{index}", self.value_prefix).into_bytes();
        let mut value = start.clone();
        for block in 0u64.. {
            if value.len() >= self.value_length {
                break;
            }
            value.extend(sha256(&[start.as_slice(), &block.to_be_bytes()].concat()));
        }
        if value.len() > self.value_length.max(start.len()) {
            value.truncate(self.value_length);
        }
        value
    }

    fn weight(&self, index: usize) -> u64 {
        match self.weights.as_str() {
            "zero" => 0,
            "2^63" => 1 << 63,
            "2^64-1" => u64::MAX,
            "1+i%7" => 1 + index as u64 % 7,
            constant => constant.parse().unwrap(),
        }
    }
}

#[test]
fn proofs_are_those_of_the_reference() {
    let file: File = vectors("smst_proofs.json");
    assert_eq!(file.trees.len(), 19);
    assert_eq!(file.trees.iter().map(|tree| tree.proofs.len()).sum::<usize>(), 126);
    for recorded in &file.trees {
        let leaves = &recorded.leaves;
        let values: Vec<_> = (0..leaves.count).map(|index| leaves.value(index)).collect();
        assert_eq!(hex::encode(sha256(&values.concat())), recorded.sha256_of_all_values, "{leaves:?}");
        let entry = |(index, value): (usize, &Vec<u8>)| Entry {
            key: sha256(value).to_vec(),
            value: value.clone(),
            weight: leaves.weight(index),
        };
        let tree = ReferenceTree::new(values.iter().enumerate().map(entry));
        assert_eq!(tree.root.to_string(), recorded.root, "{leaves:?}");
        assert_eq!(tree.root.sum().to_string(), recorded.sum, "{leaves:?}");
        assert_eq!(tree.root.count().to_string(), recorded.count, "{leaves:?}");
        for proof in &recorded.proofs {
            check(&tree, &values, proof);
        }
    }
}

fn check(tree: &ReferenceTree, values: &[Vec<u8>], recorded: &RecordedProof) {
    let path = unhex32(&recorded.path);
    if let (Some(block_hash), Some(session_id)) = (&recorded.seed_block_hash, &recorded.session_id)
        && !block_hash.is_empty()
    {
        assert_eq!(sha256(&[unhex(block_hash), session_id.clone().into_bytes()].concat()), path);
    }
    let proof = tree.prove(&path);
    assert_eq!(proof.leaf().unwrap().relay, values[recorded.closest_leaf]);
    assert_eq!(proof.verify(&tree.root).is_ok(), recorded.verdict.valid);

    let compact = proof.compact();
    if let Some(recorded) = &recorded.compact {
        let sides = compact.closest_proof.as_ref().unwrap();
        let all = |slices: &[Vec<u8>]| slices.iter().map(hex::encode).collect::<Vec<_>>();
        assert_eq!(hex::encode(&compact.path), recorded.path);
        assert_eq!(all(&compact.flipped_bits), recorded.flipped_bits);
        assert_eq!(hex::encode(&compact.depth), recorded.depth);
        assert_eq!(hex::encode(&compact.closest_path), recorded.closest_path);
        assert_eq!(hex::encode(&compact.closest_value_hash), recorded.closest_value_hash);
        assert_eq!(all(&sides.side_nodes), recorded.side_nodes);
        assert_eq!(hex::encode(&sides.bit_mask), recorded.bit_mask);
        assert_eq!(sides.num_side_nodes, recorded.num_side_nodes);
        assert_eq!(hex::encode(&sides.sibling_data), recorded.sibling_data);
    }
    let bytes = gob::encode(&compact);
    assert_eq!(hex::encode(sha256(&bytes)), recorded.gob_sha256);
    if let Some(gob) = &recorded.gob {
        assert_eq!(hex::encode(&bytes), *gob);
    }
    assert_eq!(gob::decode(&bytes).unwrap().expand().unwrap(), proof);
}
