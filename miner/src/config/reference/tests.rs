use std::collections::BTreeSet;

use relay_core::config::reference::{Note, Weight};
use relay_core::config::{ConfigError, KeyringBackend, Layout, Period, UnknownKeys};

use super::Overrides;
use crate::config::{Config, Loaded};

const SMALL: &str = "
pocket_node: {query_node_rpc_url: 'tcp://127.0.0.1:26657', query_node_grpc_url: '127.0.0.1:9090', grpc_insecure: true}
keys: {keys_dir: /keys}
";

fn read_with(text: &str, overrides: &Overrides) -> Result<Loaded, ConfigError> {
    Loaded::read_text(text, "miner.yaml", UnknownKeys::Refused, overrides)
}

fn good(text: &str) -> Loaded {
    read_with(text, &Overrides::default()).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

fn refused(text: &str) -> String {
    match read_with(text, &Overrides::default()) {
        Ok(_) => panic!("accepted: {text}"),
        Err(error) => error.to_string(),
    }
}

fn note<'l>(loaded: &'l Loaded, key: &str) -> Option<&'l Note> {
    loaded.notes.iter().find(|note| note.key == key)
}

// rule: C-26
#[test]
fn what_a_file_leaves_out_has_a_default_field_by_field() {
    let loaded = good(SMALL);
    assert_eq!(loaded.layout, Layout::Reference);
    let config = &loaded.config;
    assert_eq!((config.redis.url.as_str(), config.redis.prefix.as_str()), ("redis://localhost:6379", "ha"));
    assert_eq!((config.admin.as_str(), config.chain.id.as_deref()), ("0.0.0.0:9092", Some("pocket")));
    assert!(config.hot_reload);
    for (section, same) in [
        ("redis: {namespace: {miner_prefix: x}}", true),
        ("redis: {namespace: {base_prefix: ''}}", true),
        ("redis: {url: ''}", true),
        ("balance_monitor: {check_interval_seconds: 0}", true),
        ("leader_election: {leader_ttl_seconds: 0}", true),
        ("transaction: {gas_adjustment: 0}", true),
        ("block_time_seconds: 0", true),
        ("metrics: {addr: ''}", true),
        ("balance_monitor: {check_interval_seconds: 7}", false),
    ] {
        let other = good(&format!("{SMALL}{section}\n"));
        assert_eq!(other.config == *config, same, "{section}");
    }
    for empty in ["redis:", "transaction:", "logging:", "metrics:", "balance_monitor:", "worker_pools:"] {
        assert_eq!(good(&format!("{SMALL}{empty}\n")).config, *config, "a section of comments is left out: {empty}");
    }
}

#[test]
fn the_example_has_every_key_and_its_meaning_is_kept() {
    let text = include_str!("../../../../examples/miner/go-relay-miner.yaml");
    let loaded = good(text);
    let config = &loaded.config;
    assert_eq!((config.name.as_str(), config.redis.prefix.as_str()), ("miner-0", "ha"));
    assert_eq!(config.chain.nodes[0].rpc, "http://127.0.0.1:26657");
    assert_eq!(config.chain.query_timeout, Period::from_secs(7));
    assert_eq!(
        (config.transactions.gas_price.to_string().as_str(), config.transactions.gas_adjustment),
        ("0.00001upokt", 1.5)
    );
    assert_eq!((config.leader.ttl, config.leader.renew), (Period::from_secs(30), Period::from_secs(10)));
    assert_eq!(config.monitors.balance.threshold_upokt, 2_000_000);
    assert_eq!(
        (config.monitors.blocks.enabled, config.monitors.blocks.block_time),
        (true, Some(Period::from_secs(60)))
    );
    assert!(config.monitors.settlement.enabled && !config.hot_reload);
    assert_eq!(config.leader.service_factors.services.len(), 1);
    let keyring = config.keys.keyring.as_ref().unwrap();
    assert_eq!((keyring.backend, keyring.names.len()), (KeyringBackend::File, 2));
    assert!(config.keys.file.is_some() && config.keys.directory.is_some());
    // Whatever has no counterpart is told of.
    for key in [
        "redis.pool_size",
        "redis.claim_idle_timeout_ms",
        "redis.namespace.streams_prefix",
        "transaction.tx_timeout_min_seconds",
        "transaction.max_rebroadcasts",
        "transaction.disable_inclusion_reconciler",
        "transaction.disable_pre_proof_claim_verification",
        "logging.async",
        "deduplication_ttl_blocks",
        "batch_size",
        "ack_batch_size",
        "session_ttl",
        "cache_ttl",
        "smst_live_root_checkpoint_interval",
        "submission_tracking_ttl",
        "supplier_reconcile_interval_seconds",
        "known_applications",
        "session_lifecycle",
        "worker_pools",
        "suppliers",
        "pprof",
        "keys.keyring.app_name",
    ] {
        assert!(note(&loaded, key).is_some_and(|note| note.weight == Weight::Ignored), "{key}: {:?}", loaded.notes);
    }
    for key in
        ["redis.consumer_name", "transaction.gas_limit", "transaction.disable_claim_batching", "supplier_claiming"]
    {
        assert!(note(&loaded, key).is_some_and(|note| note.weight == Weight::Changed), "{key}: {:?}", loaded.notes);
    }
    // Each key at the top that decides about the layout is in the example.
    let given = relay_core::config::top_keys(text);
    let lacking: BTreeSet<&str> = super::OWN_KEYS.into_iter().filter(|key| !given.contains(*key)).collect();
    assert!(lacking.is_empty(), "{lacking:?}");
}

