//! Keeps what the chain says of each supplier where relayers, the operator and people find it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use relay_core::address::Address;
use relay_core::proto::pocket::shared::Supplier;
use relay_core::store::{KnownSupplier, SupplierMoney, SupplierState};
use relay_core::units::{Height, ServiceId, Upokt};
use tracing::{debug, info};

use super::{DutyError, Term, amount};

/// Suppliers that are asked for side by side.
const ABREAST: usize = 8;
/// A supplier that no leader has had the key of for this long is dropped.
const FORGOTTEN: Duration = Duration::from_hours(24);

pub(super) async fn keep(term: Arc<Term>) -> Result<(), DutyError> {
    let feed = &term.realm.feed;
    let every = i64::from(term.realm.leader.refresh_blocks);
    let mut due = Height(1);
    loop {
        let now = feed.reached(due).await?.height;
        let ours: Vec<Address> = term.realm.ring.borrow().addresses().cloned().collect();
        let owners = owners(&term, &ours).await?;
        let mut looks = futures::stream::iter(ours.clone())
            .map(|supplier| {
                let owner = owners.get(&supplier).cloned();
                look(Arc::clone(&term), supplier, owner, now)
            })
            .buffer_unordered(ABREAST);
        while let Some(outcome) = looks.next().await {
            outcome?;
        }
        for (supplier, known) in term.realm.store.suppliers().await? {
            if is_forgotten(&known) && !ours.contains(&supplier) {
                info!(%supplier, "nobody has had the key of this supplier for long; what was known of it is dropped");
                term.realm.store.drop_supplier(&term.token, &supplier).await?;
            }
        }
        due = now + every;
    }
}

/// Other miners may hold keys that are not here: what they are the leaders of is not ours to clear away, unless nobody has looked for long.
fn is_forgotten(known: &KnownSupplier) -> bool {
    known.age > FORGOTTEN
}

async fn owners(term: &Term, suppliers: &[Address]) -> Result<BTreeMap<Address, String>, DutyError> {
    let leases = term.realm.store.owners(suppliers).await?;
    Ok(suppliers.iter().cloned().zip(leases).filter_map(|(supplier, owner)| Some((supplier, owner?))).collect())
}

/// Only a whole and up-to-date answer is written; everything else leaves what is there, which grows older, and readers see its age.
async fn look(term: Arc<Term>, supplier: Address, owner: Option<String>, now: Height) -> Result<(), DutyError> {
    let (chain, metrics) = (&term.realm.chain, &term.realm.metrics.monitors.suppliers);
    let answers = tokio::try_join!(chain.supplier_at_node(&supplier), chain.balance(&supplier));
    let ((height, staked), (_, balance)) = match answers {
        Ok(answers) => answers,
        Err(error) => {
            debug!(%supplier, %error, "what the chain says of a supplier is not known now");
            metrics.skipped("chain_query_error");
            return Ok(());
        }
    };
    // A node that is behind knows the past. One block is the time between two questions.
    if height + 1 < now {
        metrics.skipped("node_behind");
        return Ok(());
    }
    let Some((known, stake)) = read(staked.as_deref(), owner, height) else {
        metrics.skipped("unreliable_answer");
        return Ok(());
    };
    let money = SupplierMoney { stake, balance };
    if term.realm.store.put_supplier(&term.token, &supplier, &known, &money, height).await? {
        metrics.written();
        info!(%supplier, staked = known.staked, unstaking = ?known.unstaking_at, services = known.services.len(), "a supplier's state changed");
    }
    Ok(())
}

/// What an answer says, if it says all of it. `None`: one that says that a supplier is staked and not for what.
fn read(supplier: Option<&Supplier>, owner: Option<String>, height: Height) -> Option<(SupplierState, Upokt)> {
    let Some(supplier) = supplier else {
        let state = SupplierState { staked: false, unstaking_at: None, services: Vec::new(), owner };
        return Some((state, Upokt(0)));
    };
    let is_active = |from: i64, to: i64| from <= height.0 && (to == 0 || height.0 < to);
    let history = &supplier.service_config_history;
    let mut services: Vec<ServiceId> = if history.is_empty() {
        supplier.services.iter().map(|service| service.service_id.as_str().into()).collect()
    } else {
        history
            .iter()
            .filter(|update| is_active(update.activation_height, update.deactivation_height))
            .filter_map(|update| Some(update.service.as_ref()?.service_id.as_str().into()))
            .collect()
    };
    if history.is_empty() && services.is_empty() {
        return None;
    }
    services.sort_unstable();
    services.dedup();
    supplier.stake.as_ref()?;
    let unstaking_at = i64::try_from(supplier.unstake_session_end_height).ok().filter(|height| *height > 0).map(Height);
    let state = SupplierState { staked: true, unstaking_at, services, owner };
    Some((state, amount(supplier.stake.as_ref())))
}

#[cfg(test)]
mod tests {
    use relay_core::proto::cosmos::base::v1beta1::Coin;
    use relay_core::proto::pocket::shared::{ServiceConfigUpdate, SupplierServiceConfig};

    use super::*;

    fn service(id: &str) -> SupplierServiceConfig {
        SupplierServiceConfig { service_id: id.into(), ..SupplierServiceConfig::default() }
    }

    fn update(id: &str, from: i64, to: i64) -> ServiceConfigUpdate {
        ServiceConfigUpdate {
            service: Some(service(id)),
            activation_height: from,
            deactivation_height: to,
            ..ServiceConfigUpdate::default()
        }
    }

    // rule: H-27, H-28, C-19
    #[test]
    fn services_come_from_the_history_and_what_is_unknown_is_not_empty() {
        let stake = Some(Coin { denom: "upokt".into(), amount: "7".into() });
        let history = vec![update("gone", 1, 10), update("here", 1, 0), update("until", 5, 21), update("later", 30, 0)];
        let supplier = Supplier {
            stake,
            services: vec![service("later")],
            service_config_history: history,
            unstake_session_end_height: 40,
            ..Supplier::default()
        };
        let (known, staked) = read(Some(&supplier), Some("me".into()), Height(20)).unwrap();
        assert_eq!(known.services, ["here".into(), "until".into()]);
        assert_eq!((known.staked, known.unstaking_at, staked), (true, Some(Height(40)), Upokt(7)));
        assert_eq!(known.owner.as_deref(), Some("me"));

        let flat = Supplier { service_config_history: Vec::new(), ..supplier.clone() };
        assert_eq!(read(Some(&flat), None, Height(20)).unwrap().0.services, ["later".into()]);
        let unknown = Supplier { services: Vec::new(), ..flat.clone() };
        assert!(read(Some(&unknown), None, Height(20)).is_none());
        assert!(read(Some(&Supplier { stake: None, ..flat }), None, Height(20)).is_none());
        assert!(!read(None, None, Height(20)).unwrap().0.staked);
    }
}
