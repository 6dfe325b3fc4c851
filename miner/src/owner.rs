//! The owner of one supplier: reads its log, keeps its tries, and takes its sessions from relays to settlement.
//!
//! Everything an owner does is done by one task, under one fence. `Owner::tick` is its table of contents.

mod blocks;
mod claims;
mod decide;
mod doubt;
mod finish;
mod flights;
mod intake;
mod memory;
mod money;
mod proofs;
mod seal;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use relay_core::address::Address;
use relay_core::chain::{Block, BlockFeed, Chain, ChainError};
use relay_core::clock::Clock;
use relay_core::ring::Verifier;
use relay_core::store::{Fence, Incarnation, Store, StoreError};
use relay_core::telemetry::Progress;
use relay_core::units::{Height, SessionId};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use self::doubt::Doubt;
use crate::config::ProfitabilitySection;
use crate::intake::{Heads, ReadGate, Subscription};
use crate::metrics::{Metrics, SupplierGauges};
use crate::ownership::{Desk, Tenure};
use crate::record::SessionRecord;
use crate::session::Session;
use crate::status::{StatusBoard, SupplierStatus};
use crate::submission::{Executions, LimitBook, LiveParams, Wallet};

pub use memory::Memory;

/// How often everything is looked at when no block comes.
const TICK: Duration = Duration::from_secs(1);

/// Sessions that are over and still counted in the status.
const REMEMBERED: usize = 1_000;

/// What every owner of a process shares.
pub struct Surroundings {
    /// The shared state.
    pub store: Store,
    /// The chain.
    pub chain: Chain,
    /// Its blocks.
    pub feed: BlockFeed,
    /// Monotonic and wall time.
    pub clock: Clock,
    /// Counters.
    pub metrics: Metrics,
    /// What `/status` shows.
    pub board: StatusBoard,
    /// Who must move on. Whatever runs for as long as the process does takes a beat here; `/health` fails when one is missed.
    pub progress: Progress,
    /// Checks ring signatures of relays that are about to be shown to the chain.
    pub verifier: Verifier,
    /// How far logs have grown.
    pub heads: Heads,
    /// Who may read a log now.
    pub gate: ReadGate,
    /// The largest relay that is claimed, in bytes.
    pub largest_relay: usize,
    /// How large transactions may be.
    pub limits: Arc<LimitBook>,
    /// What became of transactions in their blocks.
    pub executions: Executions,
    /// The proof parameters of the newest block.
    pub params: LiveParams,
    /// When a claim is worth making.
    pub profitability: ProfitabilitySection,
    /// Blocks after settlement in which its events are looked for.
    pub settlement_patience: i64,
}

/// The owner of one supplier.
pub struct Owner {
    around: Arc<Surroundings>,
    supplier: Address,
    fence: Fence,
    /// How long writes are still allowed. Asked right before each broadcast, which no fence guards.
    tenure: Tenure,
    wallet: Wallet,
    /// The Redis that this owner has seen from its first read on. Another one means that nothing in memory can be trusted.
    incarnation: Incarnation,
    /// Until then relayers may still bring back what a Redis lost; sessions stay open if they can.
    reappends_until: Option<Duration>,
    doubt: Doubt,
    /// The newest block whose transactions were looked through.
    looked_through: Option<Height>,
    sessions: BTreeMap<SessionId, Session>,
    /// How far the supplier's logs have grown.
    heads: Subscription,
    /// Sessions that were ever in `sessions`, as long as answers about heads may still name them.
    met: BTreeSet<SessionId>,
    /// The last reading stopped because its time was up.
    more_to_read: bool,
    /// When this owner began.
    since: SystemTime,
    gauges: SupplierGauges,
    status: SupplierStatus,
}

/// Why an owner stopped before it was told to.
#[derive(Debug, thiserror::Error)]
pub enum OwnerError {
    /// The shared state did not answer or refused.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The chain did not answer.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// Redis is another one than before: it restarted, failed over, or lost its tail.
    #[error("Redis changed its incarnation; everything is read again under a new lease")]
    IncarnationChanged,
    /// Too little of the lease is left to begin a broadcast. The next owner sends the same bytes.
    #[error("the lease is too short for a broadcast")]
    TenureOver,
}

impl OwnerError {
    /// Whether the owner must not go on with what it has in memory.
    fn is_final(&self) -> bool {
        matches!(self, Self::IncarnationChanged | Self::Store(StoreError::FenceLost))
    }
}

