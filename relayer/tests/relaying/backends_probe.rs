use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt;
use http::{HeaderMap, HeaderValue};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use relay_core::config::Period;
use relay_core::relay::{RpcType, encode_request};
use relayer::config::{ChainId, PoolConfig, ProbeConfig, ProbeKind, SyncConfig};
use testbed::{Backend, Behaviour};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tonic_health::server::HealthReporter;
use tonic_health::{ServingStatus, pb::health_server::HealthServer};
use tower::Service;

use super::backends::{failing, json_rpc, nodes, stage_with};
use super::stage::{SERVICE, Stage, still, within};

/// Probes that tests need not wait for.
fn probe() -> ProbeConfig {
    ProbeConfig { interval: Period::from_millis(40), timeout: Period::from_millis(400), ..ProbeConfig::default() }
}

fn sync() -> SyncConfig {
    SyncConfig { interval: Period::from_millis(40), ..SyncConfig::default() }
}

async fn shows(stage: &Stage, line: &str) {
    let mut metrics = String::new();
    let seen = async {
        while !metrics.contains(line) {
            tokio::time::sleep(Duration::from_millis(20)).await;
            metrics = stage.running.get("/metrics").await.1;
        }
    };
    let seen = tokio::time::timeout(Duration::from_mins(1), seen).await;
    assert!(seen.is_ok(), "{line} is not in {metrics}");
}

/// Waits until a node counts as healthy, or as not.
async fn healthy(stage: &Stage, kind: &str, url: &str, expected: bool) {
    let node = url.rsplit('/').next().unwrap();
    let labels = format!("{{service_id=\"svc1:{kind}\",endpoint=\"{node}\"}}");
    shows(stage, &format!("ha_relayer_backend_health_status{labels} {}\n", u8::from(expected))).await;
}

async fn read(stage: &Stage, number: usize) -> (u16, String) {
    stage.post(encode_request(&stage.relay(number).await).into()).await
}

// rule: R-07, R-16
#[tokio::test(flavor = "multi_thread")]
async fn a_node_whose_probes_fail_is_not_asked_until_they_go_well() {
    let nodes = nodes::<1>().await;
    nodes[0].behave(Behaviour { body: Some(Bytes::from_static(b"all is well")), ..Behaviour::default() });
    let stage = stage_with(&nodes, |pool| {
        pool.base_path = Some("/base".to_owned());
        pool.headers.insert("x-key".to_owned(), "of relays".to_owned());
        let mut probe = probe();
        probe.path = Some("//base/health?deep=1".to_owned());
        probe.method = "post".to_owned();
        probe.body = Some("{}".to_owned());
        probe.expected_body = Some("is well".to_owned());
        probe.headers.insert("x-key".to_owned(), "of probes".to_owned());
        pool.probe = Some(probe);
    })
    .await;
    let node = nodes[0].url();
    let label = format!("service_id=\"svc1:jsonrpc\",endpoint=\"{}\"", node.trim_start_matches("http://"));
    shows(&stage, &format!("ha_relayer_health_check_successes_total{{{label}}}")).await;
    let head = nodes[0].heads().remove(0);
    assert_eq!((head.method.as_str(), head.uri.to_string().as_str()), ("POST", "/base/health?deep=1"));
    assert_eq!(
        (&head.headers["x-key"], &head.headers["content-type"]),
        (&"of probes".parse().unwrap(), &"application/json".parse().unwrap())
    );
    assert_eq!(read(&stage, 1).await.0, 200);

    nodes[0].behave(Behaviour { body: Some(Bytes::from_static(b"all is lost")), ..Behaviour::default() });
    healthy(&stage, "jsonrpc", &node, false).await;
    shows(&stage, &format!("ha_relayer_health_check_failures_total{{{label}}}")).await;
    assert_eq!(read(&stage, 2).await, (503, "service temporarily unavailable".to_owned()));
    nodes[0].behave(Behaviour { body: Some(Bytes::from_static(b"all is well")), ..Behaviour::default() });
    healthy(&stage, "jsonrpc", &node, true).await;
    assert_eq!(read(&stage, 3).await.0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn redirects_large_answers_and_slow_ones_are_no_good_probes() {
    let elsewhere = Backend::start().await.unwrap();
    let nodes = nodes::<1>().await;
    let stage = stage_with(&nodes, |pool| {
        pool.probe = Some(ProbeConfig { expected_body: Some("x".to_owned()), ..probe() });
    })
    .await;
    let node = nodes[0].url();
    let good = Behaviour { body: Some(Bytes::from_static(b"x")), ..Behaviour::default() };
    let location = HeaderMap::from_iter([(http::header::LOCATION, HeaderValue::try_from(elsewhere.url()).unwrap())]);
    for bad in [
        Behaviour { status: http::StatusCode::FOUND, headers: location, ..good.clone() },
        Behaviour { body: Some(vec![b'x'; 3 << 20].into()), ..Behaviour::default() },
        Behaviour { delay: Duration::from_secs(5), ..good.clone() },
        failing(),
    ] {
        nodes[0].behave(bad);
        healthy(&stage, "jsonrpc", &node, false).await;
        nodes[0].behave(good.clone());
        healthy(&stage, "jsonrpc", &node, true).await;
    }
    assert_eq!(elsewhere.requests(), 0, "nobody follows a redirect");
}

/// A WebSocket server that answers pings, as long as its tasks live.
async fn socket_server() -> (String, JoinSet<()>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("ws://{}", listener.local_addr().unwrap());
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let Ok(mut socket) = tokio_tungstenite::accept_async(stream).await else { return };
                while let Some(Ok(_)) = socket.next().await {}
            });
        }
    });
    (url, tasks)
}

