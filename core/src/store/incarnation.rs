//! Which Redis this is. A Redis that restarted, failed over or was emptied may have lost its tail.

use std::fmt;
use std::sync::Arc;

use futures::future::try_join_all;
use redis::Pipeline;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::checks::Info;
use super::link::{Link, Part, tag};
use super::{ChainIdentity, Keys, Store, StoreError, schema};

const CANARIES: u16 = 64;
const CANARY_SLOTS: u16 = 256;

/// One continuous life of the data in Redis: while it stays the same, nothing that was written is gone.
///
/// Made of the server's run id, its replication id, and a random text stored with the data; in a cluster, of those of all its
/// primaries: what one of them may have lost puts everything in doubt.
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
        let parts = self.link.parts().await?;
        // Emptied under our feet, it gets a new identity here; that of the old data is gone with it.
        let canary = schema::claim(&self.link, &self.keys, &self.chain).await?;
        let names = ["server", "replication", "persistence"];
        let infos = try_join_all(parts.iter().map(|part| sections(&self.link, part, &names))).await?;
        let lives = infos.iter().map(|info| format!("{}/{}", info.get("run_id"), info.get("master_replid")));
        let incarnation = if parts == [Part::Whole] {
            format!("{}/{canary}", lives.collect::<String>())
        } else {
            let canaries = canaries(&self.link, &self.keys).await?;
            format!("{}/{canary}", of_cluster(lives.collect(), &canaries))
        };
        let calm = infos.iter().all(|info| trouble(info).is_none() && !is_syncing(info));
        Ok(Sight { incarnation: Incarnation(incarnation.into()), calm })
    }
}

/// One text for all servers of a cluster. Slots may move between them without changing it; a server that restarts, fails over,
/// comes or goes changes it, and so does one that lost its data.
fn of_cluster(mut lives: Vec<String>, canaries: &[String]) -> String {
    lives.sort_unstable();
    let mut hash = Sha256::new();
    for text in lives.iter().chain(canaries) {
        hash.update(text);
        hash.update("/");
    }
    format!("cluster-of-{}/{}", lives.len(), hex::encode(&hash.finalize()[..16]))
}

/// A random text in every 256th slot, made where there is none: a server without any of these slots is not watched this way.
async fn canaries(link: &Link, keys: &Keys) -> Result<Vec<String>, StoreError> {
    let names: Vec<String> = (0..CANARIES).map(|number| keys.canary(&tag(number * CANARY_SLOTS))).collect();
    let mut pipeline = Pipeline::with_capacity(names.len());
    for name in &names {
        pipeline.cmd("GET").arg(name);
    }
    let mut found: Vec<Option<String>> = link.pipe(&pipeline).await?;
    if found.iter().any(Option::is_none) {
        let mut making = Pipeline::new();
        for (name, _) in names.iter().zip(&found).filter(|(_, text)| text.is_none()) {
            making.cmd("SET").arg(name).arg(hex::encode(rand::random::<[u8; 8]>())).arg("NX");
        }
        let _: Vec<Option<String>> = link.pipe(&making).await?;
        found = link.pipe(&pipeline).await?;
    }
    Ok(found.into_iter().map(Option::unwrap_or_default).collect())
}

/// Several sections of `INFO` in one round trip; naming several in one command needs version 7.
pub(super) async fn sections(link: &Link, part: &Part, names: &[&str]) -> Result<Info, StoreError> {
    let mut pipeline = Pipeline::with_capacity(names.len());
    for name in names {
        pipeline.cmd("INFO").arg(*name);
    }
    let texts: Vec<String> = link.pipe_to(part, &pipeline).await?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_incarnation_of_a_cluster_is_that_of_all_its_servers() {
        let text = |lives: &[&str], canaries: &[&str]| {
            let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
            of_cluster(owned(lives), &owned(canaries))
        };
        let usual = text(&["a/1", "b/2", "c/3"], &["x", "y"]);
        assert_eq!(usual, text(&["c/3", "a/1", "b/2"], &["x", "y"]), "whatever their order");
        for other in [
            text(&["a/1", "b/2", "c/4"], &["x", "y"]),
            text(&["a/1", "b/2"], &["x", "y"]),
            text(&["a/1", "b/2", "c/3", "d/4"], &["x", "y"]),
            text(&["a/1", "b/2", "c/3"], &["x", "z"]),
        ] {
            assert_ne!(usual, other);
        }
    }
}
