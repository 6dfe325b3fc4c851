//! The sparse Merkle sum trie of a session, its closest proofs and their wire form.
//!
//! A claim commits to the 48-byte [`Root`] of this trie; a proof shows the chain one of its leaves, chosen by a path that
//! nobody knows when the claim is made. Layouts and rules are described in `docs/protocol/smst.md`.
//!
//! ```
//! use relay_core::smst::{SiblingData, Trie, gob};
//! use sha2::{Digest as _, Sha256};
//!
//! let relays = [b"first relay".as_slice(), b"second relay"];
//! let mut trie = Trie::new(100);
//! for (entry, relay) in relays.iter().enumerate() {
//!     trie.insert(&Sha256::digest(relay).into(), relay, 100, entry)?;
//! }
//! let root = trie.root();
//! assert_eq!((root.sum(), root.count()), (200, 2));
//!
//! let proof = trie.prove(&[0x5a; 32], SiblingData::Send, |entry| relays.get(*entry))?;
//! proof.verify(&root)?;
//! let bytes = gob::encode(&proof.compact());
//! assert_eq!(gob::decode(&bytes)?.expand()?, proof);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod audit;
mod closest;
mod compact;
mod digest;
pub mod gob;
mod path;
mod proof;
mod root;
mod settle;
mod tree;
mod trie;

pub use audit::{AuditError, Claimed, audit};
pub use closest::SiblingData;
pub use compact::{CompactProof, CompactSides};
pub use proof::{ClosestProof, ProofError, ProvenLeaf};
pub use root::{Root, RootError};
pub use trie::{ClosestLeaf, Inserted, Trie, TrieError};

#[cfg(test)]
mod tests;
