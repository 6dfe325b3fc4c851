use std::collections::BTreeMap;
use std::io::Write;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method};
use http_body_util::Full;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use relay_core::client::sign_request;
use relay_core::config::Period;
use relay_core::relay::RpcType;
use relay_core::relay::encode_request;
use relay_core::relay::envelope::{self, HttpRequest};
use relayer::Config;
use relayer::config::{AuthenticationConfig, Balancing, PoolConfig};
use testbed::{Backend, Behaviour};

use super::stage::{SERVICE, Stage, still};

/// The service's only pool.
pub(crate) fn json_rpc(config: &mut Config) -> &mut PoolConfig {
    config.services.get_mut(&SERVICE.into()).unwrap().backends.get_mut(&RpcType::JsonRpc).unwrap()
}

/// A stage whose relayer asks several nodes; `adjust` what it is told of them.
pub(crate) async fn stage_with(nodes: &[Backend], adjust: impl FnOnce(&mut PoolConfig)) -> Stage {
    let pool = PoolConfig::of_all(nodes.iter().map(Backend::url));
    Stage::with(still(), |config| {
        *json_rpc(config) = pool;
        adjust(json_rpc(config));
    })
    .await
}

pub(crate) async fn nodes<const N: usize>() -> [Backend; N] {
    let started = futures::future::join_all((0..N).map(|_| Backend::start())).await;
    started.into_iter().map(Result::unwrap).collect::<Vec<_>>().try_into().unwrap()
}

pub(crate) fn failing() -> Behaviour {
    Behaviour { status: http::StatusCode::BAD_GATEWAY, ..Behaviour::default() }
}

/// A relay around any HTTP call.
pub(crate) async fn relay_of(stage: &Stage, call: HttpRequest) -> Bytes {
    let session = stage.session().await;
    let payload = envelope::encode_request(&call);
    let request = sign_request(&session.header, &session.ring, &stage.supplier(), payload, &stage.key("app1"));
    encode_request(&request.unwrap()).into()
}

fn counts<const N: usize>(nodes: &[Backend; N]) -> [u64; N] {
    std::array::from_fn(|at| nodes[at].requests())
}

