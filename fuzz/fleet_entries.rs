//! Fuzz targets for the files people write: configuration of relayers and miners, and the manifests of a fleet. Replayed in
//! `cli/tests/fuzz_corpus.rs`.

// Every fuzz target uses one of these functions, the replay all of them; a broken round trip has to panic.
#![allow(dead_code, unreachable_pub, clippy::expect_used)]

use operator::api::{MinerPool, RelayerPool, Supplier};
use relay_core::config;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// What is done with one input.
pub type Target = fn(&[u8]);

/// Folder of the corpus and function of each target.
pub const TARGETS: [(&str, Target); 3] =
    [("relayer_config", fuzz_relayer_config), ("miner_config", fuzz_miner_config), ("manifest", fuzz_manifest)];

/// A relayer's configuration, with all its checks.
pub fn fuzz_relayer_config(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(accepted) = relayer::Config::parse(text, "fuzzed.yaml") {
        let written = serde_json::to_string(&accepted).expect("JSON can say all of it");
        let again = relayer::Config::parse(&written, "written.json").expect("what we write, we read");
        assert_eq!(again, accepted);
    }
}

/// A miner's configuration, before the checks that look at several values.
pub fn fuzz_miner_config(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(accepted) = config::parse::<miner::Config>(text, "fuzzed.yaml") {
        let written = serde_json::to_string(&accepted).expect("JSON can say all of it");
        let again = config::parse::<miner::Config>(&written, "written.json").expect("what we write, we read");
        assert_eq!(again, accepted);
    }
}

/// A manifest, tried as each kind of resource.
pub fn fuzz_manifest(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    round_trip::<MinerPool>(text);
    round_trip::<RelayerPool>(text);
    round_trip::<Supplier>(text);
}

fn round_trip<T: DeserializeOwned + Serialize>(text: &str) {
    if let Ok(accepted) = config::parse::<T>(text, "fuzzed.yaml") {
        let written = serde_json::to_value(&accepted).expect("JSON can say all of it");
        let again = config::parse::<T>(&written.to_string(), "written.json").expect("what we write, we read");
        assert_eq!(serde_json::to_value(&again).expect("JSON can say all of it"), written);
    }
}
