//! Single facts about the decision, each a sentence.

use relay_core::chain::ChainTime;
use relay_core::chain::tx::TxHash;
use relay_core::session::{SessionHeader, Windows};
use relay_core::units::{Height, Upokt};

use super::{Action, ChainView, ClaimView, LogView, Phase, Requirement, Send, Situation, Verdict, next};
use crate::record::{Flight, Outcome, SessionRecord};
use crate::submission::Worth;

const ROOT: [u8; 48] = [9; 48];

fn windows() -> Windows {
    let params = relay_core::proto::pocket::shared::Params {
        num_blocks_per_session: 10,
        grace_period_end_offset_blocks: 1,
        claim_window_open_offset_blocks: 1,
        claim_window_close_offset_blocks: 8,
        proof_window_open_offset_blocks: 0,
        proof_window_close_offset_blocks: 8,
        ..Default::default()
    };
    Windows::of(Height(20), &params)
}

fn record(closed: bool) -> SessionRecord {
    let header = SessionHeader {
        application: relay_core::address::Address::from_payload(&[1; 20]).expect("20 bytes"),
        service: "svc".into(),
        id: "ab".repeat(32).into(),
        start: Height(11),
        end: Height(20),
    };
    SessionRecord { closed_at: closed.then_some(Height(22)), ..SessionRecord::new(header) }
}

fn log(sealed: bool) -> LogView {
    LogView {
        drained: true,
        leaves: 3,
        held_by_relayers: false,
        sealing_takes: 0,
        root: Some(ROOT),
        sealed: sealed.then_some(ROOT),
        in_doubt: false,
    }
}

fn chain(height: i64, claim: ClaimView, requirement: Option<Requirement>) -> ChainView {
    ChainView {
        height: Height(height),
        time: ChainTime(height * 1_000),
        windows: windows(),
        claim,
        requirement: requirement.map(|requirement| (requirement, Height(height))),
        outcome: None,
    }
}

fn decide(record: &SessionRecord, log: LogView, chain: ChainView) -> (Phase, Action) {
    next(&Situation { record, log, chain, worth: None })
}

const FOUND: ClaimView = ClaimView::Found { at: Height(0), root: ROOT, verdict: Verdict::Pending };

fn absent(at: i64) -> ClaimView {
    ClaimView::Absent { at: Height(at) }
}

#[test]
fn a_session_stays_open_until_grace_is_over() {
    let open = record(false);
    assert_eq!(decide(&open, log(false), chain(21, absent(21), None)), (Phase::Open, Action::Wait));
    assert_eq!(decide(&open, log(false), chain(22, absent(22), None)), (Phase::Open, Action::Close));
}

#[test]
fn a_relayer_that_holds_relays_is_waited_for_but_not_for_ever() {
    let open = record(false);
    let held = LogView { held_by_relayers: true, ..log(false) };
    assert_eq!(decide(&open, held.clone(), chain(24, absent(24), None)).1, Action::Wait);
    // Claim window 22..=30: a third of it is less than the reserve of three blocks.
    assert_eq!(decide(&open, held, chain(27, absent(27), None)).1, Action::Close);
}

#[test]
fn a_session_is_closed_early_enough_to_make_its_seal_durable() {
    let held = LogView { held_by_relayers: true, sealing_takes: 4, ..log(false) };
    assert_eq!(decide(&record(false), held.clone(), chain(22, absent(22), None)).1, Action::Wait);
    assert_eq!(decide(&record(false), held, chain(23, absent(23), None)).1, Action::Close);
    let slow = LogView { held_by_relayers: true, sealing_takes: 40, ..log(false) };
    assert_eq!(decide(&record(false), slow.clone(), chain(21, absent(21), None)).1, Action::Wait, "grace is granted");
    assert_eq!(decide(&record(false), slow, chain(22, absent(22), None)).1, Action::Close);
}

#[test]
fn nothing_is_sealed_before_the_log_is_read_to_its_end() {
    let undrained = LogView { drained: false, ..log(false) };
    assert_eq!(decide(&record(true), undrained, chain(23, absent(23), None)).1, Action::Wait);
    assert_eq!(decide(&record(true), log(false), chain(23, absent(23), None)).1, Action::Seal);
}

