//! Claims.

use relay_core::chain::{Block, tx};
use relay_core::proof::Claim;
use relay_core::units::SessionId;

use super::flights::Letter;
use super::{Owner, OwnerError};
use crate::lifecycle::{Action, Send};
use crate::submission::Kind;

impl Owner {
    /// Brings due claims on chain: those under way once more, new ones together.
    pub(super) async fn bring_claims(&mut self, block: &Block) -> Result<(), OwnerError> {
        let due = self.due(block, |action| match action {
            Action::Claim(send) => Some(send),
            _ => None,
        });
        self.send_again(Kind::Claim, &due, block).await?;
        let fresh = due.iter().filter(|(_, send)| *send == Send::Fresh);
        let letters = fresh.filter_map(|(id, _)| self.claim_letter(id)).collect();
        let letters = self.within_funds(Kind::Claim, letters, block).await;
        self.launch(Kind::Claim, letters, block).await
    }

    fn claim_letter(&self, id: &SessionId) -> Option<Letter> {
        let session = self.sessions.get(id)?;
        let (Some(root), Some(windows), true) = (session.seal, session.windows, session.seal_confirmed) else {
            return None;
        };
        let claim = Claim { supplier: self.supplier.clone(), session: session.record.header.clone(), root };
        Some(Letter {
            session: id.clone(),
            message: tx::claim(&claim.message()),
            open: windows.claim_open,
            close: windows.claim_close,
            alone: session.record.claim.travels_alone(),
            failed_before: session.record.claim.travels_alone(),
        })
    }
}
