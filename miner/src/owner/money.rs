//! Money: whether a claim is worth making, and whom the operator's balance is spent on when it does not suffice for all.

use relay_core::chain::Block;
use relay_core::proof::{self, ProofParams};
use relay_core::units::{ComputeUnits, Upokt};
use tracing::{info, warn};

use super::Owner;
use super::flights::Letter;
use super::proofs::pricing;
use crate::lifecycle::{ClaimView, Requirement, Verdict};
use crate::session::Session;
use crate::status::ShortOfFunds;
use crate::submission::{Bill, Costs, Kind, affordable, weigh};

impl Owner {
    /// Weighs the claims that are about to be made. What cannot be weighed, because an answer is missing, is claimed.
    pub(super) async fn weigh_claims(&mut self, block: &Block) {
        let around = self.around.clone();
        let settings = &around.profitability;
        if !settings.enabled {
            return;
        }
        let due = |session: &Session| {
            let open = session.windows.is_some_and(|windows| block.height + 1 >= windows.claim_open);
            open && session.seal.is_some() && session.worth.is_none() && session.record.claim.transactions == 0
        };
        if !self.sessions.values().any(due) {
            return;
        }
        let Ok(params) = around.params.at(&around.chain, block.height).await else { return };
        let costs = Costs {
            claim_fee: Upokt(self.wallet.fee(Kind::Claim)),
            proof_fee: Upokt(self.wallet.fee(Kind::Proof)),
            slash_risk: settings.slash_risk,
        };
        for (id, session) in self.sessions.iter_mut().filter(|(_, session)| due(session)) {
            let Some(claimed) = claimed(&around.chain, session).await else { continue };
            let worth = weigh(claimed, &params, &costs, Upokt(settings.least_profit.into()));
            if !worth.pays {
                info!(supplier = %self.supplier, session = %id, reward = %worth.reward, cost = %worth.cost, "a claim would cost more than it brings");
            }
            session.worth = Some(worth);
        }
    }

    /// The letters that the operator's balance can pay for, the most valuable first. What claims on chain may still need for
    /// their proofs is kept back from new claims: a claim that is not proven costs stake.
    pub(super) async fn within_funds(&mut self, kind: Kind, letters: Vec<Letter>, block: &Block) -> Vec<Letter> {
        if letters.is_empty() {
            self.note_funds(kind, 0, Upokt(0));
            return letters;
        }
        let around = self.around.clone();
        // Without an answer nothing is held back: the chain itself refuses what cannot be paid for.
        let Ok((_, spendable)) = around.chain.balance(&self.supplier).await else { return letters };
        let Ok(params) = around.params.at(&around.chain, block.height).await else { return letters };
        let claim_fee = Upokt(self.wallet.fee(Kind::Claim));
        let proof_cost = Upokt(self.wallet.fee(Kind::Proof).saturating_add(params.submission_fee.0));
        let kept_back = match kind {
            Kind::Claim => Upokt(proof_cost.0.saturating_mul(self.proofs_to_come())),
            Kind::Proof => Upokt(0),
        };
        let mut bills = Vec::with_capacity(letters.len());
        for letter in &letters {
            let value = match self.sessions.get(&letter.session) {
                Some(session) => claimed(&around.chain, session).await.unwrap_or_default(),
                None => Upokt::default(),
            };
            let needs = match kind {
                Kind::Claim => Upokt(claim_fee.0 + if can_be_required(value, &params) { proof_cost.0 } else { 0 }),
                Kind::Proof => proof_cost,
            };
            bills.push(Bill { value, needs });
        }
        let paid = affordable(&bills, spendable, kept_back);
        let short = paid.iter().filter(|paid| !**paid).count();
        self.note_funds(kind, short, spendable);
        let mut kept = Vec::with_capacity(letters.len());
        for (letter, paid) in letters.into_iter().zip(paid) {
            if paid {
                kept.push(letter);
            } else if let Some(session) = self.sessions.get_mut(&letter.session) {
                kind.attempts(&mut session.record).last_error =
                    Some(format!("the supplier's account has {spendable}, too little for this {}", kind.name()));
            }
        }
        kept
    }

    fn note_funds(&mut self, kind: Kind, short: usize, spendable: Upokt) {
        self.around.metrics.submission.short_of_funds(&self.supplier, kind, short);
        self.status.short_of_funds.retain(|known| known.kind != kind.name());
        if short > 0 {
            let balance_upokt = spendable.0.to_string();
            self.status.short_of_funds.push(ShortOfFunds { kind: kind.name(), waiting: short, balance_upokt });
            warn!(supplier = %self.supplier, kind = kind.name(), waiting = short, balance = %spendable, "the supplier's account cannot pay for all; send it upokt");
        }
    }

    /// Claims that stand, or are on their way, and may need a proof.
    fn proofs_to_come(&self) -> u128 {
        let may_need = |session: &&Session| match session.claim {
            ClaimView::Found { verdict: Verdict::Pending, .. } => {
                !matches!(session.requirement, Some((Requirement::NotRequired, _)))
            }
            ClaimView::Found { .. } => false,
            ClaimView::Unknown | ClaimView::Absent { .. } => session.record.claim.flight.is_some(),
        };
        self.sessions.values().filter(may_need).count().try_into().unwrap_or(u128::MAX)
    }
}

fn can_be_required(claimed: Upokt, params: &ProofParams) -> bool {
    claimed >= params.threshold || params.probability > 0.0
}

/// What the sealed root claims, at the prices of the session's start.
async fn claimed(chain: &relay_core::chain::Chain, session: &Session) -> Option<Upokt> {
    let sum = ComputeUnits(session.seal?.sum());
    let pricing = pricing(chain, &session.record.header).await.ok()?;
    proof::claimed_upokt(sum, &pricing).ok()
}
