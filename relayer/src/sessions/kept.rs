use std::hash::Hash;
use std::time::{Duration, Instant};

use moka::future::Cache;

use super::LookupError;

/// How long after it was last asked for in vain something is asked for again.
const PAUSE: Duration = Duration::from_secs(5);
/// How long beyond its time something is served while no node answers.
const STALE_LIMIT: Duration = Duration::from_mins(15);

/// Values that change. Whoever asks for one that is old gets it all the same, and it is asked for anew in the background: only
/// who needs one that is not known waits.
pub(super) struct Kept<K, V> {
    entries: Cache<K, (Instant, V)>,
    /// What is being asked for anew, or was a moment ago.
    renewing: Cache<K, ()>,
    fresh: Duration,
}

impl<K, V> Kept<K, V>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    pub(super) fn new(most: u64, fresh: Duration) -> Self {
        Self {
            entries: Cache::builder().max_capacity(most).time_to_live(fresh + STALE_LIMIT).build(),
            renewing: Cache::builder().max_capacity(most).time_to_live(PAUSE).build(),
            fresh,
        }
    }

    pub(super) async fn get<F>(&self, key: K, fetch: impl FnOnce() -> F) -> Result<V, LookupError>
    where
        F: Future<Output = Result<V, LookupError>> + Send + 'static,
    {
        let Some((at, value)) = self.entries.get(&key).await else {
            let fetch = fetch();
            let fetch = async { Ok::<_, LookupError>((Instant::now(), fetch.await?)) };
            let found = Box::pin(self.entries.try_get_with(key, fetch)).await;
            return found.map(|(_, value)| value).map_err(|error| error.as_ref().clone());
        };
        if at.elapsed() >= self.fresh && self.renewing.entry(key.clone()).or_insert(()).await.is_fresh() {
            let (entries, fetch) = (self.entries.clone(), fetch());
            tokio::spawn(async move {
                match fetch.await {
                    Ok(value) => entries.insert(key, (Instant::now(), value)).await,
                    // It is gone: what we knew about it is no longer true.
                    Err(LookupError::Refused(_)) => entries.invalidate(&key).await,
                    Err(LookupError::Unavailable(reason)) => {
                        tracing::warn!(reason, "serving on with what the chain said before");
                    }
                }
            });
        }
        Ok(value)
    }

    pub(super) async fn put(&self, key: K, value: V) {
        self.entries.insert(key, (Instant::now(), value)).await;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    /// A slow question blocks only who asks the same one for the first time.
    // rule: D-46, R-23
    #[tokio::test]
    async fn one_question_at_a_time_for_each_key_and_none_in_the_way_of_another() {
        let kept = Arc::new(Kept::<u8, u8>::new(10, Duration::from_mins(1)));
        let asked = Arc::new(AtomicUsize::new(0));
        let slow = |kept: Arc<Kept<u8, u8>>, asked: Arc<AtomicUsize>| async move {
            let fetch = move || async move {
                asked.fetch_add(1, Ordering::SeqCst);
                tokio::time::sleep(Duration::from_millis(300)).await;
                Ok(1)
            };
            kept.get(1, fetch).await.unwrap()
        };
        let both = tokio::spawn({
            let (kept, asked) = (Arc::clone(&kept), Arc::clone(&asked));
            async move { tokio::join!(slow(Arc::clone(&kept), Arc::clone(&asked)), slow(kept, asked)) }
        });
        tokio::time::sleep(Duration::from_millis(50)).await;
        let other = tokio::time::timeout(Duration::from_millis(100), kept.get(2, || async { Ok(2) })).await;
        assert_eq!(other.unwrap().unwrap(), 2);
        assert_eq!((both.await.unwrap(), asked.load(Ordering::SeqCst)), ((1, 1), 1));
    }

    #[tokio::test]
    async fn what_is_old_is_served_while_it_is_renewed_and_while_nobody_answers() {
        let kept = Kept::<u8, u8>::new(10, Duration::ZERO);
        assert_eq!(kept.get(1, || async { Ok(1) }).await.unwrap(), 1);
        let down = || async { Err(LookupError::Unavailable("down".into())) };
        assert_eq!(kept.get(1, down).await.unwrap(), 1);
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert_eq!(kept.get(1, || async { unreachable!("it was asked for a moment ago") }).await.unwrap(), 1);
        assert!(kept.get(2, down).await.is_err());
        kept.put(2, 7).await;
        assert_eq!(kept.get(2, || async { Ok(8) }).await.unwrap(), 7, "renewed behind its back");
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert_eq!(kept.get(2, down).await.unwrap(), 8);
    }

    #[tokio::test]
    async fn what_is_gone_is_forgotten() {
        let kept = Kept::<u8, u8>::new(10, Duration::ZERO);
        kept.put(1, 1).await;
        kept.get(1, || async { Err(LookupError::Refused("gone".into())) }).await.unwrap();
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert!(kept.get(1, || async { Err(LookupError::Refused("gone".into())) }).await.is_err());
    }
}
