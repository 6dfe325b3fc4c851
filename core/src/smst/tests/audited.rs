//! Proofs that the chain accepts and we do not send.

use super::super::{AuditError, Claimed, ClosestProof, ProofError, Root, SiblingData, Trie, audit, gob};
use super::sha256;

const WEIGHT: u64 = 7;

fn trie(count: usize) -> (Trie<usize>, Vec<Vec<u8>>) {
    let values: Vec<_> = (0..count).map(|index| format!("relay-{index}").into_bytes()).collect();
    let mut trie = Trie::new(WEIGHT);
    for (value_ref, value) in values.iter().enumerate() {
        trie.insert(&sha256(value), value, WEIGHT, value_ref).unwrap();
    }
    (trie, values)
}

/// A proof with flipped bits, its root and path.
fn proof() -> (ClosestProof, Root, [u8; 32]) {
    let (mut trie, values) = trie(100);
    let path = sha256(b"seed-0");
    let proof = trie.prove(&path, SiblingData::Send, |index| values.get(*index)).unwrap();
    assert_eq!(proof.flipped_bits, [8, 9]);
    (proof, trie.root(), path)
}

fn judge(proof: &ClosestProof, root: &Root, path: &[u8; 32]) -> Result<ClosestProof, AuditError> {
    audit(&gob::encode(&proof.compact()), &Claimed { root, path, weight: WEIGHT })
}

#[test]
fn an_honest_proof_passes_with_and_without_sibling_data() {
    let (mut proof, root, path) = proof();
    assert_eq!(judge(&proof, &root, &path).as_ref(), Ok(&proof));
    proof.sibling_data.clear();
    assert_eq!(judge(&proof, &root, &path).as_ref(), Ok(&proof));
}

#[test]
fn a_single_leaf_is_proven_for_any_path() {
    let (mut trie, values) = trie(1);
    let path = sha256(b"any");
    let proof = trie.prove(&path, SiblingData::Send, |index| values.get(*index)).unwrap();
    assert_eq!(judge(&proof, &trie.root(), &path).as_ref(), Ok(&proof));
}

#[test]
fn a_valid_proof_of_a_dishonest_descent_is_refused() {
    let (honest, root, path) = proof();
    let refuse = |change: &dyn Fn(&mut ClosestProof)| {
        let mut proof = honest.clone();
        change(&mut proof);
        assert_eq!(proof.verify(&root), Ok(()), "the chain would accept it");
        assert_eq!(judge(&proof, &root, &path), Err(AuditError::Descent));
    };
    refuse(&|proof| proof.depth -= 1);
    refuse(&|proof| proof.depth += 1);
    refuse(&|proof| proof.flipped_bits.reverse());
    refuse(&|proof| proof.flipped_bits.extend([8, 8]));
    refuse(&|proof| proof.flipped_bits.push(proof.depth));
}

#[test]
fn another_leaf_than_the_closest_is_refused() {
    let (mut trie, values) = trie(100);
    let path = sha256(b"seed-0");
    let own_path = sha256(&sha256(b"relay-0"));
    let mut proof = trie.prove(&own_path, SiblingData::Send, |index| values.get(*index)).unwrap();
    // Flipping every differing bit makes any leaf "the closest" for the chain's verifier.
    proof.path = path;
    let differs = |depth: &u16| {
        let byte = usize::from(depth / 8);
        (path[byte] ^ proof.closest_path[byte]) & (0x80 >> (depth % 8)) != 0
    };
    proof.flipped_bits = (0..proof.depth).filter(differs).collect();
    assert_eq!(proof.verify(&trie.root()), Ok(()));
    assert_eq!(judge(&proof, &trie.root(), &path), Err(AuditError::Descent));
}

#[test]
fn the_question_the_weight_and_the_encoding_must_be_ours() {
    let (proof, root, path) = proof();
    let bytes = gob::encode(&proof.compact());
    let mut other = path;
    other[31] ^= 1;
    assert_eq!(audit(&bytes, &Claimed { root: &root, path: &other, weight: WEIGHT }), Err(AuditError::Path));
    let weighed = audit(&bytes, &Claimed { root: &root, path: &path, weight: WEIGHT + 1 });
    assert_eq!(weighed, Err(AuditError::Weight { weight: WEIGHT, count: 1, expected: WEIGHT + 1 }));
    let longer = [bytes.as_slice(), &[0]].concat();
    assert_eq!(audit(&longer, &Claimed { root: &root, path: &path, weight: WEIGHT }), Err(AuditError::Encoding));
    let other_root = Root::EMPTY;
    let judged = audit(&bytes, &Claimed { root: &other_root, path: &path, weight: WEIGHT });
    assert_eq!(judged, Err(AuditError::Proof(ProofError::Root)));
}

#[test]
fn a_leaf_that_is_not_at_the_place_of_its_relay_is_refused() {
    let mut trie = Trie::new(WEIGHT);
    trie.insert(&[0; 32], b"a relay with another hash", WEIGHT, ()).unwrap();
    let path = sha256(b"any");
    let proof = trie.prove(&path, SiblingData::Send, |()| Some(b"a relay with another hash")).unwrap();
    assert_eq!(judge(&proof, &trie.root(), &path), Err(AuditError::Place));
}