/// The health service of tonic. It ends with its tasks.
async fn grpc_server() -> (String, HealthReporter, JoinSet<()>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = listener.local_addr().unwrap().to_string();
    let reporter = HealthReporter::new();
    let service = HealthServer::new(tonic_health::server::HealthService::from_health_reporter(reporter.clone()));
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let service = service.clone();
            let service = service_fn(move |request| {
                let mut service = service.clone();
                async move { service.call(request).await }
            });
            let server = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
            tokio::spawn(server.serve_connection(TokioIo::new(stream), service));
        }
    });
    (url, reporter, tasks)
}

fn add(config: &mut relayer::Config, kind: RpcType, url: &str, probe: ProbeConfig) {
    let pool = PoolConfig { probe: Some(probe), ..PoolConfig::of(url) };
    config.services.get_mut(&SERVICE.into()).unwrap().backends.insert(kind, pool);
}

// rule: D-37, D-18, S-5
#[tokio::test(flavor = "multi_thread")]
async fn sockets_and_grpc_nodes_are_probed_as_they_can_answer() {
    let (socket, socket_tasks) = socket_server().await;
    let (grpc, reporter, _grpc_tasks) = grpc_server().await;
    let plain = Backend::start().await.unwrap();
    let stage = Stage::with(still(), |config| {
        add(config, RpcType::WebSocket, &socket, probe());
        add(config, RpcType::Grpc, &grpc, ProbeConfig { service: "pocket".to_owned(), ..probe() });
        add(config, RpcType::Rest, &plain.url(), ProbeConfig { kind: Some(ProbeKind::Tcp), ..probe() });
        config.check().unwrap();
    })
    .await;
    // Not known to the server yet, so not serving.
    healthy(&stage, "grpc", &grpc, false).await;
    reporter.set_service_status("pocket", ServingStatus::Serving).await;
    healthy(&stage, "grpc", &grpc, true).await;
    reporter.set_service_status("pocket", ServingStatus::NotServing).await;
    healthy(&stage, "grpc", &grpc, false).await;

    let probed = |kind: &str, url: &str| {
        let node = url.rsplit('/').next().unwrap().to_owned();
        format!("ha_relayer_health_check_successes_total{{service_id=\"svc1:{kind}\",endpoint=\"{node}\"}}")
    };
    shows(&stage, &probed("websocket", &socket)).await;
    shows(&stage, &probed("rest", &plain.url())).await;
    let failed = "ha_relayer_health_check_failures_total{service_id=\"svc1:websocket\"";
    assert!(!stage.running.get("/metrics").await.1.contains(failed));
    healthy(&stage, "websocket", &socket, true).await;
    healthy(&stage, "rest", &plain.url(), true).await;
    let gone = plain.url();
    drop((socket_tasks, plain));
    healthy(&stage, "websocket", &socket, false).await;
    healthy(&stage, "rest", &gone, false).await;
}

