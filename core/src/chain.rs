//! The chain: queries, block feed, transactions.
