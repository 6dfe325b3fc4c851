use std::collections::BTreeMap;

use super::conditions::{Finding, with_ready};
use super::facts::{ChainFacts, Known, OnChain};
use super::miners::{MinerReport, MinerSupplier, owner};
use crate::api::{Assignment, LastClaim, SupplierSpec, SupplierStatus};

/// The status of a supplier. `miners` holds the reports of the miners that answered; `None`: no fleet runs.
#[must_use]
pub fn supplier(spec: &SupplierSpec, facts: &ChainFacts, miners: Option<&[MinerReport]>) -> SupplierStatus {
    let owned = miners.and_then(|reports| owner(reports, &spec.operator_address));
    let on_chain = facts.staked.answer().and_then(Option::as_ref);
    let mut status = SupplierStatus {
        stake: on_chain.map(|staked| staked.stake.clone()),
        balance: facts.balance.answer().map(|(_, amount)| amount.to_string()),
        services: on_chain.map(ids),
        unstaking_at: on_chain.and_then(|staked| staked.unstaking_at),
        observed_height: facts.balance.answer().map(|(height, _)| *height),
        conditions: with_ready(vec![
            staked(&facts.staked),
            funded(facts),
            assigned(miners, owned.is_some()),
            services_in_sync(spec, on_chain),
        ]),
        ..SupplierStatus::default()
    };
    if let Some((miner, supplier)) = owned {
        work(&mut status, miner, supplier);
    }
    status
}

fn work(status: &mut SupplierStatus, miner: &MinerReport, supplier: &MinerSupplier) {
    let count = |value: u64| Some(i64::try_from(value).unwrap_or(i64::MAX));
    status.assignment =
        Some(Assignment { miner: miner.instance.clone(), epoch: i64::try_from(supplier.epoch).unwrap_or(i64::MAX) });
    status.last_claim = supplier
        .last_claim
        .as_ref()
        .map(|claim| LastClaim { height: claim.height, session_id: claim.session_id.clone() });
    status.settled_claims = count(supplier.settled_claims);
    status.settled_relays = count(supplier.settled_relays);
    status.lost_relays = count(supplier.lost.iter().map(|loss| loss.relays).sum());
    if !supplier.earned_upokt.is_empty() {
        status.earned = Some(format!("{}upokt", supplier.earned_upokt));
    }
}

fn ids(staked: &OnChain) -> String {
    staked.services.iter().map(|(id, _)| id.as_str()).collect::<Vec<_>>().join(",")
}

fn staked(facts: &Known<Option<OnChain>>) -> Finding {
    match facts {
        Known::No(why) => Finding::unknown("Staked", "ChainUnreachable", why),
        Known::Yes(None) => {
            Finding::bad("Staked", "NotStaked", "no supplier is staked under this operator address; stake it first")
        }
        Known::Yes(Some(staked)) => match staked.unstaking_at {
            None => Finding::good("Staked", "Staked"),
            Some(height) => Finding::good("Staked", "Unstaking").saying(format!("leaves at the session end {height}")),
        },
    }
}

fn funded(facts: &ChainFacts) -> Finding {
    match &facts.balance {
        Known::No(why) => Finding::unknown("Funded", "ChainUnreachable", why),
        Known::Yes((_, amount)) if amount.0 == 0 => Finding::bad(
            "Funded",
            "NoBalance",
            "the operator account is empty and cannot pay for a claim; send it uPOKT",
        ),
        Known::Yes(_) => Finding::good("Funded", "Funded"),
    }
}

fn assigned(miners: Option<&[MinerReport]>, owned: bool) -> Finding {
    match miners {
        None => Finding::unknown("Assigned", "NotRunning", "no fleet runs; start it with `pocket-relay-miner up`"),
        Some([]) => Finding::unknown("Assigned", "MinersUnreachable", "no miner answers"),
        Some(_) if owned => Finding::good("Assigned", "Assigned"),
        Some(_) => Finding::bad("Assigned", "NoOwner", "no miner owns this supplier yet"),
    }
}

fn services_in_sync(spec: &SupplierSpec, on_chain: Option<&OnChain>) -> Finding {
    let Some(on_chain) = on_chain else {
        return Finding::unknown("ServicesInSync", "Unknown", "the services on chain are not known");
    };
    if spec.services.is_empty() {
        return Finding::good("ServicesInSync", "NotCompared");
    }
    let theirs: BTreeMap<&str, _> = on_chain.services.iter().map(|(id, endpoints)| (id.as_str(), endpoints)).collect();
    let mut differences = Vec::new();
    for service in &spec.services {
        match theirs.get(service.id.as_str()) {
            None => differences.push(format!("{} is not staked", service.id)),
            Some(endpoints) => {
                for wanted in &service.endpoints {
                    if !endpoints.iter().any(|(url, kind)| *url == wanted.url && *kind == Some(wanted.rpc_type)) {
                        differences.push(format!("{} has no endpoint {}", service.id, wanted.url));
                    }
                }
            }
        }
    }
    for id in theirs.keys().filter(|id| !spec.services.iter().any(|service| service.id == **id)) {
        differences.push(format!("{id} is staked but not listed"));
    }
    if differences.is_empty() {
        Finding::good("ServicesInSync", "InSync")
    } else {
        Finding::bad("ServicesInSync", "Drift", differences.join("; "))
    }
}
