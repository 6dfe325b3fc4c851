use relay_core::chain::ChainTime;
use relay_core::chain::tx::TxHash;
use relay_core::units::{ComputeUnits, Height};

use super::super::{Action, ChainView, ClaimView, LogView, Requirement, Send, Situation, Verdict, next};
use super::chain::{Kind, ModelChain, Transaction};
use super::redis::ModelRedis;
use super::trouble::Trouble;
use super::{NANOS_PER_BLOCK, TRANSACTION_LIFE, root, windows};
use crate::record::{Attempts, Ending, Outcome, SessionRecord, Tally};

/// Blocks after a loss during which a claim that Redis forgot may turn up.
const DOUBT: i64 = 3;

/// One owner: all that it remembers is forgotten when it dies.
pub(super) struct ModelOwner {
    in_doubt_until: i64,
    memory: Vec<Memory>,
}

#[derive(Clone)]
struct Memory {
    drained: bool,
    confirmed: bool,
    claim: ClaimView,
    requirement: Option<(Requirement, Height)>,
    outcome: Option<Outcome>,
}

fn hash(transaction: usize) -> TxHash {
    TxHash([u8::try_from(transaction).expect("few transactions"); 32])
}

fn number(hash: TxHash) -> usize {
    usize::from(hash.0[0])
}

fn attempts(kind: Kind, record: &mut SessionRecord) -> &mut Attempts {
    match kind {
        Kind::Claim => &mut record.claim,
        Kind::Proof => &mut record.proof,
    }
}

impl ModelOwner {
    pub(super) fn take_over(redis: &ModelRedis, height: i64, redis_lost: bool) -> Self {
        let memory =
            Memory { drained: false, confirmed: false, claim: ClaimView::Unknown, requirement: None, outcome: None };
        let in_doubt_until = if redis_lost { redis.lost_at.unwrap_or(height) + DOUBT } else { 0 };
        Self { in_doubt_until, memory: vec![memory; redis.now.records.len()] }
    }

    /// One look at everything, in the order of the real owner's steps.
    pub(super) fn evaluate(&mut self, redis: &mut ModelRedis, chain: &mut ModelChain, height: i64, trouble: &Trouble) {
        self.ask(chain, height, trouble);
        if trouble.results_known && !trouble.query_fails {
            self.read_blocks(redis, chain, height - trouble.node_lags);
        }
        for session in 0..self.memory.len() {
            match self.decide(redis, session, height, trouble) {
                Action::Close => {
                    redis.write(|state| state.records[session].closed_at = Some(Height(height)));
                    redis.barrier();
                    self.memory[session].drained = true;
                }
                Action::Seal => {
                    let frozen = root(redis.now.relays[session]);
                    redis.write(|state| state.seals[session] = state.seals[session].or(Some(frozen)));
                }
                Action::ReadSettlement => {
                    let seen = self.memory[session].claim.at().expect("an answer");
                    assert!(seen >= windows().settlement, "settlement is read before it happened");
                    self.memory[session].outcome = Some(chain.outcome(session));
                }
                Action::Finish(outcome) => Self::finish(redis, chain, session, &outcome, height),
                Action::Wait if redis.now.records[session].closed_at.is_some() && !self.memory[session].drained => {
                    redis.barrier();
                    self.memory[session].drained = true;
                }
                _ => {}
            }
        }
        redis.barrier();
        for session in 0..self.memory.len() {
            self.memory[session].confirmed = redis.now.seals[session].is_some();
        }
        if trouble.redis_lied {
            redis.forget_barriers();
        }
        for kind in [Kind::Claim, Kind::Proof] {
            self.send(kind, redis, chain, height, trouble);
        }
    }

    fn ask(&mut self, chain: &ModelChain, height: i64, trouble: &Trouble) {
        let seen = height - trouble.node_lags;
        if trouble.query_fails {
            return;
        }
        for (session, memory) in self.memory.iter_mut().enumerate() {
            memory.claim = memory.claim.then(chain.view(session, seen), windows().settlement);
            if Height(height) >= windows().seed_height() {
                memory.requirement = Some((chain.requirement(session, seen), Height(height)));
            }
        }
    }

    /// What became of the transactions under way, if blocks can be read.
    fn read_blocks(&mut self, redis: &mut ModelRedis, chain: &ModelChain, seen: i64) {
        for kind in [Kind::Claim, Kind::Proof] {
            for session in 0..self.memory.len() {
                let Some(flight) = attempts(kind, &mut redis.now.records[session]).flight.clone() else { continue };
                let Some((height, result)) = chain.transactions[number(flight.tx_hash)].executed else { continue };
                if height > seen || flight.failed {
                    continue;
                }
                redis.write(|state| {
                    let attempts = attempts(kind, &mut state.records[session]);
                    match result {
                        Ok(()) => attempts.land(flight.tx_hash, Height(height)),
                        Err(Some(culprit)) if culprit != session => attempts.release(flight.tx_hash),
                        Err(_) => attempts.fail(flight.tx_hash, Height(height), "failed".to_owned()),
                    }
                });
            }
        }
    }

