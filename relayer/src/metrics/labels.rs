//! The label sets. All values are bounded: services are the configured ones, or `unknown`; kinds of request are five names, or
//! `unknown`; reasons, outcomes and modes are fixed words; a status is a number below 500; suppliers are those whose keys are here.

use std::sync::Arc;

use prometheus_client::encoding::EncodeLabelSet;

/// A service or a kind of request that is not known, or not known yet, so that callers cannot make labels.
pub(crate) const UNKNOWN: &str = "unknown";

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ByService {
    pub(super) service_id: Arc<str>,
}

/// One kind of request of one service.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ByKind {
    pub(super) service_id: Arc<str>,
    pub(super) rpc_type: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ByRejection {
    pub(super) service_id: Arc<str>,
    pub(super) rpc_type: &'static str,
    pub(super) reason: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ByStatus {
    pub(super) service_id: Arc<str>,
    pub(super) rpc_type: &'static str,
    pub(super) status_code: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ByReason {
    pub(super) service_id: Arc<str>,
    pub(super) reason: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ByMode {
    pub(super) service_id: Arc<str>,
    pub(super) mode: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ByOutcome {
    pub(super) service_id: Arc<str>,
    pub(super) outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct BySupplier {
    pub(super) service_id: Arc<str>,
    pub(super) supplier: Arc<str>,
}
