use crate::address::{Address, AddressError};
use crate::proto::pocket::application::Application;
use crate::units::Height;

use super::membership::Delegations;

impl TryFrom<&Application> for Delegations {
    type Error = AddressError;

    fn try_from(application: &Application) -> Result<Self, AddressError> {
        let addresses = |texts: &[String]| texts.iter().map(|text| text.parse()).collect::<Result<Vec<Address>, _>>();
        let left = application.pending_undelegations.iter().map(|(end, gateways)| {
            // A height beyond any block is "never over", which is what the largest height says too.
            let end = Height(i64::try_from(*end).unwrap_or(i64::MAX));
            Ok((end, addresses(&gateways.gateway_addresses)?))
        });
        Ok(Self {
            gateways: addresses(&application.delegatee_gateway_addresses)?,
            pending_undelegations: left.collect::<Result<_, AddressError>>()?,
        })
    }
}
