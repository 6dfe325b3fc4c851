//! Waiting until everything written so far is on disk.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures::future::try_join_all;
use redis::Pipeline;
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep};
use tokio::try_join;
use tracing::warn;

use super::copies::Copies;
use super::incarnation::{is_syncing, sections, trouble};
use super::link::{Access, Link, Part, tag};
use super::{Keys, Store, StoreError};

const POLL: Duration = Duration::from_millis(100);
/// Beyond the usual wait. A disk that needs longer is broken or hopelessly busy.
const PATIENCE: Duration = Duration::from_secs(10);
/// What `WAITAOF` waits at most: Redis syncs every second.
const CONFIRM_LIMIT: Duration = Duration::from_secs(5);

/// How the server brings writes to disk, and how we know. The surest last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Syncing {
    /// Not at all, or when the system likes.
    Unproven,
    /// Every second; that it worked shows in its figures.
    EverySecond,
    /// It says when.
    Confirmed,
    /// Before it answers.
    Always,
}

/// How sure a barrier is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// Redis said so.
    Confirmed,
    /// Enough time has passed, without an error of the append-only file.
    Waited,
    /// Redis is not set up to be durable, as the start-up checks warned; or no replica holds it that could take over.
    Unproven,
}

/// Waits for durability. `WAITAOF` and `WAIT` block a connection, so it has one of its own.
#[derive(Debug)]
pub(super) struct Barrier {
    link: Link,
    keys: Keys,
    syncing: Syncing,
    usual_wait: Duration,
    copies: Copies,
    /// Rounds of confirmation begun and ended. Who comes while one runs needs the next, and shares it.
    begun: AtomicU64,
    ended: Mutex<Option<(u64, bool)>>,
}

impl Barrier {
    pub(super) fn new(
        access: Arc<Access>,
        response_timeout: Duration,
        keys: Keys,
        syncing: Syncing,
        usual_wait: Duration,
        copies: Copies,
    ) -> Arc<Self> {
        let link = Link::new(access, response_timeout + 2 * CONFIRM_LIMIT);
        let (begun, ended) = (AtomicU64::new(0), Mutex::new(None));
        Arc::new(Self { link, keys, syncing, usual_wait, copies, begun, ended })
    }

    pub(super) fn syncing(&self) -> Syncing {
        self.syncing
    }

    /// Under which conditions copies on replicas count.
    pub(super) fn copies(&self) -> &Copies {
        &self.copies
    }

    pub(super) async fn wait(&self) -> Result<Durability, StoreError> {
        let copied = async {
            let needed = self.copies.may_count() || self.syncing == Syncing::Confirmed;
            if needed { self.confirmed().await } else { Ok(true) }
        };
        let synced = async {
            match self.syncing {
                // Where Redis confirms, `copied` waits for both.
                Syncing::Always | Syncing::Confirmed => Ok(Durability::Confirmed),
                Syncing::EverySecond => self.waited().await.map(|()| Durability::Waited),
                Syncing::Unproven => {
                    sleep(self.usual_wait).await;
                    Ok(Durability::Unproven)
                }
            }
        };
        let (copied, synced) = try_join!(copied, synced)?;
        Ok(if copied { synced } else { Durability::Unproven })
    }

    /// Lets Redis say that all that was written so far is on disk, where it can, and on as many replicas as count: `false` when
    /// these are not there. Shares rounds between callers: whoever finds one that began after its call ended is done.
    pub(super) async fn confirmed(&self) -> Result<bool, StoreError> {
        let needed = self.begun.load(Ordering::Acquire) + 1;
        let mut ended = self.ended.lock().await;
        if let Some((_, copied)) = ended.filter(|(round, _)| *round >= needed) {
            return Ok(copied);
        }
        let round = self.begun.fetch_add(1, Ordering::AcqRel) + 1;
        let parts = self.link.parts().await?;
        let copied =
            try_join_all(parts.iter().map(|part| self.confirmed_at(part))).await?.into_iter().all(|copied| copied);
        *ended = Some((round, copied));
        Ok(copied)
    }

