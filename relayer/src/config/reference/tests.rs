use relay_core::config::{ConfigError, Period};
use relay_core::relay::RpcType;
use relay_core::telemetry::LogFormat;

use super::{Note, Weight};
use crate::config::{Balancing, BreakerConfig, Config, Layout, Loaded, SimulationConfig, UnknownKeys, ValidationMode};

const SMALL: &str = "
pocket_node: {query_node_rpc_url: 'http://127.0.0.1:26657', query_node_grpc_url: '127.0.0.1:9090', grpc_insecure: true}
keys: {keys_file: /keys/suppliers.yaml}
services:
  eth: {backends: {jsonrpc: {url: 'http://127.0.0.1:8545'}}}
";

fn read(text: &str) -> Result<Loaded, ConfigError> {
    Config::read_text(text, "relayer.yaml", UnknownKeys::Refused)
}

fn good(text: &str) -> Loaded {
    read(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

fn refused(text: &str) -> String {
    match read(text) {
        Ok(_) => panic!("accepted: {text}"),
        Err(error) => error.to_string(),
    }
}

/// `SMALL` with another backend.
fn backend(kind: &str, pool: &str) -> String {
    SMALL.replace("{jsonrpc: {url: 'http://127.0.0.1:8545'}}", &format!("{{{kind}: {pool}}}"))
}

/// `SMALL` with more keys for the service.
fn service(keys: &str) -> String {
    SMALL.replace("eth: {", &format!("eth: {{{keys}, "))
}

fn urls(loaded: &Loaded, kind: RpcType) -> Vec<String> {
    loaded.config.services[&"eth".into()].backends[&kind].nodes().into_iter().map(|node| node.url).collect()
}

fn note<'l>(loaded: &'l Loaded, key: &str) -> Option<&'l Note> {
    loaded.notes.iter().find(|note| note.key == key)
}

// rule: D-12
#[test]
fn what_a_file_leaves_out_is_as_documented() {
    let loaded = good(SMALL);
    assert_eq!(loaded.layout, Layout::Reference);
    let config = &loaded.config;
    assert_eq!((config.listen.as_str(), config.admin.as_str()), ("0.0.0.0:8080", "0.0.0.0:9090"));
    assert_eq!((config.redis.url.as_str(), config.redis.prefix.as_str()), ("redis://localhost:6379", "ha"));
    assert_eq!(config.validation, ValidationMode::Optimistic);
    assert_eq!((config.limits.request_bytes, config.limits.response_bytes), (10 << 20, 10 << 20));
    assert_eq!((config.logs.level.as_str(), config.logs.format), ("info", LogFormat::Json));
    let service = &config.services[&"eth".into()];
    assert_eq!((service.timeout, service.default_type()), (Period::from_secs(30), Some(RpcType::JsonRpc)));
    assert_eq!((service.validation, service.request_bytes), (None, None));
    assert_eq!(config.chain.nodes[0].grpc, "http://127.0.0.1:9090");
    for logging in ["{async: true}", "{async: false, async_buffer_size: -1}"] {
        let other = good(&format!("{SMALL}logging: {logging}\n"));
        assert_eq!(other.config, *config, "a log that drops lines is no default of ours");
        assert!(note(&other, "logging.async").is_some_and(|note| note.weight == Weight::Ignored));
    }
}

#[test]
fn the_example_is_read_in_its_meaning() {
    let text = include_str!("../../../../examples/relayer/go-relay-miner.yaml");
    let loaded = good(text);
    let services = &loaded.config.services;
    assert_eq!(services.len(), 3);
    assert_eq!(services[&"eth".into()].validation, Some(ValidationMode::Eager));
    assert_eq!(urls(&loaded, RpcType::JsonRpc), ["http://127.0.0.1:8545", "http://127.0.0.1:8546"]);
    let spare = &services[&"eth".into()].backends[&RpcType::JsonRpc].endpoints[1];
    assert_eq!(spare.name.as_deref(), Some("spare"));
    assert_eq!(services[&"eth".into()].backends[&RpcType::JsonRpc].headers["X-Team"], "nodes");
    assert_eq!(urls(&loaded, RpcType::WebSocket), ["ws://127.0.0.1:8547/ws"]);
    assert_eq!(services[&"llm".into()].timeout, Period::from_secs(300));
    assert_eq!(services[&"llm".into()].default_backend, Some(RpcType::Rest));
    assert_eq!(services[&"cosmos".into()].request_bytes, Some(1 << 20));
    assert!(loaded.config.keys.file.is_some() && loaded.config.keys.directory.is_some());
    assert_eq!(loaded.config.chain.nodes[0].rpc, "http://127.0.0.1:26657");
    for key in ["redis.pool_size", "relay_meter.cache_ttl"] {
        assert!(note(&loaded, key).is_some_and(|note| note.weight == Weight::Ignored), "{key}: {:?}", loaded.notes);
    }
    assert!(note(&loaded, "health_check.addr").is_some_and(|note| note.weight == Weight::Changed));
    assert!(note(&loaded, "pprof").is_none(), "a disabled one changes nothing");
}

