//! Relays into logs.

use bytes::Bytes;

use super::command::Call;
use super::read::registration;
use super::{EntryId, Stamp, Store, StoreError, scripts};
use crate::address::Address;
use crate::session::SessionHeader;
use crate::units::Height;

/// One script call holds Redis for at most a few milliseconds: this many relays, or this many bytes.
const MOST_RELAYS: usize = 512;
const MOST_BYTES: usize = 4 << 20;

/// A relay to append.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Append {
    /// Its session; registered with the first append.
    pub session: SessionHeader,
    /// The mined relay's bytes.
    pub relay: Bytes,
    /// The height at which its request arrived.
    pub arrival: Height,
    /// Where an earlier append put it, when it is appended again after Redis lost its tail.
    pub earlier: Option<EntryId>,
}

/// What became of a relay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AppendOutcome {
    /// It is in the log.
    Appended(EntryId),
    /// Its session is closed. It earns nothing and is counted as late.
    Late,
}

/// What became of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Appended {
    /// One for each relay, in their order.
    pub outcomes: Vec<AppendOutcome>,
    /// To ask [`Store::confirmation`] with.
    pub stamp: Stamp,
}

impl Store {
    /// Appends relays of one supplier, in order.
    ///
    /// # Errors
    /// After an error any of them may have been appended. Appending all of them again is right: a relay counts once.
    pub async fn append(&self, supplier: &Address, relays: &[Append]) -> Result<Appended, StoreError> {
        let incarnation = self.before_write();
        let mut outcomes = Vec::with_capacity(relays.len());
        for batch in batches(relays) {
            let answers: Vec<Option<String>> = self.shared.link.call(self.append_call(supplier, batch)?).await?;
            for answer in answers {
                outcomes.push(match answer {
                    None => AppendOutcome::Late,
                    Some(id) => {
                        let id = id.parse().map_err(|error| StoreError::malformed("the id of an append", error))?;
                        AppendOutcome::Appended(id)
                    }
                });
            }
        }
        if outcomes.len() == relays.len() {
            Ok(Appended { outcomes, stamp: self.after_write(incarnation) })
        } else {
            Err(StoreError::malformed("the outcomes of an append", format!("{} of {}", outcomes.len(), relays.len())))
        }
    }

    fn append_call(&self, supplier: &Address, relays: &[Append]) -> Result<Call, StoreError> {
        let keys = &self.shared.keys;
        let mut sessions: Vec<&SessionHeader> = relays.iter().map(|append| &append.session).collect();
        sessions.sort_unstable_by(|a, b| a.id.cmp(&b.id));
        sessions.dedup_by(|a, b| a.id == b.id);

        let mut call = Call::new(&scripts::APPEND).key(keys.sessions(supplier)).key(keys.head(supplier));
        call = call.argument(sessions.len());
        for session in &sessions {
            call = call
                .key(keys.closed(supplier, &session.id))
                .key(keys.record(supplier, &session.id))
                .key(keys.log(supplier, &session.id))
                .argument(session.id.as_str())
                .argument(registration(session)?);
        }
        for append in relays {
            let position = sessions.partition_point(|session| session.id < append.session.id) + 1;
            call = call
                .argument(position)
                .argument(append.relay.as_ref())
                .argument(append.arrival.0)
                .argument(append.earlier.map(|id| id.ms.to_string()).unwrap_or_default());
        }
        Ok(call)
    }
}

/// Cuts a list into pieces of bounded count and size, none of them empty.
fn batches(relays: &[Append]) -> impl Iterator<Item = &[Append]> {
    let mut rest = relays;
    std::iter::from_fn(move || {
        let mut bytes = 0;
        let fits = |append: &&Append| {
            bytes += append.relay.len();
            bytes <= MOST_BYTES
        };
        let count = rest.iter().take(MOST_RELAYS).take_while(fits).count().max(1);
        let (batch, left) = rest.split_at_checked(count)?;
        rest = left;
        Some(batch)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn relay(size: usize) -> Append {
        let application = Address::from_payload(&[1; 20]).unwrap();
        let session =
            SessionHeader { application, service: "anvil".into(), id: "s".into(), start: Height(1), end: Height(10) };
        Append { session, relay: vec![0; size].into(), arrival: Height(3), earlier: None }
    }

    #[test]
    fn batches_are_bounded_and_complete() {
        let sizes = |relays: &[Append]| batches(relays).map(<[Append]>::len).collect::<Vec<_>>();
        assert!(sizes(&[]).is_empty());
        assert_eq!(sizes(&vec![relay(10); 1_100]), [512, 512, 76]);
        assert_eq!(sizes(&vec![relay(3 << 20); 3]), [1, 1, 1]);
        assert_eq!(sizes(&[relay(9 << 20), relay(1), relay(1)]), [1, 2], "one that is too large goes alone");
    }
}
