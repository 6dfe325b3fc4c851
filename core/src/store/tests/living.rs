use std::time::Duration;

use tokio::time::sleep;

use super::scene::{chain, config, start, supplier};
use crate::config::Period;
use crate::store::{InstanceId, Store, StoreConfig};
use crate::units::Height;

async fn impatient() -> (testbed::Redis, Store) {
    let (redis, _) = start().await;
    let short = Period::from_millis(300);
    let config = StoreConfig { lease: short, dead_after: short, ..config(&redis) };
    let store = Store::open(config, chain()).await.unwrap();
    (redis, store)
}

#[tokio::test]
async fn members_are_those_whose_heart_beats() {
    let (_redis, store) = impatient().await;
    let (one, two) = (InstanceId::random(), InstanceId::random());
    store.heartbeat(&one, "miner of 3 words").await.unwrap();
    store.heartbeat(&two, "").await.unwrap();
    let members = store.members().await.unwrap();
    assert_eq!(members.len(), 2);
    let first = members.iter().find(|member| member.instance == one).unwrap();
    assert_eq!(first.about, "miner of 3 words");
    assert!(first.age < Duration::from_millis(300));

    for _ in 0..4 {
        sleep(Duration::from_millis(120)).await;
        store.heartbeat(&two, "still here").await.unwrap();
    }
    let members = store.members().await.unwrap();
    assert_eq!(members.iter().map(|member| &member.instance).collect::<Vec<_>>(), [&two]);
    assert_eq!(members[0].about, "still here");
    store.leave(&two).await.unwrap();
    assert!(store.members().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_member_dies_with_its_leases_and_not_later() {
    let (redis, _) = start().await;
    let config = StoreConfig { lease: Period::from_millis(300), ..config(&redis) };
    let store = Store::open(config, chain()).await.unwrap();
    let (one, two) = (InstanceId::random(), InstanceId::random());
    store.heartbeat(&one, "one").await.unwrap();
    sleep(Duration::from_millis(400)).await;
    let members = store.attend(&two, "two").await.unwrap();
    assert_eq!(members.len(), 1, "{members:?}");
    assert_eq!((&members[0].instance, members[0].about.as_str()), (&two, "two"));
    assert_eq!(store.members().await.unwrap().len(), 1);
}

#[tokio::test]
async fn relayers_say_up_to_where_they_hold_relays() {
    let (_redis, store) = impatient().await;
    let (one, two) = (InstanceId::random(), InstanceId::random());
    store.put_pending(&one, &[(supplier(1), Some(Height(40))), (supplier(2), Some(Height(50)))]).await.unwrap();
    store.put_pending(&two, &[(supplier(1), Some(Height(30))), (supplier(2), None)]).await.unwrap();
    let lowest = |pending: &[crate::store::Pending]| pending.iter().map(|relayer| relayer.lowest_session_end).min();
    assert_eq!(lowest(&store.pending(&supplier(1)).await.unwrap()), Some(Height(30)));
    assert_eq!(lowest(&store.pending(&supplier(2)).await.unwrap()), Some(Height(50)));

    store.put_pending(&two, &[(supplier(1), None)]).await.unwrap();
    let pending = store.pending(&supplier(1)).await.unwrap();
    assert_eq!(pending.len(), 1);
    assert_eq!((&pending[0].instance, pending[0].lowest_session_end), (&one, Height(40)));

    sleep(Duration::from_millis(400)).await;
    assert!(store.pending(&supplier(1)).await.unwrap().is_empty(), "a dead relayer holds nothing");
}
