//! Who has the duties of the fleet.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use relay_core::leader::{LockError, Observer};

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByInstance {
    instance: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByReason {
    instance: String,
    reason: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByDuty {
    duty: &'static str,
}

/// Whether this miner leads, and how its duties go.
#[derive(Debug, Clone, Default)]
pub struct LeaderMetrics {
    status: Family<ByInstance, Gauge>,
    elections: Family<ByInstance, Counter>,
    losses: Family<ByInstance, Counter>,
    failures: Family<ByReason, Counter>,
    duty_failures: Family<ByDuty, Counter>,
}

impl LeaderMetrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        registry.register("leader_status", "1 while this miner leads the fleet", metrics.status.clone());
        registry.register("leader_elections", "How often it began to lead", metrics.elections.clone());
        registry.register("leader_losses", "How often it ceased to lead", metrics.losses.clone());
        registry.register(
            "leader_acquisition_failures",
            "Attempts to take or renew the lock that Redis did not answer",
            metrics.failures.clone(),
        );
        registry.register(
            "leader_duty_failures",
            "Duties of the leader that failed and were started again",
            metrics.duty_failures.clone(),
        );
        metrics
    }

    /// Counts a duty that failed.
    pub fn duty_failed(&self, duty: &'static str) {
        self.duty_failures.get_or_create(&ByDuty { duty }).inc();
    }

    /// Counts for a miner of this name.
    #[must_use]
    pub fn observer(&self, instance: &str) -> Box<dyn Observer> {
        let label = ByInstance { instance: instance.to_owned() };
        self.status.get_or_create(&label).set(0);
        self.elections.get_or_create(&label).inc_by(0);
        self.losses.get_or_create(&label).inc_by(0);
        Box::new(Named { metrics: self.clone(), label })
    }
}

struct Named {
    metrics: LeaderMetrics,
    label: ByInstance,
}

impl Observer for Named {
    fn elected(&self) {
        self.metrics.elections.get_or_create(&self.label).inc();
        self.metrics.status.get_or_create(&self.label).set(1);
    }

    fn lost(&self) {
        self.metrics.losses.get_or_create(&self.label).inc();
        self.metrics.status.get_or_create(&self.label).set(0);
    }

    fn failed(&self, error: &LockError, renewing: bool) {
        let reason = match (error, renewing) {
            (LockError::Silent(_), _) => "redis_error",
            (LockError::Full(_), false) => "redis_oom",
            (LockError::Full(_), true) => "redis_oom_renew",
        };
        self.metrics.failures.get_or_create(&ByReason { instance: self.label.instance.clone(), reason }).inc();
    }
}
