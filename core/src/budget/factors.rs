use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Factor;
use crate::units::ServiceId;

/// Service factors of a pool.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
pub struct Factors {
    /// For services without one of their own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default: Option<Factor>,
    /// By service.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub services: BTreeMap<ServiceId, Factor>,
}

impl Factors {
    /// The factor of a service, if there is one.
    #[must_use]
    pub fn of(&self, service: &ServiceId) -> Option<Factor> {
        self.services.get(service).copied().or(self.default)
    }

    /// Whether no service has one.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.default.is_none() && self.services.is_empty()
    }
}
