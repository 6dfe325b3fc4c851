use std::time::Duration;

use relay_core::chain::{BlockFeed, Chain, FeedConfig};
use relay_core::units::Height;
use serde_json::json;
use testbed::{Faults, Flags, Proxy};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::surroundings::{client, client_of, node, still};

const SOON: Duration = Duration::from_mins(1);

fn follow(chain: Chain, subscribe: bool) -> (BlockFeed, DropGuard) {
    let stop = CancellationToken::new();
    let config = FeedConfig {
        assumed_block_time: Duration::from_millis(300),
        longest_pause: Duration::from_millis(200),
        subscribe,
        ..FeedConfig::default()
    };
    (BlockFeed::start(chain, config, stop.clone()), stop.drop_guard())
}

async fn within<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(SOON, what).await.expect("took too long")
}

/// Reads every block up to a height and checks that each is the child of the one before.
async fn read_to(feed: &BlockFeed, from: Height, to: Height) {
    let mut height = from;
    let mut parent = None;
    while height < to {
        let block = within(feed.next_after(height)).await.unwrap();
        assert_eq!(block.height, height + 1);
        assert!(parent.is_none_or(|hash| hash == block.parent));
        (height, parent) = (block.height, Some(block.hash));
    }
}

// rule: D-47
#[tokio::test]
async fn every_height_arrives_in_order_over_pauses_bursts_and_broken_connections() {
    let running = testbed::Chain::start(still()).await.unwrap();
    let proxy = Proxy::start(&running).await.unwrap();
    let (feed, _stop) = follow(client_of(vec![node("proxied", &proxy.rpc(), &proxy.grpc())]), true);
    let first = within(feed.reached(Height(1))).await.unwrap().height;
    running.advance(30).await.unwrap();
    read_to(&feed, first, first + 30).await;

    // A pause: nothing new, and the feed says for how long.
    running.pause().await.unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(feed.since_last() >= Duration::from_millis(250));
    assert_eq!(feed.height(), first + 30);

    // The connection breaks while blocks are made: none is missed.
    proxy.set(Faults { cut: true, ..Faults::default() });
    running.advance(50).await.unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(feed.height(), first + 30);
    proxy.heal();
    read_to(&feed, first + 30, first + 80).await;
    assert_eq!(feed.latest().map(|block| block.height), Some(feed.height()));

    // The websocket stays open but says nothing more: polling sees the blocks.
    proxy.set_rpc(Faults { swallow_events: true, ..Faults::default() });
    running.advance(5).await.unwrap();
    read_to(&feed, first + 80, first + 85).await;
}

#[tokio::test]
async fn a_feed_without_any_node_comes_to_life_with_the_first() {
    let running = testbed::Chain::start(still()).await.unwrap();
    let proxy = Proxy::start(&running).await.unwrap();
    proxy.set(Faults { cut: true, ..Faults::default() });
    let (feed, _stop) = follow(client_of(vec![node("proxied", &proxy.rpc(), &proxy.grpc())]), true);
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(feed.latest(), None);
    assert!(feed.since_last() >= Duration::from_millis(400));
    proxy.heal();
    within(feed.reached(Height(1))).await.unwrap();
}

#[tokio::test]
async fn an_announcement_wakes_the_feed_before_its_poll() {
    let running = testbed::Chain::start(still()).await.unwrap();
    let stop = CancellationToken::new();
    let patient = FeedConfig { longest_pause: Duration::from_mins(1), ..FeedConfig::default() };
    let config = FeedConfig { assumed_block_time: Duration::from_mins(10), ..patient };
    let feed = BlockFeed::start(client(&running), config, stop.clone());
    let first = within(feed.reached(Height(1))).await.unwrap().height;
    // Subscribed within a moment; polling alone would take a minute.
    tokio::time::sleep(Duration::from_millis(500)).await;
    running.advance(1).await.unwrap();
    within(feed.reached(first + 1)).await.unwrap();
    stop.cancel();
    assert!(within(feed.reached(first + 1000)).await.is_err(), "a stopped feed says so");
}

