//! Everything fails, again and again: miners, relayer, Redis, the node and the chain's pace, by schedules made from seeds.
//!
//! A run has a chain, a Redis and processes of its own, relays all the time, and ends when the chain has judged every claim.
//! `make chaos` plays more and larger runs of the same scenarios than the gate does.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed step of a test ends the test")]

mod evidence;
mod fault;
mod fleet;
mod judge;
mod load;
mod run;
mod scenario;
mod selection;
mod verdict;

#[path = "../end_to_end/gateway.rs"]
#[allow(dead_code, reason = "shared with the end-to-end tests, which use the rest")]
mod gateway;
#[path = "../end_to_end/ledger.rs"]
#[allow(dead_code, reason = "shared with the end-to-end tests, which use the rest")]
mod ledger;
#[path = "../end_to_end/log.rs"]
#[allow(dead_code, reason = "shared with the end-to-end tests, which use the rest")]
mod log;
#[path = "../end_to_end/pool.rs"]
#[allow(dead_code, reason = "shared with the end-to-end tests, which use the rest")]
mod pool;
#[path = "../end_to_end/role.rs"]
mod role;
#[path = "../end_to_end/stage.rs"]
#[allow(dead_code, reason = "shared with the end-to-end tests, which use the rest")]
mod stage;

use scenario::Scenario;
use selection::Selection;

/// No relay that was answered is lost, no root is replaced, no proof is missing, whatever dies.
// rule: I-01, I-04, I-12, I-13, I-17, I-18, I-19, M-04, M-18, O-02, O-06, O-11, O-13, W-01, W-04, W-16, H-19, C-04
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_fails_what_was_answered_is_settled() {
    let selection = Selection::from_environment();
    let (mut supplier_sessions, mut relays, mut failures) = (0, 0, Vec::new());
    for &seed in &selection.seeds {
        match run::play(&Scenario::new(seed, selection.sessions), &selection).await {
            Ok(outcome) => {
                let settled = outcome.supplier_sessions;
                assert!(settled >= selection.least(), "seed {seed}: only {settled} supplier-sessions");
                supplier_sessions += settled;
                relays += outcome.relays;
            }
            Err(failure) => {
                eprintln!("{failure}");
                failures.push(failure);
            }
        }
    }
    eprintln!("{} runs: {supplier_sessions} supplier-sessions with {relays} relays settled", selection.seeds.len());
    assert!(failures.is_empty(), "{} runs failed\n\n{}", failures.len(), failures.join("\n\n"));
}
