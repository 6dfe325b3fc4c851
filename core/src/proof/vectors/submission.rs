//! 66 claims and proofs that went through the chain's own handlers.

use prost::Message;
use serde_json::Value;

use super::{address, array, bytes, header, list, load, text};
use crate::address::{Address, PublicKey};
use crate::proof::*;
use crate::proto::pocket::proof::{MsgCreateClaim, MsgSubmitProof};
use crate::proto::pocket::shared::Params;
use crate::relay::{Target, TargetError};
use crate::ring::Verifier;
use crate::ring::membership::{Delegations, RingKeys, expected_ring};
use crate::session::{SessionHeader, Windows};
use crate::units::{ComputeUnits, Height, Upokt};

/// What all cases share.
struct Chain {
    session: SessionHeader,
    suppliers: Vec<Address>,
    windows: Windows,
    seed_block_hash: [u8; 32],
    compute_units_per_relay: ComputeUnits,
    supplier_key: PublicKey,
    ring: RingKeys,
    fee: Upokt,
}

impl Chain {
    fn new(common: &Value) -> Self {
        let keys = list(common, "keys");
        let key = |name: &str| keys.iter().find(|key| key["name"] == name).unwrap();
        let public_key = |key: &Value| PublicKey::from_bytes(&bytes(&key["public_key"])).unwrap();
        let session = SessionHeader::try_from(&header(&common["session_header"]).unwrap()).unwrap();
        let windows = Windows::of(session.end, &code_defaults());
        assert_eq!(windows.claim_open.0, common["claim_window_open"].as_i64().unwrap());
        assert_eq!(windows.proof_open.0, common["proof_window_open"].as_i64().unwrap());
        assert_eq!(windows.seed_height().0, common["seed_height"].as_i64().unwrap());
        let seed_block_hash = array(&common["seed_block_hash"]);
        assert_eq!(hex::encode(proof_path(&seed_block_hash, &session.id)), text(&common["proof_path"]));
        let gateways = vec![address(&key("chain/gateway")["address"])];
        let delegations = Delegations { gateways, ..Delegations::default() };
        let ring = expected_ring(&session.application, &delegations, session.end);
        let ring = RingKeys::resolve(&ring, |member| {
            keys.iter().find(|key| key["address"] == member.as_str()).map(&public_key)
        });
        Self {
            suppliers: vec![address(&key("chain/supplier")["address"])],
            supplier_key: public_key(key("chain/supplier")),
            compute_units_per_relay: ComputeUnits(common["compute_units_per_relay"].as_u64().unwrap()),
            fee: Upokt(common["proof_submission_fee_upokt"].as_u64().unwrap().into()),
            ring: ring.unwrap(),
            session,
            windows,
            seed_block_hash,
        }
    }

    fn judge_claim(&self, case: &Value) -> Result<Claim, ClaimRefusal> {
        let message = MsgCreateClaim::decode(bytes(&case["msg_create_claim"]).as_slice()).unwrap();
        let height = match text(&case["name"]) {
            "claim one block early" => self.windows.claim_open - 1,
            "claim in the last block of its window" => self.windows.claim_close,
            "claim one block late" => self.windows.claim_close + 1,
            _ => self.windows.claim_open,
        };
        let terms = ClaimTerms {
            session: &self.session,
            suppliers: &self.suppliers,
            windows: &self.windows,
            height,
            compute_units_per_relay: self.compute_units_per_relay,
        };
        check_claim(&message, &terms)
    }

    fn judge_proof(&self, case: &Value, claim: Option<&Claim>, target: Target) -> Result<(), ProofRefusal> {
        let message = MsgSubmitProof::decode(bytes(&case["msg_submit_proof"]).as_slice()).unwrap();
        let not_required = case["name"] == "proof not required";
        let params = ProofParams {
            probability: 0.0,
            threshold: if not_required { Upokt(u128::MAX) } else { Upokt(0) },
            missing_penalty: Upokt(0),
            submission_fee: self.fee,
        };
        let terms = ProofTerms {
            session: &self.session,
            claim,
            windows: &self.windows,
            height: Height(case["height"].as_i64().unwrap()),
            seed_block_hash: &self.seed_block_hash,
            compute_units_per_relay: self.compute_units_per_relay,
            pricing: &Pricing::new(&code_defaults(), target),
            params: &params,
            spendable: Upokt(case["supplier_spendable_upokt"].as_u64().unwrap().into()),
            supplier_key: &self.supplier_key,
            ring: &self.ring,
        };
        check_submission(&message, &terms, &Verifier::new(1 << 20))
    }
}

