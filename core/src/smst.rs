//! The sparse Merkle sum trie of a session, its closest proofs and their wire form.
