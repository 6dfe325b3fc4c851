//! Transactions, byte for byte as the network's own miners build them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on fails")]

use std::path::PathBuf;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use prost::Message;
use prost_types::Any;
use relay_core::address::SecretKey;
use relay_core::chain::ChainTime;
use relay_core::chain::tx::{
    DEFAULT_GAS_ADJUSTMENT, Draft, GasPrice, MEMO, Order, SignedTx, adjusted_gas, claim, proof, timeout_for,
};
use relay_core::proto::cosmos::base::v1beta1::Coin;
use relay_core::proto::cosmos::tx::v1beta1::{TxBody, TxRaw};
use relay_core::proto::pocket::proof::{MsgCreateClaim, MsgSubmitProof};
use serde_json::Value;

fn load(path: &str) -> Value {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests").join(path);
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn text<'a>(case: &'a Value, name: &str) -> &'a str {
    case[name].as_str().unwrap_or_else(|| panic!("{name} of {case}"))
}

/// Large numbers are texts.
fn number(case: &Value, name: &str) -> u64 {
    case[name].as_u64().or_else(|| case[name].as_str()?.parse().ok()).unwrap_or_else(|| panic!("{name} of {case}"))
}

fn coins(fee: &str) -> Vec<Coin> {
    let digits = fee.find(|character: char| !character.is_ascii_digit());
    let split = digits.map(|at| fee.split_at(at));
    split.into_iter().map(|(amount, denom)| Coin { denom: denom.to_owned(), amount: amount.to_owned() }).collect()
}

fn draft(case: &Value) -> Draft {
    let messages = case["messages"].as_array().unwrap().iter();
    let any = |message: &Value| Any {
        type_url: text(message, "type_url").to_owned(),
        value: hex::decode(text(message, "value")).unwrap(),
    };
    let order = if case["unordered"] == true {
        let seconds = i64::try_from(number(case, "timeout_seconds")).unwrap();
        let nanos = u32::try_from(number(case, "timeout_nanos")).unwrap();
        Order::Unordered { timeout: ChainTime::from_parts(seconds, nanos) }
    } else {
        Order::Sequence { sequence: number(case, "sequence"), timeout_height: number(case, "timeout_height") }
    };
    Draft {
        messages: messages.map(any).collect(),
        memo: text(case, "memo").to_owned(),
        order,
        gas_limit: number(case, "gas_limit"),
        fee: coins(text(case, "fee")),
    }
}

#[test]
fn every_recorded_transaction_is_built_byte_for_byte() {
    let vectors = load("vectors/claims.json");
    let cases = vectors["transactions"].as_array().unwrap();
    assert_eq!(cases.len(), 19);
    for case in cases {
        let name = text(case, "name");
        let key = SecretKey::from_hex(text(case, "private_key")).unwrap();
        let (chain, account) = (text(case, "chain_id"), number(case, "account_number"));
        let signed = draft(case).sign(&key, chain, account);
        let raw = TxRaw::decode(signed.bytes.as_slice()).unwrap();
        assert_eq!(hex::encode(&raw.body_bytes), text(case, "body_bytes"), "{name}");
        assert_eq!(hex::encode(&raw.auth_info_bytes), text(case, "auth_info_bytes"), "{name}");
        assert_eq!(hex::encode(&raw.signatures[0]), text(case, "signature"), "{name}");
        assert_eq!(hex::encode(&signed.bytes), text(case, "tx_raw"), "{name}");
        assert_eq!(signed.hash.to_string(), text(case, "tx_hash"), "{name}");
        if let Some(without_fee) = case["tx_raw_without_fee"].as_str() {
            let simulated = draft(case).paying(0, Vec::new()).sign(&key, chain, account);
            assert_eq!(hex::encode(simulated.bytes), without_fee, "{name}");
        }
    }
}

fn window(case: &Value) -> Option<Duration> {
    let nanos = case["window_nanos"].as_i64().or_else(|| case["window_nanos"].as_str()?.parse().ok()).unwrap();
    u64::try_from(nanos).ok().filter(|nanos| *nanos > 0).map(Duration::from_nanos)
}

// rule: I-14, H-04, H-05
#[test]
fn timeouts_follow_the_window() {
    let vectors = load("vectors/tx_client.json");
    let cases = vectors["timeouts"].as_array().unwrap();
    assert_eq!(cases.len(), 14);
    for case in cases {
        assert_eq!(timeout_for(window(case)), Duration::from_nanos(number(case, "timeout_nanos")), "{case}");
    }
}