#[test]
fn mistakes_are_named_with_a_way_out() {
    let with = |section: &str| format!("{SMALL}{section}\n");
    let cases = [
        (
            SMALL.replace("query_node_rpc_url: 'tcp://127.0.0.1:26657', ", ""),
            "pocket_node.query_node_rpc_url: is missing",
        ),
        (SMALL.replace("keys_dir: /keys", ""), "needs `keys_file`, `keys_dir` or `keyring`"),
        (SMALL.replace("keys_dir: /keys", "keyring: {backend: os, dir: /k}"), "cannot be read from files"),
        (
            SMALL.replace("keys_dir: /keys", "keyring: {backend: file, dir: /k}"),
            "`passphrase_file` or `passphrase_env`",
        ),
        (with("transaction: {gas_price: cheap}"), "transaction.gas_price"),
        (with("logging: {level: loud}"), "logging.level"),
        (with("logging: {format: xml}"), "logging.format"),
        (with("metrics: {addr: '9092'}"), "metrics.addr"),
        (with("transaction: {gas_prize: 1}"), "did you mean `gas_price`?"),
        (with("default_service_factor: -1"), "default_service_factor"),
        (with("redis: {namespace: {base_prefix: 'a{b'}}"), "redis.prefix"),
        ("name: me\npocket_node: {}\n".to_owned(), "unknown key `pocket_node`"),
    ];
    for (text, expected) in cases {
        let message = refused(&text);
        assert!(message.contains(expected), "{message:?} / {expected:?}");
    }
}

#[test]
fn unknown_keys_can_be_passed_over() {
    let text = format!("{SMALL}something_new: 1\n");
    let message = refused(&text);
    assert!(message.contains("something_new"), "{message}");
    let loaded = Loaded::read_text(&text, "miner.yaml", UnknownKeys::PassedOver, &Overrides::default()).unwrap();
    assert_eq!((loaded.passed_over.len(), loaded.config), (1, good(SMALL).config));
}

#[test]
fn the_command_line_wins() {
    let flags = Overrides {
        keys_file: Some("/other.yaml".into()),
        keyring_backend: Some("test".to_owned()),
        keyring_dir: Some("/home/pocket/.pocket".into()),
        redis_url: Some("redis://other:1".to_owned()),
        consumer_name: Some("me".to_owned()),
        hot_reload: Some(false),
        session_ttl: Some("24h".to_owned()),
        ..Overrides::default()
    };
    for text in [SMALL.to_owned(), SMALL.replace("keys: {keys_dir: /keys}", "")] {
        let loaded = read_with(&text, &flags).unwrap();
        let config = &loaded.config;
        assert_eq!(
            (config.redis.url.as_str(), config.name.as_str(), config.hot_reload),
            ("redis://other:1", "me", false)
        );
        assert!(config.keys.file.is_some() && config.keys.directory.is_none(), "flags name all sources");
        assert_eq!(config.keys.keyring.as_ref().unwrap().backend, KeyringBackend::Test);
        assert!(note(&loaded, "--session-ttl").is_some());
    }
    let own = Config::new("n".to_owned(), good(SMALL).config.chain, good(SMALL).config.redis, good(SMALL).config.keys);
    let own = serde_json::to_string(&own).unwrap();
    let loaded = read_with(&own, &flags).unwrap();
    assert_eq!((loaded.layout, loaded.config.name.as_str()), (Layout::Own, "me"));
}

// rule: W-17
#[test]
fn no_credential_is_repeated() {
    for text in [
        format!("{SMALL}redis: {{url: 'redis://:hunter2@x', urk: 1}}\n"),
        format!("{SMALL}redis: {{url: 'redis://:hunter2@x', namespace: {{base_prefix: 'a{{b'}}}}\n"),
        format!("{SMALL}redis: {{url: ['hunter2']}}\n"),
    ] {
        let message = refused(&text);
        assert!(!message.contains("hunter2"), "{message}");
    }
}
