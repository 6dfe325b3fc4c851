use std::collections::BTreeSet;

use super::scene::{append, own, raw, relays, start, supplier};
use crate::store::{InstanceId, Store, StoreError};
use crate::units::SessionId;

async fn texts(store: &Store) -> Vec<(SessionId, String)> {
    store.records(&supplier(1)).await.unwrap()
}

#[tokio::test]
async fn records_are_what_was_last_written() {
    let (_redis, store) = start().await;
    append(&store, "s1", &["a"]).await;
    append(&store, "s2", &["a"]).await;
    let lease = own(&store, &InstanceId::random()).await;
    assert!(texts(&store).await.is_empty());
    store.put_record(&lease.fence, &supplier(1), &"s2".into(), &"old").await.unwrap();
    let (s1, s2) = ("s1".into(), "s2".into());
    store.put_records(&lease.fence, &supplier(1), &[(&s1, &"one"), (&s2, &"two")]).await.unwrap();
    assert_eq!(texts(&store).await, [("s1".into(), "one".into()), ("s2".into(), "two".into())]);
}

#[tokio::test]
async fn a_session_that_is_not_there_gets_no_record() {
    let (_redis, store) = start().await;
    append(&store, "s1", &["a"]).await;
    let lease = own(&store, &InstanceId::random()).await;
    let (known, gone) = ("s1".into(), SessionId::from("gone"));
    let refused = store.put_records(&lease.fence, &supplier(1), &[(&known, &"x"), (&gone, &"x")]).await;
    assert_eq!(refused, Err(StoreError::UnknownSession(gone.clone())));
    assert!(texts(&store).await.is_empty(), "none of them is written");
    let refused = store.close(&lease.fence, &supplier(1), &gone).await;
    assert_eq!(refused, Err(StoreError::UnknownSession(gone.clone())));
    let refused = store.put_tx(&lease.fence, &supplier(1), "AA", b"x", &[gone]).await;
    assert!(matches!(refused, Err(StoreError::UnknownSession(_))));
    assert_eq!(store.tx(&supplier(1), "AA").await.unwrap(), None);
}

#[tokio::test]
async fn a_record_of_another_form_hides_no_other() {
    let (_redis, store) = start().await;
    append(&store, "s1", &["a"]).await;
    append(&store, "s2", &["a"]).await;
    let lease = own(&store, &InstanceId::random()).await;
    store.put_record(&lease.fence, &supplier(1), &"s1".into(), &7).await.unwrap();
    store.put_record(&lease.fence, &supplier(1), &"s2".into(), &"text").await.unwrap();
    assert_eq!(texts(&store).await, [("s2".into(), "text".into())]);
}

// rule: C-11
#[tokio::test]
async fn an_ended_session_leaves_its_record_and_nothing_else() {
    let (redis, store) = start().await;
    let lease = own(&store, &InstanceId::random()).await;
    for session in ["s1", "s2", "s3"] {
        append(&store, session, &["a"]).await;
        store.put_record(&lease.fence, &supplier(1), &session.into(), &session).await.unwrap();
    }
    store.finish(&lease.fence, &supplier(1), &"s1".into()).await.unwrap();
    store.finish(&lease.fence, &supplier(1), &"s3".into()).await.unwrap();

    assert_eq!(texts(&store).await, [("s2".into(), "s2".into())]);
    let ended: Vec<(SessionId, String)> = store.ended(&supplier(1), 10).await.unwrap();
    assert_eq!(ended, [("s3".into(), "s3".into()), ("s1".into(), "s1".into())], "youngest first");
    assert_eq!(store.ended::<String>(&supplier(1), 1).await.unwrap().len(), 1);
    assert_eq!(relays(&store, "s1").await, Vec::<String>::new());
    assert_eq!(relays(&store, "s2").await, ["a"]);
    let head: Vec<String> = raw(&redis, &["HKEYS", &store.keys().head(&supplier(1))]).await;
    assert_eq!(head, ["s2"]);
}

#[tokio::test]
async fn the_bytes_of_a_transaction_stay_until_its_last_session_ends() {
    let (_redis, store) = start().await;
    append(&store, "s1", &["a"]).await;
    append(&store, "s2", &["a"]).await;
    let lease = own(&store, &InstanceId::random()).await;
    let bytes = [0, 255, 13, 10];
    store.put_tx(&lease.fence, &supplier(1), "AA", &bytes, &["s1".into(), "s2".into()]).await.unwrap();
    assert_eq!(store.tx(&supplier(1), "AA").await.unwrap().as_deref(), Some(&bytes[..]));
    store.finish(&lease.fence, &supplier(1), &"s1".into()).await.unwrap();
    assert!(store.tx(&supplier(1), "AA").await.unwrap().is_some(), "the other session still needs them");
    store.finish(&lease.fence, &supplier(1), &"s2".into()).await.unwrap();
    assert_eq!(store.tx(&supplier(1), "AA").await.unwrap(), None);
}

// rule: D-50
#[tokio::test]
async fn nothing_that_can_still_earn_expires() {
    let (redis, store) = start().await;
    let lease = own(&store, &InstanceId::random()).await;
    for session in ["s1", "s2"] {
        append(&store, session, &["a"]).await;
        store.put_record(&lease.fence, &supplier(1), &session.into(), &1).await.unwrap();
        store.close(&lease.fence, &supplier(1), &session.into()).await.unwrap();
    }
    store.put_tx(&lease.fence, &supplier(1), "AA", b"x", &["s2".into()]).await.unwrap();
    store.heartbeat(&lease.fence.instance, "").await.unwrap();
    store.put_pending(&lease.fence.instance, &[(supplier(1), Some(crate::units::Height(5)))]).await.unwrap();
    store.finish(&lease.fence, &supplier(1), &"s1".into()).await.unwrap();

    let keys: Vec<String> = raw(&redis, &["KEYS", "*"]).await;
    assert!(keys.len() > 10, "{keys:?}");
    let mut expiring = BTreeSet::new();
    for key in keys {
        if raw::<i64>(&redis, &["PTTL", &key]).await >= 0 {
            expiring.insert(key);
        }
    }
    let (supplier, ended, keys) = (supplier(1), "s1".into(), store.keys());
    assert_eq!(
        expiring,
        [keys.lease(&supplier), keys.record(&supplier, &ended), keys.closed(&supplier, &ended)].into()
    );
}
