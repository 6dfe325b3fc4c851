//! What the leader publishes: only under its token, only what is new, and never backwards.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::scene::{append, assert_fenced, own, raw, start, supplier};
use crate::budget::Factors;
use crate::chain::Renewed;
use crate::store::{Event, InstanceId, Store, SupplierMoney, SupplierState};
use crate::units::{Height, Upokt};

const LONG: Duration = Duration::from_mins(1);

async fn lead(store: &Store) -> String {
    store.acquire_leader(&InstanceId::random(), 1, LONG).await.unwrap().1.to_string()
}

fn state(services: &[&str]) -> SupplierState {
    let services = services.iter().map(|service| (*service).into()).collect();
    SupplierState { staked: true, unstaking_at: None, services, owner: Some("me".into()) }
}

fn money(balance: u128) -> SupplierMoney {
    SupplierMoney { stake: Upokt(u128::from(u64::MAX)), balance: Upokt(balance) }
}

fn factors(text: &str) -> Factors {
    serde_json::from_str(text).unwrap()
}

// rule: O-15
#[tokio::test]
async fn an_old_leader_writes_nothing() {
    let (redis, store) = start().await;
    let old = lead(&store).await;
    store.release_leader(&old).await.unwrap();
    let _live = lead(&store).await;
    let before = super::scene::dump(&redis).await;
    assert_fenced(store.put_supplier(&old, &supplier(1), &state(&["a"]), &money(1), Height(5)).await);
    assert_fenced(store.drop_supplier(&old, &supplier(1)).await);
    assert_fenced(store.put_factors(&old, &factors(r#"{"default":"0.5"}"#)).await);
    assert_fenced(store.put_settlement(&old, None, Height(5), &BTreeMap::new()).await);
    let answer = Renewed { height: Height(5), body: "x".into(), life: LONG };
    assert_fenced(store.put_cached(&old, "service:a", &answer).await);
    assert_fenced(store.drop_cached(&old, "service:a").await);
    assert_eq!(super::scene::dump(&redis).await, before);
}

// rule: C-19, W-10
#[tokio::test]
async fn a_supplier_s_state_is_written_when_it_changes_and_never_backwards() {
    let (redis, store) = start().await;
    let (token, of) = (lead(&store).await, supplier(1));
    let stop = CancellationToken::new();
    let mut events = store.events(stop.clone());
    let mut next = async || tokio::time::timeout(LONG, events.recv()).await.expect("in time");
    assert_eq!(next().await, Some(Event::Missed));
    assert_eq!(store.supplier(&of).await.unwrap(), None, "nothing is known");
    assert!(store.put_supplier(&token, &of, &state(&["a"]), &money(1), Height(5)).await.unwrap());
    assert!(!store.put_supplier(&token, &of, &state(&["a"]), &money(2), Height(6)).await.unwrap(), "money is no news");
    assert!(
        !store.put_supplier(&token, &of, &state(&[]), &money(3), Height(4)).await.unwrap(),
        "a node that is behind"
    );
    tokio::time::sleep(Duration::from_millis(300)).await;
    let known = store.supplier(&of).await.unwrap().unwrap();
    assert_eq!((&known.state, known.money, known.height), (&state(&["a"]), money(2), Height(6)));
    assert!(known.age >= Duration::from_millis(250) && known.unchanged_for >= known.age, "{known:?}");
    assert!(store.put_supplier(&token, &of, &state(&["b"]), &money(2), Height(7)).await.unwrap());
    assert_eq!((next().await, next().await), (Some(Event::Supplier(of.clone())), Some(Event::Supplier(of.clone()))));

    // What is half there is not believed, and costs the others nothing.
    store.put_supplier(&token, &supplier(2), &state(&["c"]), &money(9), Height(7)).await.unwrap();
    let _: u8 = raw(&redis, &["HSET", &store.keys().supplier(&of), "body", r#"{"staked":true}"#]).await;
    assert!(store.supplier(&of).await.is_err());
    let all = store.suppliers().await.unwrap();
    assert_eq!(all.iter().map(|(address, _)| address).collect::<Vec<_>>(), [&supplier(2)]);
    store.drop_supplier(&token, &supplier(2)).await.unwrap();
    assert!(store.suppliers().await.unwrap().is_empty());
    stop.cancel();
}

// rule: C-34
#[tokio::test]
async fn published_factors_are_heard_of_kept_and_taken_back() {
    let (_redis, store) = start().await;
    let token = lead(&store).await;
    let some = factors(r#"{"default":"0.5","services":{"anvil":"0.25"}}"#);
    assert!(store.put_factors(&token, &some).await.unwrap());
    assert!(!store.put_factors(&token, &some).await.unwrap(), "nothing new");
    assert!(store.factors().is_empty(), "not read yet");
    assert_eq!(*store.read_factors().await.unwrap(), some);
    assert_eq!(store.factors().of(&"anvil".into()).unwrap().to_string(), "0.25");
    assert_eq!(store.factors().of(&"other".into()).unwrap().to_string(), "0.5");
    assert!(store.put_factors(&token, &Factors::default()).await.unwrap());
    assert!(store.read_factors().await.unwrap().is_empty());
}

// rule: M-15
#[tokio::test]
async fn each_block_is_counted_once_and_none_is_left_out() {
    let (_redis, store) = start().await;
    let token = lead(&store).await;
    let sums = |number| BTreeMap::from([("a".to_owned(), number), ("b".to_owned(), 1)]);
    assert_eq!(store.settled_up_to().await.unwrap(), None);
    assert!(store.put_settlement(&token, None, Height(7), &sums(5)).await.unwrap());
    assert!(!store.put_settlement(&token, None, Height(7), &sums(5)).await.unwrap(), "it is counted");
    assert!(!store.put_settlement(&token, Some(Height(8)), Height(9), &sums(5)).await.unwrap(), "one is missing");
    assert!(store.put_settlement(&token, Some(Height(7)), Height(8), &BTreeMap::new()).await.unwrap());
    assert!(store.put_settlement(&token, Some(Height(8)), Height(9), &sums(u64::from(u32::MAX))).await.unwrap());
    assert_eq!(store.settled_up_to().await.unwrap(), Some(Height(9)));
    let totals = store.settlement_totals().await.unwrap();
    assert_eq!(totals, BTreeMap::from([("a".to_owned(), 5 + u64::from(u32::MAX)), ("b".to_owned(), 2)]));
}

#[tokio::test]
async fn memory_is_told_with_its_limit() {
    let (redis, store) = start().await;
    let memory = store.memory().await.unwrap();
    assert!(memory.used > 0 && memory.most.is_none(), "{memory:?}");
    let _: String = raw(&redis, &["CONFIG", "SET", "maxmemory", "100mb"]).await;
    assert_eq!(store.memory().await.unwrap().most, Some(100 << 20));
}

// rule: W-02, I-19
#[tokio::test]
async fn nothing_that_can_still_earn_expires() {
    let (redis, store) = start().await;
    append(&store, "s1", &["a", "b"]).await;
    let lease = own(&store, &InstanceId::random()).await;
    let (of, session) = (supplier(1), "s1".into());
    store.put_record(&lease.fence, &of, &session, &"body").await.unwrap();
    store.put_tx(&lease.fence, &of, "AA", b"bytes", std::slice::from_ref(&session)).await.unwrap();
    store.close(&lease.fence, &of, &session).await.unwrap();
    let keys: Vec<String> = raw(&redis, &["KEYS", &format!("*{{{of}}}*")]).await;
    assert!(keys.len() >= 7, "{keys:?}");
    for key in keys {
        let left: i64 = raw(&redis, &["PTTL", &key]).await;
        assert_eq!(left > 0, key.ends_with(":lease"), "{key}: {left}");
    }
}
