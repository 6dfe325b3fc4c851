//! Leases of many suppliers among a few members, on a real Redis. What owners do is left out: they only note that they are at
//! work, so that two at once would be seen.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use miner::config::LeaseSection;
use miner::metrics::OwnershipMetrics;
use miner::ownership::{Desk, End, HandedOver, Mandate, Means, Ownership, Tenure, Weighs, Work};
use miner::status::StatusBoard;
use relay_core::address::{Address, SecretKey};
use relay_core::clock::Clock;
use relay_core::config::Period;
use relay_core::keys::KeyRing;
use relay_core::store::{ChainIdentity, InstanceId, Store, StoreConfig, StoreError};
use relay_core::telemetry::Progress;
use relay_core::units::Height;
use testbed::Redis;
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Waits are generous: the machine may be busy.
pub(crate) const LIMIT: Duration = Duration::from_secs(90);

/// Who works for which supplier at this moment, and who ever did.
#[derive(Clone, Default)]
pub(crate) struct Ledger(Arc<Mutex<Entries>>);

#[derive(Default)]
struct Entries {
    working: BTreeMap<Address, Vec<(usize, Tenure)>>,
    /// Moments at which two had a tenure that lasted.
    doubles: Vec<Address>,
    begun: Vec<(usize, Address)>,
    remembered: usize,
}

impl Ledger {
    fn begin(&self, member: usize, supplier: &Address, tenure: &Tenure, memory: bool) {
        let mut entries = self.0.lock().unwrap();
        entries.remembered += usize::from(memory);
        entries.begun.push((member, supplier.clone()));
        let at_work = entries.working.entry(supplier.clone()).or_default();
        at_work.push((member, tenure.clone()));
        let lasting = at_work.iter().filter(|(_, tenure)| tenure.lasts(Duration::ZERO)).count();
        if lasting > 1 {
            entries.doubles.push(supplier.clone());
        }
    }

    fn end(&self, supplier: &Address, tenure: &Tenure) {
        let mut entries = self.0.lock().unwrap();
        if let Some(at_work) = entries.working.get_mut(supplier) {
            at_work.retain(|(_, one)| one.fence() != tenure.fence());
        }
    }

    /// Suppliers by the member that works for them now.
    pub(crate) fn owned(&self) -> BTreeMap<Address, usize> {
        let entries = self.0.lock().unwrap();
        let one = |(supplier, at_work): (&Address, &Vec<(usize, Tenure)>)| {
            let (member, _) = at_work.iter().find(|(_, tenure)| tenure.lasts(Duration::ZERO))?;
            Some((supplier.clone(), *member))
        };
        entries.working.iter().filter_map(one).collect()
    }

    pub(crate) fn owned_by(&self, member: usize) -> BTreeSet<Address> {
        self.owned().into_iter().filter(|(_, owner)| *owner == member).map(|(supplier, _)| supplier).collect()
    }

    /// How often work began.
    pub(crate) fn beginnings(&self) -> usize {
        self.0.lock().unwrap().begun.len()
    }

    pub(crate) fn begun(&self) -> Vec<(usize, Address)> {
        self.0.lock().unwrap().begun.clone()
    }

    /// How often work began with what the tenure before had left in memory.
    pub(crate) fn remembered(&self) -> usize {
        self.0.lock().unwrap().remembered
    }

    pub(crate) fn assert_never_two(&self) {
        assert_eq!(self.0.lock().unwrap().doubles, [], "two owners at once");
    }
}

/// Work that only notes itself.
pub(crate) struct Noting {
    pub(crate) member: usize,
    pub(crate) ledger: Ledger,
    /// What happens to a supplier's work, beside being noted.
    pub(crate) fate: Fate,
    pub(crate) deadlines: BTreeMap<Address, Height>,
}

#[derive(Clone, Default)]
pub(crate) enum Fate {
    #[default]
    Fine,
    Panics(Address),
    Fails(Address),
    /// It does not end when it is told to.
    Deaf(Address),
    /// Sessions are open until this is cancelled.
    OpenUntil(CancellationToken),
}

