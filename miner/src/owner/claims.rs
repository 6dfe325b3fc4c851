//! Claims.

use relay_core::chain::{Block, tx};
use relay_core::proof::Claim;
use relay_core::units::{Height, SessionId};

use super::flights::Kind;
use super::{Owner, OwnerError};
use crate::lifecycle::{Action, Send};

impl Owner {
    /// Brings due claims on chain: new ones together, those under way once more.
    pub(super) async fn bring_claims(&mut self, block: &Block) -> Result<(), OwnerError> {
        let due = self.due(block, |action| match action {
            Action::Claim(send) => Some(send),
            _ => None,
        });
        let again: Vec<SessionId> =
            due.iter().filter(|(_, send)| *send == Send::Again).map(|(id, _)| id.clone()).collect();
        self.send_again(Kind::Claim, &again, block).await?;
        let mut fresh = Vec::new();
        let mut close: Option<Height> = None;
        for (id, _) in due.iter().filter(|(_, send)| *send == Send::Fresh) {
            let Some(session) = self.sessions.get(id) else { continue };
            let (Some(root), Some(windows), true) = (session.seal, session.windows, session.seal_confirmed) else {
                continue;
            };
            let claim = Claim { supplier: self.supplier.clone(), session: session.record.header.clone(), root };
            fresh.push((id.clone(), tx::claim(&claim.message())));
            close = Some(close.map_or(windows.claim_close, |close| close.min(windows.claim_close)));
        }
        match close {
            Some(close) => self.launch(Kind::Claim, fresh, close, block).await,
            None => Ok(()),
        }
    }
}
