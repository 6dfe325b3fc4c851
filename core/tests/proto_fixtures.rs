//! Every request and reply that was captured on a real chain passes through our messages without a changed byte.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on fails")]

use std::io::Read;
use std::path::PathBuf;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use prost::Message;
use relay_core::proto::cosmos::auth::v1beta1 as auth;
use relay_core::proto::cosmos::bank::v1beta1 as bank;
use relay_core::proto::cosmos::tx::v1beta1 as tx;
use relay_core::proto::pocket::{application, gateway, proof, service, session, shared, supplier, tokenomics};
use serde_json::Value;

fn fixtures() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures")
}

fn load(path: &str) -> Value {
    let path = fixtures().join(path);
    serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn bytes(base64: &str) -> Vec<u8> {
    BASE64_STANDARD.decode(base64).unwrap()
}

/// Decodes, encodes, and compares.
fn passes<M: Message + Default>(what: &str, bytes: &[u8]) -> M {
    let message = M::decode(bytes).unwrap_or_else(|error| panic!("{what}: {error}"));
    assert_eq!(hex::encode(message.encode_to_vec()), hex::encode(bytes), "{what}");
    message
}

type Pass = fn(&str, &[u8]);

fn pass<M: Message + Default>(what: &str, bytes: &[u8]) {
    passes::<M>(what, bytes);
}

/// Request and reply of each method that was captured.
const METHODS: &[(&str, Pass, Pass)] = &[
    (
        "/pocket.application.Query/AllApplications",
        pass::<application::QueryAllApplicationsRequest>,
        pass::<application::QueryAllApplicationsResponse>,
    ),
    (
        "/pocket.application.Query/Application",
        pass::<application::QueryGetApplicationRequest>,
        pass::<application::QueryGetApplicationResponse>,
    ),
    (
        "/pocket.application.Query/Params",
        pass::<application::QueryParamsRequest>,
        pass::<application::QueryParamsResponse>,
    ),
    ("/cosmos.auth.v1beta1.Query/Account", pass::<auth::QueryAccountRequest>, pass::<auth::QueryAccountResponse>),
    ("/cosmos.bank.v1beta1.Query/Balance", pass::<bank::QueryBalanceRequest>, pass::<bank::QueryBalanceResponse>),
    ("/pocket.gateway.Query/Params", pass::<gateway::QueryParamsRequest>, pass::<gateway::QueryParamsResponse>),
    ("/pocket.proof.Query/AllClaims", pass::<proof::QueryAllClaimsRequest>, pass::<proof::QueryAllClaimsResponse>),
    ("/pocket.proof.Query/AllProofs", pass::<proof::QueryAllProofsRequest>, pass::<proof::QueryAllProofsResponse>),
    ("/pocket.proof.Query/Claim", pass::<proof::QueryGetClaimRequest>, pass::<proof::QueryGetClaimResponse>),
    ("/pocket.proof.Query/Params", pass::<proof::QueryParamsRequest>, pass::<proof::QueryParamsResponse>),
    (
        "/pocket.service.Query/ComputeUnitsPerRelayAtHeight",
        pass::<service::QueryComputeUnitsPerRelayAtHeightRequest>,
        pass::<service::QueryComputeUnitsPerRelayAtHeightResponse>,
    ),
    ("/pocket.service.Query/Params", pass::<service::QueryParamsRequest>, pass::<service::QueryParamsResponse>),
    (
        "/pocket.service.Query/RelayMiningDifficulty",
        pass::<service::QueryGetRelayMiningDifficultyRequest>,
        pass::<service::QueryGetRelayMiningDifficultyResponse>,
    ),
    (
        "/pocket.service.Query/RelayMiningDifficultyAtHeight",
        pass::<service::QueryGetRelayMiningDifficultyAtHeightRequest>,
        pass::<service::QueryGetRelayMiningDifficultyAtHeightResponse>,
    ),
    (
        "/pocket.service.Query/Service",
        pass::<service::QueryGetServiceRequest>,
        pass::<service::QueryGetServiceResponse>,
    ),
    (
        "/pocket.session.Query/GetSession",
        pass::<session::QueryGetSessionRequest>,
        pass::<session::QueryGetSessionResponse>,
    ),
    ("/pocket.session.Query/Params", pass::<session::QueryParamsRequest>, pass::<session::QueryParamsResponse>),
    ("/pocket.shared.Query/Params", pass::<shared::QueryParamsRequest>, pass::<shared::QueryParamsResponse>),
    (
        "/pocket.shared.Query/ParamsAtHeight",
        pass::<shared::QueryParamsAtHeightRequest>,
        pass::<shared::QueryParamsAtHeightResponse>,
    ),
    ("/pocket.supplier.Query/Params", pass::<supplier::QueryParamsRequest>, pass::<supplier::QueryParamsResponse>),
    (
        "/pocket.supplier.Query/Supplier",
        pass::<supplier::QueryGetSupplierRequest>,
        pass::<supplier::QueryGetSupplierResponse>,
    ),
    (
        "/pocket.tokenomics.Query/Params",
        pass::<tokenomics::QueryParamsRequest>,
        pass::<tokenomics::QueryParamsResponse>,
    ),
    ("/cosmos.tx.v1beta1.Service/BroadcastTx", pass::<tx::BroadcastTxRequest>, pass::<tx::BroadcastTxResponse>),
    ("/cosmos.tx.v1beta1.Service/GetTx", pass::<tx::GetTxRequest>, pass::<tx::GetTxResponse>),
    ("/cosmos.tx.v1beta1.Service/Simulate", pass::<tx::SimulateRequest>, pass::<tx::SimulateResponse>),
];

#[test]
fn every_captured_call_keeps_its_bytes() {
    let mut replies = 0;
    let mut unused: Vec<&str> = METHODS.iter().map(|(method, ..)| *method).collect();
    for entry in std::fs::read_dir(fixtures().join("grpc")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let call = load(&format!("grpc/{name}"));
        let method = call["method"].as_str().unwrap();
        let (_, request, reply) = METHODS
            .iter()
            .find(|(known, ..)| *known == method)
            .unwrap_or_else(|| panic!("{name}: {method} is unknown"));
        unused.retain(|known| *known != method);
        request(&name, &bytes(call["request_b64"].as_str().unwrap()));
        match call["response_b64"].as_str() {
            Some(captured) => {
                reply(&name, &bytes(captured));
                replies += 1;
            }
            None => assert!(call["error"]["grpc_code"].is_u64(), "{name} has neither reply nor error"),
        }
    }
    assert_eq!(replies, 36, "replies among the fixtures");
    assert!(unused.is_empty(), "no fixture of {unused:?}");
}

#[test]
fn captured_transactions_keep_their_bytes_at_every_depth() {
    for (name, messages) in [("claim", 5), ("proof", 5)] {
        let captured = load(&format!("tx/{name}.supplier1.json"));
        let raw: tx::TxRaw = passes(name, &bytes(captured["tx_raw_b64"].as_str().unwrap()));
        let body: tx::TxBody = passes(name, &raw.body_bytes);
        passes::<tx::AuthInfo>(name, &raw.auth_info_bytes);
        assert_eq!(body.messages.len(), messages);
        for message in &body.messages {
            match message.type_url.as_str() {
                "/pocket.proof.MsgCreateClaim" => pass::<proof::MsgCreateClaim>(name, &message.value),
                "/pocket.proof.MsgSubmitProof" => pass::<proof::MsgSubmitProof>(name, &message.value),
                other => panic!("{name}: {other}"),
            }
        }
    }
}

/// Calls `check` with the key and text of every member of a JSON document that has a base64 form of a relay.
fn texts(value: &Value, check: &mut impl FnMut(&str, &str)) {
    match value {
        Value::Object(members) => {
            for (key, member) in members {
                match member {
                    Value::String(text) => check(key, text),
                    other => texts(other, check),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| texts(item, check)),
        _ => {}
    }
}

#[test]
fn captured_relays_keep_their_bytes() {
    let mut seen = [0_usize; 3];
    for file in ["http_pairs", "grpc_cases", "mined_messages", "websocket", "stream_and_cometbft_http"] {
        texts(&load(&format!("relays/{file}.json")), &mut |key, text| match key {
            "relay_request_b64" => {
                pass::<service::RelayRequest>(file, &bytes(text));
                seen[0] += 1;
            }
            "relay_response_b64" => {
                pass::<service::RelayResponse>(file, &bytes(text));
                seen[1] += 1;
            }
            "relay_bytes_b64" => {
                pass::<service::Relay>(file, &bytes(text));
                seen[2] += 1;
            }
            _ => {}
        });
    }
    assert!(seen[0] >= 10 && seen[1] >= 6 && seen[2] == 15, "{seen:?}");
}

#[test]
fn three_thousand_signed_requests_keep_their_bytes() {
    let packed = std::fs::read(fixtures().join("relays/signed_3000.bin.gz")).unwrap();
    let mut content = Vec::new();
    flate2::read::GzDecoder::new(packed.as_slice()).read_to_end(&mut content).unwrap();
    let header_end = content.iter().position(|byte| *byte == b'\n').unwrap() + 1;
    let mut rest = &content[header_end..];
    let mut count = 0;
    while !rest.is_empty() {
        let (prefix, tail) = rest.split_at(8);
        let length = u32::from_le_bytes(prefix[4..].try_into().unwrap()) as usize;
        let (request, tail) = tail.split_at(length);
        pass::<service::RelayRequest>("signed_3000", request);
        rest = tail;
        count += 1;
    }
    assert_eq!(count, 3000);
}
