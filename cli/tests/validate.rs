//! `relayer validate` and `miner validate` against a real chain, a real Redis and real backends.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod program;

use std::path::PathBuf;
use std::process::Output;
use std::time::Duration;

use program::{complaint, printed, repository, run};
use serde_json::Value;
use testbed::{Backend, Chain, Genesis, Redis};

/// A file of the Go relay miner about a real chain, Redis and backend.
struct Scene {
    chain: Chain,
    redis: Redis,
    backend: Backend,
    folder: tempfile::TempDir,
}

impl Scene {
    async fn start() -> Self {
        let genesis = Genesis::new().block_time(Duration::from_secs(1));
        let (chain, redis) = (Chain::start(genesis).await.unwrap(), Redis::start().await.unwrap());
        let backend = Backend::start().await.unwrap();
        let scene = Self { chain, redis, backend, folder: tempfile::tempdir().unwrap() };
        let key = &scene.chain.account("supplier1").unwrap().private_key;
        std::fs::write(scene.keys(), format!("keys: ['{key}']\n")).unwrap();
        scene
    }

    fn keys(&self) -> PathBuf {
        self.folder.path().join("keys.yaml")
    }

    fn text(&self) -> String {
        format!(
            "redis: {{url: '{}', pool_size: 10}}\n\
             pocket_node: {{query_node_rpc_url: '{}', query_node_grpc_url: '{}', grpc_insecure: true}}\n\
             keys: {{keys_file: '{}'}}\nservices:\n  svc1:\n    backends:\n      jsonrpc: {{url: '{}'}}\n",
            self.redis.url(),
            self.chain.rpc(),
            self.chain.grpc(),
            self.keys().display(),
            self.backend.url(),
        )
    }

    /// Validates `text` with these flags; gives the report and whether it was good.
    fn validate(&self, text: &str, flags: &[&str]) -> (bool, Value) {
        let output = self.run(text, &[flags, &["--output", "json"]].concat());
        (output.status.success(), serde_json::from_slice(&output.stdout).unwrap())
    }

    /// The same for a miner, which has no services.
    fn validate_miner(&self, more: &str, flags: &[&str]) -> (bool, Value) {
        let text = self.text();
        let (shared, _) = text.split_once("services:").unwrap();
        let file = self.folder.path().join("miner.yaml");
        std::fs::write(&file, format!("{shared}{more}\n")).unwrap();
        let command = ["miner", "validate", "--config", file.to_str().unwrap(), "--output", "json"];
        let output = run(&[&command[..], flags].concat());
        (output.status.success(), serde_json::from_slice(&output.stdout).unwrap())
    }

    fn run(&self, text: &str, flags: &[&str]) -> Output {
        let file = self.folder.path().join("relayer.yaml");
        std::fs::write(&file, text).unwrap();
        run(&[&["relayer", "validate", "--config", file.to_str().unwrap()], flags].concat())
    }
}

