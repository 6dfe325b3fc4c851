//! Every list of `hash_to_curve.json`.

use k256::elliptic_curve::PrimeField;
use k256::elliptic_curve::group::GroupEncoding;
use k256::elliptic_curve::ops::Reduce;
use k256::{AffinePoint, FieldBytes, ProjectivePoint, Scalar};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::recorded::{array, cases, hex, json, text};
use crate::address::{PublicKey, SecretKey};
use crate::ring::hash::{challenge, hash_to_curve, hash_to_scalar};
use crate::ring::{placeholder, placeholder_public_key};

fn vectors() -> Value {
    json("vectors/hash_to_curve.json")
}

fn compressed(point: AffinePoint) -> [u8; 33] {
    let mut bytes: [u8; 33] = point.to_bytes().into();
    // The network writes the identity with prefix 2; this library writes zeros only.
    bytes[0] = bytes[0].max(2);
    bytes
}

#[test]
fn scalars_are_hashed_to_the_left() {
    let vectors = vectors();
    let mut shifted = 0;
    for case in cases(&vectors, "hash_to_scalar", 39) {
        let scalar = hash_to_scalar(&hex(case, "input")).unwrap();
        assert_eq!(scalar.to_bytes()[..], array::<32>(case, "scalar")[..], "{}", case["name"]);
        let moved = array::<32>(case, "scalar") != array::<32>(case, "reduced_mod_n");
        assert_eq!(moved, case["shifted"].as_bool().unwrap(), "{}", case["name"]);
        shifted += usize::from(moved);
    }
    assert_eq!(shifted, 17);
}

#[test]
fn keys_are_hashed_to_the_curve() {
    let vectors = vectors();
    for case in cases(&vectors, "hash_to_curve", 41) {
        let point = hash_to_curve(&array(case, "public_key")).unwrap();
        assert_eq!(point.to_bytes()[..], array::<33>(case, "point")[..], "{}", case["name"]);
    }
}

#[test]
fn key_images_are_the_secret_times_the_curve_hash() {
    let vectors = vectors();
    let cases = cases(&vectors, "key_images", 6);
    for case in cases {
        let key = SecretKey::from_bytes(&array(case, "private_key")).unwrap();
        assert_eq!(key.public_key().as_bytes()[..], hex(case, "public_key"), "{}", case["name"]);
        assert_eq!(key.address().as_str(), text(case, "address"));
        let hash = hash_to_curve(key.public_key().as_bytes()).unwrap();
        assert_eq!(hash.to_bytes()[..], hex(case, "hash_to_curve"));
        let image = (ProjectivePoint::from(hash) * **key.scalar()).to_affine();
        assert_eq!(image.to_bytes()[..], hex(case, "key_image"));
    }
    let placeholder_case = &cases[0];
    assert_eq!(placeholder_public_key().as_bytes()[..], hex(placeholder_case, "public_key"));
    assert_eq!(placeholder::KEY_IMAGE[..], hex(placeholder_case, "key_image"));
    // Its private key follows from a public text, which is why its key image is refused.
    let seed = Sha256::digest(b"placeholder_ring_key_for_apps_without_gateways");
    let minus_two = -Scalar::from(2u64);
    assert!(FieldBytes::from(seed) < minus_two.to_bytes(), "then reducing modulo n − 1 leaves the seed as it is");
    let secret = Scalar::from_repr(seed).unwrap() + Scalar::ONE;
    assert_eq!(secret.to_bytes()[..], hex(placeholder_case, "private_key"));
}

#[test]
fn challenges_hash_message_and_commitments() {
    let vectors = vectors();
    for case in cases(&vectors, "challenges", 7) {
        let scalar = challenge(&array(case, "message"), &array(case, "l"), &array(case, "r")).unwrap();
        assert_eq!(scalar.to_bytes()[..], array::<32>(case, "challenge")[..], "{}", case["name"]);
    }
}

#[test]
fn scalars_are_read_strictly() {
    let vectors = vectors();
    let mut refused_only_here = Vec::new();
    for case in cases(&vectors, "scalar_decode", 9) {
        let read = <[u8; 32]>::try_from(hex(case, "in"))
            .ok()
            .and_then(|bytes| Option::<Scalar>::from(Scalar::from_repr(bytes.into())));
        match (read, text(case, "verdict")) {
            (Some(scalar), "ok") => assert_eq!(scalar.to_bytes()[..], hex(case, "re_encoded")),
            (None, "ok") => {
                let reduced = <Scalar as Reduce<FieldBytes>>::reduce(&array::<32>(case, "in").into());
                assert_eq!(reduced.to_bytes()[..], hex(case, "re_encoded"));
                refused_only_here.push(text(case, "name"));
            }
            (read, verdict) => assert!(read.is_none() && verdict == "error", "{}", case["name"]),
        }
    }
    assert_eq!(refused_only_here, ["n", "n+1", "2^256-1"]);
}

#[test]
fn points_are_read_strictly() {
    let vectors = vectors();
    let mut refused_only_here = Vec::new();
    for case in cases(&vectors, "point_decode", 26) {
        match (PublicKey::from_bytes(&hex(case, "in")), text(case, "verdict")) {
            (Ok(key), "ok") => assert_eq!(key.as_bytes()[..], hex(case, "re_encoded"), "{}", case["name"]),
            (Err(_), "ok") => refused_only_here.push(text(case, "name")),
            (read, verdict) => assert!(read.is_err() && verdict == "error", "{}", case["name"]),
        }
    }
    // A signature has 33 bytes for a point, so these cannot occur in one.
    assert_eq!(refused_only_here, ["65 bytes uncompressed", "65 bytes hybrid even"]);
}

#[test]
fn point_arithmetic_agrees() {
    let point = |case: &Value, field| {
        let bytes = array::<33>(case, field);
        let identity = bytes[1..] == [0; 32];
        if identity { AffinePoint::IDENTITY } else { PublicKey::decompress(&bytes).unwrap().1 }
    };
    let scalar = |case: &Value| Scalar::from_repr(array::<32>(case, "a").into()).unwrap();
    let vectors = vectors();
    for case in cases(&vectors, "point_arithmetic", 9) {
        let out = match text(case, "op") {
            "base_mul" => ProjectivePoint::mul_by_generator(&scalar(case)),
            "mul" => ProjectivePoint::from(point(case, "b")) * scalar(case),
            "add" => ProjectivePoint::from(point(case, "a")) + ProjectivePoint::from(point(case, "b")),
            other => panic!("{other}"),
        };
        assert_eq!(compressed(out.to_affine())[..], hex(case, "out"), "{case}");
    }
}
