//! A claim and its proof that a real chain accepted, paid and settled.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use prost::Message;
use serde_json::Value;

use super::text;
use crate::address::{Address, PublicKey};
use crate::proof::*;
use crate::proto::cosmos::tx::v1beta1::{TxBody, TxRaw};
use crate::proto::pocket::application::QueryGetApplicationResponse;
use crate::proto::pocket::proof::{MsgSubmitProof, QueryGetClaimResponse, QueryParamsResponse};
use crate::proto::pocket::service::QueryGetRelayMiningDifficultyAtHeightResponse;
use crate::proto::pocket::shared::QueryParamsResponse as SharedParamsResponse;
use crate::relay::Target;
use crate::ring::Verifier;
use crate::ring::membership::{Delegations, RingKeys, expected_ring};
use crate::session::{Grid, SessionHeader, Windows, session_id};
use crate::units::{ComputeUnits, Height, Upokt};

fn fixture(name: &str) -> Value {
    let path = format!("{}/../tests/fixtures/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap()
}

fn base64(value: &Value) -> Vec<u8> {
    BASE64_STANDARD.decode(text(value)).unwrap()
}

fn answer<M: Message + Default>(name: &str) -> M {
    M::decode(base64(&fixture(&format!("grpc/{name}"))["response_b64"]).as_slice()).unwrap()
}

fn key_of(name: &str) -> (Address, PublicKey) {
    let account = &fixture(&format!("grpc/auth.account.{name}"))["response_json"]["account"];
    let key = PublicKey::from_bytes(&base64(&account["pub_key"]["key"])).unwrap();
    let address: Address = text(&account["address"]).parse().unwrap();
    assert_eq!(Address::of(&key), address);
    (address, key)
}

/// A block carries the hash of the one before it.
fn hash_before(header: &Value) -> [u8; 32] {
    hex::decode(text(&header["last_block_id"]["hash"])).unwrap().try_into().unwrap()
}

#[test]
fn a_proof_that_the_chain_accepted_is_accepted() {
    let transaction = TxRaw::decode(base64(&fixture("tx/proof.supplier1")["tx_raw_b64"]).as_slice()).unwrap();
    let body = TxBody::decode(transaction.body_bytes.as_slice()).unwrap();
    let messages = body.messages.iter().map(|any| MsgSubmitProof::decode(any.value.as_slice()).unwrap());
    let stored: QueryGetClaimResponse = answer("proof.claim.supplier1.develop-http");
    let claim = Claim::try_from(stored.claim.as_ref().unwrap()).unwrap();
    let message =
        messages.into_iter().find(|message| message.session_header == stored.claim.as_ref().unwrap().session_header);
    let message = message.unwrap();

    let application: QueryGetApplicationResponse = answer("application.application.app1");
    let gateways = application.application.unwrap().delegatee_gateway_addresses;
    let delegations = Delegations {
        gateways: gateways.iter().map(|gateway| gateway.parse().unwrap()).collect(),
        ..Delegations::default()
    };
    let keys = [key_of("app1"), key_of("gateway1")];
    let ring =
        RingKeys::resolve(&expected_ring(&claim.session.application, &delegations, claim.session.end), |member| {
            keys.iter().find(|(address, _)| address == member).map(|(_, key)| *key)
        });

    let shared = answer::<SharedParamsResponse>("shared.params").params.unwrap();
    let difficulty: QueryGetRelayMiningDifficultyAtHeightResponse = answer("service.relay_mining_difficulty_at_height");
    let target = Target::from_slice(&difficulty.relay_mining_difficulty.unwrap().target_hash).unwrap();
    let pricing = Pricing::new(&shared, target);
    assert_eq!(claimed_upokt(ComputeUnits(claim.root.sum()), &pricing), Ok(Upokt(2_000_000)), "as its event says");

    let windows = Windows::of(claim.session.end, &shared);
    let frames = fixture("cometbft/ws_new_block_header");
    let headers = frames["frames"].as_array().unwrap().iter().map(|frame| &frame["result"]["data"]["value"]["header"]);
    let after_seed = (windows.seed_height() + 1).to_string();
    let seed_block_hash =
        hash_before(headers.into_iter().find(|header| header["height"] == after_seed.as_str()).unwrap());
    let (supplier, supplier_key) = key_of("supplier1");
    assert_eq!(supplier, claim.supplier);
    let terms = ProofTerms {
        session: &claim.session,
        claim: Some(&claim),
        windows: &windows,
        height: Height(31),
        seed_block_hash: &seed_block_hash,
        compute_units_per_relay: ComputeUnits(1000),
        pricing: &pricing,
        params: &ProofParams::try_from(&answer::<QueryParamsResponse>("proof.params").params.unwrap()).unwrap(),
        spendable: Upokt(999_999_999_998),
        supplier_key: &supplier_key,
        ring: &ring.unwrap(),
    };
    let verifier = Verifier::new(1 << 20);
    assert_eq!(check_submission(&message, &terms, &verifier), Ok(()));

    let late = ProofTerms { height: windows.proof_close + 1, ..terms };
    assert!(matches!(check_submission(&message, &late, &verifier), Err(ProofRefusal::Window { .. })));
    let other_block = ProofTerms { seed_block_hash: &[0; 32], ..terms };
    assert!(matches!(check_submission(&message, &other_block, &verifier), Err(ProofRefusal::Trie(_))));
}

#[test]
fn the_session_id_is_that_of_the_real_chain() {
    let stored: QueryGetClaimResponse = answer("proof.claim.supplier1.develop-http");
    let session = SessionHeader::try_from(stored.claim.unwrap().session_header.as_ref().unwrap()).unwrap();
    let shared = answer::<SharedParamsResponse>("shared.params").params.unwrap();
    let grid = Grid::new(&shared).unwrap();
    assert_eq!((grid.start(Height(12)), grid.end(Height(12))), (session.start, session.end));
    let start_block_hash = hash_before(&fixture("cometbft/block.12")["result"]["block"]["header"]);
    assert_eq!(session_id(&start_block_hash, &session.service, &session.application, session.start), session.id);
}
