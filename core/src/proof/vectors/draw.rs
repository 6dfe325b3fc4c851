use prost::Message;
use sha2::{Digest, Sha256};

use super::{address, array, bytes, float, header, is_ok, list, load, number, text};
use crate::proof::sample::{first_int63, signed_varint, to_unit_interval};
use crate::proof::*;
use crate::proto::pocket::proof as wire;
use crate::relay::Target;
use crate::smst::{Root, RootError};
use crate::units::{ComputeUnits, Upokt};

const VECTORS: &str = "proof_requirement.json";

#[test]
fn samples() {
    for case in list(&load(VECTORS), "samples") {
        let input = bytes(&case["in"]);
        let digest = Sha256::digest(&input);
        assert_eq!(hex::encode(digest), text(&case["digest"]));
        let seed = signed_varint(&digest);
        assert_eq!(seed, number::<i64>(&case["seed"]), "{case}");
        assert_eq!(first_int63(seed), number::<u64>(&case["int63"]), "{case}");
        assert_eq!(seeded_float(&input).to_bits(), float(&case["float"]), "{case}");
    }
}

#[test]
fn seeds() {
    for case in list(&load(VECTORS), "seeds") {
        let int63 = first_int63(number(&case["seed"]));
        assert_eq!(int63, number::<u64>(&case["int63"]), "{case}");
        assert_eq!(to_unit_interval(int63).to_bits(), float(&case["float"]), "{case}");
    }
}

#[test]
fn requirements() {
    let mut reasons = Vec::new();
    for case in list(&load(VECTORS), "requirements") {
        let name = &case["name"];
        let stored = wire::Claim {
            supplier_operator_address: text(&case["supplier_operator_address"]).to_owned(),
            session_header: header(&case["session_header"]),
            root_hash: bytes(&case["root_hash"]),
            proof_validation_status: case["proof_validation_status"].as_i64().unwrap().try_into().unwrap(),
        };
        let hash: [u8; 32] = Sha256::digest(stored.encode_to_vec()).into();
        assert_eq!(hex::encode(hash), text(&case["claim_hash"]), "{name}");
        let seed_block_hash = array(&case["seed_block_hash"]);
        assert_eq!(seeded_float(&[hash, seed_block_hash].concat()).to_bits(), float(&case["sample"]), "{name}");
        let root = match Root::try_from(stored.root_hash.as_slice()) {
            Ok(root) => root,
            // No such claim can be made; the chain cannot price the empty one either.
            Err(RootError::Length(32 | 0)) => continue,
            Err(error) => panic!("{name}: {error}"),
        };
        let session = stored.session_header.as_ref().unwrap().try_into().unwrap();
        let claim = Claim { supplier: address(&case["supplier_operator_address"]), session, root };
        assert_eq!(claim.hash(stored.proof_validation_status()), hash, "{name}");
        let pricing = Pricing {
            target: Target(array(&case["target_hash"])),
            multiplier: number(&case["compute_units_to_tokens_multiplier"]),
            granularity: number(&case["compute_unit_cost_granularity"]),
        };
        let claimed = claimed_upokt(ComputeUnits(root.sum()), &pricing).unwrap();
        assert_eq!(claimed, Upokt(number(&case["claimed_upokt"])), "{name}");
        let params = ProofParams {
            probability: f64::from_bits(float(&case["proof_request_probability"])),
            threshold: Upokt(number(&case["proof_requirement_threshold"])),
            missing_penalty: Upokt(0),
            submission_fee: Upokt(0),
        };
        let reason = match requirement(&hash, claimed, &params, &seed_block_hash) {
            Requirement::NotRequired => "NOT_REQUIRED",
            Requirement::Probabilistic => "PROBABILISTIC",
            Requirement::Threshold => "THRESHOLD",
        };
        assert!(is_ok(&case["result"]), "{name}");
        assert_eq!(reason, text(&case["reason"]), "{name}");
        reasons.push(reason);
    }
    assert_eq!(reasons.len(), 50, "all but the two whose root has another length");
}
