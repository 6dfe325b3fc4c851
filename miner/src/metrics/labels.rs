//! Label sets. Their values are services, kinds and outcomes: few, and from our own configuration or constants.

use prometheus_client::encoding::EncodeLabelSet;
use relay_core::address::Address;
use relay_core::units::ServiceId;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ByService {
    pub(super) service: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ByOutcome {
    pub(super) service: String,
    pub(super) outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct BySupplier {
    pub(super) supplier: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct BySupplierService {
    supplier: String,
    service_id: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct BySupplierReason {
    supplier: String,
    reason: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct BySupplierServiceReason {
    supplier: String,
    service_id: String,
    reason: &'static str,
}

impl From<&Address> for BySupplier {
    fn from(supplier: &Address) -> Self {
        Self::of(supplier)
    }
}

impl BySupplier {
    pub(super) fn of(supplier: &Address) -> Self {
        Self { supplier: supplier.as_str().to_owned() }
    }
}

impl BySupplierService {
    pub(super) fn of(supplier: &Address, service: &ServiceId) -> Self {
        Self { supplier: supplier.as_str().to_owned(), service_id: service.as_str().to_owned() }
    }
}

impl BySupplierReason {
    pub(super) fn of(supplier: &Address, reason: &'static str) -> Self {
        Self { supplier: supplier.as_str().to_owned(), reason }
    }
}

impl BySupplierServiceReason {
    pub(super) fn of(supplier: &Address, service: &ServiceId, reason: &'static str) -> Self {
        Self { supplier: supplier.as_str().to_owned(), service_id: service.as_str().to_owned(), reason }
    }
}
