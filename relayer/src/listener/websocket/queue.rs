use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use super::ending::Ending;
use crate::frames::Message;

/// Messages of one direction that wait for their turn.
const MOST_WAITING: usize = 100;

/// What waits: messages, and behind the last one why no more will come.
#[derive(Debug)]
pub(super) enum Item {
    Message(Message, OwnedSemaphorePermit),
    End(Ending),
}

/// The way in. Full by number or by bytes, it holds its writer back, and so the peer.
#[derive(Debug)]
pub(super) struct Queue {
    items: mpsc::Sender<Item>,
    bytes: Arc<Semaphore>,
    most_bytes: usize,
}

impl Queue {
    /// Has room for one message of `most_bytes`.
    pub(super) fn new(most_bytes: usize) -> (Self, mpsc::Receiver<Item>) {
        let (items, waiting) = mpsc::channel(MOST_WAITING);
        (Self { items, bytes: Arc::new(Semaphore::new(most_bytes)), most_bytes }, waiting)
    }

    pub(super) async fn message(&self, message: Message) {
        let bytes = u32::try_from(message.payload.len().min(self.most_bytes)).unwrap_or(u32::MAX);
        // Neither is closed while somebody still reads, and when nobody does the whole bridge ends.
        if let Ok(permit) = Arc::clone(&self.bytes).acquire_many_owned(bytes).await {
            let _ = self.items.send(Item::Message(message, permit)).await;
        }
    }

    /// Nothing comes after this.
    pub(super) async fn end(&self, ending: Ending) {
        let _ = self.items.send(Item::End(ending)).await;
    }
}
