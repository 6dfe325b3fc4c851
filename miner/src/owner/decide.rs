//! From what is known to what is to be done: the chain is asked, the decision itself is [`lifecycle::next`].

use std::time::Duration;

use relay_core::chain::Block;
use relay_core::proto::pocket::proof::{Claim, ClaimProofStatus};
use relay_core::units::{Height, SessionId};
use tracing::warn;

use super::Owner;
use crate::lifecycle::{self, Action, ChainView, ClaimView, LogView, Phase, Situation, Verdict};
use crate::session::{Session, windows};

impl Owner {
    /// Brings the chain's side of every session up to date. What cannot be had now is asked for with the next block.
    pub(super) async fn ask_the_chain(&mut self, block: &Block) {
        let chain = self.around.chain.clone();
        let sealing_takes = self.blocks_to_seal();
        let in_doubt = self.doubt.at(block.height);
        for session in self.sessions.values_mut() {
            session.sealing_takes = sealing_takes;
            session.in_doubt = in_doubt;
            match windows(&chain, session.record.header.end).await {
                Ok(windows) => session.windows = Some(windows),
                Err(error) => warn!(supplier = %self.supplier, %error, "windows of a session are unknown for now"),
            }
        }
        self.ask_for_claims(block).await;
        self.ask_who_holds_relays().await;
    }

    /// Closing and sealing end with a barrier each.
    fn blocks_to_seal(&self) -> i64 {
        let barriers = self.around.store.config().barrier.0 * 2;
        let block = self.around.feed.block_time().max(Duration::from_millis(1));
        i64::try_from(barriers.as_millis().div_ceil(block.as_millis())).unwrap_or(i64::MAX)
    }

    /// One query for all claims of the supplier, while any session can have one.
    async fn ask_for_claims(&mut self, block: &Block) {
        let due = |session: &Session| session.windows.is_some_and(|windows| block.height + 1 >= windows.claim_open);
        if !self.sessions.values().any(due) {
            return;
        }
        let (at, claims) = match self.around.chain.claims_of(&self.supplier).await {
            Ok(answer) => answer,
            Err(error) => {
                warn!(supplier = %self.supplier, %error, "claims of the supplier are unknown for now");
                return;
            }
        };
        for (id, session) in &mut self.sessions {
            let Some(windows) = session.windows else { continue };
            session.note_claim(view_of(&claims, id, at), windows.settlement);
        }
    }

    async fn ask_who_holds_relays(&mut self) {
        let returning = self.reappends_until.is_some_and(|until| self.around.clock.monotonic() < until);
        let lowest = match self.around.store.pending(&self.supplier).await {
            Ok(pending) => pending.into_iter().map(|relayer| relayer.lowest_session_end).min(),
            Err(error) => {
                warn!(supplier = %self.supplier, %error, "what relayers hold is unknown for now");
                return;
            }
        };
        for session in self.sessions.values_mut() {
            session.held_by_relayers = returning || lowest.is_some_and(|lowest| lowest <= session.record.header.end);
        }
    }

    /// The sessions for which `pick` takes the action that is due now.
    pub(super) fn due<T>(&mut self, block: &Block, pick: impl Fn(Action) -> Option<T>) -> Vec<(SessionId, T)> {
        self.sessions
            .iter_mut()
            .filter_map(|(id, session)| pick(session.decide(block).1).map(|picked| (id.clone(), picked)))
            .collect()
    }
}

impl Session {
    /// Where the session stands and what is due. Without its windows, nothing is.
    pub fn decide(&mut self, block: &Block) -> (Phase, Action) {
        let Some(windows) = self.windows else { return (Phase::Open, Action::Wait) };
        // An open session's root is of interest only once the chain shows a claim.
        let root = match (self.record.closed_at, self.claim) {
            (Some(_), _) | (None, ClaimView::Found { .. }) => self.root(),
            (None, _) => None,
        };
        let tally = self.tally();
        let log = LogView {
            drained: self.drained && tally.entries == self.appended,
            leaves: tally.leaves,
            root,
            sealing_takes: self.sealing_takes,
            held_by_relayers: self.held_by_relayers,
            sealed: self.seal.map(|seal| *seal.as_bytes()),
            in_doubt: self.in_doubt,
        };
        let chain = ChainView {
            height: block.height,
            time: block.time,
            windows,
            claim: self.claim,
            requirement: self.requirement,
            outcome: self.outcome.clone(),
        };
        lifecycle::next(&Situation { record: &self.record, log, chain, worth: self.worth })
    }
}

fn view_of(claims: &[Claim], id: &SessionId, at: Height) -> ClaimView {
    let ours = claims
        .iter()
        .find(|claim| claim.session_header.as_ref().is_some_and(|header| header.session_id == id.as_str()));
    let Some(claim) = ours else { return ClaimView::Absent { at } };
    let Ok(root) = <[u8; 48]>::try_from(claim.root_hash.as_slice()) else { return ClaimView::Unknown };
    let verdict = match claim.proof_validation_status() {
        ClaimProofStatus::PendingValidation => Verdict::Pending,
        ClaimProofStatus::Validated => Verdict::Validated,
        ClaimProofStatus::Invalid => Verdict::Invalid,
    };
    ClaimView::Found { at, root, verdict }
}

#[cfg(test)]
mod tests {
    use relay_core::proto::pocket::session::SessionHeader;

    use super::*;

    // rule: C-07, H-20, I-11
    #[test]
    fn a_claim_whose_root_is_no_root_is_no_answer() {
        let claim = |root_hash: Vec<u8>| Claim {
            session_header: Some(SessionHeader { session_id: "ab".to_owned(), ..SessionHeader::default() }),
            root_hash,
            ..Claim::default()
        };
        let view = |root| view_of(&[claim(root)], &"ab".into(), Height(9));
        for length in [0, 32, 47, 49] {
            assert_eq!(view(vec![1; length]), ClaimView::Unknown);
        }
        let found = ClaimView::Found { at: Height(9), root: [1; 48], verdict: Verdict::Pending };
        assert_eq!(view(vec![1; 48]), found);
        assert_eq!(view_of(&[claim(vec![1; 48])], &"cd".into(), Height(9)), ClaimView::Absent { at: Height(9) });
    }
}
