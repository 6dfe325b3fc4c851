//! Letting go of a session.

use redis::cmd;

use super::command::Call;
use super::{Fence, Store, StoreError, scripts};
use crate::address::Address;
use crate::units::SessionId;

/// How many ended sessions of a supplier are remembered.
const ENDED: usize = 200;
/// Marks in a record the transactions that served its session.
const TRANSACTION_MARK: &str = "tx:";

impl Store {
    /// Deletes the log of a session and all that served it alone. Its record stays readable for `keep_ended`; relays that
    /// still come are late.
    ///
    /// Nothing here decides whether a session can still earn: call this only when settlement or expiry has been *seen*.
    /// `true` when this call did it, `false` when it had ended before.
    pub async fn finish(&self, fence: &Fence, supplier: &Address, session: &SessionId) -> Result<bool, StoreError> {
        let keys = &self.shared.keys;
        let record = keys.record(supplier, session);
        let marks: Vec<String> = self.shared.link.run(cmd("HKEYS").arg(&record)).await?;
        let mut call = Call::new(&scripts::FINISH)
            .key(keys.lease(supplier))
            .key(keys.sessions(supplier))
            .key(keys.head(supplier))
            .key(keys.ended(supplier))
            .key(keys.log(supplier, session))
            .key(record)
            .key(keys.closed(supplier, session))
            .key(keys.budget(supplier, session));
        for hash in marks.iter().filter_map(|mark| mark.strip_prefix(TRANSACTION_MARK)) {
            call = call.key(keys.transaction(supplier, hash));
        }
        let keep = u64::try_from(self.shared.config.keep_ended.0.as_millis()).unwrap_or(u64::MAX);
        let call = call.argument(fence.to_string()).argument(session.as_str()).argument(keep).argument(ENDED);
        Ok(self.shared.link.call::<u8>(call).await? == 1)
    }
}
