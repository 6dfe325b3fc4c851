use sha3::{Digest, Sha3_256};

use crate::address::Address;
use crate::units::{Height, ServiceId, SessionId};

/// The bytes whose hash is the session id: start block hash, service, application and start height (little-endian),
/// joined by dots. Supplier weights are drawn from these same bytes.
#[must_use]
pub fn preimage(start_block_hash: &[u8], service: &ServiceId, application: &Address, start: Height) -> Vec<u8> {
    let parts: [&[u8]; 4] =
        [start_block_hash, service.as_str().as_bytes(), application.as_str().as_bytes(), &start.0.to_le_bytes()];
    parts.join(&b'.')
}

/// The id of a session: 64 hex digits. Computable as soon as its first block has a hash.
#[must_use]
pub fn session_id(start_block_hash: &[u8], service: &ServiceId, application: &Address, start: Height) -> SessionId {
    hex::encode(Sha3_256::digest(preimage(start_block_hash, service, application, start))).into()
}
