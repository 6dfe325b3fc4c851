use std::collections::BTreeSet;

use relay_core::config::ConfigError;
use relay_core::relay::RpcType;

use crate::config::{EndpointConfig, PoolConfig};

/// Checks a pool; `key` is where it stands in the file.
pub(super) fn check(key: &str, kind: RpcType, config: &PoolConfig) -> Result<(), ConfigError> {
    if config.url.is_some() != config.endpoints.is_empty() {
        return Err(ConfigError::invalid(key, "needs `url` for one node or `endpoints` for several, and not both"));
    }
    let nodes = config.nodes();
    for node in &nodes {
        url(&format!("{key}.url"), kind, node)?;
    }
    distinct(key, &nodes)?;
    base_path(key, config)?;
    headers(key, config)?;
    if let Some(authentication) = &config.authentication {
        let key = format!("{key}.authentication");
        authentication.check().map_err(|error| ConfigError::invalid(&key, error.to_string()))?;
    }
    if config.tls.as_ref().is_some_and(|tls| tls.certificate.is_some() != tls.key.is_some()) {
        return Err(ConfigError::invalid(&format!("{key}.tls"), "needs certificate and key, or none of them"));
    }
    bounds(key, config)?;
    super::probe::check(key, kind, config)?;
    if config.breaker.failures == 0 || config.breaker.recovery.0.is_zero() {
        // Without a way back one bad minute would end a node for ever.
        return Err(ConfigError::invalid(&format!("{key}.breaker"), "failures and recovery must be more than 0"));
    }
    Ok(())
}

fn url(key: &str, kind: RpcType, node: &EndpointConfig) -> Result<(), ConfigError> {
    let (schemes, example): (&[&str], _) = match kind {
        RpcType::WebSocket => (&["ws", "wss"], "ws://host:port/path or wss://host/path"),
        RpcType::Grpc => (&["grpc", "grpcs", "http", "https"], "grpc://host:port, grpcs://host:port or host:port"),
        RpcType::JsonRpc | RpcType::Rest | RpcType::CometBft => {
            (&["http", "https"], "http://host:port or https://host/path")
        }
    };
    let fits = node.url.parse::<http::Uri>().is_ok_and(|url| {
        let host = url.host().is_some_and(|host| !host.is_empty());
        let known = url.scheme_str().is_some_and(|scheme| schemes.contains(&scheme));
        let bare = kind == RpcType::Grpc && url.scheme().is_none() && url.port_u16().is_some();
        host && (known || bare)
    });
    if fits && node.weight > 0 {
        return Ok(());
    }
    if fits {
        return Err(ConfigError::invalid(key, format!("`{}` needs a weight of at least 1", node.label())));
    }
    // Only the host is repeated: the rest may hold a credential.
    Err(ConfigError::invalid(key, format!("the URL of `{}` must look like {example}", node.label())))
}

/// Two names for one node would let it take two shares; one name for two would mix them up in metrics.
fn distinct(key: &str, nodes: &[EndpointConfig]) -> Result<(), ConfigError> {
    let (mut places, mut names) = (BTreeSet::new(), BTreeSet::new());
    for node in nodes {
        let place = node.url.parse::<http::Uri>().ok().map(|url| {
            let authority =
                url.authority().map(|authority| authority.as_str().to_ascii_lowercase()).unwrap_or_default();
            (authority, url.path().trim_end_matches('/').to_owned())
        });
        if !places.insert(place) {
            return Err(ConfigError::invalid(key, format!("names the host and path of `{}` twice", node.label())));
        }
        if !names.insert(node.label()) {
            let message = format!("two nodes are called `{}`; give each a `name` of its own", node.label());
            return Err(ConfigError::invalid(key, message));
        }
    }
    Ok(())
}

fn base_path(key: &str, config: &PoolConfig) -> Result<(), ConfigError> {
    let Some(path) = &config.base_path else { return Ok(()) };
    let parsed = path.parse::<http::uri::PathAndQuery>().ok().filter(|parsed| parsed.query().is_none());
    if parsed.is_some() && path.starts_with('/') && !path.split('/').any(|segment| segment == "..") {
        return Ok(());
    }
    Err(ConfigError::invalid(&format!("{key}.basePath"), format!("`{path}` must be a path such as /v1/mainnet")))
}

