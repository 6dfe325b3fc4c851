//! Replays the corpus of the fuzz targets for configuration files and manifests: inputs that once mattered keep mattering, on
//! any toolchain.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "../../fuzz/fleet_entries.rs"]
mod entries;

use std::fs;
use std::path::Path;

#[test]
fn no_input_of_the_corpus_panics_or_changes_in_a_round_trip() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus");
    for (name, target) in entries::TARGETS {
        let mut inputs = 0;
        for input in fs::read_dir(corpus.join(name)).unwrap() {
            let path = input.unwrap().path();
            println!("{}", path.display());
            target(&fs::read(path).unwrap());
            inputs += 1;
        }
        assert!(inputs >= 10, "{name} has only {inputs} inputs");
    }
}
