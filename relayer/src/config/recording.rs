use relay_core::config::Period;
use serde::{Deserialize, Serialize};

/// What an answer waits for before it leaves, and how long a recorded relay is kept in memory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
pub struct RecordingConfig {
    /// What happens to an answer whose relay is not recorded in time.
    pub mode: RecordingMode,
    /// How long an answer waits for its relay to be recorded.
    pub timeout: Period,
    /// Memory for relays that are in progress or not recorded yet. When it is full, new ones are refused before they are
    /// served.
    pub spool_bytes: usize,
    /// Memory for relays that are recorded but could still be lost with Redis' last seconds.
    pub retained_bytes: usize,
    /// How long after its recording a relay counts as durable where Redis cannot confirm it. With Sentinel or Cluster:
    /// the fail-over time-out and 10 s.
    pub durable_after: Period,
    /// Record again what Redis lost with its last seconds. Off only to show in a test that it is needed.
    #[doc(hidden)]
    #[serde(skip_serializing_if = "is_true")]
    pub re_append: bool,
}

/// What happens to an answer whose relay is not recorded in time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RecordingMode {
    /// The answer leaves; the relay stays in the spool and counts as unrecorded until Redis has it.
    #[default]
    Bounded,
    /// The answer is withheld (503), and new relays are refused until Redis takes them again.
    Strict,
}

impl Default for RecordingConfig {
    fn default() -> Self {
        Self {
            mode: RecordingMode::default(),
            timeout: Period::from_millis(250),
            spool_bytes: 64 << 20,
            retained_bytes: 128 << 20,
            durable_after: Period::from_secs(10),
            re_append: true,
        }
    }
}

// serde hands over a reference.
#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_true(value: &bool) -> bool {
    *value
}
