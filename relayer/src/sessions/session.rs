use std::collections::HashMap;

use relay_core::address::Address;
use relay_core::proto::pocket::session::Session as Wire;
use relay_core::proto::pocket::shared::Supplier;
use relay_core::relay::{RpcType, Target};
use relay_core::session::SessionHeader;
use relay_core::units::ServiceId;

use super::LookupError;

/// A session as the chain has it. It cannot change any more.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) header: SessionHeader,
    /// Its suppliers, with what each declared for the session's service.
    pub(crate) suppliers: HashMap<Address, Declared>,
    pub(crate) target: Target,
}

/// The kinds of request that a supplier declared on chain for a service; `None` when the chain does not say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Declared(Option<Vec<i32>>);

impl Declared {
    fn read(supplier: &Supplier, service: &ServiceId) -> Self {
        let service = supplier.services.iter().find(|config| config.service_id == service.as_str());
        let kinds = service.map(|config| config.endpoints.iter().map(|endpoint| endpoint.rpc_type).collect::<Vec<_>>());
        Self(kinds.filter(|kinds| !kinds.is_empty()))
    }

    /// Whether it declared this kind. Where the chain does not say it is taken to have.
    pub(crate) fn has(&self, kind: RpcType) -> bool {
        self.0.as_ref().is_none_or(|kinds| kinds.contains(&kind.number()))
    }
}

impl Session {
    pub(super) fn read(wire: &Wire, target: [u8; 32]) -> Result<Self, LookupError> {
        let header = wire.header.as_ref().ok_or_else(|| unusable("it has no header"))?;
        let header = SessionHeader::try_from(header).map_err(unusable)?;
        let supplier = |supplier: &Supplier| {
            let declared = Declared::read(supplier, &header.service);
            supplier.operator_address.parse().map(|address| (address, declared)).map_err(unusable)
        };
        let suppliers = wire.suppliers.iter().map(supplier).collect::<Result<_, _>>()?;
        Ok(Self { header, suppliers, target: Target(target) })
    }
}

fn unusable(reason: impl std::fmt::Display) -> LookupError {
    LookupError::Unavailable(format!("the chain's session cannot be used: {reason}"))
}

#[cfg(test)]
mod tests {
    use relay_core::proto::pocket::shared::{SupplierEndpoint, SupplierServiceConfig};

    use super::*;

    #[test]
    fn only_what_the_chain_says_counts_as_undeclared() {
        let endpoint = |kind: RpcType| SupplierEndpoint { rpc_type: kind.number(), ..SupplierEndpoint::default() };
        let service = |id: &str, kinds: &[RpcType]| SupplierServiceConfig {
            service_id: id.to_owned(),
            endpoints: kinds.iter().copied().map(endpoint).collect(),
            ..SupplierServiceConfig::default()
        };
        let declared = |services| {
            let supplier = Supplier { services, ..Supplier::default() };
            let declared = Declared::read(&supplier, &"mine".into());
            (declared.has(RpcType::JsonRpc), declared.has(RpcType::Grpc))
        };
        assert_eq!(
            declared(vec![service("other", &[RpcType::Grpc]), service("mine", &[RpcType::JsonRpc])]),
            (true, false)
        );
        assert_eq!(declared(vec![service("other", &[RpcType::Grpc])]), (true, true));
        assert_eq!(declared(vec![service("mine", &[])]), (true, true));
        assert_eq!(declared(vec![]), (true, true));
    }
}
