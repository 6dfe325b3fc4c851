//! Two miners; one dies.

use serde_json::{Value, json};

use crate::claims;
use crate::gateway::{Gateway, targets};
use crate::pool::Pool;
use crate::stage::{Stage, genesis};

/// Operator addresses that a miner's status says it owns.
fn owned(status: &Value) -> Vec<String> {
    let suppliers = status["suppliers"].as_array().cloned().unwrap_or_default();
    suppliers.iter().filter_map(|supplier| Some(supplier["address"].as_str()?.to_owned())).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_other_miner_proves_for_the_one_that_was_killed() {
    let suppliers = ["supplier1", "supplier2"].map(str::to_owned);
    let stage = Stage::start(genesis().suppliers(2)).await;
    let pool = Pool::new(&stage, "takeover", &suppliers, &["svc1"]);
    let mut miners = [pool.miner("miner-a"), pool.miner("miner-b")];
    let mut relayer = pool.relayer("relayer", json!({}));
    for miner in &mut miners {
        miner.ready().await;
    }
    relayer.role.ready().await;

    let ledger = Gateway::new(&stage, "app1", "svc1").send(&targets(&stage, &suppliers, &relayer.url), 200, 8).await;
    // Whoever owns something: it has read part of the log, and has claimed nothing yet.
    let victim = usize::from(owned(&miners[0].status().await).is_empty());
    let taken = owned(&miners[victim].status().await);
    assert!(!taken.is_empty(), "one of the two owns a supplier");
    miners[victim].kill().await;
    claims::all_settle(&stage, &ledger).await;

    let heirs = owned(&miners[1 - victim].status().await);
    assert!(taken.iter().all(|supplier| heirs.contains(supplier)), "{taken:?} went over, {heirs:?}");
}
