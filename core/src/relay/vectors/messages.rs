use sha2::{Digest, Sha256};

use super::{bytes, header, is_ok, list, load, text};
use crate::address::{PublicKey, SecretKey};
use crate::proto::pocket::service::{
    RelayMinerError, RelayRequest, RelayRequestMetadata, RelayResponse, RelayResponseMetadata,
};
use crate::relay::digest::signable_response;
use crate::relay::*;
use crate::session::{HeaderError, SessionHeader};
use crate::units::Height;

const VECTORS: &str = "vectors/relay.json";

#[test]
fn requests() {
    for case in list(&load(VECTORS), "requests") {
        let name = &case["name"];
        let meta = RelayRequestMetadata {
            session_header: header(&case["session_header"]),
            signature: bytes(&case["signature"]),
            supplier_operator_address: text(&case["supplier_operator_address"]).to_owned(),
        };
        let request = RelayRequest { meta: Some(meta.clone()), payload: bytes(&case["payload"]).into() };
        assert_eq!(hex::encode(encode_request(&request)), text(&case["encoded"]), "{name}");
        assert_eq!(decode_request(bytes(&case["encoded"]).into()).unwrap(), request, "{name}");
        let unsigned = RelayRequest {
            meta: Some(RelayRequestMetadata { signature: Vec::new(), ..meta }),
            payload: request.payload.clone(),
        };
        assert_eq!(hex::encode(encode_request(&unsigned)), text(&case["encoded_without_signature"]), "{name}");
        assert_eq!(hex::encode(request_digest(&request)), text(&case["signable_hash"]), "{name}");
        let checked = check_request(&request);
        match (text(name), &checked) {
            // Stricter than the chain: nobody can be this supplier, and upper case names an application twice.
            ("supplier is not bech32", Err(RequestError::Supplier(_)))
            | ("application in upper case", Err(RequestError::Header(HeaderError::UpperCase(_)))) => {}
            _ => assert_eq!(checked.is_ok(), is_ok(&case["validate_basic"]), "{name}: {checked:?}"),
        }
        let Err(error) = checked else { continue };
        let Some(theirs) = case["validate_basic"]["text"].as_str() else { continue };
        if theirs.starts_with("invalid session header") {
            assert!(matches!(error, RequestError::Header(_)), "{name}: {error}");
        } else {
            assert_eq!(error.to_string(), theirs, "{name}");
        }
    }
}

#[test]
fn responses() {
    for case in list(&load(VECTORS), "responses") {
        let name = &case["name"];
        let refused = text(name).starts_with("payload hash set but empty");
        let mut response = RelayResponse {
            meta: Some(RelayResponseMetadata {
                session_header: header(&case["session_header"]),
                supplier_operator_signature: Vec::new(),
            }),
            payload: bytes(&case["payload"]).into(),
            relay_miner_error: relay_miner_error(&case["relay_miner_error"]),
            payload_hash: case["payload_hash"].as_str().map(|hash| hex::decode(hash).unwrap()).unwrap_or_default(),
        };
        let key = SecretKey::from_hex(text(&case["private_key"])).unwrap();
        if refused {
            // A hash that is present but empty is not representable here, so what the chain signs cannot be reproduced.
            let mut wire = bytes(&case["encoded"]);
            wire.extend([0x22, 0]);
            assert_eq!(decode_response(wire.into()), Err(DecodeError::EmptyPayloadHash), "{name}");
            response.meta.as_mut().unwrap().supplier_operator_signature = bytes(&case["signature"]);
            assert_eq!(verify_response(&response, key.public_key()), Err(SignatureError::Invalid), "{name}");
            continue;
        }
        assert_eq!(hex::encode(signable_response(&response)), text(&case["signable_encoding"]), "{name}");
        let digest = response_digest(&response);
        assert_eq!(hex::encode(digest), text(&case["signable_hash"]), "{name}");
        let prehash: [u8; 32] = Sha256::digest(digest).into();
        assert_eq!(hex::encode(prehash), text(&case["ecdsa_hash"]), "{name}");
        let signature = key.sign_prehash(&prehash);
        assert_eq!(hex::encode(signature), text(&case["signature"]), "{name}");
        response.meta.as_mut().unwrap().supplier_operator_signature = signature.to_vec();
        assert_eq!(hex::encode(encode_response(&response)), text(&case["encoded"]), "{name}");
        assert_eq!(decode_response(bytes(&case["encoded"]).into()).unwrap(), response, "{name}");
        assert_eq!(verify_response(&response, key.public_key()).is_ok(), is_ok(&case["verify"]), "{name}");
        let checked = check_response(&response);
        assert_eq!(checked.is_ok(), is_ok(&case["validate_basic"]), "{name}: {checked:?}");
        if let Err(error) = checked {
            assert_eq!(error.to_string(), text(&case["validate_basic"]["text"]), "{name}");
        }
        signs_alike(&response, &key);
    }
}

