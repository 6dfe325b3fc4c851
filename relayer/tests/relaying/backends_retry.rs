use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method};
use relay_core::config::Period;
use relay_core::relay::encode_request;
use relay_core::relay::envelope::HttpRequest;
use relayer::config::{Balancing, RetryPolicy};
use testbed::{Backend, Behaviour};
use tokio::net::TcpListener;

use super::backends::{failing, json_rpc, nodes, relay_of, stage_with};
use super::stage::{SERVICE, Stage, still, within};

/// JSON-RPC that sends a transaction.
fn write(number: usize) -> HttpRequest {
    let body = format!(r#"{{"jsonrpc":"2.0","id":{number},"method":"eth_sendRawTransaction","params":["0x"]}}"#);
    HttpRequest { method: Method::POST, url: "/".to_owned(), headers: HeaderMap::new(), body: body.into() }
}

fn in_order(pool: &mut relayer::config::PoolConfig) {
    pool.balancing = Some(Balancing::FirstHealthy);
    pool.breaker.failures = 1000;
}

async fn read(stage: &Stage, number: usize) -> u16 {
    stage.post(encode_request(&stage.relay(number).await).into()).await.0
}

// rule: D-38
#[tokio::test(flavor = "multi_thread")]
async fn another_node_is_asked_when_that_is_safe() {
    let nodes = nodes::<3>().await;
    nodes[0].behave(failing());
    let stage = stage_with(&nodes, in_order).await;
    assert_eq!(read(&stage, 1).await, 200);
    assert_eq!((nodes[0].requests(), nodes[1].requests()), (1, 1));

    let (status, error) = stage.post(relay_of(&stage, write(2)).await).await;
    assert_eq!((status, error.as_str()), (502, "backend service error"), "a transaction is sent once");
    assert_eq!((nodes[0].requests(), nodes[1].requests()), (2, 1));

    nodes[1].behave(failing());
    assert_eq!(read(&stage, 3).await, 502, "there is one retry by default");
    assert_eq!(nodes[2].requests(), 0);

    let twice = stage
        .another(|config| {
            *json_rpc(config) = relayer::config::PoolConfig::of_all(nodes.iter().map(Backend::url));
            in_order(json_rpc(config));
            json_rpc(config).max_retries = 2;
            json_rpc(config).retry = RetryPolicy::Always;
        })
        .await;
    let (status, _) = stage.client.post(&twice.url(), relay_of(&stage, write(4)).await).await.unwrap();
    assert_eq!((status.as_u16(), nodes[2].requests()), (200, 1), "each retry asks a node that was not asked before");
    let metrics = twice.get("/metrics").await.1;
    for line in [
        r#"ha_relayer_backend_requests_total{service_id="svc1",outcome="backend_5xx",status_code="502"} 2"#,
        r#"ha_relayer_backend_requests_total{service_id="svc1",outcome="success",status_code="200"} 1"#,
        r#"ha_relayer_backend_conn_reused_total{service_id="svc1",reused="false"} 3"#,
    ] {
        assert!(metrics.contains(line), "{line} is not in {metrics}");
    }
    assert!(stage.running.stop().await.unwrap().unexplained() == 0);
}

/// A server that takes connections and drops each one after its first bytes. Gives its URL.
async fn resets() -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            // Closing with unread bytes resets the connection.
            let _ = stream.readable().await;
        }
    });
    url
}

// rule: D-38
#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_sent_may_always_be_asked_again() {
    let (broken, nodes) = (resets().await, nodes::<1>().await);
    let (gone, good) = (format!("http://{}", testbed::free_address().unwrap()), nodes[0].url());
    let stage = Stage::with(still(), |config| {
        *json_rpc(config) = relayer::config::PoolConfig::of_all([gone, good.clone()]);
        in_order(json_rpc(config));
    })
    .await;
    let (status, _) = stage.post(relay_of(&stage, write(1)).await).await;
    assert_eq!((status, nodes[0].requests()), (200, 1), "nobody was reached, so the transaction was not sent");

    let other = stage
        .another(|config| {
            *json_rpc(config) = relayer::config::PoolConfig::of_all([broken, good]);
            in_order(json_rpc(config));
        })
        .await;
    let post = async |body: Bytes| stage.client.post(&other.url(), body).await.unwrap().0.as_u16();
    assert_eq!(post(relay_of(&stage, write(2)).await).await, 502, "it may have been sent");
    assert_eq!(post(encode_request(&stage.relay(3).await).into()).await, 200, "a read is asked again");
    assert_eq!(nodes[0].requests(), 2);
}

// rule: D-38
#[tokio::test(flavor = "multi_thread")]
async fn all_retries_share_one_deadline() {
    let nodes = nodes::<2>().await;
    nodes[0].behave(Behaviour { delay: Duration::from_millis(600), ..failing() });
    nodes[1].behave(Behaviour { delay: Duration::from_millis(700), ..Behaviour::default() });
    let urls: Vec<String> = nodes.iter().map(Backend::url).collect();
    let stage = Stage::with(still(), |config| {
        *json_rpc(config) = relayer::config::PoolConfig::of_all(urls);
        in_order(json_rpc(config));
        config.services.get_mut(&SERVICE.into()).unwrap().timeout = Period::from_secs(1);
    })
    .await;
    // With a second of its own the second node would have answered.
    assert_eq!(read(&stage, 1).await, 502);
    assert_eq!((nodes[0].requests(), nodes[1].requests()), (1, 1));
}

// rule: G-08
#[tokio::test(flavor = "multi_thread")]
async fn a_slow_node_is_hedged_for_reads_only_and_not_blamed() {
    let nodes = nodes::<2>().await;
    let slow = Duration::from_secs(10);
    nodes[0].behave(Behaviour { delay: slow, ..Behaviour::default() });
    let stage = stage_with(&nodes, |pool| {
        in_order(pool);
        pool.breaker.failures = 1;
        pool.hedge_after = Some(Period::from_millis(50));
    })
    .await;
    let began = std::time::Instant::now();
    for number in 0..3 {
        assert_eq!(read(&stage, number).await, 200);
    }
    assert!(began.elapsed() < slow, "nobody waited for the slow one");
    assert_eq!(
        (nodes[0].requests(), nodes[1].requests()),
        (3, 3),
        "it is still asked first, since slowness is no failure"
    );

    nodes[0].behave(Behaviour { delay: Duration::from_millis(300), ..Behaviour::default() });
    assert_eq!(stage.post(relay_of(&stage, write(9)).await).await.0, 200);
    assert_eq!((nodes[0].requests(), nodes[1].requests()), (4, 3), "a transaction is sent once");
    within(async {
        let mut metrics = String::new();
        while !metrics.contains(r#"ha_relayer_http_pool_in_flight{service_id="svc1"} 0"#) {
            metrics = stage.running.get("/metrics").await.1;
        }
    })
    .await;
}
