//! The ways in which a node can misbehave.

use std::time::Duration;

use hyper::StatusCode;

/// What is wrong with the node; the default is nothing.
#[derive(Debug, Clone, Default)]
pub struct Faults {
    /// Each answer and each event is held back this long. `Duration::MAX` stalls until the faults change.
    pub delay: Duration,
    /// Connections are accepted and closed at once; setting it cuts those that are open.
    pub cut: bool,
    /// Requests are answered with an error and not forwarded.
    pub failure: Option<Failure>,
    /// `delay` and `failure` concern only gRPC paths and RPC methods that contain this text.
    pub only: Option<String>,
    /// Transactions are acknowledged (code 0, their true hash) and thrown away.
    pub drop_broadcasts: bool,
    /// Websockets stay open and answer, but no event arrives: a feed that has gone quiet.
    pub swallow_events: bool,
    /// The node is behind its network.
    pub lag: Option<Lag>,
}

/// An error instead of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// gRPC requests get this status, RPC requests HTTP 500.
    Grpc {
        /// gRPC status code; 2 is unknown, 14 unavailable.
        code: u8,
        /// Its message.
        message: String,
    },
    /// RPC and gRPC requests get this HTTP status.
    Http(StatusCode),
}

impl Failure {
    /// What a freshly restarted node answers to every gRPC query until its first new block.
    #[must_use]
    pub fn not_ready() -> Self {
        Self::Grpc {
            code: 2,
            message: "codespace sdk code 26: invalid height: context did not contain latest block height \
                      in either check state or finalize block state (1)"
                .into(),
        }
    }
}

/// A node that is `blocks` behind: its latest height is the chain's less `blocks`, and it knows nothing above that.
///
/// gRPC queries are pinned with `x-cosmos-block-height`; pinned above the node's height they fail as on a node that has
/// not seen that block. Exceptions, as the node in front of which we stand cannot be asked for them at an old height:
/// simulations run on its newest state, and account numbers and the like are the pinned height's.
/// RPC: `status`, `abci_info`, `abci_query`, `tx` and every method with a height; events of block H arrive with block H + `blocks`.
/// Several calls in one JSON-RPC array are forwarded untouched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lag {
    /// How many blocks behind.
    pub blocks: u32,
    /// What becomes of transactions.
    pub broadcasts: LateBroadcasts,
}

/// What a lagging node does with a transaction. Either way it is acknowledged at once: code 0 and its true hash, as the
/// node checks it against a state in which nothing speaks against it yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LateBroadcasts {
    /// It reaches the network as many blocks later as the node is behind. What the network then says, nobody hears.
    #[default]
    Forward,
    /// It never reaches the network.
    Drop,
}

impl Faults {
    /// Only this lag, with late broadcasts.
    #[must_use]
    pub fn lagging(blocks: u32) -> Self {
        Self { lag: Some(Lag { blocks, broadcasts: LateBroadcasts::Forward }), ..Self::default() }
    }

    /// Only this failure.
    #[must_use]
    pub fn failing(failure: Failure) -> Self {
        Self { failure: Some(failure), ..Self::default() }
    }

    /// Whether `delay` and `failure` concern this path.
    pub(super) fn concern(&self, path: &str) -> bool {
        self.only.as_ref().is_none_or(|part| path.contains(part))
    }
}
