//! Requests signed by the network's own gateway code.

use std::io::Read;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use flate2::read::GzDecoder;

use super::recorded::{bytes, json, text};
use crate::relay::{decode_request, request_digest};
use crate::ring::membership::{RingKeys, check};
use crate::ring::{RingSignature, Verifier};

/// The application and its gateway.
fn ring() -> RingKeys {
    let ring = [
        "0397896e9b106df70124a856861cc9be52fac9980e2c7a118a36c19d0198692cc5",
        "025821a2ac597a034250ac14b772efccf9297aa7c4bea5444564059a7cfb152063",
    ];
    let keys = ring.map(|key| crate::address::PublicKey::from_bytes(&hex::decode(key).unwrap()).unwrap());
    RingKeys::from(keys.to_vec())
}

fn verifies(verifier: &Verifier, request: Bytes) -> bool {
    let request = decode_request(request).unwrap();
    let signature = &request.meta.as_ref().unwrap().signature;
    check(verifier, &request_digest(&request), signature, &ring()).is_ok()
}

// rule: R-27
#[test]
fn all_3000_captured_signatures_verify() {
    let mut data = Vec::new();
    GzDecoder::new(&bytes("fixtures/relays/signed_3000.bin.gz")[..]).read_to_end(&mut data).unwrap();
    let header_end = data.iter().position(|byte| *byte == b'\n').unwrap() + 1;
    let mut rest = Bytes::from(data).split_off(header_end);
    let with_tables = Verifier::new(16 << 20);
    let without_tables = Verifier::new(0);
    let mut count = 0;
    while !rest.is_empty() {
        let length = u32::from_le_bytes(rest[4..8].try_into().unwrap()) as usize;
        let request = rest.split_to(8 + length).slice(8..);
        assert!(verifies(&with_tables, request.clone()), "request {count}");
        // Every tenth, because this takes four times as long.
        assert!(count % 10 != 0 || verifies(&without_tables, request), "request {count}");
        count += 1;
    }
    assert_eq!(count, 3000);
    assert_eq!(without_tables.table_bytes(), 0);
}

#[test]
fn the_captured_pairs_verify() {
    let fixture = json("fixtures/relays/http_pairs.json");
    let verifier = Verifier::new(0);
    let pairs = fixture["pairs"].as_array().unwrap();
    assert_eq!(pairs.len(), 6);
    for pair in pairs {
        assert!(verifies(&verifier, STANDARD.decode(text(pair, "relay_request_b64")).unwrap().into()));
    }
}

#[test]
fn the_request_with_a_corrupted_signature_does_not_verify() {
    let fixture = json("fixtures/relays/grpc_cases.json");
    let case = &fixture["cases"][0];
    assert_eq!(text(case, "case"), "tampered_ring_signature");
    let request = decode_request(STANDARD.decode(text(case, "relay_request_b64")).unwrap().into()).unwrap();
    let signature = RingSignature::decode(&request.meta.as_ref().unwrap().signature, 2).unwrap();
    assert!(!Verifier::new(0).verify(&request_digest(&request), &signature));
}
