//! Reading logs: what it asks of Redis, what stops it, and what does not.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use miner::config::IntakeSection;
use miner::intake::{self, Heads, Intake, Log, ReadGate, Reading, Refusal, Subscription, Terms};
use miner::metrics::Metrics;
use prometheus_client::encoding::prometheus_text;
use prometheus_client::registry::Registry;
use prost::Message;
use relay_core::address::Address;
use relay_core::proto::pocket::service::{
    Relay, RelayRequest, RelayRequestMetadata, RelayResponse, RelayResponseMetadata,
};
use relay_core::relay::Target;
use relay_core::session::SessionHeader;
use relay_core::store::{Acquisition, Append, ChainIdentity, InstanceId, Store, StoreConfig};
use relay_core::telemetry::Progress;
use relay_core::units::{ComputeUnits, Height};
use serde_json::json;
use testbed::Redis;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

const PATIENCE: Duration = Duration::from_mins(1);

/// A Redis and what a process needs to read from it.
struct Reader {
    redis: Redis,
    store: Store,
    registry: Registry,
    metrics: Metrics,
    progress: Progress,
    heads: Heads,
    gate: ReadGate,
    stop: CancellationToken,
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

fn section() -> IntakeSection {
    serde_json::from_value(json!({"poll": "50ms", "pollNearClose": "50ms"})).unwrap()
}

impl Reader {
    async fn start() -> Self {
        let redis = Redis::start().await.unwrap();
        let chain = ChainIdentity { chain_id: "test".into(), genesis_hash: "00".into() };
        let config = StoreConfig { url: redis.url(), prefix: "test".into(), ..StoreConfig::default() };
        let store = Store::open(config, chain).await.unwrap();
        let mut registry = Registry::default();
        let metrics = Metrics::register(&mut registry);
        let (progress, stop) = (Progress::default(), CancellationToken::new());
        let (heads, gate) = intake::start(&section(), &store, &metrics.intake, &progress, &stop);
        Self { redis, store, registry, metrics, progress, heads, gate, stop }
    }

    async fn append(&self, supplier: u8, session: &str, relays: impl IntoIterator<Item = Bytes>) {
        let append = |relay| Append { session: header(session), relay, arrival: Height(2), earlier: None };
        let relays: Vec<Append> = relays.into_iter().map(append).collect();
        self.store.append(&address(supplier), &relays).await.unwrap();
    }

    /// Waits until the poller says that a session has so many entries at least.
    async fn grown(&self, heads: &mut Subscription, session: &str, appended: u64) {
        let wanted = async {
            loop {
                let latest = heads.latest();
                let has = |summary: &relay_core::store::SessionSummary| {
                    summary.header.id.as_str() == session && summary.appended >= appended
                };
                if latest.is_some_and(|heads| heads.iter().any(has)) {
                    return;
                }
                heads.changed().await;
            }
        };
        timeout(PATIENCE, wanted).await.expect("the poller finds what was appended");
    }

    async fn read(&self, supplier: u8, intake: &mut Intake, until: Instant) -> Reading {
        let log = log(supplier, intake);
        let metrics = self.metrics.intake.of_log(&log.supplier, &"svc".into());
        intake::read(&self.store, &self.gate, &metrics, &log, intake, until).await.unwrap()
    }

    async fn read_all(&self, supplier: u8, session: &str) -> Intake {
        let mut intake = unread(supplier, session);
        assert_eq!(self.read(supplier, &mut intake, Instant::now() + PATIENCE).await, Reading::AtEnd);
        intake
    }

    fn metric(&self, name: &str) -> u64 {
        let mut text = String::new();
        prometheus_text::encode(&mut text, &self.registry).unwrap();
        text.lines()
            .filter(|line| !line.starts_with('#') && line.starts_with(name))
            .map(|line| line.rsplit_once(' ').unwrap().1.parse::<u64>().unwrap())
            .sum()
    }

