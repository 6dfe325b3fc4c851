//! Answers of the chain that the processes of a pool share. Everything here may go at any time; then the chain is asked.

use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;

use super::command::Call;
use super::leader::milliseconds;
use super::{Store, StoreError, scripts};
use crate::chain::{Look, Need, Renewed, SharedAnswer, SharedTier};
use crate::units::Height;

/// How long the others wait for one who asks, and may have died.
const TASK_LIFE: Duration = Duration::from_secs(3);
/// Names that are kept fresh; when there are more, the least recently used are not.
const MOST_IN_USE: usize = 20_000;
/// A name that nobody looked up for this long is not kept fresh any more.
const IN_USE: Duration = Duration::from_hours(2);
const LONGEST_NAME: usize = 256;

/// What came of an answer that a leader left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refreshed {
    /// A younger one is there.
    Older,
    /// It says nothing new.
    Same,
    /// It differs from what was there, and the pool was told.
    Changed,
}

impl Store {
    /// The names of changeable answers that the pool used of late.
    pub async fn cached_names(&self) -> Result<Vec<String>, StoreError> {
        let call = Call::new(&scripts::CACHE_USED).key(self.shared.keys.caches_in_use()).argument(milliseconds(IN_USE));
        self.shared.link.call(call).await
    }

    /// Leaves an answer for the pool, as its leader, and tells it when it differs from what was there.
    pub async fn put_cached(&self, token: &str, name: &str, answer: &Renewed) -> Result<Refreshed, StoreError> {
        let Renewed { height, body, life } = answer;
        Ok(match self.put_answer(name, *height, body, *life, None, token).await? {
            0 => Refreshed::Older,
            1 => Refreshed::Same,
            _ => Refreshed::Changed,
        })
    }

    /// Drops an answer, as the leader, because there is no such thing any more. Returns whether there was one.
    pub async fn drop_cached(&self, token: &str, name: &str) -> Result<bool, StoreError> {
        self.drop_answer(name, None, true, token).await
    }

    async fn look_up(&self, name: &str, need: Need) -> Result<Look, StoreError> {
        let keys = &self.shared.keys;
        let task = hex::encode(rand::random::<[u8; 8]>());
        let call = Call::new(&scripts::CACHE_LOOK)
            .key(keys.cache(name))
            .key(keys.cache_task(name))
            .key(keys.caches_in_use())
            .argument(name)
            .argument(milliseconds(need.age))
            .argument(need.height.0)
            .argument(&task)
            .argument(milliseconds(TASK_LIFE))
            .argument(u8::from(need.live))
            .argument(MOST_IN_USE);
        let (what, height, age, body): (u8, i64, u64, Vec<u8>) = self.shared.link.call(call).await?;
        let answer = (height >= 0).then(|| SharedAnswer {
            height: Height(height),
            age: Duration::from_millis(age),
            body: body.into(),
        });
        Ok(match (what, answer) {
            (1, Some(answer)) => Look::Known(answer),
            (2, older) => Look::Ask(task, older),
            (3, older) => Look::Asked(older),
            _ => Look::Away,
        })
    }

    async fn put_answer(
        &self,
        name: &str,
        height: Height,
        body: &Bytes,
        life: Duration,
        task: Option<&str>,
        token: &str,
    ) -> Result<u8, StoreError> {
        let keys = &self.shared.keys;
        let call = Call::new(&scripts::CACHE_PUT)
            .key(keys.cache(name))
            .key(keys.cache_task(name))
            .key(keys.leader())
            .argument(name)
            .argument(height.0)
            .argument(body.as_ref())
            .argument(milliseconds(life).max(1))
            .argument(task.unwrap_or_default())
            .argument(keys.events())
            .argument(token);
        self.shared.link.call(call).await
    }

    async fn drop_answer(&self, name: &str, task: Option<&str>, gone: bool, token: &str) -> Result<bool, StoreError> {
        let keys = &self.shared.keys;
        let call = Call::new(&scripts::CACHE_DROP)
            .key(keys.cache(name))
            .key(keys.cache_task(name))
            .key(keys.leader())
            .argument(name)
            .argument(task.unwrap_or_default())
            .argument(u8::from(gone))
            .argument(keys.events())
            .argument(token);
        self.shared.link.call(call).await
    }
}

impl SharedTier for Store {
    fn look<'a>(&'a self, name: &'a str, need: Need) -> BoxFuture<'a, Look> {
        async move {
            if name.len() > LONGEST_NAME {
                return Look::Away;
            }
            self.look_up(name, need).await.unwrap_or_else(|error| {
                tracing::debug!(%error, name, "the shared answers are not there; the chain is asked");
                Look::Away
            })
        }
        .boxed()
    }

    fn put<'a>(
        &'a self,
        name: &'a str,
        height: Height,
        body: Bytes,
        life: Duration,
        task: Option<&'a str>,
    ) -> BoxFuture<'a, ()> {
        async move {
            if let Err(error) = self.put_answer(name, height, &body, life, task, "").await {
                tracing::debug!(%error, name, "an answer could not be shared");
            }
        }
        .boxed()
    }

    fn give_up<'a>(&'a self, name: &'a str, task: Option<&'a str>, gone: bool) -> BoxFuture<'a, ()> {
        async move {
            if let Err(error) = self.drop_answer(name, task, gone, "").await {
                tracing::debug!(%error, name, "a task to ask could not be given up; it ends by itself");
            }
        }
        .boxed()
    }
}
