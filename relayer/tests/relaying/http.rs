use bytes::Bytes;
use http::StatusCode;
use prost::Message;
use relay_core::client::{json_rpc_payload, sign_request, verify};
use relay_core::proto::pocket::service::RelayRequest;
use relay_core::relay::{RpcType, encode_request};
use relayer::config::{Balancing, CompressionConfig, PoolConfig};
use testbed::{Backend, Behaviour};

use super::curl::curl;
use super::stage::{SERVICE, Stage, still};

/// A relay of at least so many bytes.
async fn relay_of(stage: &Stage, bytes: usize) -> RelayRequest {
    let (session, padding) = (stage.session().await, "x".repeat(bytes));
    let call = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"eth_call","params":["{padding}"]}}"#);
    let payload = json_rpc_payload(call.into());
    sign_request(&session.header, &session.ring, &stage.supplier(), payload, &stage.key("app1")).unwrap()
}

fn answer(stage: &Stage, request: &RelayRequest, body: Bytes) -> serde_json::Value {
    let answer = verify(request, body, stage.key("supplier1").public_key()).expect("a signed answer").answer;
    serde_json::from_slice(&answer.body).unwrap()
}

// rule: R-01
#[tokio::test(flavor = "multi_thread")]
async fn each_kind_of_request_has_a_node_of_its_own() {
    let (rest, comet) = (Backend::start().await.unwrap(), Backend::start().await.unwrap());
    let stage = Stage::with(still(), |config| {
        let backends = &mut config.services.get_mut(&SERVICE.into()).unwrap().backends;
        backends.insert(RpcType::Rest, PoolConfig::of(rest.url()));
        backends.insert(RpcType::CometBft, PoolConfig::of(comet.url()));
    })
    .await;
    let kinds = [("jsonrpc", &stage.node), ("3", &stage.node), ("rest", &rest), ("4", &rest), ("5", &comet)];
    let mut number = 0;
    for version in ["--http1.1", "--http2-prior-knowledge"] {
        for (kind, node) in kinds {
            number += 1;
            let (request, before) = (stage.relay(number).await, node.requests());
            let header = format!("rpc-type: {kind}");
            let reply = curl(&[version, "-H", &header, &stage.url()], encode_request(&request)).await.unwrap();
            assert_eq!(reply.status, 200, "{kind}");
            assert_eq!(answer(&stage, &request, reply.body)["id"], number);
            assert_eq!(node.requests() - before, 1, "{version} {kind}");
        }
        for kind in ["1", "websocket", "6", "json-rpc", "../../x"] {
            let header = format!("rpc-type: {kind}");
            let body = encode_request(&stage.relay(0).await);
            let reply = curl(&[version, "-H", &header, &stage.url()], body).await.unwrap();
            assert_eq!((reply.status, reply.error().as_str()), (503, "service temporarily unavailable"), "{kind}");
            let json: serde_json::Value = serde_json::from_slice(&reply.body).unwrap();
            assert_eq!(json["service"], SERVICE);
        }
    }
    let (_, metrics) = stage.running.get("/metrics").await;
    assert!(metrics.contains(r#"ha_relayer_inbound_requests_by_proto_total{proto="http1"} 10"#), "{metrics}");
    assert!(metrics.contains(r#"ha_relayer_inbound_requests_by_proto_total{proto="h2c"} 10"#), "{metrics}");
    assert!(metrics.contains("ha_relayer_active_connections 0"), "{metrics}");
    assert_eq!(stage.log().await.len(), number, "each is recorded, whatever its kind");
}

#[tokio::test(flavor = "multi_thread")]
async fn any_method_path_and_content_type_carries_a_relay() {
    let stage = Stage::new().await;
    for (number, method) in ["GET", "PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND"].into_iter().enumerate() {
        for version in ["--http1.1", "--http2-prior-knowledge"] {
            let request = stage.relay(number).await;
            let url = format!("{}/svc1/..//any%2Fpath/?a=1", stage.url());
            let arguments = [version, "--path-as-is", "-X", method, "-H", "content-type: text/plain", &url];
            let reply = curl(&arguments, encode_request(&request)).await.unwrap();
            assert!(reply.status == 200 && reply.head.contains("content-type: application/json\r\n"), "{reply:?}");
            assert_eq!(answer(&stage, &request, reply.body)["result"]["path"], "/");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn signed_answers_are_compressed_for_those_who_ask_where_that_is_configured() {
    let compression = CompressionConfig { enabled: true, min_bytes: 1024 };
    let stage = Stage::with(still(), |config| config.response_compression = compression).await;
    for (size, compressed) in [(0, false), (5_000, true), (300_000, true)] {
        for asks in [false, true] {
            let request = relay_of(&stage, size).await;
            let url = stage.url();
            let arguments = if asks { vec!["--compressed", &url] } else { vec![url.as_str()] };
            let reply = curl(&arguments, encode_request(&request)).await.unwrap();
            let said = reply.head.contains("content-encoding: gzip");
            assert_eq!(said, compressed && asks, "{size} {asks} {}", reply.head);
            // curl has inflated it.
            assert_eq!(answer(&stage, &request, reply.body)["result"]["method"], "eth_call");
        }
    }
    let plain = Stage::new().await;
    let request = relay_of(&plain, 5_000).await;
    let reply = curl(&["--compressed", &plain.url()], encode_request(&request)).await.unwrap();
    assert!(!reply.head.contains("content-encoding"), "it is off unless configured");
}

// rule: D-09
#[tokio::test(flavor = "multi_thread")]
async fn the_cap_of_a_service_can_be_higher_and_lower_than_the_relayers() {
    let stage = Stage::with(still(), |config| {
        config.limits.request_bytes = 50_000;
        let service = config.services.get(&SERVICE.into()).unwrap().clone();
        let with = |bytes| relayer::config::ServiceConfig { request_bytes: bytes, ..service.clone() };
        config.services.insert(SERVICE.into(), with(Some(200_000)));
        config.services.insert("small".into(), with(Some(10_000)));
        config.services.insert("usual".into(), with(None));
    })
    .await;
    let url = stage.url();
    let request = relay_of(&stage, 150_000).await;
    let reply = curl(&[&url], encode_request(&request)).await.unwrap();
    assert_eq!(reply.status, 200, "a service may allow more than the relayer does");
    for (service, bytes, error) in [
        ("small", 20_000, Some("request body too large for service")),
        ("small", 150_000, Some("request body too large for service")),
        ("usual", 150_000, Some("request body too large for service")),
        ("svc1", 250_000, Some("request body too large")),
        ("usual", 20_000, None),
    ] {
        let mut request = relay_of(&stage, bytes).await;
        let meta = request.meta.as_mut().unwrap();
        meta.session_header.as_mut().unwrap().service_id = service.to_owned();
        let reply = curl(&[&url], request.encode_to_vec()).await.unwrap();
        match error {
            Some(error) => assert_eq!((reply.status, reply.error().as_str()), (413, error), "{service} {bytes}"),
            // It is another session's now.
            None => assert_eq!(reply.status, 403, "{service} {bytes}"),
        }
    }
    let chunked = ["-H", "transfer-encoding: chunked", &url];
    let reply = curl(&chunked, vec![0xff; 100_000]).await.unwrap();
    assert_eq!((reply.status, reply.error().as_str()), (413, "request body too large"), "a body of no known service");
}

// rule: D-13
#[tokio::test(flavor = "multi_thread")]
async fn whatever_an_error_quotes_it_is_json() {
    let stage = Stage::new().await;
    let mut request = stage.relay(1).await;
    let odd = "a\"b\\c\n\u{1f600}";
    request.meta.as_mut().unwrap().session_header.as_mut().unwrap().service_id = odd.to_owned();
    let reply = curl(&[&stage.url()], request.encode_to_vec()).await.unwrap();
    let error = reply.error();
    assert!(reply.status == 403 && error.contains(r#"invalid service id "a\"b\\c\n"#), "{error}");
}

// rule: D-52
#[tokio::test(flavor = "multi_thread")]
async fn callers_cannot_make_labels() {
    let stage = Stage::new().await;
    for number in 0..20 {
        let mut request = stage.relay(number).await;
        request.meta.as_mut().unwrap().session_header.as_mut().unwrap().service_id = format!("made-up-{number}");
        stage.post(request.encode_to_vec().into()).await;
        let kind = format!("rpc-type: made-up-{number}");
        curl(&["-H", &kind, &stage.url()], encode_request(&stage.relay(number).await)).await.unwrap();
    }
    let (_, metrics) = stage.running.get("/metrics").await;
    assert!(metrics.contains(r#"service_id="unknown""#) && metrics.contains(r#"rpc_type="unknown""#), "{metrics}");
    assert!(!metrics.contains("made-up"), "{metrics}");
}

// rule: R-05
#[tokio::test(flavor = "multi_thread")]
async fn a_server_error_is_passed_on_unsigned_and_unpaid() {
    let stage = Stage::new().await;
    for status in [500, 503, 599] {
        let status = StatusCode::from_u16(status).unwrap();
        stage.node.behave(Behaviour { status, ..Behaviour::default() });
        let reply = curl(&[&stage.url()], encode_request(&stage.relay(1).await)).await.unwrap();
        if reply.status == 503 && status != 503 {
            // The node counts as down by now.
            break;
        }
        assert_eq!((reply.status, reply.error().as_str()), (status.as_u16(), "backend service error"));
    }
    assert!(stage.log().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_that_helped_is_told() {
    let stage = Stage::with(still(), |config| {
        let backends = &mut config.services.get_mut(&SERVICE.into()).unwrap().backends;
        let good = backends[&RpcType::JsonRpc].nodes()[0].url.clone();
        let mut pool = PoolConfig::of_all(["http://127.0.0.1:1".to_owned(), good]);
        pool.balancing = Some(Balancing::FirstHealthy);
        backends.insert(RpcType::JsonRpc, pool);
    })
    .await;
    let reply = curl(&[&stage.url()], encode_request(&stage.relay(1).await)).await.unwrap();
    assert!(reply.status == 200 && reply.head.contains("backend-retries: 1\r\n"), "{}", reply.head);
}

// rule: D-06
#[tokio::test(flavor = "multi_thread")]
async fn where_nodes_are_is_told_to_operators_only_and_credentials_to_nobody() {
    let stage = Stage::with(still(), |config| {
        let url = config.services[&SERVICE.into()].backends[&RpcType::JsonRpc].nodes()[0].url.clone();
        let secret = url.replace("http://", "http://user:hunter2@") + "/v1/hunter2?key=hunter2";
        let down = PoolConfig::of("http://user:hunter2@127.0.0.1:1/hunter2");
        let backends = &mut config.services.get_mut(&SERVICE.into()).unwrap().backends;
        backends.insert(RpcType::JsonRpc, PoolConfig::of(secret));
        backends.insert(RpcType::Rest, down);
    })
    .await;
    stage.send(&stage.relay(1).await).await.unwrap();
    let (relays, host) = (stage.running.relays, stage.node.url());
    let bare = host.trim_start_matches("http://").to_owned();
    for path in ["/health", "/ready", "/healthz", "/ready/svc1"] {
        let (status, body) = super::stage::get(relays, path).await;
        assert_eq!(status, 200, "{path}");
        assert!(!body.contains(&bare) && !body.contains("hunter2") && !body.contains("127.0.0.1"), "{body}");
    }
    let (status, body) = stage.running.get("/ready/svc1").await;
    let json: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert!(status == 200 && !body.contains("hunter2"), "{status} {body}");
    assert_eq!((&json["service_id"], &json["ready"]), (&"svc1".into(), &true.into()));
    assert!(json["block_height"].as_i64() > Some(0) && json["pool"]["max_conns_per_host"].as_u64() > Some(0), "{body}");
    assert_eq!((&json["pool"]["in_flight"], &json["pool"]["saturation_pct"]), (&0.into(), &0.into()));
    assert_eq!(json["backends"]["total"], 2);
    let endpoints = json["backends"]["endpoints"].as_array().unwrap();
    let ours = endpoints.iter().find(|endpoint| endpoint["url"] == host).expect("scheme, host and port are shown");
    assert!(ours["healthy"] == true && ours["name"].is_string(), "{ours}");
    for (path, expected) in [("/ready/nobody", 404), ("/ready/", 400)] {
        assert_eq!(stage.running.get(path).await.0, expected);
        assert_eq!(super::stage::get(relays, path).await.0, expected);
    }
}

// rule: D-31
#[tokio::test]
async fn no_line_is_logged_for_a_relay_unless_somebody_debugs() {
    // This runtime has one thread, so the relayer's lines come here and those of other tests do not.
    let (_listening, lines) = super::log::Counted::listen();
    let stage = Stage::new().await;
    assert!(lines.get() > 0, "the start is told");
    let before = lines.get();
    for number in 0..20 {
        stage.send(&stage.relay(number).await).await.unwrap();
    }
    stage.post(Bytes::from_static(b"junk")).await;
    assert_eq!(lines.get() - before, 0);
    assert_eq!(stage.running.stop().await.unwrap().answered, 20);
    assert!(lines.get() > before, "the end is told");
}
