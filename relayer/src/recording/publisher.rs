use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use relay_core::address::Address;
use relay_core::session::SessionHeader;
use relay_core::store::{Append, InstanceId, Store};
use relay_core::units::Height;
use tokio::sync::oneshot;

use super::append::Item;
use super::lanes::Lanes;
use super::marks::Marks;
use super::retained::Retained;
use super::room::{Room, Spool};
use super::waiting::{Fate, GivenUp, Standing, Waiting};
use crate::books::{Books, Column};
use crate::config::{RecordingConfig, RecordingMode};
use crate::metrics::LogMetrics;

/// How often it is asked what has become durable.
pub(super) const REVIEW: Duration = Duration::from_millis(250);

/// Appends relays for all requests. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Publisher(pub(super) Arc<Shared>);

#[derive(Debug)]
pub(super) struct Shared {
    pub(super) store: Store,
    pub(super) instance: InstanceId,
    pub(super) config: RecordingConfig,
    pub(super) books: Arc<Books>,
    pub(super) metrics: LogMetrics,
    pub(super) spool: Arc<Spool>,
    pub(super) marks: Arc<Marks>,
    /// Held from reading the marks until Redis has them, so that an older one never overwrites a newer one.
    pub(super) marking: tokio::sync::Mutex<()>,
    /// When all of them were last written, in milliseconds of the store's clock; 0 for never.
    pub(super) marked_at: AtomicU64,
    pub(super) lanes: Lanes<Item>,
    pub(super) retained: Retained,
    /// Whether the last relay that waited gave up; strict recording refuses new ones until Redis answers again.
    pub(super) stuck: AtomicBool,
}

/// What became of a relay when its answer stopped waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Recorded {
    /// It is in the log.
    Appended,
    /// The log takes no more of its session.
    Late,
    /// It is in the spool, and the answer may leave.
    Spooled,
    /// The answer must not leave.
    Withheld,
}

impl Publisher {
    pub(crate) fn new(store: Store, config: RecordingConfig, books: Arc<Books>, metrics: LogMetrics) -> Self {
        Self(Arc::new(Shared {
            store,
            instance: InstanceId::random(),
            books,
            metrics,
            spool: Spool::new(config.spool_bytes),
            marks: Arc::default(),
            marking: tokio::sync::Mutex::default(),
            marked_at: AtomicU64::new(0),
            lanes: Lanes::default(),
            retained: Retained::new(config.retained_bytes),
            stuck: AtomicBool::new(false),
            config,
        }))
    }

    /// Makes room for a relay of at most `bytes`, before it is served. `None`: shed it.
    pub(crate) fn reserve(
        &self,
        supplier: &Address,
        session: &SessionHeader,
        admitted_until: Height,
        bytes: usize,
    ) -> Option<Room> {
        if self.0.config.mode == RecordingMode::Strict && self.0.stuck.load(Ordering::Relaxed) {
            return None;
        }
        let hold = self.0.marks.hold(supplier, session.end, admitted_until);
        self.0.spool.reserve(bytes, hold)
    }

    /// Records a relay. Returns when it is in the log, or when its answer need not wait any longer.
    pub(crate) async fn record(
        &self,
        room: Room,
        supplier: &Address,
        session: SessionHeader,
        relay: Bytes,
        arrival: Height,
    ) -> Recorded {
        let (answer, fate) = oneshot::channel();
        let standing = Standing::new();
        let bytes = relay.len();
        let append = Append { session, relay, arrival, earlier: None };
        let waiting = Waiting { append, standing: standing.clone(), answer, room };
        self.push(supplier, bytes, Item::First(waiting));
        self.wait(&standing, fate).await
    }

    async fn wait(&self, standing: &Standing, mut fate: oneshot::Receiver<Fate>) -> Recorded {
        let shared = &self.0;
        if let Ok(Ok(fate)) = tokio::time::timeout(shared.config.timeout.0, &mut fate).await {
            return fate.into();
        }
        let given_up = match shared.config.mode {
            RecordingMode::Bounded => {
                // Counted first: the publisher takes it off again as soon as it sees that the answer has left.
                shared.books.add(Column::Unrecorded);
                standing.leave()
            }
            RecordingMode::Strict => standing.withhold(),
        };
        match (given_up, shared.config.mode) {
            (GivenUp::Done, RecordingMode::Bounded) => Recorded::Spooled,
            (GivenUp::Done, RecordingMode::Strict) => {
                shared.stuck.store(true, Ordering::Relaxed);
                shared.books.add(Column::Withheld);
                Recorded::Withheld
            }
            // It was decided in this very moment; the publisher sends right after it has settled.
            (GivenUp::Settled, mode) => {
                if mode == RecordingMode::Bounded {
                    shared.books.take(Column::Unrecorded);
                }
                fate.await.map_or(Recorded::Late, Recorded::from)
            }
        }
    }

    /// Queues something, and sees to it that somebody appends it.
    pub(super) fn push(&self, supplier: &Address, bytes: usize, item: Item) {
        if self.0.lanes.push(supplier, bytes, item) {
            let (publisher, supplier) = (self.clone(), supplier.clone());
            tokio::spawn(async move { publisher.drain(&supplier).await });
        }
    }

    /// Bytes reserved by relays in progress and unrecorded ones.
    pub(crate) fn spooled_bytes(&self) -> usize {
        self.0.spool.used()
    }

    /// Bytes of relays that are recorded, but not known to be durable.
    pub(crate) fn retained_bytes(&self) -> usize {
        self.0.retained.bytes()
    }

    /// What this relayer is called in Redis.
    pub(crate) fn instance(&self) -> &InstanceId {
        &self.0.instance
    }

    /// When the marks by which others know that this relayer lives were last written, by the store's clock.
    pub(crate) fn marked_at(&self) -> Option<Duration> {
        let milliseconds = self.0.marked_at.load(Ordering::Acquire);
        (milliseconds > 0).then(|| Duration::from_millis(milliseconds))
    }

    /// The store, for readiness.
    pub(crate) fn store(&self) -> &Store {
        &self.0.store
    }
}

impl From<Fate> for Recorded {
    fn from(fate: Fate) -> Self {
        match fate {
            Fate::Appended => Self::Appended,
            Fate::Late => Self::Late,
        }
    }
}
