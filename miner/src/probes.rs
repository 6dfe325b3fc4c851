//! What the miner answers on its administration port.

use std::sync::{Arc, Mutex, PoisonError};

use relay_core::chain::BlockFeed;
use relay_core::telemetry::{Probes, Progress, Readiness};
use serde_json::{Value, json};

use crate::status::StatusBoard;

/// Shares the miner's state with the administration port.
pub struct MinerProbes {
    name: String,
    feed: BlockFeed,
    board: StatusBoard,
    progress: Progress,
    stage: Stage,
}

/// What the miner waits for, or that it works. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Stage(Arc<Mutex<Option<String>>>);

impl Stage {
    /// Says what is being waited for.
    pub fn waits_for(&self, what: impl Into<String>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(what.into());
    }

    /// Says that nothing is waited for any more.
    pub fn works(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn get(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl MinerProbes {
    /// Probes of one miner.
    #[must_use]
    pub fn new(name: String, feed: BlockFeed, board: StatusBoard, progress: Progress, stage: Stage) -> Self {
        Self { name, feed, board, progress, stage }
    }
}

impl Probes for MinerProbes {
    fn stalled(&self) -> Vec<String> {
        self.progress.stalled()
    }

    fn readiness(&self) -> Readiness {
        let mut readiness = Readiness::default();
        let stage = self.stage.get();
        readiness.check("started", stage.is_none(), stage.unwrap_or_else(|| "working".to_owned()));
        let silence = self.feed.since_last();
        let fresh = self.feed.latest().is_some()
            && silence < (self.feed.block_time() * 3).max(std::time::Duration::from_mins(1));
        readiness.check("chain", fresh, format!("height {}, {} s ago", self.feed.height(), silence.as_secs()));
        readiness
    }

    fn status(&self) -> Value {
        json!({
            "instance": self.name,
            "role": "miner",
            "height": self.feed.height(),
            "fleet": self.board.fleet(),
            "suppliers": self.board.all(),
        })
    }
}
