//! What the settlement block says about a session.

use relay_core::address::Address;
use relay_core::chain::events::{ChainEvent, ClaimKey, Expiration};
use relay_core::chain::{Chain, ChainError};
use relay_core::session::SessionHeader;
use relay_core::units::{Height, Upokt};

use crate::record::Outcome;

/// Blocks after the expected one that are searched as well: parameter changes can move a settlement by one session at most,
/// and searching further would cost more than it could tell.
const SEARCH: i64 = 3;

/// Reads the fate of a claim that is on chain no more, from `settlement` on, up to the block `newest`.
pub async fn read(
    chain: &Chain,
    supplier: &Address,
    header: &SessionHeader,
    settlement: Height,
    newest: Height,
) -> Result<Outcome, ChainError> {
    let key = ClaimKey {
        supplier: supplier.clone(),
        application: header.application.clone(),
        service: header.service.clone(),
        session_end: header.end,
    };
    let mut height = settlement;
    while height <= std::cmp::min(newest, settlement + SEARCH) {
        let results = chain.block_results(height).await?;
        if let Some(outcome) = results.events.iter().find_map(|event| outcome(event, &key)) {
            return Ok(outcome);
        }
        height = height + 1;
    }
    Ok(Outcome::Unclaimed { reason: "no claim was on chain when the session was due".to_owned() })
}

/// The fate of one claim, if this event tells it.
fn outcome(event: &ChainEvent, key: &ClaimKey) -> Option<Outcome> {
    match event {
        ChainEvent::Settled(settled) if settled.key == *key => {
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
