use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::codec::Codec;
use super::metrics::CacheMetrics;
use super::tier::{Look, Need, SharedTier};
use crate::units::Height;

/// How long the shared tier may take; then the chain is asked, as if there were none.
const PATIENCE: Duration = Duration::from_millis(250);
/// A tier that did not answer is left alone for this long.
const COOL_DOWN: Duration = Duration::from_secs(2);
/// How long others are waited for who ask the same.
const WAIT: Duration = Duration::from_millis(1_500);
const FIRST_NAP: Duration = Duration::from_millis(5);
const LONGEST_NAP: Duration = Duration::from_millis(100);
/// Larger answers are not shared.
const LARGEST: usize = 1 << 20;

/// What is behind the caches of a process.
#[derive(Default)]
pub(crate) struct Backing {
    tier: OnceLock<Arc<dyn SharedTier>>,
    away_until: Mutex<Option<Instant>>,
    pub(crate) metrics: CacheMetrics,
}

/// A value that others left.
pub(crate) struct Left<V> {
    pub(crate) height: Height,
    pub(crate) age: Duration,
    pub(crate) value: V,
}

/// What came of looking.
pub(crate) enum Sight<V> {
    /// It does. `true`: only after waiting for somebody who asked.
    Found(Left<V>, bool),
    /// The chain has to be asked.
    Ask {
        /// Our name for the task, when others wait for us.
        task: Option<String>,
        /// What does for want of something better.
        older: Option<Left<V>>,
    },
}

impl Backing {
    /// Puts a tier behind the caches, once.
    pub(crate) fn share(&self, tier: Arc<dyn SharedTier>) {
        if self.tier.set(tier).is_err() {
            tracing::warn!("the caches are shared already; the first tier stays");
        }
    }

    /// Looks for a value, and waits a while when somebody else is asking for it.
    pub(crate) async fn look<V>(&self, kind: &'static str, key: &str, codec: Codec<V>, need: Need) -> Sight<V> {
        let nobody = || Sight::Ask { task: None, older: None };
        let Some(tier) = self.tier() else { return nobody() };
        let name = name(kind, key);
        let (deadline, mut nap, mut waited) = (Instant::now() + WAIT, FIRST_NAP, false);
        loop {
            let Ok(look) = tokio::time::timeout(PATIENCE, tier.look(&name, need)).await else {
                self.leave_alone();
                return nobody();
            };
            let read = |answer: super::tier::SharedAnswer| {
                let value = (codec.read)(key, &answer.body);
                if value.is_none() {
                    self.metrics.disbelieved(kind);
                    tracing::warn!(name, "a shared answer is not believed and is asked for anew");
                }
                value.map(|value| Left { height: answer.height, age: answer.age, value })
            };
            match look {
                Look::Known(answer) => {
                    return read(answer).map_or_else(nobody, |left| Sight::Found(left, waited));
                }
                Look::Ask(task, older) => {
                    self.metrics.miss(kind, if waited { "l2_retry" } else { "l2" });
                    self.metrics.locked(kind, true);
                    return Sight::Ask { task: Some(task), older: older.and_then(read) };
                }
                Look::Asked(older) if Instant::now() >= deadline => {
                    self.metrics.miss(kind, "l2_retry");
                    return Sight::Ask { task: None, older: older.and_then(read) };
                }
                Look::Asked(_) => {
                    if !waited {
                        self.metrics.locked(kind, false);
                    }
                    waited = true;
                    tokio::time::sleep(nap).await;
                    nap = (nap * 2).min(LONGEST_NAP);
                }
                Look::Away => {
                    self.leave_alone();
                    return nobody();
                }
            }
        }
    }

    /// Leaves an answer for the others, for about `life`.
    pub(crate) async fn put(&self, name: &str, height: Height, body: Bytes, life: Duration, task: Option<&str>) {
        let Some(tier) = self.tier() else { return };
        let too_large = body.len() > LARGEST;
        let put = async {
            if too_large {
                tier.give_up(name, task, false).await;
            } else {
                tier.put(name, height, body, jittered(life), task).await;
            }
        };
        if tokio::time::timeout(PATIENCE, put).await.is_err() {
            self.leave_alone();
        }
    }

    /// Says that there is no answer; `gone`: that there is no such thing.
    pub(crate) async fn give_up(&self, name: &str, task: Option<&str>, gone: bool) {
        if task.is_none() && !gone {
            return;
        }
        let Some(tier) = self.tier() else { return };
        if tokio::time::timeout(PATIENCE, tier.give_up(name, task, gone)).await.is_err() {
            self.leave_alone();
        }
    }

    fn tier(&self) -> Option<&Arc<dyn SharedTier>> {
        let away = *self.away_until.lock().unwrap_or_else(PoisonError::into_inner);
        self.tier.get().filter(|_| away.is_none_or(|until| Instant::now() >= until))
    }

    fn leave_alone(&self) {
        *self.away_until.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now() + COOL_DOWN);
    }
}

pub(crate) fn name(kind: &str, key: &str) -> String {
    format!("{kind}:{key}")
}

/// Within a tenth, so that what was learned together does not end together.
fn jittered(life: Duration) -> Duration {
    life.mul_f64(rand::random_range(0.9..=1.0))
}