/// Where the vector is what we would build ourselves, we build it.
fn signs_alike(response: &RelayResponse, key: &SecretKey) {
    let hash_is_right = response.payload_hash.as_slice() == Sha256::digest(&response.payload).as_slice();
    let header = response.meta.as_ref().unwrap().session_header.as_ref();
    if let Some(header) = header.filter(|_| hash_is_right && response.relay_miner_error.is_none()) {
        let header = SessionHeader::try_from(header).unwrap();
        assert_eq!(&sign_response(&header, response.payload.clone(), key).unwrap(), response);
    }
}

fn relay_miner_error(value: &serde_json::Value) -> Option<RelayMinerError> {
    (!value.is_null()).then(|| RelayMinerError {
        codespace: text(&value["codespace"]).to_owned(),
        code: value["code"].as_u64().unwrap().try_into().unwrap(),
        description: text(&value["description"]).to_owned(),
        message: text(&value["message"]).to_owned(),
    })
}

#[test]
fn empty_payload_hash() {
    let vectors = load(VECTORS);
    let key = SecretKey::from_bytes(&[7; 32]).unwrap();
    let header = SessionHeader::try_from(&header(&vectors["header"]).unwrap()).unwrap();
    let error = sign_response(&header, bytes::Bytes::new(), &key).unwrap_err().to_string();
    let theirs = text(&vectors["empty_payload_hash"]["text"]);
    assert!(error.starts_with(theirs.split(": ").next().unwrap()), "{error}");
}

#[test]
fn decode() {
    for case in list(&load(VECTORS), "decode") {
        let name = text(&case["name"]);
        let wire = bytes::Bytes::from(bytes(&case["in"]));
        let (re_encoded, digest) = match text(&case["message"]) {
            "RelayRequest" => match decode_request(wire) {
                Ok(request) => (Ok(encode_request(&request)), Some(request_digest(&request))),
                Err(error) => (Err(error), None),
            },
            "RelayResponse" => match decode_response(wire) {
                Ok(response) => (Ok(encode_response(&response)), Some(response_digest(&response))),
                Err(error) => (Err(error), None),
            },
            "Relay" => (decode_relay(wire).map(|relay| encode_relay(&relay)), None),
            other => panic!("{other}"),
        };
        match (name, re_encoded) {
            // Stricter than the chain: texts are text, and the field whose presence we cannot keep is refused.
            ("supplier is not UTF-8", Err(DecodeError::Malformed { .. }))
            | ("response: payload_hash present but empty", Err(DecodeError::EmptyPayloadHash)) => {}
            (_, Err(error)) => assert!(!is_ok(&case["result"]), "{name}: {error}"),
            (_, Ok(ours)) => {
                assert!(is_ok(&case["result"]), "{name}");
                assert_eq!(hex::encode(ours), text(&case["re_encoded"]), "{name}");
                if let (Some(ours), Some(theirs)) =
                    (digest, case["signable_hash"].as_str().filter(|hash| !hash.is_empty()))
                {
                    assert_eq!(hex::encode(ours), theirs, "{name}");
                }
            }
        }
    }
}

