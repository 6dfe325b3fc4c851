//! What the miner answers on its administration port.

use std::sync::OnceLock;
use std::time::Duration;

use relay_core::chain::BlockFeed;
use relay_core::keys::Following;
use relay_core::start::Stage;
use relay_core::store::{InstanceId, Store};
use relay_core::telemetry::{Probes, Progress, Readiness};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::status::{StatusBoard, Summary};

/// Sessions that `/status` lists one by one. Of more, those with the nearest deadlines are listed, and all are counted.
const LISTED_SESSIONS: usize = 5_000;
/// A chain without a new block for this long, or for three block times, is not fresh.
const FRESH: Duration = Duration::from_mins(1);

/// Shares the miner's state with the administration port.
pub(crate) struct MinerProbes {
    pub(crate) who: Identity,
    pub(crate) feed: BlockFeed,
    pub(crate) board: StatusBoard,
    pub(crate) progress: Progress,
    pub(crate) stage: Stage,
    pub(crate) keys: Following,
    pub(crate) draining: CancellationToken,
    /// Empty before Redis was reached.
    pub(crate) store: OnceLock<Store>,
}

/// Who a miner is.
pub(crate) struct Identity {
    /// How people call it.
    pub(crate) name: String,
    /// How leases call it: new with each start.
    pub(crate) instance: InstanceId,
    /// SHA-256 of the configuration file, in hex digits.
    pub(crate) config_hash: Option<String>,
}

impl Probes for MinerProbes {
    fn stalled(&self) -> Vec<String> {
        self.progress.stalled()
    }

    fn readiness(&self) -> Readiness {
        let mut readiness = Readiness::default();
        let keys = self.keys.report();
        let refused = keys.key_troubles.len() + keys.key_files_refused.len();
        let said = match keys.key_troubles.first() {
            Some(trouble) => format!("{} loaded; {trouble}", keys.keys),
            None => format!("{} loaded, {refused} files refused", keys.keys),
        };
        readiness.check("keys", keys.keys > 0, said);
        if self.draining.is_cancelled() {
            readiness.check("drain", false, "shutting down");
        }
        let waiting = self.stage.waiting();
        readiness.check("started", waiting.is_none(), waiting.unwrap_or_else(|| "working".to_owned()));
        if let Some(store) = self.store.get() {
            let reachable = store.is_reachable();
            readiness.check("redis", reachable, if reachable { "answers" } else { "does not answer" });
        }
        let silence = self.feed.since_last();
        let fresh = self.feed.latest().is_some() && silence < (self.feed.block_time() * 3).max(FRESH);
        readiness.check("chain", fresh, format!("height {}, {} s ago", self.feed.height(), silence.as_secs()));
        let fleet = self.board.fleet();
        let said =
            format!("{} of {} suppliers are owned here, {} miners live", fleet.owned, fleet.keys, fleet.members.len());
        readiness.check("leases", fleet.instance.is_some(), said);
        for (name, (ready, said)) in self.board.checks() {
            readiness.check(name, ready, said);
        }
        let stalled = self.progress.stalled();
        let moves = if stalled.is_empty() { "everything moves".to_owned() } else { stalled.join(", ") };
        readiness.check("progress", stalled.is_empty(), moves);
        readiness
    }

    fn status(&self) -> Value {
        let mut suppliers = self.board.all();
        let Summary { sessions, phases, truncated } = Summary::shorten(&mut suppliers, LISTED_SESSIONS);
        let mut status = json!({
            "role": "miner",
            "instance": self.who.name,
            "name": self.who.name,
            "instanceId": self.who.instance.as_str(),
            "version": env!("CARGO_PKG_VERSION"),
            "configHash": self.who.config_hash,
            "ready": self.readiness(),
            "height": self.feed.height(),
            "fleet": self.board.fleet(),
            "blockAgeSeconds": self.feed.since_last().as_secs(),
            "sessions": sessions,
            "phases": phases,
            "truncated": truncated,
            "suppliers": suppliers,
        });
        if let Value::Object(status) = &mut status {
            if let Ok(Value::Object(keys)) = serde_json::to_value(self.keys.report()) {
                status.extend(keys);
            }
            for (name, fact) in self.board.facts() {
                status.insert(name.to_owned(), fact);
            }
        }
        status
    }
}
