use prost_types::Any;
use relay_core::address::Address;
use relay_core::chain::tx;
use relay_core::proto::pocket::proof::{MsgCreateClaim, MsgSubmitProof};
use relay_core::session::SessionHeader;

/// The claim of a session's frozen root.
#[must_use]
pub fn claim(supplier: &Address, header: &SessionHeader, root: &[u8; 48]) -> Any {
    tx::claim(&MsgCreateClaim {
        supplier_operator_address: supplier.as_str().to_owned(),
        session_header: Some(header.into()),
        root_hash: root.to_vec(),
    })
}

/// The proof of a claim.
#[must_use]
pub fn proof(supplier: &Address, header: &SessionHeader, proof: Vec<u8>) -> Any {
    tx::proof(&MsgSubmitProof {
        supplier_operator_address: supplier.as_str().to_owned(),
        session_header: Some(header.into()),
        proof,
    })
}
