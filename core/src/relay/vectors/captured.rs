//! Relays that were served on a real network, claimed and proven.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;

use super::{bytes, header, list, load, text};
use crate::address::PublicKey;
use crate::relay::*;
use crate::session::SessionHeader;

fn base64(value: &Value) -> bytes::Bytes {
    BASE64_STANDARD.decode(text(value)).unwrap().into()
}

#[test]
fn mined_relays_are_fixed_points_of_our_codec() {
    let messages = load("fixtures/relays/mined_messages.json");
    let messages = messages.as_array().unwrap();
    assert_eq!(messages.len(), 15);
    for message in messages {
        let wire = base64(&message["relay_bytes_b64"]);
        let hash = RelayHash::of(&wire);
        assert_eq!(hash.to_string(), text(&message["relay_hash_hex"]));
        let relay = decode_relay(wire.clone()).unwrap();
        assert_eq!(encode_relay(&relay), wire);
        let (request, response) = (relay.req.unwrap(), relay.res.unwrap());
        assert_eq!(MinedRelay::new(&request, &response), MinedRelay { bytes: wire, hash });
        let identity = check_request(&request).unwrap();
        assert_eq!(check_response(&response).unwrap(), identity.session);
        assert_eq!(identity.supplier.as_str(), text(&message["supplier"]));
        assert_eq!(identity.session.id.as_str(), text(&message["session_id"]));
        assert_eq!(identity.session.service.as_str(), text(&message["service_id"]));
        assert_eq!(identity.session.end.0, message["session_end_height"].as_i64().unwrap());
    }
}

#[test]
fn responses_that_clients_got_verify() {
    let fixture = load("fixtures/relays/http_pairs.json");
    let session = SessionHeader::try_from(&header(&fixture["session_header"]).unwrap()).unwrap();
    for pair in list(&fixture, "pairs") {
        let request = decode_request(base64(&pair["relay_request_b64"])).unwrap();
        assert_eq!(encode_request(&request), base64(&pair["relay_request_b64"]));
        let identity = check_request(&request).unwrap();
        assert_eq!((&identity.session, identity.supplier.as_str()), (&session, text(&pair["supplier"])));
        let call = envelope::decode_request(request.payload.clone()).unwrap();
        assert_eq!(envelope::encode_request(&call), request.payload, "gateways write the envelope as we do");

        let response = decode_response(base64(&pair["relay_response_b64"])).unwrap();
        assert_eq!(encode_response(&response), base64(&pair["relay_response_b64"]));
        assert_eq!(check_response(&response).unwrap(), session);
        let key = PublicKey::from_bytes(&bytes(&fixture["supplier_pubkeys_hex"][text(&pair["supplier"])])).unwrap();
        assert_eq!(verify_response(&response, &key), Ok(()));
        let answer = envelope::decode_response(response.payload.clone()).unwrap();
        assert!(answer.status.is_success());
        assert_eq!(envelope::encode_response(answer.status, &answer.headers, answer.body), response.payload);

        for position in 0..64 {
            let mut altered = response.clone();
            altered.meta.as_mut().unwrap().supplier_operator_signature[position] ^= 1;
            assert_eq!(verify_response(&altered, &key), Err(SignatureError::Invalid), "byte {position}");
        }
    }
}
