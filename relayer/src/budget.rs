//! Whether the application can still pay for a relay. Nothing here waits for Redis or the chain once a slice is held.
//!
//! ```text
//! verified ─▶ reserve ─┬▶ served and recorded: used
//!                      └▶ anything else: released
//! slice nearly used up ─▶ more is taken, in the background
//! ```
//!
//! A [`Meter`] counts one supplier's relays of one session in this process; the budget behind it is in Redis, where every
//! relayer holds a slice (`relay_core::store::Slice`).

mod charge;
mod meter;
mod refill;
mod reserve;
mod table;
mod tally;
mod terms;
mod watch;

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use relay_core::chain::{BlockFeed, Chain};

use crate::config::BudgetConfig;
use crate::metrics::BudgetMetrics;
use crate::recording::Publisher;
use table::Table;

pub(crate) use charge::Charge;
pub(crate) use meter::Meter;

/// The budgets of all sessions that this relayer serves. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Budgets(Arc<Shared>);

struct Shared {
    config: BudgetConfig,
    chain: Chain,
    feed: BlockFeed,
    /// For its name and its marks in Redis, by which others know that it is alive.
    publisher: Publisher,
    metrics: BudgetMetrics,
    table: Table,
    /// Milliseconds of the monotonic clock until which no node is asked for compute units at a height: they are too old.
    old_nodes_until: AtomicU64,
}

impl Budgets {
    pub(crate) fn new(
        config: BudgetConfig,
        chain: Chain,
        feed: BlockFeed,
        publisher: Publisher,
        metrics: BudgetMetrics,
    ) -> Self {
        let (table, old_nodes_until) = (Table::default(), AtomicU64::new(0));
        Self(Arc::new(Shared { config, chain, feed, publisher, metrics, table, old_nodes_until }))
    }
}