#[test]
fn the_client_sends_what_the_reference_sends() {
    let vectors = load("vectors/tx_client.json");
    let key = SecretKey::from_hex(text(&vectors, "private_key")).unwrap();
    let mut compared = 0;
    for case in vectors["transactions"].as_array().unwrap() {
        let name = text(case, "name");
        let Some(messages) = case["messages"].as_array() else {
            assert_eq!(text(case, "broadcast_tx"), "", "{name}: nothing to say, nothing sent");
            continue;
        };
        let build = |message: &Value| {
            let bytes = hex::decode(message.as_str().unwrap()).unwrap();
            match text(case, "kind") {
                "claim" => claim(&MsgCreateClaim::decode(bytes.as_slice()).unwrap()),
                _ => proof(&MsgSubmitProof::decode(bytes.as_slice()).unwrap()),
            }
        };
        let block_time: ChainTime = text(case, "latest_block_time").parse().unwrap();
        let draft = Draft::unordered(messages.iter().map(build).collect(), block_time + timeout_for(window(case)));
        let sign = |draft: &Draft| draft.sign(&key, text(case, "chain_id"), number(case, "account_number"));
        if let Some(simulated) = case["simulated_tx"].as_str() {
            assert_eq!(hex::encode(sign(&draft).bytes), simulated, "{name}");
        }
        let adjustment = case["gas_adjustment"].as_f64().filter(|factor| *factor > 0.0);
        let gas = match number(case, "configured_gas_limit") {
            0 => adjusted_gas(number(case, "simulated_gas_used"), adjustment.unwrap_or(DEFAULT_GAS_ADJUSTMENT)),
            fixed => fixed,
        };
        assert_eq!(gas, number(case, "tx_gas_limit"), "{name}");
        let price = text(case, "gas_price");
        let price: GasPrice = if price.is_empty() { GasPrice::default() } else { price.parse().unwrap() };
        let fee = price.fee(gas);
        assert_eq!(fee, coins(text(case, "tx_fee")), "{name}");
        assert_eq!(hex::encode(sign(&draft.paying(gas, fee)).bytes), text(case, "broadcast_tx"), "{name}");
        compared += 1;
    }
    assert_eq!(compared, 17);
}

/// The network's public development key of the supplier that was recorded, and its account number there.
const SUPPLIER1: &str = "cd41a98ac7ac3b190c345b88e2885422d7bb553c59bca03c6e2618d49f8b1c06";
const SUPPLIER1_ACCOUNT: u64 = 7;

#[test]
fn transactions_that_a_chain_accepted_are_rebuilt_from_their_parts() {
    let key = SecretKey::from_hex(SUPPLIER1).unwrap();
    for name in ["claim", "proof"] {
        let captured = load(&format!("fixtures/tx/{name}.supplier1.json"));
        let bytes = BASE64_STANDARD.decode(text(&captured, "tx_raw_b64")).unwrap();
        let decoded = &captured["decoded"];
        let fee = &decoded["auth_info"]["fee"];
        let timeout: ChainTime = text(&decoded["body"], "timeout_timestamp").parse().unwrap();
        assert_eq!(decoded["body"]["memo"], MEMO);

        let body = TxBody::decode(TxRaw::decode(bytes.as_slice()).unwrap().body_bytes.as_slice()).unwrap();
        let rebuild = |any: &Any| match any.type_url.as_str() {
            "/pocket.proof.MsgCreateClaim" => claim(&MsgCreateClaim::decode(any.value.as_slice()).unwrap()),
            _ => proof(&MsgSubmitProof::decode(any.value.as_slice()).unwrap()),
        };
        let messages = body.messages.iter().map(rebuild).collect();
        let gas = number(fee, "gas_limit");
        let signed = Draft::unordered(messages, timeout).paying(gas, GasPrice::default().fee(gas)).sign(
            &key,
            "pocket",
            SUPPLIER1_ACCOUNT,
        );
        assert_eq!(hex::encode(&signed.bytes), hex::encode(&bytes), "{name}");
        assert_eq!(signed.hash.to_string(), text(&captured, "tx_hash"), "{name}");
        assert_eq!(SignedTx::from_bytes(bytes), signed, "{name}");
    }
}