// rule: D-08
#[test]
fn unknown_keys_are_errors_with_a_hint_or_warnings_on_demand() {
    let cases = [
        (format!("{SMALL}liste_addr: x\n"), "unknown key `liste_addr`, did you mean `listen_addr`?"),
        (service("timeout_profil: fast"), "did you mean `timeout_profile`?"),
        (service("request_timeout_seconds: 60"), "name a `timeout_profile` that has it"),
        (backend("jsonrpc", "{url: 'http://x', max_retrys: 1}"), "did you mean `max_retries`?"),
        (backend("jsonrpc", "{urls: [{url: 'http://x', nam: 1}]}"), "did you mean `name`?"),
        (format!("{SMALL}logging: {{output: stdout}}\n"), "logs go to the standard error"),
        (format!("{SMALL}grace_period_extra_blocks: 2\n"), "the chain sets the grace period"),
        (format!("{SMALL}redis: {{namespace: {{base: x}}}}\n"), "unknown key `base`"),
    ];
    for (text, expected) in cases {
        let message = refused(&text);
        assert!(message.starts_with("relayer.yaml:") && message.contains(expected), "{message:?} / {expected:?}");
        if !text.contains("nam: 1") {
            let lenient = Config::read_text(&text, "relayer.yaml", UnknownKeys::PassedOver).unwrap();
            assert_eq!(lenient.passed_over.len(), 1, "{text}");
            assert_eq!(lenient.config.services.len(), 1);
        }
    }
    let twice = refused(&format!("{SMALL}listen_addr: 0.0.0.0:1\nlisten_addr: 0.0.0.0:2\n"));
    assert!(twice.contains("duplicate"), "{twice}");
    let mixed = refused(&format!("{SMALL}chain: {{nodes: []}}\n"));
    assert!(mixed.contains("one file has one layout"), "{mixed}");
}

// rule: R-01
#[test]
fn a_backend_has_a_known_kind_and_its_scheme() {
    for (slip, meant) in [("ws", "websocket"), ("http", "jsonrpc"), ("comet_bft", "cometbft"), ("grpcs", "grpc")] {
        let message = refused(&backend(slip, "{url: 'http://x'}"));
        assert!(message.contains(&format!("did you mean `{meant}`?")), "{message}");
        let ours = "chain: {nodes: [{name: a, rpc: 'http://x', grpc: 'x:1'}]}\nredis: {url: 'redis://x', prefix: p}\n\
                    keys: {file: /k}\nservices: {eth: {backends: {SLIP: {url: 'http://x'}}}}\n";
        let message = refused(&ours.replace("SLIP", slip));
        assert!(message.contains(&format!("did you mean `{meant}`?")), "{message}");
    }
    for (kind, url) in [("websocket", "http://x"), ("jsonrpc", "ws://x"), ("websocket", "x:1"), ("grpc", "ws://x:1")] {
        let message = refused(&backend(kind, &format!("{{url: '{url}'}}")));
        assert!(message.contains(&format!("services.eth.backends.{kind}.url: must look like")), "{message}");
    }
}

// rule: S-5, D-18
#[test]
fn addresses_without_a_scheme_are_plain() {
    for (kind, written, read) in [
        ("grpc", "127.0.0.1:50051", "grpc://127.0.0.1:50051"),
        ("grpc", "grpcs://node:443", "grpcs://node:443"),
        ("grpc", "http://node:1", "http://node:1"),
        ("jsonrpc", "node:8545", "http://node:8545"),
    ] {
        let loaded = good(&backend(kind, &format!("{{url: '{written}'}}")));
        assert_eq!(urls(&loaded, kind.parse().unwrap()), [read]);
    }
}

