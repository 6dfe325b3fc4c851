//! The chain client against a real chain.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on fails")]

mod chain {
    mod feed;
    mod queries;
    mod shared;
    mod surroundings;
    mod transactions;
}
