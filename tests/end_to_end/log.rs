//! What stands in a pool's relay log.

use relay_core::relay::{MinedRelay, RelayHash};
use relay_core::store::{Store, StoreError};

use crate::ledger::{Ledger, Part};
use crate::pool::Pool;
use crate::stage::Stage;

/// Everything in the logs of the pool's suppliers, repeated entries included.
pub(crate) async fn read(stage: &Stage, pool: &Pool) -> Ledger {
    let store = pool.store(stage).await.unwrap();
    let mut ledger = Ledger::default();
    for heads in store.poll(&pool.suppliers).await.unwrap() {
        for session in heads.sessions {
            let part = (heads.supplier.clone(), session.header.id.clone());
            for mined in self::part(&store, &part).await.unwrap() {
                ledger.put(part.clone(), mined);
            }
        }
    }
    ledger
}

/// Everything in one log.
pub(crate) async fn part(store: &Store, (supplier, session): &Part) -> Result<Vec<MinedRelay>, StoreError> {
    let (mut relays, mut after) = (Vec::new(), None);
    loop {
        let entries = store.read_log(supplier, session, after, 1000).await?;
        let Some(last) = entries.last() else { return Ok(relays) };
        after = Some(last.id);
        let mined =
            entries.into_iter().map(|entry| MinedRelay { hash: RelayHash::of(&entry.relay), bytes: entry.relay });
        relays.extend(mined);
    }
}
