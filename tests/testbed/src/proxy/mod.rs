//! A node that misbehaves on purpose: a proxy in front of a real one, for gRPC (unary), HTTP RPC and WebSocket.
//!
//! Faults are switched at run time, for both doors at once or for each alone:
//!
//! ```no_run
//! # async fn example(chain: &testbed::Chain) -> Result<(), testbed::Error> {
//! use testbed::{Faults, Proxy, proxy::Failure};
//! let node = Proxy::start(chain).await?;
//! node.set(Faults { failure: Some(Failure::not_ready()), ..Faults::default() });
//! node.heal();
//! # Ok(()) }
//! ```

mod broadcast;
mod call;
mod door;
mod faults;
mod grpc;
mod held;
mod lagging;
mod rpc;
mod upstream;
mod websocket;

use std::sync::Arc;

pub use broadcast::{Broadcast, Fate};
use door::Door;
pub use faults::{Failure, Faults, Lag, LateBroadcasts};
use upstream::Upstream;

use crate::{Chain, Error};

/// The misbehaving node. It stops, and cuts its connections, when dropped.
#[derive(Debug)]
pub struct Proxy {
    upstream: Arc<Upstream>,
    rpc: Door,
    grpc: Door,
}

impl Proxy {
    /// Starts a proxy in front of a chain, without faults.
    pub async fn start(chain: &Chain) -> Result<Self, Error> {
        Self::before(chain.rpc(), &chain.grpc()).await
    }

    /// Starts a proxy in front of any node, given the URLs (`http://host:port`) of its RPC and its clear-text gRPC.
    pub async fn before(rpc: &str, grpc: &str) -> Result<Self, Error> {
        let upstream = Arc::new(Upstream::new(rpc, grpc));
        let rpc = Door::open(Arc::clone(&upstream), rpc::serve).await?;
        let grpc = Door::open(Arc::clone(&upstream), grpc::serve).await?;
        Ok(Self { upstream, rpc, grpc })
    }

    /// CometBFT RPC, `http://127.0.0.1:PORT`; the websocket is at `/websocket`.
    #[must_use]
    pub fn rpc(&self) -> String {
        self.rpc.url()
    }

    /// gRPC in clear text, `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn grpc(&self) -> String {
        self.grpc.url()
    }

    /// Sets the faults of both doors.
    pub fn set(&self, faults: Faults) {
        self.rpc.set(faults.clone());
        self.grpc.set(faults);
    }

    /// Sets the faults of the RPC door, its websockets included.
    pub fn set_rpc(&self, faults: Faults) {
        self.rpc.set(faults);
    }

    /// Sets the faults of the gRPC door.
    pub fn set_grpc(&self, faults: Faults) {
        self.grpc.set(faults);
    }

    /// Takes all faults away. What was held back goes out at once.
    pub fn heal(&self) {
        self.set(Faults::default());
    }

    /// Cuts every open connection, once. New ones are served.
    pub fn cut_connections(&self) {
        self.rpc.cut();
        self.grpc.cut();
    }

    /// How many requests came for a gRPC path (`/pocket.proof.Query/AllClaims`) or an RPC method (`status`).
    #[must_use]
    pub fn requests(&self, path: &str) -> u64 {
        self.upstream.requests(path)
    }

    /// Every transaction that somebody broadcast through this proxy, and what became of it, oldest first.
    #[must_use]
    pub fn broadcasts(&self) -> Vec<Broadcast> {
        self.upstream.broadcasts()
    }
}
