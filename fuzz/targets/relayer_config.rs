#![no_main]

#[path = "../fleet_entries.rs"]
mod entries;

libfuzzer_sys::fuzz_target!(|data: &[u8]| entries::fuzz_relayer_config(data));
