use std::collections::BTreeSet;

use relay_core::chain::{Chain, ChainConfig, ChainError};
use relay_core::keys::KeySource;
use relay_core::proto::pocket::shared::Supplier;
use relay_core::relay::RpcType;

use super::Finding;
use crate::config::Config;

/// A staked endpoint: the service, and the chain's number of what it speaks.
type Staked = (String, i32);

/// Compares what the suppliers, whose keys are here, have staked with what is served. A relay for a staked pair without a
/// backend would be refused, so each of these is an error.
pub async fn stakes(config: &Config) -> Vec<Finding> {
    let ring = match KeySource::from_section(&config.keys).load() {
        Ok(ring) => ring,
        Err(error) => return vec![Finding::error("keys", error.to_string())],
    };
    if let Some(file) = ring.refused().first() {
        return vec![Finding::error(file.path.display().to_string(), &file.reason)];
    }
    if ring.is_empty() {
        return vec![Finding::error("keys", "no supplier key was found; put one into what `keys` names")];
    }
    let chain = match Chain::new(&ChainConfig::from(&config.chain)) {
        Ok(chain) => chain,
        Err(error) => return vec![Finding::error("chain.nodes", error.to_string())],
    };
    let (mut staked, mut findings) = (BTreeSet::new(), Vec::new());
    for address in ring.addresses() {
        match chain.supplier(address).await {
            Ok(supplier) => staked.extend(pairs(&supplier)),
            Err(ChainError::NotFound { .. }) => findings.push(Finding::info(address.as_str(), "not staked")),
            // Half of the stakes would give half of the errors, which looks like a good result.
            Err(error) => return vec![Finding::error(address.as_str(), error.to_string())],
        }
    }
    let served = config.services.iter();
    let served = served.flat_map(|(id, service)| service.backends.keys().map(|kind| (id.as_str().to_owned(), *kind)));
    findings.extend(compare(&staked, &served.collect()));
    findings.sort();
    findings
}

fn pairs(supplier: &Supplier) -> impl Iterator<Item = Staked> {
    let services = supplier.services.iter();
    services
        .flat_map(|service| service.endpoints.iter().map(|endpoint| (service.service_id.clone(), endpoint.rpc_type)))
}

fn compare(staked: &BTreeSet<Staked>, served: &BTreeSet<(String, RpcType)>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut wanted = BTreeSet::new();
    for (service, number) in staked {
        let subject = format!("services.{service}");
        let Ok(kind) = RpcType::try_from(*number) else {
            let text = format!("an endpoint is staked with kind {number}, which has no backend that could serve it");
            findings.push(Finding::debug(subject, text));
            continue;
        };
        if !served.contains(&(service.clone(), kind)) {
            let text = format!("{kind} is staked but has no backend: add one, or stake without it");
            findings.push(Finding::error(format!("{subject}.backends.{kind}"), text));
        }
        wanted.insert((service.clone(), kind));
    }
    for (service, kind) in served.difference(&wanted) {
        let subject = format!("services.{service}.backends.{kind}");
        findings.push(Finding::info(subject, "configured, but no supplier here has staked it: no relay will come"));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::validate::Level;

    #[test]
    fn staked_and_served_are_compared_pair_by_pair() {
        let pair = |service: &str, number| (service.to_owned(), number);
        let staked = BTreeSet::from([pair("eth", 3), pair("eth", 2), pair("sol", 3), pair("odd", 9), pair("odd", 0)]);
        let served = BTreeSet::from([
            ("eth".to_owned(), RpcType::JsonRpc),
            ("eth".to_owned(), RpcType::Rest),
            ("poly".to_owned(), RpcType::JsonRpc),
        ]);
        let mut findings = compare(&staked, &served);
        findings.sort();
        let found: Vec<_> = findings.iter().map(|finding| (finding.level, finding.subject.as_str())).collect();
        assert_eq!(
            found,
            [
                (Level::Error, "services.eth.backends.websocket"),
                (Level::Error, "services.sol.backends.jsonrpc"),
                (Level::Info, "services.eth.backends.rest"),
                (Level::Info, "services.poly.backends.jsonrpc"),
                (Level::Debug, "services.odd"),
                (Level::Debug, "services.odd"),
            ]
        );
    }
}
