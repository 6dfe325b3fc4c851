use std::sync::Arc;
use std::time::{Duration, Instant};

use moka::future::Cache;
use moka::ops::compute::Op;

use super::backing::{Backing, Sight, name};
use super::codec::Codec;
use super::lost;
use super::tier::Need;
use crate::chain::error::ChainError;
use crate::units::Height;

/// Also what cannot change is forgotten one day, by this process and by the pool.
const LIFE: Duration = Duration::from_hours(24);
const SHARED_LIFE: Duration = Duration::from_hours(2);

/// Values that can never change. One question at a time for each key; bounded by entries.
pub(crate) struct Pinned<V> {
    kind: &'static str,
    entries: Cache<String, V>,
    shared: Option<Codec<V>>,
    backing: Arc<Backing>,
}

/// An answer: the height that it was read at, the value, and whether that is final.
pub(crate) type Final<V> = (Height, V, bool);

impl<V> Pinned<V>
where
    V: Clone + Send + Sync + 'static,
{
    /// For at most so many entries. With a codec what is final is shared with the pool.
    pub(crate) fn new(kind: &'static str, most: u64, shared: Option<Codec<V>>, backing: Arc<Backing>) -> Self {
        let entries = Cache::builder().max_capacity(most).time_to_live(LIFE).build();
        Self { kind, entries, shared, backing }
    }

    /// The value of `key`, else what `fetch` gives; kept when `fetch` says that it is final.
    pub(crate) async fn get(
        &self,
        key: String,
        fetch: impl Future<Output = Result<Final<V>, ChainError>>,
    ) -> Result<V, ChainError> {
        let began = Instant::now();
        if let Some(value) = self.entries.get(&key).await {
            self.backing.metrics.hit(self.kind, "l1", began.elapsed());
            return Ok(value);
        }
        self.backing.metrics.miss(self.kind, "l1");
        // Asking is rare and its future large: on the heap it does not weigh on whoever finds what is known.
        Box::pin(self.fill(key, began, fetch)).await
    }

    async fn fill(
        &self,
        key: String,
        began: Instant,
        fetch: impl Future<Output = Result<Final<V>, ChainError>>,
    ) -> Result<V, ChainError> {
        let mut found = None;
        let compute = |entry: Option<moka::Entry<String, V>>| async {
            if let Some(entry) = entry {
                found = Some(entry.into_value());
                return Ok::<_, ChainError>(Op::Nop);
            }
            let (value, is_final) = self.find(&key, began, fetch).await?;
            found = Some(value.clone());
            Ok(if is_final { Op::Put(value) } else { Op::Nop })
        };
        self.entries.entry(key.clone()).and_try_compute_with(compute).await?;
        self.backing.metrics.size(self.kind, self.entries.entry_count());
        found.ok_or_else(lost)
    }

    async fn find(
        &self,
        key: &str,
        began: Instant,
        fetch: impl Future<Output = Result<Final<V>, ChainError>>,
    ) -> Result<(V, bool), ChainError> {
        let mut task = None;
        if let Some(codec) = self.shared {
            let need = Need { age: Duration::MAX, height: Height(0), live: false };
            match self.backing.look(self.kind, key, codec, need).await {
                Sight::Found(left, waited) => {
                    self.backing.metrics.hit(self.kind, if waited { "l2_retry" } else { "l2" }, began.elapsed());
                    return Ok((left.value, true));
                }
                Sight::Ask { task: ours, .. } => task = ours,
            }
        }
        let asked = Instant::now();
        let answer = fetch.await;
        self.backing.metrics.asked(self.kind, answer.is_ok(), asked.elapsed(), began.elapsed());
        let name = name(self.kind, key);
        match (&answer, self.shared) {
            (Ok((height, value, true)), Some(codec)) => {
                self.backing.put(&name, *height, (codec.write)(value), SHARED_LIFE, task.as_deref()).await;
            }
            _ => self.backing.give_up(&name, task.as_deref(), false).await,
        }
        answer.map(|(_, value, is_final)| (value, is_final))
    }

    pub(crate) async fn keep(&self, key: String, value: V) {
        self.entries.insert(key, value).await;
    }

    pub(crate) async fn forget(&self, key: &str) {
        self.entries.invalidate(key).await;
    }
}
