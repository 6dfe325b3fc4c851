use std::time::Duration;

use testbed::{Faults, Proxy, Redis};

use super::stage::{Stage, still};

// rule: R-08, S-1
#[tokio::test(flavor = "multi_thread")]
async fn a_relayer_that_starts_before_its_chain_and_redis_comes_to_life_by_itself() {
    let chain = testbed::Chain::start(still()).await.unwrap();
    let proxy = Proxy::start(&chain).await.unwrap();
    let stage = Stage::on_chain(chain, Redis::start().await.unwrap(), |_| {}).await;
    proxy.set(Faults { cut: true, ..Faults::default() });
    stage.redis.pause().unwrap();
    let early = stage
        .start_another(|config| {
            config.chain.nodes[0].rpc = proxy.rpc();
            config.chain.nodes[0].grpc = proxy.grpc();
        })
        .await;
    tokio::time::sleep(Duration::from_millis(800)).await;
    let (status, ready) = early.get("/ready").await;
    assert!(status == 503 && ready.contains("waiting for the chain"), "{status} {ready}");
    assert_eq!(early.get("/health").await.0, 200, "waiting is not being stuck");
    proxy.heal();
    tokio::time::sleep(Duration::from_millis(800)).await;
    let (status, ready) = early.get("/ready").await;
    assert!(status == 503 && ready.contains("waiting for"), "{status} {ready}");
    stage.redis.resume().unwrap();
    early.until_ready().await;
    let supplier = *stage.key("supplier1").public_key();
    stage.client.send(&early.url(), &stage.relay(1).await, &supplier).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relayer_can_be_stopped_while_it_waits() {
    let stage = Stage::new().await;
    let waiting = stage.start_another(|config| config.chain.nodes[0].grpc = "127.0.0.1:1".to_owned()).await;
    let entries = waiting.stop().await.unwrap();
    assert_eq!(entries.answered, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relayer_with_another_chains_redis_does_not_start() {
    let stage = Stage::new().await;
    let elsewhere = testbed::Chain::start(still().suppliers(2)).await.unwrap();
    let mut config = stage.config();
    config.chain.nodes[0].rpc = elsewhere.rpc().to_owned();
    config.chain.nodes[0].grpc = elsewhere.grpc();
    let error =
        Box::pin(relayer::run(config, None, tokio_util::sync::CancellationToken::new())).await.unwrap_err().to_string();
    assert!(error.contains("chain"), "{error}");
}
