//! The lock of the leader and its feed of blocks, on a Redis that is killed, paused and filled.

use std::time::Duration;

use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::scene::{answering, assert_fenced, chain, config, open, raw, start};
use crate::chain::ChainTime;
use crate::clock::Clock;
use crate::leader::{Candidate, RedisLock, Tenure, Times};
use crate::store::{Event, FedBlock, InstanceId, Store};
use crate::units::Height;

const TTL: Duration = Duration::from_millis(1_500);
const TIMES: Times = Times { ttl: TTL, renew: Duration::from_millis(300) };
const SOON: Duration = Duration::from_mins(1);

fn block(height: i64) -> FedBlock {
    let hash = [u8::try_from(height % 251).unwrap(); 32];
    FedBlock { height: Height(height), hash, time: ChainTime(height * 1_000_000_007) }
}

fn stand(store: &Store) -> (tokio::sync::watch::Receiver<Tenure>, CancellationToken, tokio::task::JoinHandle<()>) {
    let lock = RedisLock::new(store.clone(), InstanceId::random(), TTL);
    let (candidate, tenure) = Candidate::new(None, Box::new(lock), TIMES, store.clock(), Box::new(()));
    let stop = CancellationToken::new();
    let task = tokio::spawn(candidate.run(stop.clone()));
    (tenure, stop, task)
}

async fn leads(tenure: &mut tokio::sync::watch::Receiver<Tenure>, wanted: bool) -> Tenure {
    let changed = tenure.wait_for(|tenure| tenure.redis.is_some() == wanted);
    tokio::time::timeout(SOON, changed).await.expect("in time").unwrap().clone()
}

// rule: W-03
#[tokio::test]
async fn one_leads_and_epochs_only_grow() {
    let (_redis, store) = start().await;
    let (one, two) = (InstanceId::random(), InstanceId::random());
    let (taken, first) = store.acquire_leader(&one, 1, TTL).await.unwrap();
    assert!(taken && first.epoch == 1);
    let (taken, holder) = store.acquire_leader(&two, 9, TTL).await.unwrap();
    assert!(!taken && holder == first);
    let (taken, anew) = store.acquire_leader(&one, 1, TTL).await.unwrap();
    assert!(taken && anew.epoch == 2, "in its own name it is taken anew");
    assert!(!store.renew_leader(&first.to_string(), TTL).await.unwrap(), "the older token is void");
    store.release_leader(&first.to_string()).await.unwrap();
    assert_eq!(store.leader().await.unwrap(), Some(anew.clone()), "a stale release");
    store.release_leader(&anew.to_string()).await.unwrap();
    let (taken, next) = store.acquire_leader(&two, 41, TTL).await.unwrap();
    assert!(taken && next.epoch == 41, "above what the other lock has seen");
    store.release_leader(&next.to_string()).await.unwrap();
    assert_eq!(store.acquire_leader(&one, 1, TTL).await.unwrap().1.epoch, 42);
}

#[tokio::test]
async fn only_the_leader_feeds_blocks_each_once_and_in_order() {
    let (redis, store) = start().await;
    let (_, old) = store.acquire_leader(&InstanceId::random(), 1, TTL).await.unwrap();
    store.release_leader(&old.to_string()).await.unwrap();
    assert_fenced(store.put_blocks(&old.to_string(), &[block(1)]).await);
    let token = store.acquire_leader(&InstanceId::random(), 1, SOON).await.unwrap().1.to_string();
    assert_fenced(store.put_blocks(&old.to_string(), &[block(1)]).await);
    assert_eq!(store.newest_block().await.unwrap(), None);

    assert_eq!(store.put_blocks(&token, &[block(5), block(6)]).await.unwrap(), 2);
    assert_eq!(store.put_blocks(&token, &[block(6), block(7)]).await.unwrap(), 1, "one was there");
    assert_eq!(store.put_blocks(&token, &[block(3)]).await.unwrap(), 0, "it never goes back");
    assert_eq!(store.blocks(10).await.unwrap(), [block(7), block(6), block(5)]);
    for height in 8..600 {
        store.put_blocks(&token, &[block(height)]).await.unwrap();
    }
    assert_eq!(raw::<usize>(&redis, &["XLEN", &store.keys().blocks()]).await, 256, "bounded");
    assert_eq!(store.newest_block().await.unwrap(), Some(block(599)));
}

// rule: C-29
#[tokio::test]
async fn whoever_listens_hears_of_changes_and_of_what_may_have_been_missed() {
    let (mut redis, store) = start().await;
    let token = store.acquire_leader(&InstanceId::random(), 1, SOON).await.unwrap().1.to_string();
    let stop = CancellationToken::new();
    let mut events = store.events(stop.clone());
    let mut next = async || tokio::time::timeout(SOON, events.recv()).await.expect("in time");
    assert_eq!(next().await, Some(Event::Missed), "subscribed: what was before has to be looked up");
    store.put_blocks(&token, &[block(7)]).await.unwrap();
    assert_eq!(next().await, Some(Event::Block(Height(7))));
    let _: u8 = raw(&redis, &["PUBLISH", &store.keys().events(), "{}"]).await;
    redis.restart().await.unwrap();
    answering(&store).await;
    assert_eq!(next().await, Some(Event::Missed), "subscribed anew");
    store.put_blocks(&token, &[block(8)]).await.unwrap();
    assert_eq!(next().await, Some(Event::Block(Height(8))));
    stop.cancel();
    assert_eq!(next().await, None);
}

