//! What a relay costs the miner, from the log into the trie, and what it costs Redis to keep it.
//!
//! A plain program: it starts a real redis-server, appends relays as a relayer does, reads them as an owner does, and prints
//! each figure with its target. `cargo bench -p miner --bench intake`, or with `-- <relays>` for another number than 10^6.

#![allow(missing_docs, clippy::unwrap_used, clippy::cast_precision_loss, reason = "a measurement fails by panicking")]

mod machine;
mod relays;

use std::time::{Duration, Instant};

use miner::config::IntakeSection;
use miner::intake::{HeadPoller, Heads, Intake, Log, ReadGate, Reading, Terms, read};
use miner::metrics::{IntakeMetrics, Metrics};
use relay_core::relay::Target;
use relay_core::session::SessionHeader;
use relay_core::store::{ChainIdentity, Store, StoreConfig};
use relay_core::telemetry::Progress;
use relay_core::units::{ComputeUnits, Height};
use testbed::Redis;
use tokio_util::sync::CancellationToken;

use machine::Spent;
use relays::Mint;

/// Bytes of a relay.
const RELAY: usize = 1024;
/// Relays of the runs that are not a rebuild.
const SOME: usize = 200_000;
/// Sessions that are read side by side.
const SESSIONS: usize = 8;

struct Bench {
    redis: Redis,
    store: Store,
    mint: Mint,
    metrics: IntakeMetrics,
    gate: ReadGate,
}

fn main() {
    let rebuild = std::env::args().find_map(|argument| argument.parse().ok()).unwrap_or(1_000_000);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    println!("{:<58} {:>12} {:>12}", "", "measured", "target");
    runtime.block_on(async {
        let large = Bench::start(&[("stream-node-max-bytes", "65536")]).await;
        large.rebuild(rebuild).await;
        large.side_by_side().await;
        large.as_they_come().await;
        drop(large);
        let defaults = Bench::start(&[]).await;
        let (header, per_byte) = defaults.fill("defaults", SOME).await;
        figure("Redis memory a relay byte, defaults", per_byte, Some(("at most", 1.3)));
        defaults.read_one("defaults", &header, SOME).await;
    });
}

fn figure(what: &str, measured: f64, target: Option<(&str, f64)>) {
    let target = target.map(|(relation, bound)| format!("{relation} {bound}")).unwrap_or_default();
    println!("{what:<58} {measured:>12.4} {target:>16}");
}

impl Bench {
    async fn start(options: &[(&str, &str)]) -> Self {
        let redis = Redis::start_with(options).await.unwrap();
        let chain = ChainIdentity { chain_id: "bench".into(), genesis_hash: "00".into() };
        let config = StoreConfig { url: redis.url(), prefix: "bench".into(), ..StoreConfig::default() };
        let store = Store::open(config, chain).await.unwrap();
        let metrics = Metrics::register(&mut prometheus_client::registry::Registry::default()).intake;
        let gate = ReadGate::for_this_machine(&IntakeSection::default(), metrics.clone());
        Self { redis, store, mint: Mint::new(RELAY), metrics, gate }
    }

    /// Appends relays of one session. Gives it, and Redis' memory for each byte of a relay.
    async fn fill(&self, id: &str, count: usize) -> (SessionHeader, f64) {
        let session = self.mint.session(id);
        let before = machine::redis_memory(self.redis.port());
        for from in (0..count).step_by(2_048) {
            let relays = session.relays(from, 2_048.min(count - from));
            assert!(relays.iter().all(|append| append.relay.len() == RELAY));
            self.store.append(self.mint.supplier(), &relays).await.unwrap();
        }
        let used = machine::redis_memory(self.redis.port()) - before;
        (session.header, used as f64 / (count * RELAY) as f64)
    }

    fn intake(&self, header: &SessionHeader) -> Intake {
        let terms = Terms {
            supplier: self.mint.supplier().clone(),
            header: header.clone(),
            target: Target([0xff; 32]),
            largest_relay: 512 << 10,
        };
        Intake::new(terms, ComputeUnits(100))
    }

    async fn read_all(&self, header: &SessionHeader, count: usize) -> Intake {
        let mut intake = self.intake(header);
        self.read_on(&mut intake, count).await;
        assert_eq!(intake.tally().leaves, count as u64, "every relay is a leaf");
        intake
    }

    /// As an owner reads: in slices.
    async fn read_on(&self, intake: &mut Intake, appended: usize) {
        let header = intake.header().clone();
        let log = Log {
            supplier: self.mint.supplier().clone(),
            session: header.id.clone(),
            appended: appended as u64,
            deadline: Height(1),
            since: std::time::SystemTime::UNIX_EPOCH,
        };
        let metrics = self.metrics.of_log(&log.supplier, &header.service);
        loop {
            let until = tokio::time::Instant::now() + Duration::from_millis(250);
            let reading = read(&self.store, &self.gate, &metrics, &log, intake, until).await.unwrap();
            if reading == Reading::AtEnd {
                return;
            }
        }
    }