/// Findings of a level about a subject that contains these words.
fn found<'r>(report: &'r Value, level: &str, subject: &str) -> Vec<&'r str> {
    let findings = report["findings"].as_array().unwrap().iter();
    let fitting = findings.filter(|finding| {
        finding["level"] == level && finding["subject"].as_str().is_some_and(|text| text.contains(subject))
    });
    fitting.map(|finding| finding["text"].as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_that_a_relayer_depends_on_is_asked() {
    let scene = Scene::start().await;
    let text = format!("{}      grpc: {{url: '{}'}}\n", scene.text(), scene.chain.grpc());
    let (good, report) = scene.validate(&text, &["--online"]);
    assert!(good, "{report:#}");
    assert_eq!(found(&report, "info", "services.svc1.backends.grpc").len(), 1, "{report:#}");
    assert!(found(&report, "info", "chain.nodes.node")[0].contains("at height"), "{report:#}");
    assert!(found(&report, "info", "redis")[0..].iter().any(|text| text.contains("not used yet")), "{report:#}");
    assert_eq!(found(&report, "info", "services.svc1.backends.jsonrpc").len(), 1, "{report:#}");
    assert!(!found(&report, "info", "redis.pool_size").is_empty());

    let file = scene.folder.path().join("relayer.yaml");
    let output = run(&["relayer", "validate", "--config", file.to_str().unwrap()]);
    assert!(printed(&output).contains("good, a relayer would start with it"), "{}", printed(&output));
}

// rule: D-01
#[tokio::test(flavor = "multi_thread")]
async fn a_relayer_without_keys_does_not_start() {
    let scene = Scene::start().await;
    std::fs::write(scene.keys(), "keys: []\n").unwrap();
    let (good, report) = scene.validate(&scene.text(), &[]);
    assert!(!good && found(&report, "error", "keys")[0].contains("no keys"), "{report:#}");
    let file = scene.folder.path().join("relayer.yaml");
    let output = run(&["relayer", "--config", file.to_str().unwrap()]);
    assert!(!output.status.success() && complaint(&output).contains("no keys"), "{}", complaint(&output));
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_does_not_answer_is_an_error_that_says_what_to_do() {
    let scene = Scene::start().await;
    let text = scene
        .text()
        .replace(&scene.redis.url(), "redis://127.0.0.1:1")
        .replace(scene.chain.rpc(), "http://127.0.0.1:1")
        .replace(&scene.backend.url(), "http://127.0.0.1:1");
    let text = format!("{text}      websocket: {{url: '{}'}}\n", scene.backend.url().replace("http://", "ws://"));
    let (good, report) = scene.validate(&text, &["--online"]);
    assert!(!good);
    for subject in ["redis", "chain.nodes.node.rpc", "services.svc1.backends.jsonrpc", "backends.websocket"] {
        assert_eq!(found(&report, "error", subject).len(), 1, "{subject}: {report:#}");
    }
    let shown = scene.run(&text, &["--online"]);
    assert!(printed(&shown).contains("ERROR   chain.nodes.node.rpc: "), "{}", printed(&shown));
    assert!(complaint(&shown).contains("4 errors"), "{}", complaint(&shown));
    let (good, report) = scene.validate(&scene.text(), &["--online", "--redis-url", "redis://127.0.0.1:1"]);
    assert!(!good && found(&report, "error", "redis").len() == 1, "the flag counts: {report:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn staked_endpoints_need_backends() {
    let scene = Scene::start().await;
    let (good, report) = scene.validate(&scene.text(), &["--check-stake"]);
    assert!(good, "{report:#}");
    let other = scene.text().replace("jsonrpc: {url: 'http://", "websocket: {url: 'ws://");
    let (good, report) =
        scene.validate(&other, &["--check-stake", "--node", scene.chain.grpc().trim_start_matches("http://")]);
    assert!(!good, "{report:#}");
    assert_eq!(found(&report, "error", "services.svc1.backends.jsonrpc").len(), 1, "{report:#}");
    assert_eq!(found(&report, "info", "services.svc1.backends.websocket").len(), 1, "{report:#}");

    let stranger = &scene.chain.account("app1").unwrap().private_key;
    std::fs::write(scene.keys(), format!("keys: ['{stranger}']\n")).unwrap();
    let (good, report) = scene.validate(&scene.text(), &["--check-stake"]);
    assert!(good && found(&report, "info", "pokt1") == ["not staked"], "{report:#}");
    let (good, report) = scene.validate(&scene.text(), &["--check-stake", "--node", "127.0.0.1:1"]);
    assert!(!good && found(&report, "error", "pokt1").len() == 1, "{report:#}");
}

// rule: D-03
#[tokio::test(flavor = "multi_thread")]
async fn a_taken_port_ends_the_process() {
    let scene = Scene::start().await;
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let others = "metrics: {addr: '127.0.0.1:0'}\nhealth_check: {enabled: false}\n";
    for key in
        ["listen_addr: 'AT'\n", "listen_addr: '127.0.0.1:0'\nmetrics: {addr: 'AT'}\nhealth_check: {enabled: false}\n"]
    {
        let ports = key.replace("AT", &address.to_string());
        let others = if key.contains("metrics") { "" } else { others };
        let file = scene.folder.path().join("relayer.yaml");
        std::fs::write(&file, format!("{}{ports}{others}", scene.text())).unwrap();
        let output = run(&["relayer", "--config", file.to_str().unwrap()]);
        assert!(!output.status.success());
        assert!(complaint(&output).contains(&address.to_string()), "{}", complaint(&output));
    }
}

// rule: D-08
#[tokio::test(flavor = "multi_thread")]
async fn unknown_keys_fail_unless_lenient() {
    let scene = Scene::start().await;
    let text = format!("{}liste_addr: 0.0.0.0:1\n", scene.text());
    let (good, report) = scene.validate(&text, &[]);
    assert!(!good && found(&report, "error", "configuration")[0].contains("did you mean `listen_addr`?"), "{report:#}");
    let (good, report) = scene.validate(&text, &["--lenient"]);
    assert!(good && found(&report, "warning", "configuration")[0].contains("passed over"), "{report:#}");
}

#[test]
fn the_examples_of_both_layouts_are_good() {
    let files = [
        "examples/relayer/relayer.yaml",
        "examples/relayer/go-relay-miner.yaml",
        "examples/miner/miner.yaml",
        "examples/miner/go-relay-miner.yaml",
        "examples/quickstart",
    ];
    let files = files.map(repository);
    let output = run(&["validate", &files[0], &files[1], &files[2], &files[3], &files[4]]);
    assert!(output.status.success(), "{}", complaint(&output));
    assert!(printed(&output).contains("good, the configuration of a relayer"), "{}", printed(&output));
    assert_eq!(printed(&output).matches("good, the configuration of a miner").count(), 2, "{}", printed(&output));
    assert!(printed(&output).contains("good: 1 miner pools"), "{}", printed(&output));
}

// rule: W-15
#[tokio::test(flavor = "multi_thread")]
async fn everything_that_a_miner_depends_on_is_asked() {
    let scene = Scene::start().await;
    let (good, report) = scene.validate_miner("batch_size: 1000", &["--online"]);
    assert!(good, "{report:#}");
    assert!(found(&report, "info", "batch_size")[0].contains("no effect"), "{report:#}");
    assert!(found(&report, "info", "chain.nodes.node")[0].contains("at height"), "{report:#}");
    assert!(found(&report, "info", "redis").iter().any(|text| text.contains("is version")), "{report:#}");
    let supplier = scene.chain.account("supplier1").unwrap().address.clone();
    let about = found(&report, "info", &supplier);
    assert!(about[0].contains("staked") && about[1].contains("to pay fees with"), "{report:#}");

    // A key without stake or money: nothing to mine, and nothing to pay with.
    let stranger = "2208f22a189d84f064bbc0798d052ddd32cee33c5a282f167e4e628ab7195c90";
    std::fs::write(scene.keys(), format!("keys: ['{stranger}']\n")).unwrap();
    let (good, report) = scene.validate_miner("", &["--online"]);
    assert!(!good && found(&report, "warning", "pokt1xlzu")[0].contains("not staked"), "{report:#}");
    assert!(found(&report, "error", "pokt1xlzu")[0].contains("can pay no fee"), "{report:#}");

    // A Redis that throws relays away when it is full is no place for them.
    let evicting = Redis::start_with(&[("maxmemory", "100mb"), ("maxmemory-policy", "allkeys-lru")]).await.unwrap();
    let (good, report) = scene.validate_miner("", &["--online", "--redis-url", &evicting.url()]);
    assert!(!good && found(&report, "error", "redis")[0].contains("noeviction"), "{report:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_miners_keys_are_opened_and_mistakes_are_named() {
    let scene = Scene::start().await;
    std::fs::write(scene.keys(), "keys: [hunter2]\n").unwrap();
    let (good, report) = scene.validate_miner("", &[]);
    assert!(!good && found(&report, "error", "keys")[0].contains("entry 1"), "{report:#}");
    assert!(!report.to_string().contains("hunter2"), "{report:#}");
    let keyring = repository("tests/fixtures/keyring");
    let (good, report) = scene.validate_miner("", &["--keyring-backend", "test", "--keyring-dir", &keyring]);
    assert!(good && found(&report, "info", "keys")[0].contains("2 suppliers"), "{report:#}");
    let (good, report) = scene.validate_miner("bach_size: 1", &[]);
    assert!(!good && found(&report, "error", "configuration")[0].contains("did you mean `batch_size`?"), "{report:#}");
    let output = run(&["miner", "validate", "--keys-dir", "/keys"]);
    assert!(!output.status.success() && complaint(&output).contains("would not work"), "{}", complaint(&output));
    assert!(printed(&output).contains("pocket_node.query_node_rpc_url"), "{}", printed(&output));
}
