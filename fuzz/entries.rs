//! What each fuzz target for a decoder does with its input. A target never panics, whatever the bytes; what it accepts must
//! survive a round trip. The same functions replay the corpus in `core/tests/fuzz_corpus.rs`, without any fuzzer.

// Every fuzz target uses one of these functions, the replay all of them; a broken round trip has to panic.
#![allow(dead_code, unreachable_pub, clippy::expect_used)]

use std::collections::BTreeMap;

use bytes::Bytes;
use relay_core::config::{self, Period};
use relay_core::relay::{self, envelope};
use relay_core::ring::RingSignature;
use relay_core::smst::{Root, gob};
use serde::Deserialize;

/// What is done with one input.
pub type Target = fn(&[u8]);

/// Folder of the corpus and function of each target.
pub const TARGETS: [(&str, Target); 7] = [
    ("ring_signature", fuzz_ring_signature),
    ("http_request", fuzz_http_request),
    ("http_response", fuzz_http_response),
    ("relay_request", fuzz_relay_request),
    ("relay_response", fuzz_relay_response),
    ("proof", fuzz_proof),
    ("config", fuzz_config),
];

/// More members than any ring on the network.
const MAX_MEMBERS: usize = 64;

/// The signature of a request: sent by anybody, read before anything is known about the sender.
pub fn fuzz_ring_signature(data: &[u8]) {
    if let Ok(signature) = RingSignature::decode(data, MAX_MEMBERS) {
        assert_eq!(signature.encode(), data, "two spellings of one signature");
        assert!(signature.members().len() <= MAX_MEMBERS);
    }
}

/// The HTTP call inside a request.
pub fn fuzz_http_request(data: &[u8]) {
    if let Ok(request) = envelope::decode_request(Bytes::copy_from_slice(data)) {
        let again = envelope::decode_request(envelope::encode_request(&request));
        let again = again.expect("what we write, we read");
        assert_eq!((again.method, again.url, again.body), (request.method, request.url, request.body));
    }
}

/// The HTTP answer inside a response.
pub fn fuzz_http_response(data: &[u8]) {
    if let Ok(response) = envelope::decode_response(Bytes::copy_from_slice(data)) {
        let bytes = envelope::encode_response(response.status, &response.headers, response.body.clone());
        let again = envelope::decode_response(bytes).expect("what we write, we read");
        assert_eq!((again.status, again.body), (response.status, response.body));
    }
}

/// A relay request, and everything that is asked about it before its signature is checked.
pub fn fuzz_relay_request(data: &[u8]) {
    if let Ok(request) = relay::decode_request(Bytes::copy_from_slice(data)) {
        let encoded = relay::encode_request(&request);
        let again = relay::decode_request(encoded.into()).expect("what we write, we read");
        assert_eq!(relay::request_digest(&again), relay::request_digest(&request));
        assert_eq!(relay::check_request(&again).is_ok(), relay::check_request(&request).is_ok());
    }
}

/// A relay response, as clients read it.
pub fn fuzz_relay_response(data: &[u8]) {
    if let Ok(response) = relay::decode_response(Bytes::copy_from_slice(data)) {
        let encoded = relay::encode_response(&response);
        let again = relay::decode_response(encoded.into()).expect("what we write, we read");
        assert_eq!(relay::response_digest(&again), relay::response_digest(&response));
        assert_eq!(relay::check_response(&again).is_ok(), relay::check_response(&response).is_ok());
    }
}

/// A proof found on chain or in a record.
pub fn fuzz_proof(data: &[u8]) {
    let Ok(compact) = gob::decode(data) else { return };
    assert_eq!(gob::decode(&gob::encode(&compact)).as_ref(), Ok(&compact));
    let Ok(proof) = compact.expand() else { return };
    assert_eq!(proof.compact().expand().as_ref(), Ok(&proof));
    assert!(proof.verify(&Root::EMPTY).is_err(), "a proof of the empty trie");
}

/// A configuration file with every kind of value that ours have.
pub fn fuzz_config(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Err(error) = config::parse::<Sample>(text, "fuzzed.yaml") {
        assert!(!error.to_string().is_empty());
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sample {
    listen: String,
    #[serde(default)]
    limits: Limits,
    #[serde(default)]
    services: BTreeMap<String, Service>,
    level: Option<Level>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Limits {
    connections: u32,
    timeout: Option<Period>,
    share: f64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Service {
    backends: Vec<String>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    verify: bool,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Level {
    Info,
    Debug,
}