    /// Calls of these commands since Redis started.
    fn calls(&self, commands: &[&str]) -> u64 {
        let text = raw(&self.redis, "INFO commandstats");
        let counted = |line: &str| {
            let (name, rest) = line.strip_prefix("cmdstat_")?.split_once(":calls=")?;
            commands.contains(&name).then(|| rest.split(',').next()?.parse::<u64>().ok()).flatten()
        };
        text.lines().filter_map(counted).sum()
    }
}

/// A command past the store.
fn raw(redis: &Redis, command: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", redis.port())).unwrap();
    stream.write_all(format!("{command}\r\nQUIT\r\n").as_bytes()).unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text
}

fn address(number: u8) -> Address {
    Address::from_payload(&[number; 20]).unwrap()
}

fn header(id: &str) -> SessionHeader {
    SessionHeader { application: address(200), service: "svc".into(), id: id.into(), start: Height(1), end: Height(10) }
}

fn unread(supplier: u8, session: &str) -> Intake {
    let terms = Terms {
        supplier: address(supplier),
        header: header(session),
        target: Target([0xff; 32]),
        largest_relay: 512 << 10,
    };
    Intake::new(terms, ComputeUnits(7))
}

fn log(supplier: u8, intake: &Intake) -> Log {
    let session = intake.header().id.clone();
    let since = SystemTime::UNIX_EPOCH;
    Log { supplier: address(supplier), session, appended: u64::MAX, deadline: Height(20), since }
}

/// A relay whose signatures nobody looks at here, about `size` bytes long.
fn relay(number: usize, supplier: u8, session: &str, size: usize) -> Bytes {
    let header = Some((&header(session)).into());
    let request = RelayRequest {
        meta: Some(RelayRequestMetadata {
            session_header: header.clone(),
            signature: vec![1; 64],
            supplier_operator_address: address(supplier).as_str().to_owned(),
        }),
        payload: [number.to_be_bytes().to_vec(), vec![0; size]].concat().into(),
    };
    let meta = RelayResponseMetadata { session_header: header, supplier_operator_signature: vec![2; 64] };
    let response = RelayResponse { meta: Some(meta), payload_hash: vec![3; 32], ..RelayResponse::default() };
    Relay { req: Some(request), res: Some(response) }.encode_to_vec().into()
}

fn relays(count: usize, supplier: u8, session: &str) -> Vec<Bytes> {
    (0..count).map(|number| relay(number, supplier, session, 10)).collect()
}

// rule: C-01, C-03, W-08
#[tokio::test(flavor = "multi_thread")]
async fn a_log_is_found_when_it_grows_and_before_it_exists() {
    let reader = Reader::start().await;
    let mut heads = reader.heads.subscribe(&address(1));
    timeout(PATIENCE, heads.changed()).await.expect("an answer about nothing");
    assert!(heads.latest().unwrap().is_empty());
    assert_eq!(reader.read_all(1, "none").await.tally().entries, 0, "a log that was never written is an empty one");
    reader.append(1, "s", relays(3, 1, "s")).await;
    reader.grown(&mut heads, "s", 3).await;
    let mut intake = reader.read_all(1, "s").await;
    reader.append(1, "s", [relay(3, 1, "s", 10)]).await;
    reader.grown(&mut heads, "s", 4).await;
    assert_eq!(reader.read(1, &mut intake, Instant::now() + PATIENCE).await, Reading::AtEnd);
    assert_eq!(intake.tally().leaves, 4);
}

// rule: C-17, W-07, W-08
#[tokio::test(flavor = "multi_thread")]
async fn what_the_poller_asks_does_not_grow_with_relays_and_reading_asks_once_for_hundreds() {
    const RELAYS: usize = 20_000;
    let reader = Reader::start().await;
    let mut heads = reader.heads.subscribe(&address(1));
    timeout(PATIENCE, heads.changed()).await.unwrap();
    let polls = |reader: &Reader| reader.calls(&["hgetall"]);
    // So many rounds of the poller with an empty log, and with a large one, ask the same.
    let rounds = async || {
        let (polls_before, all_before) = (polls(&reader), reader.calls(&["hgetall", "xrange", "xlen", "scan", "keys"]));
        let deadline = Instant::now() + PATIENCE;
        while polls(&reader) < polls_before + 20 {
            assert!(Instant::now() < deadline, "the poller stands still");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let (polls, all) =
            (polls(&reader) - polls_before, reader.calls(&["hgetall", "xrange", "xlen", "scan", "keys"]) - all_before);
        assert!(all.abs_diff(polls) <= 2, "only heads are asked for: {polls} {all}");
    };
    rounds().await;
    reader.append(1, "s", relays(RELAYS, 1, "s")).await;
    reader.grown(&mut heads, "s", RELAYS as u64).await;
    rounds().await;
    let written = reader.calls(&["hset", "set", "sadd", "expire", "xack", "xdel", "hincrby"]);
    let intake = reader.read_all(1, "s").await;
    assert_eq!(intake.tally().leaves, RELAYS as u64);
    let reads = reader.calls(&["xrange"]);
    assert!(reads * 100 <= RELAYS as u64, "{reads} reads for {RELAYS} relays");
    let writes = reader.calls(&["hset", "set", "sadd", "expire", "xack", "xdel", "hincrby"]) - written;
    assert_eq!(writes, 0, "nothing is written for a relay that is read");
    assert_eq!(reader.calls(&["scan", "keys"]), 0);
}

// rule: W-08
#[tokio::test(flavor = "multi_thread")]
async fn one_round_serves_hundreds_of_suppliers() {
    let reader = Reader::start().await;
    let mut all: Vec<Subscription> = (0..250_u8).map(|number| reader.heads.subscribe(&address(number))).collect();
    reader.append(240, "s", relays(2, 240, "s")).await;
    reader.grown(&mut all[240], "s", 2).await;
    let connections = raw(&reader.redis, "INFO clients");
    let connected = connections.lines().find_map(|line| line.strip_prefix("connected_clients:")).unwrap();
    assert!(connected.trim().parse::<u32>().unwrap() <= 12, "{connected}, of which one asks for this number");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_supplier_whose_keys_are_broken_hides_no_other() {
    let reader = Reader::start().await;
    let mut heads = reader.heads.subscribe(&address(1));
    let _broken = reader.heads.subscribe(&address(2));
    raw(&reader.redis, &format!("SET {} x", reader.store.keys().sessions(&address(2))));
    reader.append(1, "s", relays(3, 1, "s")).await;
    reader.grown(&mut heads, "s", 3).await;
    let deadline = Instant::now() + PATIENCE;
    while reader.metric("ha_miner_head_polls_failed_total") == 0 {
        assert!(Instant::now() < deadline, "it is counted");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    reader.append(1, "s", [relay(3, 1, "s", 10)]).await;
    reader.grown(&mut heads, "s", 4).await;
}

// rule: C-08, H-20, M-10, O-04
#[tokio::test(flavor = "multi_thread")]
async fn poison_is_counted_by_reason_and_passed_over() {
    let reader = Reader::start().await;
    let poison = [
        relay(1, 2, "s", 10),
        relay(2, 1, "other", 10),
        Bytes::from_static(b"\xff\xff"),
        Bytes::new(),
        relay(3, 1, "s", 600 << 10),
    ];
    let good = relays(5, 1, "s");
    reader.append(1, "s", good[..3].iter().cloned().chain(poison).chain(good[1..].iter().cloned())).await;
    // Not written by an append of ours: no field of it is known.
    let key = reader.store.keys().log(&address(1), &"s".into());
    raw(&reader.redis, &format!("XADD {key} * data x"));
    let tally = reader.read_all(1, "s").await.tally();
    assert_eq!((tally.entries, tally.leaves, tally.duplicates, tally.unclaimable), (13, 5, 2, 6));
    let rejected = |reason: &str| {
        let label = format!("supplier=\"{}\",service_id=\"svc\",reason=\"{reason}\"", address(1));
        reader.metric(&format!("ha_miner_relays_rejected_total{{{label}}}"))
    };
    let counts = [
        Refusal::ForeignSupplier.name(),
        Refusal::ForeignSession.name(),
        Refusal::Undecodable.name(),
        Refusal::TooLarge.name(),
        "duplicate",
    ]
    .map(rejected);
    assert_eq!(counts, [1, 1, 3, 1, 2]);
    assert_eq!(reader.metric("ha_miner_relays_consumed_from_stream_total"), 13);
    assert_eq!(reader.metric("ha_miner_relays_added_to_smst_total"), 5);
    assert_eq!(reader.metric("ha_transport_redis_consumed_total"), 13);
    assert_eq!(reader.metric("ha_transport_redis_end_to_end_latency_seconds_count"), 13);
}

// rule: C-05, H-18
#[tokio::test(flavor = "multi_thread")]
async fn two_suppliers_of_one_session_have_logs_and_tries_of_their_own() {
    let reader = Reader::start().await;
    reader.append(1, "s", relays(5, 1, "s")).await;
    reader.append(2, "s", relays(7, 2, "s")).await;
    let (mut one, mut two) = (reader.read_all(1, "s").await, reader.read_all(2, "s").await);
    assert_eq!((one.tally().leaves, two.tally().leaves), (5, 7));
    assert_ne!(one.trie().root(), two.trie().root());
}

// rule: C-04, O-05, W-01
#[tokio::test(flavor = "multi_thread")]
async fn what_one_reader_had_the_next_one_reads_again() {
    let reader = Reader::start().await;
    reader.append(1, "s", relays(5_000, 1, "s")).await;
    let mut first = reader.read_all(1, "s").await;
    let mut given_up = unread(1, "s");
    // A reader that ends at any moment has taken nothing out of the log.
    let half = reader.read(1, &mut given_up, Instant::now());
    drop(timeout(Duration::from_millis(1), half).await);
    drop(given_up);
    let mut second = reader.read_all(1, "s").await;
    assert_eq!(first.trie().root(), second.trie().root());
    assert_eq!(first.tally(), second.tally());
}

// rule: W-14
#[tokio::test(flavor = "multi_thread")]
async fn large_relays_are_read_few_at_a_time_and_the_bytes_in_flight_are_given_back() {
    let reader = Reader::start().await;
    let large: Vec<Bytes> = (0..60).map(|number| relay(number, 1, "s", 500 << 10)).collect();
    for piece in large.chunks(8) {
        reader.append(1, "s", piece.iter().cloned()).await;
    }
    assert_eq!(reader.read_all(1, "s").await.tally().leaves, 60);
    let reads = reader.calls(&["xrange"]);
    assert!(reads >= 10, "{reads} reads of 30 MB");
    assert_eq!(reader.metric("ha_miner_intake_bytes_in_flight"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_log_lets_one_pass_that_is_due_earlier() {
    const LARGE: usize = 40_000;
    let reader = Reader::start().await;
    reader.append(1, "large", relays(LARGE, 1, "large")).await;
    reader.append(1, "small", relays(300, 1, "small")).await;
    let gate = ReadGate::new(64 << 20, 1, reader.metrics.intake.clone());
    let metrics = reader.metrics.intake.of_log(&address(1), &"svc".into());
    let (store, large_gate, large_metrics) = (reader.store.clone(), gate.clone(), metrics.clone());
    let large = tokio::spawn(async move {
        let mut intake = unread(1, "large");
        let log = Log { deadline: Height(50), ..log(1, &intake) };
        let until = Instant::now() + PATIENCE;
        intake::read(&store, &large_gate, &large_metrics, &log, &mut intake, until).await.unwrap();
        intake.tally().leaves
    });
    while reader.metric("ha_miner_relays_consumed_from_stream_total") == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let mut intake = unread(1, "small");
    let log = Log { deadline: Height(20), ..log(1, &intake) };
    let until = Instant::now() + PATIENCE;
    let reading = intake::read(&reader.store, &gate, &metrics, &log, &mut intake, until).await.unwrap();
    assert!(!large.is_finished(), "it did not have to wait for the whole of it");
    assert_eq!((reading, intake.tally().leaves), (Reading::AtEnd, 300));
    assert_eq!(large.await.unwrap(), LARGE as u64);
}

// rule: I-17
#[tokio::test(flavor = "multi_thread")]
async fn a_reader_stops_when_its_time_is_up_and_goes_on_where_it_stood() {
    let reader = Reader::start().await;
    reader.append(1, "s", relays(3_000, 1, "s")).await;
    let mut intake = unread(1, "s");
    let mut slices = 0;
    while reader.read(1, &mut intake, Instant::now()).await == Reading::More {
        slices += 1;
        assert!(intake.tally().entries >= slices, "each slice brings something");
    }
    assert!(slices > 2, "{slices}");
    assert_eq!(intake.tally().leaves, 3_000);
}

// rule: M-06, M-10
#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_is_away_takes_nothing_from_what_is_known() {
    let mut reader = Reader::start().await;
    let mut heads = reader.heads.subscribe(&address(1));
    reader.append(1, "s", relays(3, 1, "s")).await;
    reader.grown(&mut heads, "s", 3).await;
    let mut intake = reader.read_all(1, "s").await;
    reader.redis.kill().await.unwrap();
    let deadline = Instant::now() + PATIENCE;
    while reader.metric("ha_miner_head_polls_failed_total") < 2 {
        assert!(Instant::now() < deadline, "failures are counted");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(heads.latest().unwrap()[0].appended, 3, "without an answer nothing changes");
    let log = log(1, &intake);
    let metrics = reader.metrics.intake.of_log(&log.supplier, &"svc".into());
    let until = Instant::now() + PATIENCE;
    let failed = intake::read(&reader.store, &reader.gate, &metrics, &log, &mut intake, until).await;
    assert!(failed.unwrap_err().is_transient());
    assert_eq!(intake.tally().leaves, 3);
    assert!(reader.progress.stalled().is_empty(), "the poller itself goes on");
    reader.redis.restart().await.unwrap();
    let deadline = Instant::now() + PATIENCE;
    let more = Append { session: header("s"), relay: relay(3, 1, "s", 10), arrival: Height(2), earlier: None };
    while reader.store.append(&address(1), std::slice::from_ref(&more)).await.is_err() {
        assert!(Instant::now() < deadline, "Redis is back");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    reader.grown(&mut heads, "s", 4).await;
    assert_eq!(reader.read(1, &mut intake, Instant::now() + PATIENCE).await, Reading::AtEnd);
    assert_eq!(intake.tally().leaves, 4);
    assert_eq!(reader.metric("ha_miner_intake_bytes_in_flight"), 0);
}

// rule: C-02, C-13, C-35, H-23
#[tokio::test(flavor = "multi_thread")]
async fn neither_reading_nor_writing_a_record_changes_the_log_or_its_count() {
    let reader = Reader::start().await;
    reader.append(1, "s", relays(10, 1, "s")).await;
    let Acquisition::Acquired(lease) = reader.store.acquire(&address(1), &InstanceId::random()).await.unwrap() else {
        panic!("nobody else is there")
    };
    for round in 0..3 {
        reader.read_all(1, "s").await;
        reader.store.put_record(&lease.fence, &address(1), &"s".into(), &json!({"round": round})).await.unwrap();
        let heads = reader.store.poll(&[address(1)]).await.unwrap();
        assert_eq!(heads[0].sessions[0].appended, 10);
        assert_eq!(reader.store.log_length(&address(1), &"s".into()).await.unwrap(), 10);
    }
    reader.store.finish(&lease.fence, &address(1), &"s".into()).await.unwrap();
    assert_eq!(reader.store.log_length(&address(1), &"s".into()).await.unwrap(), 0, "it goes when its session is over");
}