pub(crate) struct Mark;

impl Weighs for Mark {
    fn bytes(&self) -> usize {
        1
    }
}

/// Takes a note off when work is dropped, wherever it stands.
struct Note<'a>(&'a Ledger, &'a Address, &'a Tenure);

impl Drop for Note<'_> {
    fn drop(&mut self) {
        self.0.end(self.1, self.2);
    }
}

impl Work for Noting {
    type Memory = Mark;

    async fn deadlines(&self, suppliers: &[Address]) -> Result<Vec<Option<Height>>, StoreError> {
        Ok(suppliers.iter().map(|supplier| self.deadlines.get(supplier).copied()).collect())
    }

    async fn own(&self, mandate: Mandate<Mark>) -> End<Mark> {
        let Mandate { supplier, tenure, stop, memory, desk } = mandate;
        self.ledger.begin(self.member, &supplier, &tenure, memory.is_some());
        let _note = Note(&self.ledger, &supplier, &tenure);
        match &self.fate {
            Fate::Panics(whose) if *whose == supplier => panic!("the owner of {supplier} panics"),
            Fate::Fails(whose) if *whose == supplier => return End::Failed("as it must".to_owned()),
            _ => {}
        }
        match tenure.keep(self.work(&supplier, &stop, &desk)).await {
            Some(()) => End::Stopped,
            None => End::Lost { memory: Some(Mark), fenced: false },
        }
    }

    fn redis_changed(&self) {}
}

impl Noting {
    async fn work(&self, supplier: &Address, stop: &CancellationToken, desk: &Desk) {
        desk.caught_up();
        match &self.fate {
            Fate::Deaf(whose) if whose == supplier => std::future::pending().await,
            Fate::OpenUntil(over) => {
                desk.open_sessions(1);
                tokio::select! {
                    () = stop.cancelled() => {}
                    () = async { over.cancelled().await; desk.open_sessions(0); std::future::pending().await } => {}
                }
            }
            _ => {
                desk.open_sessions(0);
                stop.cancelled().await;
            }
        }
    }
}

/// Keys, a Redis, and who works for whom.
pub(crate) struct Fleet {
    pub(crate) redis: Redis,
    pub(crate) ring: Arc<KeyRing>,
    pub(crate) ledger: Ledger,
    pub(crate) leases: LeaseSection,
    born: usize,
}

/// One member in a runtime of its own, so that it can be killed with everything that it does.
pub(crate) struct Member {
    pub(crate) number: usize,
    runtime: Option<Runtime>,
    stop: CancellationToken,
    pub(crate) keys: watch::Sender<Arc<KeyRing>>,
    pub(crate) board: StatusBoard,
    pub(crate) metrics: OwnershipMetrics,
    running: JoinHandle<HandedOver>,
}

impl Member {
    /// As kill -9 does: nothing is given back, nobody is told.
    pub(crate) fn kill(mut self) {
        self.runtime.take().unwrap().shutdown_background();
    }

