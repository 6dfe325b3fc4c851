use relay_core::session::Windows;
use relay_core::units::Height;

use super::view::{Action, ChainView, ClaimView, LogView, Phase, Requirement, Send, Situation, Verdict};
use crate::record::{Attempts, Flight, Outcome, SessionRecord};
use crate::submission::Worth;

/// Blocks at the end of a claim window that are always left for claiming.
const RESERVE: i64 = 3;

/// In the last blocks of a window a message goes out although an answer is missing: a superfluous one costs gas, a missing one
/// the reward, or stake.
pub(crate) const LAST_CALL: i64 = 2;

/// Decides what to do about a session now, and names where it stands.
#[must_use]
pub fn next(situation: &Situation<'_>) -> (Phase, Action) {
    let Situation { record, log, chain, worth } = situation;
    if record.ending.is_some() {
        return (Phase::Ended, Action::Wait);
    }
    if let Some(over) = after_settlement(record, chain) {
        return over;
    }
    if let ClaimView::Found { root, verdict, .. } = chain.claim {
        return claimed(record, log, chain, root, verdict);
    }
    if record.closed_at.is_none() {
        let close = is_time_to_close(chain, log);
        return (Phase::Open, if close { Action::Close } else { Action::Wait });
    }
    match log.sealed {
        Some(sealed) => match unprofitable(record, log, chain, worth.as_ref()) {
            Some(outcome) => (Phase::Sealed, Action::Finish(outcome)),
            None => claim(record, log, chain, sealed),
        },
        None => (Phase::Closed, freeze(chain, log)),
    }
}

/// Closing at grace end loses nothing; a relayer that still holds relays is waited for, but never at the cost of the claim.
fn is_time_to_close(chain: &ChainView, log: &LogView) -> bool {
    let grace_is_over = chain.height > chain.windows.grace_end;
    if must_wait_for_the_chain(chain, log) {
        return false;
    }
    (grace_is_over && !log.held_by_relayers) || chain.height >= latest_close(&chain.windows, log.sealing_takes)
}

/// The height at which a session is closed whoever still holds relays of it.
pub(super) fn latest_close(windows: &Windows, sealing_takes: i64) -> Height {
    let window = windows.claim_close - windows.claim_open;
    let reserve = std::cmp::max(RESERVE + sealing_takes, window / 3);
    // In a window shorter than the reserve the end of the grace period is the best there is.
    std::cmp::max(windows.claim_close - reserve, windows.grace_end + 1)
}

/// A claim that Redis forgot may be on its way. The chain shows it soon, and then it is the seal; another root before that
/// would be a second one. Waiting ends where it would cost the claim.
fn must_wait_for_the_chain(chain: &ChainView, log: &LogView) -> bool {
    log.in_doubt && chain.height < chain.windows.claim_close - LAST_CALL - log.sealing_takes
}

/// What to do about a closed log without a seal and without a claim.
fn freeze(chain: &ChainView, log: &LogView) -> Action {
    if !log.drained || must_wait_for_the_chain(chain, log) {
        return Action::Wait;
    }
    if log.leaves > 0 {
        return Action::Seal;
    }
    // A log that holds nothing to claim ends here: there is nothing a seal could protect.
    let no_claim = chain.height < chain.windows.claim_open || chain.claim != ClaimView::Unknown;
    if no_claim && !log.in_doubt { Action::Finish(Outcome::Empty) } else { Action::Wait }
}

/// A claim that costs more than it brings is not made. One that may be on chain or on its way is brought through all the same.
fn unprofitable(record: &SessionRecord, log: &LogView, chain: &ChainView, worth: Option<&Worth>) -> Option<Outcome> {
    let never_sent = record.claim.transactions == 0 && !log.in_doubt;
    let absent = matches!(chain.claim, ClaimView::Absent { .. }) && chain.height >= chain.windows.claim_open;
    match worth {
        Some(Worth { reward, cost, pays: false }) if never_sent && absent => {
            Some(Outcome::Unprofitable { reward: *reward, cost: *cost })
        }
        _ => None,
    }
}

