//! What the leader publishes and keeps count of for the whole pool.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};

use futures::future::try_join_all;
use redis::cmd;

use super::checks::Info;
use super::command::Call;
use super::incarnation::sections;
use super::{Store, StoreError, scripts};
use crate::budget::Factors;
use crate::units::Height;

const HEIGHT: &str = "height";

/// What Redis uses of its memory, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Memory {
    /// What it uses.
    pub used: u64,
    /// What it may use; `None` without a limit.
    pub most: Option<u64>,
}

impl Store {
    /// Publishes service factors for relayers, as the leader; none take back what was published. Returns whether they changed.
    pub async fn put_factors(&self, token: &str, factors: &Factors) -> Result<bool, StoreError> {
        let keys = &self.shared.keys;
        let body = if factors.is_empty() {
            String::new()
        } else {
            serde_json::to_string(factors).map_err(|error| StoreError::malformed("service factors", error))?
        };
        let call = Call::new(&scripts::PUT_FACTORS)
            .key(keys.leader())
            .key(keys.factors())
            .argument(token)
            .argument(body)
            .argument(keys.events());
        self.shared.link.call(call).await
    }

    /// Reads the published service factors, for [`Self::factors`] to give from now on.
    pub async fn read_factors(&self) -> Result<Arc<Factors>, StoreError> {
        let body: Option<String> = self.shared.link.run(cmd("GET").arg(self.shared.keys.factors())).await?;
        let factors = match body {
            Some(body) => {
                serde_json::from_str(&body).map_err(|error| StoreError::malformed("service factors", error))?
            }
            None => Factors::default(),
        };
        let factors = Arc::new(factors);
        *self.shared.factors.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&factors);
        Ok(factors)
    }

    /// The published service factors as they were last read; none before that.
    #[must_use]
    pub fn factors(&self) -> Arc<Factors> {
        Arc::clone(&self.shared.factors.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The last block whose settlements are in the totals.
    pub async fn settled_up_to(&self) -> Result<Option<Height>, StoreError> {
        let mut command = cmd("HGET");
        command.arg(self.shared.keys.settlement()).arg(HEIGHT);
        Ok(self.shared.link.run::<Option<i64>>(&command).await?.map(Height))
    }

    /// Adds what a block settled to the totals, as the leader and once: `false`, and nothing is added, unless `before` is the last
    /// block that was.
    pub async fn put_settlement(
        &self,
        token: &str,
        before: Option<Height>,
        height: Height,
        totals: &BTreeMap<String, u64>,
    ) -> Result<bool, StoreError> {
        let keys = &self.shared.keys;
        let before = before.map(|height| height.to_string()).unwrap_or_default();
        let mut call = Call::new(&scripts::PUT_SETTLEMENT)
            .key(keys.leader())
            .key(keys.settlement())
            .argument(token)
            .argument(before)
            .argument(height.0);
        for (name, increment) in totals {
            call = call.argument(name).argument(*increment);
        }
        self.shared.link.call(call).await
    }

    /// The totals of all settlements since the pool began to count.
    pub async fn settlement_totals(&self) -> Result<BTreeMap<String, u64>, StoreError> {
        let mut totals: BTreeMap<String, u64> =
            self.shared.link.run(cmd("HGETALL").arg(self.shared.keys.settlement())).await?;
        totals.remove(HEIGHT);
        Ok(totals)
    }

    /// What Redis uses of its memory; of a cluster, what the fullest of its primaries does.
    pub async fn memory(&self) -> Result<Memory, StoreError> {
        let link = &self.shared.link;
        let parts = link.parts().await?;
        let infos = try_join_all(parts.iter().map(|part| sections(link, part, &["memory"]))).await?;
        let read = |info: &Info| {
            let number = |name: &str| info.get(name).parse::<u64>().unwrap_or_default();
            Memory { used: number("used_memory"), most: Some(number("maxmemory")).filter(|most| *most > 0) }
        };
        let left = |memory: &Memory| memory.most.map_or(u64::MAX, |most| most.saturating_sub(memory.used));
        let fullest = infos.iter().map(read).min_by_key(left);
        fullest.ok_or_else(|| StoreError::malformed("the memory of Redis", "no server tells"))
    }
}
