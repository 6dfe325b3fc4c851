//! Whole lives of sessions, played through a model of chain, node, Redis and owner in which anything goes wrong.
//!
//! The decisions are the real ones ([`next`](super::next), the steps of [`Attempts`](crate::record::Attempts), what
//! [`ClaimView::then`](super::ClaimView::then) remembers); only what surrounds them is modelled.

mod chain;
mod owner;
mod redis;
mod trouble;

use proptest::prelude::*;
use relay_core::session::Windows;
use relay_core::units::Height;

use chain::ModelChain;
use owner::ModelOwner;
use redis::ModelRedis;
use trouble::{Nature, Trouble, nature, troubles};

use super::Verdict;
use crate::record::Outcome;

const NANOS_PER_BLOCK: i64 = 1_000_000_000;
/// Short, so that transactions do run out inside a window.
const TRANSACTION_LIFE: i64 = 4 * NANOS_PER_BLOCK;
/// Relays of each session.
const RELAYS: u8 = 5;

/// The root of a trie of so many relays.
fn root(relays: u8) -> [u8; 48] {
    [relays; 48]
}

fn windows() -> Windows {
    let params = relay_core::proto::pocket::shared::Params {
        num_blocks_per_session: 10,
        grace_period_end_offset_blocks: 1,
        claim_window_open_offset_blocks: 2,
        claim_window_close_offset_blocks: 12,
        proof_window_open_offset_blocks: 1,
        proof_window_close_offset_blocks: 12,
        ..Default::default()
    };
    Windows::of(Height(20), &params)
}

/// Everything that a test looks at afterwards.
struct Played {
    chain: ModelChain,
    redis: ModelRedis,
}

/// Plays the lives of as many sessions as there are natures, in one supplier's transactions, to their end.
fn play(natures: &[Nature], troubles: &[Trouble]) -> Played {
    let windows = windows();
    let mut chain = ModelChain::new(windows, natures.to_vec());
    let mut redis = ModelRedis::new(natures.len());
    let mut owner = ModelOwner::take_over(&redis, 15, false);
    for height in 15..windows.settlement.0 + 12 {
        let trouble = trouble_at(troubles, &windows, height);
        redis.pass(height, &trouble);
        if trouble.redis_loses > 0 {
            redis.lose(trouble.redis_loses, height);
        }
        if trouble.crash || trouble.redis_loses > 0 {
            owner = ModelOwner::take_over(&redis, height, redis.lost_at.is_some());
        }
        if let Some(stale) = trouble.stale_owner_sends {
            chain.resend_any(stale);
        }
        // Several evaluations at one height must do no harm; a height without one is a height that was skipped.
        for _ in 0..trouble.evaluations {
            owner.evaluate(&mut redis, &mut chain, height, &trouble);
        }
        chain.make_block(height + 1, &trouble_at(troubles, &windows, height + 1));
    }
    Played { chain, redis }
}

/// After settlement everything behaves, so that each session ends.
fn trouble_at(troubles: &[Trouble], windows: &Windows, height: i64) -> Trouble {
    let index = usize::try_from(height).expect("positive") % troubles.len();
    if height > windows.settlement.0 + 1 { Trouble::none() } else { troubles[index] }
}