fn claim(record: &SessionRecord, log: &LogView, chain: &ChainView, sealed: [u8; 48]) -> (Phase, Action) {
    let Windows { claim_open, claim_close, .. } = chain.windows;
    // What is sent now is in the next block at the earliest.
    if chain.height + 1 < claim_open {
        return (Phase::Sealed, Action::Wait);
    }
    if chain.height >= claim_close {
        return (Phase::Forfeited, Action::Wait);
    }
    let last_call = chain.height >= claim_close - LAST_CALL;
    // Only what the log reproduces can be proven, and a claim that is not proven costs stake.
    let provable = match log.root {
        Some(root) => root == sealed,
        None => last_call,
    };
    // Without an answer of the chain nothing new is begun before the last blocks; what is under way goes on, it carries the
    // one root there is.
    let known = chain.claim != ClaimView::Unknown || record.claim.flight.is_some();
    if !provable || !(known || last_call && !log.in_doubt) {
        return (Phase::Claiming, Action::Wait);
    }
    (Phase::Claiming, resend(&record.claim, chain, claim_close).map_or(Action::Wait, Action::Claim))
}

/// A claim on chain *is* the seal of its session, whatever Redis remembers of it.
fn claimed(
    record: &SessionRecord,
    log: &LogView,
    chain: &ChainView,
    root: [u8; 48],
    verdict: Verdict,
) -> (Phase, Action) {
    let reproduced = log.root == Some(root);
    if record.closed_at.is_none() {
        // Until the log is whole again, relayers may still bring back what Redis lost.
        return (Phase::Open, if reproduced { Action::Close } else { Action::Wait });
    }
    if log.sealed.is_none() && log.drained && reproduced {
        return (Phase::Closed, Action::Seal);
    }
    match verdict {
        Verdict::Validated => (Phase::Settling, Action::Wait),
        // The same bytes would be judged the same way, for another fee.
        Verdict::Invalid => (Phase::Forfeited, Action::Wait),
        Verdict::Pending => prove(record, chain, reproduced),
    }
}

fn prove(record: &SessionRecord, chain: &ChainView, reproduced: bool) -> (Phase, Action) {
    let Windows { proof_open, proof_close, .. } = chain.windows;
    if chain.height + 1 < proof_open {
        return (Phase::Claimed, Action::Wait);
    }
    let not_required = matches!(chain.requirement, Some((Requirement::NotRequired, _)));
    let (idle, over) =
        if not_required { (Phase::Settling, Phase::Settling) } else { (Phase::Claimed, Phase::Forfeited) };
    if chain.height >= proof_close {
        return (over, Action::Wait);
    }
    // Parameters can change until the proof window closes, so an answer from an older block is not the last word.
    let wanted = match chain.requirement {
        Some((Requirement::Required, _)) => true,
        Some((Requirement::NotRequired, at)) if at >= chain.height => false,
        Some((Requirement::NotRequired, _)) | None => chain.height >= proof_close - LAST_CALL,
    };
    // Only a proof of the root on chain can be valid, and only the trie that has it can make one.
    if !wanted || !reproduced {
        return (idle, Action::Wait);
    }
    (Phase::Proving, resend(&record.proof, chain, proof_close).map_or(Action::Wait, Action::Proof))
}

/// The stored bytes go out once a block until their time is over; only then are new ones made. Of bytes that are in a block
/// already, the module's state of a later block says whether they did their work.
fn resend(attempts: &Attempts, chain: &ChainView, close: Height) -> Option<Send> {
    match &attempts.flight {
        None | Some(Flight { failed: true, .. }) => Some(Send::Fresh),
        Some(Flight { spent_at: Some(spent), .. }) => {
            let looked = chain.claim.at().is_some_and(|at| at > *spent);
            let last_block = chain.height > *spent && chain.height + 1 >= close;
            (looked || last_block).then_some(Send::Fresh)
        }
        Some(flight) if chain.time <= flight.expires => (chain.height > flight.broadcast_at).then_some(Send::Again),
        Some(_) => Some(Send::Fresh),
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