#[test]
fn ecdsa_verify() {
    for case in list(&load(VECTORS), "ecdsa_verify") {
        let key = PublicKey::from_bytes(&bytes(&case["public_key"])).unwrap();
        let prehash: [u8; 32] = Sha256::digest(bytes(&case["signed_bytes"])).into();
        let valid = key.verify_prehash(&prehash, &bytes(&case["signature"]));
        assert_eq!(valid, case["valid"].as_bool().unwrap(), "{}", case["name"]);
    }
}

#[test]
fn relays() {
    for case in list(&load(VECTORS), "relays") {
        let request = decode_request(bytes(&case["request"]).into()).unwrap();
        let response = decode_response(bytes(&case["response_as_sent"]).into()).unwrap();
        let mined = MinedRelay::new(&request, &response);
        assert_eq!(hex::encode(&mined.bytes), text(&case["relay_bytes"]), "{}", case["name"]);
        assert_eq!(mined.hash.to_string(), text(&case["relay_hash"]), "{}", case["name"]);
        assert_eq!(mined.hash.to_string(), text(&case["relay_get_hash"]), "{}", case["name"]);
        assert_eq!(hex::encode(mined.hash.trie_path()), text(&case["trie_path"]), "{}", case["name"]);
        assert_eq!(RelayHash::of(&mined.bytes), mined.hash);
        let relay = decode_relay(mined.bytes.clone()).unwrap();
        assert_eq!(encode_relay(&relay), mined.bytes);
        assert_eq!(response.payload.len(), usize::try_from(case["response_payload_length"].as_u64().unwrap()).unwrap());
    }
}

#[test]
fn difficulty() {
    for case in list(&load(VECTORS), "difficulty") {
        let (hash, target) = (bytes(&case["relay_hash"]), bytes(&case["target_hash"]));
        match (Target::from_slice(&target), <[u8; 32]>::try_from(hash)) {
            (Ok(target), Ok(hash)) => {
                assert_eq!(target.admits(&RelayHash(hash)), case["applicable"].as_bool().unwrap(), "{}", case["name"]);
            }
            // Other lengths cannot be built. The chain compares them as strings, and refuses such a target in a proof.
            (Err(error), _) => assert_eq!(error, TargetError(target.len())),
            (_, Err(hash)) => assert!(hash.is_empty()),
        }
    }
}

/// One message in full, whose hashes are published.
#[test]
fn published() {
    let vectors = load(VECTORS);
    let published = &vectors["published"];
    let session = SessionHeader {
        application: "pokt1mrqt5f7qh8uxs27cjm9t7v9e74a9vvdnq5jva4".parse().unwrap(),
        service: "develop-http".into(),
        id: "aaaaaaaa".into(),
        start: Height(101),
        end: Height(110),
    };
    let meta = RelayRequestMetadata {
        session_header: Some((&session).into()),
        signature: vec![1],
        supplier_operator_address: "pokt19a3t4yunp0dlpfjrp7qwnzwlrzd5fzs2gjaaaj".to_owned(),
    };
    let request = RelayRequest { meta: Some(meta), payload: hex::decode("0a04504f5354").unwrap().into() };
    assert_eq!(hex::encode(request_digest(&request)), text(&published["m"]));
    let key = SecretKey::from_bytes(&[7; 32]).unwrap();
    let response = sign_response(&session, hex::decode("08c8011a027b7d").unwrap().into(), &key).unwrap();
    assert_eq!(hex::encode(&response.payload_hash), text(&published["payload_hash"]));
    let digest = response_digest(&response);
    assert_eq!(hex::encode(digest), text(&published["d"]));
    assert_eq!(hex::encode(Sha256::digest(digest)), text(&published["ecdsa_hash"]));
}