/// What must hold whatever happened, and the best that the chain allowed where things went well for long enough.
fn judge(natures: &[Nature], troubles: &[Trouble], played: &Played) -> Result<(), TestCaseError> {
    let windows = windows();
    let Played { chain, redis } = played;
    let calm = |heights: std::ops::RangeInclusive<i64>| {
        heights.into_iter().all(|h| trouble_at(troubles, &windows, h).is_calm())
    };
    // The last heights at which nobody waits for relayers any more. Three calm blocks and the block that includes: one to see,
    // one in which a poisoned batch may fail, one to try again alone.
    let latest = super::next::latest_close(&windows, 0).0;
    let claim_chance = (latest..=windows.claim_close.0 - 4).any(|h| calm(h - 2..=h + 4));
    for (session, nature) in natures.iter().enumerate() {
        let ending = redis.now.records[session].ending.clone();
        let Some(ending) = ending else {
            return Err(TestCaseError::fail(format!("session {session} has not ended")));
        };
        prop_assert_eq!(&ending.outcome, &chain.outcome(session), "what is noted is what the chain did");
        let roots = chain.roots_claimed(session);
        prop_assert!(roots.len() <= 1, "two roots of session {} on chain: {:?}", session, roots);
        let claimed = chain.claim(session);
        if nature.poisoned {
            prop_assert!(claimed.is_none());
            continue;
        }
        if claim_chance {
            prop_assert!(claimed.is_some(), "session {} could have been claimed", session);
        }
        let Some(claim) = claimed else { continue };
        let came = |h| !trouble_at(troubles, &windows, h).relayer_holds;
        let never_lost = (15..=windows.claim_close.0).all(|h| trouble_at(troubles, &windows, h).redis_loses == 0);
        if never_lost && (19..latest).any(came) {
            prop_assert_eq!(claim.root, root(RELAYS), "no relay is missing from the claim");
        }
        let proof_chance = (windows.proof_open.0 + 1..=windows.proof_close.0 - 4)
            .any(|h| calm(h - 2..=h + 4) && (h..=h + 4).all(|h| nature.requires(h)));
        if proof_chance && !nature.proof_is_bad {
            prop_assert_eq!(claim.verdict, Verdict::Validated, "session {} could have been proven", session);
        }
        if claim.verdict == Verdict::Validated || !nature.requires(windows.settlement.0) {
            let settled = matches!(ending.outcome, Outcome::Settled { .. });
            prop_assert!(settled, "{:?}", ending.outcome);
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    /// Crashes and owner changes at any height, lagging and silent nodes, skipped heights, lost and repeated broadcasts,
    /// transactions that fail, requirements that flip, poisoned messages in the batch, a Redis that loses what was not
    /// durable: each session ends in the best outcome that the chain still allowed.
    // rule: I-01, I-02, I-03, I-04, I-05, I-08, I-09, I-10, I-11, I-12, I-13, I-17, I-19, M-01, M-02, M-03, M-04, M-05, M-07, M-08, M-20, M-21, S-4, H-01, H-02, H-03, H-15
    #[test]
    fn every_session_ends_as_well_as_the_chain_allows(
        natures in proptest::collection::vec(nature(), 1..4),
        troubles in troubles(),
    ) {
        judge(&natures, &troubles, &play(&natures, &troubles))?;
    }

    /// With a node that never lags or fails, one claim transaction is made however often the owner changes.
    // rule: M-04, M-21, O-11
    #[test]
    fn a_calm_session_needs_one_claim_transaction(crashes in proptest::collection::vec(any::<bool>(), 30)) {
        let troubles: Vec<_> = crashes.iter().map(|&crash| Trouble { crash, ..Trouble::none() }).collect();
        let played = play(&[Nature::plain()], &troubles);
        prop_assert_eq!(played.redis.now.records[0].claim.transactions, 1);
        prop_assert_eq!(played.redis.now.records[0].proof.transactions, 1);
    }

    /// A Redis that was promoted from a lagging replica has lost even what was called durable. Relayers bring the relays back,
    /// and the claim that is on its way, or on chain, is the seal: no second root is ever claimed.
    // rule: I-04, H-22
    #[test]
    fn a_lagging_replica_never_leads_to_a_second_root(
        at in 22_i64..45,
        loses in 1_u8..20,
        lags in proptest::collection::vec(0_i64..3, 5),
    ) {
        let troubles: Vec<_> = (0_i64..200)
            .map(|height| Trouble {
                redis_loses: if height == at { loses } else { 0 },
                redis_lied: true,
                node_lags: lags[usize::try_from(height).expect("positive") % lags.len()],
                ..Trouble::none()
            })
            .collect();
        let natures = [Nature::plain(), Nature::plain()];
        let played = play(&natures, &troubles);
        for session in 0..natures.len() {
            prop_assert!(played.chain.roots_claimed(session).len() <= 1);
            let ending = played.redis.now.records[session].ending.clone().expect("ended");
            let settled = matches!(ending.outcome, Outcome::Settled { .. });
            prop_assert!(settled, "{:?}", ending.outcome);
        }
    }
}
