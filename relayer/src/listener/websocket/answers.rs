use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use futures::stream::{FuturesOrdered, StreamExt};
use relay_core::relay::RelayHash;
use tokio::sync::mpsc::Receiver;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::bridge::Bridge;
use super::ending::Ending;
use super::queue::Item;
use crate::frames::{Message, Opcode, Peer};
use crate::pipeline::Pushed;
use crate::refusal::Refusal;

/// Answers of one socket that are signed and recorded at a time. They leave in the order in which they came.
const AT_A_TIME: usize = 16;
/// Messages that a node may send before anybody has asked anything.
const MOST_UNASKED: usize = 100;
/// Relays that are compared with a new one.
const RECENT: usize = 64;

/// An answer that is being signed and recorded. Its task goes on when the socket has ended: what a node has answered is recorded.
struct OnItsWay {
    opcode: Opcode,
    task: JoinHandle<Result<Pushed, Refusal>>,
}

/// What one direction remembers.
#[derive(Debug, Default)]
struct Memory {
    unasked: usize,
    recent: VecDeque<RelayHash>,
}

impl Bridge {
    /// Makes a relay of each message of the node and passes it on once it is recorded.
    pub(super) async fn answers(&self, mut waiting: Receiver<Item>) -> Ending {
        let (mut leaving, mut memory) = (FuturesOrdered::new(), Memory::default());
        let ending = loop {
            tokio::select! {
                biased;
                Some(pushed) = leaving.next() => {
                    if let Err(ending) = self.deliver(pushed, &mut memory).await {
                        return ending;
                    }
                }
                () = self.closing.cancelled() => break Ending::SessionOver,
                item = waiting.recv(), if leaving.len() < AT_A_TIME => match item {
                    Some(Item::Message(message, _permit)) => match self.answer(message, &mut memory).await {
                        Ok(Some(on_its_way)) => leaving.push_back(on_its_way.arrive()),
                        Ok(None) => {}
                        Err(ending) => break ending,
                    },
                    Some(Item::End(ending)) => break ending,
                    // Its writer waits for us to end.
                    None => std::future::pending().await,
                },
            }
        };
        while let Some(pushed) = leaving.next().await {
            if let Err(ending) = self.deliver(pushed, &mut memory).await {
                return ending;
            }
        }
        ending
    }

    /// Takes what a relay of its own needs before the answer is given.
    async fn answer(&self, message: Message, memory: &mut Memory) -> Result<Option<OnItsWay>, Ending> {
        let pipeline = &self.listener.pipeline;
        if self.is_over() {
            return Err(Ending::SessionOver);
        }
        if self.asked.is_some() {
            return if self.simulated_answer(message).await? { Ok(None) } else { self.unasked(memory) };
        }
        let Message { opcode, payload, .. } = message;
        // The chain has no signature for nothing.
        let next = if payload.is_empty() { None } else { self.dialogue().next(pipeline.feed.height(), Instant::now()) };
        let Some(next) = next else { return self.unasked(memory) };
        let bytes = payload.len();
        let answered = next.answer(payload, pipeline).await;
        let answered = answered.map_err(|refusal| Ending::Refused(pipeline.refused(&self.tally, refusal)))?;
        self.tally.response_bytes(bytes);
        let pipeline = Arc::clone(pipeline);
        let task = self.listener.tasks.spawn(async move { answered.push(&pipeline).await });
        Ok(Some(OnItsWay { opcode, task }))
    }

    /// Drops a message of the node that answers nothing; too many end the socket.
    fn unasked(&self, memory: &mut Memory) -> Result<Option<OnItsWay>, Ending> {
        self.metrics.unasked.inc();
        memory.unasked += 1;
        if memory.unasked > MOST_UNASKED { Err(Ending::Unasked) } else { Ok(None) }
    }

    async fn deliver(&self, pushed: (Opcode, Result<Pushed, Refusal>), memory: &mut Memory) -> Result<(), Ending> {
        let (opcode, pushed) = pushed;
        let pushed = pushed.map_err(|refusal| Ending::Refused(self.listener.pipeline.refused(&self.tally, refusal)))?;
        if pushed.published {
            self.metrics.emitted.inc();
        }
        if memory.repeats(pushed.hash) {
            self.metrics.duplicates.inc();
        }
        let payload: Bytes = pushed.response;
        let message = Message { opcode, payload, memory: None };
        self.gateway.message(message).await.map_err(|_| Ending::Stuck(Peer::Gateway))?;
        self.metrics.to_gateway.inc();
        Ok(())
    }
}

impl OnItsWay {
    async fn arrive(self) -> (Opcode, Result<Pushed, Refusal>) {
        // The task panics only if we do, and then nobody has an answer.
        (self.opcode, self.task.await.unwrap_or(Err(Refusal::Unsigned)))
    }
}

impl Memory {
    /// Whether the same relay was made shortly before: the same words of the node to the same request.
    fn repeats(&mut self, hash: RelayHash) -> bool {
        if self.recent.contains(&hash) {
            return true;
        }
        if self.recent.len() == RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back(hash);
        false
    }
}
