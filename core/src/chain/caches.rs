use std::future::Future;
use std::hash::Hash;
use std::time::{Duration, Instant};

use moka::future::Cache;
use moka::ops::compute::Op;

use super::error::ChainError;

/// Values that can never change. One question at a time for each key; bounded by entries.
pub(crate) struct Pinned<K, V>(Cache<K, V>);

/// Values that change: asked again after a while, and served for longer only when no node answers.
pub(crate) struct Live<K, V> {
    entries: Cache<K, (Instant, V)>,
    ttl: Duration,
}

impl<K, V> Pinned<K, V>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    pub(crate) fn new(most: u64) -> Self {
        Self(Cache::new(most))
    }

    /// The value of `key`, else what `fetch` gives; kept when `fetch` says that it is final.
    pub(crate) async fn get(
        &self,
        key: K,
        fetch: impl Future<Output = Result<(V, bool), ChainError>>,
    ) -> Result<V, ChainError> {
        if let Some(value) = self.0.get(&key).await {
            return Ok(value);
        }
        let mut found = None;
        let compute = |entry: Option<moka::Entry<K, V>>| async {
            if let Some(entry) = entry {
                found = Some(entry.into_value());
                return Ok::<_, ChainError>(Op::Nop);
            }
            let (value, is_final) = fetch.await?;
            found = Some(value.clone());
            Ok(if is_final { Op::Put(value) } else { Op::Nop })
        };
        self.0.entry(key).and_try_compute_with(compute).await?;
        found.ok_or_else(lost)
    }

    pub(crate) async fn keep(&self, key: K, value: V) {
        self.0.insert(key, value).await;
    }

    pub(crate) async fn forget(&self, key: &K) {
        self.0.invalidate(key).await;
    }
}

impl<K, V> Live<K, V>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    pub(crate) fn new(most: u64, ttl: Duration, stale_limit: Duration) -> Self {
        let entries = Cache::builder().max_capacity(most).time_to_live(ttl + stale_limit).build();
        Self { entries, ttl }
    }

    /// The value of `key` if it is fresh, else what `fetch` gives, else, when no node answers, the stale value.
    pub(crate) async fn get(
        &self,
        key: K,
        fetch: impl Future<Output = Result<V, ChainError>>,
    ) -> Result<V, ChainError> {
        if let Some((at, value)) = self.entries.get(&key).await
            && at.elapsed() < self.ttl
        {
            return Ok(value);
        }
        let mut found = Err(lost());
        let compute = |entry: Option<moka::Entry<K, (Instant, V)>>| async {
            let old = entry.map(moka::Entry::into_value);
            if let Some((at, value)) = &old
                && at.elapsed() < self.ttl
            {
                found = Ok(value.clone());
                return Ok::<_, ChainError>(Op::Nop);
            }
            match (fetch.await, old) {
                (Ok(value), _) => {
                    found = Ok(value.clone());
                    Ok(Op::Put((Instant::now(), value)))
                }
                (Err(error), Some((_, stale))) if error.is_transient() => {
                    tracing::warn!(%error, "serving an older answer of the chain");
                    found = Ok(stale);
                    Ok(Op::Nop)
                }
                // It is gone: what we knew about it is no longer true.
                (Err(error @ ChainError::NotFound { .. }), Some(_)) => {
                    found = Err(error);
                    Ok(Op::Remove)
                }
                (Err(error), _) => Err(error),
            }
        };
        self.entries.entry(key).and_try_compute_with(compute).await?;
        found
    }

    /// Asks whatever is kept. An answer replaces it; when no node answers it stays, and the error is told.
    pub(crate) async fn refresh(
        &self,
        key: K,
        fetch: impl Future<Output = Result<V, ChainError>>,
    ) -> Result<V, ChainError> {
        match fetch.await {
            Ok(value) => {
                self.entries.insert(key, (Instant::now(), value.clone())).await;
                Ok(value)
            }
            Err(error) => {
                if matches!(error, ChainError::NotFound { .. }) {
                    self.entries.invalidate(&key).await;
                }
                Err(error)
            }
        }
    }

    pub(crate) async fn forget(&self, key: &K) {
        self.entries.invalidate(key).await;
    }
}

fn lost() -> ChainError {
    ChainError::Transient {
        node: String::new(),
        reason: "the question was given up by whoever asked it first".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::sync::Semaphore;

    use super::*;

    /// An answer that takes until `gate` opens, and counts how often it was asked for.
    async fn slow(gate: Arc<Semaphore>, asked: Arc<AtomicUsize>) -> Result<u32, ChainError> {
        asked.fetch_add(1, Ordering::Relaxed);
        gate.acquire().await.unwrap().forget();
        Ok(7)
    }

    // rule: D-46
    #[tokio::test]
    async fn a_slow_question_delays_only_those_who_ask_the_same() {
        let live = Arc::new(Live::new(100, Duration::from_mins(1), Duration::from_mins(1)));
        let pinned = Arc::new(Pinned::new(100));
        let (gate, asked) = (Arc::new(Semaphore::new(0)), Arc::<AtomicUsize>::default());
        let mut waiting = Vec::new();
        for _ in 0..3 {
            let (live, answer) = (Arc::clone(&live), slow(Arc::clone(&gate), Arc::clone(&asked)));
            waiting.push(tokio::spawn(async move { live.get("slow", answer).await }));
            let (pinned, answer) = (Arc::clone(&pinned), slow(Arc::clone(&gate), Arc::clone(&asked)));
            waiting.push(tokio::spawn(async move { pinned.get("slow", async { Ok((answer.await?, true)) }).await }));
        }
        while asked.load(Ordering::Relaxed) < 2 {
            tokio::task::yield_now().await;
        }
        assert_eq!(live.get("other", async { Ok(1) }).await, Ok(1));
        assert_eq!(pinned.get("other", async { Ok((1, true)) }).await, Ok(1));
        assert!(waiting.iter().all(|question| !question.is_finished()));
        gate.add_permits(2);
        for question in waiting {
            assert_eq!(question.await.unwrap(), Ok(7));
        }
        assert_eq!(asked.load(Ordering::Relaxed), 2, "one question for each cache");
    }
}
