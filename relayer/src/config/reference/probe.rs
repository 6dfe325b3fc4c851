use relay_core::config::reference::Notes;
use relay_core::config::{ConfigError, Period};
use relay_core::relay::RpcType;

use super::convert::or_default;
use super::file::Whole;
use super::service::{Backend, HealthCheck};
use crate::config::ProbeConfig;

/// The probe with the meaning of `health_check`, if it is enabled; `key` is where it stands.
pub(super) fn convert(
    key: &str,
    kind: RpcType,
    given: &Backend,
    notes: &mut Notes,
) -> Result<Option<ProbeConfig>, ConfigError> {
    let Some(check) = given.health_check.as_ref().filter(|check| check.enabled == Some(true)) else {
        return Ok(None);
    };
    let endpoint = text(check.endpoint.as_ref());
    if endpoint.is_none() && text(given.base_path.as_ref()).is_none() {
        return Err(ConfigError::invalid(key, "is enabled, but neither `endpoint` nor `base_path` says what to ask"));
    }
    let Some(Whole(interval)) = check.interval_seconds.filter(|interval| *interval > Whole(0)) else {
        return Err(ConfigError::invalid(&format!("{key}.interval_seconds"), "must be at least 1"));
    };
    let usual = ProbeConfig::default();
    let times = ProbeConfig {
        interval: Period::from_secs(interval),
        timeout: Period::from_secs(or_default(check.timeout_seconds, 5)),
        unhealthy_threshold: count(check.unhealthy_threshold, usual.unhealthy_threshold),
        healthy_threshold: count(check.healthy_threshold, usual.healthy_threshold),
        ..usual
    };
    Ok(Some(match kind {
        RpcType::WebSocket | RpcType::Grpc => {
            // An HTTP request can only fail there, and would take every node out.
            let text = format!("{kind} nodes are probed in their own way, so nothing of an HTTP request has an effect");
            notes.changed(key, text);
            times
        }
        RpcType::JsonRpc | RpcType::Rest | RpcType::CometBft => by_http(check, endpoint, times),
    }))
}

fn by_http(check: &HealthCheck, endpoint: Option<String>, times: ProbeConfig) -> ProbeConfig {
    let method = text(check.method.as_ref()).map_or(times.method, |method| method.to_uppercase());
    ProbeConfig {
        path: endpoint.map(|path| if path.starts_with('/') { path } else { format!("/{path}") }),
        method,
        body: text(check.request_body.as_ref()),
        content_type: text(check.content_type.as_ref()),
        expected_status: check.expected_status.clone().unwrap_or_default(),
        expected_body: text(check.expected_body.as_ref()),
        headers: check.headers.clone().unwrap_or_default(),
        ..times
    }
}

fn text(given: Option<&String>) -> Option<String> {
    given.filter(|text| !text.is_empty()).cloned()
}

fn count(given: Option<Whole>, default: u32) -> u32 {
    u32::try_from(or_default(given, u64::from(default))).unwrap_or(u32::MAX)
}
