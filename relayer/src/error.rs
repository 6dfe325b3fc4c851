use relay_core::start::StartError;

use crate::backend::BackendError;
use crate::listener::TlsError;

/// Why a relayer does not start, or ended badly.
#[derive(Debug, thiserror::Error)]
pub enum RelayerError {
    /// What any role needs is missing or wrong.
    #[error(transparent)]
    Start(#[from] StartError),
    /// A backend cannot be used.
    #[error(transparent)]
    Backend(#[from] BackendError),
    /// The certificate of the relay port cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The relay port cannot be opened.
    #[error("cannot listen on {address}: {reason}")]
    Listen {
        /// The configured address.
        address: String,
        /// What the system said.
        reason: String,
    },
    /// Relays were still in progress or unrecorded when the drain ran out of time.
    #[error(
        "the drain ran out of time with {unrecorded} answered relays unrecorded and {spooled_bytes} bytes in progress"
    )]
    Drain {
        /// Answered relays that are lost with this process.
        unrecorded: u64,
        /// Memory of relays that had no answer yet, or whose answer left without a record.
        spooled_bytes: usize,
    },
}
