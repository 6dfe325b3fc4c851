//! What a relay costs in the trie of its session. `M`, one multiplication of a point on secp256k1, is measured beside it:
//! machines differ, the ratios hardly do.

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use k256::elliptic_curve::ops::Reduce;
use k256::{ProjectivePoint, Scalar};
use relay_core::smst::{SiblingData, Trie};
use sha2::{Digest as _, Sha256};

/// Leaves of the trie that is measured.
const LEAVES: u64 = 100_000;
/// Relays inserted before the trie is put back to [`LEAVES`].
const BATCH: u64 = 5_000;
/// Bytes of a relay.
const RELAY: usize = 1024;
/// Compute units of a relay.
const WEIGHT: u64 = 100;

/// As large as the id of a log entry.
type EntryId = (u64, u64);

fn relay(number: u64) -> [u8; RELAY] {
    let mut relay = [0x5a; RELAY];
    relay[..8].copy_from_slice(&number.to_be_bytes());
    relay
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// A trie whose inner nodes are not hashed yet.
fn trie() -> Trie<EntryId> {
    let mut trie = Trie::new(WEIGHT);
    for number in 0..LEAVES {
        let relay = relay(number);
        let _ = trie.insert(&sha256(&relay), &relay, WEIGHT, (number, 0));
    }
    trie
}

fn insert(criterion: &mut Criterion) {
    let base = trie();
    let relays: Vec<_> = (LEAVES..LEAVES + BATCH).map(relay).map(|relay| (sha256(&relay), relay)).collect();
    criterion.bench_function("insert a relay of 1 KiB into 1e5 leaves", |bencher| {
        bencher.iter_custom(|iterations| {
            let mut elapsed = Duration::ZERO;
            let mut left = iterations;
            while left > 0 {
                let mut trie = base.clone();
                let start = Instant::now();
                for (entry, (hash, relay)) in (0..left).zip(&relays) {
                    let _ = black_box(trie.insert(hash, relay, WEIGHT, (entry, 1)));
                }
                elapsed += start.elapsed();
                left = left.saturating_sub(BATCH);
            }
            elapsed
        });
    });
}

fn seal(criterion: &mut Criterion) {
    let base = trie();
    criterion.bench_function("seal 1e5 leaves", |bencher| {
        bencher.iter_batched_ref(|| base.clone(), Trie::root, BatchSize::LargeInput);
    });
}

fn prove(criterion: &mut Criterion) {
    let mut trie = trie();
    trie.root();
    let mut seed = 0u64;
    criterion.bench_function("closest proof in 1e5 leaves", |bencher| {
        bencher.iter(|| {
            seed += 1;
            let path = sha256(&seed.to_be_bytes());
            trie.prove(&path, SiblingData::Send, |(number, _)| Some(relay(*number)))
        });
    });
}

fn multiply(criterion: &mut Criterion) {
    let scalar = <Scalar as Reduce<k256::FieldBytes>>::reduce(&sha256(b"scalar").into());
    let point = ProjectivePoint::GENERATOR * <Scalar as Reduce<k256::FieldBytes>>::reduce(&sha256(b"point").into());
    criterion.bench_function("M", |bencher| bencher.iter(|| black_box(point) * black_box(scalar)));
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(30);
    targets = multiply, insert, seal, prove
}
criterion_main!(benches);