impl Owner {
    /// Takes over a supplier: reads the records and seals that earlier owners left. `memory` is what this process had in mind
    /// of it, if nobody else owned it in between.
    pub async fn take_over(
        around: Arc<Surroundings>,
        tenure: Tenure,
        supplier: Address,
        mut wallet: Wallet,
        reappends_until: Option<Duration>,
        memory: Option<Memory>,
    ) -> Result<Self, OwnerError> {
        let fence = tenure.fence().clone();
        let incarnation = around.store.incarnation().await?;
        let mut known = memory.map(|memory| memory.of(&incarnation)).unwrap_or_default();
        let mut sessions = BTreeMap::new();
        let mut status = SupplierStatus::new(supplier.clone(), fence.epoch);
        for (id, record) in around.store.records::<SessionRecord>(&supplier).await? {
            for flight in [&record.claim.flight, &record.proof.flight].into_iter().flatten() {
                wallet.remember(flight.expires);
            }
            // It ended, but the log did not go yet: that is tried again.
            if record.ending.is_some() {
                around.store.finish(&fence, &supplier, &id).await?;
                continue;
            }
            let session = match known.remove(&id) {
                Some(session) => session.again(record),
                None => Session::new(record),
            };
            sessions.insert(id, session);
        }
        // Sessions that are still only logs have no record yet.
        for (id, session) in known {
            let record = SessionRecord::new(session.record.header.clone());
            sessions.entry(id).or_insert_with(|| session.again(record));
        }
        for (_, record) in around.store.ended::<SessionRecord>(&supplier, REMEMBERED).await?.into_iter().rev() {
            if let Some(ending) = &record.ending {
                status.note_ending(&record.header, ending);
            }
        }
        let doubt = Doubt::after(reappends_until, around.clock.monotonic());
        let heads = around.heads.subscribe(&supplier);
        let gauges = around.metrics.intake.of_supplier(&supplier);
        Ok(Self {
            around,
            supplier,
            fence,
            tenure,
            wallet,
            incarnation,
            reappends_until,
            doubt,
            looked_through: None,
            // An answer that is under way may name those that end before it comes.
            met: sessions.keys().cloned().collect(),
            sessions,
            heads,
            more_to_read: false,
            since: SystemTime::now(),
            gauges,
            status,
        })
    }

    /// Works until told to stop, or until the supplier is not ours any more. May be dropped at any time: whatever a step has
    /// left undone is seen again from what is durable.
    pub async fn run(&mut self, stop: &CancellationToken, desk: &Desk) -> Result<(), OwnerError> {
        info!(supplier = %self.supplier, epoch = self.fence.epoch, sessions = self.sessions.len(), "owning supplier");
        let mut blocks = self.around.feed.watch();
        let mut is_time = true;
        let mut next = Instant::now();
        loop {
            if is_time {
                next = Instant::now() + TICK;
                let latest = blocks.borrow_and_update().clone();
                if let Some(block) = latest {
                    let outcome = tokio::select! {
                        biased;
                        () = stop.cancelled() => return Ok(()),
                        outcome = self.tick(&block) => outcome,
                    };
                    match outcome {
                        Ok(()) if self.has_heads() => desk.open_sessions(self.sessions.len()),
                        Ok(()) => {}
                        Err(error) if error.is_final() => return Err(error),
                        // Whatever failed is tried again, from the same durable state, with the next tick.
                        Err(error) => warn!(supplier = %self.supplier, %error, "a step failed and is tried again"),
                    }
                }
            } else {
                tokio::select! {
                    biased;
                    () = stop.cancelled() => return Ok(()),
                    () = self.take_in() => {}
                }
            }
            if self.has_heads() && !self.has_more_to_read() {
                desk.caught_up();
            }
            is_time = tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(()),
                changed = blocks.changed() => if changed.is_err() { return Ok(()) } else { true },
                () = tokio::time::sleep_until(next) => true,
                () = self.heads.changed() => false,
                () = std::future::ready(()), if self.has_more_to_read() => false,
            };
        }
    }

    /// What is worth keeping when the lease is lost.
    #[must_use]
    pub fn into_memory(self) -> Memory {
        Memory::new(self.incarnation, self.sessions)
    }

    /// Brings the tries up to date.
    async fn take_in(&mut self) {
        self.discover();
        self.read_logs().await;
    }

    /// Everything there is to do at one block. Safe to repeat at any time.
    async fn tick(&mut self, block: &Block) -> Result<(), OwnerError> {
        self.take_in().await;
        self.ask_the_chain(block).await;
        self.mind_closes(block);
        let outcome = self.look_through_blocks(block).await;
        self.go_on("looking through blocks", outcome)?;
        let outcome = self.close_sessions(block).await;
        self.go_on("closing sessions", outcome)?;
        let outcome = self.seal_sessions(block).await;
        self.go_on("sealing sessions", outcome)?;
        self.weigh_claims(block).await;
        self.bring_claims(block).await?;
        self.bring_proofs(block).await?;
        self.finish_sessions(block).await?;
        self.report(block);
        Ok(())
    }

    /// Keeps what failed in one step, group or session from holding up the others: it is tried again, from the same durable
    /// state, with the next tick. Only what ends the owner is passed on.
    fn go_on(&self, step: &str, outcome: Result<(), OwnerError>) -> Result<(), OwnerError> {
        match outcome {
            Err(error) if error.is_final() => Err(error),
            Err(error) => {
                warn!(supplier = %self.supplier, step, %error, "a step failed and is tried again");
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }

    async fn must_be_same_redis(&self) -> Result<(), OwnerError> {
        if self.around.store.incarnation().await? == self.incarnation {
            Ok(())
        } else {
            Err(OwnerError::IncarnationChanged)
        }
    }

    async fn write_record(&self, id: &SessionId) -> Result<(), OwnerError> {
        if let Some(session) = self.sessions.get(id) {
            self.around.store.put_record(&self.fence, &self.supplier, id, &session.record).await?;
        }
        Ok(())
    }

    fn report(&mut self, block: &Block) {
        for session in self.sessions.values_mut() {
            let (phase, _) = session.decide(block);
            if phase != session.phase {
                let service = &session.record.header.service;
                let (from, to) = (session.phase.name(), phase.name());
                self.around.metrics.sessions.stepped(&self.supplier, service, from, to);
                session.phase = phase;
            }
        }
        let views: Vec<_> = self.sessions.values_mut().map(|session| session.status(block)).collect();
        self.status.sessions = views;
        self.status.height = block.height;
        self.around.board.publish(self.status.clone());
    }
}
