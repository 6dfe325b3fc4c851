//! Suppliers go from one miner to another: one is frozen, one is told to end.

use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use serde_json::{Value, json};
use testbed::{Faults, Proxy};

use crate::claims;
use crate::gateway::{Gateway, targets};
use crate::ledger::Ledger;
use crate::pool::Pool;
use crate::role::Role;
use crate::stage::{Stage, genesis};

const LIMIT: Duration = Duration::from_secs(90);

/// A miner that reaches the chain through a proxy of its own, with these leases.
struct Miner {
    proxy: Proxy,
    role: Role,
}

impl Miner {
    async fn start(stage: &Stage, pool: &Pool, name: &str, leases: Value) -> Self {
        let proxy = Proxy::start(&stage.chain).await.unwrap();
        let node = json!({"name": "node", "rpc": proxy.rpc(), "grpc": proxy.grpc()});
        let chain = json!({"id": stage.chain.chain_id(), "nodes": [node]});
        let mut role = pool.miner_with(name, json!({"chain": chain, "leases": leases}));
        role.ready().await;
        Self { proxy, role }
    }

    async fn until(&self, what: &str, wanted: impl Fn(&Value) -> bool) {
        let began = Instant::now();
        loop {
            let status = self.role.status().await;
            if wanted(&status) {
                return;
            }
            assert!(began.elapsed() < LIMIT, "{what}: {status}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Waits for its end, which must be a good one.
    async fn ended_well(&mut self) {
        let began = Instant::now();
        loop {
            if let Some(how) = self.role.ended_by_itself() {
                assert!(how.contains("exit status: 0"), "{how}");
                return;
            }
            assert!(began.elapsed() < LIMIT, "it does not end:\n{}", self.role.log_text());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    async fn until_it_owns(&self, suppliers: usize) {
        self.until("it owns", |status| status["suppliers"].as_array().is_some_and(|all| all.len() == suppliers)).await;
    }
}

fn relays_read(status: &Value) -> u64 {
    let sessions = status["suppliers"][0]["sessions"].as_array().cloned().unwrap_or_default();
    sessions.iter().filter_map(|session| session["relays"].as_u64()).sum()
}

/// The stopped process still believes in its lease, its sessions and its wallet when it goes on, right when claims are due.
// rule: O-01, O-11, O-15, I-12, I-13, M-18, H-15, W-16
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_miner_that_was_frozen_for_longer_than_its_lease_sends_nothing_more() {
    let suppliers = ["supplier1".to_owned()];
    let stage = Stage::start(genesis().suppliers(1)).await;
    let pool = Pool::new(&stage, "frozen", &suppliers, &["svc1"]);
    // Nothing is given back to it.
    let leases = json!({"settle": "1h"});
    let frozen = Miner::start(&stage, &pool, "frozen", leases.clone()).await;
    frozen.until_it_owns(1).await;
    let heir = Miner::start(&stage, &pool, "heir", leases).await;
    let mut relayer = pool.relayer("relayer", json!({}));
    relayer.role.ready().await;
    let ledger = Gateway::new(&stage, "app1", "svc1").send(&targets(&stage, &suppliers, &relayer.url), 200, 8).await;
    frozen.until("it has read relays", |status| relays_read(status) > 0).await;

    frozen.role.signal(Signal::SIGSTOP);
    let before = frozen.proxy.broadcasts().len();
    heir.until_it_owns(1).await;
    let began = Instant::now();
    while heir.proxy.broadcasts().is_empty() {
        assert!(began.elapsed() < LIMIT, "the heir claims");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    frozen.role.signal(Signal::SIGCONT);
    claims::all_settle(&stage, &ledger).await;

    assert_eq!(frozen.proxy.broadcasts().len(), before, "what it sent after it went on");
    frozen.until("it knows what it lost", |status| status["suppliers"].as_array().is_some_and(Vec::is_empty)).await;
    assert_eq!(frozen.role.status().await["fleet"]["members"].as_array().map(Vec::len), Some(2));
    assert!(heir.role.status().await["fleet"]["owned"] == 1);
}

/// Its node answers nothing any more, and its leases would last for longer than the test waits.
// rule: O-03, O-04, O-05, O-06, O-07, O-08, O-09, O-13, C-18, W-06
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_miner_that_is_told_to_end_hands_over_at_once_and_no_relay_is_refused_or_lost() {
    let suppliers = ["supplier1", "supplier2"].map(str::to_owned);
    let stage = Stage::start(genesis().suppliers(2)).await;
    let pool = Pool::new(&stage, "handed-over", &suppliers, &["svc1"]);
    let leases = json!({"ttl": "5m", "renew": "2s", "settle": "1h"});
    let mut first = Miner::start(&stage, &pool, "first", leases.clone()).await;
    first.until_it_owns(2).await;
    let second = Miner::start(&stage, &pool, "second", leases).await;
    let mut relayer = pool.relayer("relayer", json!({}));
    relayer.role.ready().await;
    let (gateway, targets) = (Gateway::new(&stage, "app1", "svc1"), targets(&stage, &suppliers, &relayer.url));
    let mut ledger = gateway.send(&targets, 50, 4).await;

    let handing_over = async {
        first.until("it reads", |status| relays_read(status) > 0).await;
        first.proxy.set(Faults { delay: Duration::MAX, ..Faults::default() });
        // Long enough for a question to be under way.
        tokio::time::sleep(Duration::from_secs(2)).await;
        first.role.signal(Signal::SIGTERM);
        let began = Instant::now();
        first.ended_well().await;
        let ended = began.elapsed();
        second.until_it_owns(2).await;
        println!("ended after {ended:?}, owned by the other after {:?}", began.elapsed());
    };
    let relaying = async {
        let mut answered = Ledger::default();
        for _ in 0..60 {
            for target in &targets {
                let (request, mined) = gateway.relay(target).await.unwrap();
                answered.enter(&request, mined);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        answered
    };
    let ((), answered) = tokio::join!(handing_over, relaying);
    ledger.merge(answered);
    claims::all_settle(&stage, &ledger).await;
}
