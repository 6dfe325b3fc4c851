//! What a ring signature costs, next to M: one multiplication of an arbitrary point by k256.
//!
//! Targets: 2 members with tables ≤ 2.2 M, 4 members with tables ≤ 4.4 M, 2 members without tables ≤ 8 M.

#![allow(missing_docs, clippy::unwrap_used)]

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use k256::elliptic_curve::ops::MulVartime;
use k256::{ProjectivePoint, Scalar};
use relay_core::address::{PublicKey, SecretKey};
use relay_core::ring::{RingSignature, Verifier, sign};

const MESSAGE: [u8; 32] = [0x5a; 32];
const RINGS: u32 = 1000;
const MEBIBYTE: usize = 1 << 20;

fn key(number: u32) -> SecretKey {
    let mut bytes = [1; 32];
    bytes[..4].copy_from_slice(&number.to_be_bytes());
    SecretKey::from_bytes(&bytes).unwrap()
}

/// Signed by the first member.
fn signature(first: u32, members: u32) -> RingSignature {
    let ring: Vec<PublicKey> = (first..first + members).map(|number| *key(number).public_key()).collect();
    sign(&MESSAGE, &ring, &key(first), &mut rand::rng()).unwrap()
}

fn warmed(max_bytes: usize, signatures: &[RingSignature], rounds: usize) -> Verifier {
    let verifier = Verifier::new(max_bytes);
    for _ in 0..rounds {
        for signature in signatures {
            assert!(verifier.verify(&MESSAGE, signature));
        }
    }
    verifier
}

fn multiplication(c: &mut Criterion) {
    let point = ProjectivePoint::GENERATOR * Scalar::from(0x1234_5678_u64);
    let scalar = Scalar::from(3u64).invert().unwrap();
    c.bench_function("M, k256 constant time", |b| b.iter(|| black_box(&point) * black_box(&scalar)));
    c.bench_function("M, k256 variable time", |b| b.iter(|| black_box(&point).mul_vartime(black_box(&scalar))));
}

fn one_ring(c: &mut Criterion) {
    for members in [2, 4] {
        let signature = signature(1, members);
        let bytes = signature.encode();
        let warm = warmed(16 * MEBIBYTE, std::slice::from_ref(&signature), 2);
        let cold = Verifier::new(0);
        c.bench_function(&format!("{members} members, with tables"), |b| {
            b.iter(|| assert!(warm.verify(black_box(&MESSAGE), black_box(&signature))));
        });
        c.bench_function(&format!("{members} members, with tables, decoded too"), |b| {
            b.iter(|| {
                let signature = warm.decode(black_box(&bytes), 16).unwrap();
                assert!(warm.verify(black_box(&MESSAGE), &signature));
            });
        });
        // Many keys, because hashing a key to the curve takes two attempts on average, but some keys a dozen.
        let others: Vec<_> = (0..128).map(|number| self::signature(1 + members * number, members)).collect();
        let mut others = others.iter().cycle();
        c.bench_function(&format!("{members} members, without tables"), |b| {
            b.iter(|| assert!(cold.verify(black_box(&MESSAGE), black_box(others.next().unwrap()))));
        });
        c.bench_function(&format!("{members} members, decoding alone"), |b| {
            b.iter(|| cold.decode(black_box(&bytes), 16).unwrap());
        });
    }
}

fn many_rings(c: &mut Criterion) {
    let signatures: Vec<_> = (0..RINGS).map(|number| signature(1 + 2 * number, 2)).collect();
    for (name, max_bytes) in [("all tables fit in 256 MiB", 256 * MEBIBYTE), ("a third fits in 64 MiB", 64 * MEBIBYTE)]
    {
        let verifier = warmed(max_bytes, &signatures, 6);
        let mut next = (0..signatures.len()).cycle();
        c.bench_function(&format!("2 members, {RINGS} rings in turn, {name}"), |b| {
            b.iter(|| {
                let signature = &signatures[next.next().unwrap()];
                assert!(verifier.verify(black_box(&MESSAGE), black_box(signature)));
            });
        });
        assert!(verifier.table_bytes() <= max_bytes);
    }
}

fn building(c: &mut Criterion) {
    let signature = signature(1, 2);
    let mut group = c.benchmark_group("building");
    group.sample_size(20);
    group.bench_function("the tables of a ring of 2 and of the generator", |b| {
        b.iter(|| warmed(16 * MEBIBYTE, std::slice::from_ref(&signature), 2));
    });
    group.finish();
}

criterion_group!(benches, multiplication, one_ring, many_rings, building);
criterion_main!(benches);
