//! Commands that need nothing but files.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod program;

use program::{complaint, printed, repository, run};

#[test]
fn help_says_what_each_command_is_for() {
    let help = printed(&run(&["--help"]));
    for word in ["up", "get", "relayer", "miner", "relay", "validate", "crds", "version", "examples/quickstart"] {
        assert!(help.contains(word), "{word} is not in:\n{help}");
    }
    for command in [&["up"][..], &["get", "suppliers"], &["relay", "jsonrpc"], &["validate"], &["relayer"], &["miner"]]
    {
        let help = printed(&run(&[command, &["--help"]].concat()));
        assert!(help.contains("Usage: pocket-relay-miner") && help.len() > 400, "{command:?}:\n{help}");
    }
}

#[test]
fn the_examples_are_good() {
    for example in ["examples/quickstart", "examples/demo"] {
        let output = run(&["validate", "-f", &repository(example)]);
        assert!(output.status.success(), "{}", complaint(&output));
        assert!(printed(&output).contains("good: 1 miner pools"), "{}", printed(&output));
    }
}

#[test]
fn a_mistake_is_told_with_file_and_line_and_fails() {
    let folder = tempfile::tempdir().unwrap();
    let text = std::fs::read_to_string(repository("examples/quickstart/miner-pool.yaml")).unwrap();
    std::fs::write(folder.path().join("pool.yaml"), text.replace("replicas:", "replicsa:")).unwrap();
    let output = run(&["validate", "-f", folder.path().to_str().unwrap()]);
    assert!(!output.status.success());
    let told = complaint(&output);
    assert!(told.starts_with("error: the files have a problem:"), "{told}");
    assert!(told.contains("pool.yaml:19: unknown key `spec.replicsa`"), "{told}");
}

#[test]
fn definitions_are_printed_for_kubectl_or_written_to_a_folder() {
    let output = printed(&run(&["crds"]));
    assert_eq!(output.matches("\nkind: CustomResourceDefinition\n").count(), 3);
    assert_eq!(output.matches("---\n").count(), 3);
    let folder = tempfile::tempdir().unwrap();
    let written = run(&["crds", "--out", folder.path().to_str().unwrap()]);
    assert!(written.status.success());
    for file in ["minerpools.yaml", "relayerpools.yaml", "suppliers.yaml"] {
        let ours = std::fs::read(repository(&format!("crds/{file}"))).unwrap();
        assert!(std::fs::read(folder.path().join(file)).unwrap() == ours, "crds/{file} is out of date");
    }
}

#[test]
fn the_version_is_for_people_and_programs() {
    assert!(printed(&run(&["version"])).starts_with(concat!("pocket-relay-miner ", env!("CARGO_PKG_VERSION"))));
    let json: serde_json::Value = serde_json::from_str(&printed(&run(&["version", "--json"]))).unwrap();
    assert_eq!(json["api"], "relay.pocket.network/v1alpha1");
}

#[test]
fn relays_need_a_key_that_is_never_repeated() {
    let with = |more: &[&str]| {
        let base = ["relay", "jsonrpc", "--application", "pokt18zsapgatm7skj3aw9la0cds25wx03nr4uu95ur", "--service"];
        let rest = ["eth", "--rpc", "http://127.0.0.1:1", "--grpc", "127.0.0.1:1"];
        let output = run(&[&base[..], &rest, more].concat());
        assert!(!output.status.success());
        complaint(&output)
    };
    assert!(with(&[]).contains("--application-key or --gateway-key"));
    let mistyped = "24567be666b642762555585a4ad07be2aea13f3fe558903af6a5f1a9993f8e8";
    let told = with(&["--application-key", mistyped]);
    assert!(told.contains("neither 64 hex digits nor a file") && !told.contains(mistyped), "{told}");
}

#[test]
fn a_configuration_of_a_process_can_be_checked() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("miner.yaml");
    let good = "name: one\nchain: {nodes: [{name: a, rpc: 'http://127.0.0.1:1', grpc: '127.0.0.1:2'}]}\n\
                redis: {url: 'redis://127.0.0.1', prefix: p}\nkeys: {directory: /keys}\n";
    std::fs::write(&file, good).unwrap();
    let output = run(&["validate", "--config", file.to_str().unwrap()]);
    assert!(printed(&output).contains("good, the configuration of a miner"), "{}", complaint(&output));
    std::fs::write(&file, good.replace("redis:", "rediss:")).unwrap();
    let output = run(&["validate", "--config", file.to_str().unwrap()]);
    assert!(complaint(&output).contains("did you mean `redis`?"), "{}", complaint(&output));
}