    /// As SIGTERM does.
    pub(crate) async fn stop(&mut self) -> HandedOver {
        self.stop.cancel();
        (&mut self.running).await.unwrap()
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

pub(crate) fn key(number: u16) -> SecretKey {
    SecretKey::from_hex(&format!("{:064x}", u64::from(number) + 1)).unwrap()
}

pub(crate) fn ring(numbers: impl Iterator<Item = u16>) -> Arc<KeyRing> {
    let mut ring = KeyRing::default();
    numbers.for_each(|number| ring.insert(key(number)));
    Arc::new(ring)
}

impl Fleet {
    pub(crate) async fn new(suppliers: u16) -> Self {
        let _ = tracing_subscriber::fmt().with_env_filter("info").with_test_writer().try_init();
        let leases = LeaseSection { settle: Period::from_secs(2), ..LeaseSection::default() };
        let redis = Redis::start().await.unwrap();
        Self { redis, ring: ring(0..suppliers), ledger: Ledger::default(), leases, born: 0 }
    }

    pub(crate) async fn store(&self) -> Store {
        let config = StoreConfig {
            url: self.redis.url(),
            prefix: "fleet".to_owned(),
            lease: self.leases.ttl,
            ..StoreConfig::default()
        };
        let chain = ChainIdentity { chain_id: "pocket".to_owned(), genesis_hash: "AB01".to_owned() };
        Store::open(config, chain).await.unwrap()
    }

    pub(crate) async fn join(&mut self) -> Member {
        self.join_with(Fate::Fine, BTreeMap::new()).await
    }

    pub(crate) async fn join_with(&mut self, fate: Fate, deadlines: BTreeMap<Address, Height>) -> Member {
        let number = self.born;
        self.born += 1;
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let (keys, ring) = watch::channel(self.ring.clone());
        let (board, metrics) = (StatusBoard::default(), OwnershipMetrics::default());
        let means = |store| Means {
            store,
            clock: Clock::system(),
            name: format!("member-{number}"),
            ring,
            metrics: metrics.clone(),
            board: board.clone(),
        };
        let work = Noting { member: number, ledger: self.ledger.clone(), fate, deadlines };
        let stop = CancellationToken::new();
        // Its connection lives in its own runtime, and dies with it.
        let config = self.store().await.config().clone();
        let (leases, stopped) = (self.leases.clone(), stop.clone());
        let chain = ChainIdentity { chain_id: "pocket".to_owned(), genesis_hash: "AB01".to_owned() };
        let (give, opened) = tokio::sync::oneshot::channel();
        runtime.spawn(async move { give.send(Store::open(config, chain).await.unwrap()).unwrap_or_default() });
        let store = opened.await.unwrap();
        let beat = Progress::default().watch("leases", Duration::from_mins(1));
        let incarnation = store.watch_incarnation();
        let ownership = Ownership::over(work, means(store), leases, InstanceId::random());
        let running = runtime.spawn(ownership.run(incarnation, beat, stopped));
        Member { number, runtime: Some(runtime), stop, keys, board, metrics, running }
    }

    /// Waits until the owners are as wanted.
    pub(crate) async fn until(&self, what: &str, wanted: impl Fn(&BTreeMap<Address, usize>) -> bool) -> Duration {
        let began = Instant::now();
        loop {
            let owned = self.ledger.owned();
            if wanted(&owned) {
                return began.elapsed();
            }
            let count = |member| owned.values().filter(|owner| **owner == member).count();
            let counts: Vec<_> = (0..self.born).map(count).collect();
            assert!(began.elapsed() < LIMIT, "{what}: members own {counts:?} of {}", self.ring.len());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub(crate) async fn until_all_owned(&self) -> Duration {
        self.until("all are owned", |owned| owned.len() == self.ring.len()).await
    }

    /// Waits until each of these members, and nobody else, owns what it should.
    pub(crate) async fn until_spread_over(&self, members: &[&Member]) -> Duration {
        let settled = |member: &&Member| {
            let fleet = member.board.fleet();
            fleet.members.len() == members.len() && fleet.owned == fleet.wanted && fleet.owned > 0
        };
        let shares = || members.iter().map(|member| member.board.fleet().owned).sum::<usize>();
        self.until("suppliers are spread", |owned| {
            owned.len() == self.ring.len() && members.iter().all(settled) && shares() == owned.len()
        })
        .await
    }
}

/// Calls of each command since the server started.
pub(crate) async fn commands(redis: &Redis) -> BTreeMap<String, u64> {
    let stats = say(redis, "INFO commandstats").await;
    let line = |line: &str| {
        let (name, rest) = line.strip_prefix("cmdstat_")?.split_once(":calls=")?;
        Some((name.to_owned(), rest.split(',').next()?.parse().ok()?))
    };
    stats.lines().filter_map(line).collect()
}

/// A command past the store, and the bytes of its answer.
pub(crate) async fn say(redis: &Redis, command: &str) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut socket = tokio::net::TcpStream::connect(("127.0.0.1", redis.port())).await.unwrap();
    socket.write_all(format!("{command}\r\nQUIT\r\n").as_bytes()).await.unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.unwrap();
    answer
}
