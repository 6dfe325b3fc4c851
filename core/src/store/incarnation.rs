//! Which Redis this is. A Redis that restarted, failed over or was emptied may have lost its tail.

use std::fmt;
use std::sync::Arc;

use redis::Pipeline;
use serde::{Deserialize, Serialize};

use super::checks::Info;
use super::link::Link;
use super::{ChainIdentity, Keys, Store, StoreError, schema};

/// One continuous life of the data in Redis: while it stays the same, nothing that was written is gone.
///
/// Made of the server's run id, its replication id, and a random text stored with the data.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Incarnation(Arc<str>);

impl fmt::Display for Incarnation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a look at Redis shows.
#[derive(Debug)]
pub(super) struct Sight {
    pub(super) incarnation: Incarnation,
    /// Writes reach the disk without errors, and no sync is under way.
    pub(super) calm: bool,
}

/// Looks at one Redis.
#[derive(Debug)]
pub(super) struct Looker {
    pub(super) link: Arc<Link>,
    pub(super) keys: Keys,
    pub(super) chain: ChainIdentity,
}

impl Looker {
    pub(super) async fn look(&self) -> Result<Sight, StoreError> {
        // Emptied under our feet, it gets a new identity here; that of the old data is gone with it.
        let canary = schema::claim(&self.link, &self.keys, &self.chain).await?;
        let info = sections(&self.link, &["server", "replication", "persistence"]).await?;
        let incarnation = format!("{}/{}/{canary}", info.get("run_id"), info.get("master_replid"));
        Ok(Sight { incarnation: Incarnation(incarnation.into()), calm: trouble(&info).is_none() && !is_syncing(&info) })
    }
}

/// Several sections of `INFO` in one round trip; naming several in one command needs version 7.
pub(super) async fn sections(link: &Link, names: &[&str]) -> Result<Info, StoreError> {
    let mut pipeline = Pipeline::with_capacity(names.len());
    for name in names {
        pipeline.cmd("INFO").arg(*name);
    }
    let texts: Vec<String> = link.pipe(&pipeline).await?;
    Ok(Info::parse(&texts.join("\n")))
}

/// Why writes do not reach the disk.
pub(super) fn trouble(info: &Info) -> Option<String> {
    let failed = |name: &str| matches!(info.get(name), status if !status.is_empty() && status != "ok");
    let append_only = info.number("aof_enabled") == 1;
    (append_only && failed("aof_last_write_status")).then(|| "the last write to its append-only file failed".to_owned())
}

/// Whether something is still on its way to the disk.
pub(super) fn is_syncing(info: &Info) -> bool {
    info.number("aof_pending_bio_fsync") != 0 || info.number("aof_buffer_length") != 0
}

impl Store {
    /// Asks Redis now.
    pub async fn incarnation(&self) -> Result<Incarnation, StoreError> {
        self.shared.watcher.look().await
    }
}
