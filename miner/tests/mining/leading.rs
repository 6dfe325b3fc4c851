//! One miner has the duties of the fleet, another takes them over, and claims wait for neither.

use std::time::{Duration, Instant};

use relay_core::store::{FedBlock, Fence, InstanceId, Store};
use relay_core::units::Height;
use serde_json::Value;
use testbed::Genesis;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

use crate::scene::{Scene, genesis};

const SOON: Duration = Duration::from_secs(90);

/// Polls until something is so.
async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + SOON;
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(Instant::now() < deadline, "{what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// A miner that can die: it has a runtime of its own.
fn start(scene: &Scene, name: &str) -> Runtime {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let mut config = scene.config();
    name.clone_into(&mut config.name);
    config.leader.ttl = "1500ms".parse().unwrap();
    config.leader.renew = "300ms".parse().unwrap();
    runtime.spawn(miner::run(config, CancellationToken::new()));
    runtime
}

async fn leader(store: &Store) -> Fence {
    until("somebody leads", async || store.leader().await.unwrap()).await
}

async fn fed_beyond(store: &Store, height: Height) -> FedBlock {
    until("the feed goes on", async || store.newest_block().await.unwrap().filter(|block| block.height > height)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn when_the_leader_dies_another_goes_on_with_the_feed_and_leaves_no_gap() {
    let scene = Scene::new(Genesis::new()).await;
    let store = scene.store().await;
    let first = start(&scene, "one");
    let before = leader(&store).await;
    let second = start(&scene, "two");
    let fed = fed_beyond(&store, Height(0)).await;
    first.shutdown_background();
    let after = until("another leads", async || store.leader().await.unwrap().filter(|now| *now != before)).await;
    assert!(after.epoch > before.epoch);
    assert_ne!(after.instance, before.instance);
    let fed = fed_beyond(&store, fed.height + 5).await;

    let blocks = store.blocks(500).await.unwrap();
    assert!(blocks.windows(2).all(|pair| pair[0].height == pair[1].height + 1), "no gap");
    let block = scene.node.block(fed.height).await.unwrap();
    assert_eq!(fed, FedBlock::from(&block), "height, hash and time are the chain's");
    second.shutdown_background();
}

/// Somebody holds the lock and does nothing: no feed, no caches. Miners read the chain themselves and earn all the same.
// rule: M-11, W-09, I-18
#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_does_nothing_costs_no_claim() {
    let scene = Scene::new(genesis()).await;
    let store = scene.store().await;
    let idle = InstanceId::random();
    let (taken, fence) = store.acquire_leader(&idle, 1, Duration::from_mins(10)).await.unwrap();
    assert!(taken);
    let (one, two) = (start(&scene, "one"), start(&scene, "two"));
    let session = scene.serve(&store, 20).await;
    let ending: Value = scene.ending(&store, &session).await;
    assert_eq!(ending["outcome"]["kind"], "settled", "{ending}");
    assert_eq!(store.leader().await.unwrap(), Some(fence), "nobody else led");
    assert_eq!(store.newest_block().await.unwrap(), None, "and nobody fed blocks");
    one.shutdown_background();
    two.shutdown_background();
}
