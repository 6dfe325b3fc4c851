//! What the processes of a pool tell each other. Messages may be lost: whoever needs to know finds out by itself, a little later.

use std::time::Duration;

use futures::StreamExt;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{Store, StoreError};
use crate::address::Address;
use crate::units::Height;

const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// Messages that wait for their reader. When there are more it gets [`Event::Missed`] instead.
const MOST_WAITING: usize = 1024;

/// A message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// There is a new block.
    Block(Height),
    /// A value that is cached under this name has changed.
    Cache(String),
    /// The state of a supplier has changed.
    Supplier(Address),
    /// The published service factors have changed.
    Factors,
    /// Messages may have been lost, as before the first one: whatever they might have told has to be found out.
    Missed,
}

impl Event {
    /// `None` for a message of a kind that this release does not know.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let (kind, rest) = text.split_once(' ').unwrap_or((text, ""));
        match kind {
            "block" => rest.parse().ok().filter(|height| *height > 0).map(|height| Self::Block(Height(height))),
            "cache" => (!rest.is_empty()).then(|| Self::Cache(rest.to_owned())),
            "supplier" => rest.parse().ok().map(Self::Supplier),
            "factors" => rest.is_empty().then_some(Self::Factors),
            _ => None,
        }
    }
}

impl Store {
    /// Listens to the pool until `stop`. Begins with [`Event::Missed`] once it is subscribed, and again after each broken connection:
    /// what happened before is to be looked up then.
    #[must_use]
    pub fn events(&self, stop: CancellationToken) -> mpsc::Receiver<Event> {
        let (tell, events) = mpsc::channel(MOST_WAITING);
        let store = self.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = stop.cancelled() => {}
                () = store.listen(tell) => {}
            }
        });
        events
    }

    async fn listen(&self, tell: mpsc::Sender<Event>) {
        let mut pause = FIRST_PAUSE;
        while !tell.is_closed() {
            match self.subscribed(&tell).await {
                Ok(()) => pause = FIRST_PAUSE,
                Err(error) => tracing::debug!(%error, "no messages of the pool; caches live by their age meanwhile"),
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Forwards messages until the connection breaks or nobody listens.
    async fn subscribed(&self, tell: &mpsc::Sender<Event>) -> Result<(), StoreError> {
        let address = self.shared.link.address();
        let failed =
            |error: redis::RedisError| StoreError::Unreachable { address: address.clone(), reason: error.to_string() };
        let client = self.shared.link.listener().await?;
        let connecting = tokio::time::timeout(self.shared.config.connect_timeout.0, client.get_async_pubsub());
        let late = |_| StoreError::TimedOut { address: address.clone() };
        let mut connection = connecting.await.map_err(late)?.map_err(failed)?;
        connection.subscribe(self.shared.keys.events()).await.map_err(failed)?;
        let mut missed = true;
        let mut messages = connection.into_on_message();
        loop {
            if missed {
                // Waits for the reader: it is far behind.
                if tell.send(Event::Missed).await.is_err() {
                    return Ok(());
                }
                missed = false;
            }
            let Some(message) = messages.next().await else { return Ok(()) };
            let text: String = message.get_payload().map_err(failed)?;
            let Some(event) = Event::read(&text) else {
                tracing::debug!(text, "a message of an unknown kind");
                continue;
            };
            match tell.try_send(event) {
                Ok(()) => {}
                Err(mpsc::error::TrySendError::Full(_)) => missed = true,
                Err(mpsc::error::TrySendError::Closed(_)) => return Ok(()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // rule: C-28
    #[test]
    fn every_message_is_read_or_refused() {
        let address = "pokt1qurswpc8qurswpc8qurswpc8qurswpc8w4cwue";
        let supplier = Event::Supplier(address.parse().unwrap());
        for (text, event) in [
            ("block 7", Some(Event::Block(Height(7)))),
            ("cache service:anvil", Some(Event::Cache("service:anvil".into()))),
            (&format!("supplier {address}"), Some(supplier)),
            ("factors", Some(Event::Factors)),
        ] {
            assert_eq!(Event::read(text), event, "{text}");
        }
        for text in [
            "",
            "{}",
            "block",
            "block 0",
            "block -1",
            "block x",
            "cache",
            "cache ",
            "supplier",
            "supplier x",
            "factors 1",
            "new 1",
        ] {
            assert_eq!(Event::read(text), None, "{text}");
        }
    }
}
