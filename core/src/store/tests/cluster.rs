//! Redis Cluster: keys on several servers, and on the move.

use std::time::Duration;

use testbed::RedisCluster;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::scene::{chain, relay, session, supplier};
use crate::address::Address;
use crate::config::Period;
use crate::store::{
    Acquisition, Append, AppendOutcome, Confirmation, Durability, InstanceId, Lease, Seal, Sealed, Store, StoreConfig,
    inspect,
};
use crate::units::Height;

const LIMIT: Duration = Duration::from_mins(1);

fn config(cluster: &RedisCluster) -> StoreConfig {
    StoreConfig {
        url: cluster.url(),
        prefix: "test".into(),
        response_timeout: Period::from_secs(1),
        barrier: Period::from_millis(1_500),
        ..StoreConfig::default()
    }
}

async fn open(cluster: &RedisCluster) -> Store {
    Store::open(config(cluster), chain()).await.unwrap()
}

async fn relays_of(store: &Store, supplier: &Address) -> Vec<String> {
    let entries = store.read_log(supplier, &"s1".into(), None, 100_000).await.unwrap();
    entries.iter().map(|entry| String::from_utf8(entry.relay.to_vec()).unwrap()).collect()
}

async fn own(store: &Store, supplier: &Address, instance: &InstanceId) -> Lease {
    match store.acquire(supplier, instance).await.unwrap() {
        Acquisition::Acquired(lease) => lease,
        Acquisition::HeldBy { fence, .. } => panic!("held by {fence}"),
    }
}