#[test]
fn nodes_are_named_once() {
    for (pool, expected) in [
        ("{}", "needs `url`"),
        ("{url: 'http://x', urls: ['http://y']}", "leave one out"),
        ("{urls: ['http://x', '']}", "urls[1]"),
        ("{urls: ['http://x/a/', 'https://X/a?key=1']}", "named twice"),
        ("{urls: [{name: a, url: 'http://x'}, {name: a, url: 'http://y'}]}", "two nodes are called `a`"),
        ("{urls: [{name: a}]}", "`url` is missing"),
        ("{url: 'http://x', load_balancing: random}", "unknown value `random`"),
    ] {
        let message = refused(&backend("jsonrpc", pool));
        assert!(message.contains(expected), "{message:?} / {expected:?}");
    }
}

#[test]
fn pools_balance_and_prove_who_they_are_as_before() {
    let pool = |text: &str| {
        let loaded = good(&backend("jsonrpc", text));
        (loaded.config.services[&"eth".into()].backends[&RpcType::JsonRpc].clone(), loaded)
    };
    let (first, _) = pool("{urls: ['http://x', 'http://y'], load_balancing: first_healthy, base_path: v1}");
    assert_eq!((first.balancing(), first.base_path.as_deref()), (Balancing::FirstHealthy, Some("/v1")));
    let (turns, _) = pool("{urls: ['http://x', 'http://y']}");
    assert_eq!(turns.balancing(), Balancing::RoundRobin);
    assert_eq!(turns.breaker, BreakerConfig::default());
    let (same_host, _) = pool("{urls: ['http://x/a', 'http://x/b', 'http://x/c']}");
    let names: Vec<_> = same_host.nodes().iter().map(|node| node.label().to_owned()).collect();
    assert_eq!(names, ["x", "x#2", "x#3"]);
    let (tripped, _) = pool("{url: 'http://x', health_check: {unhealthy_threshold: 9}, recovery_timeout_seconds: 3}");
    assert_eq!((tripped.breaker.failures, tripped.breaker.recovery), (9, Period::from_secs(3)));
    let (never, loaded) = pool("{url: 'http://x', recovery_timeout_seconds: 0}");
    assert_eq!(never.breaker, BreakerConfig::default(), "there is always a way back");
    assert!(note(&loaded, "services.eth.backends.jsonrpc.recovery_timeout_seconds").is_some());
    for (given, expected) in [
        ("{username: me, password: hunter2, bearer_token: t}", "Basic bWU6aHVudGVyMg=="),
        ("{username: key}", "Basic a2V5Og=="),
        ("{bearer_token: t, plain_token: p}", "Bearer t"),
        ("{plain_token: p}", "p"),
    ] {
        let (pool, _) = pool(&format!("{{url: 'http://x', authentication: {given}}}"));
        assert_eq!(pool.authentication.unwrap().header().unwrap(), expected);
    }
    let socket = good(&backend("websocket", "{url: 'ws://x', base_path: /v1}"));
    assert!(note(&socket, "services.eth.backends.websocket.base_path").is_some());
    assert!(refused(&backend("jsonrpc", "{url: 'http://x', base_path: '/a/../b'}")).contains("basePath"));
    assert!(refused(&backend("jsonrpc", "{url: 'http://x', max_retries: 4}")).contains("0 to 3"));
}

