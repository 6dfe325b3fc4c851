//! What holds for every trie.

use proptest::collection::{btree_set, vec};
use proptest::prelude::*;
use proptest::sample::Index;

use super::super::{Claimed, Inserted, Root, SiblingData, Trie, TrieError, audit, gob};
use super::sha256;

const WEIGHT: u64 = 3;

/// Relays are named by small numbers, so that inputs shrink well; their paths are as random as any.
fn relay(number: u16) -> Vec<u8> {
    format!("relay number {number}").into_bytes()
}

fn insert(trie: &mut Trie<u16>, number: u16) -> Inserted {
    let relay = relay(number);
    trie.insert(&sha256(&relay), &relay, WEIGHT, number).unwrap()
}

fn build(numbers: impl IntoIterator<Item = u16>) -> Trie<u16> {
    let mut trie = Trie::new(WEIGHT);
    for number in numbers {
        insert(&mut trie, number);
    }
    trie
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_order_of_insertion_never_changes_the_root(
        (sorted, shuffled) in btree_set(any::<u16>(), 0..200)
            .prop_map(Vec::from_iter)
            .prop_flat_map(|numbers| (Just(numbers.clone()), Just(numbers).prop_shuffle()))
    ) {
        prop_assert_eq!(build(sorted).root(), build(shuffled).root());
    }

    #[test]
    fn asking_for_the_root_between_insertions_changes_nothing(numbers in vec((any::<u16>(), any::<bool>()), 0..200)) {
        let mut incremental = Trie::new(WEIGHT);
        for (number, ask) in &numbers {
            insert(&mut incremental, *number);
            if *ask {
                incremental.root();
            }
        }
        prop_assert_eq!(incremental.root(), build(numbers.into_iter().map(|(number, _)| number)).root());
    }

    #[test]
    fn a_repeated_relay_is_told_and_changes_nothing(numbers in btree_set(any::<u16>(), 1..100), again: Index) {
        let mut trie = build(numbers.iter().copied());
        let (root, count) = (trie.root(), trie.count());
        let number = *again.get(&Vec::from_iter(numbers));
        prop_assert_eq!(insert(&mut trie, number), Inserted::Duplicate);
        prop_assert!(trie.contains(&sha256(&relay(number))));
        prop_assert_eq!((trie.root(), trie.count()), (root, count));
    }

    #[test]
    fn every_path_has_a_closest_proof_that_passes_the_audit(
        numbers in btree_set(any::<u16>(), 1..300), path: [u8; 32], omit: bool
    ) {
        let mut trie = build(numbers);
        let root = trie.root();
        let sibling_data = if omit { SiblingData::Omit } else { SiblingData::Send };
        let proof = trie.prove(&path, sibling_data, |number| Some(relay(*number))).unwrap();
        let closest = trie.closest(&path).unwrap();
        let proven = relay(closest.relay);
        prop_assert_eq!(proof.leaf().unwrap().relay, proven.as_slice());
        let bytes = gob::encode(&proof.compact());
        prop_assert_eq!(audit(&bytes, &Claimed { root: &root, path: &path, weight: WEIGHT }), Ok(proof));
    }

    #[test]
    fn a_changed_byte_of_a_proof_never_passes_the_audit(
        numbers in btree_set(any::<u16>(), 1..100), path: [u8; 32], at: Index, change in 1..=255u8
    ) {
        let mut trie = build(numbers);
        let root = trie.root();
        let proof = trie.prove(&path, SiblingData::Send, |number| Some(relay(*number))).unwrap();
        let mut bytes = gob::encode(&proof.compact());
        // Unused bits of an extension's path bind nobody; the audit would have to know the trie to see them change.
        let free = proof.sibling_data.first() == Some(&2);
        prop_assume!(!free);
        *at.get_mut(&mut bytes) ^= change;
        let judged = audit(&bytes, &Claimed { root: &root, path: &path, weight: WEIGHT });
        prop_assert!(judged.is_err());
    }
}

#[test]
fn a_leaf_that_would_overflow_the_sum_is_refused_and_changes_nothing() {
    let mut trie = Trie::new(u64::MAX / 2);
    for number in 0..2u8 {
        trie.insert(&[number; 32], b"relay", u64::MAX / 2, number).unwrap();
    }
    let root = trie.root();
    assert_eq!(trie.insert(&[2; 32], b"relay", u64::MAX / 2, 2), Err(TrieError::Overflow));
    assert_eq!((trie.root(), trie.count(), trie.sum()), (root, 2, u64::MAX - 1));
    assert!(!trie.contains(&[2; 32]));
    assert_eq!(trie.insert(&[1; 32], b"relay", u64::MAX / 2, 1), Ok(Inserted::Duplicate));
}

#[test]
fn a_relay_of_another_weight_is_refused() {
    let mut trie = Trie::new(5);
    assert_eq!(trie.insert(&[0; 32], b"relay", 6, ()), Err(TrieError::Weight { weight: 6, expected: 5 }));
    assert_eq!(trie.root(), Root::EMPTY);
}

#[test]
fn the_empty_trie_proves_nothing() {
    let mut trie: Trie<()> = Trie::new(1);
    assert_eq!((trie.root(), trie.closest(&[0; 32])), (Root::EMPTY, None));
    assert_eq!(trie.prove(&[0; 32], SiblingData::Send, |()| Some([])), Err(TrieError::Empty));
}

#[test]
fn missing_or_foreign_bytes_are_never_proven() {
    let mut trie = build([1, 2]);
    let root = trie.root();
    let missing = trie.prove(&[0; 32], SiblingData::Send, |_| None::<Vec<u8>>);
    assert_eq!(missing, Err(TrieError::ValueMissing));
    let foreign = trie.prove(&[0; 32], SiblingData::Send, |_| Some(b"another relay"));
    assert_eq!(foreign, Err(TrieError::ValueDiffers));
    assert_eq!(trie.root(), root);
}

#[test]
fn the_sibling_is_named_where_its_bytes_are_needed_and_only_there() {
    let mut pair = build([1, 2]);
    let closest = pair.closest(&[0; 32]).unwrap();
    assert_eq!(closest.sibling, Some(3 - closest.relay));
    let own_only = |number: &u16| (*number == closest.relay).then(|| relay(*number));
    assert!(pair.prove(&[0; 32], SiblingData::Omit, own_only).is_ok());
    assert_eq!(pair.prove(&[0; 32], SiblingData::Send, own_only), Err(TrieError::ValueMissing));
    assert_eq!(build([1]).closest(&[0; 32]).unwrap().sibling, None);
}

#[test]
fn references_come_in_the_order_of_insertion() {
    let trie = build([5, 3, 9, 3]);
    assert!(trie.value_refs().eq([5, 3, 9]));
}

#[test]
fn a_leaf_costs_less_than_200_bytes() {
    /// As large as the id of a log entry.
    type EntryId = (u64, u64);
    let mut trie: Trie<EntryId> = Trie::new(WEIGHT);
    for number in 0..100_000u64 {
        trie.insert(&sha256(&number.to_be_bytes()), &[], WEIGHT, (number, 0)).unwrap();
        if number > 1_000 {
            assert!(trie.heap_bytes() as u64 / number < 200, "{} bytes at {number} leaves", trie.heap_bytes());
        }
    }
}
