//! Logs, metrics and the health server.
//!
//! Every role has the same administration port, apart from the one it serves: `/metrics` for Prometheus, `/health` for
//! liveness (does everything still make progress), `/ready` for readiness, `/status` for people and the operator, and
//! `/log-level`, which can be changed from the same machine only.

mod admin;
mod logs;
mod probes;
mod process;
mod progress;

pub use admin::AdminServer;
pub use logs::{LogConfig, LogFormat, LogLevel, install_logs, log_level};
pub use probes::{Check, Probes, Readiness};
pub use progress::{Beat, Progress};
pub use prometheus_client::registry::Registry;

/// Why logs or the administration port cannot start.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The level is not one that the logs understand.
    #[error("`{0}` is not a log level: write error, warn, info, debug, trace, or a filter such as info,relayer=debug")]
    Level(String),
    /// Something else in this process already owns the logs.
    #[error("the logs of this process are already set up")]
    AlreadyInstalled,
    /// The port is taken or the address is not ours.
    #[error("cannot listen on the administration address {address}: {reason}")]
    Bind {
        /// The configured address.
        address: String,
        /// What the system said.
        reason: String,
    },
}
