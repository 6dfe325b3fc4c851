//! A miner that starts while its node answers errors.

use std::time::Duration;

use serde_json::json;
use testbed::proxy::Failure;
use testbed::{Faults, Proxy};

use crate::claims;
use crate::gateway::{Gateway, targets};
use crate::pool::Pool;
use crate::stage::{Stage, genesis};

// rule: S-1
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_miner_recovers_by_itself_when_its_node_does() {
    let suppliers = ["supplier1".to_owned()];
    let stage = Stage::start(genesis()).await;
    let node = Proxy::start(&stage.chain).await.unwrap();
    let pool = Pool::on_node(&stage, "failing-node", &suppliers, &["svc1"], &node.rpc(), &node.grpc());
    let mut relayer = pool.relayer("relayer", json!({}));
    relayer.role.ready().await;

    node.set_grpc(Faults::failing(Failure::not_ready()));
    let _miner = pool.miner("miner");
    tokio::time::sleep(Duration::from_secs(6)).await;
    node.heal();

    let ledger = Gateway::new(&stage, "app1", "svc1").send(&targets(&stage, &suppliers, &relayer.url), 100, 4).await;
    claims::all_settle(&stage, &ledger).await;
}