// rule: D-47, G-06
#[tokio::test]
async fn a_lagging_preferred_node_does_not_hold_the_feed_up() {
    let running = testbed::Chain::start(still()).await.unwrap();
    let proxy = Proxy::start(&running).await.unwrap();
    running.advance_to(40).await.unwrap();
    let nodes = vec![node("lagging", &proxy.rpc(), &proxy.grpc()), node("own", running.rpc(), &running.grpc())];
    let (feed, _stop) = follow(client_of(nodes), false);
    within(feed.reached(Height(40))).await.unwrap();
    proxy.set(Faults::lagging(30));
    running.advance_to(45).await.unwrap();
    // The lagging node now tells of height 15: the feed neither goes back nor waits for it.
    within(feed.reached(Height(45))).await.unwrap();
}

#[tokio::test]
async fn block_time_is_measured() {
    let running = testbed::Chain::start(still()).await.unwrap();
    let (feed, _stop) = follow(client(&running), true);
    within(feed.reached(Height(1))).await.unwrap();
    running.block_time(Duration::from_millis(100)).await.unwrap();
    running.advance(1).await.unwrap();
    within(feed.reached(Height(25))).await.unwrap();
    let measured = feed.block_time();
    assert!(measured > Duration::from_millis(60) && measured < Duration::from_millis(250), "{measured:?}");
}

#[tokio::test]
async fn a_restart_of_the_node_is_a_gap_like_any_other() {
    let mut running = testbed::Chain::start(still().on_disk()).await.unwrap();
    let (feed, _stop) = follow(client(&running), true);
    within(feed.reached(Height(1))).await.unwrap();
    running.advance_to(10).await.unwrap();
    running.crash_and_restart(Flags::default()).await.unwrap();
    let height = Height(running.advance(5).await.unwrap());
    read_to(&feed, Height(1), height).await;
}

#[tokio::test]
async fn a_chain_made_anew_is_not_followed() {
    let running = testbed::Chain::start(still()).await.unwrap();
    let proxy = Proxy::start(&running).await.unwrap();
    let other = testbed::Chain::start(still().account("more", json!({}))).await.unwrap();
    running.advance_to(10).await.unwrap();
    other.advance_to(20).await.unwrap();
    let nodes = vec![node("first", &proxy.rpc(), &proxy.grpc()), node("wiped", other.rpc(), &other.grpc())];
    let (feed, _stop) = follow(client_of(nodes), false);
    within(feed.reached(Height(10))).await.unwrap();
    proxy.set(Faults { cut: true, ..Faults::default() });
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(feed.height(), Height(10), "same chain id, another history");
}

// rule: I-18, M-11, W-09
#[tokio::test]
async fn hints_spare_the_node_and_their_silence_is_noticed() {
    let running = testbed::Chain::start(still()).await.unwrap();
    let proxy = Proxy::start(&running).await.unwrap();
    let stop = CancellationToken::new();
    let config = FeedConfig {
        assumed_block_time: Duration::from_secs(3),
        longest_pause: Duration::from_millis(100),
        subscribe: false,
        ..FeedConfig::default()
    };
    let feed = BlockFeed::start(client_of(vec![node("proxied", &proxy.rpc(), &proxy.grpc())]), config, stop.clone());
    within(feed.reached(Height(1))).await.unwrap();
    let asked = || proxy.requests("status");

    // Told that there is nothing newer, it does not ask. Unhinted it would ask ten times a second.
    feed.announce(Height(1));
    tokio::time::sleep(Duration::from_millis(500)).await;
    let before = asked();
    for _ in 0..5 {
        feed.announce(Height(1));
        tokio::time::sleep(Duration::from_millis(400)).await;
    }
    assert!(asked() - before <= 1, "{} questions in two seconds", asked() - before);

    // A hint is enough to have the block at once; its content is read from the chain.
    running.advance(1).await.unwrap();
    feed.announce(Height(2));
    within(feed.reached(Height(2))).await.unwrap();

    // A hint of a block that the node does not have makes nothing up, and makes it ask until it is there.
    feed.announce(Height(3));
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(feed.height(), Height(2));
    running.advance(1).await.unwrap();
    within(feed.reached(Height(3))).await.unwrap();

    // The hints stop: within two block times it looks for itself.
    feed.announce(Height(3));
    running.advance(1).await.unwrap();
    within(feed.reached(Height(4))).await.unwrap();
    stop.cancel();
}
