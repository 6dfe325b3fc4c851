//! A miner alone, between a real Redis and a real chain.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod fleet;
mod running;
mod scene;

mod drains;
mod duties;
mod intake;
mod leading;
mod leases;
mod operations;
mod settles;
mod submission;
mod submission_faults;
mod submission_state;
mod successors;
