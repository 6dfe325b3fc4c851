//! What a miner keeps in Redis about one session, so that any other miner can go on from there.

use relay_core::chain::ChainTime;
use relay_core::chain::tx::TxHash;
use relay_core::session::SessionHeader;
use relay_core::units::{ComputeUnits, Height, Upokt};
use serde::{Deserialize, Deserializer, Serialize};

/// The durable state of one session of one supplier. Written by the owner only, under its fence.
///
/// The frozen root is not here: it is the store's seal, created once and never changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionRecord {
    /// Which session.
    pub header: SessionHeader,
    /// Height at which appends were cut off.
    pub closed_at: Option<Height>,
    /// How the claim is doing.
    #[serde(default)]
    pub claim: Attempts,
    /// How the proof is doing.
    #[serde(default)]
    pub proof: Attempts,
    /// Set once: the session is over and this is what became of it.
    pub ending: Option<Ending>,
}

impl SessionRecord {
    /// A session of which only relays are known.
    #[must_use]
    pub fn new(header: SessionHeader) -> Self {
        Self { header, closed_at: None, claim: Attempts::default(), proof: Attempts::default(), ending: None }
    }
}

/// The history of one kind of message of a session.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempts {
    /// The transaction that carries the message now, if its time is not over.
    pub flight: Option<Flight>,
    /// How many different transactions carried it.
    pub transactions: u32,
    /// What the chain or a node last said against it.
    pub last_error: Option<String>,
    /// Height of the first transaction.
    pub first_sent_at: Option<Height>,
    /// How often bytes went out, repetitions included.
    #[serde(default)]
    pub broadcasts: u32,
    /// The next transaction carries this message alone: the last one failed, and it may be why.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub alone: bool,
    /// What brought the message on chain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub included: Option<Inclusion>,
}

/// A transaction that was carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inclusion {
    /// Hash of its bytes.
    pub tx_hash: TxHash,
    /// Its block.
    pub height: Height,
}

/// Signed bytes under way. They are stored under their hash before they are first broadcast.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flight {
    /// Hash of the bytes.
    pub tx_hash: TxHash,
    /// Block time from which the chain refuses these bytes.
    pub expires: ChainTime,
    /// Height at which they were last broadcast.
    pub broadcast_at: Height,
    /// Height at which it was known that these bytes cannot get into another block: they are in one, and what that came to
    /// is for module state to show.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spent_at: Option<Height>,
    /// They are known to have failed in their block.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub failed: bool,
}

/// What a session's relays came to. Every relay of its log is in exactly one of the terms.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Entries of the log.
    pub entries: u64,
    /// Leaves of the trie.
    pub leaves: u64,
    /// Entries whose relay was in the trie already.
    pub duplicates: u64,
    /// Entries that cannot be claimed: undecodable, of another session, or not below the difficulty target.
    pub unclaimable: u64,
    /// Sum of the leaves' weights.
    pub compute_units: ComputeUnits,
}

/// How a session ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ending {
    /// Height of the evidence.
    pub height: Height,
    /// What its relays came to.
    pub tally: Tally,
    /// What the chain made of it.
    pub outcome: Outcome,
}

/// What the chain made of a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Outcome {
    /// Paid.
    Settled {
        /// What the claim was worth, before caps and splits.
        #[serde(deserialize_with = "amount")]
        claimed: Upokt,
        /// What was settled.
        #[serde(deserialize_with = "amount")]
        settled: Upokt,
        /// What the supplier's shareholders received.
        #[serde(deserialize_with = "amount")]
        earned: Upokt,
    },
    /// A proof was required and none was valid in time. The stake is slashed.
    Expired {
        /// The chain's word for it.
        reason: String,
    },
    /// The chain failed to settle the claim: no reward, no slash.
    Discarded {
        /// The chain's error.
        error: String,
    },
    /// No claim was on chain when its settlement was due.
    Unclaimed {
        /// Why, as far as we know.
        reason: String,
    },
    /// The log held nothing to claim.
    Empty,
    /// A claim would have cost more than it brings, so none was made.
    Unprofitable {
        /// What the claim would have been worth.
        #[serde(deserialize_with = "amount")]
        reward: Upokt,
        /// What bringing it through costs on average.
        #[serde(deserialize_with = "amount")]
        cost: Upokt,
    },
    /// Settlement is over, no claim is left on chain, and no node can tell what became of it.
    Unknown {
        /// Why.
        reason: String,
    },
}

/// Numbers of 128 bits cannot be read where a tag says which variant they belong to. The whole supply fits into 64.
fn amount<'de, D: Deserializer<'de>>(from: D) -> Result<Upokt, D::Error> {
    u64::deserialize(from).map(|upokt| Upokt(upokt.into()))
}

impl Outcome {
    /// A constant word for metrics and status.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Settled { .. } => "settled",
            Self::Expired { .. } => "expired",
            Self::Discarded { .. } => "discarded",
            Self::Unclaimed { .. } => "unclaimed",
            Self::Empty => "empty",
            Self::Unprofitable { .. } => "unprofitable",
            Self::Unknown { .. } => "unknown",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What one miner wrote about an ending, the next one must be able to read.
    #[test]
    fn every_outcome_is_read_as_it_was_written() {
        let (upokt, reason) = (Upokt(1_000_000_000_000_000), "why".to_owned());
        let outcomes = [
            Outcome::Settled { claimed: upokt, settled: upokt, earned: upokt },
            Outcome::Expired { reason: reason.clone() },
            Outcome::Discarded { error: reason.clone() },
            Outcome::Unclaimed { reason: reason.clone() },
            Outcome::Empty,
            Outcome::Unprofitable { reward: upokt, cost: upokt },
            Outcome::Unknown { reason },
        ];
        for outcome in outcomes {
            let ending = Ending { height: Height(7), tally: Tally::default(), outcome };
            let text = serde_json::to_string(&ending).unwrap();
            assert_eq!(serde_json::from_str::<Ending>(&text).unwrap(), ending, "{text}");
        }
    }
}
