use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use rand::SeedableRng;
use rand::rngs::StdRng;

use crate::address::SecretKey;
use crate::ring::{RingSignature, Verifier, sign};

fn key(seed: u64) -> SecretKey {
    let mut bytes = [3; 32];
    bytes[8..16].copy_from_slice(&seed.to_be_bytes());
    SecretKey::from_bytes(&bytes).unwrap()
}

#[test]
fn every_members_signature_verifies() {
    // Few enough keys that tables are found, too little room for all of them.
    let verifier = Verifier::new(4 << 20);
    let keys: Vec<_> = (0..24).map(key).collect();
    let ring = prop::collection::vec(0..keys.len(), 1..=5);
    let strategy = (any::<[u8; 32]>(), ring, any::<prop::sample::Index>(), any::<u64>());
    let config = Config { cases: 2000, ..Config::default() };
    TestRunner::new(config)
        .run(&strategy, |(message, members, signer, seed)| {
            let own = &keys[members[signer.index(members.len())]];
            let mut ring: Vec<_> = members.iter().map(|member| *keys[*member].public_key()).collect();
            if ring.len() == 1 {
                // The signer refuses rings of one; the same key twice is what gateways use instead.
                ring.push(ring[0]);
            }
            let signed = sign(&message, &ring, own, &mut StdRng::seed_from_u64(seed)).unwrap();
            let decoded = verifier.decode(&signed.encode(), 5).unwrap();
            prop_assert_eq!(&decoded, &signed);
            prop_assert!(verifier.verify(&message, &decoded));
            let mut other = message;
            other[31] ^= 1;
            prop_assert!(!verifier.verify(&other, &decoded));
            Ok(())
        })
        .unwrap();
    assert!(verifier.table_bytes() <= 4 << 20);
    assert!(verifier.table_bytes() > 3 << 20, "the tables were not exercised");
}

#[test]
fn every_single_bit_counts() {
    let (message, signers) = ([0xc3; 32], [key(1), key(2)]);
    let ring = signers.each_ref().map(|signer| *signer.public_key());
    let signed = sign(&message, &ring, &signers[1], &mut rand::rng()).unwrap().encode();
    let verifier = Verifier::new(16 << 20);
    for _ in 0..3 {
        assert!(verifier.verify(&message, &RingSignature::decode(&signed, 16).unwrap()));
    }
    let mut decoded = 0;
    for bit in 0..signed.len() * 8 {
        let mut mutated = signed.clone();
        mutated[bit / 8] ^= 1 << (bit % 8);
        let Ok(signature) = RingSignature::decode(&mutated, usize::MAX) else { continue };
        assert!(!verifier.verify(&message, &signature), "bit {bit}");
        decoded += 1;
    }
    assert!(decoded > 3 * 256, "most flips of scalars still decode, here {decoded}");
}

#[test]
fn decoding_is_total() {
    let config = Config { cases: 2000, ..Config::default() };
    let bytes = prop::collection::vec(any::<u8>(), 0..300);
    TestRunner::new(config)
        .run(&(bytes, 0..5u8), |(mut bytes, members)| {
            if let Some(count) = bytes.first_chunk_mut::<4>() {
                *count = u32::from(members).to_be_bytes();
            }
            if let Ok(signature) = RingSignature::decode(&bytes, 4) {
                prop_assert_eq!(signature.encode(), bytes);
            }
            Ok(())
        })
        .unwrap();
}
