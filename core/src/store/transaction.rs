//! The bytes of transactions, stored before they are first sent.

use redis::cmd;

use super::command::Call;
use super::{Fence, Store, StoreError, scripts};
use crate::address::Address;
use crate::units::SessionId;

impl Store {
    /// Stores a signed transaction under its hash, until every session that it serves has ended.
    pub async fn put_tx(
        &self,
        fence: &Fence,
        supplier: &Address,
        hash: &str,
        bytes: &[u8],
        sessions: &[SessionId],
    ) -> Result<(), StoreError> {
        let keys = &self.shared.keys;
        let mut call = Call::new(&scripts::WRITE_TRANSACTION)
            .key(keys.lease(supplier))
            .key(keys.sessions(supplier))
            .key(keys.transaction(supplier, hash))
            .argument(fence.to_string())
            .argument(hash)
            .argument(bytes);
        for session in sessions {
            call = call.key(keys.record(supplier, session)).argument(session.as_str());
        }
        self.shared.link.call::<u64>(call).await.map(|_| ())
    }

    /// The bytes of a transaction, if they are there.
    pub async fn tx(&self, supplier: &Address, hash: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.shared.link.run(cmd("HGET").arg(self.shared.keys.transaction(supplier, hash)).arg("bytes")).await
    }
}
