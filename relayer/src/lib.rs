//! The relayer: verifies, serves, signs and records relays.
