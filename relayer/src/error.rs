use relay_core::chain::ChainError;
use relay_core::config::ConfigError;
use relay_core::keys::KeysError;
use relay_core::store::StoreError;
use relay_core::telemetry::TelemetryError;

use crate::backend::BackendError;
use crate::listener::TlsError;

/// Why a relayer does not start, or ended badly.
#[derive(Debug, thiserror::Error)]
pub enum RelayerError {
    /// The configuration cannot work.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The keys cannot be read.
    #[error("reading the supplier keys: {0}")]
    Keys(#[from] KeysError),
    /// A backend cannot be used.
    #[error(transparent)]
    Backend(#[from] BackendError),
    /// The list of nodes cannot be used.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// Redis is not fit for use.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The administration port cannot be opened.
    #[error(transparent)]
    Telemetry(#[from] TelemetryError),
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
