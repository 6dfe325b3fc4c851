use std::fmt;

use bytes::Bytes;
use prost::Message;
use sha2::{Digest, Sha256};

use crate::proto::pocket::service::{Relay, RelayRequest, RelayResponse};

/// SHA-256 of the bytes of a mined relay: its identity, and its key in the session's trie.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RelayHash(pub [u8; 32]);

impl RelayHash {
    /// The hash of a mined relay's bytes, as they are.
    #[must_use]
    pub fn of(relay_bytes: &[u8]) -> Self {
        Self(Sha256::digest(relay_bytes).into())
    }

    /// The relay's place in the trie: the hash of this hash.
    #[must_use]
    pub fn trie_path(&self) -> [u8; 32] {
        Sha256::digest(self.0).into()
    }
}

impl fmt::Display for RelayHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for RelayHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// A served relay as it enters the log, the trie and perhaps a proof: the whole request, and the response without its payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MinedRelay {
    /// The canonical encoding.
    pub bytes: Bytes,
    /// Its hash.
    pub hash: RelayHash,
}

impl MinedRelay {
    /// Builds the relay from a request and the very response that its sender got.
    #[must_use]
    pub fn new(request: &RelayRequest, response: &RelayResponse) -> Self {
        let request =
            RelayRequest { meta: Some(request.meta.clone().unwrap_or_default()), payload: request.payload.clone() };
        let response = RelayResponse {
            meta: Some(response.meta.clone().unwrap_or_default()),
            payload: Bytes::new(),
            relay_miner_error: response.relay_miner_error.clone(),
            payload_hash: response.payload_hash.clone(),
        };
        let bytes = Bytes::from(Relay { req: Some(request), res: Some(response) }.encode_to_vec());
        Self { hash: RelayHash::of(&bytes), bytes }
    }
}
