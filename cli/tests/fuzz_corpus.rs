//! Replays the corpus of the fuzz targets for configuration files and manifests.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "../../fuzz/fleet_entries.rs"]
mod entries;
#[path = "../../fuzz/replay.rs"]
mod replay;

#[test]
fn no_input_of_the_corpus_panics_or_changes_in_a_round_trip() {
    replay::replay(&entries::TARGETS);
}
