//! The frozen root of a session: created once, adopted by every later owner.

use redis::cmd;
use serde::{Deserialize, Serialize};

use super::command::Call;
use super::{EntryId, Fence, Incarnation, Store, StoreError, scripts};
use crate::address::Address;
use crate::smst::Root;
use crate::units::SessionId;

/// What a claim will say, and what it was made from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seal {
    /// The log's last entry.
    pub last: EntryId,
    /// Leaves of the trie.
    pub count: u64,
    /// Compute units of the trie.
    pub sum: u64,
    /// Its root.
    #[serde(with = "root")]
    pub root: [u8; 48],
    /// The Redis in which it was made.
    pub incarnation: Incarnation,
}

/// The outcome of sealing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sealed {
    /// Ours is the session's seal.
    Created,
    /// There was one; it stays, and binds the caller.
    Existing(Seal),
}

impl Store {
    /// Freezes a closed session under a root, once.
    ///
    /// # Errors
    /// [`StoreError::NotClosed`] before [`Store::close`]; [`StoreError::LogMoved`] when the log does not end with `seal.last`.
    pub async fn seal(
        &self,
        fence: &Fence,
        supplier: &Address,
        session: &SessionId,
        seal: &Seal,
    ) -> Result<Sealed, StoreError> {
        let keys = &self.shared.keys;
        let text = serde_json::to_string(seal).map_err(|error| StoreError::malformed("a seal", error))?;
        let call = Call::new(&scripts::SEAL)
            .key(keys.lease(supplier))
            .key(keys.record(supplier, session))
            .key(keys.log(supplier, session))
            .argument(fence.to_string())
            .argument(seal.last.to_string())
            .argument(text);
        let (created, text): (u8, String) = self.shared.link.call(call).await?;
        if created == 1 { Ok(Sealed::Created) } else { parse(&text).map(Sealed::Existing) }
    }

    /// The seal of a session, if there is one.
    pub async fn read_seal(&self, supplier: &Address, session: &SessionId) -> Result<Option<Seal>, StoreError> {
        let mut command = cmd("HGET");
        command.arg(self.shared.keys.record(supplier, session)).arg("seal");
        let text: Option<String> = self.shared.link.run(&command).await?;
        text.as_deref().map(parse).transpose()
    }
}

fn parse(text: &str) -> Result<Seal, StoreError> {
    serde_json::from_str(text).map_err(|error| StoreError::malformed("a seal", error))
}

/// Roots are written as 96 hex digits.
mod root {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::Root;

    pub(super) fn serialize<S: Serializer>(root: &[u8; 48], serializer: S) -> Result<S::Ok, S::Error> {
        Root(*root).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<[u8; 48], D::Error> {
        Root::deserialize(deserializer).map(|root| root.0)
    }
}