fn evm_at(height: u64) -> Behaviour {
    let body = format!("{{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":\"{height:#x}\"}}");
    Behaviour { body: Some(body.into()), ..Behaviour::default() }
}

// rule: G-05
#[tokio::test(flavor = "multi_thread")]
async fn a_node_behind_the_others_is_not_asked_until_it_has_caught_up() {
    let nodes = nodes::<2>().await;
    nodes[0].behave(evm_at(100));
    nodes[1].behave(evm_at(80));
    let stage = stage_with(&nodes, |pool| pool.sync = Some(SyncConfig { max_lag: Some(5), ..sync() })).await;
    healthy(&stage, "jsonrpc", &nodes[1].url(), false).await;
    for number in 0..4 {
        let answer = stage.send(&stage.relay(number).await).await.unwrap();
        assert!(answer.answer.body.ends_with(b"\"0x64\"}"), "the node ahead answers");
    }
    nodes[1].behave(evm_at(97));
    healthy(&stage, "jsonrpc", &nodes[1].url(), true).await;
    nodes[0].behave(evm_at(10));
    healthy(&stage, "jsonrpc", &nodes[0].url(), false).await;
    nodes[1].behave(failing());
    healthy(&stage, "jsonrpc", &nodes[0].url(), true).await;
}

// rule: G-05
#[tokio::test(flavor = "multi_thread")]
async fn a_node_of_another_chain_is_never_asked() {
    let [evm, comet] = nodes::<2>().await;
    evm.behave(evm_at(100));
    let status = |network: &str| {
        let sync = r#"{"latest_block_height":"7","catching_up":false}"#;
        let body = format!(r#"{{"result":{{"node_info":{{"network":"{network}"}},"sync_info":{sync}}}}}"#);
        Behaviour { body: Some(body.into()), ..Behaviour::default() }
    };
    comet.behave(status("other"));
    let stage = Stage::with(still(), |config| {
        let sync = |chain_id| Some(SyncConfig { chain_id: Some(chain_id), ..sync() });
        *json_rpc(config) = PoolConfig { sync: sync(ChainId::Number(1)), ..PoolConfig::of(evm.url()) };
        let pool = PoolConfig { sync: sync(ChainId::Name("pocket".to_owned())), ..PoolConfig::of(comet.url()) };
        config.services.get_mut(&SERVICE.into()).unwrap().backends.insert(RpcType::CometBft, pool);
    });
    // It is not ready while none of its nodes is of the right chain, so the right one comes while it starts.
    let right = async {
        within(async {
            while comet.requests() < 3 {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        })
        .await;
        comet.behave(status("pocket"));
    };
    let (stage, ()) = tokio::join!(stage, right);
    healthy(&stage, "jsonrpc", &evm.url(), false).await;
    healthy(&stage, "cometbft", &comet.url(), true).await;
    assert_eq!(read(&stage, 1).await.0, 503);
    assert!(comet.heads().iter().all(|head| head.method == "GET" && head.uri.path() == "/status"));
    evm.behave(evm_at(1));
    healthy(&stage, "jsonrpc", &evm.url(), true).await;
    assert_eq!(read(&stage, 2).await.0, 200);
}
