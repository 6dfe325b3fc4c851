use relay_core::config::{ConfigError, Period};
use serde::{Deserialize, Serialize};

/// Sockets between gateways and nodes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
pub struct WebSocketConfig {
    /// What the signature around the handshake is worth.
    pub handshake: HandshakeMode,
    /// Open sockets.
    pub connections: usize,
    /// Open sockets of one application, counted when it has signed something.
    pub connections_per_application: usize,
    /// Bytes of a message, either way.
    pub message_bytes: usize,
    /// Bytes of messages, over all sockets, that wait for their turn or are being taken in.
    pub buffer_bytes: usize,
    /// How long a node may take to accept a connection.
    pub dial_timeout: Period,
    /// How often both sides are asked whether they are still there.
    pub ping_interval: Period,
    /// How long a side may be silent.
    pub read_timeout: Period,
    /// How long a side may take to accept a frame.
    pub write_timeout: Period,
}

/// Gateways differ in what they sign around the handshake; every message on the socket is verified anyway.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HandshakeMode {
    /// Whoever asks gets a socket; only what is sent over it must be signed.
    #[default]
    Ignore,
    /// The handshake must be signed as a request without payload; else it is refused, and no node hears of it.
    Verify,
}

impl Default for WebSocketConfig {
    fn default() -> Self {
        Self {
            handshake: HandshakeMode::default(),
            connections: 5_000,
            connections_per_application: 2_000,
            message_bytes: 15 << 20,
            buffer_bytes: 256 << 20,
            dial_timeout: Period::from_secs(10),
            ping_interval: Period::from_secs(27),
            read_timeout: Period::from_secs(30),
            write_timeout: Period::from_secs(10),
        }
    }
}

impl WebSocketConfig {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let invalid = |key: &str, text: &str| Err(ConfigError::invalid(&format!("websocket.{key}"), text));
        let least_one = [
            ("connections", self.connections),
            ("connectionsPerApplication", self.connections_per_application),
            ("messageBytes", self.message_bytes),
        ];
        if let Some((key, _)) = least_one.into_iter().find(|(_, value)| *value == 0) {
            return invalid(key, "must be at least 1");
        }
        if self.buffer_bytes < self.message_bytes {
            return invalid("bufferBytes", "must have room for one message of websocket.messageBytes");
        }
        let times = [
            ("dialTimeout", self.dial_timeout),
            ("pingInterval", self.ping_interval),
            ("readTimeout", self.read_timeout),
            ("writeTimeout", self.write_timeout),
        ];
        if let Some((key, _)) = times.into_iter().find(|(_, period)| period.0.is_zero()) {
            return invalid(key, "must be longer than 0");
        }
        if self.ping_interval.0 >= self.read_timeout.0 {
            return invalid("pingInterval", "must be shorter than websocket.readTimeout");
        }
        Ok(())
    }
}