// rule: D-37
#[test]
fn probes_fit_their_kind_of_node() {
    let checked = |kind: &str, url: &str, check: &str| {
        let loaded = good(&backend(kind, &format!("{{url: '{url}', health_check: {check}}}")));
        (loaded.config.services[&"eth".into()].backends[&kind.parse().unwrap()].probe.clone(), loaded)
    };
    let full = "{enabled: true, endpoint: health, interval_seconds: 7, method: post, request_body: '{}', \
                expected_status: [204], expected_body: ok, headers: {a: b}, unhealthy_threshold: 0}";
    let (probe, _) = checked("jsonrpc", "http://x", full);
    let probe = probe.unwrap();
    assert_eq!(
        (probe.path.as_deref(), probe.interval, probe.timeout),
        (Some("/health"), Period::from_secs(7), Period::from_secs(5))
    );
    assert_eq!((probe.method.as_str(), probe.body.as_deref()), ("POST", Some("{}")));
    assert_eq!((probe.expected_status, probe.expected_body.as_deref()), (vec![204], Some("ok")));
    assert_eq!((probe.unhealthy_threshold, probe.healthy_threshold, probe.headers["a"].as_str()), (3, 2, "b"));
    assert_eq!(checked("jsonrpc", "http://x", "{endpoint: /h}").0, None, "not enabled");
    for (kind, url) in [("websocket", "ws://x"), ("grpc", "x:1")] {
        let (probe, loaded) = checked(kind, url, full);
        let probe = probe.unwrap();
        assert_eq!((probe.kind, probe.path, probe.interval), (None, None, Period::from_secs(7)));
        assert!(note(&loaded, &format!("services.eth.backends.{kind}.health_check")).is_some());
    }
    for (check, expected) in [
        ("{enabled: true, interval_seconds: 5}", "neither `endpoint` nor `base_path`"),
        ("{enabled: true, endpoint: /h}", "interval_seconds: must be at least 1"),
        ("{enabled: true, endpoint: /h, interval_seconds: 0}", "interval_seconds: must be at least 1"),
    ] {
        let message = refused(&backend("jsonrpc", &format!("{{url: 'http://x', health_check: {check}}}")));
        assert!(message.contains(expected), "{message:?} / {expected:?}");
    }
}

// rule: D-09
#[test]
fn a_body_cap_of_0_is_the_default_and_a_service_may_raise_it() {
    let loaded = good(&format!("{SMALL}default_max_body_size_bytes: 0\n"));
    assert_eq!(loaded.config.limits.request_bytes, 10 << 20);
    assert!(note(&loaded, "default_max_body_size_bytes").is_some());
    let loaded = good(&service("max_body_size_bytes: 0"));
    assert_eq!(loaded.config.services[&"eth".into()].request_bytes, None);
    let loaded = good(&service("max_body_size_bytes: 20971520"));
    assert_eq!(loaded.config.services[&"eth".into()].request_bytes, Some(20 << 20));
    assert_eq!(loaded.config.limits.response_bytes, 20 << 20);
    assert_eq!(note(&loaded, "services.eth.max_body_size_bytes").unwrap().weight, Weight::Changed);
}

// rule: D-10
#[test]
fn zero_means_what_is_documented() {
    let pool = |text: &str| {
        let loaded = good(text);
        let pool = loaded.config.services[&"eth".into()].backends[&RpcType::JsonRpc].clone();
        (pool.connections, pool.timeouts, loaded)
    };
    let (usual, _, without) = pool(SMALL);
    assert_eq!((usual.max, usual.max_idle, usual.idle_timeout), (500, 100, Period::from_secs(90)));
    let (unlimited, _, loaded) =
        pool(&format!("{SMALL}http_transport: {{max_conns_per_host: 0, tcp_keep_alive_seconds: 0}}\n"));
    assert_eq!(unlimited.max, usize::MAX, "0 is unlimited");
    assert_eq!(loaded.notes, without.notes, "there are no probes of connections, which is what 0 asks for");
    let (_, _, probing) = pool(&format!("{SMALL}http_transport: {{tcp_keep_alive_seconds: 5}}\n"));
    assert!(note(&probing, "http_transport.tcp_keep_alive_seconds").is_some());
    let profile = "timeout_profiles: {fast: {request_timeout_seconds: 0}}\ndefault_request_timeout_seconds: 7\n";
    let (_, times, loaded) = pool(&format!("{SMALL}{profile}"));
    assert_eq!(loaded.config.services[&"eth".into()].timeout, Period::from_secs(7));
    assert_eq!(
        (times.dial, times.headers),
        (Period::from_secs(5), None),
        "0 seconds for headers are none of their own"
    );
}

