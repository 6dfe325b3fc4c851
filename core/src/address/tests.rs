//! `addresses` and `bech32` of `claims.json`.

use std::path::Path;

use proptest::prelude::*;
use serde_json::Value;

use super::{Address, AddressError, PublicKey, SecretKey, SecretKeyError};

fn vectors() -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/vectors/claims.json");
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn cases<'v>(vectors: &'v Value, list: &str, count: usize) -> &'v [Value] {
    let cases = vectors[list].as_array().unwrap();
    assert_eq!(cases.len(), count);
    cases
}

fn text<'v>(case: &'v Value, field: &str) -> &'v str {
    case[field].as_str().unwrap_or_default()
}

#[test]
fn addresses_follow_from_keys() {
    let vectors = vectors();
    for case in cases(&vectors, "addresses", 11) {
        let key = SecretKey::from_hex(text(case, "private_key")).unwrap();
        assert_eq!(hex::encode(key.public_key().as_bytes()), text(case, "public_key"), "{}", case["name"]);
        assert_eq!(key.address().as_str(), text(case, "address"));
        assert_eq!(hex::encode(key.address().payload()), text(case, "address_bytes"));
        let public = PublicKey::from_bytes(&hex::decode(text(case, "public_key")).unwrap()).unwrap();
        assert_eq!(&Address::of(&public), key.address());
    }
}

#[test]
fn texts_are_read_as_the_chain_reads_them() {
    let vectors = vectors();
    for case in cases(&vectors, "bech32", 14) {
        let given = text(case, "in");
        match (given.parse::<Address>(), text(case, "verdict")) {
            (Ok(address), "ok") => {
                assert_eq!(hex::encode(address.payload()), text(case, "bytes"));
                assert_eq!(address.as_str(), given.to_lowercase());
            }
            (parsed, verdict) => assert!(parsed.is_err() && verdict == "error", "{given:?}: {verdict}, but {parsed:?}"),
        }
    }
}

#[test]
fn left_over_bits_must_be_zero_and_few() {
    // Five bits more than needed, and a padding bit that is set, both under a right checksum.
    for text in ["pokt1qqq8xl8p6", "pokt1qpgk0534"] {
        let parsed = text.parse::<Address>();
        assert!(matches!(parsed, Err(AddressError::NotBech32 { .. })), "{text}: {parsed:?}");
    }
}

#[test]
fn every_payload_survives_its_text() {
    proptest!(|(payload in prop::collection::vec(any::<u8>(), 1..=255))| {
        let address = Address::from_payload(&payload).unwrap();
        prop_assert_eq!(address.payload(), payload);
        prop_assert_eq!(address.as_str().parse::<Address>().unwrap(), address.clone());
        prop_assert_eq!(address.as_str().to_uppercase().parse::<Address>().unwrap(), address);
    });
    for length in [0, 256] {
        assert!(matches!(Address::from_payload(&vec![0; length]), Err(AddressError::PayloadLength { .. })));
    }
}

#[test]
fn signatures_are_deterministic_low_and_bound_to_the_hash() {
    let key = SecretKey::from_bytes(&[0x42; 32]).unwrap();
    let signature = key.sign_prehash(&[1; 32]);
    assert_eq!(signature, key.sign_prehash(&[1; 32]));
    assert!(key.public_key().verify_prehash(&[1; 32], &signature));
    assert!(!key.public_key().verify_prehash(&[2; 32], &signature));
    let parsed = k256::ecdsa::Signature::from_slice(&signature).unwrap();
    let high = k256::ecdsa::Signature::from_scalars(parsed.r(), -parsed.s()).unwrap();
    assert!(!key.public_key().verify_prehash(&[1; 32], &high.to_bytes()));
    assert!(!key.public_key().verify_prehash(&[1; 32], &signature[..63]));
}

#[test]
fn no_private_key_is_printed() {
    let digits = "2208f22a189d84f064bbc0798d052ddd32cee33c5a282f167e4e628ab7195c90";
    let key = SecretKey::from_hex(digits).unwrap();
    assert_eq!(format!("{key:?}"), format!("SecretKey of {}", key.address()));
    assert_eq!(SecretKey::from_hex(&digits[1..]).map(|_| ()), Err(SecretKeyError::NotHex(63)));
    assert_eq!(SecretKey::from_hex(&"0".repeat(64)).map(|_| ()), Err(SecretKeyError::OutOfRange));
}