    /// One session, alone, from nothing, and its root.
    async fn rebuild(&self, count: usize) {
        let (header, per_byte) = self.fill("rebuild", count).await;
        figure("Redis memory a relay byte, stream-node-max-bytes 65536", per_byte, Some(("at most", 1.2)));
        let commands = machine::redis_commands(self.redis.port());
        let resident = machine::resident();
        let (began, spent) = (Instant::now(), Spent::now());
        let mut intake = self.read_all(&header, count).await;
        let read = (began.elapsed(), spent.elapsed());
        let root = intake.trie().root();
        let (whole, processor) = (began.elapsed(), spent.elapsed());
        let commands = machine::redis_commands(self.redis.port()) - commands;
        assert_eq!(root.count(), count as u64);
        println!("rebuild of {count} relays");
        figure("  seconds", whole.as_secs_f64(), Some(("at most", 20.0 * count as f64 / 1e6)));
        figure("  processor seconds", processor.as_secs_f64(), None);
        figure("  seconds for the root alone", whole.saturating_sub(read.0).as_secs_f64(), None);
        cost(read, count);
        figure("  Redis commands a relay", commands as f64 / count as f64, Some(("at most", 0.01)));
        figure("  bytes of memory a relay", intake.bytes() as f64 / count as f64, Some(("at most", 200.0)));
        figure("  bytes of resident memory a relay", (machine::resident() - resident) as f64 / count as f64, None);
    }

    /// Many sessions at once, on all processors.
    async fn side_by_side(&self) {
        let mut headers = Vec::new();
        for session in 0..SESSIONS {
            headers.push(self.fill(&format!("side-{session}"), SOME / SESSIONS).await.0);
        }
        let (began, spent) = (Instant::now(), Spent::now());
        let reads = headers.iter().map(|header| self.read_all(header, SOME / SESSIONS));
        futures::future::join_all(reads).await;
        println!("{SESSIONS} sessions of {} relays side by side", SOME / SESSIONS);
        cost((began.elapsed(), spent.elapsed()), SOME);
    }

    /// Relays that are appended while they are read, found by the poller.
    async fn as_they_come(&self) {
        let heads = Heads::default();
        let section = IntakeSection::default();
        let stop = CancellationToken::new();
        let poller = HeadPoller::new(self.store.clone(), heads.clone(), &section, self.metrics.clone());
        let poller = tokio::spawn(poller.run(Progress::default().watch("heads", Duration::from_mins(1)), stop.clone()));
        let session = self.mint.session("come");
        let mut subscription = heads.subscribe(self.mint.supplier());
        let mut intake = self.intake(&session.header);
        let (mut spent, mut commands) = (Duration::ZERO, 0);
        let rounds = 5;
        let count = SOME / 10;
        for round in 1..=rounds {
            let before = machine::redis_commands(self.redis.port());
            let relays = session.relays((round - 1) * count, count);
            self.store.append(self.mint.supplier(), &relays).await.unwrap();
            let appending = machine::redis_commands(self.redis.port()) - before;
            let cpu = Spent::now();
            let wanted = (round * count) as u64;
            while subscription.latest().is_none_or(|heads| {
                !heads.iter().any(|summary| summary.header.id == session.header.id && summary.appended >= wanted)
            }) {
                subscription.changed().await;
            }
            self.read_on(&mut intake, round * count).await;
            spent += cpu.elapsed();
            commands += machine::redis_commands(self.redis.port()) - before - appending;
        }
        stop.cancel();
        poller.await.unwrap();
        assert_eq!(intake.tally().leaves, (rounds * count) as u64);
        println!("{count} relays in each round of the poller, as they come");
        let all = (rounds * count) as f64;
        figure("  processor time a relay, µs", spent.as_secs_f64() * 1e6 / all, Some(("at most", 8.0)));
        figure("  Redis commands a relay", commands as f64 / all, Some(("at most", 0.01)));
    }

    async fn read_one(&self, name: &str, header: &SessionHeader, count: usize) {
        let (began, spent) = (Instant::now(), Spent::now());
        self.read_all(header, count).await;
        println!("{count} relays, {name}");
        cost((began.elapsed(), spent.elapsed()), count);
    }
}

fn cost((wall, processor): (Duration, Duration), count: usize) {
    let micros = processor.as_secs_f64() * 1e6 / count as f64;
    figure("  processor time a relay, µs", micros, Some(("at most", 8.0)));
    figure("  relays a second and processor", 1e6 / micros, Some(("at least", 100_000.0)));
    figure("  relays a second on this machine", count as f64 / wall.as_secs_f64(), None);
}
