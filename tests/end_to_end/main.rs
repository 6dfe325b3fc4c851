//! From relays to settled claims: the program's roles as processes, on a real chain and a real Redis.
//!
//! Each scenario has a chain of its own and ends when the chain has judged every claim. The measure is always the same:
//! whoever got an answer is paid for it, root by root, coin by coin.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed step of a test ends the test")]

mod claims;
mod gateway;
#[allow(dead_code, reason = "shared with the chaos suite, which uses the rest")]
mod ledger;
mod log;
#[allow(dead_code, reason = "shared with the chaos suite, which uses the rest")]
mod pool;
#[allow(dead_code, reason = "shared with the chaos suite, which uses the rest")]
mod role;
mod stage;

mod bad_requests;
mod crashes;
mod failing_node;
mod handed_over;
mod killed;
mod lost_writes;
mod settlement;
mod takeover;
