//! Watching the chain until it has judged every claim, and holding its judgement against a ledger.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use relay_core::smst::Root;
use testbed::chain::ClaimEvent;

use crate::ledger::{Ledger, Part};
use crate::stage::{OWNER, Stage};

/// A session, both windows and settlement take about 45 s, twice that in the widest windows; a loaded machine may take its time.
const LIMIT: Duration = Duration::from_mins(4);

/// What the chain said so far.
#[derive(Debug, Default)]
struct Judgement {
    height: i64,
    roots: BTreeMap<Part, Root>,
    settled_relays: u64,
    settled_claims: usize,
    paid_to_owner: u128,
    valid_proofs: usize,
    losses: Vec<String>,
}

/// Waits until exactly these relays are settled: every root as computed from the ledger, every proof valid, nothing lost,
/// and the owner's account richer by just what the settlements say.
pub(crate) async fn all_settle(stage: &Stage, ledger: &Ledger) {
    let expected = ledger.roots();
    let relays = u64::try_from(ledger.relays()).unwrap();
    assert!(relays > 0, "nothing was answered");
    let began = Instant::now();
    let mut judgement = Judgement::default();
    while judgement.settled_relays < relays {
        judgement.catch_up(stage, &expected).await;
        assert_eq!(judgement.losses, [""; 0], "after {judgement:?}");
        assert!(began.elapsed() < LIMIT, "{relays} relays answered; {judgement:?}");
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    // Nothing may follow: a second claim for a part would settle within one more cycle.
    assert_eq!(judgement.settled_relays, relays, "no relay is paid twice");
    assert_eq!(judgement.settled_claims, expected.len());
    assert_eq!(judgement.valid_proofs, expected.len(), "one proof for each claim");
    assert_eq!(judgement.roots, expected, "each claim has the root of the answered relays");
    let balance = stage.chain.balance(stage.address(OWNER).as_str()).await.unwrap();
    assert_eq!(balance, 1_000_000_000_000 + judgement.paid_to_owner, "the books of the bank agree");
    assert!(judgement.paid_to_owner > 0);
}

impl Judgement {
    async fn catch_up(&mut self, stage: &Stage, expected: &BTreeMap<Part, Root>) {
        // Claims first: they vanish with the settlement that the events below tell of.
        let suppliers: std::collections::BTreeSet<_> = expected.keys().map(|(supplier, _)| supplier).collect();
        for supplier in suppliers {
            let (_, claims) = stage.client.claims_of(supplier).await.unwrap();
            for claim in claims {
                let session = claim.session_header.unwrap().session_id.into();
                let root = Root::try_from(claim.root_hash.as_ref()).unwrap();
                let before = self.roots.insert((supplier.clone(), session), root);
                assert!(before.is_none_or(|before| before == root), "one root for each session, ever");
            }
        }
        let tip = stage.chain.height().await.unwrap();
        for event in stage.chain.claim_events(self.height + 1..=tip).await.unwrap() {
            self.take(event, stage);
        }
        self.height = tip;
    }

    fn take(&mut self, event: ClaimEvent, stage: &Stage) {
        match event {
            ClaimEvent::Created(_) => {}
            ClaimEvent::ProofChecked(proof) if proof.failure_reason.is_empty() => self.valid_proofs += 1,
            ClaimEvent::Settled(claim) => {
                self.settled_claims += 1;
                self.settled_relays += u64::try_from(claim.num_relays).unwrap();
                let share = claim.reward_distribution.get(stage.address(OWNER).as_str());
                let coin = share.and_then(|share| share.as_str()).unwrap_or("0upokt");
                self.paid_to_owner += coin.trim_end_matches("upokt").parse::<u128>().unwrap();
            }
            lost => self.losses.push(format!("{lost:?}")),
        }
    }
}
