use std::io;

/// Why a measurement cannot be made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The system refused something.
    #[error("cannot {doing}: {reason}")]
    Io {
        /// What.
        doing: &'static str,
        /// What it said.
        reason: io::Error,
    },
    /// Redis or the chain cannot be started.
    #[error(transparent)]
    Testbed(#[from] testbed::Error),
    /// The chain cannot be asked.
    #[error(transparent)]
    Chain(#[from] relay_core::chain::ChainError),
    /// A session or a signature cannot be had.
    #[error(transparent)]
    Client(#[from] relay_core::client::ClientError),
    /// A key is none.
    #[error(transparent)]
    Key(#[from] relay_core::address::SecretKeyError),
    /// The relayer did something that makes the measurement worthless.
    #[error("{0}")]
    Worthless(String),
}

impl Error {
    pub(crate) fn io(doing: &'static str) -> impl Fn(io::Error) -> Self {
        move |reason| Self::Io { doing, reason }
    }
}
