//! Label sets. Their values are services, kinds and outcomes: few, and from our own configuration or constants.

use prometheus_client::encoding::EncodeLabelSet;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ByService {
    pub(super) service: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ByKind {
    pub(super) kind: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ByOutcome {
    pub(super) service: String,
    pub(super) outcome: &'static str,
}

/// The suppliers are those of the pool.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct BySupplier {
    pub(super) supplier: String,
}

impl From<&relay_core::address::Address> for BySupplier {
    fn from(supplier: &relay_core::address::Address) -> Self {
        Self { supplier: supplier.as_str().to_owned() }
    }
}
