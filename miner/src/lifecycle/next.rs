use relay_core::session::Windows;
use relay_core::units::Height;

use super::view::{Action, ChainView, ClaimView, LogView, Phase, Requirement, Sealed, Send, Situation, Verdict};
use crate::record::{Attempts, Flight, Outcome, SessionRecord};

/// Blocks at the end of a claim window that are always left for claiming.
const RESERVE: i64 = 3;

/// Decides what to do about a session now, and names where it stands.
#[must_use]
pub fn next(situation: &Situation<'_>) -> (Phase, Action) {
    let Situation { record, log, chain } = situation;
    if record.ending.is_some() {
        return (Phase::Ended, Action::Wait);
    }
    if let Some(over) = after_settlement(record, chain) {
        return over;
    }
    if record.closed_at.is_none() {
        let close = is_time_to_close(chain, log);
        return (Phase::Open, if close { Action::Close } else { Action::Wait });
    }
    let Some(sealed) = log.sealed else {
        // A log that holds nothing to claim ends here: there is nothing a seal could protect.
        return match (log.drained, log.leaves) {
            (false, _) => (Phase::Closed, Action::Wait),
            (true, 0) if !matches!(chain.claim, ClaimView::Found { .. }) => {
                (Phase::Closed, Action::Finish(Outcome::Empty))
            }
            (true, _) => (Phase::Closed, Action::Seal),
        };
    };
    match chain.claim {
        ClaimView::Unknown | ClaimView::Absent { .. } => claim(record, chain),
        ClaimView::Found { root, verdict } => prove(record, chain, sealed, root, verdict),
    }
}

/// Closing at grace end loses nothing; a relayer that still holds relays is waited for, but never at the cost of the claim.
fn is_time_to_close(chain: &ChainView, log: &LogView) -> bool {
    let grace_is_over = chain.height > chain.windows.grace_end;
    (grace_is_over && !log.held_by_relayers) || chain.height >= latest_close(&chain.windows, log.sealing_takes)
}

/// The height at which a session is closed whoever still holds relays of it.
pub(super) fn latest_close(windows: &Windows, sealing_takes: i64) -> Height {
    let window = windows.claim_close - windows.claim_open;
    let reserve = std::cmp::max(RESERVE + sealing_takes, window / 3);
    // In a window shorter than the reserve the end of the grace period is the best there is.
    std::cmp::max(windows.claim_close - reserve, windows.grace_end + 1)
}

fn claim(record: &SessionRecord, chain: &ChainView) -> (Phase, Action) {
    let Windows { claim_open, claim_close, .. } = chain.windows;
    if chain.height < claim_open {
        return (Phase::Sealed, Action::Wait);
    }
    // A transaction sent now is included in the next block at the earliest, so the last useful moment is one block before.
    if chain.height >= claim_close {
        return (Phase::Forfeited, Action::Wait);
    }
    // Without an answer of the chain nothing new is begun; what is under way goes on, it carries the one root there is.
    if chain.claim == ClaimView::Unknown && record.claim.flight.is_none() {
        return (Phase::Claiming, Action::Wait);
    }
    (Phase::Claiming, resend(&record.claim, chain).map_or(Action::Wait, Action::Claim))
}

fn prove(
    record: &SessionRecord,
    chain: &ChainView,
    sealed: Sealed,
    root: [u8; 48],
    verdict: Verdict,
) -> (Phase, Action) {
    let Windows { proof_open, proof_close, .. } = chain.windows;
    match (verdict, chain.requirement) {
        (Verdict::Validated, _) | (Verdict::Pending, Some(Requirement::NotRequired)) => (Phase::Settling, Action::Wait),
        // The same bytes would be judged the same way, for another fee.
        (Verdict::Invalid, _) => (Phase::Forfeited, Action::Wait),
        (Verdict::Pending, None) => (Phase::Claimed, Action::Wait),
        (Verdict::Pending, Some(Requirement::Required)) => {
            if chain.height < proof_open {
                return (Phase::Claimed, Action::Wait);
            }
            if chain.height >= proof_close {
                return (Phase::Forfeited, Action::Wait);
            }
            // Only a proof of the root on chain can be valid, and only the trie that has it can make one.
            if root != sealed.root || !sealed.reproduced {
                return (Phase::Claimed, Action::Wait);
            }
            (Phase::Proving, resend(&record.proof, chain).map_or(Action::Wait, Action::Proof))
        }
    }
}

/// The stored bytes go out once a block until their time is over; only then are new ones made. Bytes that are spent and did
/// not bring the message on chain by the next block have failed in theirs.
fn resend(attempts: &Attempts, chain: &ChainView) -> Option<Send> {
    match &attempts.flight {
        Some(Flight { spent_at: Some(spent), .. }) => (chain.height > *spent).then_some(Send::Fresh),
        Some(flight) if chain.time <= flight.expires => (chain.height > flight.broadcast_at).then_some(Send::Again),
        Some(_) | None => Some(Send::Fresh),
    }
}

/// The only way out of a session that might have a claim: a node at or past the settlement height no longer has one.
fn after_settlement(record: &SessionRecord, chain: &ChainView) -> Option<(Phase, Action)> {
    let ClaimView::Absent { at } = chain.claim else { return None };
    if at < chain.windows.settlement {
        return None;
    }
    Some(match &chain.outcome {
        None => (Phase::Settling, Action::ReadSettlement),
        Some(Outcome::Unclaimed { reason }) => {
            let reason = record.claim.last_error.clone().unwrap_or_else(|| reason.clone());
            (Phase::Forfeited, Action::Finish(Outcome::Unclaimed { reason }))
        }
        Some(outcome) => (Phase::Settling, Action::Finish(outcome.clone())),
    })
}
