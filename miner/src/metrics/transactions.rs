//! Transactions, under the names of the network's Go relay miner.

use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use relay_core::address::Address;

use super::labels::BySupplier;
use crate::submission::Kind;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByStatus {
    supplier: String,
    status: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByErrorType {
    supplier: String,
    error_type: &'static str,
}

fn seconds() -> Histogram {
    Histogram::new([0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0])
}

/// Counts broadcasts.
#[derive(Debug, Clone)]
pub struct TransactionMetrics {
    broadcasts: Family<ByStatus, Counter>,
    latency: Family<BySupplier, Histogram, fn() -> Histogram>,
    claims: Family<BySupplier, Counter>,
    proofs: Family<BySupplier, Counter>,
    claim_errors: Family<ByErrorType, Counter>,
    proof_errors: Family<ByErrorType, Counter>,
    insufficient_balance: Family<BySupplier, Counter>,
}

impl Default for TransactionMetrics {
    fn default() -> Self {
        Self {
            broadcasts: Family::default(),
            latency: Family::new_with_constructor(seconds),
            claims: Family::default(),
            proofs: Family::default(),
            claim_errors: Family::default(),
            proof_errors: Family::default(),
            insufficient_balance: Family::default(),
        }
    }
}

impl TransactionMetrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let registry = registry.sub_registry_with_prefix("ha_tx");
        let this = Self::default();
        registry.register("broadcasts", "Transactions handed to nodes, by what these said", this.broadcasts.clone());
        registry.register("broadcast_latency_seconds", "Time until a node answered", this.latency.clone());
        registry.register("claims_submitted", "Claims in accepted new transactions", this.claims.clone());
        registry.register("proofs_submitted", "Proofs in accepted new transactions", this.proofs.clone());
        registry.register("claim_errors", "Claim transactions refused", this.claim_errors.clone());
        registry.register("proof_errors", "Proof transactions refused", this.proof_errors.clone());
        registry.register(
            "insufficient_balance_errors",
            "Transactions refused because the account cannot pay",
            this.insufficient_balance.clone(),
        );
        this
    }

    /// Counts a broadcast and the time until its answer.
    pub fn broadcast(&self, supplier: &Address, status: &'static str, took: Duration) {
        let label = ByStatus { supplier: supplier.as_str().to_owned(), status };
        self.broadcasts.get_or_create(&label).inc();
        self.latency.get_or_create(&BySupplier::of(supplier)).observe(took.as_secs_f64());
    }

    /// Counts messages that a node took.
    pub fn accepted(&self, kind: Kind, supplier: &Address, messages: usize) {
        let family = match kind {
            Kind::Claim => &self.claims,
            Kind::Proof => &self.proofs,
        };
        family.get_or_create(&BySupplier::of(supplier)).inc_by(u64::try_from(messages).unwrap_or(u64::MAX));
    }

    /// Counts a transaction that was refused.
    pub fn refused(&self, kind: Kind, supplier: &Address, error_type: &'static str) {
        let family = match kind {
            Kind::Claim => &self.claim_errors,
            Kind::Proof => &self.proof_errors,
        };
        family.get_or_create(&ByErrorType { supplier: supplier.as_str().to_owned(), error_type }).inc();
        if error_type == "insufficient_funds" {
            self.insufficient_balance.get_or_create(&BySupplier::of(supplier)).inc();
        }
    }
}
