use relay_core::config::Period;
use serde::{Deserialize, Serialize};

/// Bounds on what callers may cost. Whoever exceeds one is refused cheaply.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
pub struct LimitsConfig {
    /// Bytes of a relay request.
    pub request_bytes: usize,
    /// Bytes of a backend's answer.
    pub response_bytes: usize,
    /// Bytes of a mined relay, which must fit into a proof transaction. A relay beyond it would slash when drawn.
    pub relay_bytes: usize,
    /// Bytes of the headers of a request.
    pub header_bytes: usize,
    /// How long a caller may take to send its first request's headers, and any request's body.
    pub receive_timeout: Period,
    /// How long an HTTP/1.1 connection may wait for its next request. Longer than gateways keep theirs, so that they never
    /// send into one that is just being closed.
    pub idle_timeout: Period,
    /// How long a caller may take nothing of its answer before its connection or stream is cut.
    pub send_timeout: Period,
    /// Bytes of the bodies of all requests in progress.
    pub body_bytes: usize,
    /// Open connections.
    pub connections: usize,
    /// Relays in progress.
    pub in_flight: usize,
    /// HTTP/2 streams of one connection.
    pub streams: u32,
    /// Members of a ring that are looked at before the application's own ring is known.
    pub ring_members: usize,
    /// How many recently served requests are remembered to refuse their replay.
    pub replays: usize,
    /// Memory for curve tables of known rings.
    pub ring_table_bytes: usize,
    /// Questions to the chain at a time, for sessions and rings that are not known yet.
    pub lookups: usize,
}

impl Default for LimitsConfig {
    fn default() -> Self {
        Self {
            request_bytes: 10 << 20,
            response_bytes: 10 << 20,
            relay_bytes: 512 << 10,
            header_bytes: 64 << 10,
            receive_timeout: Period::from_secs(10),
            idle_timeout: Period::from_secs(120),
            send_timeout: Period::from_secs(30),
            body_bytes: 256 << 20,
            connections: 10_000,
            in_flight: 2_000,
            streams: 250,
            ring_members: 32,
            replays: 100_000,
            ring_table_bytes: 32 << 20,
            lookups: 64,
        }
    }
}

/// How the relayer ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
pub struct DrainConfig {
    /// How long it still accepts after its readiness is off, so that callers hear of it first.
    pub delay: Period,
    /// How long after that relays in progress and unrecorded ones may take.
    pub deadline: Period,
}

impl Default for DrainConfig {
    fn default() -> Self {
        Self { delay: Period::from_secs(3), deadline: Period::from_secs(45) }
    }
}

/// Whether signed answers are compressed for callers that ask for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
pub struct CompressionConfig {
    /// Off unless asked for: it costs more than it saves on a fast network.
    pub enabled: bool,
    /// Smaller answers stay as they are; 0 compresses all.
    pub min_bytes: usize,
}

impl Default for CompressionConfig {
    fn default() -> Self {
        Self { enabled: false, min_bytes: 1024 }
    }
}
