//! What `get suppliers` says in each situation.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use operator::api::{
    Condition, ConditionStatus, LocalReference, RpcType, SecretKeyReference, Supplier, SupplierEndpoint,
    SupplierService, SupplierSpec, SupplierStatus,
};
use operator::status::table::Table;
use operator::status::{ChainFacts, Known, MinerReport, OnChain, supplier};
use relay_core::units::Upokt;

const OPERATOR: &str = "pokt18zsapgatm7skj3aw9la0cds25wx03nr4uu95ur";

fn spec() -> SupplierSpec {
    SupplierSpec {
        operator_address: OPERATOR.to_owned(),
        miner_pool_ref: LocalReference { name: "demo".to_owned() },
        key_secret_ref: SecretKeyReference { name: "keys".to_owned(), key: "privateKey".to_owned() },
        services: Vec::new(),
    }
}

fn staked() -> ChainFacts {
    let endpoints = vec![("http://relays.example".to_owned(), Some(RpcType::JsonRpc))];
    let on_chain =
        OnChain { stake: "1000upokt".to_owned(), services: vec![("anvil".to_owned(), endpoints)], unstaking_at: None };
    ChainFacts { staked: Known::Yes(Some(on_chain)), balance: Known::Yes((42, Upokt(7))) }
}

fn miners() -> Vec<MinerReport> {
    let report = r#"{"instance": "demo-miner-1", "height": 42, "new key": 1, "suppliers": [
        {"address": "pokt18zsapgatm7skj3aw9la0cds25wx03nr4uu95ur", "owner": true, "epoch": 3, "sessions": [],
         "last_claim": {"height": 31, "session_id": "ab"}, "settled_relays": 9, "settled_claims": 1,
         "earned_upokt": "123", "lost": [{"reason": "expired", "relays": 2}]}]}"#;
    let stale = r#"{"instance": "demo-miner-0", "suppliers": [
        {"address": "pokt18zsapgatm7skj3aw9la0cds25wx03nr4uu95ur", "owner": true, "epoch": 2}]}"#;
    vec![serde_json::from_str(stale).unwrap(), serde_json::from_str(report).unwrap()]
}

fn condition<'a>(status: &'a SupplierStatus, kind: &str) -> &'a Condition {
    status.conditions.iter().find(|condition| condition.kind == kind).unwrap()
}

fn ready(facts: &ChainFacts, miners: Option<&[MinerReport]>) -> (ConditionStatus, String) {
    let status = supplier(&spec(), facts, miners);
    let ready = condition(&status, "Ready");
    (ready.status, ready.reason.clone())
}

#[test]
fn the_owner_with_the_highest_epoch_speaks_for_a_supplier() {
    let status = supplier(&spec(), &staked(), Some(&miners()));
    let assignment = status.assignment.as_ref().unwrap();
    assert_eq!((assignment.miner.as_str(), assignment.epoch), ("demo-miner-1", 3));
    assert_eq!(status.last_claim.as_ref().unwrap().height, 31);
    assert_eq!(status.earned.as_deref(), Some("123upokt"));
    assert_eq!((status.settled_claims, status.settled_relays, status.lost_relays), (Some(1), Some(9), Some(2)));
    assert_eq!(condition(&status, "Ready").status, ConditionStatus::True);
}

#[test]
fn ready_gives_the_weightiest_reason() {
    let (miners, none) = (miners(), vec![MinerReport::default()]);
    let broke = ChainFacts { balance: Known::Yes((42, Upokt(0))), ..staked() };
    let absent = ChainFacts { staked: Known::Yes(None), ..broke.clone() };
    let silent = ChainFacts { staked: Known::No("no answer".to_owned()), balance: Known::No("no answer".to_owned()) };
    let no = ConditionStatus::False;
    let unknown = ConditionStatus::Unknown;
    assert_eq!(ready(&absent, Some(&none)), (no, "NotStaked".to_owned()));
    assert_eq!(ready(&broke, Some(&none)), (no, "NoOwner".to_owned()));
    assert_eq!(ready(&broke, Some(&miners)), (no, "NoBalance".to_owned()));
    assert_eq!(ready(&silent, Some(&none)), (no, "NoOwner".to_owned()));
    assert_eq!(ready(&silent, Some(&miners)), (unknown, "ChainUnreachable".to_owned()));
    assert_eq!(ready(&staked(), Some(&[])), (unknown, "MinersUnreachable".to_owned()));
    assert_eq!(ready(&staked(), None), (unknown, "NotRunning".to_owned()));
}

#[test]
fn services_are_compared_with_the_chain() {
    let wanted = |id: &str, url: &str| SupplierService {
        id: id.to_owned(),
        endpoints: vec![SupplierEndpoint { url: url.to_owned(), rpc_type: RpcType::JsonRpc }],
    };
    let message = |services: Vec<SupplierService>| {
        let status = supplier(&SupplierSpec { services, ..spec() }, &staked(), None);
        let found = condition(&status, "ServicesInSync");
        (found.status, found.message.clone())
    };
    assert_eq!(message(vec![]).0, ConditionStatus::True);
    assert_eq!(message(vec![wanted("anvil", "http://relays.example")]).0, ConditionStatus::True);
    assert_eq!(
        message(vec![wanted("anvil", "http://other.example"), wanted("eth", "http://relays.example")]).1,
        "anvil has no endpoint http://other.example; eth is not staked"
    );
    assert_eq!(message(vec![wanted("eth", "x")]).1, "eth is not staked; anvil is staked but not listed");
}

#[test]
fn the_table_has_the_columns_of_kubectl() {
    let mut object = Supplier::new("supplier-one", spec());
    object.status = Some(supplier(&spec(), &staked(), Some(&miners())));
    let idle = Supplier::new("idle", spec());
    let table = Table::suppliers(&[object, idle], true, Some(std::time::Duration::from_secs(130)));
    insta::assert_snapshot!(table, @r"
NAME           READY     REASON   STAKE       BALANCE   SERVICES   MINER          LAST-CLAIM   EARNED     AGE     OPERATOR                                      POOL   MESSAGE
supplier-one   True      Ready    1000upokt   7upokt    anvil      demo-miner-1   31           123upokt   2m10s   pokt18zsapgatm7skj3aw9la0cds25wx03nr4uu95ur   demo   <none>
idle           Unknown   <none>   <none>      <none>    <none>     <none>         <none>       <none>     2m10s   pokt18zsapgatm7skj3aw9la0cds25wx03nr4uu95ur   demo   <none>
    ");
}
