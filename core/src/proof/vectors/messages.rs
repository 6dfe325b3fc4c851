use prost::Message;
use prost_types::Any;
use sha2::{Digest, Sha256};

use super::{bytes, header, is_ok, list, load, text};
use crate::proof::submission::check_basics;
use crate::proof::*;
use crate::proto::pocket::proof::{self as wire, MsgCreateClaim, MsgSubmitProof};

const VECTORS: &str = "claims.json";

#[test]
fn messages() {
    for case in list(&load(VECTORS), "messages") {
        let (name, kind) = (text(&case["name"]), text(&case["type_url"]));
        let supplier_operator_address = text(&case["supplier_operator_address"]).to_owned();
        let (session_header, content) = (header(&case["session_header"]), bytes(&case["root_hash_or_proof"]));
        let (encoded, valid) = if kind == "/pocket.proof.MsgCreateClaim" {
            let message = MsgCreateClaim { supplier_operator_address, session_header, root_hash: content };
            let claim = Claim::try_from(&message);
            if let Ok(claim) = &claim {
                assert_eq!(claim.message(), message, "{name}");
            }
            (message.encode_to_vec(), claim.is_ok())
        } else {
            let message = MsgSubmitProof { supplier_operator_address, session_header, proof: content };
            let valid = check_basics(&message).is_ok();
            (message.encode_to_vec(), valid)
        };
        assert_eq!(hex::encode(&encoded), text(&case["value"]), "{name}");
        let any = Any { type_url: kind.to_owned(), value: encoded };
        assert_eq!(hex::encode(any.encode_to_vec()), text(&case["any"]), "{name}");
        assert_eq!(valid, is_ok(&case["validate_basic"]), "{name}");
    }
}

#[test]
fn stored_claims() {
    for case in list(&load(VECTORS), "stored_claims") {
        let stored = wire::Claim::decode(bytes(&case["bytes"]).as_slice()).unwrap();
        let status = stored.proof_validation_status();
        assert_eq!(status.as_str_name(), text(&case["status"]));
        let claim = Claim::try_from(&stored).unwrap();
        assert_eq!(claim.stored(status), stored);
        assert_eq!(hex::encode(claim.stored(status).encode_to_vec()), text(&case["bytes"]));
        assert_eq!(hex::encode(claim.hash(status)), text(&case["hash"]));
        let pending: [u8; 32] =
            Sha256::digest(claim.stored(wire::ClaimProofStatus::PendingValidation).encode_to_vec()).into();
        assert_eq!(claim.hash_while_pending(), pending);
    }
}
