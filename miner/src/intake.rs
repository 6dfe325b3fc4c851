//! From the logs into the tries.
//!
//! [`heads`] asks for all owned suppliers at once how far their logs have grown. What has grown is read in pieces of bounded
//! size, earliest deadline first, as many at a time as [`gate`] lets in. [`Intake`] is what was read of one session so far.

use std::time::Duration;

use relay_core::store::Store;
use relay_core::telemetry::Progress;
use tokio_util::sync::CancellationToken;

use crate::config::IntakeSection;
use crate::metrics::IntakeMetrics;

pub mod admission;
pub mod gate;
pub mod heads;
mod leaves;
mod piece;
mod reading;

pub use admission::{Refusal, Terms};
pub use gate::ReadGate;
pub use heads::{HeadPoller, Heads, Subscription};
pub use leaves::{Intake, Taken, Trouble};
pub use reading::{Log, Reading, read};

/// How long the poller may stand still before the process calls itself unhealthy. A Redis without an answer is no standstill.
const STALLED: Duration = Duration::from_mins(1);

/// Starts asking for new relays, and makes the gate before which all that read stand.
#[must_use]
pub fn start(
    section: &IntakeSection,
    store: &Store,
    metrics: &IntakeMetrics,
    progress: &Progress,
    stop: &CancellationToken,
) -> (Heads, ReadGate) {
    let heads = Heads::default();
    let poller = HeadPoller::new(store.clone(), heads.clone(), section, metrics.clone());
    tokio::spawn(poller.run(progress.watch("heads of logs", STALLED), stop.child_token()));
    (heads, ReadGate::for_this_machine(section, metrics.clone()))
}
