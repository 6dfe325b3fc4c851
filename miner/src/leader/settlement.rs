//! Counts what became of the claims of the pool's suppliers, once for the whole pool: every block, none twice, also over a change of
//! leaders. Nothing is decided by these numbers, and no session is touched.

mod sum;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use relay_core::address::Address;
use relay_core::chain::ChainError;
use relay_core::units::Height;
use tracing::{error, info, warn};

use super::{DutyError, Term};
pub(crate) use sum::{Group, Sums};

const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

pub(super) async fn count(term: Arc<Term>) -> Result<(), DutyError> {
    let (store, feed) = (&term.realm.store, &term.realm.feed);
    loop {
        // Read again after each block: another leader may have gone on meanwhile.
        let before = store.settled_up_to().await?;
        let height = match before {
            Some(before) => before + 1,
            // A pool begins with the present: what was before is in nobody's numbers.
            None => feed.reached(Height(1)).await?.height,
        };
        feed.reached(height).await?;
        let suppliers = suppliers(&term).await?;
        let (height, sums) = read(&term, height, &suppliers).await?;
        if store.put_settlement(&term.token, before, height, &sums.totals()).await? {
            term.realm.metrics.monitors.settlement.add(&sums);
        }
    }
}

/// Those whose keys are here, and those that other miners of the pool have.
async fn suppliers(term: &Term) -> Result<BTreeSet<Address>, DutyError> {
    let mut all: BTreeSet<Address> = term.realm.ring.borrow().addresses().cloned().collect();
    all.extend(term.realm.store.supplier_names().await?);
    Ok(all)
}

/// What a block did, asked for until there is an answer. A block that every node has thrown away cannot be counted any more: then what is
/// left begins at another height, which is returned.
async fn read(term: &Term, height: Height, suppliers: &BTreeSet<Address>) -> Result<(Height, Sums), DutyError> {
    let mut pause = FIRST_PAUSE;
    loop {
        match term.realm.chain.block_results(height).await {
            Ok(results) => return Ok((height, Sums::of(&results, suppliers))),
            Err(ChainError::Pruned { .. }) => {
                let earliest = term.realm.chain.status().await?.earliest_height;
                if earliest > height {
                    error!(from = %height, up_to = %(earliest - 1), "no node has these blocks any more: their settlements are in no number");
                    return Ok((earliest - 1, Sums::default()));
                }
                warn!(%height, "a node has thrown this block away; another may have it");
            }
            Err(error) => {
                if pause > FIRST_PAUSE {
                    info!(%height, %error, "the results of a block are waited for");
                }
            }
        }
        term.realm.metrics.monitors.settlement.retried();
        tokio::time::sleep(pause).await;
        pause = pause.mul_f64(1.5).min(LONGEST_PAUSE);
    }
}
