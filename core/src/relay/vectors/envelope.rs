//! `pokt_http.json` was recorded with an older release of the gateways' library than the network runs.

use std::collections::BTreeMap;

use prost::Message;
use serde_json::Value;

use super::{bytes, is_ok, list, load, text};
use crate::proto::sdk::types::{Header, PokthttpRequest, PokthttpResponse};
use crate::relay::envelope::{self, EnvelopeError, encode_request_message, encode_response_message};

const VECTORS: &str = "vectors/pokt_http.json";

fn headers(case: &Value) -> BTreeMap<String, Header> {
    let entry = |header: &Value| {
        let values = header["values"].as_array().unwrap().iter().map(|value| text(value).to_owned()).collect();
        (text(&header["map_key"]).to_owned(), Header { key: text(&header["key"]).to_owned(), values })
    };
    case["headers"].as_array().into_iter().flatten().map(entry).collect()
}

fn optional(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn request(case: &Value) -> PokthttpRequest {
    PokthttpRequest {
        method: optional(&case["method"]),
        header: headers(case),
        url: optional(&case["url"]),
        body_bz: bytes(&case["body"]).into(),
    }
}

fn response(case: &Value) -> PokthttpResponse {
    PokthttpResponse {
        status_code: case["status_code"].as_u64().unwrap_or_default().try_into().unwrap(),
        header: headers(case),
        body_bz: bytes(&case["body"]).into(),
    }
}

#[test]
fn encode() {
    let (mut same_bytes, mut built_from_http) = (0, 0);
    for case in list(&load(VECTORS), "encode") {
        let name = text(&case["name"]);
        if !is_ok(&case["result"]) {
            // These carry bytes that are not UTF-8, which our messages cannot hold.
            assert!(name.contains("not UTF-8"), "{name}");
            continue;
        }
        let encoded = bytes(&case["encoded"]);
        let again = if case["kind"] == "request" {
            assert_eq!(encode_request_message(&request(case)), encoded, "{name}");
            envelope::decode_request(encoded.clone().into()).map(|request| envelope::encode_request(&request))
        } else {
            assert_eq!(encode_response_message(&response(case)), encoded, "{name}");
            envelope::decode_response(encoded.clone().into())
                .map(|response| envelope::encode_response(response.status, &response.headers, response.body))
        };
        same_bytes += 1;
        match again {
            Ok(again) if again == encoded => built_from_http += 1,
            Ok(_) => assert!(http_cannot_hold(case), "{name}: through HTTP types the bytes change"),
            Err(EnvelopeError::Status(status)) => assert!(!(100..1000).contains(&status), "{name}"),
            Err(error) => panic!("{name}: {error}"),
        }
    }
    assert_eq!((same_bytes, built_from_http), (46, 32));
}

/// HTTP's own types cannot hold: no method, no name, no values, names that differ from their canonical form.
fn http_cannot_hold(case: &Value) -> bool {
    let lost = |(map_key, header): (&String, &Header)| {
        map_key.is_empty()
            || *map_key != envelope::canonical_name(map_key)
            || *map_key != header.key
            || header.values.is_empty()
    };
    (case["kind"] == "request" && optional(&case["method"]).is_empty()) || headers(case).iter().any(lost)
}

#[test]
fn decode() {
    for case in list(&load(VECTORS), "decode") {
        let name = text(&case["name"]);
        let wire = bytes(&case["in"]);
        let re_encoded = if case["kind"] == "request" {
            PokthttpRequest::decode(&*wire).map(|message| {
                assert_eq!(message, request(case), "{name}");
                encode_request_message(&message)
            })
        } else {
            PokthttpResponse::decode(&*wire).map(|message| {
                assert_eq!(message, response(case), "{name}");
                encode_response_message(&message)
            })
        };
        match (name, re_encoded) {
            // Stricter: a known field of another wire type is refused instead of kept as an unknown one.
            ("wrong wire type for body", Err(_)) => {}
            // Unknown fields are dropped instead of kept: nobody signs an envelope that we encoded anew.
            ("unknown field kept", Ok(ours)) => assert_eq!(ours, [0x0a, 3, b'G', b'E', b'T'].as_slice()),
            (_, Err(error)) => assert!(!is_ok(&case["result"]), "{name}: {error}"),
            (_, Ok(ours)) => {
                assert!(is_ok(&case["result"]), "{name}");
                assert_eq!(hex::encode(ours), text(&case["re_encoded"]), "{name}");
            }
        }
    }
}
