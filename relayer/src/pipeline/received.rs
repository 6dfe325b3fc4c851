use bytes::Bytes;
use http::HeaderMap;
use prometheus_client::metrics::gauge::Gauge;
use relay_core::units::Height;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

use super::weight::Share;

/// How a relay came. What it carries, and how its answer is framed, depends on it; nothing else does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Channel {
    /// An HTTP request: the payload is an HTTP call.
    Http,
    /// A gRPC message: the payload is an HTTP call, often one of gRPC.
    Grpc,
    /// A message on a socket: the payload is what goes to the node, as it is.
    Socket,
}

/// Bytes from a transport. Nothing is known about them yet.
#[derive(Debug)]
pub(crate) struct Received {
    /// How they came.
    pub(crate) channel: Channel,
    /// The encoded `RelayRequest`.
    pub(crate) body: Bytes,
    /// Headers around it. Nobody signed them: they never say who anybody is.
    pub(crate) headers: HeaderMap,
    /// The height when the request arrived. Every later decision about it uses this one.
    pub(crate) arrival: Height,
    /// When it arrived.
    pub(crate) at: Instant,
    /// Its place among the relays in progress.
    pub(crate) place: Place,
}

/// A place among the relays in progress, given back when the relay is done with, also if its caller left long before.
#[derive(Debug)]
pub(crate) struct Place {
    _permit: OwnedSemaphorePermit,
    in_flight: Gauge,
    weight: Option<Share>,
}

impl Place {
    pub(crate) fn new(permit: OwnedSemaphorePermit, in_flight: Gauge) -> Self {
        in_flight.inc();
        Self { _permit: permit, in_flight, weight: None }
    }

    /// The same, with the memory of the relay's body.
    pub(crate) fn weighing(mut self, share: Share) -> Self {
        self.weight = Some(share);
        self
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.in_flight.dec();
    }
}
