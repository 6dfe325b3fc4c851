//! What processes are told, word for word.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod folder;

use std::path::{Path, PathBuf};

use folder::Folder;
use operator::build::{Bundle, Site, build};
use operator::local::dereference;
use relay_core::relay::RpcType;
use relay_core::telemetry::LogConfig;
use relayer::config::{Balancing, ValidationMode};

fn site() -> Site {
    let address = |port: u16| ([127, 0, 0, 1], port).into();
    Site {
        folder: PathBuf::from("/state"),
        relay_addresses: [8080, 8081].map(address).to_vec(),
        admin_addresses: [9001, 9002, 9003, 9004].map(address).to_vec(),
        logs: LogConfig::default(),
    }
}

fn bundle(folder: &Folder) -> Bundle {
    build(&dereference::fleet(folder.path()).unwrap(), &site()).unwrap()
}

#[test]
fn a_pool_becomes_one_process_for_each_replica() {
    let bundle = bundle(&Folder::good());
    let names: Vec<&str> = bundle.processes.iter().map(|process| process.name.as_str()).collect();
    assert_eq!(names, ["main-miner-0", "main-miner-1", "main-relayer-0", "main-relayer-1"]);
    assert_eq!(bundle.processes[3].listen.unwrap().port(), 8081);
    assert_eq!(bundle.keys.len(), 1);
    assert_eq!(bundle.keys[0].path, Path::new("keys/main/pokt18zsapgatm7skj3aw9la0cds25wx03nr4uu95ur"));
}

#[test]
fn a_miner_is_told_this() {
    let folder = Folder::good().replace(
        "miners.yaml",
        "replicas: 2",
        "leases: {ttl: 9s, renew: 3s}\n  transactions: {gasPrice: 0.01upokt}",
    );
    let bundle = bundle(&folder);
    insta::assert_snapshot!(bundle.processes[0].config.as_str());
    let read: miner::Config = relay_core::config::parse(&bundle.processes[0].config, "miner.yaml").unwrap();
    assert_eq!(read.leases.ttl.to_string(), "9s");
}

#[test]
fn a_relayer_is_told_this() {
    let bundle = bundle(&Folder::good());
    insta::assert_snapshot!(bundle.processes[2].config.as_str());
    relayer::Config::parse(&bundle.processes[2].config, "relayer.yaml").unwrap();
}

#[test]
fn every_kind_of_backend_reaches_the_relayer() {
    let backends = "backends:
      jsonRpc: {balancing: Weighted, endpoints: [{url: 'http://a:1', weight: 3}, {url: 'http://b:1', name: b}]}
      rest: {endpoints: [{url: 'https://c/v1'}]}
      cometBft: {endpoints: [{url: 'http://d:26657'}]}
      webSocket: {endpoints: [{url: 'ws://e:8546'}]}
      grpc: {endpoints: [{url: 'grpc://f:9090'}]}
    defaultBackend: rest
    validation: Optimistic";
    let one = "backends: {jsonRpc: {endpoints: [{url: 'http://127.0.0.1:8545'}]}}";
    let bundle = bundle(&Folder::good().replace("relayers.yaml", one, backends));
    let config = relayer::Config::parse(&bundle.processes[2].config, "relayer.yaml").unwrap();
    let service = config.services.values().next().unwrap();
    assert_eq!(service.default_type(), Some(RpcType::Rest));
    assert_eq!(service.validation, Some(ValidationMode::Optimistic));
    assert!(service.backends.keys().copied().eq(RpcType::ALL));
    let weighted = &service.backends[&RpcType::JsonRpc];
    assert_eq!(weighted.balancing(), Balancing::Weighted);
    let endpoints = weighted.nodes();
    assert_eq!((endpoints[0].weight, endpoints[1].weight, endpoints[1].label()), (3, 1, "b"));
}

#[test]
fn a_kind_of_backend_takes_only_its_schemes() {
    let folder = Folder::good().replace("relayers.yaml", "http://127.0.0.1:8545", "ws://127.0.0.1:8545");
    let told = build(&dereference::fleet(folder.path()).unwrap(), &site()).unwrap_err().to_string();
    assert!(told.contains("jsonrpc") && told.contains("http://host:port"), "{told}");
}

#[test]
fn namespaces_are_told_apart() {
    let folder = Folder::good().replace("miners.yaml", "name: main", "name: main\n  namespace: east").replace(
        "relayers.yaml",
        "name: main\nspec",
        "name: main\n  namespace: east\nspec",
    );
    let supplier = folder.text("supplier.yaml").replace("\nmetadata:\n", "\nmetadata:\n  namespace: east\n");
    let folder = folder.file("supplier.yaml", &supplier);
    let bundle = bundle(&folder);
    assert_eq!(bundle.processes[0].name, "east.main-miner-0");
    assert!(bundle.processes[0].config.contains("prefix: east.main"), "{}", bundle.processes[0].config.as_str());
}

#[test]
fn what_a_role_refuses_is_told_with_its_place() {
    let folder = Folder::good().replace("miners.yaml", "replicas: 2", "leases: {ttl: 6s, renew: 3s}");
    let fleet = dereference::fleet(folder.path()).unwrap();
    let told = build(&fleet, &site()).unwrap_err().to_string();
    assert!(told.contains("miners.yaml:5") && told.contains("leases.renew"), "{told}");
}

#[test]
fn the_examples_can_be_built() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples");
    let mut built = 0;
    for example in std::fs::read_dir(examples).unwrap() {
        let path = example.unwrap().path();
        if path.ends_with("relayer") || path.ends_with("miner") {
            // Configuration of one role alone, which its own tests read.
            continue;
        }
        let fleet = dereference::fleet(&path).unwrap();
        build(&fleet, &Site::imaginary(&fleet)).unwrap();
        built += 1;
    }
    assert!(built > 0);
}
