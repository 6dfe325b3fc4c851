use relay_core::chain::ChainTime;
use relay_core::session::Windows;
use relay_core::units::Height;

use crate::record::{Outcome, SessionRecord};
use crate::submission::Worth;

/// Everything the decision needs.
#[derive(Debug, Clone)]
pub struct Situation<'a> {
    /// What was decided before.
    pub record: &'a SessionRecord,
    /// What the log and the trie say.
    pub log: LogView,
    /// What the chain says.
    pub chain: ChainView,
    /// What the claim is worth, once it was weighed. What could not be weighed is claimed.
    pub worth: Option<Worth>,
}

/// The session's log as its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogView {
    /// Every entry of the log was read into the trie.
    pub drained: bool,
    /// Leaves of the trie.
    pub leaves: u64,
    /// A live relayer still has relays of this session in flight or spooled.
    pub held_by_relayers: bool,
    /// The trie's root, once the log was read to its end as far as it goes now.
    pub root: Option<[u8; 48]>,
    /// The frozen root: hash, sum and count. Created once.
    pub sealed: Option<[u8; 48]>,
    /// Redis lost its tail not long ago, and a claim of this session may be on its way that nothing here tells of.
    pub in_doubt: bool,
    /// Blocks that pass between closing and the first broadcast, while Redis makes close mark and seal durable.
    pub sealing_takes: i64,
}

/// The chain's answers at one height.
#[derive(Debug, Clone)]
pub struct ChainView {
    /// The latest block.
    pub height: Height,
    /// Its time.
    pub time: ChainTime,
    /// The session's windows.
    pub windows: Windows,
    /// The claim.
    pub claim: ClaimView,
    /// Whether the claim on chain needs a proof, and since which block that was last found so; known from the seed block on.
    pub requirement: Option<(Requirement, Height)>,
    /// What the settlement block's events say, once read.
    pub outcome: Option<Outcome>,
}

/// What the chain knows of the claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClaimView {
    /// Nobody asked yet, or no answer came. Never a reason to give up.
    Unknown,
    /// A node at this height has no such claim.
    Absent {
        /// The height the answer belongs to.
        at: Height,
    },
    /// The claim stands.
    Found {
        /// The height the answer belongs to.
        at: Height,
        /// Its root.
        root: [u8; 48],
        /// What became of its proof.
        verdict: Verdict,
    },
}

impl ClaimView {
    /// What is known after another answer. Silence teaches nothing, and an older block never takes back what a newer one said.
    #[must_use]
    pub fn then(self, answer: Self, settlement: Height) -> Self {
        match (self, answer) {
            (known, Self::Unknown) => known,
            // A node that lags has not seen the claim yet. Claims go at settlement only.
            (known @ Self::Found { .. }, Self::Absent { at }) if at < settlement => known,
            (Self::Found { at: known, .. } | Self::Absent { at: known }, newer) if newer.at() < Some(known) => self,
            (_, newer) => newer,
        }
    }

    /// The height the answer belongs to.
    #[must_use]
    pub fn at(self) -> Option<Height> {
        match self {
            Self::Unknown => None,
            Self::Absent { at } | Self::Found { at, .. } => Some(at),
        }
    }
}

/// The status of a claim on chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// No proof was checked yet.
    Pending,
    /// A proof was valid.
    Validated,
    /// A proof was judged invalid.
    Invalid,
}

/// Whether a proof is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Requirement {
    /// The chain would refuse a proof.
    NotRequired,
    /// Without a proof the claim expires.
    Required,
}

/// What to do now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Nothing, until a block or a relay comes.
    Wait,
    /// Set the durable mark after which appends are refused.
    Close,
    /// Freeze the root.
    Seal,
    /// Bring the claim on chain.
    Claim(Send),
    /// Bring the proof on chain.
    Proof(Send),
    /// Read the events of the settlement block.
    ReadSettlement,
    /// The session is over.
    Finish(Outcome),
}

/// How to bring a message on chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Send {
    /// Build and sign new bytes.
    Fresh,
    /// Broadcast the stored bytes once more.
    Again,
}

/// Where a session stands, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Relays may still arrive.
    Open,
    /// Appends are cut off; the log is being read to its end.
    Closed,
    /// The root is frozen; the claim window is not open yet.
    Sealed,
    /// The claim is being brought on chain.
    Claiming,
    /// The claim stands.
    Claimed,
    /// The proof is being brought on chain.
    Proving,
    /// The proof stands, or none is needed; settlement is due.
    Settling,
    /// Too late to do anything; evidence is awaited.
    Forfeited,
    /// Over.
    Ended,
}

impl Phase {
    /// A constant word for metrics and status.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Closed => "closed",
            Self::Sealed => "sealed",
            Self::Claiming => "claiming",
            Self::Claimed => "claimed",
            Self::Proving => "proving",
            Self::Settling => "settling",
            Self::Forfeited => "forfeited",
            Self::Ended => "ended",
        }
    }
}
