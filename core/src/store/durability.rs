//! Waiting until everything written so far is on disk.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use redis::Pipeline;
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep};

use super::incarnation::{is_syncing, sections, trouble};
use super::link::{Access, Link};
use super::{Keys, Store, StoreError};

const POLL: Duration = Duration::from_millis(100);
/// Beyond the usual wait. A disk that needs longer is broken or hopelessly busy.
const PATIENCE: Duration = Duration::from_secs(10);
/// What `WAITAOF` waits at most: Redis syncs every second.
const CONFIRM_LIMIT: Duration = Duration::from_secs(5);

/// How the server brings writes to disk, and how we know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Syncing {
    /// Before it answers.
    Always,
    /// It says when.
    Confirmed,
    /// Every second; that it worked shows in its figures.
    EverySecond,
    /// Not at all, or when the system likes.
    Unproven,
}

/// How sure a barrier is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// Redis said so.
    Confirmed,
    /// Enough time has passed, without an error of the append-only file.
    Waited,
    /// Redis is not set up to be durable; the start-up checks warned.
    Unproven,
}

/// Waits for durability. `WAITAOF` blocks a connection, so it has one of its own.
#[derive(Debug)]
pub(super) struct Barrier {
    link: Link,
    keys: Keys,
    syncing: Syncing,
    usual_wait: Duration,
    /// Rounds of confirmation begun and ended. Who comes while one runs needs the next, and shares it.
    begun: AtomicU64,
    ended: AtomicU64,
    turn: Mutex<()>,
}

impl Barrier {
    pub(super) fn new(
        access: Arc<Access>,
        response_timeout: Duration,
        keys: Keys,
        syncing: Syncing,
        usual_wait: Duration,
    ) -> Arc<Self> {
        Arc::new(Self {
            link: Link::new(access, response_timeout + CONFIRM_LIMIT),
            keys,
            syncing,
            usual_wait,
            begun: AtomicU64::new(0),
            ended: AtomicU64::new(0),
            turn: Mutex::new(()),
        })
    }

    pub(super) fn syncing(&self) -> Syncing {
        self.syncing
    }

    pub(super) async fn wait(&self) -> Result<Durability, StoreError> {
        match self.syncing {
            Syncing::Always => Ok(Durability::Confirmed),
            Syncing::Confirmed => self.confirmed().await.map(|()| Durability::Confirmed),
            Syncing::EverySecond => self.waited().await.map(|()| Durability::Waited),
            Syncing::Unproven => {
                sleep(self.usual_wait).await;
                Ok(Durability::Unproven)
            }
        }
    }

    /// Shares rounds between callers: whoever finds one that began after its call ended is done.
    async fn confirmed(&self) -> Result<(), StoreError> {
        let needed = self.begun.load(Ordering::Acquire) + 1;
        let _turn = self.turn.lock().await;
        if self.ended.load(Ordering::Acquire) >= needed {
            return Ok(());
        }
        let round = self.begun.fetch_add(1, Ordering::AcqRel) + 1;
        // A write of this connection is younger than all that was answered before, on whichever connection.
        let mut pipeline = Pipeline::with_capacity(2);
        pipeline.cmd("INCR").arg(self.keys.barrier());
        pipeline.cmd("WAITAOF").arg(1).arg(0).arg(u64::try_from(CONFIRM_LIMIT.as_millis()).unwrap_or(u64::MAX));
        let (_, (local, _)): (i64, (i64, i64)) = self.link.pipe(&pipeline).await?;
        if local < 1 {
            return Err(StoreError::NotDurable(format!("no sync within {CONFIRM_LIMIT:?}; is its disk busy or full?")));
        }
        self.ended.fetch_max(round, Ordering::AcqRel);
        Ok(())
    }

    /// Redis writes its buffer, then syncs once a second. First a moment when nothing is under way: the next sync then covers
    /// all that was written before. After the usual wait, another such moment: that sync is over.
    async fn waited(&self) -> Result<(), StoreError> {
        let limit = Instant::now() + self.usual_wait + PATIENCE;
        let run_id = self.calm(None, limit).await?;
        sleep(self.usual_wait).await;
        self.calm(Some(&run_id), limit).await.map(|_| ())
    }

    async fn calm(&self, expected: Option<&str>, limit: Instant) -> Result<String, StoreError> {
        loop {
            let info = sections(&self.link, &["server", "persistence"]).await?;
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
    /// Returns when everything that was written before this call is on disk, as far as Redis lets us know.
    ///
    /// Takes up to a second where Redis confirms it (7.2 and later), `barrier` (2.5 s) otherwise, nothing where every write is
    /// synced. Compare [`Store::incarnation`] before and after: what an earlier incarnation lost, no barrier brings back.
    pub async fn barrier(&self) -> Result<Durability, StoreError> {
        self.shared.barrier.wait().await
    }
}
