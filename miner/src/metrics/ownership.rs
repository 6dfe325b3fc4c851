//! Leases.

use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use relay_core::address::Address;

use crate::ownership::Reason;

/// Seconds of a lease that were left when it was renewed.
const MARGINS: [f64; 8] = [0.0, 0.5, 1.0, 2.0, 3.0, 4.0, 5.0, 10.0];

/// What this miner owns.
#[derive(Debug, Clone)]
pub struct OwnershipMetrics {
    /// Suppliers whose lease this miner holds.
    pub suppliers_owned: Gauge,
    /// Suppliers that are being worked for.
    suppliers_active: Gauge,
    claimed: Family<Claim, Counter>,
    released: Family<Claim, Counter>,
    claimed_count: Gauge,
    fair_share: Gauge,
    drain_decisions: Family<Drain, Counter>,
    oldest: Gauge,
    /// What was left of each lease when its renewal was answered.
    pub margin: Histogram,
    /// Leases that ended against our will.
    pub lost: Counter,
    /// Writes that Redis refused because the lease was another's.
    pub fenced: Counter,
    /// Rounds that could not begin because the one before had no answer yet.
    pub rounds_missed: Counter,
    /// Owners that panicked.
    pub panics: Counter,
    /// Owners that failed.
    pub failures: Counter,
}

/// `instance` is the name of the configuration: random ids would make new series with every start.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Claim {
    supplier: String,
    instance: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Drain {
    drain_reason: &'static str,
    on_chain_result: &'static str,
}

impl Default for OwnershipMetrics {
    fn default() -> Self {
        Self {
            suppliers_owned: Gauge::default(),
            suppliers_active: Gauge::default(),
            claimed: Family::default(),
            released: Family::default(),
            claimed_count: Gauge::default(),
            fair_share: Gauge::default(),
            drain_decisions: Family::default(),
            oldest: Gauge::default(),
            margin: Histogram::new(MARGINS),
            lost: Counter::default(),
            fenced: Counter::default(),
            rounds_missed: Counter::default(),
            panics: Counter::default(),
            failures: Counter::default(),
        }
    }
}

impl OwnershipMetrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let all = Self::default();
        registry.register("suppliers_owned", "Suppliers whose lease this miner holds", all.suppliers_owned.clone());
        let name = "supplier_manager_suppliers_active";
        registry.register(name, "Suppliers that are being worked for", all.suppliers_active.clone());
        registry.register("supplier_claimed", "Leases taken", all.claimed.clone());
        registry.register("supplier_released", "Leases given back or lost", all.released.clone());
        let name = "supplier_claimed_count";
        registry.register(name, "Suppliers whose lease this miner holds", all.claimed_count.clone());
        let help = "Suppliers of each miner if they were dealt out evenly";
        registry.register("supplier_fair_share", help, all.fair_share.clone());
        let help = "Suppliers given up while the process went on";
        registry.register("supplier_drain_decision", help, all.drain_decisions.clone());
        registry.register("lease_oldest_age_seconds", "Age of the oldest tenure", all.oldest.clone());
        let help = "What was left of leases when their renewal was answered";
        registry.register("lease_margin_seconds", help, all.margin.clone());
        registry.register("leases_lost", "Leases that ended against our will", all.lost.clone());
        let help = "Writes that were refused because the lease was another's";
        registry.register("fenced_writes", help, all.fenced.clone());
        registry.register("lease_rounds_missed", "Rounds that could not begin in time", all.rounds_missed.clone());
        registry.register("owner_panics", "Owners of a supplier that panicked", all.panics.clone());
        registry.register("owner_failures", "Owners of a supplier that failed", all.failures.clone());
        all
    }

    /// A lease was taken.
    pub fn claimed(&self, supplier: &Address, instance: &str) {
        self.claimed.get_or_create(&claim(supplier, instance)).inc();
    }

    /// A lease was given back or lost.
    pub fn released(&self, supplier: &Address, instance: &str) {
        self.released.get_or_create(&claim(supplier, instance)).inc();
    }

    /// A supplier is given up. The chain is never asked about it.
    pub fn drain_decided(&self, reason: Reason) {
        let drain_reason = match reason {
            Reason::Rebalance => "rebalance_release",
            Reason::KeyRemoval => "key_removal",
        };
        self.drain_decisions.get_or_create(&Drain { drain_reason, on_chain_result: "no_query_client" }).inc();
    }

    /// What there is now.
    pub fn counts(&self, owned: usize, active: usize, fair_share: usize, oldest: Duration) {
        let number = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        self.suppliers_owned.set(number(owned));
        self.claimed_count.set(number(owned));
        self.suppliers_active.set(number(active));
        self.fair_share.set(number(fair_share));
        self.oldest.set(i64::try_from(oldest.as_secs()).unwrap_or(i64::MAX));
    }
}

fn claim(supplier: &Address, instance: &str) -> Claim {
    Claim { supplier: supplier.as_str().to_owned(), instance: instance.to_owned() }
}

#[cfg(test)]
mod tests {
    use prometheus_client::encoding::text::encode;

    use super::*;

    /// Dashboards of other miners ask for these.
    #[test]
    fn names_and_labels_are_those_that_dashboards_know() {
        let mut registry = Registry::default();
        let metrics = OwnershipMetrics::register(registry.sub_registry_with_prefix("ha_miner"));
        let supplier = Address::from_payload(&[7; 20]).unwrap();
        metrics.claimed(&supplier, "miner-0");
        metrics.released(&supplier, "miner-0");
        metrics.drain_decided(Reason::KeyRemoval);
        metrics.counts(3, 2, 4, Duration::from_secs(9));
        let mut text = String::new();
        encode(&mut text, &registry).unwrap();
        for line in [
            format!("ha_miner_supplier_claimed_total{{supplier=\"{supplier}\",instance=\"miner-0\"}} 1"),
            format!("ha_miner_supplier_released_total{{supplier=\"{supplier}\",instance=\"miner-0\"}} 1"),
            "ha_miner_supplier_drain_decision_total{drain_reason=\"key_removal\",on_chain_result=\"no_query_client\"} 1".to_owned(),
            "ha_miner_supplier_claimed_count 3".to_owned(),
            "ha_miner_supplier_fair_share 4".to_owned(),
            "ha_miner_supplier_manager_suppliers_active 2".to_owned(),
        ] {
            assert!(text.contains(&line), "{line} is not in\n{text}");
        }
    }
}
