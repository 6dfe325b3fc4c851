use std::collections::BTreeMap;

use relay_core::budget::Factor;
use relay_core::config::Period;
use relay_core::units::ServiceId;
use serde::{Deserialize, Serialize};

/// How much of an application's stake is served on, and what happens when nobody can say how much is left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
pub struct BudgetConfig {
    /// Off: sessions are served without end, whether the application can pay or not.
    pub enabled: bool,
    /// What happens to a relay when the price, the stake or the budget in Redis is not known.
    pub on_error: OnError,
    /// How long a relay waits for a new slice once the last one is used up.
    pub timeout: Period,
    /// What a relayer takes from a budget at a time.
    pub slice: SliceConfig,
    /// The part of an application's stake that it may spend in a session, in place of what the chain is sure to pay. Above
    /// that, work may go unpaid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_factor: Option<Factor>,
    /// The same for single services.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub service_factors: BTreeMap<ServiceId, Factor>,
}

/// What a relayer takes from a budget at a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
pub struct SliceConfig {
    /// At most this many relays; fewer towards the end of a budget, so that no relayer sits on it.
    pub relays: u64,
}

/// What happens to a relay that cannot be metered, on every transport.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnError {
    /// It is served, and counted against the budget as soon as that is known again.
    #[default]
    Open,
    /// It is refused (503).
    Closed,
}

impl Default for BudgetConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            on_error: OnError::default(),
            timeout: Period::from_millis(250),
            slice: SliceConfig::default(),
            service_factor: None,
            service_factors: BTreeMap::new(),
        }
    }
}

impl Default for SliceConfig {
    fn default() -> Self {
        Self { relays: 500 }
    }
}

impl BudgetConfig {
    /// The factor of a service, if there is one.
    #[must_use]
    pub fn factor(&self, service: &ServiceId) -> Option<Factor> {
        self.service_factors.get(service).copied().or(self.service_factor)
    }
}
