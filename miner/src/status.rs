//! What `/status` shows: every owned supplier with its sessions, its last claim, and what it earned or lost.

mod board;
mod summary;

use relay_core::address::Address;
use relay_core::chain::Block;
use relay_core::session::SessionHeader;
use relay_core::store::InstanceId;
use relay_core::units::{Height, SessionId, Upokt};
use serde::Serialize;

use crate::record::{Ending, Outcome, Tally};
use crate::session::Session;

pub use board::StatusBoard;
pub(crate) use summary::Summary;

/// Losses that are listed one by one; older ones are in the metrics.
const LISTED_LOSSES: usize = 20;

/// One owned supplier.
#[derive(Debug, Clone, Serialize)]
pub struct SupplierStatus {
    /// The operator address.
    pub address: Address,
    /// Always true here: only owners report.
    pub owner: bool,
    /// Epoch of the lease.
    pub epoch: u64,
    /// The block that was worked on last.
    pub height: Height,
    /// Sessions that are not over.
    pub sessions: Vec<SessionStatus>,
    /// The newest session that was settled.
    pub last_claim: Option<LastClaim>,
    /// Relays of all settled sessions.
    pub settled_relays: u64,
    /// Number of settled sessions.
    pub settled_claims: u64,
    /// What the supplier's shareholders received, in uPOKT.
    pub earned_upokt: String,
    /// What the relays of all sessions that are over came to.
    pub tally: Tally,
    /// Sessions that earned nothing, newest last.
    pub lost: Vec<Loss>,
    /// What the supplier's account cannot pay for.
    pub short_of_funds: Vec<ShortOfFunds>,
    #[serde(skip)]
    earned: Upokt,
}

/// One session that is not over.
#[derive(Debug, Clone, Serialize)]
pub struct SessionStatus {
    /// Its id.
    pub session_id: SessionId,
    /// The service.
    pub service: String,
    /// The application.
    pub application: Address,
    /// First block.
    pub start: Height,
    /// Last block.
    pub end: Height,
    /// Leaves so far.
    pub relays: u64,
    /// Where it stands.
    pub phase: &'static str,
    /// Last block in which a claim counts; 0 while unknown.
    pub claim_close: Height,
    /// Last block in which a proof counts; 0 while unknown.
    pub proof_close: Height,
    /// What the chain last said against it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// The newest settled session.
#[derive(Debug, Clone, Serialize)]
pub struct LastClaim {
    /// Height of its settlement.
    pub height: Height,
    /// Its id.
    pub session_id: SessionId,
}

/// Messages that wait for money.
#[derive(Debug, Clone, Serialize)]
pub struct ShortOfFunds {
    /// Claims or proofs.
    pub kind: &'static str,
    /// How many.
    pub waiting: usize,
    /// What the account had, in uPOKT.
    pub balance_upokt: String,
}

/// A session that earned nothing.
#[derive(Debug, Clone, Serialize)]
pub struct Loss {
    /// Its id.
    pub session_id: SessionId,
    /// Why.
    pub reason: String,
    /// Its relays.
    pub relays: u64,
}

impl SupplierStatus {
    /// A supplier of which nothing has happened yet.
    #[must_use]
    pub fn new(address: Address, epoch: u64) -> Self {
        Self {
            address,
            owner: true,
            epoch,
            height: Height(0),
            sessions: Vec::new(),
            last_claim: None,
            settled_relays: 0,
            settled_claims: 0,
            earned_upokt: "0".to_owned(),
            tally: Tally::default(),
            lost: Vec::new(),
            short_of_funds: Vec::new(),
            earned: Upokt(0),
        }
    }

    /// Counts a session that is over.
    pub fn note_ending(&mut self, header: &SessionHeader, ending: &Ending) {
        self.tally.entries += ending.tally.entries;
        self.tally.leaves += ending.tally.leaves;
        self.tally.duplicates += ending.tally.duplicates;
        self.tally.unclaimable += ending.tally.unclaimable;
        self.tally.compute_units.0 = self.tally.compute_units.0.saturating_add(ending.tally.compute_units.0);
        let reason = match &ending.outcome {
            Outcome::Settled { earned, .. } => {
                self.settled_relays += ending.tally.leaves;
                self.settled_claims += 1;
                self.earned = Upokt(self.earned.0.saturating_add(earned.0));
                self.earned_upokt = self.earned.0.to_string();
                if self.last_claim.as_ref().is_none_or(|last| last.height <= ending.height) {
                    self.last_claim = Some(LastClaim { height: ending.height, session_id: header.id.clone() });
                }
                return;
            }
            // Neither is a failure: nothing could have been earned.
            Outcome::Empty | Outcome::Unprofitable { .. } => return,
            Outcome::Expired { reason } | Outcome::Unclaimed { reason } | Outcome::Unknown { reason } => reason.clone(),
            Outcome::Discarded { error } => error.clone(),
        };
        if self.lost.len() == LISTED_LOSSES {
            self.lost.remove(0);
        }
        self.lost.push(Loss { session_id: header.id.clone(), reason, relays: ending.tally.leaves });
    }
}

impl Session {
    /// The session as `/status` shows it.
    pub fn status(&mut self, block: &Block) -> SessionStatus {
        let (phase, _) = self.decide(block);
        let header = &self.record.header;
        SessionStatus {
            session_id: header.id.clone(),
            service: header.service.as_str().to_owned(),
            application: header.application.clone(),
            start: header.start,
            end: header.end,
            relays: self.tally().leaves,
            phase: phase.name(),
            claim_close: self.windows.map_or(Height(0), |windows| windows.claim_close),
            proof_close: self.windows.map_or(Height(0), |windows| windows.proof_close),
            reason: self.record.proof.last_error.clone().or_else(|| self.record.claim.last_error.clone()),
        }
    }
}

/// The miners of the fleet, and this one's part in it.
#[derive(Debug, Clone, Default, Serialize)]
pub struct FleetStatus {
    /// The random name of this process.
    pub instance: Option<InstanceId>,
    /// Live miners, this one included.
    pub members: Vec<MemberStatus>,
    /// Supplier keys that this miner has.
    pub keys: usize,
    /// Suppliers that this miner should own.
    pub wanted: usize,
    /// Suppliers whose lease it holds.
    pub owned: usize,
    /// Suppliers that are still worked for although their keys were removed.
    pub draining: Vec<Address>,
}

/// One live miner.
#[derive(Debug, Clone, Serialize)]
pub struct MemberStatus {
    /// The random name of the process.
    pub instance: InstanceId,
    /// How people call it.
    pub name: String,
}
