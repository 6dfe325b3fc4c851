//! Which process of a fleet has its common duties.
//!
//! Authority is the store that a duty writes to: the Redis lock for what is written to Redis, the Kubernetes Lease for what is
//! written to the API server. [`Candidacy`] is the rule that combines both, and pure; a [`Candidate`] carries it out. Without
//! Kubernetes there is only the Redis lock. Two leaders at a time do no harm: what is written to Redis is fenced by the token, and
//! each duty tolerates another that does the same.

mod candidate;
mod follow;
mod lock;
#[cfg(test)]
mod model;
mod redis;
mod rule;

pub use candidate::{Candidate, Observer, Tenure};
pub use follow::follow;
pub use lock::{Attempt, Hold, Lock, LockError};
pub use redis::RedisLock;
pub use rule::{Answer, Authority, Candidacy, Side, Step, Times};
