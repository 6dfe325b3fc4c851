//! What every test of the store begins with.

use testbed::Redis;

use crate::address::Address;
use crate::config::Period;
use crate::session::SessionHeader;
use crate::store::{
    Acquisition, Append, AppendOutcome, ChainIdentity, EntryId, InstanceId, Lease, Store, StoreConfig, StoreError,
};
use crate::units::Height;

/// Settings with short times, so that tests need not wait long.
pub(super) fn config(redis: &Redis) -> StoreConfig {
    StoreConfig {
        url: redis.url(),
        prefix: "test".into(),
        response_timeout: Period::from_millis(500),
        open_timeout: Period::from_secs(2),
        ..StoreConfig::default()
    }
}

pub(super) fn chain() -> ChainIdentity {
    ChainIdentity { chain_id: "pocket".into(), genesis_hash: "AB01".into() }
}

pub(super) async fn open(redis: &Redis) -> Store {
    Store::open(config(redis), chain()).await.unwrap()
}

pub(super) async fn start() -> (Redis, Store) {
    let redis = Redis::start().await.unwrap();
    let store = open(&redis).await;
    (redis, store)
}

pub(super) fn supplier(number: u8) -> Address {
    Address::from_payload(&[number; 20]).unwrap()
}

pub(super) fn session(id: &str) -> SessionHeader {
    let application = Address::from_payload(&[200; 20]).unwrap();
    SessionHeader { application, service: "anvil".into(), id: id.into(), start: Height(11), end: Height(20) }
}

pub(super) fn relay(id: &str, bytes: &str) -> Append {
    Append { session: session(id), relay: bytes.to_owned().into(), arrival: Height(12), earlier: None }
}

/// Appends relays to session `id` of supplier 1; all must be taken.
pub(super) async fn append(store: &Store, id: &str, relays: &[&str]) -> Vec<EntryId> {
    let relays: Vec<Append> = relays.iter().map(|bytes| relay(id, bytes)).collect();
    let appended = store.append(&supplier(1), &relays).await.unwrap();
    let taken = |outcome: AppendOutcome| match outcome {
        AppendOutcome::Appended(id) => id,
        AppendOutcome::Late => panic!("late"),
    };
    appended.outcomes.into_iter().map(taken).collect()
}

/// The relays in the log of a session of supplier 1.
pub(super) async fn relays(store: &Store, id: &str) -> Vec<String> {
    let entries = store.read_log(&supplier(1), &id.into(), None, 100_000).await.unwrap();
    entries.iter().map(|entry| String::from_utf8(entry.relay.to_vec()).unwrap()).collect()
}

/// Acquires supplier 1, which must be free.
pub(super) async fn own(store: &Store, instance: &InstanceId) -> Lease {
    match store.acquire(&supplier(1), instance).await.unwrap() {
        Acquisition::Acquired(lease) => lease,
        Acquisition::HeldBy { fence, .. } => panic!("held by {fence}"),
    }
}

/// A command past the store.
pub(super) async fn raw<T: redis::FromRedisValue>(redis: &Redis, command: &[&str]) -> T {
    let client = redis::Client::open(redis.url()).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let mut built = redis::cmd(command[0]);
    for argument in &command[1..] {
        built.arg(*argument);
    }
    built.query_async(&mut connection).await.unwrap()
}

/// Everything that is stored, as Redis would write it to disk: to show that a refused write changed nothing.
pub(super) async fn dump(redis: &Redis) -> Vec<(String, Vec<u8>)> {
    let mut keys: Vec<String> = raw(redis, &["KEYS", "*"]).await;
    keys.sort();
    let mut all = Vec::new();
    for key in keys {
        let value: Vec<u8> = raw(redis, &["DUMP", &key]).await;
        all.push((key, value));
    }
    all
}

/// Waits until Redis answers the store again after a restart.
pub(super) async fn answering(store: &Store) {
    for _ in 0..100 {
        match store.incarnation().await {
            Ok(_) => return,
            Err(error) if error.is_transient() => tokio::time::sleep(std::time::Duration::from_millis(50)).await,
            Err(error) => panic!("{error}"),
        }
    }
    panic!("no answer");
}

pub(super) fn assert_fenced<T: std::fmt::Debug>(outcome: Result<T, StoreError>) {
    assert_eq!(outcome.err(), Some(StoreError::FenceLost));
}
