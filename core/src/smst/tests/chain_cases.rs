//! `smst_proofs.json`, `chain`: what the chain's handlers said about the trie part of real proof messages.
//!
//! Windows, sessions, fees and signatures are judged elsewhere; here the proof bytes meet the claimed root.

use prost::Message;
use serde::Deserialize;

use super::super::{Claimed, Root, audit};
use super::mutations::stage;
use super::{unhex, unhex32, vectors};
use crate::proto::pocket::proof::{MsgCreateClaim, MsgSubmitProof};

#[derive(Deserialize)]
struct File {
    chain: Chain,
}

#[derive(Deserialize)]
struct Chain {
    proof_path: String,
    compute_units_per_relay: u64,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    msg_create_claim: Option<String>,
    msg_submit_proof: String,
    well_formed: Verdict,
    signatures_and_closest_path: Verdict,
    accepted: bool,
}

#[derive(Deserialize)]
struct Verdict {
    #[serde(default)]
    text: String,
}

impl Case {
    /// The stage at which the trie library ended, where the handlers tell.
    fn expected_stage(&self) -> Option<&'static str> {
        let end_of_block = self.signatures_and_closest_path.text.as_str();
        if self.well_formed.text.contains("failed to unmarshal sparse compact")
            || end_of_block.contains("unmarshal sparse")
        {
            Some("unmarshal")
        } else if end_of_block.starts_with("invalid closest merkle proof") {
            Some("verify")
        } else if end_of_block.is_empty() {
            Some("valid")
        } else {
            None
        }
    }
}

#[test]
fn proof_bytes_are_judged_as_on_chain() {
    let chain = vectors::<File>("smst_proofs.json").chain;
    assert_eq!(chain.cases.len(), 66);
    let path = unhex32(&chain.proof_path);
    let (mut judged, mut accepted) = (0, 0);
    for case in &chain.cases {
        let Some(claim) = &case.msg_create_claim else { continue };
        let root = MsgCreateClaim::decode(unhex(claim).as_slice()).unwrap().root_hash;
        let proof = MsgSubmitProof::decode(unhex(&case.msg_submit_proof).as_slice()).unwrap().proof;
        if let Some(expected) = case.expected_stage() {
            assert_eq!(stage(&proof, &root), expected, "{}", case.name);
            judged += 1;
        }
        // Ours must pass the audit, except bytes that no encoder of ours writes.
        if case.accepted && case.name != "proof bytes: trailing byte" {
            let root = Root::try_from(root.as_ref()).unwrap();
            let claimed = Claimed { root: &root, path: &path, weight: chain.compute_units_per_relay };
            audit(&proof, &claimed).unwrap_or_else(|error| panic!("{}: {error}", case.name));
            accepted += 1;
        }
    }
    assert_eq!((judged, accepted), (33, 12));
}
