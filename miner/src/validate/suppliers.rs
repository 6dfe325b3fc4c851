use futures::StreamExt as _;
use relay_core::address::Address;
use relay_core::chain::{Chain, ChainError};
use relay_core::keys::KeyRing;
use relay_core::validate::Finding;

use crate::config::BalanceMonitor;

/// Suppliers that are asked about at the same time.
const AT_ONCE: usize = 8;

/// What the chain allows in a block.
pub(super) async fn limits(chain: &Chain) -> Vec<Finding> {
    match chain.consensus_limits().await {
        Err(error) => vec![Finding::warning("chain", format!("its limits are not known: {error}"))],
        Ok(limits) => {
            let or_none = |limit: Option<u64>| limit.map_or_else(|| "any number".to_owned(), |limit| limit.to_string());
            let (bytes, gas) = (or_none(limits.max_bytes), or_none(limits.max_gas));
            vec![Finding::info("chain", format!("of bytes a block holds {bytes}, of gas {gas}"))]
        }
    }
}

/// Is each supplier staked, and can it pay for its claims and proofs?
pub(super) async fn standing(chain: &Chain, ring: &KeyRing, monitor: &BalanceMonitor) -> Vec<Finding> {
    let asked = ring.addresses().map(|address| of_one(chain, address, monitor));
    futures::stream::iter(asked).buffered(AT_ONCE).concat().await
}

async fn of_one(chain: &Chain, address: &Address, monitor: &BalanceMonitor) -> Vec<Finding> {
    let subject = address.as_str();
    let mut findings = Vec::new();
    match chain.supplier(address).await {
        Ok(supplier) => {
            let stake = supplier.stake.as_ref().map_or("0", |stake| stake.amount.as_str()).to_owned();
            let services: Vec<&str> = supplier.services.iter().map(|service| service.service_id.as_str()).collect();
            findings.push(Finding::info(subject, format!("staked {stake} upokt for {}", services.join(", "))));
            if supplier.unstake_session_end_height > 0 {
                let text = format!("leaves with the session that ends at {}", supplier.unstake_session_end_height);
                findings.push(Finding::warning(subject, text));
            }
        }
        Err(ChainError::NotFound { .. }) => {
            let text = "is not staked, so there is nothing to mine for it: stake it, or take its key away";
            findings.push(Finding::warning(subject, text));
        }
        Err(error) => findings.push(Finding::warning(subject, format!("nothing is known of its stake: {error}"))),
    }
    match chain.balance(address).await {
        Ok((_, balance)) if balance.0 == 0 => {
            findings.push(Finding::error(subject, "can pay no fee: send upokt to this address"));
        }
        Ok((_, balance)) if balance.0 < u128::from(monitor.threshold_upokt) => {
            let text = format!("has {balance} left to pay fees with, less than monitors.balance.thresholdUpokt");
            findings.push(Finding::warning(subject, text));
        }
        Ok((_, balance)) => findings.push(Finding::info(subject, format!("has {balance} to pay fees with"))),
        Err(error) => findings.push(Finding::warning(subject, format!("nothing is known of its balance: {error}"))),
    }
    findings
}
