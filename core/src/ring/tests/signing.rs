//! `sign` and `signer_refuses` of `ring_signatures.json`.

use k256::elliptic_curve::ops::Reduce;
use k256::{FieldBytes, Scalar};
use serde_json::Value;

use super::recorded::{array, cases, hex, json, keys, text};
use crate::address::{SecretKey, SecretKeyError};
use crate::ring::signer::sign_with_nonces;
use crate::ring::{RingSignError, RingSignature, RingSignatureError, Verifier, sign};

fn nonces(case: &Value) -> Vec<Scalar> {
    let nonces = case["nonces"].as_array().unwrap().iter();
    let bytes = nonces.map(|nonce| <[u8; 32]>::try_from(hex::decode(nonce.as_str().unwrap()).unwrap()).unwrap());
    bytes.map(|bytes| <Scalar as Reduce<FieldBytes>>::reduce(&bytes.into())).collect()
}

#[test]
fn recorded_nonces_give_the_recorded_bytes() {
    let vectors = json("vectors/ring_signatures.json");
    let verifier = Verifier::new(0);
    let mut undecodable = Vec::new();
    for case in cases(&vectors, "sign", 22) {
        let key = SecretKey::from_bytes(&array(case, "private_key")).unwrap();
        let mut nonces = nonces(case).into_iter();
        let members = keys(case, "members");
        let signed = sign_with_nonces(&array(case, "message"), &members, &key, || nonces.next().unwrap()).unwrap();
        assert_eq!(nonces.next(), None, "{}", case["name"]);
        assert_eq!(hex::encode(signed.encode()), text(case, "signature"), "{}", case["name"]);
        assert!(verifier.verify(&array(case, "message"), &signed));
        match RingSignature::decode(&hex(case, "signature"), 16) {
            Ok(decoded) => assert_eq!(decoded, signed),
            Err(error) => {
                assert_eq!(error, RingSignatureError::PlaceholderKeyImage);
                undecodable.push(text(case, "name"));
            }
        }
    }
    assert_eq!(undecodable, ["placeholder signs"]);
}

#[test]
fn what_the_network_refuses_to_sign_is_refused() {
    let vectors = json("vectors/ring_signatures.json");
    let names: Vec<_> = cases(&vectors, "signer_refuses", 3).iter().map(|case| text(case, "name")).collect();
    assert_eq!(names, ["ring of one", "key not in the ring", "zero key"]);

    let [one, two, three] = [1, 2, 3].map(|byte| SecretKey::from_bytes(&[byte; 32]).unwrap());
    let signed = |ring: &[&SecretKey], key| {
        let ring: Vec<_> = ring.iter().map(|key| *key.public_key()).collect();
        sign(&[0; 32], &ring, key, &mut rand::rng()).map(|_| ())
    };
    assert_eq!(signed(&[&one], &one), Err(RingSignError::TooFewMembers));
    assert_eq!(signed(&[], &one), Err(RingSignError::TooFewMembers));
    assert_eq!(signed(&[&one, &two], &three), Err(RingSignError::NotAMember));
    assert_eq!(signed(&[&one, &two], &two), Ok(()));
    assert_eq!(SecretKey::from_bytes(&[0; 32]).map(|_| ()), Err(SecretKeyError::OutOfRange));
}

#[test]
fn a_zero_nonce_is_refused() {
    let key = SecretKey::from_bytes(&[9; 32]).unwrap();
    let ring = [*key.public_key(), *key.public_key()];
    let signed = sign_with_nonces(&[0; 32], &ring, &key, || Scalar::ZERO);
    assert_eq!(signed.map(|_| ()), Err(RingSignError::ZeroNonce));
}
