//! Whoever was answered is in the log, also when Sentinels choose another primary meanwhile.

use std::time::Duration;

use relay_core::config::Period;
use relay_core::store::{ChainIdentity, Store, StoreConfig};
use testbed::{Redis, Sentinel};

use super::recording::keeps;
use super::stage::{PREFIX, Stage, still};
use super::ways::Way;

#[tokio::test(flavor = "multi_thread")]
async fn answers_survive_a_fail_over() {
    let mut sentinel = Sentinel::start(2, 3, &[]).await.unwrap();
    let url = sentinel.url();
    let mut stage = Stage::on(Redis::start().await.unwrap(), still(), |config| {
        config.redis.url.clone_from(&url);
        config.recording.durable_after = Period::from_secs(10);
    })
    .await;
    let whose = ChainIdentity::from(&stage.view.identity().await.unwrap());
    let config = StoreConfig { url, prefix: PREFIX.to_owned(), ..StoreConfig::default() };
    stage.store = Store::open(config, whose).await.unwrap();
    let first = sentinel.primary().await.unwrap();
    keeps(stage, Way::Http1, async |_| {
        sentinel.server(first).kill().await.unwrap();
        let second = sentinel.wait_for_fail_over(first).await.unwrap();
        assert_ne!(second, first);
        tokio::time::sleep(Duration::from_secs(1)).await;
    })
    .await;
}
