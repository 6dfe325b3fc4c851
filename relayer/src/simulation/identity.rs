use std::time::Instant;

use relay_core::address::Address;
use relay_core::chain::ChainTime;
use relay_core::config::ConfigError;
use relay_core::ring::membership::RingKeys;
use relay_core::units::ServiceId;

use super::bucket::Bucket;
use crate::config::{IdentityConfig, Pinned};

/// Somebody who may send simulated relays.
#[derive(Debug)]
pub(super) struct Identity {
    config: IdentityConfig,
    not_after: Option<ChainTime>,
    /// Whose address every request carries.
    pub(super) application: Address,
    /// Who may sign.
    pub(super) ring: RingKeys,
    pub(super) rate: Bucket,
}

impl Identity {
    pub(super) fn new(config: &IdentityConfig) -> Result<Self, ConfigError> {
        let Pinned { application, mut gateways, not_after, rate } = config.pin()?;
        gateways.push(application);
        Ok(Self {
            config: config.clone(),
            not_after,
            application: Address::of(&application),
            ring: RingKeys::from(gateways),
            rate: Bucket::new(rate, Instant::now()),
        })
    }

    pub(super) fn is_of(&self, config: &IdentityConfig) -> bool {
        self.config == *config
    }

    pub(super) fn is_enabled(&self) -> bool {
        self.config.enabled
    }

    pub(super) fn is_expired(&self, now: ChainTime) -> bool {
        self.not_after.is_some_and(|end| now > end)
    }

    pub(super) fn may_use(&self, service: &ServiceId) -> bool {
        self.config.allowed_services.is_empty() || self.config.allowed_services.contains(service)
    }
}
