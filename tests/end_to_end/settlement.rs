//! The undisturbed run: everything that is answered is settled.

use serde_json::json;

use crate::gateway::{Gateway, targets};
use crate::pool::Pool;
use crate::stage::{Stage, genesis};
use crate::{claims, ledger::Ledger};

/// 3 suppliers × 2 services × 1 000 relays.
// rule: G-11
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_answered_relay_is_settled() {
    let suppliers = ["supplier1", "supplier2", "supplier3"].map(str::to_owned);
    let stage = Stage::start(genesis().suppliers(3).services(2)).await;
    let pool = Pool::new(&stage, "settlement", &suppliers, &["svc1", "svc2"]);
    let mut miner = pool.miner("miner");
    let mut relayer = pool.relayer("relayer", json!({}));
    miner.ready().await;
    relayer.role.ready().await;

    let targets = targets(&stage, &suppliers, &relayer.url);
    let gateways = [Gateway::new(&stage, "app1", "svc1"), Gateway::new(&stage, "app2", "svc2")];
    let mut ledger = Ledger::default();
    for answered in futures::future::join_all(gateways.iter().map(|gateway| gateway.send(&targets, 1000, 8))).await {
        ledger.merge(answered);
    }
    assert_eq!(ledger.relays(), 6000);
    claims::all_settle(&stage, &ledger).await;

    let status = relayer.role.status().await;
    let books = &status["books"];
    assert_eq!(books["answered"], 6000, "{status}");
    assert_eq!(books["appended"], 6000, "{status}");
    assert_eq!(status["unexplained"], 0, "{status}");
}
