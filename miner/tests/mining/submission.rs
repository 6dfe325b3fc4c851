//! How claims and proofs travel: in batches within the chain's limits, for what they are worth, at the earliest block.

use relay_core::client::OpenSession;
use relay_core::session::Windows;
use relay_core::store::Store;
use relay_core::units::Height;
use serde_json::{Value, json};
use testbed::{Chain, Flags, Genesis};
use tokio_util::sync::CancellationToken;

use crate::scene::{Scene, genesis};

/// A miner at work in a scene, with settings of its own.
pub(crate) struct Shift {
    pub(crate) scene: Scene,
    pub(crate) store: Store,
    stop: CancellationToken,
    miner: tokio::task::JoinHandle<Result<(), miner::MinerError>>,
}

impl Shift {
    pub(crate) async fn begin(scene: Scene, transactions: Value, nodes: Option<Value>) -> Self {
        let _ = tracing_subscriber::fmt().with_env_filter("info,miner=debug").with_test_writer().try_init();
        let mut config = serde_json::to_value(scene.config()).unwrap();
        for (key, value) in transactions.as_object().unwrap() {
            config["transactions"][key] = value.clone();
        }
        if let Some(nodes) = nodes {
            config["chain"]["nodes"] = nodes;
        }
        let store = scene.store().await;
        let stop = CancellationToken::new();
        let miner = tokio::spawn(miner::run(serde_json::from_value(config).unwrap(), stop.clone()));
        Self { scene, store, stop, miner }
    }

    /// Relays for the first so many applications, in one session length.
    pub(crate) async fn serve(&self, apps: usize, relays: usize) -> Vec<OpenSession> {
        self.session_begins().await;
        let mut sessions = Vec::new();
        for app in 1..=apps {
            sessions.push(self.scene.serve_app(&self.store, app, relays).await);
        }
        sessions
    }

    /// Waits for the first block of a session, so that all that follows falls into one.
    pub(crate) async fn session_begins(&self) {
        let length = self.scene.node.shared_params().await.unwrap().num_blocks_per_session;
        let length = i64::try_from(length).unwrap();
        while (self.scene.chain.height().await.unwrap() - 1) % length != 0 {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    }

    pub(crate) async fn windows(&self, session: &OpenSession) -> Windows {
        Windows::of(session.header.end, &self.scene.node.params_at(session.header.end).await.unwrap())
    }

    pub(crate) async fn records(&self, sessions: &[OpenSession]) -> Vec<Value> {
        let mut records = Vec::new();
        for session in sessions {
            records.push(self.scene.ended(&self.store, session).await);
        }
        records
    }

    pub(crate) async fn end(self) {
        self.stop.cancel();
        self.miner.await.unwrap().unwrap();
    }
}

pub(crate) fn proven() -> Genesis {
    genesis().param("proof", json!({"proof_request_probability": 1}))
}

pub(crate) fn assert_settled(record: &Value) {
    assert_eq!(record["ending"]["outcome"]["kind"], "settled", "{record}");
}

fn transactions(records: &[Value], kind: &str) -> std::collections::BTreeSet<String> {
    records.iter().map(|record| record[kind]["included"]["tx_hash"].as_str().unwrap().to_owned()).collect()
}

// rule: I-03, M-13, H-03, C-22
#[tokio::test(flavor = "multi_thread")]
async fn messages_of_one_deadline_share_a_transaction_and_the_record_names_it() {
    let shift = Shift::begin(Scene::new(proven().services(3).applications(3)).await, json!({}), None).await;
    let sessions = shift.serve(3, 15).await;
    let records = shift.records(&sessions).await;
    records.iter().for_each(assert_settled);
    for kind in ["claim", "proof"] {
        let hashes = transactions(&records, kind);
        assert!(hashes.len() < records.len(), "{kind}s shared no transaction: {records:?}");
        // What the record says is what the block says.
        for record in &records {
            let included = &record[kind]["included"];
            let executed = shift.scene.node.executed(Height(included["height"].as_i64().unwrap())).await.unwrap();
            let found = executed.iter().find(|(hash, _)| hash.to_string() == included["tx_hash"].as_str().unwrap());
            assert_eq!(found.unwrap().1.code, 0);
        }
    }
    shift.end().await;
}

// rule: I-10
#[tokio::test(flavor = "multi_thread")]
async fn a_batch_over_the_gas_of_a_block_is_split() {
    let genesis = proven().services(4).applications(4).with("consensus", json!({"block": {"max_gas": "500000"}}));
    let shift = Shift::begin(Scene::new(genesis).await, json!({}), None).await;
    let sessions = shift.serve(4, 15).await;
    let records = shift.records(&sessions).await;
    records.iter().for_each(assert_settled);
    assert!(transactions(&records, "claim").len() > 1, "{records:?}");
    assert!(transactions(&records, "proof").len() > 1, "{records:?}");
    shift.end().await;
}

// rule: I-10
#[tokio::test(flavor = "multi_thread")]
async fn a_mempool_that_takes_little_teaches_smaller_batches() {
    let flags = Flags { max_tx_bytes: Some(5_000), ..Flags::default() };
    let chain = Chain::start_with(proven().services(4).applications(4), flags).await.unwrap();
    let shift = Shift::begin(Scene::on(chain).await, json!({}), None).await;
    let sessions = shift.serve(4, 15).await;
    let records = shift.records(&sessions).await;
    records.iter().for_each(assert_settled);
    assert!(transactions(&records, "proof").len() > 1, "{records:?}");
    shift.end().await;
}

async fn poisoned_batch(transactions: Value) {
    let shift = Shift::begin(Scene::new(proven().services(3).applications(3)).await, transactions, None).await;
    let sessions = shift.serve(3, 15).await;
    // A session that the chain never made: its claim fails, and with it every transaction that carries it.
    let mut forged = sessions[0].clone();
    forged.header.id = "00".repeat(32).as_str().into();
    shift.scene.append_for(&shift.store, "supplier1", &forged, 0..15).await;
    shift.records(&sessions).await.iter().for_each(assert_settled);
    let record = shift.scene.ended(&shift.store, &forged).await;
    assert_eq!(record["ending"]["outcome"]["kind"], "unclaimed", "{record}");
    assert!(record["ending"]["outcome"]["reason"].as_str().unwrap().contains("session"), "{record}");
    shift.end().await;
}

// rule: I-10, M-01, M-08, C-08
#[tokio::test(flavor = "multi_thread")]
async fn a_poisoned_message_is_found_by_simulation_and_holds_up_nobody() {
    poisoned_batch(json!({})).await;
}

// rule: I-10, M-07, M-08
#[tokio::test(flavor = "multi_thread")]
async fn a_poisoned_message_is_found_in_its_block_and_holds_up_nobody() {
    poisoned_batch(json!({"gas": {"claim": 150_000, "proof": 400_000}})).await;
}

// rule: H-07
#[tokio::test(flavor = "multi_thread")]
async fn too_little_gas_is_learned_from() {
    let transactions = json!({"gas": {"claim": 20_000, "proof": 100_000}});
    let shift = Shift::begin(Scene::new(proven()).await, transactions, None).await;
    let sessions = shift.serve(1, 15).await;
    let records = shift.records(&sessions).await;
    assert_settled(&records[0]);
    assert!(records[0]["claim"]["transactions"].as_u64().unwrap() > 1, "the first one ran out of gas: {}", records[0]);
    shift.end().await;
}

// rule: H-07
#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_asks_for_a_higher_fee_gets_it() {
    let flags = Flags { min_gas_prices: Some("0.0005upokt".to_owned()), ..Flags::default() };
    let chain = Chain::start_with(proven(), flags).await.unwrap();
    let shift = Shift::begin(Scene::on(chain).await, json!({"gasPrice": "0.000001upokt"}), None).await;
    let sessions = shift.serve(1, 15).await;
    shift.records(&sessions).await.iter().for_each(assert_settled);
    shift.end().await;
}

