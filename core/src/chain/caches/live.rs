use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use moka::future::Cache;
use moka::ops::compute::Op;

use super::backing::{Backing, Sight, name};
use super::codec::Codec;
use super::lost;
use super::tier::Need;
use crate::chain::error::ChainError;
use crate::units::Height;

/// What is being renewed, or was in vain a moment ago, is left alone for this long.
const PAUSE: Duration = Duration::from_secs(5);
/// What is known for up to this many of its lives is served while it is renewed.
const SERVED_MEANWHILE: u32 = 2;

/// An answer: the height that it was read at, and the value.
pub(crate) type Fetched<V> = (Height, V);

/// Values that change: asked for again after a while, and served for longer only when no node answers. Cheap to clone.
pub(crate) struct Live<V>(Arc<Shared<V>>);

struct Shared<V> {
    kind: &'static str,
    codec: Codec<V>,
    entries: Cache<String, Known<V>>,
    renewing: Cache<String, ()>,
    ttl: Duration,
    stale_limit: Duration,
    backing: Arc<Backing>,
}

#[derive(Clone)]
struct Known<V> {
    /// How old it was when it was put here, and when that was.
    aged: Duration,
    at: Instant,
    height: Height,
    /// It may have changed since: it does only for want of an answer.
    doubted: bool,
    value: V,
}

impl<V> Known<V> {
    fn age(&self) -> Duration {
        self.at.elapsed().saturating_add(self.aged)
    }
}

