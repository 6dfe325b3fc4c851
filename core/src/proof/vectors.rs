//! Every case of `tests/vectors/proof_requirement.json`, the messages and stored claims of `claims.json`, and the claims and
//! proofs that went through the chain's own handlers in `smst_proofs.json`.

mod captured;
mod draw;
mod messages;
mod money;
mod submission;

use serde_json::Value;

use crate::address::Address;
use crate::proto::pocket::session::SessionHeader;

fn load(name: &str) -> Value {
    let path = format!("{}/../tests/vectors/{name}", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap()
}

fn list<'v>(value: &'v Value, name: &str) -> &'v [Value] {
    let cases = value[name].as_array().unwrap();
    assert!(!cases.is_empty(), "{name}");
    cases
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

fn bytes(value: &Value) -> Vec<u8> {
    hex::decode(text(value)).unwrap()
}

fn array(value: &Value) -> [u8; 32] {
    bytes(value).try_into().unwrap()
}

/// Numbers that may not fit a JSON number are texts.
fn number<N: std::str::FromStr>(value: &Value) -> N
where
    N::Err: std::fmt::Debug,
{
    text(value).parse().unwrap()
}

fn float(value: &Value) -> u64 {
    u64::from_str_radix(text(&value["bits"]), 16).unwrap()
}

fn is_ok(verdict: &Value) -> bool {
    verdict["verdict"] == "ok"
}

fn address(value: &Value) -> Address {
    text(value).parse().unwrap()
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
