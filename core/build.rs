//! Compiles the `.proto` files of this crate. The compiler is a Rust library, so no protoc needs to be installed.

use std::error::Error;

const FILES: &[&str] = &[
    "pocket/application.proto",
    "pocket/gateway.proto",
    "pocket/proof.proto",
    "pocket/relay_service.proto",
    "pocket/service.proto",
    "pocket/session.proto",
    "pocket/shared.proto",
    "pocket/supplier.proto",
    "pocket/tokenomics.proto",
    "cosmos/abci.proto",
    "cosmos/auth.proto",
    "cosmos/bank.proto",
    "cosmos/base.proto",
    "cosmos/crypto.proto",
    "cosmos/query.proto",
    "cosmos/signing.proto",
    "cosmos/tx.proto",
    "sdk/http.proto",
];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=proto");
    let descriptors = protox::compile(FILES, ["proto"])?;
    let mut config = tonic_prost_build::Config::new();
    // Sorted maps: the canonical encoding writes entries in key order (docs/protocol/encoding.md).
    config.btree_map(["."]);
    config.bytes([
        ".pocket.service.RelayRequest.payload",
        ".pocket.service.RelayResponse.payload",
        ".sdk.types.POKTHTTPRequest.body_bz",
        ".sdk.types.POKTHTTPResponse.body_bz",
    ]);
    tonic_prost_build::configure()
        .build_server(false)
        .include_file("packages.rs")
        .compile_fds_with_config(descriptors, config)?;
    Ok(())
}
