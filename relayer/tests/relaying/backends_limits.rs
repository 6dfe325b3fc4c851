use std::time::Duration;

use relay_core::config::Period;
use relay_core::relay::encode_request;
use testbed::{Backend, Behaviour};

use super::backends::{failing, json_rpc, nodes, stage_with};
use super::stage::{Stage, still, within};

async fn read(stage: &Stage, number: usize) -> (u16, String) {
    stage.post(encode_request(&stage.relay(number).await).into()).await
}

async fn asked(node: &Backend, requests: u64) {
    within(async {
        while node.requests() < requests {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_is_given_no_more_than_it_takes_and_the_queue_is_bounded() {
    let nodes = nodes::<1>().await;
    nodes[0].behave(Behaviour { delay: Duration::from_secs(1), ..Behaviour::default() });
    let stage = stage_with(&nodes, |pool| {
        pool.connections.max = 1;
        pool.connections.queue = 1;
    })
    .await;
    let metric = async |line: &str| {
        within(async {
            while !stage.running.get("/metrics").await.1.contains(line) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        })
        .await;
    };
    let third = async {
        asked(&nodes[0], 1).await;
        metric("ha_relayer_http_pool_in_flight{service_id=\"svc1\"} 1\n").await;
        metric("ha_relayer_relays_in_flight 2\n").await;
        read(&stage, 3).await
    };
    let (first, second, third) = tokio::join!(read(&stage, 1), read(&stage, 2), third);
    assert_eq!((first.0, second.0), (200, 200), "one waits for the other");
    assert_eq!(third, (503, "relayer overloaded".to_owned()));
    metric("ha_relayer_http_pool_max_conns{service_id=\"svc1\"} 1\n").await;
    metric("ha_relayer_http_pool_in_flight{service_id=\"svc1\"} 0\n").await;
    metric("ha_relayer_http_pool_wait_seconds_count{service_id=\"svc1\"} 2\n").await;
    let waited = stage.running.get("/metrics").await.1;
    let at_once = waited
        .lines()
        .find(|line| line.starts_with("ha_relayer_http_pool_wait_seconds_bucket") && line.contains("le=\"0.001\""));
    assert!(at_once.is_some_and(|line| line.ends_with(" 1")), "{waited}");
    let entries = stage.running.stop().await.unwrap();
    assert_eq!((entries.answered, entries.shed, entries.unexplained()), (2, 1, 0));
}

// rule: D-35, R-16
#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_comes_back_is_tried_with_one_request() {
    let nodes = nodes::<1>().await;
    let stage = stage_with(&nodes, |pool| {
        pool.breaker.failures = 2;
        pool.breaker.recovery = Period::from_millis(1500);
    })
    .await;
    nodes[0].behave(failing());
    assert_eq!((read(&stage, 1).await.0, read(&stage, 2).await.0), (502, 502));
    assert_eq!(read(&stage, 3).await, (503, "service temporarily unavailable".to_owned()));
    assert_eq!(nodes[0].requests(), 2, "nobody is sent to a node that is down");
    let metrics = stage.running.get("/metrics").await.1;
    assert!(metrics.contains("ha_relayer_fast_fails_total{service_id=\"svc1\"} 1\n"), "{metrics}");
    let node = nodes[0].url().trim_start_matches("http://").to_owned();
    let health = format!("ha_relayer_backend_health_status{{service_id=\"svc1:jsonrpc\",endpoint=\"{node}\"}} 0\n");
    assert!(metrics.contains(&health), "{metrics}");

    nodes[0].behave(Behaviour { delay: Duration::from_secs(1), ..Behaviour::default() });
    tokio::time::sleep(Duration::from_millis(1500)).await;
    let (trial, beside) = tokio::join!(read(&stage, 10), async {
        asked(&nodes[0], 3).await;
        futures::future::join_all((11..16).map(|number| read(&stage, number))).await
    });
    assert_eq!(trial.0, 200);
    assert!(beside.iter().all(|(status, _)| *status == 503), "{beside:?}");
    assert_eq!(nodes[0].requests(), 3, "one request tried it");
    nodes[0].behave(Behaviour::default());
    assert_eq!(read(&stage, 20).await.0, 200, "it is back");
}

// rule: D-34
#[tokio::test(flavor = "multi_thread")]
async fn a_late_answer_or_a_timeout_does_not_bring_a_node_back() {
    let nodes = nodes::<1>().await;
    let stage = Stage::with(still(), |config| {
        *json_rpc(config) = relayer::config::PoolConfig::of(nodes[0].url());
        json_rpc(config).breaker.failures = 2;
        config.services.get_mut(&super::stage::SERVICE.into()).unwrap().timeout = Period::from_secs(2);
    })
    .await;
    nodes[0].behave(Behaviour { delay: Duration::from_secs(10), ..Behaviour::default() });
    let slow = async { read(&stage, 1).await.0 };
    let failures = async {
        asked(&nodes[0], 1).await;
        nodes[0].behave(failing());
        assert_eq!((read(&stage, 2).await.0, read(&stage, 3).await.0), (502, 502));
    };
    let (slow, ()) = tokio::join!(slow, failures);
    assert_eq!(slow, 502, "it timed out after the node was taken out");
    assert_eq!(read(&stage, 4).await.0, 503, "and that did not bring the node back");
    assert_eq!(nodes[0].requests(), 3);
}
