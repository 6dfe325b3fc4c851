//! The miner: turns recorded relays into settled claims.
