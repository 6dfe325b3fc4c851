//! Every case of `tests/vectors/relay.json` and `tests/vectors/pokt_http.json`, and relays recorded from a real network.

mod captured;
mod envelope;
mod messages;

use serde_json::Value;

use crate::proto::pocket::session::SessionHeader;

pub(super) fn load(name: &str) -> Value {
    let path = format!("{}/../tests/{name}", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap()
}

pub(super) fn list<'v>(value: &'v Value, name: &str) -> &'v [Value] {
    let cases = value[name].as_array().unwrap();
    assert!(!cases.is_empty(), "{name}");
    cases
}

pub(super) fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

pub(super) fn bytes(value: &Value) -> Vec<u8> {
    hex::decode(text(value)).unwrap()
}

fn is_ok(verdict: &Value) -> bool {
    verdict["verdict"] == "ok"
}

fn header(value: &Value) -> Option<SessionHeader> {
    (!value.is_null()).then(|| SessionHeader {
        application_address: text(&value["application_address"]).to_owned(),
        service_id: text(&value["service_id"]).to_owned(),
        session_id: text(&value["session_id"]).to_owned(),
        session_start_block_height: value["session_start_block_height"].as_i64().unwrap(),
        session_end_block_height: value["session_end_block_height"].as_i64().unwrap(),
    })
}