/// Suppliers whose keys are on different servers.
async fn spread(cluster: &RedisCluster, store: &Store) -> Vec<Address> {
    let mut found = vec![None; 3];
    for number in 0..=255 {
        let slot = cluster.slot(&store.keys().lease(&supplier(number))).await.unwrap();
        found[cluster.first_owner(slot)].get_or_insert(supplier(number));
        if found.iter().all(Option::is_some) {
            break;
        }
    }
    found.into_iter().flatten().collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_works_on_keys_of_several_servers() {
    let cluster = RedisCluster::start(3, 0).await.unwrap();
    let store = open(&cluster).await;
    let (suppliers, instance) = (spread(&cluster, &store).await, InstanceId::random());
    let mut leases = Vec::new();
    for supplier in &suppliers {
        let appended = store.append(supplier, &[relay("s1", "a"), relay("s2", "b"), relay("s1", "c")]).await.unwrap();
        assert!(appended.outcomes.iter().all(|outcome| matches!(outcome, AppendOutcome::Appended(_))));
        leases.push(own(&store, supplier, &instance).await);
    }
    // One round trip for suppliers on three servers, answers in order.
    let heads = store.poll(&suppliers).await.unwrap();
    for (head, supplier) in heads.iter().zip(&suppliers) {
        assert_eq!((&head.supplier, head.sessions.len()), (supplier, 2));
        assert_eq!(head.sessions[0].appended, 2);
    }
    let renewed = store.renew(&leases).await.unwrap();
    assert!(renewed.iter().all(Option::is_some));
    let waiting: Vec<_> = suppliers.iter().map(|supplier| (supplier.clone(), Some(Height(20)))).collect();
    store.put_pending(&instance, &waiting).await.unwrap();
    for (supplier, lease) in suppliers.iter().zip(&leases) {
        assert_eq!(store.pending(supplier).await.unwrap().len(), 1);
        store.put_record(&lease.fence, supplier, &"s1".into(), &"record").await.unwrap();
        assert_eq!(store.records::<String>(supplier).await.unwrap(), [("s1".into(), "record".to_owned())]);
        store.put_tx(&lease.fence, supplier, "AB", b"bytes", &["s1".into(), "s2".into()]).await.unwrap();
        assert_eq!(store.tx(supplier, "AB").await.unwrap().as_deref(), Some(&b"bytes"[..]));
        assert!(store.close(&lease.fence, supplier, &"s1".into()).await.unwrap());
    }
    assert_eq!(store.barrier().await.unwrap(), Durability::Waited);
    for (supplier, lease) in suppliers.iter().zip(&leases) {
        let last = store.read_log(supplier, &"s1".into(), None, 10).await.unwrap().pop().unwrap().id;
        let incarnation = store.incarnation().await.unwrap();
        let seal = Seal { last, count: 2, sum: 2, root: [7; 48], incarnation };
        assert_eq!(store.seal(&lease.fence, supplier, &"s1".into(), &seal).await.unwrap(), Sealed::Created);
        assert!(store.finish(&lease.fence, supplier, &"s1".into()).await.unwrap());
    }
    store.release(&leases).await.unwrap();
    let found = inspect(&config(&cluster), Some(&chain())).await.unwrap();
    assert!(found.in_use && found.address.contains("cluster"), "{found:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_node_named_as_a_server_is_enough() {
    let cluster = RedisCluster::start(3, 0).await.unwrap();
    let config = StoreConfig { url: cluster.servers()[1].url(), ..config(&cluster) };
    let store = Store::open(config, chain()).await.unwrap();
    for supplier in spread(&cluster, &store).await {
        store.append(&supplier, &[relay("s1", "a")]).await.unwrap();
        assert_eq!(relays_of(&store, &supplier).await, ["a"]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slot_moves_in_the_middle_of_appends_and_leases() {
    let cluster = RedisCluster::start(3, 0).await.unwrap();
    let (store, other) = (open(&cluster).await, open(&cluster).await);
    let owner = spread(&cluster, &store).await.remove(0);
    let before = store.incarnation().await.unwrap();
    let lease = own(&store, &owner, &InstanceId::random()).await;
    let stop = CancellationToken::new();
    let appending = tokio::spawn({
        let (store, owner, stop) = (store.clone(), owner.clone(), stop.clone());
        async move {
            let mut answered = Vec::new();
            for number in 0.. {
                let append = Append { session: session("s1"), ..relay("s1", &number.to_string()) };
                while let Err(error) = store.append(&owner, std::slice::from_ref(&append)).await {
                    assert!(error.is_transient(), "{error}");
                    sleep(Duration::from_millis(5)).await;
                }
                answered.push(number.to_string());
                if stop.is_cancelled() {
                    return answered;
                }
            }
            answered
        }
    });
    let renewing = tokio::spawn({
        let (store, stop) = (store.clone(), stop.clone());
        async move {
            let mut leases = vec![lease];
            while !stop.is_cancelled() {
                match store.renew(&leases).await {
                    Ok(renewed) => {
                        leases = renewed.into_iter().map(|lease| lease.expect("the lease is lost")).collect();
                    }
                    Err(error) => assert!(error.is_transient(), "{error}"),
                }
                sleep(Duration::from_millis(20)).await;
            }
            leases
        }
    });
    sleep(Duration::from_millis(200)).await;
    let slot = cluster.slot(&store.keys().lease(&owner)).await.unwrap();
    cluster.move_slot(slot, 0, 2, Duration::from_millis(50)).await.unwrap();
    sleep(Duration::from_millis(200)).await;
    cluster.move_slot(slot, 2, 1, Duration::from_millis(5)).await.unwrap();
    sleep(Duration::from_millis(200)).await;
    stop.cancel();
    let (answered, leases) = (appending.await.unwrap(), renewing.await.unwrap());

    let found = relays_of(&other, &owner).await;
    let missing: Vec<_> = answered.iter().filter(|relay| !found.contains(relay)).collect();
    assert!(answered.len() > 20 && missing.is_empty(), "{} answered, missing {missing:?}", answered.len());
    assert!(other.close(&leases[0].fence, &owner, &"s1".into()).await.unwrap(), "the lease moved along");
    assert_eq!(store.incarnation().await.unwrap(), before, "nothing was lost, and nothing says so");
    assert_eq!(other.incarnation().await.unwrap(), before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_takes_over_a_shard() {
    let mut cluster = RedisCluster::start(3, 1).await.unwrap();
    let store = open(&cluster).await;
    let suppliers = spread(&cluster, &store).await;
    let mut watch = store.watch_incarnation();
    watch.borrow_and_update();
    assert_eq!(store.barrier().await.unwrap(), Durability::Waited, "a replica has it, too");
    let stamp = store.append(&suppliers[0], &[relay("s1", "a")]).await.unwrap().stamp;
    sleep(Duration::from_millis(100)).await;
    cluster.server(0).kill().await.unwrap();
    // The other servers go on at once.
    store.append(&suppliers[1], &[relay("s1", "elsewhere")]).await.unwrap();
    let error = store.append(&suppliers[0], &[relay("s1", "b")]).await.unwrap_err();
    assert!(error.is_transient(), "{error}");
    cluster.wait_for_fail_over(0).await.unwrap();
    let limit = Instant::now() + LIMIT;
    while let Err(error) = store.append(&suppliers[0], &[relay("s1", "b")]).await {
        assert!(error.is_transient() && Instant::now() < limit, "{error}");
        sleep(Duration::from_millis(50)).await;
    }
    tokio::time::timeout(LIMIT, watch.changed()).await.unwrap().unwrap();
    assert_eq!(store.confirmation(&stamp), Confirmation::Doubtful);
    assert_eq!(relays_of(&store, &suppliers[0]).await, ["a", "b"]);
    assert_eq!(relays_of(&store, &suppliers[1]).await, ["elsewhere"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_was_emptied_is_noticed() {
    let cluster = RedisCluster::start(3, 0).await.unwrap();
    let (store, other) = (open(&cluster).await, open(&cluster).await);
    let before = store.incarnation().await.unwrap();
    assert_eq!(other.incarnation().await.unwrap(), before);
    for server in 0..3 {
        let seen = store.incarnation().await.unwrap();
        cluster.servers()[server].ask(&["FLUSHALL"]).await.unwrap();
        assert_ne!(store.incarnation().await.unwrap(), seen, "server {server}");
    }
    assert_eq!(other.incarnation().await.unwrap(), store.incarnation().await.unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_everybody_is_told_is_heard() {
    let cluster = RedisCluster::start(3, 0).await.unwrap();
    let (store, stop) = (open(&cluster).await, CancellationToken::new());
    let mut events = store.events(stop.clone());
    assert_eq!(events.recv().await, Some(crate::store::Event::Missed));
    cluster.servers()[2].ask(&["PUBLISH", &store.keys().events(), "factors"]).await.unwrap();
    assert_eq!(tokio::time::timeout(LIMIT, events.recv()).await.unwrap(), Some(crate::store::Event::Factors));
}
