use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use relay_core::address::Address;
use relay_core::chain::BlockFeed;
use relay_core::session::SessionHeader;
use relay_core::store::{Append, AppendOutcome, Appended, InstanceId, Stamp, Store, StoreError};
use relay_core::telemetry::Beat;
use relay_core::units::Height;
use tokio::sync::oneshot;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::lanes::Lanes;
use super::marks::{Hold, Marks};
use super::retained::{Batch, Retained};
use super::room::{Room, Spool};
use super::waiting::{Counterpart, Fate, GivenUp, Standing, Waiting};
use crate::books::{Books, Column};
use crate::config::{RecordingConfig, RecordingMode};

/// Marks are written this often; an instance that is silent for longer than the store's `dead_after` counts as dead.
const HEARTBEAT: Duration = Duration::from_secs(2);
const REVIEW: Duration = Duration::from_millis(250);
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Appends relays for all requests. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Publisher(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    store: Store,
    instance: InstanceId,
    config: RecordingConfig,
    books: Arc<Books>,
    spool: Arc<Spool>,
    marks: Arc<Marks>,
    lanes: Lanes<Item>,
    retained: Retained,
    /// Whether the last relay that waited gave up; strict recording refuses new ones until Redis answers again.
    stuck: AtomicBool,
}

#[derive(Debug)]
enum Item {
    First(Waiting),
    Again(Append, Hold),
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
    pub(crate) fn new(store: Store, config: RecordingConfig, books: Arc<Books>) -> Self {
        Self(Arc::new(Shared {
            store,
            instance: InstanceId::random(),
            books,
            spool: Spool::new(config.spool_bytes),
            marks: Arc::default(),
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

    fn push(&self, supplier: &Address, bytes: usize, item: Item) {
        if self.0.lanes.push(supplier, bytes, item) {
            let (publisher, supplier) = (self.clone(), supplier.clone());
            tokio::spawn(async move { publisher.drain(&supplier).await });
        }
    }

    /// Appends everything of one supplier, batch by batch, and ends when nothing is left. Never gives a relay up.
    async fn drain(&self, supplier: &Address) {
        loop {
            let mut batch = self.0.lanes.take(supplier);
            if batch.is_empty() {
                return;
            }
            let mut pause = FIRST_PAUSE;
            loop {
                // A relay that was withdrawn while it waited for Redis to come back is not sent.
                batch.retain(|item| match item {
                    Item::First(waiting) => waiting.standing.send(),
                    Item::Again(..) => true,
                });
                if batch.is_empty() {
                    break;
                }
                match self.append(supplier, &batch).await {
                    Ok(appended) => {
                        self.0.stuck.store(false, Ordering::Relaxed);
                        self.settle(supplier, batch, &appended.outcomes, appended.stamp);
                        break;
                    }
                    Err(error) => {
                        tracing::warn!(%supplier, relays = batch.len(), %error, "relays cannot be recorded; trying again");
                        tokio::time::sleep(pause).await;
                        pause = (pause * 2).min(LONGEST_PAUSE);
                    }
                }
            }
        }
    }

    async fn append(&self, supplier: &Address, batch: &[Item]) -> Result<Appended, StoreError> {
        let shared = &self.0;
        while shared.retained.is_full() {
            // Too much could be lost at once: wait until some of it is safe.
            self.review();
            if shared.retained.is_full() {
                tokio::time::sleep(REVIEW).await;
            }
        }
        if let Some(mark) = shared.marks.missing(supplier) {
            let marks = [(supplier.clone(), Some(mark))];
            shared.store.put_pending(&shared.instance, &marks).await?;
            shared.marks.wrote(&marks);
        }
        let relays: Vec<Append> = batch.iter().map(|item| item.append().clone()).collect();
        shared.store.append(supplier, &relays).await
    }

    fn settle(&self, supplier: &Address, batch: Vec<Item>, outcomes: &[AppendOutcome], stamp: Stamp) {
        let mut kept = Vec::with_capacity(batch.len());
        for (item, outcome) in batch.into_iter().zip(outcomes) {
            let fate = match outcome {
                AppendOutcome::Appended(_) => Fate::Appended,
                AppendOutcome::Late => Fate::Late,
            };
            let (mut append, hold) = match item {
                Item::First(waiting) => self.report(waiting, fate),
                Item::Again(append, hold) => {
                    let again = if fate == Fate::Appended { Column::AppendedAgain } else { Column::AgainLate };
                    self.0.books.add(again);
                    (append, hold)
                }
            };
            if let AppendOutcome::Appended(id) = outcome {
                append.earlier.get_or_insert(*id);
                kept.push((append, hold));
            }
        }
        if self.0.config.re_append && !kept.is_empty() {
            self.0.retained.keep(Batch { supplier: supplier.clone(), stamp, relays: kept });
        }
    }

    /// Tells the answer that waits, or corrects the books of the one that left.
    fn report(&self, waiting: Waiting, fate: Fate) -> (Append, Hold) {
        let books = &self.0.books;
        let column = match fate {
            Fate::Appended => Column::Appended,
            Fate::Late => Column::Late,
        };
        match waiting.standing.settle() {
            Counterpart::Waiting => books.add(column),
            Counterpart::Left => {
                books.add(column);
                books.take(Column::Unrecorded);
            }
            Counterpart::Withheld if fate == Fate::Appended => books.add(Column::AppendedWithheld),
            Counterpart::Withheld => {}
        }
        // Whoever waited may have left in the meantime.
        let _ = waiting.answer.send(fate);
        (waiting.append, waiting.room.hold())
    }

    fn review(&self) {
        let doubtful = self.0.retained.review(|stamp| self.0.store.confirmation(stamp));
        for batch in doubtful {
            tracing::warn!(supplier = %batch.supplier, relays = batch.relays.len(), "Redis may have lost relays: appending them again");
            for (append, hold) in batch.relays {
                self.push(&batch.supplier, append.relay.len(), Item::Again(append, hold));
            }
        }
    }

    /// Keeps marks fresh and forgets what is durable, until `stop`.
    pub(crate) async fn keep_watch(&self, feed: BlockFeed, beat: Beat, stop: CancellationToken) {
        let mut next_heartbeat = Instant::now() + HEARTBEAT;
        while !stop.is_cancelled() {
            beat.tick();
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(REVIEW) => {}
            }
            self.review();
            if Instant::now() >= next_heartbeat {
                next_heartbeat = Instant::now() + HEARTBEAT;
                self.write_marks(feed.height()).await;
            }
            if self.0.store.is_reachable() && self.0.lanes.is_idle() {
                // Nothing waits and Redis answers: strict recording may try again.
                self.0.stuck.store(false, Ordering::Relaxed);
            }
        }
    }

    async fn write_marks(&self, height: Height) {
        let marks = self.0.marks.current(height);
        if marks.is_empty() {
            return;
        }
        match self.0.store.put_pending(&self.0.instance, &marks).await {
            Ok(()) => self.0.marks.wrote(&marks),
            Err(error) => tracing::debug!(%error, "pending marks cannot be written; trying again"),
        }
    }

    /// Waits until everything is recorded and durable, or until the deadline. Then takes the marks back.
    pub(crate) async fn flush(&self, deadline: Instant) -> bool {
        let empty = loop {
            self.review();
            if self.0.lanes.is_idle() && self.0.retained.bytes() == 0 {
                break true;
            }
            if Instant::now() >= deadline {
                break false;
            }
            tokio::time::sleep(REVIEW.min(Duration::from_millis(20))).await;
        };
        if empty {
            let marks: Vec<_> =
                self.0.marks.current(Height(i64::MAX)).into_iter().map(|(who, _)| (who, None)).collect();
            // Without it the marks age out by themselves.
            if let Err(error) = self.0.store.put_pending(&self.0.instance, &marks).await {
                tracing::warn!(%error, "pending marks cannot be taken back; they expire by themselves");
            }
        }
        empty
    }

    /// Bytes reserved by relays in progress and unrecorded ones.
    pub(crate) fn spooled_bytes(&self) -> usize {
        self.0.spool.used()
    }

    /// Bytes of relays that are recorded, but not known to be durable.
    pub(crate) fn retained_bytes(&self) -> usize {
        self.0.retained.bytes()
    }

    /// The store, for readiness.
    pub(crate) fn store(&self) -> &Store {
        &self.0.store
    }
}

impl Item {
    fn append(&self) -> &Append {
        match self {
            Self::First(waiting) => &waiting.append,
            Self::Again(append, _) => append,
        }
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
