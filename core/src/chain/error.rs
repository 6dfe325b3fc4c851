use crate::units::Height;

/// Why the chain gave no answer. Only [`ChainError::NotFound`] says that something does not exist.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChainError {
    /// The list of nodes is empty or an address in it cannot be used.
    #[error("chain node {node:?}: {reason}; set rpc to a URL such as http://host:26657 and grpc to host:9090")]
    Config {
        /// Name of the node, empty for the list as a whole.
        node: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A node says, by gRPC code, that there is no such thing.
    #[error("not found at height {height}: {reason}")]
    NotFound {
        /// The height the node answered from; 0 when it does not say.
        height: Height,
        /// Its words.
        reason: String,
    },
    /// A node refuses the question itself; asking again gives the same answer.
    #[error("node {node} refuses the question: {reason}")]
    InvalidArgument {
        /// Which node.
        node: String,
        /// Its words.
        reason: String,
    },
    /// The node is too old for this query.
    #[error("node {node} does not know {method}; upgrade the node")]
    Unimplemented {
        /// Which node.
        node: String,
        /// The method's path.
        method: String,
    },
    /// No node answered, or a node that just restarted cannot answer yet. Nothing may be concluded; ask again.
    #[error("no answer from node {node}: {reason}")]
    Transient {
        /// The node that was asked last.
        node: String,
        /// What went wrong there.
        reason: String,
    },
    /// The node has not seen this block yet.
    #[error("node {node} has not reached height {height}: {reason}")]
    TooHigh {
        /// Which node.
        node: String,
        /// The height that was asked for.
        height: Height,
        /// Its words.
        reason: String,
    },
    /// The node has thrown this block away.
    #[error("node {node} has pruned height {height}: {reason}; add a node that keeps more blocks")]
    Pruned {
        /// Which node.
        node: String,
        /// The height that was asked for.
        height: Height,
        /// Its words.
        reason: String,
    },
    /// The node answers with an error of its own: neither "not found" nor something that passes by itself.
    #[error("node {node} answers with an error (code {code}): {reason}")]
    Refused {
        /// Which node.
        node: String,
        /// gRPC or JSON-RPC code.
        code: i32,
        /// Its words.
        reason: String,
    },
    /// The answer cannot be what was asked for.
    #[error("node {node} sent an answer that cannot be used: {reason}")]
    Malformed {
        /// Which node.
        node: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The node follows another chain.
    #[error("node {node} follows chain {found:?}, expected {expected:?}; correct the node's address")]
    ForeignChain {
        /// Which node.
        node: String,
        /// The chain id we work for.
        expected: String,
        /// The chain id it reports.
        found: String,
    },
}

impl ChainError {
    /// Whether asking again later can give an answer.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Transient { .. } | Self::TooHigh { .. })
    }

    /// Whether the next node in the list may know better.
    pub(crate) fn another_node_may_know(&self) -> bool {
        match self {
            Self::Config { .. } | Self::NotFound { .. } | Self::InvalidArgument { .. } | Self::Refused { .. } => false,
            Self::Transient { .. }
            | Self::TooHigh { .. }
            | Self::Pruned { .. }
            | Self::Unimplemented { .. }
            | Self::Malformed { .. }
            | Self::ForeignChain { .. } => true,
        }
    }
}
