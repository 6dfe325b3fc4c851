use sha2::{Digest, Sha256};

use crate::units::SessionId;

/// Which leaf a proof must show: the one closest to this path in the claimed trie. The hash is that of the block before
/// the proof window opens, so nobody knows the leaf while claims are made.
#[must_use]
pub fn proof_path(seed_block_hash: &[u8; 32], session: &SessionId) -> [u8; 32] {
    Sha256::new().chain_update(seed_block_hash).chain_update(session.as_str().as_bytes()).finalize().into()
}