// rule: H-33, I-05, M-17, H-23
#[tokio::test(flavor = "multi_thread")]
async fn a_claim_that_costs_more_than_it_brings_is_left_out_and_no_failure() {
    let transactions = json!({"profitability": {"leastProfit": 2_000_000_u64}});
    let shift = Shift::begin(Scene::new(proven().services(2).applications(2)).await, transactions, None).await;
    shift.session_begins().await;
    // Each relay is worth 100 000 upokt, a proof costs a million.
    let poor = shift.scene.serve_app(&shift.store, 1, 20).await;
    let rich = shift.scene.serve_app(&shift.store, 2, 50).await;
    let record = shift.scene.ended(&shift.store, &poor).await;
    let outcome = &record["ending"]["outcome"];
    assert_eq!(outcome["kind"], "unprofitable", "{record}");
    assert!(outcome["cost"].as_u64().unwrap() > 1_000_000, "the proof fee counts: {record}");
    assert_eq!(record["claim"]["transactions"], 0);
    assert_settled(&shift.scene.ended(&shift.store, &rich).await);
    shift.end().await;
}

// rule: M-14, H-10, H-11, H-09, I-07
#[tokio::test(flavor = "multi_thread")]
async fn with_known_gas_a_proof_is_in_the_first_block_of_its_window() {
    let genesis = proven().block_time(std::time::Duration::from_secs(1));
    let gas = json!({"gas": {"claim": 150_000, "proof": 500_000}});
    let shift = Shift::begin(Scene::new(genesis).await, gas, None).await;
    let sessions = shift.serve(1, 15).await;
    let records = shift.records(&sessions).await;
    assert_settled(&records[0]);
    let windows = shift.windows(&sessions[0]).await;
    assert_eq!(records[0]["proof"]["included"]["height"], windows.proof_open.0, "{}", records[0]);
    let claimed = records[0]["claim"]["included"]["height"].as_i64().unwrap();
    assert!(claimed > windows.grace_end.0 && claimed <= windows.claim_open.0 + 3, "{}", records[0]);
    shift.end().await;
}

// rule: I-15
#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_runs_dry_waits_for_money_and_goes_on() {
    let genesis = proven().account("supplier1", json!({"balance": "1upokt"}));
    let shift = Shift::begin(Scene::new(genesis).await, json!({}), None).await;
    let sessions = shift.serve(1, 50).await;
    let windows = shift.windows(&sessions[0]).await;
    while shift.scene.chain.height().await.unwrap() < windows.claim_open.0 + 4 {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    let supplier = shift.scene.chain.account("supplier1").unwrap().address.clone();
    let from = shift.scene.chain.account("dao").unwrap().address.clone();
    let (_, claims) = shift.scene.node.claims_of(&supplier.parse().unwrap()).await.unwrap();
    assert!(claims.is_empty(), "a claim that cannot be proven costs stake");
    let send = json!({"@type": "/cosmos.bank.v1beta1.MsgSend", "from_address": from, "to_address": supplier,
        "amount": [{"denom": "upokt", "amount": "50000000"}]});
    shift.scene.chain.send_tx("dao", &send).await.unwrap().accepted().unwrap();
    shift.records(&sessions).await.iter().for_each(assert_settled);
    shift.end().await;
}