// rule: G-05
#[tokio::test(flavor = "multi_thread")]
async fn nodes_take_turns_and_weights_count() {
    let even = nodes::<3>().await;
    let stage = stage_with(&even, |_| {}).await;
    for number in 0..9 {
        stage.send(&stage.relay(number).await).await.unwrap();
    }
    assert_eq!(counts(&even), [3, 3, 3]);

    let uneven = nodes::<2>().await;
    let urls = uneven.iter().map(Backend::url);
    let mut pool = PoolConfig::of_all(urls);
    pool.balancing = Some(Balancing::Weighted);
    pool.endpoints[0].weight = 3;
    let other = stage.another(|config| *json_rpc(config) = pool).await;
    for number in 100..120 {
        let relay = stage.relay(number).await;
        stage.client.send(&other.url(), &relay, stage.key("supplier1").public_key()).await.unwrap();
    }
    let [heavy, light] = counts(&uneven);
    assert!((14..=16).contains(&heavy) && heavy + light == 20, "{heavy} and {light}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_healthy_node_is_asked_as_long_as_it_is() {
    let nodes = nodes::<2>().await;
    let stage = stage_with(&nodes, |pool| pool.balancing = Some(Balancing::FirstHealthy)).await;
    stage.send(&stage.relay(1).await).await.unwrap();
    nodes[0].behave(failing());
    for number in 2..10 {
        // What it fails the second one answers. The first is left alone after five failures.
        stage.send(&stage.relay(number).await).await.unwrap();
    }
    stage.send(&stage.relay(10).await).await.unwrap();
    assert_eq!(counts(&nodes), [6, 9]);
    let status = stage.running.status().await;
    assert_eq!(status["services"][0]["healthy"], true);
}

// rule: R-06, R-07, D-15
#[tokio::test(flavor = "multi_thread")]
async fn a_node_sees_the_call_inside_the_relay_under_its_base_path() {
    let secret = tempfile::NamedTempFile::new().unwrap();
    writeln!(secret.as_file(), "hunter2").unwrap();
    let nodes = nodes::<1>().await;
    let authentication =
        AuthenticationConfig { bearer_token_file: Some(secret.path().to_owned()), ..AuthenticationConfig::default() };
    let stage = stage_with(&nodes, |pool| {
        pool.base_path = Some("/mainnet".to_owned());
        pool.headers = BTreeMap::from([("x-operator".to_owned(), "set".to_owned())]);
        pool.authentication = Some(authentication);
    })
    .await;
    let inner = HeaderMap::from_iter([(http::header::CONTENT_TYPE, HeaderValue::from_static("application/json"))]);
    for (url, expected) in [
        ("//", "/mainnet"),
        ("https://supplier.example/mainnet/x?a=1", "/mainnet/x?a=1"),
        ("/store/a%2Fb/", "/mainnet/store/a%2Fb/"),
    ] {
        let call = HttpRequest {
            method: Method::PUT,
            url: url.to_owned(),
            headers: inner.clone(),
            body: Bytes::from_static(b"1"),
        };
        let response = stage.post(relay_of(&stage, call).await).await;
        assert_eq!(response.0, 200, "{response:?}");
        let head = nodes[0].heads().pop().unwrap();
        assert_eq!((head.method, head.uri.to_string().as_str()), (Method::PUT, expected));
        assert_eq!(head.headers["content-type"], "application/json", "not that of the request around the relay");
        assert_eq!(
            (&head.headers["x-operator"], &head.headers["authorization"]),
            (&"set".parse().unwrap(), &"Bearer hunter2".parse().unwrap())
        );
    }
    let call = HttpRequest { method: Method::GET, url: "/../admin".to_owned(), headers: inner, body: Bytes::new() };
    let (status, error) = stage.post(relay_of(&stage, call).await).await;
    assert_eq!((status, nodes[0].requests()), (400, 3), "nobody climbs out: {error}");
}

// rule: D-16, D-28
#[tokio::test(flavor = "multi_thread")]
async fn a_compressed_answer_is_unpacked_up_to_the_limit() {
    let stage = Stage::with(still(), |config| config.limits.response_bytes = 1 << 20).await;
    let gzip = |bytes: &[u8]| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(bytes).unwrap();
        Some(Bytes::from(encoder.finish().unwrap()))
    };
    let headers = HeaderMap::from_iter([(http::header::CONTENT_ENCODING, HeaderValue::from_static("gzip"))]);
    let answer = br#"{"jsonrpc":"2.0","id":1,"result":"0x10"}"#;
    stage.node.behave(Behaviour { body: gzip(answer), headers: headers.clone(), ..Behaviour::default() });
    let answered = stage.send(&stage.relay(1).await).await.unwrap();
    assert_eq!(answered.answer.body.as_ref(), answer);
    stage.node.behave(Behaviour { body: gzip(&vec![b' '; 40 << 20]), headers, ..Behaviour::default() });
    for number in 2..10 {
        // However many answers are too large, nobody is blamed and nobody else is asked.
        let relay = stage.relay(number).await;
        assert_eq!(stage.post(encode_request(&relay).into()).await, (502, "backend error".to_owned()));
    }
    assert_eq!(stage.node.requests(), 9);
}

// rule: D-36, R-02
#[tokio::test(flavor = "multi_thread")]
async fn callers_cannot_turn_a_node_away() {
    let nodes = nodes::<1>().await;
    let stage = stage_with(&nodes, |_| {}).await;
    for number in 0..12 {
        let url = ["/../x", "/with space", "/a/../../x"][number % 3];
        let body = Bytes::from(number.to_string());
        let call = HttpRequest { method: Method::POST, url: url.to_owned(), headers: HeaderMap::new(), body };
        let (status, error) = stage.post(relay_of(&stage, call).await).await;
        assert_eq!((status, error.starts_with("invalid relay request")), (400, true), "{url}: {error}");
    }
    assert_eq!(nodes[0].requests(), 0);
    stage.send(&stage.relay(100).await).await.expect("the node is not blamed");
}

