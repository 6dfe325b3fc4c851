use relay_core::config::ConfigError;
use relay_core::relay::RpcType;

use crate::config::{PoolConfig, ProbeConfig, ProbeKind, SyncConfig};

/// Checks how a pool's nodes are watched; `key` is where the pool stands in the file.
pub(super) fn check(key: &str, kind: RpcType, config: &PoolConfig) -> Result<(), ConfigError> {
    if let Some(config) = &config.probe {
        probe(&format!("{key}.probe"), kind, config)?;
    }
    if let Some(config) = &config.sync {
        sync(&format!("{key}.sync"), kind, config)?;
    }
    Ok(())
}

fn probe(key: &str, kind: RpcType, config: &ProbeConfig) -> Result<(), ConfigError> {
    let fits = match config.kind(kind) {
        ProbeKind::Http | ProbeKind::Tcp => true,
        ProbeKind::Websocket => kind == RpcType::WebSocket,
        ProbeKind::GrpcHealth => kind == RpcType::Grpc,
    };
    let is_path = |path: &String| path.starts_with('/') && path.parse::<http::uri::PathAndQuery>().is_ok();
    let statuses = |status: &u16| (100..600).contains(status);
    let header = |(name, value): (&String, &String)| {
        http::HeaderName::try_from(name).is_ok() && http::HeaderValue::try_from(value).is_ok()
    };
    let content_type = config.content_type.as_ref().is_none_or(|value| http::HeaderValue::try_from(value).is_ok());
    let wrong = [
        ("kind", !fits, "does not fit this kind of request; http and tcp always do"),
        ("path", !config.path.as_ref().is_none_or(is_path), "must be a path such as /health"),
        ("interval", config.interval.0.is_zero(), "must be longer than 0"),
        ("timeout", config.timeout.0.is_zero(), "must be longer than 0"),
        ("method", http::Method::try_from(config.method.as_str()).is_err(), "is no method"),
        ("expectedStatus", !config.expected_status.iter().all(statuses), "must be 100 to 599"),
        ("headers", !config.headers.iter().all(header), "hold one that cannot be sent"),
        ("contentType", !content_type, "cannot be sent"),
        ("unhealthyThreshold", config.unhealthy_threshold == 0, "must be at least 1"),
        ("healthyThreshold", config.healthy_threshold == 0, "must be at least 1"),
    ];
    first(key, &wrong)
}

fn sync(key: &str, kind: RpcType, config: &SyncConfig) -> Result<(), ConfigError> {
    if !matches!(kind, RpcType::JsonRpc | RpcType::CometBft) {
        return Err(ConfigError::invalid(key, "is for jsonrpc (EVM nodes) and cometbft only"));
    }
    if config.max_lag.is_none() && config.chain_id.is_none() {
        return Err(ConfigError::invalid(key, "needs maxLag or chainId"));
    }
    let wrong = [
        ("interval", config.interval.0.is_zero(), "must be longer than 0"),
        ("timeout", config.timeout.0.is_zero(), "must be longer than 0"),
    ];
    first(key, &wrong)
}

fn first(key: &str, wrong: &[(&str, bool, &str)]) -> Result<(), ConfigError> {
    match wrong.iter().find(|(_, is_wrong, _)| *is_wrong) {
        Some((part, _, message)) => Err(ConfigError::invalid(&format!("{key}.{part}"), *message)),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(kind: RpcType, url: &str, adjust: impl FnOnce(&mut ProbeConfig)) -> Option<String> {
        let mut probe = ProbeConfig::default();
        adjust(&mut probe);
        let config = PoolConfig { probe: Some(probe), ..PoolConfig::of(url) };
        check("pool", kind, &config).err().map(|error| error.to_string())
    }

    // rule: D-37
    #[test]
    fn each_kind_of_request_has_a_probe_that_fits() {
        let of = |kind| ProbeConfig::default().kind(kind);
        assert_eq!(of(RpcType::WebSocket), ProbeKind::Websocket);
        assert_eq!(of(RpcType::Grpc), ProbeKind::GrpcHealth);
        assert_eq!(of(RpcType::CometBft), ProbeKind::Http);
        assert_eq!(refused(RpcType::Grpc, "grpc://node:1", |probe| probe.kind = Some(ProbeKind::Tcp)), None);
        let wrong = refused(RpcType::JsonRpc, "http://node:1", |probe| probe.kind = Some(ProbeKind::GrpcHealth));
        assert!(wrong.unwrap().contains("pool.probe.kind"));
    }

    #[test]
    fn probes_that_cannot_work_are_refused() {
        let json = |adjust: fn(&mut ProbeConfig)| refused(RpcType::JsonRpc, "http://node:1", adjust).unwrap();
        assert!(json(|probe| probe.path = Some("health".to_owned())).contains("probe.path"));
        assert!(json(|probe| probe.method = "a b".to_owned()).contains("probe.method"));
        assert!(json(|probe| probe.healthy_threshold = 0).contains("probe.healthyThreshold"));
        assert!(json(|probe| probe.expected_status = vec![20]).contains("probe.expectedStatus"));
        let sync = PoolConfig { sync: Some(SyncConfig::default()), ..PoolConfig::of("http://node:1") };
        assert!(check("pool", RpcType::JsonRpc, &sync).is_err() && check("pool", RpcType::Rest, &sync).is_err());
    }
}
