use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::lock::{Attempt, Hold, Lock, LockError};
use super::rule::{Answer, Candidacy, Side, Step, Times};
use crate::clock::Clock;

/// What a process leads, and under which token. Empty when it does not lead.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tenure {
    /// The token that guards writes to Redis.
    pub redis: Option<String>,
    /// The epoch under which the API server is written to.
    pub cluster: Option<u64>,
    /// The epoch of the newest tenure of this process; 0 before the first.
    pub epoch: u64,
}

/// Hears of what becomes of a candidate.
pub trait Observer: Send + Sync {
    /// It leads.
    fn elected(&self) {}
    /// It does not lead any more.
    fn lost(&self) {}
    /// A lock could not be taken (`renewing` is false) or prolonged.
    fn failed(&self, _error: &LockError, _renewing: bool) {}
}

impl Observer for () {}

/// A process that leads when it may.
pub struct Candidate {
    lease: Option<Box<dyn Lock>>,
    redis: Box<dyn Lock>,
    holds: [Option<Hold>; 2],
    /// The highest epoch that was seen in either lock.
    epoch: u64,
    rule: Candidacy,
    times: Times,
    clock: Clock,
    observer: Box<dyn Observer>,
    tenure: watch::Sender<Tenure>,
}

impl Candidate {
    /// A candidate, and a view of what it leads. Without Kubernetes there is no `lease`.
    #[must_use]
    pub fn new(
        lease: Option<Box<dyn Lock>>,
        redis: Box<dyn Lock>,
        times: Times,
        clock: Clock,
        observer: Box<dyn Observer>,
    ) -> (Self, watch::Receiver<Tenure>) {
        let rule = Candidacy::new(times, lease.is_some(), clock.monotonic());
        let (tenure, view) = watch::channel(Tenure::default());
        (Self { lease, redis, holds: [None, None], epoch: 0, rule, times, clock, observer, tenure }, view)
    }

    /// Stands until told to stop, then gives everything back at once.
    pub async fn run(mut self, stop: CancellationToken) {
        loop {
            let round = async {
                self.round(Side::Lease).await;
                self.round(Side::Redis).await;
            };
            tokio::select! {
                () = stop.cancelled() => break,
                () = round => {}
            }
            self.publish();
            let now = self.clock.monotonic();
            let ends = self.rule.changes_at(now).map_or(self.times.renew, |ends| ends.saturating_sub(now));
            tokio::select! {
                () = stop.cancelled() => break,
                () = tokio::time::sleep(ends.min(self.times.renew).max(Duration::from_millis(1))) => {}
            }
            self.publish();
        }
        for side in [Side::Redis, Side::Lease] {
            self.give_back(side).await;
        }
        self.publish();
    }

    async fn round(&mut self, side: Side) {
        let step = self.rule.step(side, self.clock.monotonic(), rand::random());
        let lock = match side {
            Side::Lease => self.lease.as_deref(),
            Side::Redis => Some(self.redis.as_ref()),
        };
        let Some(lock) = lock else { return };
        let present = self.holds[side as usize].clone();
        let outcome = match (step, &present) {
            (Step::Nothing, _) => return,
            (Step::Release, _) => {
                self.give_back(side).await;
                return;
            }
            // A missed renewal is never made up for: another may have led meanwhile.
            (Step::Renew, Some(hold)) => {
                self.limited(lock.renew(hold, self.epoch)).await.map(|held| held.ok_or(self.epoch))
            }
            (Step::Acquire | Step::Renew, _) => {
                self.limited(lock.acquire(self.epoch + 1)).await.map(|attempt| match attempt {
                    Attempt::Taken(hold) => Ok(hold),
                    Attempt::Busy { epoch } => Err(epoch),
                })
            }
        };
        let answer = match outcome {
            Ok(Ok(hold)) => {
                self.epoch = self.epoch.max(hold.epoch);
                let ends = hold.ends;
                self.holds[side as usize] = Some(hold);
                Answer::Held(ends)
            }
            Ok(Err(epoch)) => {
                self.epoch = self.epoch.max(epoch);
                self.holds[side as usize] = None;
                Answer::NotHeld
            }
            Err(error) => {
                self.observer.failed(&error, step == Step::Renew);
                tracing::debug!(%error, ?side, ?step, "nothing is known about a lock");
                Answer::Silent
            }
        };
        self.rule.note(side, answer, self.clock.monotonic());
    }

    /// No call of a lock may hold up the next round.
    async fn limited<T>(&self, call: impl Future<Output = Result<T, LockError>>) -> Result<T, LockError> {
        let late = |_| Err(LockError::Silent("it took too long".to_owned()));
        tokio::time::timeout(self.times.renew, call).await.unwrap_or_else(late)
    }

    async fn give_back(&mut self, side: Side) {
        self.rule.gave_back(side);
        let lock = if side == Side::Lease { self.lease.as_deref() } else { Some(self.redis.as_ref()) };
        let (Some(lock), Some(hold)) = (lock, self.holds[side as usize].take()) else { return };
        if let Err(error) = self.limited(lock.release(&hold)).await {
            warn!(%error, ?side, "a lock could not be given back; it ends by itself");
        }
    }

    fn publish(&self) {
        let authority = self.rule.authority(self.clock.monotonic());
        let token = self.holds[Side::Redis as usize].as_ref().map(|hold| hold.token.clone());
        let tenure = Tenure {
            redis: token.filter(|_| authority.redis),
            cluster: authority.cluster.then_some(self.epoch),
            epoch: if authority.redis || authority.cluster { self.epoch } else { self.tenure.borrow().epoch },
        };
        let leads = |tenure: &Tenure| tenure.redis.is_some() || tenure.cluster.is_some();
        let (led, now) = (leads(&self.tenure.borrow()), leads(&tenure));
        match (led, now) {
            (false, true) => {
                info!(epoch = tenure.epoch, "this process leads the fleet");
                self.observer.elected();
            }
            (true, false) => {
                info!("this process does not lead the fleet any more");
                self.observer.lost();
            }
            _ => {}
        }
        self.tenure.send_if_modified(|known| {
            let changed = *known != tenure;
            *known = tenure;
            changed
        });
    }
}
