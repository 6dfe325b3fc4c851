use std::collections::{BTreeMap, BTreeSet};

use relay_core::session::Windows;
use relay_core::units::{Height, Upokt};

use super::super::{ClaimView, Requirement, Verdict};
use super::NANOS_PER_BLOCK;
use super::trouble::{Nature, Trouble};
use crate::record::Outcome;

/// Which message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Claim,
    Proof,
}

/// A transaction that somebody made.
#[derive(Debug, Clone)]
pub(super) struct Transaction {
    pub(super) kind: Kind,
    /// Sessions and the roots that their messages speak of.
    pub(super) messages: Vec<(usize, [u8; 48])>,
    pub(super) expires: i64,
    /// The block that it is in, and the message that made it fail there, if one did.
    pub(super) executed: Option<(i64, Result<(), Option<usize>>)>,
}

/// A claim as it stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Claim {
    pub(super) root: [u8; 48],
    pub(super) verdict: Verdict,
}

/// The chain: every transaction ever made, and the claims at each height.
pub(super) struct ModelChain {
    windows: Windows,
    pub(super) natures: Vec<Nature>,
    pub(super) transactions: Vec<Transaction>,
    mempool: BTreeSet<usize>,
    history: Vec<BTreeMap<i64, Claim>>,
}

impl ModelChain {
    pub(super) fn new(windows: Windows, natures: Vec<Nature>) -> Self {
        let history = vec![BTreeMap::new(); natures.len()];
        Self { windows, natures, transactions: Vec::new(), mempool: BTreeSet::new(), history }
    }

    /// The claim as the block of this height left it.
    fn claim_at(&self, session: usize, height: i64) -> Option<Claim> {
        if height >= self.windows.settlement.0 {
            return None;
        }
        self.history[session].range(..=height).next_back().map(|(_, claim)| *claim)
    }

    /// The last state of a claim.
    pub(super) fn claim(&self, session: usize) -> Option<Claim> {
        self.history[session].values().next_back().copied()
    }

    pub(super) fn roots_claimed(&self, session: usize) -> BTreeSet<[u8; 48]> {
        self.history[session].values().map(|claim| claim.root).collect()
    }

    /// What a node of this height answers.
    pub(super) fn view(&self, session: usize, height: i64) -> ClaimView {
        let at = Height(height);
        match self.claim_at(session, height) {
            Some(Claim { root, verdict }) => ClaimView::Found { at, root, verdict },
            None => ClaimView::Absent { at },
        }
    }

    pub(super) fn requirement(&self, session: usize, height: i64) -> Requirement {
        if self.natures[session].requires(height) { Requirement::Required } else { Requirement::NotRequired }
    }

    /// What settlement made of a session.
    pub(super) fn outcome(&self, session: usize) -> Outcome {
        let required = self.natures[session].requires(self.windows.settlement.0);
        match self.claim(session) {
            None => Outcome::Unclaimed { reason: "no claim".to_owned() },
            Some(claim) if required && claim.verdict != Verdict::Validated => {
                Outcome::Expired { reason: format!("{:?}", claim.verdict) }
            }
            Some(_) => Outcome::Settled { claimed: Upokt(1), settled: Upokt(1), earned: Upokt(1) },
        }
    }

    /// Why a message would fail in a block of this height.
    pub(super) fn refuses(&self, kind: Kind, session: usize, root: [u8; 48], height: i64) -> bool {
        let at = Height(height);
        match kind {
            Kind::Claim => self.natures[session].poisoned || !self.windows.claim_is_open(at),
            Kind::Proof => {
                let claim = self.claim_at(session, height);
                let fits = claim.is_some_and(|claim| claim.root == root);
                !fits || !self.windows.proof_is_open(at) || !self.natures[session].requires(height)
            }
        }
    }

    /// A transaction comes to a mempool. `false` when its timestamp is used, which is when it is in a block.
    pub(super) fn receive(&mut self, transaction: usize) -> bool {
        if self.transactions[transaction].executed.is_some() {
            return false;
        }
        self.mempool.insert(transaction);
        true
    }

    /// Bytes that somebody still has go out again.
    pub(super) fn resend_any(&mut self, which: usize) {
        if !self.transactions.is_empty() {
            self.receive(which % self.transactions.len());
        }
    }

    pub(super) fn make_block(&mut self, height: i64, trouble: &Trouble) {
        if trouble.evicted {
            self.mempool.clear();
        }
        if trouble.block_full {
            return;
        }
        for at in std::mem::take(&mut self.mempool) {
            if self.transactions[at].expires < height * NANOS_PER_BLOCK {
                continue;
            }
            let result = self.carry_out(at, height, trouble);
            self.transactions[at].executed = Some((height, result));
        }
    }

    /// All messages or none.
    fn carry_out(&mut self, at: usize, height: i64, trouble: &Trouble) -> Result<(), Option<usize>> {
        if trouble.out_of_gas {
            return Err(None);
        }
        let Transaction { kind, messages, .. } = self.transactions[at].clone();
        for (session, root) in &messages {
            if self.refuses(kind, *session, *root, height) {
                return Err(self.natures[*session].failure_has_index.then_some(*session));
            }
        }
        for (session, root) in messages {
            let verdict = match (kind, self.natures[session].proof_is_bad) {
                (Kind::Claim, _) => Verdict::Pending,
                (Kind::Proof, true) => Verdict::Invalid,
                (Kind::Proof, false) => Verdict::Validated,
            };
            self.history[session].insert(height, Claim { root, verdict });
        }
        Ok(())
    }
}
