//! WebSocket: a gateway's socket and a node's, and every message between them a relay.
//!
//! ```text
//! handshake ─▶ dial ─▶ bridge ─┬─▶ requests   gateway → node: verified, then passed on
//!                              └─▶ answers    node → gateway: signed and recorded, then passed on
//! ```
//!
//! `docs/decisions/0008-websocket.md` says which request an answer belongs to.

mod answers;
mod applications;
mod bridge;
mod dial;
mod ending;
mod handshake;
mod queue;
mod requests;
mod simulated;

use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use relay_core::relay::RpcType;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use super::body::whole;
use super::{Caller, Listener, ReplyBody};
use crate::backend::Pool;
use crate::config::{HandshakeMode, WebSocketConfig};
use crate::frames::{Outlet, Peer, Reader};
use crate::metrics::Tally;
use crate::pipeline::{Channel, Received};
use crate::refusal::Refusal;
use crate::simulation::Asked;
use applications::Applications;
use bridge::{Bridge, Party, Side, bid};
use ending::Ending;
use handshake::Invitation;

pub(super) use handshake::is_upgrade;

/// How long a gateway may take to take in the answer that opens the socket.
const UPGRADE_TIMEOUT: Duration = Duration::from_secs(10);

/// What all sockets share.
#[derive(Debug)]
pub(crate) struct Sockets {
    config: WebSocketConfig,
    places: Arc<Semaphore>,
    memory: Arc<Semaphore>,
    applications: Arc<Applications>,
}

/// A socket that may be opened.
struct Opening {
    invitation: Invitation,
    pool: Arc<Pool>,
    tally: Arc<Tally>,
    place: OwnedSemaphorePermit,
    /// Known already when the handshake is signed.
    party: Option<Party>,
    /// Whether its relays are simulated, and whose.
    asked: Option<Asked>,
}

impl Sockets {
    pub(crate) fn new(config: WebSocketConfig) -> Self {
        Self {
            places: Arc::new(Semaphore::new(config.connections)),
            memory: Arc::new(Semaphore::new(config.buffer_bytes)),
            applications: Applications::new(config.connections_per_application),
            config,
        }
    }
}

impl Listener {
    /// Opens a socket, or says why not while there still is a status to say it with.
    pub(super) async fn socket(
        self: &Arc<Self>,
        mut request: Request<Incoming>,
        caller: Caller,
    ) -> Response<ReplyBody> {
        let mut tally = Arc::clone(&self.pipeline.metrics.unknown);
        let upgrade = hyper::upgrade::on(&mut request);
        let opened = match self.invite(&request, &mut tally).await {
            Ok(opening) => handshake::agree(request.headers()).map(|response| (response, opening)),
            Err(refusal) => Err(refusal),
        };
        match opened {
            Ok((response, opening)) => {
                let listener = Arc::clone(self);
                self.tasks.spawn(async move {
                    listener.bridge(upgrade, opening).await;
                    drop(caller);
                });
                response.map(|()| bytes::Bytes::new().into())
            }
            Err(refusal) => whole(self.pipeline.refused(&tally, refusal).response()),
        }
    }

    /// Checks everything about a handshake. Nothing but its signature, if that is wanted, is proof of anything.
    async fn invite(&self, request: &Request<Incoming>, tally: &mut Arc<Tally>) -> Result<Opening, Refusal> {
        let invitation = Invitation::read(request)?;
        let live = self.pipeline.live.load_full();
        let service = live.services.get(&invitation.service);
        let service = service.ok_or_else(|| Refusal::UnknownService(invitation.service.clone()))?;
        tally.clone_from(service.tallies.of(RpcType::WebSocket));
        let pool = service.pools.get(&RpcType::WebSocket).filter(|pool| pool.is_healthy());
        let pool = pool.ok_or_else(|| Refusal::NoBackend(invitation.service.clone()))?;
        let place = Arc::clone(&self.sockets.places).try_acquire_owned().map_err(|_| Refusal::Overloaded)?;
        let asked = self.pipeline.asked_to_simulate(request.headers());
        let party = match self.sockets.config.handshake {
            // The chain knows nothing of a simulated session; every message will be verified.
            _ if asked.is_some() => None,
            HandshakeMode::Ignore => None,
            HandshakeMode::Verify => Some(self.verify_handshake(request, &invitation).await?),
        };
        Ok(Opening { invitation, pool: Arc::clone(pool), tally: Arc::clone(tally), place, party, asked })
    }

    /// The handshake as a request without payload. Its signature opens one socket only.
    async fn verify_handshake(&self, request: &Request<Incoming>, invitation: &Invitation) -> Result<Party, Refusal> {
        let body = handshake::signed_handshake(request.headers(), &invitation.service);
        let body = body.ok_or_else(|| Refusal::Invalid("the handshake is not signed".to_owned()))?;
        let (arrival, at, place) = (self.pipeline.feed.height(), Instant::now(), self.place()?);
        let headers = http::HeaderMap::new();
        let received = Received { channel: Channel::Socket, body, headers, arrival, at, place };
        let identity = self.pipeline.introduce(received).await?;
        let seat = self.sockets.applications.sit(&identity.session.application).ok_or(Refusal::TooManySockets)?;
        Ok(Party { supplier: identity.supplier, application: identity.session.application, _seat: seat })
    }

    async fn bridge(self: Arc<Self>, upgrade: OnUpgrade, opening: Opening) {
        let Opening { invitation, pool, tally, place, party, asked } = opening;
        let Ok(Ok(upgraded)) = tokio::time::timeout(UPGRADE_TIMEOUT, upgrade).await else { return };
        let metrics = self.pipeline.metrics.websocket.open(tally.service());
        let mut gateway = self.side(upgraded, Peer::Gateway);
        let deadline = Instant::now() + self.sockets.config.dial_timeout.0;
        let dialled = tokio::select! {
            dialled = dial::dial(&pool, &invitation, deadline) => dialled.map_err(|_| Ending::Unreachable),
            () = self.stop.cancelled() => Err(Ending::Restart),
        };
        match dialled {
            Ok(node) => {
                let node = self.side(node, Peer::Node);
                Bridge::run(self, invitation, tally, metrics, (party, asked), gateway, node).await;
            }
            Err(ending) => {
                let close = ending.closes().gateway;
                metrics.ended(close.as_ref().map_or(1005, |close| close.code));
                bid(&gateway.output, close.as_ref(), &mut gateway.input).await;
            }
        }
        drop(place);
    }

    fn side(&self, upgraded: Upgraded, peer: Peer) -> Side {
        let config = &self.sockets.config;
        let (read, write) = tokio::io::split(TokioIo::new(upgraded));
        let input = Reader::new(read, peer, config.message_bytes, Arc::clone(&self.sockets.memory));
        Side { input, output: Outlet::new(write, peer, config.write_timeout.0) }
    }
}
