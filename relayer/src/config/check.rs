mod pool;
mod probe;

use std::net::SocketAddr;
use std::time::Duration;

use relay_core::config::ConfigError;
use relay_core::session::check_service_id;

use super::{Config, ServiceConfig};

const LONGEST_TIMEOUT: Duration = Duration::from_mins(10);

impl Config {
    /// Checks what the types cannot say. [`Config::load`] and [`Config::parse`] call it.
    pub fn check(&self) -> Result<(), ConfigError> {
        let (listen, admin) = (address("listen", &self.listen)?, address("admin", &self.admin)?);
        if listen.port() != 0 && listen.port() == admin.port() {
            return Err(ConfigError::invalid("admin", "has the port of `listen`; the two need ports of their own"));
        }
        if self.chain.nodes.is_empty() {
            return Err(ConfigError::invalid("chain.nodes", "is empty; name at least one node with its rpc and grpc"));
        }
        self.redis.check()?;
        if self.redis.prefix.is_empty() || self.redis.prefix.contains(['{', '}']) {
            return Err(ConfigError::invalid("redis.prefix", "must not be empty and must not contain braces"));
        }
        self.keys.check()?;
        if self.services.is_empty() {
            return Err(ConfigError::invalid("services", "is empty; a relayer needs at least one service"));
        }
        for (service, config) in &self.services {
            let key = format!("services.{service}");
            check_service_id(service.as_str()).map_err(|error| ConfigError::invalid(&key, error.to_string()))?;
            self::service(&key, config)?;
        }
        self.simulation.check()?;
        self.websocket.check()?;
        self.bounds()
    }

    fn bounds(&self) -> Result<(), ConfigError> {
        let (limits, recording) = (&self.limits, &self.recording);
        let least_one = [
            ("limits.requestBytes", limits.request_bytes),
            ("limits.responseBytes", limits.response_bytes),
            ("limits.relayBytes", limits.relay_bytes),
            ("limits.bodyBytes", limits.body_bytes),
            ("limits.connections", limits.connections),
            ("limits.inFlight", limits.in_flight),
            ("limits.ringMembers", limits.ring_members),
            ("limits.lookups", limits.lookups),
            ("recording.retainedBytes", recording.retained_bytes),
        ];
        if let Some((key, _)) = least_one.into_iter().find(|(_, value)| *value == 0) {
            return Err(ConfigError::invalid(key, "must be at least 1"));
        }
        if limits.streams == 0 {
            return Err(ConfigError::invalid("limits.streams", "must be at least 1"));
        }
        let waits = [
            ("limits.receiveTimeout", limits.receive_timeout),
            ("limits.idleTimeout", limits.idle_timeout),
            ("limits.sendTimeout", limits.send_timeout),
        ];
        if let Some((key, _)) = waits.into_iter().find(|(_, wait)| wait.0.is_zero()) {
            return Err(ConfigError::invalid(key, "must be longer than 0"));
        }
        let largest = self.services.values().filter_map(|service| service.request_bytes).max().unwrap_or_default();
        if limits.body_bytes < limits.request_bytes.max(largest) {
            return Err(ConfigError::invalid(
                "limits.bodyBytes",
                "must have room for the largest body that is accepted",
            ));
        }
        if limits.header_bytes < 8192 {
            return Err(ConfigError::invalid("limits.headerBytes", "must be at least 8192"));
        }
        if recording.spool_bytes < limits.relay_bytes {
            return Err(ConfigError::invalid(
                "recording.spoolBytes",
                "must have room for one relay of limits.relayBytes",
            ));
        }
        if self.budget.slice.relays == 0 {
            return Err(ConfigError::invalid("budget.slice.relays", "must be at least 1"));
        }
        if self.budget.timeout.0.is_zero() {
            return Err(ConfigError::invalid("budget.timeout", "must be longer than 0"));
        }
        if let Some(service) = self.budget.service_factors.keys().find(|id| !self.services.contains_key(*id)) {
            return Err(ConfigError::invalid("budget.serviceFactors", format!("there is no service `{service}`")));
        }
        if recording.timeout.0.is_zero() {
            return Err(ConfigError::invalid("recording.timeout", "must be longer than 0"));
        }
        Ok(())
    }
}

fn address(key: &str, text: &str) -> Result<SocketAddr, ConfigError> {
    text.parse().map_err(|_| ConfigError::invalid(key, format!("`{text}` is not an address such as 0.0.0.0:8080")))
}

fn service(key: &str, config: &ServiceConfig) -> Result<(), ConfigError> {
    if config.timeout.0.is_zero() || config.timeout.0 > LONGEST_TIMEOUT {
        return Err(ConfigError::invalid(&format!("{key}.timeout"), "must be longer than 0 and at most 10m"));
    }
    let bodies = [("requestBytes", config.request_bytes), ("responseBytes", config.response_bytes)];
    if let Some((name, _)) = bodies.into_iter().find(|(_, bytes)| *bytes == Some(0)) {
        return Err(ConfigError::invalid(&format!("{key}.{name}"), "must be at least 1; leave it out for the default"));
    }
    if config.backends.is_empty() {
        return Err(ConfigError::invalid(&format!("{key}.backends"), "is empty; name at least one, such as jsonrpc"));
    }
    match config.default_type() {
        Some(kind) if config.backends.contains_key(&kind) => {}
        Some(kind) => {
            let message = format!("is {kind}, but there is no such backend");
            return Err(ConfigError::invalid(&format!("{key}.defaultBackend"), message));
        }
        None => {
            return Err(ConfigError::invalid(
                &format!("{key}.defaultBackend"),
                "must say which of the backends is meant",
            ));
        }
    }
    for (kind, pool) in &config.backends {
        pool::check(&format!("{key}.backends.{kind}"), *kind, pool)?;
    }
    Ok(())
}