    async fn confirmed_at(&self, part: &Part) -> Result<bool, StoreError> {
        let (key, replicas) = match part {
            Part::Whole => (self.keys.barrier(), self.copies.wanted()),
            Part::Of(shard) => (self.keys.barrier_at(&tag(shard.slot)), self.copies.wanted_of(shard.replicas)),
        };
        let limit = u64::try_from(CONFIRM_LIMIT.as_millis()).unwrap_or(u64::MAX);
        // A write of this connection is younger than all that was answered before, on whichever connection.
        let mut pipeline = Pipeline::with_capacity(3);
        pipeline.cmd("INCR").arg(key);
        if self.syncing == Syncing::Confirmed {
            pipeline.cmd("WAITAOF").arg(1).arg(0).arg(limit);
        } else {
            pipeline.cmd("ECHO").arg(1);
        }
        pipeline.cmd("WAIT").arg(replicas).arg(if replicas == 0 { 1 } else { limit });
        let (_, synced, copies): (i64, Vec<i64>, u64) = self.link.pipe_to(part, &pipeline).await?;
        if synced.first() == Some(&0) {
            return Err(StoreError::NotDurable(format!("no sync within {CONFIRM_LIMIT:?}; is its disk busy or full?")));
        }
        if copies >= replicas {
            return Ok(true);
        }
        let info = sections(&self.link, part, &["replication"]).await?;
        if info.number("connected_slaves") >= replicas {
            return Err(StoreError::NotDurable(format!("its replicas are more than {CONFIRM_LIMIT:?} behind")));
        }
        warn!(
            wanted = replicas,
            connected = info.number("connected_slaves"),
            "Redis has too few replicas: a fail-over now may lose what was written"
        );
        Ok(false)
    }

    /// Redis writes its buffer, then syncs once a second. First a moment when nothing is under way: the next sync then covers
    /// all that was written before. After the usual wait, another such moment: that sync is over.
    async fn waited(&self) -> Result<(), StoreError> {
        let limit = Instant::now() + self.usual_wait + PATIENCE;
        let parts = self.link.parts().await?;
        let run_ids = try_join_all(parts.iter().map(|part| self.calm(part, None, limit))).await?;
        sleep(self.usual_wait).await;
        let again = parts.iter().zip(&run_ids).map(|(part, run_id)| self.calm(part, Some(run_id), limit));
        try_join_all(again).await.map(|_| ())
    }

    async fn calm(&self, part: &Part, expected: Option<&str>, limit: Instant) -> Result<String, StoreError> {
        loop {
            let info = sections(&self.link, part, &["server", "persistence"]).await?;
            let run_id = info.get("run_id");
            if expected.is_some_and(|expected| expected != run_id) {
                return Err(StoreError::NotDurable("it restarted in the meantime".to_owned()));
            }
            if let Some(trouble) = trouble(&info) {
                return Err(StoreError::NotDurable(format!("{trouble}; is its disk full?")));
            }
            if !is_syncing(&info) {
                return Ok(run_id.to_owned());
            }
            if Instant::now() > limit {
                return Err(StoreError::NotDurable(format!("its disk is busy for {PATIENCE:?}")));
            }
            sleep(POLL).await;
        }
    }
}

impl Store {
    /// Returns when everything that was written before this call is on disk, and on a replica where one may take over, as far as
    /// Redis lets us know. Where the replica is not there it waits for it in vain and says [`Durability::Unproven`].
    ///
    /// Takes up to a second where Redis confirms it (7.2 and later), `barrier` (2.5 s) otherwise, nothing where every write is
    /// synced. Compare [`Store::incarnation`] before and after: what an earlier incarnation lost, no barrier brings back.
    pub async fn barrier(&self) -> Result<Durability, StoreError> {
        self.shared.barrier.wait().await
    }
}
