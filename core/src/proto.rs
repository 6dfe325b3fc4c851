//! Messages of the chain, generated from `core/proto`. Only the messages and fields that we use exist here.
//!
//! Encoding is canonical: ascending field numbers, defaults omitted, maps in key order (`docs/protocol/encoding.md`).
//! The two `meta` fields of a relay are the exception: the chain always writes them, so build them as `Some`.

#![allow(missing_docs, clippy::all, clippy::pedantic, unreachable_pub)]

include!(concat!(env!("OUT_DIR"), "/packages.rs"));
