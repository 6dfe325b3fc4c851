//! A socket between a gateway and a node. Everything that belongs to it lives in one scope, which always ends both sides.

use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use relay_core::address::Address;
use tokio::io::{AsyncWrite, ReadHalf, WriteHalf};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::applications::Seat;
use super::ending::{Closes, Ending};
use super::handshake::Invitation;
use super::queue::Queue;
use crate::frames::{Broken, Close, Incoming, Message, Opcode, Outlet, Peer, Reader};
use crate::listener::Listener;
use crate::metrics::{SocketMetrics, Tally};
use crate::pipeline::{Dialogue, Question, Simulated};
use crate::refusal::Refusal;
use crate::simulation::Asked;

/// How long a side may take to hear why it is closed, and then to close itself.
const FAREWELL: Duration = Duration::from_secs(1);
const LINGER: Duration = Duration::from_millis(100);
/// How long answers that are on their way are waited for when the socket ends for another reason.
const LAST_ANSWERS: Duration = Duration::from_secs(1);

type Input = Reader<ReadHalf<TokioIo<Upgraded>>>;
type Output = Outlet<WriteHalf<TokioIo<Upgraded>>>;

/// One side of a bridge.
#[derive(Debug)]
pub(super) struct Side {
    pub(super) input: Input,
    pub(super) output: Output,
}

/// Whose relays a socket carries, once the first one is verified. All further ones must be theirs, too.
#[derive(Debug)]
pub(super) struct Party {
    pub(super) supplier: Address,
    pub(super) application: Address,
    pub(super) _seat: Seat,
}

/// What both directions share.
pub(super) struct Bridge {
    pub(super) listener: Arc<Listener>,
    pub(super) invitation: Invitation,
    /// The metrics that relays of all kinds have.
    pub(super) tally: Arc<Tally>,
    pub(super) metrics: SocketMetrics,
    pub(super) gateway: Output,
    pub(super) node: Output,
    dialogue: Mutex<Dialogue>,
    pub(super) party: Mutex<Option<Party>>,
    /// Whether all of this is a simulation.
    pub(super) asked: Option<Asked>,
    /// The latest simulated request.
    pub(super) simulated: Mutex<Option<Simulated>>,
    /// No more answers are begun.
    pub(super) closing: CancellationToken,
}

impl Bridge {
    /// Runs until one side, the session or the relayer ends.
    pub(super) async fn run(
        listener: Arc<Listener>,
        invitation: Invitation,
        tally: Arc<Tally>,
        metrics: SocketMetrics,
        (party, asked): (Option<Party>, Option<Asked>),
        gateway: Side,
        node: Side,
    ) {
        let bridge = Self {
            listener,
            invitation,
            tally,
            metrics,
            gateway: gateway.output,
            node: node.output,
            dialogue: Mutex::default(),
            party: Mutex::new(party),
            asked,
            simulated: Mutex::default(),
            closing: CancellationToken::new(),
        };
        let (mut from_gateway, mut from_node) = (gateway.input, node.input);
        let ending = bridge.carry(&mut from_gateway, &mut from_node).await;
        bridge.farewell(ending, &mut from_gateway, &mut from_node).await;
    }

    async fn carry(&self, from_gateway: &mut Input, from_node: &mut Input) -> Ending {
        let most = self.listener.sockets.config.message_bytes;
        let (requests, waiting_requests) = Queue::new(most);
        let (pushes, waiting_pushes) = Queue::new(most);
        let mut answers = pin!(self.answers(waiting_pushes));
        let ending = tokio::select! {
            ending = self.listen(from_gateway, &self.gateway, &requests, Peer::Gateway) => ending,
            ending = self.listen(from_node, &self.node, &pushes, Peer::Node) => ending,
            ending = self.requests(waiting_requests) => ending,
            ending = self.clock() => ending,
            ending = &mut answers => return ending,
        };
        if ending.leaves_the_gateway() {
            self.closing.cancel();
            let _ = tokio::time::timeout(LAST_ANSWERS, answers).await;
        }
        ending
    }

    /// Reads one side. Whatever it sends, an end included, has its turn after what it sent before.
    async fn listen(&self, input: &mut Input, output: &Output, queue: &Queue, peer: Peer) -> Ending {
        let silence = self.listener.sockets.config.read_timeout.0;
        let ending = loop {
            match tokio::time::timeout(silence, input.next()).await {
                Ok(Ok(Some(Incoming::Message(message)))) => queue.message(message).await,
                Ok(Ok(Some(Incoming::Ping(payload)))) => {
                    if output.pong(payload).await.is_err() {
                        return Ending::Stuck(peer);
                    }
                }
                Ok(Ok(Some(Incoming::Close(close)))) => break Ending::Closed(peer, close),
                Ok(Ok(Some(Incoming::Pong) | None)) => {}
                Ok(Err(broken)) => break Ending::Broken(peer, broken),
                Err(_) => break Ending::Broken(peer, Broken::Gone),
            }
        };
        queue.end(ending).await;
        std::future::pending().await
    }

    /// Asks both sides from time to time whether they are there, and ends the socket with its session or the relayer.
    async fn clock(&self) -> Ending {
        let feed = &self.listener.pipeline.feed;
        let every = self.listener.sockets.config.ping_interval.0;
        let mut pings = tokio::time::interval_at(Instant::now() + every, every);
        let mut blocks = feed.watch();
        loop {
            tokio::select! {
                () = self.listener.stop.cancelled() => return Ending::Restart,
                _ = pings.tick() => {
                    let (gateway, node) = tokio::join!(self.gateway.ping(), self.node.ping());
                    if gateway.and(node).is_err() {
                        return Ending::PingTimeout;
                    }
                }
                Ok(()) = blocks.changed() => {}
            }
            self.dialogue().forget(Instant::now());
            if self.is_over() {
                return Ending::SessionOver;
            }
        }
    }

    /// Whether the session of the newest request takes no more relays.
    pub(super) fn is_over(&self) -> bool {
        let until = self.dialogue().admitted_until();
        until.is_some_and(|until| self.listener.pipeline.feed.height() > until)
    }

    pub(super) fn dialogue(&self) -> MutexGuard<'_, Dialogue> {
        self.dialogue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn farewell(&self, ending: Ending, from_gateway: &mut Input, from_node: &mut Input) {
        tracing::debug!(service = %self.invitation.service, ?ending, "a socket ends");
        if ending == Ending::SessionOver
            || matches!(&ending, Ending::Refused(refusal) if matches!(refusal, Refusal::SessionOver { .. }))
        {
            let expired = self.dialogue().newest().and_then(Question::expired);
            if let Some(payload) = expired {
                let message = self.gateway.message(Message { opcode: Opcode::Binary, payload, memory: None });
                let _ = tokio::time::timeout(FAREWELL, message).await;
            }
        }
        let Closes { gateway, node } = ending.closes();
        self.metrics.ended(gateway.as_ref().map_or(1005, |close| close.code));
        tokio::join!(bid(&self.gateway, gateway.as_ref(), from_gateway), bid(&self.node, node.as_ref(), from_node));
    }
}

/// Closes one side. It may close the connection itself; soon after it is closed anyway, when everything is dropped.
pub(super) async fn bid<W: AsyncWrite + Unpin>(output: &Outlet<W>, close: Option<&Close>, input: &mut Input) {
    if output.close(close, Instant::now() + FAREWELL).await.is_ok() {
        // Closing with something unread would destroy what we sent last.
        let _ = tokio::time::timeout(LINGER, input.discard()).await;
    }
}