#[test]
fn profiles_size_pools_and_times() {
    let low = service("pool_profile: low, timeout_profile: streaming");
    let low = low.replace("{url: 'http://127.0.0.1:8545'}", "{urls: ['http://x', 'http://y'], max_retries: 0}");
    let loaded = good(&low);
    let service_config = &loaded.config.services[&"eth".into()];
    let pool = &service_config.backends[&RpcType::JsonRpc];
    assert_eq!((pool.connections.max, pool.connections.max_idle), (20, 5), "so many for each node");
    assert_eq!((pool.timeouts.dial, pool.timeouts.headers), (Period::from_secs(10), None));
    assert_eq!((service_config.timeout, pool.max_retries), (Period::from_secs(600), 0));
    let own = format!(
        "{}pool_profiles: {{own: {{max_conns_per_host: 3}}}}\nhttp_transport: {{idle_conn_timeout_seconds: 7}}\n",
        service("pool_profile: own")
    );
    let loaded = good(&own);
    let pool = &loaded.config.services[&"eth".into()].backends[&RpcType::JsonRpc];
    assert_eq!((pool.connections.max, pool.connections.idle_timeout), (3, Period::from_secs(7)));
    assert_eq!((pool.connections.max_idle, pool.max_retries), (100, 1));
}

// rule: D-11
#[test]
fn budgets_live_under_the_prefix_of_everything_else() {
    let with = |base: &str, meter: &str| {
        format!("{SMALL}redis: {{namespace: {{base_prefix: {base}}}}}\nrelay_meter: {{redis_key_prefix: {meter}}}\n")
    };
    assert_eq!(good(&with("mine", "mine")).config.redis.prefix, "mine");
    assert_eq!(good(&with("''", "ha")).config.redis.prefix, "ha");
    let message = refused(&with("mine", "ha"));
    assert!(message.contains("relay_meter.redis_key_prefix") && message.contains("`mine`"), "{message}");
    let derived = good(&format!("{SMALL}redis: {{namespace: {{base_prefix: mine}}}}\n"));
    assert_eq!(derived.config.redis.prefix, "mine", "without the old key it follows by itself");
}

#[test]
fn mistakes_are_named_with_a_way_out() {
    let cases = [
        (format!("{SMALL}listen_addr: '8080'\n"), "relayer.yaml: listen_addr: `8080` is not an address"),
        (format!("{SMALL}redis: {{pool_size: -1}}\n"), "-1 must not be negative"),
        (format!("{SMALL}redis: {{url: 'redis-sentinel://h:1'}}\n"), "names no primary"),
        (format!("{SMALL}redis: {{url: 'redis-cluster://h:1/3'}}\n"), "a cluster has only number 0"),
        (format!("{SMALL}relay_meter: {{fail_behavior: close}}\n"), "did you mean `closed`?"),
        (format!("{SMALL}relay_meter: {{cache_ttl: 2 hours}}\n"), "relay_meter.cache_ttl"),
        (format!("{SMALL}default_validation_mode: lazy\n"), "unknown value `lazy`"),
        (format!("{SMALL}logging: {{level: trace}}\n"), "logging.level"),
        (format!("{SMALL}timeout_profiles: {{slow: {{request_timeout_seconds: 601}}}}\n"), "at most 600"),
        (format!("{SMALL}timeout_profiles: {{slow: {{request_timeout_seconds: -1}}}}\n"), "must not be negative"),
        (service("timeout_profile: slow"), "there is no profile `slow`; there are fast, streaming"),
        (service("pool_profile: tiny"), "there is no profile `tiny`; there are high, low, medium"),
        (service("default_backend: grpc"), "services.eth.default_backend: is grpc, but there is no such backend"),
        (service("default_backend: json"), "did you mean `jsonrpc`?"),
        (service("max_body_size_bytes: -5"), "must not be negative"),
        (
            SMALL.replace("query_node_rpc_url: 'http://127.0.0.1:26657', ", ""),
            "pocket_node.query_node_rpc_url: is missing",
        ),
        (SMALL.replace("keys_file: /keys/suppliers.yaml", ""), "needs `keys_file`, `keys_dir` or `keyring`"),
        (
            SMALL.replace("keys_file: /keys/suppliers.yaml", "keyring: {backend: os, dir: /keys}"),
            "cannot be read from files",
        ),
        (SMALL.replace("{jsonrpc: {url: 'http://127.0.0.1:8545'}}", "{}"), "services.eth.backends: is empty"),
        (SMALL.replace("eth:", "'e h':"), "e h"),
    ];
    for (text, expected) in cases {
        let message = refused(&text);
        assert!(message.contains(expected), "{message:?} / {expected:?}");
    }
}

