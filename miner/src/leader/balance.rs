//! Looks at balances and stakes of all suppliers whose keys are here.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use relay_core::address::Address;
use relay_core::chain::ChainError;
use tracing::{error, warn};

use super::funds::{Funds, Health, Rules};
use super::{DutyError, Term, amount};
use crate::metrics::Trouble;

/// Suppliers that are looked at side by side.
const ABREAST: usize = 4;
/// The first look waits until the process has settled.
const FIRST: Duration = Duration::from_secs(5);

pub(super) async fn watch(term: Arc<Term>) -> Result<(), DutyError> {
    let mut shown: BTreeSet<Address> = BTreeSet::new();
    tokio::time::sleep(FIRST.min(term.realm.monitors.balance.every.0)).await;
    loop {
        let suppliers: BTreeSet<Address> = term.realm.ring.borrow().addresses().cloned().collect();
        for gone in shown.difference(&suppliers) {
            term.realm.metrics.monitors.balance.forget(gone);
        }
        let chain = &term.realm.chain;
        let (supplier, proof) = tokio::try_join!(chain.supplier_params_now(), chain.proof_params_now())?;
        let rules =
            Rules { least: amount(supplier.min_stake.as_ref()), penalty: amount(proof.proof_missing_penalty.as_ref()) };
        let looks = futures::stream::iter(suppliers.clone()).map(|supplier| look(Arc::clone(&term), supplier, rules));
        looks.buffer_unordered(ABREAST).collect::<()>().await;
        shown = suppliers;
        tokio::time::sleep(term.realm.monitors.balance.every.0).await;
    }
}

/// A question that is not answered changes nothing that is shown.
async fn look(term: Arc<Term>, supplier: Address, rules: Rules) {
    let supplier = &supplier;
    let metrics = &term.realm.metrics.monitors.balance;
    let failed = |trouble, error: &ChainError| {
        metrics.failed(supplier, trouble);
        warn!(%supplier, %error, "a supplier's funds could not be looked at");
    };
    let (_, balance) = match term.realm.chain.balance(supplier).await {
        Ok(balance) => balance,
        Err(error) => return failed(Trouble::Balance, &error),
    };
    let stake = match term.realm.chain.supplier_now(supplier).await {
        Ok(staked) => Some(amount(staked.stake.as_ref())),
        Err(ChainError::NotFound { .. }) => None,
        Err(error) => return failed(Trouble::Stake, &error),
    };
    let funds = Funds::new(balance, stake, rules, &term.realm.monitors.balance);
    metrics.seen(supplier, &funds);
    match funds.balance_health {
        Health::Critical => {
            error!(%supplier, %balance, "the balance is critical: claims and proofs cannot be paid for soon");
        }
        Health::Warning => warn!(%supplier, %balance, "the balance is low"),
        Health::Good => {}
    }
    let Some(stake) = funds.stake else { return };
    match stake.health {
        Health::Critical => {
            error!(%supplier, stake = %stake.amount, outlasts = stake.outlasts, "the stake is close to the chain's minimum");
        }
        Health::Warning => {
            warn!(%supplier, stake = %stake.amount, outlasts = stake.outlasts, "the stake outlasts few missed proofs");
        }
        Health::Good => {}
    }
}
