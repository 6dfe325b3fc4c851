//! A small model of the chain's answers, and the life of one session played through it a thousand times.

use proptest::prelude::*;
use relay_core::chain::ChainTime;
use relay_core::chain::tx::TxHash;
use relay_core::session::{SessionHeader, Windows};
use relay_core::units::{ComputeUnits, Height, Upokt};

use super::{Action, ChainView, ClaimView, LogView, Requirement, Sealed, Send, Situation, Verdict, next};
use crate::record::{Ending, Flight, Outcome, SessionRecord, Tally};

const ROOT: [u8; 48] = [7; 48];
const NANOS_PER_BLOCK: i64 = 1_000_000_000;
/// Short, so that transactions do run out inside a window.
const TRANSACTION_LIFE: i64 = 4 * NANOS_PER_BLOCK;
/// Blocks at the end of each window in which the model's node behaves.
const GOOD_BLOCKS: i64 = 4;

/// What goes wrong at one height.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::struct_excessive_bools, reason = "each trouble comes or does not, independently of the others")]
struct Trouble {
    node_lags: i64,
    query_fails: bool,
    broadcast_lost: bool,
    crash: bool,
    relayer_holds: bool,
}

prop_compose! {
    fn trouble()(node_lags in 0_i64..4, query_fails: bool, broadcast_lost: bool, crash: bool, relayer_holds: bool) -> Trouble {
        Trouble { node_lags, query_fails, broadcast_lost, crash, relayer_holds }
    }
}

/// The chain: which claim stands since when, and what was broadcast.
#[derive(Default)]
struct ModelChain {
    claimed_at: Option<i64>,
    validated_at: Option<i64>,
    roots_broadcast: Vec<[u8; 48]>,
    claims_begun: u32,
}

impl ModelChain {
    fn claim_at(&self, height: i64, windows: &Windows) -> ClaimView {
        let at = Height(height);
        match self.claimed_at {
            Some(since) if since <= height && at < windows.settlement => {
                let verdict = match self.validated_at {
                    Some(since) if since <= height => Verdict::Validated,
                    _ => Verdict::Pending,
                };
                ClaimView::Found { root: ROOT, verdict }
            }
            _ => ClaimView::Absent { at },
        }
    }

    fn outcome(&self, required: bool) -> Outcome {
        match (self.claimed_at, self.validated_at) {
            (None, _) => Outcome::Unclaimed { reason: "no claim".to_owned() },
            (Some(_), None) if required => Outcome::Expired { reason: "PROOF_MISSING".to_owned() },
            _ => Outcome::Settled { claimed: Upokt(1), settled: Upokt(1), earned: Upokt(1) },
        }
    }
}

/// The owner: what it must remember is in `record` and `sealed`, the rest is forgotten at a crash.
struct Owner {
    record: SessionRecord,
    sealed: bool,
    drained: bool,
    last_found: Option<ClaimView>,
}

fn windows() -> Windows {
    let params = relay_core::proto::pocket::shared::Params {
        num_blocks_per_session: 10,
        grace_period_end_offset_blocks: 1,
        claim_window_open_offset_blocks: 1,
        claim_window_close_offset_blocks: 12,
        proof_window_open_offset_blocks: 0,
        proof_window_close_offset_blocks: 12,
        ..Default::default()
    };
    Windows::of(Height(20), &params)
}

fn header() -> SessionHeader {
    SessionHeader {
        application: relay_core::address::Address::from_payload(&[1; 20]).expect("20 bytes"),
        service: "svc".into(),
        id: "ab".repeat(32).into(),
        start: Height(11),
        end: Height(20),
    }
}

fn well_behaved(height: i64, windows: &Windows) -> bool {
    let near = |close: Height| (close.0 - 1 - GOOD_BLOCKS..=close.0).contains(&height);
    near(windows.claim_close) || near(windows.proof_close) || height > windows.settlement.0
}

fn play(troubles: &[Trouble], required: bool) -> (SessionRecord, ModelChain) {
    let windows = windows();
    let mut chain = ModelChain::default();
    let mut owner = Owner { record: SessionRecord::new(header()), sealed: false, drained: false, last_found: None };
    for height in 15..windows.settlement.0 + 10 {
        let mut trouble = troubles[usize::try_from(height).expect("positive") % troubles.len()];
        if well_behaved(height, &windows) {
            trouble = Trouble { node_lags: 0, query_fails: false, broadcast_lost: false, ..trouble };
        }
        // Several evaluations at one height must do no harm.
        for _ in 0..6 {
            if trouble.crash {
                owner.drained = false;
                owner.last_found = None;
            }
            step(&mut owner, &mut chain, &windows, height, trouble, required);
            trouble.crash = false;
        }
    }
    (owner.record, chain)
}