// rule: R-15
#[tokio::test(flavor = "multi_thread")]
async fn slowness_and_impatience_blame_nobody() {
    let stage = Stage::with(still(), |config| {
        config.services.get_mut(&SERVICE.into()).unwrap().timeout = Period::from_millis(150);
    })
    .await;
    stage.node.behave(Behaviour { delay: Duration::from_millis(400), ..Behaviour::default() });
    for number in 0..6 {
        let relay = stage.relay(number).await;
        assert_eq!(stage.post(encode_request(&relay).into()).await.0, 502);
    }
    for number in 10..16 {
        let relay = stage.relay(number).await;
        let left = tokio::time::timeout(Duration::from_millis(60), stage.send(&relay)).await;
        assert!(left.is_err());
    }
    stage.node.behave(Behaviour::default());
    stage.send(&stage.relay(100).await).await.unwrap();
}

/// Sends a relay with an `Rpc-Type`, which nobody signed. Gives the status.
async fn post_as(stage: &Stage, rpc_type: &str, body: Bytes) -> u16 {
    let client: Client<HttpConnector, Full<Bytes>> = Client::builder(TokioExecutor::new()).build_http();
    let request = http::Request::post(stage.url()).header("rpc-type", rpc_type).body(Full::new(body)).unwrap();
    client.request(request).await.unwrap().status().as_u16()
}

// rule: R-01, R-02, D-36
#[tokio::test(flavor = "multi_thread")]
async fn relays_of_the_wrong_kind_reach_no_node_and_blame_none() {
    let [json, grpc, socket] = nodes::<3>().await;
    let stage = Stage::with(still(), |config| {
        *json_rpc(config) = PoolConfig::of(json.url());
        let backends = &mut config.services.get_mut(&SERVICE.into()).unwrap().backends;
        backends.insert(RpcType::Grpc, PoolConfig::of(grpc.url().replace("http", "grpc")));
        backends.insert(RpcType::WebSocket, PoolConfig::of(socket.url().replace("http", "ws")));
    })
    .await;
    for number in 0..12 {
        let rpc_type = ["1", "2", "grpc", "websocket"][number % 4];
        let body = encode_request(&stage.relay(number).await).into();
        assert_eq!(post_as(&stage, rpc_type, body).await, 400, "{rpc_type}");
    }
    for (number, rpc_type) in ["4", "5", "rest", "7", "ws"].into_iter().enumerate() {
        let body = encode_request(&stage.relay(100 + number).await).into();
        assert_eq!(post_as(&stage, rpc_type, body).await, 503, "{rpc_type}: no kind stands in for another");
    }
    assert_eq!((json.requests(), grpc.requests(), socket.requests()), (0, 0, 0));
    let metrics = stage.running.get("/metrics").await.1;
    for line in [
        r#"ha_relayer_backend_missing_total{service_id="svc1",rpc_type="rest"} 2"#,
        r#"ha_relayer_backend_missing_total{service_id="svc1",rpc_type="cometbft"} 1"#,
        r#"ha_relayer_backend_missing_total{service_id="svc1",rpc_type="unknown"} 2"#,
        r#"ha_relayer_backend_health_status{service_id="svc1:grpc""#,
    ] {
        assert!(metrics.contains(line), "{line} is not in {metrics}");
    }
    assert!(
        metrics
            .lines()
            .filter(|line| line.starts_with("ha_relayer_backend_health_status{"))
            .all(|line| line.ends_with(" 1"))
    );
    stage.send(&stage.relay(200).await).await.unwrap();
}