impl<V> Clone for Live<V> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<V> Live<V>
where
    V: Clone + Send + Sync + 'static,
{
    pub(crate) fn new(
        kind: &'static str,
        most: u64,
        times: (Duration, Duration),
        codec: Codec<V>,
        backing: Arc<Backing>,
    ) -> Self {
        let (ttl, stale_limit) = times;
        let entries = Cache::builder().max_capacity(most).time_to_live(ttl + stale_limit).build();
        let renewing = Cache::builder().max_capacity(most).time_to_live(PAUSE).build();
        Self(Arc::new(Shared { kind, codec, entries, renewing, ttl, stale_limit, backing }))
    }

    /// The value of `key` if it is fresh, in this process or in the pool; else what `fetch` gives; else, when no node answers, the
    /// stale value. What is a little too old is served while it is renewed. What was read below height `least` does not do.
    pub(crate) async fn get(
        &self,
        key: &str,
        least: Height,
        fetch: impl Future<Output = Result<Fetched<V>, ChainError>> + Send + 'static,
    ) -> Result<V, ChainError> {
        let (it, began) = (&self.0, Instant::now());
        if let Some(known) = it.entries.get(key).await
            && known.height >= least
            && !known.doubted
        {
            let age = known.age();
            if age < it.ttl {
                it.backing.metrics.hit(it.kind, "l1", began.elapsed());
                return Ok(known.value);
            }
            if age < it.ttl * SERVED_MEANWHILE {
                it.backing.metrics.hit(it.kind, "l1", began.elapsed());
                self.renew(key, least, fetch).await;
                return Ok(known.value);
            }
        }
        it.backing.metrics.miss(it.kind, "l1");
        // Asking is rare and its future large: on the heap it does not weigh on whoever finds what is known.
        Box::pin(self.find(key, least, began, fetch)).await
    }

    /// Asks behind the back of whoever is served meanwhile.
    async fn renew(
        &self,
        key: &str,
        least: Height,
        fetch: impl Future<Output = Result<Fetched<V>, ChainError>> + Send + 'static,
    ) {
        if !self.0.renewing.entry_by_ref(key).or_insert(()).await.is_fresh() {
            return;
        }
        let (live, key) = (self.clone(), key.to_owned());
        tokio::spawn(async move {
            match Box::pin(live.find(&key, least, Instant::now(), fetch)).await {
                Ok(_) => live.0.renewing.invalidate(&key).await,
                Err(error) => tracing::debug!(kind = live.0.kind, key, %error, "could not be renewed"),
            }
        });
    }

    async fn find(
        &self,
        key: &str,
        least: Height,
        began: Instant,
        fetch: impl Future<Output = Result<Fetched<V>, ChainError>>,
    ) -> Result<V, ChainError> {
        let mut found = Err(lost());
        let compute = |entry: Option<moka::Entry<String, Known<V>>>| async {
            let old = entry.map(moka::Entry::into_value);
            if let Some(known) = &old
                && known.age() < self.0.ttl
                && known.height >= least
                && !known.doubted
            {
                found = Ok(known.value.clone());
                return Ok::<_, ChainError>(Op::Nop);
            }
            let had = old.is_some();
            match Box::pin(self.resolve(key, least, began, old, fetch)).await {
                Ok(known) => {
                    found = Ok(known.value.clone());
                    Ok(Op::Put(known))
                }
                // It is gone: what we knew about it is no longer true.
                Err(error @ ChainError::NotFound { .. }) if had => {
                    found = Err(error);
                    Ok(Op::Remove)
                }
                Err(error) => Err(error),
            }
        };
        self.0.entries.entry_by_ref(key).and_try_compute_with(compute).await?;
        self.0.backing.metrics.size(self.0.kind, self.0.entries.entry_count());
        found
    }

    async fn resolve(
        &self,
        key: &str,
        least: Height,
        began: Instant,
        old: Option<Known<V>>,
        fetch: impl Future<Output = Result<Fetched<V>, ChainError>>,
    ) -> Result<Known<V>, ChainError> {
        let it = &self.0;
        let need = Need { age: it.ttl, height: least, live: true };
        let (task, older) = match it.backing.look(it.kind, key, it.codec, need).await {
            Sight::Found(left, waited) => {
                it.backing.metrics.hit(it.kind, if waited { "l2_retry" } else { "l2" }, began.elapsed());
                return Ok(Known {
                    aged: left.age,
                    at: Instant::now(),
                    height: left.height,
                    doubted: false,
                    value: left.value,
                });
            }
            Sight::Ask { task, older } => (task, older),
        };
        let asked = Instant::now();
        let answer = fetch.await;
        it.backing.metrics.asked(it.kind, answer.is_ok(), asked.elapsed(), began.elapsed());
        let name = name(it.kind, key);
        match answer {
            Ok((height, value)) => {
                let life = it.ttl + it.stale_limit;
                it.backing.put(&name, height, (it.codec.write)(&value), life, task.as_deref()).await;
                Ok(Known { aged: Duration::ZERO, at: Instant::now(), height, doubted: false, value })
            }
            Err(error) => {
                let gone = matches!(error, ChainError::NotFound { .. });
                it.backing.give_up(&name, task.as_deref(), gone).await;
                let left = older.map(|left| Known {
                    aged: left.age,
                    at: Instant::now(),
                    height: left.height,
                    doubted: false,
                    value: left.value,
                });
                let best = [old, left].into_iter().flatten().min_by_key(Known::age);
                match best {
                    Some(stale) if error.is_transient() && stale.age() < it.ttl + it.stale_limit => {
                        tracing::warn!(kind = it.kind, key, %error, "serving an older answer of the chain");
                        Ok(stale)
                    }
                    _ => Err(error),
                }
            }
        }
    }

    /// Asks the chain whatever is known. An answer replaces it, here and in the pool; when no node answers it stays, and the error
    /// is told.
    pub(crate) async fn refresh(
        &self,
        key: &str,
        fetch: impl Future<Output = Result<Fetched<V>, ChainError>>,
    ) -> Result<V, ChainError> {
        let (it, name) = (&self.0, name(self.0.kind, key));
        match self.ask(key, fetch).await {
            Ok((height, body, value)) => {
                it.backing.put(&name, height, body, it.ttl + it.stale_limit, None).await;
                Ok(value)
            }
            Err(error) => {
                it.backing.give_up(&name, None, matches!(error, ChainError::NotFound { .. })).await;
                Err(error)
            }
        }
    }

    /// The same, for a leader: the pool is told by whoever calls. Also gives the value as it is shared.
    pub(crate) async fn ask(
        &self,
        key: &str,
        fetch: impl Future<Output = Result<Fetched<V>, ChainError>>,
    ) -> Result<(Height, Bytes, V), ChainError> {
        let (it, asked) = (&self.0, Instant::now());
        let answer = fetch.await;
        it.backing.metrics.asked(it.kind, answer.is_ok(), asked.elapsed(), asked.elapsed());
        match answer {
            Ok((height, value)) => {
                let known =
                    Known { aged: Duration::ZERO, at: Instant::now(), height, doubted: false, value: value.clone() };
                it.entries.insert(key.to_owned(), known).await;
                Ok((height, (it.codec.write)(&value), value))
            }
            Err(error) => {
                if matches!(error, ChainError::NotFound { .. }) {
                    it.entries.invalidate(key).await;
                }
                Err(error)
            }
        }
    }

    /// How long the pool keeps a value of this kind.
    pub(crate) fn shared_life(&self) -> Duration {
        self.0.ttl + self.0.stale_limit
    }

    /// What is known of `key` may have changed: it is looked up anew, and served on only when nobody answers.
    pub(crate) async fn doubt(&self, key: &str, source: &'static str) {
        self.0.backing.metrics.invalidated(self.0.kind, source);
        if let Some(known) = self.0.entries.get(key).await {
            self.0.entries.insert(key.to_owned(), Known { doubted: true, ..known }).await;
        }
    }

    /// The same for everything that is known.
    pub(crate) async fn doubt_all(&self) {
        let all: Vec<(Arc<String>, Known<V>)> = self.0.entries.iter().collect();
        for (key, known) in all {
            self.0.entries.insert(key.as_ref().clone(), Known { doubted: true, ..known }).await;
        }
    }

    pub(crate) async fn forget(&self, key: &str) {
        self.0.backing.metrics.invalidated(self.0.kind, "manual");
        self.0.entries.invalidate(key).await;
    }
}
