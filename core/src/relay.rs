//! Relays: what is hashed, what is signed, what is mined.
