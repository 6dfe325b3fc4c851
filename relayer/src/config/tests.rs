use super::*;

const SMALL: &str = "
chain: {nodes: [{name: one, rpc: 'http://127.0.0.1:26657', grpc: '127.0.0.1:9090'}]}
redis: {url: 'redis://127.0.0.1:6379', prefix: pocket}
keys: {directory: /keys}
services:
  anvil: {backends: {jsonrpc: {url: 'http://127.0.0.1:8545/base'}}}
";

fn refused(text: &str) -> String {
    Config::parse(text, "relayer.yaml").unwrap_err().to_string()
}

#[test]
fn four_keys_are_enough() {
    let config = Config::parse(SMALL, "relayer.yaml").unwrap();
    assert_eq!((config.listen.as_str(), config.admin.as_str()), ("0.0.0.0:8080", "0.0.0.0:9090"));
    assert_eq!(config.recording, RecordingConfig::default());
    assert_eq!(config.services[&"anvil".into()].timeout, Period::from_secs(30));
}

#[test]
fn what_is_written_is_read_back() {
    let config = Config::parse(SMALL, "relayer.yaml").unwrap();
    let text = serde_json::to_string(&config).unwrap();
    assert!(!text.contains("reAppend"), "{text}");
    assert_eq!(Config::parse(&text, "again").unwrap(), config);
}

#[test]
fn mistakes_are_named_with_a_way_out() {
    let cases = [
        (format!("lissten: x\n{SMALL}"), "did you mean `listen`?"),
        (format!("recording: {{record_timeout: 6s}}\n{SMALL}"), "the keys known here are mode, timeout"),
        (format!("recording: {{mode: strickt}}\n{SMALL}"), "did you mean `strict`?"),
        (format!("listen: '8080'\n{SMALL}"), "0.0.0.0:8080"),
        (format!("listen: '0.0.0.0:9090'\n{SMALL}"), "ports of their own"),
        (format!("limits: {{inFlight: 0}}\n{SMALL}"), "limits.inFlight: must be at least 1"),
        (format!("limits: {{bodyBytes: 1000}}\n{SMALL}"), "room for the largest body"),
        (format!("recording: {{spoolBytes: 1000}}\n{SMALL}"), "room for one relay"),
        (SMALL.replace("redis://", "http://"), "redis.url: must begin with"),
        (SMALL.replace("prefix: pocket", "prefix: 'a{b'"), "must not contain braces"),
        (SMALL.replace("directory: /keys", ""), "name at least one of `file`, `directory` and `keyring`"),
        (SMALL.replace("http://127.0.0.1:8545/base", "127.0.0.1:8545"), "services.anvil.backends.jsonrpc.url"),
        (SMALL.replace("anvil:", "'an vil':"), "services.an vil"),
        (SMALL.replace("anvil: {", "anvil: {timeout: 0s, "), "at most 10m"),
        (
            SMALL.replace("{url: 'http://127.0.0.1:8545/base'}", "{url: 'http://x', headers: {'a b': c}}"),
            "not a header name",
        ),
    ];
    for (text, expected) in cases {
        let message = refused(&text);
        assert!(message.contains(expected), "{message:?} should contain {expected:?}");
    }
}

// rule: D-09, D-10
#[test]
fn nothing_is_a_limit_only_where_that_means_something() {
    for key in ["requestBytes", "responseBytes", "bodyBytes", "connections", "inFlight", "streams", "headerBytes"] {
        let message = refused(&format!("limits: {{{key}: 0}}\n{SMALL}"));
        assert!(message.contains(&format!("limits.{key}: must be at least")), "{message}");
    }
    for key in ["receiveTimeout", "idleTimeout", "sendTimeout"] {
        let message = refused(&format!("limits: {{{key}: 0s}}\n{SMALL}"));
        assert!(message.contains(&format!("limits.{key}: must be longer than 0")), "{message}");
    }
    for key in ["requestBytes", "responseBytes"] {
        let message = refused(&SMALL.replace("anvil: {", &format!("anvil: {{{key}: 0, ")));
        assert!(message.contains("leave it out for the default"), "{message}");
    }
    let all = Config::parse(&format!("responseCompression: {{enabled: true, minBytes: 0}}\n{SMALL}"), "x").unwrap();
    assert_eq!(all.response_compression, CompressionConfig { enabled: true, min_bytes: 0 });
}

#[test]
fn a_credential_is_never_repeated() {
    let headers = "{url: 'http://x', headers: {Authorization: \"Bearer hunter2\\n\"}}";
    let message = refused(&SMALL.replace("{url: 'http://127.0.0.1:8545/base'}", headers));
    assert!(message.contains("Authorization") && !message.contains("hunter2"), "{message}");
}

/// Names of all keys, at any depth.
fn keys(value: &serde_json::Value, into: &mut std::collections::BTreeSet<String>) {
    match value {
        serde_json::Value::Object(entries) => {
            for (key, value) in entries {
                into.insert(key.clone());
                keys(value, into);
            }
        }
        serde_json::Value::Array(items) => items.iter().for_each(|item| keys(item, into)),
        _ => {}
    }
}

#[test]
fn the_example_has_every_key_and_the_manual_too() {
    let example = include_str!("../../../examples/relayer/relayer.yaml");
    let config = Config::parse(example, "examples/relayer/relayer.yaml").unwrap();
    let mut known = std::collections::BTreeSet::new();
    keys(&serde_json::to_value(&config).unwrap(), &mut known);
    let manual = include_str!("../../../docs/relayer.md");
    // Sections, and names that the example has chosen.
    let other =
        ["logs", "chain", "redis", "keys", "services", "limits", "recording", "drain", "eth", "X-Team", "X-Probe"];
    let lacking: Vec<_> = known.iter().filter(|key| !example.contains(&format!("{key}:"))).collect();
    assert!(lacking.is_empty(), "examples/relayer/relayer.yaml lacks {lacking:?}");
    let lacking: Vec<_> =
        known.iter().filter(|key| !other.contains(&key.as_str()) && !manual.contains(key.as_str())).collect();
    assert!(lacking.is_empty(), "docs/relayer.md lacks {lacking:?}");
}

#[test]
fn what_the_example_calls_a_default_is_one() {
    let example = include_str!("../../../examples/relayer/relayer.yaml");
    let config = Config::parse(example, "examples/relayer/relayer.yaml").unwrap();
    let small = Config::parse(SMALL, "relayer.yaml").unwrap();
    let defaults =
        |config: Config| (config.listen, config.admin, config.logs, config.limits, config.recording, config.drain);
    assert_eq!((config.validation, config.max_block_age), (small.validation, small.max_block_age));
    assert_eq!(defaults(config), defaults(small));
}