    fn decide(&self, redis: &ModelRedis, session: usize, height: i64, trouble: &Trouble) -> Action {
        let memory = &self.memory[session];
        let record = &redis.now.records[session];
        let relays = redis.now.relays[session];
        let known = memory.drained || record.closed_at.is_none();
        let situation = Situation {
            record,
            log: LogView {
                drained: memory.drained,
                leaves: if memory.drained { u64::from(relays) } else { 0 },
                root: known.then(|| root(relays)),
                held_by_relayers: trouble.relayer_holds && redis.relayer_holds(session),
                sealing_takes: 0,
                sealed: redis.now.seals[session].filter(|_| memory.drained),
                in_doubt: height < self.in_doubt_until,
            },
            chain: ChainView {
                height: Height(height),
                time: ChainTime(height * NANOS_PER_BLOCK),
                windows: windows(),
                claim: memory.claim,
                requirement: memory.requirement,
                outcome: memory.outcome.clone(),
            },
            worth: None,
        };
        next(&situation).1
    }

    fn finish(redis: &mut ModelRedis, chain: &ModelChain, session: usize, outcome: &Outcome, height: i64) {
        assert!(redis.now.records[session].ending.is_none(), "finished twice");
        if *outcome != Outcome::Empty {
            assert!(height >= windows().settlement.0, "given up before settlement");
            assert_eq!(outcome.name(), chain.outcome(session).name());
        }
        let outcome = chain.outcome(session);
        let tally = Tally { entries: 5, leaves: 5, compute_units: ComputeUnits(5), ..Tally::default() };
        redis.write(|state| state.records[session].ending = Some(Ending { height: Height(height), tally, outcome }));
    }

    fn send(&self, kind: Kind, redis: &mut ModelRedis, chain: &mut ModelChain, height: i64, trouble: &Trouble) {
        let mut together = Vec::new();
        let mut alone = Vec::new();
        let mut again = std::collections::BTreeSet::new();
        for session in 0..self.memory.len() {
            let action = self.decide(redis, session, height, trouble);
            let ((Kind::Claim, Action::Claim(send)) | (Kind::Proof, Action::Proof(send))) = (kind, action) else {
                continue;
            };
            if !self.memory[session].confirmed {
                continue;
            }
            let message = (session, root(redis.now.relays[session]));
            let record = &mut redis.now.records[session];
            match send {
                Send::Again => {
                    again.insert(attempts(kind, record).flight.as_ref().expect("under way").tx_hash);
                }
                Send::Fresh => {
                    self.check(kind, redis, session, height);
                    let uncertain = kind == Kind::Proof
                        && !matches!(self.memory[session].requirement, Some((Requirement::Required, at)) if at.0 == height);
                    let attempts = attempts(kind, &mut redis.now.records[session]);
                    if uncertain || attempts.travels_alone() { alone.push(message) } else { together.push(message) }
                }
            }
        }
        for hash in again {
            self.send_again(kind, hash, redis, chain, height, trouble);
        }
        for message in alone {
            Self::launch(kind, vec![message], redis, chain, height, trouble);
        }
        Self::launch(kind, together, redis, chain, height, trouble);
    }

    fn check(&self, kind: Kind, redis: &ModelRedis, session: usize, height: i64) {
        let windows = windows();
        assert!(
            redis.now.records[session].closed_at.is_some() && redis.now.seals[session].is_some(),
            "sent before the seal"
        );
        let (open, close) = match kind {
            Kind::Claim => (windows.claim_open, windows.claim_close),
            Kind::Proof => (windows.proof_open, windows.proof_close),
        };
        assert!((open.0..=close.0).contains(&(height + 1)), "{kind:?} cannot be in time at {height}");
        let invalid = matches!(self.memory[session].claim, ClaimView::Found { verdict: Verdict::Invalid, .. });
        assert!(!invalid, "a proof that was judged invalid is sent again");
    }

    fn send_again(
        &self,
        kind: Kind,
        hash: TxHash,
        redis: &mut ModelRedis,
        chain: &mut ModelChain,
        height: i64,
        trouble: &Trouble,
    ) {
        let stored = redis.now.transactions.contains(&number(hash));
        let accepted = !stored || trouble.broadcast_lost || chain.receive(number(hash));
        for session in 0..self.memory.len() {
            let attempts = attempts(kind, &mut redis.now.records[session]);
            if attempts.flight.as_ref().is_none_or(|flight| flight.tx_hash != hash) {
                continue;
            }
            match (stored, accepted) {
                (false, _) => attempts.release(hash),
                (true, true) => attempts.repeat(Height(height)),
                (true, false) => attempts.spend(hash, Height(height)),
            }
        }
    }

    fn launch(
        kind: Kind,
        mut messages: Vec<(usize, [u8; 48])>,
        redis: &mut ModelRedis,
        chain: &mut ModelChain,
        height: i64,
        trouble: &Trouble,
    ) {
        let gas_is_known = messages.iter().all(|(session, _)| chain.natures[*session].gas_is_known);
        if !gas_is_known {
            // A simulation at the node's newest block takes out what would fail there, too early included.
            if trouble.query_fails {
                return;
            }
            let seen = height - trouble.node_lags;
            messages.retain(|(session, root)| !chain.refuses(kind, *session, *root, seen));
        }
        if messages.is_empty() || chain.transactions.len() > 250 {
            return;
        }
        let expires = height * NANOS_PER_BLOCK + TRANSACTION_LIFE;
        let new = chain.transactions.len();
        redis.write(|state| {
            state.transactions.insert(new);
        });
        for (session, _) in &messages {
            redis.write(|state| {
                attempts(kind, &mut state.records[*session]).launch(hash(new), ChainTime(expires), Height(height));
            });
        }
        chain.transactions.push(Transaction { kind, messages, expires, executed: None });
        if !trouble.broadcast_lost {
            chain.receive(new);
        }
    }
}
