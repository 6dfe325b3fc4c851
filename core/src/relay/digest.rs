use bytes::Bytes;
use prost::Message;
use prost::encoding::{WireType, encode_key, encode_varint};
use sha2::{Digest, Sha256};

use crate::proto::pocket::service::{RelayRequest, RelayRequestMetadata, RelayResponse, RelayResponseMetadata};

const PAYLOAD_FIELD: u32 = 2;

/// What the application's ring signs: SHA-256 of the request without its signature, payload included.
#[must_use]
pub fn request_digest(request: &RelayRequest) -> [u8; 32] {
    let meta = request.meta.as_ref().map_or_else(RelayRequestMetadata::default, |meta| RelayRequestMetadata {
        session_header: meta.session_header.clone(),
        signature: Vec::new(),
        supplier_operator_address: meta.supplier_operator_address.clone(),
    });
    let mut head = RelayRequest { meta: Some(meta), payload: Bytes::new() }.encode_to_vec();
    // The payload is the last field and may be large: it goes to the hash as it is instead of through a copy.
    if !request.payload.is_empty() {
        encode_key(PAYLOAD_FIELD, WireType::LengthDelimited, &mut head);
        encode_varint(request.payload.len() as u64, &mut head);
    }
    Sha256::new().chain_update(&head).chain_update(&request.payload).finalize().into()
}

/// SHA-256 of the response without its signature and, where it has a payload hash, without its payload. The supplier's
/// signature is over the SHA-256 of this once more.
#[must_use]
pub fn response_digest(response: &RelayResponse) -> [u8; 32] {
    Sha256::digest(signable_response(response)).into()
}

pub(super) fn signable_response(response: &RelayResponse) -> Vec<u8> {
    RelayResponse {
        meta: Some(RelayResponseMetadata {
            session_header: response.meta.as_ref().and_then(|meta| meta.session_header.clone()),
            supplier_operator_signature: Vec::new(),
        }),
        payload: if response.payload_hash.is_empty() { response.payload.clone() } else { Bytes::new() },
        relay_miner_error: response.relay_miner_error.clone(),
        payload_hash: response.payload_hash.clone(),
    }
    .encode_to_vec()
}
