//! What stands in a pool's relay log.

use relay_core::relay::{MinedRelay, RelayHash};

use crate::ledger::Ledger;
use crate::pool::Pool;
use crate::stage::Stage;

/// Everything in the logs of the pool's suppliers, repeated entries included.
pub(crate) async fn read(stage: &Stage, pool: &Pool) -> Ledger {
    let store = pool.store(stage).await;
    let mut ledger = Ledger::default();
    for heads in store.poll(&pool.suppliers).await.unwrap() {
        for session in heads.sessions {
            let mut after = None;
            loop {
                let entries = store.read_log(&heads.supplier, &session.header.id, after, 1000).await.unwrap();
                let Some(last) = entries.last() else { break };
                after = Some(last.id);
                for entry in entries {
                    let mined = MinedRelay { hash: RelayHash::of(&entry.relay), bytes: entry.relay };
                    ledger.put((heads.supplier.clone(), session.header.id.clone()), mined);
                }
            }
        }
    }
    ledger
}
