//! What Prometheus sees of a miner. All labels are bounded; names and labels that dashboards of other miners use are kept.

mod cache;
mod intake;
mod labels;
mod leader;
mod monitors;
mod ownership;
mod sessions;
mod submission;
mod transactions;

use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

pub use cache::RefreshMetrics;
pub use intake::{IntakeMetrics, LogMetrics, SupplierGauges};
pub use leader::LeaderMetrics;
pub(crate) use monitors::Trouble;
pub use monitors::{BalanceMetrics, BlockMetrics, MemoryMetrics, MonitorMetrics, SettlementMetrics, SupplierMetrics};
pub use ownership::OwnershipMetrics;
pub use sessions::SessionMetrics;
pub use submission::{SubmissionMetrics, cause_name};
pub use transactions::TransactionMetrics;

/// The miner's metrics. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Metrics {
    /// What was read from logs.
    pub intake: IntakeMetrics,
    /// Answers that the leader keeps fresh.
    pub cache: RefreshMetrics,
    /// The leader's lock and duties.
    pub leader: LeaderMetrics,
    /// What the leader watches.
    pub monitors: MonitorMetrics,
    /// Leases.
    pub ownership: OwnershipMetrics,
    /// Sessions that are over.
    pub sessions: SessionMetrics,
    /// Claims and proofs.
    pub submission: SubmissionMetrics,
    /// Transactions.
    pub transactions: TransactionMetrics,
    /// The newest block.
    pub height: Gauge,
}

impl Metrics {
    /// Creates the metrics and makes them known.
    #[must_use]
    pub fn register(registry: &mut Registry) -> Self {
        let cache = RefreshMetrics::register(registry);
        let intake = IntakeMetrics::register(registry);
        let transactions = TransactionMetrics::register(registry);
        let registry = registry.sub_registry_with_prefix("ha_miner");
        let height = Gauge::default();
        registry.register("block_height", "The newest block", height.clone());
        Self {
            intake,
            cache,
            leader: LeaderMetrics::register(registry),
            monitors: MonitorMetrics::register(registry),
            ownership: OwnershipMetrics::register(registry),
            sessions: SessionMetrics::register(registry),
            submission: SubmissionMetrics::register(registry),
            transactions,
            height,
        }
    }
}