#[test]
fn the_claim_goes_out_in_its_window_only() {
    let closed = record(true);
    assert_eq!(decide(&closed, log(true), chain(20, absent(20), None)), (Phase::Sealed, Action::Wait));
    // The next block is the first that may hold the claim.
    assert_eq!(decide(&closed, log(true), chain(21, absent(21), None)).1, Action::Claim(Send::Fresh));
    assert_eq!(decide(&closed, log(true), chain(22, absent(22), None)).1, Action::Claim(Send::Fresh));
    assert_eq!(decide(&closed, log(true), chain(29, absent(29), None)).1, Action::Claim(Send::Fresh));
    assert_eq!(decide(&closed, log(true), chain(30, absent(30), None)), (Phase::Forfeited, Action::Wait));
}

#[test]
fn the_same_bytes_go_out_once_a_block_until_their_time_is_over() {
    let mut closed = record(true);
    closed.claim.flight = Some(Flight {
        tx_hash: TxHash([0; 32]),
        expires: ChainTime(24_000),
        broadcast_at: Height(23),
        spent_at: None,
        failed: false,
    });
    assert_eq!(decide(&closed, log(true), chain(23, absent(23), None)).1, Action::Wait);
    assert_eq!(decide(&closed, log(true), chain(24, absent(24), None)).1, Action::Claim(Send::Again));
    assert_eq!(decide(&closed, log(true), chain(25, absent(25), None)).1, Action::Claim(Send::Fresh));
}

#[test]
fn a_transaction_that_failed_in_its_block_is_replaced_at_once() {
    let mut closed = record(true);
    let expires = ChainTime(90_000);
    closed.claim.flight = Some(Flight {
        tx_hash: TxHash([0; 32]),
        expires,
        broadcast_at: Height(24),
        spent_at: Some(Height(24)),
        failed: false,
    });
    assert_eq!(decide(&closed, log(true), chain(24, absent(24), None)).1, Action::Wait);
    assert_eq!(decide(&closed, log(true), chain(25, absent(25), None)).1, Action::Claim(Send::Fresh));
}

#[test]
fn a_silent_node_ends_nothing_and_starts_nothing_before_the_last_call() {
    for height in (22..60).filter(|height| ![28, 29].contains(height)) {
        assert_eq!(decide(&record(true), log(true), chain(height, ClaimView::Unknown, None)).1, Action::Wait);
    }
    let last_call = |log| decide(&record(true), log, chain(28, ClaimView::Unknown, None)).1;
    assert_eq!(last_call(log(true)), Action::Claim(Send::Fresh));
    assert_eq!(last_call(LogView { in_doubt: true, ..log(true) }), Action::Wait);
}

#[test]
fn what_cannot_be_proven_is_not_claimed() {
    let other = LogView { root: Some([1; 48]), ..log(true) };
    for height in 22..30 {
        assert_eq!(decide(&record(true), other.clone(), chain(height, absent(height), None)).1, Action::Wait);
    }
}

// rule: I-04
#[test]
fn a_claim_on_chain_is_the_seal_that_redis_lost() {
    let lost = LogView { drained: true, ..log(false) };
    assert_eq!(decide(&record(true), lost.clone(), chain(25, FOUND, None)).1, Action::Seal);
    let more = LogView { root: Some([1; 48]), ..lost };
    assert_eq!(decide(&record(true), more.clone(), chain(25, FOUND, None)).1, Action::Wait);
    // Relayers may still bring what is missing, so the session stays open however late it is.
    assert_eq!(decide(&record(false), more, chain(29, FOUND, None)).1, Action::Wait);
    assert_eq!(decide(&record(false), log(false), chain(23, FOUND, None)).1, Action::Close);
}

#[test]
fn after_a_loss_the_chain_is_waited_for_but_not_at_the_cost_of_the_claim() {
    let doubt = LogView { in_doubt: true, ..log(false) };
    assert_eq!(decide(&record(false), doubt.clone(), chain(24, absent(24), None)).1, Action::Wait);
    assert_eq!(decide(&record(true), doubt.clone(), chain(24, absent(24), None)).1, Action::Wait);
    assert_eq!(decide(&record(true), doubt, chain(28, absent(28), None)).1, Action::Seal);
}

// rule: M-01, I-09
#[test]
fn a_requirement_holds_for_the_block_it_was_found_in() {
    let view = |height, requirement, at| ChainView {
        requirement: Some((requirement, Height(at))),
        ..chain(height, FOUND, None)
    };
    let decide = |view| decide(&record(true), log(true), view);
    assert_eq!(decide(view(33, Requirement::NotRequired, 32)).1, Action::Wait);
    assert_eq!(decide(view(34, Requirement::Required, 34)).1, Action::Proof(Send::Fresh));
    // In the last blocks an old "not required" is not enough.
    assert_eq!(decide(view(36, Requirement::NotRequired, 35)).1, Action::Proof(Send::Fresh));
    assert_eq!(decide(view(36, Requirement::NotRequired, 36)), (Phase::Settling, Action::Wait));
}