fn step(owner: &mut Owner, chain: &mut ModelChain, windows: &Windows, height: i64, trouble: Trouble, required: bool) {
    let seen = height - trouble.node_lags;
    let answer = if trouble.query_fails { ClaimView::Unknown } else { chain.claim_at(seen, windows) };
    let claim = match (answer, owner.last_found) {
        (ClaimView::Unknown, Some(found)) => found,
        _ => answer,
    };
    if matches!(claim, ClaimView::Found { .. }) {
        owner.last_found = Some(claim);
    }
    let need = if required { Requirement::Required } else { Requirement::NotRequired };
    let situation = Situation {
        record: &owner.record,
        log: LogView {
            drained: owner.drained,
            leaves: if owner.drained { 5 } else { 0 },
            held_by_relayers: trouble.relayer_holds,
            sealing_takes: 0,
            sealed: owner.sealed.then_some(Sealed { root: ROOT, reproduced: owner.drained }),
        },
        chain: ChainView {
            height: Height(height),
            time: ChainTime(height * NANOS_PER_BLOCK),
            windows: *windows,
            claim,
            requirement: (height >= windows.seed_height().0).then_some(need),
            outcome: (seen >= windows.settlement.0).then(|| chain.outcome(required)),
        },
    };
    let (_, action) = next(&situation);
    let time = height * NANOS_PER_BLOCK;
    let fly = |again: Send, flight: &mut Option<Flight>| match (again, flight) {
        (Send::Again, Some(flight)) => flight.broadcast_at = Height(height),
        (_, flight) => {
            *flight = Some(Flight {
                tx_hash: TxHash([0; 32]),
                expires: ChainTime(time + TRANSACTION_LIFE),
                broadcast_at: Height(height),
                spent_at: None,
            });
        }
    };
    match action {
        Action::Wait | Action::ReadSettlement => owner.drained = true,
        Action::Close => owner.record.closed_at = Some(Height(height)),
        Action::Seal => owner.sealed = true,
        Action::Claim(send) => {
            assert!(owner.sealed && owner.record.closed_at.is_some(), "claimed before the seal");
            assert!(height < windows.claim_close.0, "claimed after the window");
            chain.claims_begun += u32::from(send == Send::Fresh);
            fly(send, &mut owner.record.claim.flight);
            chain.roots_broadcast.push(ROOT);
            if !trouble.broadcast_lost && height >= windows.claim_open.0 {
                chain.claimed_at.get_or_insert(height + 1);
            }
        }
        Action::Proof(send) => {
            assert!(height >= windows.proof_open.0 && height < windows.proof_close.0, "proof outside its window");
            assert!(required, "a proof nobody asked for");
            fly(send, &mut owner.record.proof.flight);
            if !trouble.broadcast_lost {
                chain.validated_at.get_or_insert(height + 1);
            }
        }
        Action::Finish(outcome) => {
            assert!(owner.record.ending.is_none(), "finished twice");
            let tally = Tally { entries: 5, leaves: 5, compute_units: ComputeUnits(5), ..Tally::default() };
            owner.record.ending = Some(Ending { height: Height(height), tally, outcome });
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// Crashes at any height, lagging and silent nodes, lost broadcasts and stubborn relayers never cost the session,
    /// as long as the node behaves in the last blocks of each window.
    #[test]
    fn a_session_is_settled_whatever_happens_before_the_last_blocks(
        troubles in proptest::collection::vec(trouble(), 5..40),
        required: bool,
    ) {
        let (record, chain) = play(&troubles, required);
        let outcome = record.ending.expect("the session has ended").outcome;
        prop_assert!(matches!(outcome, Outcome::Settled { .. }), "{outcome:?}");
        prop_assert!(chain.roots_broadcast.iter().all(|root| *root == ROOT));
    }

    /// With a node that never lags or fails, one claim transaction is made unless its broadcast is lost.
    #[test]
    fn a_calm_session_needs_one_claim_transaction(crashes in proptest::collection::vec(any::<bool>(), 30)) {
        let troubles: Vec<_> = crashes
            .iter()
            .map(|&crash| Trouble { node_lags: 0, query_fails: false, broadcast_lost: false, crash, relayer_holds: false })
            .collect();
        let (_, chain) = play(&troubles, true);
        prop_assert_eq!(chain.claims_begun, 1);
    }
}