#[tokio::test]
async fn a_leader_that_ends_makes_room_at_once_and_one_that_dies_within_a_life_of_the_lock() {
    let (redis, store) = start().await;
    let (mut one, stop, task) = stand(&store);
    let first = leads(&mut one, true).await;
    let other = open(&redis).await;
    let (mut two, _stop_two, task_two) = stand(&other);
    sleep(TTL * 2).await;
    assert_eq!(*two.borrow(), Tenure::default(), "one leads");
    stop.cancel();
    task.await.unwrap();
    assert!(one.borrow().redis.is_none());
    let second = leads(&mut two, true).await;
    assert!(second.epoch > first.epoch);

    let (mut three, _stop_three, _three) = stand(&store);
    task_two.abort();
    let died = Instant::now();
    let third = leads(&mut three, true).await;
    assert!(third.epoch > second.epoch);
    assert!(died.elapsed() > TTL / 2, "not while the dead one might still write");
    assert!(!store.renew_leader(second.redis.as_ref().unwrap(), TTL).await.unwrap());
}

// rule: H-30
#[tokio::test]
async fn errors_of_redis_end_a_tenure_only_when_its_time_is_over() {
    let (mut redis, store) = start().await;
    let (mut tenure, _stop, _task) = stand(&store);
    let first = leads(&mut tenure, true).await;

    // A pause that is shorter than the lock's life is survived.
    redis.pause().unwrap();
    sleep(TTL / 3).await;
    redis.resume().unwrap();
    sleep(TTL).await;
    assert_eq!(*tenure.borrow(), first, "one error is no loss");

    // A restart too: the lock is in Redis' data.
    redis.restart().await.unwrap();
    sleep(TTL / 2).await;
    assert_eq!(tenure.borrow().epoch, first.epoch);

    // Full: what is there can still be renewed.
    let _: String = raw(&redis, &["CONFIG", "SET", "maxmemory", "1"]).await;
    sleep(TTL * 2).await;
    assert_eq!(*tenure.borrow(), first, "a full Redis costs no leader");
    let _: String = raw(&redis, &["CONFIG", "SET", "maxmemory", "0"]).await;

    // Silence beyond that ends it, by the own clock, without a word from Redis.
    redis.pause().unwrap();
    leads(&mut tenure, false).await;
    redis.resume().unwrap();
    let second = leads(&mut tenure, true).await;
    assert!(second.epoch > first.epoch, "a missed renewal is never made up for");
    assert_fenced(store.put_blocks(first.redis.as_ref().unwrap(), &[block(1)]).await);
    store.put_blocks(second.redis.as_ref().unwrap(), &[block(1)]).await.unwrap();
}

#[tokio::test]
async fn who_slept_through_its_tenure_writes_nothing() {
    let (redis, store) = start().await;
    // Its clock counts a minute for each second: to it, the lock ended long ago.
    let fast = Clock::skewed("monotonic:60x".parse().unwrap());
    let sleepy = Store::open_with_clock(config(&redis), chain(), fast).await.unwrap();
    let lock = RedisLock::new(sleepy.clone(), InstanceId::random(), Duration::from_secs(10));
    let times = Times { ttl: Duration::from_secs(10), renew: Duration::from_secs(5) };
    let (candidate, mut tenure) = Candidate::new(None, Box::new(lock), times, fast, Box::new(()));
    let task = tokio::spawn(candidate.run(CancellationToken::new()));
    leads(&mut tenure, true).await;
    leads(&mut tenure, false).await;
    assert!(store.leader().await.unwrap().is_some(), "Redis still has it in that name");
    task.abort();
}

// rule: H-01, C-23
#[tokio::test]
async fn a_reader_that_falls_behind_misses_old_blocks_and_never_the_newest() {
    let (_redis, store) = start().await;
    let token = store.acquire_leader(&InstanceId::random(), 1, SOON).await.unwrap().1.to_string();
    let stop = CancellationToken::new();
    let mut events = store.events(stop.clone());
    let mut next = async || tokio::time::timeout(SOON, events.recv()).await.expect("in time").unwrap();
    assert_eq!(next().await, Event::Missed);
    for height in 1..=3_000 {
        store.put_blocks(&token, &[block(height)]).await.unwrap();
    }
    // It wakes up: what is queued is bounded, then it is told to look for itself, and what it finds is the newest.
    let mut read = 0;
    while next().await != Event::Missed {
        read += 1;
    }
    assert!(read < 3_000, "a queue never forms: {read}");
    assert_eq!(store.newest_block().await.unwrap(), Some(block(3_000)));
    store.put_blocks(&token, &[block(3_001)]).await.unwrap();
    while next().await != Event::Block(Height(3_001)) {}
    stop.cancel();
}
