use super::scene::{append, own, raw, relay, relays, session, start, supplier};
use crate::store::{Append, AppendOutcome, InstanceId, SessionSummary};
use crate::units::Height;

#[tokio::test]
async fn relays_come_back_in_order_with_everything_that_was_said_about_them() {
    let (_redis, store) = start().await;
    let ids = append(&store, "s1", &["one", "two", "three"]).await;
    assert!(ids.is_sorted());

    let entries = store.read_log(&supplier(1), &"s1".into(), None, 2).await.unwrap();
    assert_eq!(entries.len(), 2);
    assert_eq!((entries[0].id, entries[0].relay.as_ref(), entries[0].arrival), (ids[0], &b"one"[..], Height(12)));
    assert_eq!(entries[0].first_appended_ms, ids[0].ms);

    let rest = store.read_log(&supplier(1), &"s1".into(), Some(ids[1]), 2).await.unwrap();
    assert_eq!(rest.iter().map(|entry| entry.id).collect::<Vec<_>>(), [ids[2]], "the cursor itself is not repeated");
    let one = store.entry(&supplier(1), &"s1".into(), ids[1]).await.unwrap().unwrap();
    assert_eq!(one.relay.as_ref(), b"two");
    assert!(store.entry(&supplier(2), &"s1".into(), ids[1]).await.unwrap().is_none());
}

#[tokio::test]
async fn appending_twice_gives_two_entries_and_keeps_the_first_time() {
    let (_redis, store) = start().await;
    let first = append(&store, "s1", &["same"]).await[0];
    tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    let again = Append { earlier: Some(first), ..relay("s1", "same") };
    store.append(&supplier(1), &[again]).await.unwrap();

    let entries = store.read_log(&supplier(1), &"s1".into(), None, 10).await.unwrap();
    assert_eq!(entries.len(), 2);
    assert!(entries[1].id.ms > first.ms);
    assert_eq!(entries[1].first_appended_ms, first.ms);
    assert_eq!(store.log_length(&supplier(1), &"s1".into()).await.unwrap(), 2);
}

#[tokio::test]
async fn polling_shows_sessions_and_their_counts_for_each_supplier() {
    let (_redis, store) = start().await;
    append(&store, "s2", &["a"]).await;
    append(&store, "s1", &["a", "b"]).await;
    store.append(&supplier(3), &[relay("s9", "x")]).await.unwrap();

    let heads = store.poll(&[supplier(1), supplier(2), supplier(3)]).await.unwrap();
    let of = |id: &str, appended| SessionSummary { header: session(id), appended };
    assert_eq!(heads.iter().map(|heads| heads.supplier.clone()).collect::<Vec<_>>(), [1, 2, 3].map(supplier));
    assert_eq!(heads[0].sessions, [of("s1", 2), of("s2", 1)]);
    assert_eq!(heads[1].sessions, []);
    assert_eq!(heads[2].sessions, [of("s9", 1)]);
}

#[tokio::test]
async fn a_closed_session_takes_nothing_more_and_others_of_the_batch_do() {
    let (_redis, store) = start().await;
    append(&store, "s1", &["in time"]).await;
    let lease = own(&store, &InstanceId::random()).await;
    assert!(store.close(&lease.fence, &supplier(1), &"s1".into()).await.unwrap());
    assert!(!store.close(&lease.fence, &supplier(1), &"s1".into()).await.unwrap(), "once");
    assert!(store.is_closed(&supplier(1), &"s1".into()).await.unwrap());

    let batch = [relay("s1", "late"), relay("s2", "fine"), relay("s1", "late too")];
    let outcomes = store.append(&supplier(1), &batch).await.unwrap().outcomes;
    assert_eq!(outcomes[0], AppendOutcome::Late);
    assert!(matches!(outcomes[1], AppendOutcome::Appended(_)));
    assert_eq!(outcomes[2], AppendOutcome::Late);
    assert_eq!(relays(&store, "s1").await, ["in time"]);
    assert_eq!(store.poll(&[supplier(1)]).await.unwrap()[0].sessions[0].appended, 1);
}

#[tokio::test]
async fn an_ended_session_cannot_be_brought_back_by_a_straggler() {
    let (redis, store) = start().await;
    append(&store, "s1", &["paid"]).await;
    let lease = own(&store, &InstanceId::random()).await;
    assert!(store.finish(&lease.fence, &supplier(1), &"s1".into()).await.unwrap());
    assert!(!store.finish(&lease.fence, &supplier(1), &"s1".into()).await.unwrap(), "once");

    let outcome = store.append(&supplier(1), &[relay("s1", "straggler")]).await.unwrap().outcomes[0];
    assert_eq!(outcome, AppendOutcome::Late);
    assert!(store.is_closed(&supplier(1), &"s1".into()).await.unwrap());
    assert_eq!(store.poll(&[supplier(1)]).await.unwrap()[0].sessions, []);
    let exists: u8 = raw(&redis, &["EXISTS", &store.keys().log(&supplier(1), &"s1".into())]).await;
    assert_eq!(exists, 0);
}

#[tokio::test]
async fn a_long_list_is_appended_whole_and_in_order() {
    let (_redis, store) = start().await;
    let texts: Vec<String> = (0..1_300).map(|number| format!("relay {number}")).collect();
    let batch: Vec<Append> = texts.iter().enumerate().map(|(at, text)| relay(["s1", "s2"][at % 2], text)).collect();
    let appended = store.append(&supplier(1), &batch).await.unwrap();
    assert_eq!(appended.outcomes.len(), 1_300);
    let even: Vec<String> = texts.iter().step_by(2).cloned().collect();
    assert_eq!(relays(&store, "s1").await, even);
    assert_eq!(relays(&store, "s2").await.len(), 650);
    assert!(store.append(&supplier(1), &[]).await.unwrap().outcomes.is_empty());
}

#[tokio::test]
async fn scripts_that_redis_forgot_are_sent_again() {
    let (redis, store) = start().await;
    append(&store, "s1", &["a"]).await;
    let lease = own(&store, &InstanceId::random()).await;
    let _: String = raw(&redis, &["SCRIPT", "FLUSH"]).await;
    append(&store, "s1", &["b"]).await;
    let _: String = raw(&redis, &["SCRIPT", "FLUSH"]).await;
    assert!(store.renew(&[lease.clone(), lease]).await.unwrap().iter().all(Option::is_some));
    assert_eq!(relays(&store, "s1").await, ["a", "b"]);
}

#[tokio::test]
async fn one_bad_entry_or_header_hides_no_other() {
    let (redis, store) = start().await;
    append(&store, "s1", &["good"]).await;
    let _: String = raw(&redis, &["XADD", &store.keys().log(&supplier(1), &"s1".into()), "*", "data", "?"]).await;
    let _: u8 = raw(&redis, &["HSET", &store.keys().sessions(&supplier(1)), "s0", "not json"]).await;
    assert_eq!(relays(&store, "s1").await, ["good", ""]);
    assert_eq!(store.poll(&[supplier(1)]).await.unwrap()[0].sessions.len(), 1);
}

#[tokio::test]
async fn relays_are_bytes_of_any_kind() {
    let (_redis, store) = start().await;
    let bytes: Vec<u8> = (0..=255).cycle().take(70_000).collect();
    let append = Append { relay: bytes.clone().into(), ..relay("s1", "") };
    store.append(&supplier(1), &[append]).await.unwrap();
    let entries = store.read_log(&supplier(1), &"s1".into(), None, 1).await.unwrap();
    assert_eq!(entries[0].relay, bytes);
}
