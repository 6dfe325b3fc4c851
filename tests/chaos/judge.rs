//! What the chain says and what the log holds, gathered while a run goes on.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use relay_core::address::Address;
use relay_core::relay::RelayHash;
use relay_core::smst::Root;
use testbed::chain::{ClaimEvent, ClaimSettled, Event};

use crate::ledger::{Ledger, Part};
use crate::log;
use crate::pool::Pool;
use crate::stage::{OWNER, Stage};

/// Blocks between two looks at the claims in module state; each stays there for a whole proof window.
const LOOK_EVERY: i64 = 3;
/// The longest that one look at a log waits for Redis, which may be dead.
const PATIENCE: Duration = Duration::from_secs(3);

/// Relays of a part's log when its claim was seen.
pub(crate) struct Logged {
    pub(crate) hashes: BTreeSet<RelayHash>,
    pub(crate) root: Root,
}

/// Everything seen so far.
#[derive(Default)]
pub(crate) struct Judge {
    height: i64,
    looked_at: i64,
    /// Roots of claims, from module state.
    pub(crate) claims: BTreeMap<Part, Root>,
    /// Logs of claimed sessions, which nothing may be added to.
    pub(crate) logs: BTreeMap<Part, Logged>,
    /// Relays paid, from settlement events.
    pub(crate) settled: BTreeMap<Part, u64>,
    /// Proofs that were found valid.
    pub(crate) valid_proofs: usize,
    /// Claims that were written a second time; no loss if the root is the same.
    pub(crate) updates: usize,
    pub(crate) paid_to_owner: u128,
    /// What must not happen and did.
    pub(crate) offences: Vec<String>,
}

impl Judge {
    /// The last block that was read.
    pub(crate) fn height(&self) -> u64 {
        u64::try_from(self.height).unwrap()
    }

    /// Reads what happened since the last time. Trouble with Redis is waited out: what could not be read is read next time.
    pub(crate) async fn catch_up(&mut self, stage: &Stage, pool: &Pool) {
        let tip = stage.chain.height().await.unwrap();
        if tip >= self.looked_at + LOOK_EVERY {
            self.look_at_claims(stage, &pool.suppliers).await;
            self.looked_at = tip;
            let _redis_is_away = tokio::time::timeout(PATIENCE, self.read_logs(stage, pool)).await;
        }
        while self.height < tip {
            for event in stage.chain.events(self.height + 1).await.unwrap() {
                self.take(&event, stage);
            }
            self.height += 1;
        }
    }

    async fn look_at_claims(&mut self, stage: &Stage, suppliers: &[Address]) {
        for supplier in suppliers {
            let (_, claims) = stage.client.claims_of(supplier).await.unwrap();
            for claim in claims {
                let session = claim.session_header.unwrap().session_id.into();
                let root = Root::try_from(claim.root_hash.as_ref()).unwrap();
                let part = (supplier.clone(), session);
                if let Some(before) = self.claims.insert(part.clone(), root).filter(|before| *before != root) {
                    self.offences.push(format!("the root of {part:?} was {before} and became {root}"));
                }
            }
        }
    }

    async fn read_logs(&mut self, stage: &Stage, pool: &Pool) {
        let missing: Vec<_> = self.claims.keys().filter(|part| !self.logs.contains_key(part)).cloned().collect();
        if missing.is_empty() {
            return;
        }
        let Ok(store) = pool.store(stage).await else { return };
        for part in missing {
            let Ok(relays) = log::part(&store, &part).await else { return };
            let mut ledger = Ledger::default();
            for relay in relays {
                ledger.put(part.clone(), relay);
            }
            let Some(root) = ledger.roots().remove(&part) else { continue };
            self.logs.insert(part, Logged { hashes: ledger.hashes(), root });
        }
    }

    fn take(&mut self, event: &Event, stage: &Stage) {
        let lost = ["pocket.tokenomics.EventClaimDiscarded", "pocket.tokenomics.EventApplicationOverserviced"];
        if lost.contains(&event.kind.as_str()) {
            self.offences.push(format!("{event:?}"));
        }
        self.updates += usize::from(event.kind == "pocket.proof.EventClaimUpdated");
        match event.about_claim().unwrap() {
            None | Some(ClaimEvent::Created(_)) => {}
            Some(ClaimEvent::ProofChecked(proof)) if proof.failure_reason.is_empty() => self.valid_proofs += 1,
            Some(ClaimEvent::Settled(claim)) => self.settle(&claim, stage),
            Some(lost) => self.offences.push(format!("block {}: {lost:?}", event.height)),
        }
    }

    fn settle(&mut self, claim: &ClaimSettled, stage: &Stage) {
        let part = (claim.supplier_operator_address.parse().unwrap(), claim.session_id.clone().into());
        let share = claim.reward_distribution.get(stage.address(OWNER).as_str());
        let coin = share.and_then(|share| share.as_str()).unwrap_or("0upokt");
        self.paid_to_owner += coin.trim_end_matches("upokt").parse::<u128>().unwrap();
        if self.settled.insert(part, u64::try_from(claim.num_relays).unwrap()).is_some() {
            self.offences.push(format!("settled twice: {claim:?}"));
        }
    }
}
