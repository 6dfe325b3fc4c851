//! Miners killed at random moments, from the first relay to settlement.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::claims;
use crate::gateway::{Gateway, targets};
use crate::ledger::Ledger;
use crate::pool::Pool;
use crate::role::Role;
use crate::stage::{Stage, genesis_with_windows};

const SEEDS: u64 = 20;

/// Kills and restarts the miner at random moments, so that each phase of a session is hit by some seed. After a kill the old
/// lease must run out (6 s), so a miner killed more often would get nothing done.
async fn torment(mut miner: Role, seed: u64, stop: CancellationToken) -> Role {
    let mut random = StdRng::seed_from_u64(seed);
    let mut pause = random.random_range(1_000..20_000);
    loop {
        tokio::select! {
            () = tokio::time::sleep(Duration::from_millis(pause)) => {}
            () = stop.cancelled() => return miner,
        }
        miner.kill().await;
        tokio::time::sleep(Duration::from_millis(random.random_range(0..500))).await;
        miner.start_again();
        pause = random.random_range(12_000..30_000);
    }
}

/// Twenty seeds side by side: a supplier, a relayer and a tormented miner each, on one chain and one Redis.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_miner_killed_at_any_moment_goes_on_where_it_was() {
    let seeds = usize::try_from(SEEDS).unwrap();
    let genesis = genesis_with_windows(40, 30).suppliers(seeds);
    let genesis = genesis.param("session", json!({"num_suppliers_per_session": SEEDS}));
    let stage = Stage::start(genesis).await;
    let gateway = Gateway::new(&stage, "app1", "svc1");
    let stop = CancellationToken::new();
    let mut miners = tokio::task::JoinSet::new();
    let mut fleets = Vec::new();
    for seed in 0..SEEDS {
        let supplier = [format!("supplier{}", seed + 1)];
        let pool = Pool::new(&stage, &format!("crashes-{seed}"), &supplier, &["svc1"]);
        let relayer = pool.relayer("relayer", json!({}));
        miners.spawn(torment(pool.miner("miner"), seed, stop.clone()));
        fleets.push((supplier, pool, relayer));
    }
    let mut ledger = Ledger::default();
    for (supplier, _, relayer) in &mut fleets {
        relayer.role.ready().await;
        ledger.merge(gateway.send(&targets(&stage, supplier, &relayer.url), 30, 8).await);
    }
    claims::all_settle(&stage, &ledger).await;
    stop.cancel();
    miners.join_all().await;
}