fn code_defaults() -> Params {
    Params {
        num_blocks_per_session: 10,
        grace_period_end_offset_blocks: 1,
        claim_window_open_offset_blocks: 1,
        claim_window_close_offset_blocks: 4,
        proof_window_open_offset_blocks: 0,
        proof_window_close_offset_blocks: 4,
        compute_units_to_tokens_multiplier: 42_000_000,
        compute_unit_cost_granularity: 1_000_000,
        ..Params::default()
    }
}

/// The chain accepts these claims, which can never be proven, and this proof, which our encoder does not write.
const STRICTER: &[&str] =
    &["claim: wrong end height", "claim: start height inside the session", "proof bytes: trailing byte"];

#[test]
fn what_the_chain_refuses_is_refused_and_what_it_accepts_is_sent() {
    let vectors = load("smst_proofs.json");
    let chain = Chain::new(&vectors["chain"]);
    let cases = list(&vectors["chain"], "cases");
    assert_eq!(cases.len(), 66);
    for case in cases {
        let name = text(&case["name"]);
        let claim = match case["create_claim"]["verdict"].as_str() {
            Some("") | None => None,
            verdict => {
                let judged = chain.judge_claim(case);
                if !STRICTER.contains(&name) {
                    assert_eq!(judged.is_ok(), verdict == Some("ok"), "{name}: {judged:?}");
                }
                // What the chain stored, it stored: proofs are judged against that, even where we would not have claimed.
                let message = MsgCreateClaim::decode(bytes(&case["msg_create_claim"]).as_slice()).unwrap();
                (verdict == Some("ok")).then(|| Claim::try_from(&message).unwrap())
            }
        };
        let accepted = case["accepted"].as_bool().unwrap();
        let target = match Target::from_slice(&bytes(&case["target_hash"])) {
            Ok(target) => target,
            Err(error) => {
                assert_eq!((error, accepted), (TargetError(31), false), "{name}");
                continue;
            }
        };
        let judged = chain.judge_proof(case, claim.as_ref(), target);
        assert_eq!(judged.is_ok(), accepted && !STRICTER.contains(&name), "{name}: {judged:?}");
        if let (Some(fragment), Err(refusal)) = (reason(name), &judged) {
            assert!(refusal.to_string().contains(fragment), "{name}: {refusal}");
        }
    }
}

/// Refused is not enough: it must be for the right reason, else one check could hide that another is missing.
fn reason(name: &str) -> Option<&'static str> {
    let reason = match name {
        "one block before the proof window" | "one block after the proof window" => "outside the proof window",
        "no claim" | "claim one block early" | "claim one block late" => "holds no claim",
        "claim: wrong end height" | "claim: start height inside the session" => "stored claim is for another session",
        "path of another block" | "path of another session" | "path: session id as raw bytes" => "another path",
        "proof bytes: empty" => "has no proof",
        "message: supplier not in the session" => "from \"pokt137pp8m6z9hv0s3gtra3y45g9txk4290csrhhpj\"",
        "message: session id" => "session ID mismatch",
        "message: end height" => "end height mismatch",
        "message: header missing" => "has no session header",
        "relay: request signature altered" | "relay: request payload altered" => "request: the ring signature",
        "relay: request signed by a stranger's ring" => "neither the application nor one of its gateways",
        "relay: request signature empty" => "missing application signature",
        "relay: request without header" | "relay: without request" => "missing session header",
        "relay: request for another supplier" => "meant for supplier",
        "relay: request of another session" | "relay: request with another end height" => "relay's request: session",
        "relay: response signature altered"
        | "relay: response signed by another supplier"
        | "relay: response payload hash altered" => "invalid signature",
        "relay: response signature absent" => "missing supplier operator signature",
        "relay: response of another session" => "relay's response: session",
        "relay: without response" => "missing meta",
        "relay: leaf is not a relay" => "proven leaf is not a Relay",
        "difficulty: target = relay hash" | "difficulty: target far below" => "not below the difficulty target",
        "fee: balance equals the fee" | "fee: no spendable coins" => "needs more than the proof fee",
        "proof not required" => "asks for no proof",
        _ => return None,
    };
    Some(reason)
}