#[test]
fn the_first_mistake_is_the_same_each_time() {
    let text = "
pocket_node: {query_node_rpc_url: 'http://x', query_node_grpc_url: 'x:1'}
keys: {keys_file: /k}
services:
  zeta: {timeout_profile: no, backends: {jsonrpc: {url: 'http://x'}}}
  beta: {timeout_profile: no, backends: {jsonrpc: {url: 'http://x'}}}
  alpha: {backends: {websocket: {url: 'http://x'}, grpc: {url: 'ws://x'}}}
";
    for _ in 0..20 {
        assert!(refused(text).contains("services.alpha.backends.grpc.url"), "{}", refused(text));
    }
}

#[test]
fn a_service_without_json_rpc_still_has_a_kind_that_is_meant() {
    let loaded = good(&SMALL.replace("{jsonrpc: {", "{websocket: {url: 'ws://x'}, rest: {"));
    assert_eq!(loaded.config.services[&"eth".into()].default_backend, Some(RpcType::Rest));
    assert!(note(&loaded, "services.eth.default_backend").is_some());
}

#[test]
fn sections_that_hold_only_comments_count_as_left_out() {
    let text = format!("{SMALL}redis:\nrelay_meter:\nlogging:\npool_profiles:\nsimulation:\n");
    assert_eq!(good(&text).config, good(SMALL).config);
}

#[test]
fn simulation_keeps_its_meaning() {
    let keys = "app_pubkey_hex: '0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798', \
                gateway_pubkeys_hex: ['02c6047f9441ed7d6d3045406e95c07cd85c778e4b8cef3ca7abac09b95c709ee5']";
    let text = |enabled: &str, more: &str| {
        let identity = format!("{{key_id: ops, enabled: true, max_rps: 7, not_after: '', {keys}}}");
        format!(
            "{SMALL}simulation: {{enabled: {enabled}, freshness_window_seconds: 10, identities: [{identity}{more}]}}\n"
        )
    };
    let simulation = good(&text("true", "")).config.simulation;
    assert_eq!((simulation.enabled, simulation.max_concurrent), (true, 32));
    assert_eq!(simulation.freshness_window, Period::from_secs(10));
    let identity = &simulation.identities[0];
    assert_eq!((identity.key_id.as_str(), identity.enabled, identity.max_rps), ("ops", true, 7));
    assert_eq!((&identity.not_after, identity.gateway_pubkeys_hex.len()), (&None, 1));
    let missing = refused(&text("true", ", {key_id: other}"));
    assert!(missing.contains("malformed pubkey hex"), "{missing}");
    let disabled = good(&text("false", ", {key_id: other}"));
    assert!(note(&disabled, "simulation").is_some());
    let (kept, warnings) = (disabled.config.simulation.clone(), disabled.config.simulation.warnings());
    assert!(!kept.enabled && warnings[0].contains("malformed pubkey hex"), "inert, but warned of: {warnings:?}");
    let without = Config { simulation: SimulationConfig::default(), ..disabled.config };
    assert_eq!(without, good(SMALL).config);
}

#[test]
fn no_credential_is_repeated() {
    for pool in [
        "{url: 'htp://user:hunter2@x/hunter2'}",
        "{urls: ['http://u:hunter2@x/a', 'http://u:hunter2@x/a']}",
        "{url: 'http://x', headers: {a: hunter2}, max_retrys: 1}",
        "{url: 'http://x', authentication: {bearer_token: hunter2, token: hunter2}}",
    ] {
        let message = refused(&backend("jsonrpc", pool));
        assert!(!message.contains("hunter2"), "{message}");
    }
}

#[test]
fn go_lengths_of_time_are_known() {
    for good_one in ["2h", "1h30m", "90s", "1.5h", "500ms", "0"] {
        good(&format!("{SMALL}relay_meter: {{cache_ttl: '{good_one}'}}\n"));
    }
    for bad in ["2", "h", "''", "2h 3m", "2d"] {
        assert!(
            refused(&format!("{SMALL}relay_meter: {{cache_ttl: {bad}}}\n")).contains("relay_meter.cache_ttl"),
            "{bad}"
        );
    }
}

#[test]
fn the_meters_policy_is_kept() {
    let budget = |text: &str| good(&format!("{SMALL}{text}")).config.budget;
    assert_eq!(budget(""), crate::config::BudgetConfig::default());
    let closed = budget("relay_meter: {enabled: false, fail_behavior: closed}\n");
    assert_eq!((closed.enabled, closed.on_error), (false, crate::config::OnError::Closed));
}
