use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use crate::leader::settlement::{Group, Sums};

const BLOCKS: [f64; 10] = [5.0, 10.0, 15.0, 20.0, 25.0, 30.0, 40.0, 50.0, 75.0, 100.0];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByClaims {
    supplier: String,
    service_id: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByStatus {
    supplier: String,
    service_id: String,
    status: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByReason {
    supplier: String,
    service_id: String,
    reason: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct BySupplierStatus {
    supplier: String,
    status: &'static str,
}

type Times<L> = Family<L, Histogram, fn() -> Histogram>;

/// What became of claims. Suppliers are those of the pool, services those that they claimed for.
#[derive(Debug, Clone)]
pub struct SettlementMetrics {
    claims: Family<ByStatus, Counter>,
    relays: Family<ByStatus, Counter>,
    compute_units: Family<ByStatus, Counter>,
    earned: Family<ByClaims, Counter>,
    latency: Times<BySupplierStatus>,
    claims_expired: Family<ByReason, Counter>,
    relays_expired: Family<ByReason, Counter>,
    compute_units_expired: Family<ByReason, Counter>,
    upokt_expired: Family<ByReason, Counter>,
    slashed: Family<ByClaims, Counter>,
    discarded: Family<ByClaims, Counter>,
    retries: Counter,
}

impl Default for SettlementMetrics {
    fn default() -> Self {
        Self {
            claims: Family::default(),
            relays: Family::default(),
            compute_units: Family::default(),
            earned: Family::default(),
            latency: Times::new_with_constructor(|| Histogram::new(BLOCKS)),
            claims_expired: Family::default(),
            relays_expired: Family::default(),
            compute_units_expired: Family::default(),
            upokt_expired: Family::default(),
            slashed: Family::default(),
            discarded: Family::default(),
            retries: Counter::default(),
        }
    }
}

impl SettlementMetrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let it = Self::default();
        registry.register("claims_settled_by_status", "Claims by what became of them", it.claims.clone());
        registry.register("relays_settled_by_status", "Relays of claims by what became of them", it.relays.clone());
        registry.register(
            "compute_units_settled_by_status",
            "Compute units of claims by what became of them",
            it.compute_units.clone(),
        );
        registry.register("upokt_earned", "The suppliers' share of what was paid", it.earned.clone());
        registry.register(
            "settlement_latency_blocks",
            "Blocks from the end of a session to its settlement",
            it.latency.clone(),
        );
        registry.register("claims_expired_by_reason", "Claims that were not paid", it.claims_expired.clone());
        registry.register("relays_expired_by_reason", "Relays of claims that were not paid", it.relays_expired.clone());
        registry.register(
            "compute_units_expired_by_reason",
            "Compute units of claims that were not paid",
            it.compute_units_expired.clone(),
        );
        registry.register("upokt_expired_by_reason", "What unpaid claims claimed", it.upokt_expired.clone());
        registry.register("supplier_slashed", "How often a supplier was slashed", it.slashed.clone());
        registry.register("claims_discarded", "Claims whose settlement failed on chain", it.discarded.clone());
        registry.register(
            "block_results_retries",
            "Questions for the results of a block that had to be repeated",
            it.retries.clone(),
        );
        it
    }

    /// Adds what a block settled.
    pub(crate) fn add(&self, sums: &Sums) {
        for ((supplier, service, group), sum) in &sums.0 {
            let (supplier, service_id) = (supplier.as_str().to_owned(), service.as_str().to_owned());
            let by_claims = ByClaims { supplier: supplier.clone(), service_id: service_id.clone() };
            let status = match group {
                Group::Proven => "proven",
                Group::ProofMissing => "expired",
                Group::ProofInvalid => "invalid",
                Group::Unknown => "unknown",
                Group::Discarded => {
                    self.discarded.get_or_create(&by_claims).inc_by(sum.claims);
                    continue;
                }
                Group::Slashed => {
                    self.slashed.get_or_create(&by_claims).inc_by(sum.claims);
                    continue;
                }
            };
            let by_status = ByStatus { supplier: supplier.clone(), service_id: service_id.clone(), status };
            self.claims.get_or_create(&by_status).inc_by(sum.claims);
            self.relays.get_or_create(&by_status).inc_by(sum.relays);
            self.compute_units.get_or_create(&by_status).inc_by(sum.compute_units);
            let latency = BySupplierStatus { supplier: supplier.clone(), status };
            for blocks in &sum.latencies {
                #[allow(clippy::cast_precision_loss, reason = "a few blocks")]
                self.latency.get_or_create(&latency).observe(*blocks as f64);
            }
            if *group == Group::Proven {
                self.earned.get_or_create(&by_claims).inc_by(sum.moved);
                continue;
            }
            let by_reason = ByReason { supplier, service_id, reason: group.name() };
            self.claims_expired.get_or_create(&by_reason).inc_by(sum.claims);
            self.relays_expired.get_or_create(&by_reason).inc_by(sum.relays);
            self.compute_units_expired.get_or_create(&by_reason).inc_by(sum.compute_units);
            self.upokt_expired.get_or_create(&by_reason).inc_by(sum.claimed);
        }
    }

    /// Counts a question that had to be repeated.
    pub(crate) fn retried(&self) {
        self.retries.inc();
    }
}
