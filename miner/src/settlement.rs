//! What the settlement block says about a session.

use relay_core::address::Address;
use relay_core::chain::events::{ChainEvent, ClaimKey, Expiration};
use relay_core::chain::{Chain, ChainError};
use relay_core::session::SessionHeader;
use relay_core::units::{Height, SessionId, Upokt};

use crate::record::Outcome;

/// Blocks after the expected one that are searched as well: parameter changes can move a settlement by one session at most,
/// and searching further would cost more than it could tell.
const SEARCH: i64 = 3;

/// What is asked about a session whose claim, if it had one, is on chain no more.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// The supplier.
    pub supplier: &'a Address,
    /// The session.
    pub header: &'a SessionHeader,
    /// The block that settled it.
    pub settlement: Height,
    /// A block at which a node had no such claim any more.
    pub gone_at: Height,
    /// The claim was seen on chain before.
    pub was_seen: bool,
    /// Blocks after settlement in which its events are looked for.
    pub patience: i64,
}

/// Reads the fate of a claim from the events of the blocks around its settlement.
///
/// Errors mean "ask again". They end when the claim has been gone for longer than one is patient: nothing can be earned any more,
/// and the outcome is [`Outcome::Unknown`].
pub async fn read(chain: &Chain, question: Question<'_>) -> Result<Outcome, ChainError> {
    let Question { supplier, header, settlement, gone_at, was_seen, patience } = question;
    let key = ClaimKey {
        supplier: supplier.clone(),
        application: header.application.clone(),
        service: header.service.clone(),
        session_end: header.end,
    };
    let mut height = settlement;
    while height <= std::cmp::min(gone_at, settlement + SEARCH) {
        let results = match chain.block_results(height).await {
            Ok(results) => results,
            Err(error) if gone_at - settlement < patience => return Err(error),
            Err(error) => return Ok(Outcome::Unknown { reason: error.to_string() }),
        };
        if let Some(outcome) = results.events.iter().find_map(|event| outcome(event, &key, &header.id)) {
            return Ok(outcome);
        }
        height = height + 1;
    }
    let last = settlement + SEARCH;
    Ok(if was_seen {
        Outcome::Unknown { reason: format!("the claim is gone and no event up to block {last} tells why") }
    } else {
        Outcome::Unclaimed { reason: "no claim was on chain when the session was due".to_owned() }
    })
}

/// The fate of one claim, if this event tells it.
fn outcome(event: &ChainEvent, key: &ClaimKey, session: &SessionId) -> Option<Outcome> {
    match event {
        ChainEvent::Settled(settled) if settled.key == *key && settled.session == *session => {
            let shares = settled.rewards.iter().filter(|reward| reward.is_supplier_share());
            Some(Outcome::Settled {
                claimed: settled.size.claimed,
                settled: settled.settled,
                earned: Upokt(shares.map(|reward| reward.amount.0).sum()),
            })
        }
        ChainEvent::Expired { key: expired, reason, .. } if expired == key => {
            let reason = match reason {
                Expiration::ProofMissing => "proof missing",
                Expiration::ProofInvalid => "proof invalid",
                Expiration::Unspecified => "no reason given",
            };
            Some(Outcome::Expired { reason: reason.to_owned() })
        }
        ChainEvent::Discarded { key: discarded, error } if discarded == key => {
            Some(Outcome::Discarded { error: error.clone() })
        }
        _ => None,
    }
}
