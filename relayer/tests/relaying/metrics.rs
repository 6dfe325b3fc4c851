use std::collections::BTreeSet;

use bytes::Bytes;
use relay_core::client::sign_request;
use relay_core::relay::encode_request;

use super::stage::{Stage, payload};

/// What dashboards know: name, kind, labels without `le`.
const KEPT: &[(&str, &str, &[&str])] = &[
    ("ha_relayer_relays_received_total", "counter", &["rpc_type", "service_id"]),
    ("ha_relayer_relays_served_total", "counter", &["rpc_type", "service_id", "status_code"]),
    ("ha_relayer_relays_rejected_total", "counter", &["reason", "rpc_type", "service_id"]),
    ("ha_relayer_relays_published_total", "counter", &["service_id", "supplier"]),
    ("ha_relayer_relays_mined_total", "counter", &["service_id"]),
    ("ha_relayer_relays_skipped_difficulty_total", "counter", &["service_id"]),
    ("ha_relayer_relays_served_optimistically_total", "counter", &["rpc_type", "service_id"]),
    ("ha_relayer_validation_failures_total", "counter", &["reason", "service_id"]),
    ("ha_relayer_relay_latency_seconds", "histogram", &["rpc_type", "service_id"]),
    ("ha_relayer_relay_pre_backend_seconds", "histogram", &["rpc_type", "service_id"]),
    ("ha_relayer_relay_post_backend_seconds", "histogram", &["rpc_type", "service_id"]),
    ("ha_relayer_validation_latency_seconds", "histogram", &["mode", "service_id"]),
    ("ha_relayer_backend_latency_seconds", "histogram", &["outcome", "service_id"]),
    ("ha_relayer_request_body_size_bytes", "histogram", &["rpc_type", "service_id"]),
    ("ha_relayer_response_body_size_bytes", "histogram", &["rpc_type", "service_id"]),
    ("ha_relayer_current_block_height", "gauge", &[]),
];

/// The labels of a line, as pairs, without `le`.
fn labels(line: &str) -> Vec<(&str, &str)> {
    let inner = line.split_once('{').and_then(|(_, rest)| rest.split_once('}')).map_or("", |(inner, _)| inner);
    let pairs = inner.split(',').filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, value)| (name, value.trim_matches('"'))).filter(|(name, _)| *name != "le").collect()
}

fn lines<'a>(metrics: &'a str, name: &str) -> Vec<&'a str> {
    let begins = |line: &&str| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' ', '_']));
    metrics.lines().filter(begins).collect()
}

// rule: D-51
#[tokio::test(flavor = "multi_thread")]
async fn names_and_labels_are_those_that_dashboards_know() {
    let stage = Stage::new().await;
    stage.send(&stage.relay(1).await).await.unwrap();
    let mut forged = stage.relay(2).await;
    forged.payload = payload(3);
    assert_eq!(stage.post(encode_request(&forged).into()).await.0, 403);
    let (_, metrics) = stage.running.get("/metrics").await;
    for (name, kind, expected) in KEPT {
        let declared = format!("# TYPE {name} {kind}");
        assert!(metrics.lines().any(|line| line == declared), "{declared} is missing in\n{metrics}");
        let found = lines(&metrics, name);
        assert!(!found.is_empty(), "{name} shows nothing");
        for line in found {
            let mut names: Vec<_> = labels(line).into_iter().map(|(name, _)| name).collect();
            names.sort_unstable();
            assert_eq!(names, *expected, "{line}");
        }
    }
    for line in [
        "ha_relayer_validation_failures_total{service_id=\"svc1\",reason=\"signature\"} 1",
        "ha_relayer_relays_mined_total{service_id=\"svc1\"} 1",
        "ha_relayer_relay_latency_seconds_count{service_id=\"svc1\",rpc_type=\"jsonrpc\"} 1",
        "ha_relayer_relay_post_backend_seconds_count{service_id=\"svc1\",rpc_type=\"jsonrpc\"} 1",
        "ha_relayer_relay_pre_backend_seconds_count{service_id=\"svc1\",rpc_type=\"jsonrpc\"} 1",
        "ha_relayer_validation_latency_seconds_count{service_id=\"svc1\",mode=\"eager\"} 2",
        "process_panics_total",
        "process_resident_memory_bytes",
        "process_cpu_seconds_total",
        "process_open_fds",
    ] {
        assert!(metrics.contains(line), "{line} is missing in\n{metrics}");
    }
    let types: Vec<_> = metrics.lines().filter(|line| line.starts_with("# TYPE ")).collect();
    let distinct: BTreeSet<_> = types.iter().collect();
    assert_eq!(types.len(), distinct.len(), "a name is declared twice");
}

// rule: D-52
#[tokio::test(flavor = "multi_thread")]
async fn callers_cannot_make_labels() {
    let stage = Stage::new().await;
    let session = stage.session().await;
    let mut elsewhere = session.header.clone();
    elsewhere.service = "made-up".into();
    let signed =
        |header| sign_request(header, &session.ring, &stage.supplier(), payload(1), &stage.key("app1")).unwrap();
    assert_eq!(stage.post(encode_request(&signed(&elsewhere)).into()).await.0, 404);
    assert_eq!(stage.post(Bytes::from_static(b"made-up")).await.0, 400);
    for kind in ["made-up", "3x", "17", "rest", "1"] {
        let body = encode_request(&stage.relay(2).await);
        let request = http::Request::post(stage.url()).header("rpc-type", kind).body(body).unwrap();
        assert_eq!(send_raw(stage.running.relays, &request).await, 503, "{kind}");
    }
    let (_, metrics) = stage.running.get("/metrics").await;
    assert!(!metrics.contains("made-up") && !metrics.contains("3x") && !metrics.contains("\"17\""), "{metrics}");
    for (name, _, _) in KEPT {
        for line in lines(&metrics, name) {
            for (label, value) in labels(line) {
                let bounded = match label {
                    "service_id" => ["svc1", "unknown"].contains(&value),
                    "rpc_type" => ["jsonrpc", "rest", "cometbft", "websocket", "grpc", "unknown"].contains(&value),
                    _ => true,
                };
                assert!(bounded, "{line}");
            }
        }
    }
    for line in [
        "ha_relayer_relays_received_total{service_id=\"unknown\",rpc_type=\"unknown\"} 2",
        "ha_relayer_relays_received_total{service_id=\"svc1\",rpc_type=\"unknown\"} 3",
        "ha_relayer_relays_rejected_total{service_id=\"svc1\",rpc_type=\"rest\",reason=\"backend_unavailable\"} 1",
    ] {
        assert!(metrics.contains(line), "{line} is missing in\n{metrics}");
    }
}

async fn send_raw(address: std::net::SocketAddr, request: &http::Request<Vec<u8>>) -> u16 {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let mut head =
        format!("POST / HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {}\r\n", request.body().len());
    for (name, value) in request.headers() {
        head.extend([name.as_str(), ": ", value.to_str().unwrap(), "\r\n"]);
    }
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(b"\r\n").await.unwrap();
    stream.write_all(request.body()).await.unwrap();
    let mut reply = Vec::new();
    stream.read_to_end(&mut reply).await.unwrap();
    String::from_utf8_lossy(&reply).split(' ').nth(1).unwrap().parse().unwrap()
}
