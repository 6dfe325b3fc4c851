//! When to take, keep and give back the two locks. Time and chance come from outside.

use std::time::Duration;

/// A holder of the Lease whom Redis does not answer stays for this many lives of a lock; then it lets others try, whom Redis may answer.
const PATIENCE: u32 = 10;

/// How long things last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Times {
    /// Life of a lock that is not renewed.
    pub ttl: Duration,
    /// Pause between two rounds.
    pub renew: Duration,
}

impl Times {
    /// A tenure counts as over this long before its lock ends, so that clocks may differ in their rate by a tenth.
    #[must_use]
    pub fn safety(self) -> Duration {
        self.ttl / 5
    }
}

/// One of the two locks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The Kubernetes Lease.
    Lease,
    /// The Redis lock.
    Redis,
}

/// What to do about a lock in this round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Leave it alone.
    Nothing,
    /// Try to take it.
    Acquire,
    /// Prolong it.
    Renew,
    /// Give it back.
    Release,
}

/// What was heard about a lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// It is ours, until this time by its own reckoning.
    Held(Duration),
    /// It is somebody else's, or nobody's.
    NotHeld,
    /// Nothing was heard. What was asked for may have happened.
    Silent,
}

/// What a process may write to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Authority {
    /// Duties that write to Redis.
    pub redis: bool,
    /// Duties that write to the API server.
    pub cluster: bool,
}

/// One process' standing in both locks.
#[derive(Debug, Clone)]
pub struct Candidacy {
    times: Times,
    /// `None` where there is no Kubernetes.
    lease: Option<Standing>,
    redis: Standing,
    /// Until then nothing is taken.
    rests_until: Duration,
    /// Since when the Lease is held without the Redis lock.
    alone_since: Option<Duration>,
    /// Since when Redis says, meanwhile, that its lock is another's.
    refused_since: Option<Duration>,
}

#[derive(Debug, Clone)]
struct Standing {
    /// When the tenure ends, safety taken off.
    ends: Option<Duration>,
    /// When the last answer came.
    heard: Duration,
}

impl Standing {
    fn holds(&self, now: Duration) -> bool {
        self.ends.is_some_and(|ends| now < ends)
    }
}

impl Candidacy {
    /// A process that holds nothing yet.
    #[must_use]
    pub fn new(times: Times, has_lease: bool, now: Duration) -> Self {
        let standing = Standing { ends: None, heard: now };
        Self {
            times,
            lease: has_lease.then(|| standing.clone()),
            redis: standing,
            rests_until: now,
            alone_since: None,
            refused_since: None,
        }
    }

    /// What may be written now. Ask again before each write, or watch [`Self::changes_at`].
    #[must_use]
    pub fn authority(&self, now: Duration) -> Authority {
        let redis = self.redis.holds(now);
        let lease = self.lease.as_ref().is_some_and(|lease| lease.holds(now));
        Authority { redis, cluster: lease && (redis || self.is_redis_silent(now)) }
    }

    /// The next moment at which the authority ends by itself.
    #[must_use]
    pub fn changes_at(&self, now: Duration) -> Option<Duration> {
        let ends = [self.lease.as_ref().and_then(|lease| lease.ends), self.redis.ends];
        ends.into_iter().flatten().filter(|ends| *ends > now).min()
    }

    /// What to do about a lock now. `chance`, from 0 to 1, spreads out those who have to wait.
    pub fn step(&mut self, side: Side, now: Duration, chance: f64) -> Step {
        match side {
            Side::Lease => self.lease_step(now, chance),
            Side::Redis => self.redis_step(now),
        }
    }

    fn lease_step(&mut self, now: Duration, chance: f64) -> Step {
        let Some(lease) = &self.lease else { return Step::Nothing };
        if !lease.holds(now) {
            self.alone(None);
            return if now < self.rests_until { Step::Nothing } else { Step::Acquire };
        }
        if self.redis.holds(now) {
            self.alone(None);
            return Step::Renew;
        }
        self.alone(Some(now));
        let ttl = self.times.ttl;
        let since = |moment: Option<Duration>| moment.map_or(Duration::ZERO, |moment| now.saturating_sub(moment));
        let rest = if since(self.refused_since) >= ttl {
            ttl / 2
        } else if since(self.alone_since) >= ttl * PATIENCE {
            ttl
        } else {
            return Step::Renew;
        };
        self.rests_until = now + rest + ttl.mul_f64(chance.clamp(0.0, 1.0));
        Step::Release
    }

    fn redis_step(&mut self, now: Duration) -> Step {
        if self.redis.holds(now) {
            return Step::Renew;
        }
        // First the Lease, then the Redis lock: while the API server is gone nobody new starts.
        if self.lease.as_ref().is_none_or(|lease| lease.holds(now)) { Step::Acquire } else { Step::Nothing }
    }

    /// Takes note of what a step came to; `now` is when the answer came.
    pub fn note(&mut self, side: Side, answer: Answer, now: Duration) {
        let safety = self.times.safety();
        let standing = match (side, &mut self.lease) {
            (Side::Lease, Some(lease)) => lease,
            (Side::Lease, None) => return,
            (Side::Redis, _) => &mut self.redis,
        };
        match answer {
            // Nothing is concluded from silence: the tenure lasts as long as it was known to.
            Answer::Silent => return,
            Answer::Held(ends) => standing.ends = Some(ends.saturating_sub(safety)),
            Answer::NotHeld => standing.ends = None,
        }
        standing.heard = now;
        if side == Side::Redis {
            match answer {
                Answer::NotHeld if self.alone_since.is_some() => self.refused_since = self.refused_since.or(Some(now)),
                _ => self.refused_since = None,
            }
        }
    }

    /// The lock was given up, whether or not the store heard of it: it is not ours from now on.
    pub fn gave_back(&mut self, side: Side) {
        match side {
            Side::Lease => self.lease.iter_mut().for_each(|lease| lease.ends = None),
            Side::Redis => self.redis.ends = None,
        }
    }

    fn alone(&mut self, now: Option<Duration>) {
        if now.is_some() {
            self.alone_since = self.alone_since.or(now);
        } else {
            (self.alone_since, self.refused_since) = (None, None);
        }
    }

    fn is_redis_silent(&self, now: Duration) -> bool {
        now.saturating_sub(self.redis.heard) >= self.times.ttl
    }
}