// rule: M-11, I-11
#[test]
fn an_older_block_takes_nothing_back() {
    let found = |at, verdict| ClaimView::Found { at: Height(at), root: ROOT, verdict };
    let settlement = windows().settlement;
    assert_eq!(absent(25).then(found(24, Verdict::Pending), settlement), absent(25));
    let validated = found(33, Verdict::Validated);
    for older in [found(32, Verdict::Pending), absent(32), absent(34), ClaimView::Unknown] {
        assert_eq!(validated.then(older, settlement), validated);
    }
    assert_eq!(validated.then(absent(settlement.0), settlement), absent(settlement.0));
}

#[test]
fn a_required_proof_goes_out_in_its_window_only() {
    let required = Some(Requirement::Required);
    assert_eq!(decide(&record(true), log(true), chain(28, FOUND, required)).1, Action::Wait);
    assert_eq!(decide(&record(true), log(true), chain(29, FOUND, required)).1, Action::Proof(Send::Fresh));
    assert_eq!(decide(&record(true), log(true), chain(30, FOUND, required)).1, Action::Proof(Send::Fresh));
    assert_eq!(decide(&record(true), log(true), chain(37, FOUND, required)).1, Action::Proof(Send::Fresh));
    assert_eq!(decide(&record(true), log(true), chain(38, FOUND, required)), (Phase::Forfeited, Action::Wait));
}

#[test]
fn a_proof_that_is_not_required_is_not_sent() {
    let view = chain(31, FOUND, Some(Requirement::NotRequired));
    assert_eq!(decide(&record(true), log(true), view), (Phase::Settling, Action::Wait));
}

// rule: S-4
#[test]
fn an_invalid_proof_is_never_sent_again() {
    let invalid = ClaimView::Found { at: Height(32), root: ROOT, verdict: Verdict::Invalid };
    let view = chain(32, invalid, Some(Requirement::Required));
    assert_eq!(decide(&record(true), log(true), view), (Phase::Forfeited, Action::Wait));
}

#[test]
fn a_claim_of_another_root_is_never_proven_from_our_trie() {
    let foreign = ClaimView::Found { at: Height(32), root: [1; 48], verdict: Verdict::Pending };
    let view = chain(32, foreign, Some(Requirement::Required));
    assert_eq!(decide(&record(true), log(true), view).1, Action::Wait);
}

#[test]
fn only_a_node_past_settlement_ends_a_session() {
    assert_eq!(decide(&record(true), log(true), chain(40, absent(37), None)), (Phase::Forfeited, Action::Wait));
    assert_eq!(decide(&record(true), log(true), chain(40, absent(38), None)).1, Action::ReadSettlement);
    let expired = Outcome::Expired { reason: "PROOF_MISSING".to_owned() };
    let view = ChainView { outcome: Some(expired.clone()), ..chain(40, absent(38), None) };
    assert_eq!(decide(&record(true), log(true), view).1, Action::Finish(expired));
}

#[test]
fn an_empty_log_ends_without_a_claim() {
    let empty = LogView { leaves: 0, ..log(false) };
    assert_eq!(decide(&record(true), empty, chain(23, absent(23), None)).1, Action::Finish(Outcome::Empty));
}

// rule: H-33
#[test]
fn a_claim_that_costs_more_than_it_brings_is_not_made_unless_it_was_sent() {
    let worth = |pays| Some(Worth { reward: Upokt(5), cost: Upokt(7), pays });
    let decide = |record: &SessionRecord, log, claim, worth| {
        next(&Situation { record, log, chain: chain(24, claim, None), worth }).1
    };
    let unprofitable = Outcome::Unprofitable { reward: Upokt(5), cost: Upokt(7) };
    assert_eq!(decide(&record(true), log(true), absent(24), worth(false)), Action::Finish(unprofitable));
    assert_eq!(decide(&record(true), log(true), absent(24), worth(true)), Action::Claim(Send::Fresh));
    assert_eq!(decide(&record(true), log(true), absent(24), None), Action::Claim(Send::Fresh), "never from silence");
    assert_eq!(decide(&record(true), log(true), ClaimView::Unknown, worth(false)), Action::Wait);
    assert_eq!(
        decide(&record(true), LogView { in_doubt: true, ..log(true) }, absent(24), worth(false)),
        Action::Claim(Send::Fresh)
    );
    let mut sent = record(true);
    sent.claim.transactions = 1;
    assert_eq!(decide(&sent, log(true), absent(24), worth(false)), Action::Claim(Send::Fresh));
}