fn bounds(key: &str, config: &PoolConfig) -> Result<(), ConfigError> {
    let zero = |period: Option<relay_core::config::Period>| period.is_some_and(|period| period.0.is_zero());
    let wrong = [
        ("maxRetries", config.max_retries > 3, "must be at most 3"),
        ("hedgeAfter", zero(config.hedge_after), "must be longer than 0; leave it out to ask one node only"),
        ("connections.max", config.connections.max == 0, "must be at least 1"),
        ("connections.idleTimeout", zero(Some(config.connections.idle_timeout)), "must be longer than 0"),
        ("timeouts.dial", zero(Some(config.timeouts.dial)), "must be longer than 0"),
        ("timeouts.headers", zero(config.timeouts.headers), "must be longer than 0; leave it out for none of its own"),
    ];
    match wrong.into_iter().find(|(_, is_wrong, _)| *is_wrong) {
        Some((part, _, message)) => Err(ConfigError::invalid(&format!("{key}.{part}"), message)),
        None => Ok(()),
    }
}

fn headers(key: &str, config: &PoolConfig) -> Result<(), ConfigError> {
    for (name, value) in &config.headers {
        if http::HeaderName::try_from(name).is_err() {
            return Err(ConfigError::invalid(&format!("{key}.headers"), format!("`{name}` is not a header name")));
        }
        if http::HeaderValue::try_from(value).is_err() {
            // The value may be a credential, so it is not repeated.
            let message = format!("the value of `{name}` cannot stand in a header");
            return Err(ConfigError::invalid(&format!("{key}.headers"), message));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(kind: RpcType, config: &PoolConfig) -> String {
        check("pool", kind, config).unwrap_err().to_string()
    }

    fn both(one: &str, other: &str) -> PoolConfig {
        PoolConfig::of_all([one.to_owned(), other.to_owned()])
    }

    // rule: R-01
    #[test]
    fn a_scheme_must_fit_the_kind_of_request() {
        let cases = [
            (RpcType::WebSocket, "ws://node:1/path", true),
            (RpcType::WebSocket, "wss://node", true),
            (RpcType::WebSocket, "http://node:1", false),
            (RpcType::JsonRpc, "ws://node:1", false),
            (RpcType::JsonRpc, "grpc://node:1", false),
            (RpcType::JsonRpc, "node:8545", false),
            (RpcType::Rest, "https://node/base", true),
            (RpcType::CometBft, "ftp://node", false),
        ];
        for (kind, url, good) in cases {
            assert_eq!(check("pool", kind, &PoolConfig::of(url)).is_ok(), good, "{kind} {url}");
        }
    }

    // rule: D-18, S-5
    #[test]
    fn grpc_nodes_may_be_written_as_documented() {
        for url in ["127.0.0.1:50051", "node:50051", "[::1]:50051", "grpc://node:1", "grpcs://node", "http://node:1"] {
            check("pool", RpcType::Grpc, &PoolConfig::of(url)).unwrap();
        }
        for url in ["node", ":50051", "ws://node:1", "/path"] {
            assert!(check("pool", RpcType::Grpc, &PoolConfig::of(url)).is_err(), "{url}");
        }
    }

    #[test]
    fn no_node_is_named_twice() {
        let twice = both("http://node:1/base", "https://NODE:1/base/?key=2");
        assert!(refused(RpcType::JsonRpc, &twice).contains("twice"));
        let one_name = both("http://node:1/a", "http://node:1/b");
        assert!(refused(RpcType::JsonRpc, &one_name).contains("`name` of its own"));
        let mut named = one_name;
        named.endpoints[1].name = Some("b".to_owned());
        check("pool", RpcType::JsonRpc, &named).unwrap();
    }

    #[test]
    fn nothing_that_cannot_work_is_accepted() {
        let good = PoolConfig::of("http://node:1");
        for path in ["v1", "/v1?key=2", "/a/../b", "/ a"] {
            let wrong = PoolConfig { base_path: Some(path.to_owned()), ..good.clone() };
            assert!(refused(RpcType::JsonRpc, &wrong).contains("basePath"), "{path}");
        }
        let mut many = good.clone();
        many.max_retries = 4;
        assert!(refused(RpcType::JsonRpc, &many).contains("maxRetries"));
        let mut none = good.clone();
        none.connections.max = 0;
        assert!(refused(RpcType::JsonRpc, &none).contains("connections.max"));
        let mut never_back = good.clone();
        never_back.breaker.failures = 0;
        assert!(refused(RpcType::JsonRpc, &never_back).contains("breaker"));
        let mut idle = both("http://node:1", "http://node:2");
        idle.endpoints[0].weight = 0;
        assert!(refused(RpcType::JsonRpc, &idle).contains("weight"));
    }

    #[test]
    fn no_credential_is_shown() {
        let mut config = PoolConfig::of("htp://me:hunter2@node:1/hunter2?key=hunter2");
        config.headers.insert("x-key".to_owned(), "hunter2".to_owned());
        assert!(!refused(RpcType::JsonRpc, &config).contains("hunter2"));
        assert!(!format!("{config:?}").contains("hunter2"), "{config:?}");
    }
}
