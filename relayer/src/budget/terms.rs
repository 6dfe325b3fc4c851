use std::sync::atomic::Ordering;
use std::time::Duration;

use relay_core::budget::{Factor, Limit, LimitError, Price, PriceError, Terms, stake};
use relay_core::chain::ChainError;
use relay_core::proto::pocket::shared::Params;
use relay_core::session::{SessionHeader, Windows};
use relay_core::units::{ComputeUnits, Height};

use super::Shared;

/// How long a node that is too old to know compute units at a height is not asked for them again.
const OLD_NODE_PAUSE: Duration = Duration::from_mins(1);
/// A budget is remembered for this much longer than it can take until its session is settled.
const KEEP_MORE: Duration = Duration::from_hours(1);
const KEEP_MOST: Duration = Duration::from_hours(24 * 60);

/// What a session may cost.
#[derive(Debug, Clone, Copy)]
pub(super) struct Budget {
    pub(super) price: Price,
    pub(super) limit: Limit,
    /// How many relays the limit pays for.
    pub(super) relays: u64,
    /// How long it has to be remembered.
    pub(super) keep: Duration,
}

/// Why that is not known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum NoBudget {
    /// The price is not known now.
    #[error("the price of a relay is not known: {0}")]
    Price(String),
    /// The stake or the parameters are not known now.
    #[error("the limit of the session is not known: {0}")]
    Limit(String),
    /// The chain's numbers cannot be.
    #[error("{0}")]
    Absurd(String),
}

impl Shared {
    /// Price and limit, each at the heights at which the chain will look: the price as at the session's first block; the
    /// limit by the parameters of now while the session runs, and by those at its end afterwards; the stake as it is now. Without a
    /// factor of our own the one that the pool's miners publish counts.
    pub(super) async fn budget(&self, session: &SessionHeader, factor: Option<Factor>) -> Result<Budget, NoBudget> {
        let price = self.price(session).await?;
        let factor = factor.or_else(|| self.publisher.store().factors().of(&session.service));
        let height = self.feed.height();
        let unknown = |error: ChainError| NoBudget::Limit(error.to_string());
        let (application, sessions, params) =
            tokio::try_join!(self.chain.application(&session.application), self.chain.session_params(), async {
                if height > session.end {
                    self.chain.params_at(session.end).await
                } else {
                    self.chain.shared_params().await
                }
            },)
            .map_err(unknown)?;
        let absurd = |error: LimitError| {
            if error.is_absurd() { NoBudget::Absurd(error.to_string()) } else { NoBudget::Limit(error.to_string()) }
        };
        let stake = stake(&application).map_err(absurd)?;
        let suppliers = sessions.num_suppliers_per_session;
        let limit = Limit::new(&Terms { stake, suppliers, params: &params, factor }).map_err(absurd)?;
        let keep = self.keep(session, &params, height);
        Ok(Budget { price, limit, relays: price.relays(limit.upokt), keep })
    }

    async fn price(&self, session: &SessionHeader) -> Result<Price, NoBudget> {
        let unknown = |error: ChainError| NoBudget::Price(error.to_string());
        let (params, units) =
            tokio::try_join!(self.chain.params_at(session.start), self.compute_units(session)).map_err(unknown)?;
        Price::new(units, &params).map_err(|error| match error {
            PriceError::TooHigh => NoBudget::Absurd(error.to_string()),
            PriceError::Granularity | PriceError::Free => NoBudget::Price(error.to_string()),
        })
    }

    /// Those at the session's first block; from nodes that do not know them, those of now. A service that is not there has one.
    async fn compute_units(&self, session: &SessionHeader) -> Result<ComputeUnits, ChainError> {
        let now = self.publisher.store().clock().monotonic();
        let milliseconds = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        if milliseconds(now) >= self.old_nodes_until.load(Ordering::Relaxed) {
            match self.chain.compute_units_at(&session.service, session.start).await {
                Err(ChainError::Unimplemented { .. }) => {
                    self.old_nodes_until.store(milliseconds(now + OLD_NODE_PAUSE), Ordering::Relaxed);
                }
                Err(ChainError::NotFound { .. }) => return Ok(ComputeUnits(1)),
                outcome => return outcome,
            }
        }
        match self.chain.service(&session.service).await {
            Ok(service) => Ok(ComputeUnits(service.compute_units_per_relay)),
            Err(ChainError::NotFound { .. }) => Ok(ComputeUnits(1)),
            Err(error) => Err(error),
        }
    }

    /// Twice the time that it usually takes until the session is settled, and more.
    fn keep(&self, session: &SessionHeader, params: &Params, height: Height) -> Duration {
        let blocks = (Windows::of(session.end, params).settlement - height).clamp(0, 1 << 24);
        let usual = self.feed.block_time().saturating_mul(u32::try_from(blocks).unwrap_or(u32::MAX));
        usual.saturating_mul(2).saturating_add(KEEP_MORE).min(KEEP_MOST)
    }
}
