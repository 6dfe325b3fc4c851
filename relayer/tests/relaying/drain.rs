use std::time::Duration;

use relay_core::client::RelayClient;
use relay_core::config::Period;
use testbed::Behaviour;

use super::stage::{Stage, still, within};

// rule: D-07
#[tokio::test(flavor = "multi_thread")]
async fn a_drain_loses_nothing_and_says_that_it_goes_on() {
    let stage = Stage::with(still(), |config| config.drain.delay = Period::from_millis(300)).await;
    stage.node.behave(Behaviour { delay: Duration::from_millis(800), ..Behaviour::default() });
    let (http1, http2) = (RelayClient::new(false).unwrap(), RelayClient::new(true).unwrap());
    let (url, supplier) = (stage.url(), *stage.key("supplier1").public_key());
    let mut sending = tokio::task::JoinSet::new();
    for number in 0..20 {
        let (request, url) = (stage.relay(number).await, url.clone());
        let client = if number % 2 == 0 { http1.clone() } else { http2.clone() };
        sending.spawn(async move { client.send(&url, &request, &supplier).await.map(|_| ()) });
    }
    within(async {
        while stage.node.requests() < 20 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
    stage.running.shutdown.cancel();
    let (status, ready) = stage.running.get("/ready").await;
    assert!(status == 503 && ready.contains("shutting down"), "{status} {ready}");
    assert_eq!(super::stage::get(stage.running.relays, "/health").await.0, 200, "it still accepts for a while");

    for outcome in sending.join_all().await {
        outcome.expect("a relay in progress is answered");
    }
    let Stage { running, store, chain, .. } = stage;
    let entries = running.stop().await.unwrap();
    assert_eq!((entries.answered, entries.appended, entries.unexplained()), (20, 20, 0));
    let supplier = super::stage::key(&chain, "supplier1").address().clone();
    assert!(store.pending(&supplier).await.unwrap().is_empty(), "its marks are taken back");
}

// rule: D-07
#[tokio::test(flavor = "multi_thread")]
async fn a_drain_waits_for_redis_to_come_back() {
    let stage = Stage::new().await;
    stage.send(&stage.relay(0).await).await.unwrap();
    let request = stage.relay(1).await;
    stage.redis.pause().unwrap();
    stage.send(&request).await.unwrap();
    stage.running.shutdown.cancel();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(!stage.running.task.is_finished());
    stage.redis.resume().unwrap();
    let entries = stage.running.stop().await.unwrap();
    assert_eq!((entries.answered, entries.appended, entries.unrecorded), (2, 2, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drain_that_runs_out_of_time_says_what_is_lost() {
    let stage = Stage::with(still(), |config| config.drain.deadline = Period::from_millis(500)).await;
    stage.send(&stage.relay(0).await).await.unwrap();
    let request = stage.relay(1).await;
    stage.redis.pause().unwrap();
    stage.send(&request).await.unwrap();
    let error = stage.running.stop().await.unwrap_err().to_string();
    assert!(error.contains("1 answered relays unrecorded"), "{error}");
    stage.redis.resume().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn two_relayers_of_a_pool_share_the_log() {
    let stage = Stage::new().await;
    let second = stage.another(|_| {}).await;
    let supplier = *stage.key("supplier1").public_key();
    stage.send(&stage.relay(1).await).await.unwrap();
    stage.client.send(&second.url(), &stage.relay(2).await, &supplier).await.unwrap();
    assert_eq!(stage.log().await.len(), 2);
    assert_eq!(second.stop().await.unwrap().appended, 1);
}
