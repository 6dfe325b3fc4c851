//! Redis loses its last writes; a relayer dies at full load.

use std::time::Duration;

use serde_json::{Value, json};
use testbed::Cut;
use tokio_util::sync::CancellationToken;

use crate::gateway::{Gateway, Target, targets};
use crate::ledger::Ledger;
use crate::pool::{Pool, Relayer};
use crate::stage::{Stage, genesis};
use crate::{claims, log};

/// Long enough that a slow machine never lets an answer leave unrecorded: these tests are about what was recorded.
fn strict() -> Value {
    json!({"mode": "strict", "timeout": "10s"})
}

struct Scene {
    stage: Stage,
    pool: Pool,
    relayer: Relayer,
    gateway: Gateway,
    target: Target,
}

async fn scene(name: &str, recording: Value) -> Scene {
    let suppliers = ["supplier1".to_owned()];
    let stage = Stage::start(genesis()).await;
    let pool = Pool::new(&stage, name, &suppliers, &["svc1"]);
    let mut relayer = pool.relayer("relayer", json!({"recording": recording}));
    relayer.role.ready().await;
    let gateway = Gateway::new(&stage, "app1", "svc1");
    let target = targets(&stage, &suppliers, &relayer.url).remove(0);
    Scene { stage, pool, relayer, gateway, target }
}

impl Scene {
    /// Load for a few seconds with a power loss of Redis in the middle that takes two seconds of its log.
    async fn lose_two_seconds(&mut self) -> Ledger {
        let stop = CancellationToken::new();
        let (gateway, target, over) = (self.gateway.clone(), self.target.clone(), stop.clone());
        let load = tokio::spawn(async move { gateway.load(&target, 16, &over).await });
        tokio::time::sleep(Duration::from_secs(4)).await;
        let lost = self.stage.redis.power_loss(Cut::Last(Duration::from_secs(2))).await.unwrap();
        assert!(lost > 0, "the cut takes something");
        tokio::time::sleep(Duration::from_secs(2)).await;
        stop.cancel();
        load.await.unwrap()
    }

    /// Answered relays that are not in the log, once the relayer has had time to append again.
    async fn missing(&self, answered: &Ledger) -> usize {
        let mut missing = usize::MAX;
        for _ in 0..20 {
            let recorded = log::read(&self.stage, &self.pool).await.hashes();
            missing = answered.hashes().difference(&recorded).count();
            if missing == 0 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
        missing
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_redis_lost_is_appended_again_and_settled() {
    let mut scene = scene("power-loss", strict()).await;
    let mut miner = scene.pool.miner("miner");
    miner.ready().await;
    let answered = scene.lose_two_seconds().await;
    assert!(answered.relays() > 100, "{} relays are no load", answered.relays());
    assert_eq!(scene.missing(&answered).await, 0, "of {}", answered.relays());
    // The log may also hold relays whose caller saw the connection break. They were served, so they are paid.
    let recorded = log::read(&scene.stage, &scene.pool).await;
    claims::all_settle(&scene.stage, &recorded).await;
}

/// The counter-check: without appending again the same power loss does lose relays.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_appending_again_relays_are_lost() {
    let mut recording = strict();
    recording["reAppend"] = false.into();
    let mut scene = scene("power-loss-off", recording).await;
    let answered = scene.lose_two_seconds().await;
    let missing = scene.missing(&answered).await;
    assert!(missing > 0, "all of {} are still there", answered.relays());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relayer_killed_at_full_load_loses_nothing_that_it_answered() {
    let mut scene = scene("relayer-killed", strict()).await;
    let mut miner = scene.pool.miner("miner");
    miner.ready().await;
    let stop = CancellationToken::new();
    let (gateway, target, over) = (scene.gateway.clone(), scene.target.clone(), stop.clone());
    let load = tokio::spawn(async move { gateway.load(&target, 64, &over).await });
    tokio::time::sleep(Duration::from_secs(4)).await;
    scene.relayer.role.kill().await;
    stop.cancel();
    let answered = load.await.unwrap();
    assert!(answered.relays() > 100, "{} relays are no load", answered.relays());
    assert_eq!(scene.missing(&answered).await, 0, "of {}", answered.relays());
    let recorded = log::read(&scene.stage, &scene.pool).await;
    claims::all_settle(&scene.stage, &recorded).await;
}
