use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use relay_core::config::reference::Notes;
use relay_core::config::{ConfigError, Period};
use relay_core::relay::RpcType;

use super::convert::or_default;
use super::file::Whole;
use super::probe;
use super::service::{Authentication, Backend, Endpoint, Inherited, LoadBalancing};
use crate::config::{AuthenticationConfig, Balancing, BreakerConfig, EndpointConfig, PoolConfig};

/// The pool with the meaning of `given`; `key` is where it stands.
pub(super) fn convert(key: &str, kind: RpcType, given: &Backend, notes: &mut Notes) -> Result<PoolConfig, ConfigError> {
    let balancing = given.load_balancing.and_then(|Inherited(named)| named).map(|named| match named {
        LoadBalancing::FirstHealthy => Balancing::FirstHealthy,
        LoadBalancing::RoundRobin => Balancing::RoundRobin,
    });
    Ok(PoolConfig {
        endpoints: endpoints(key, kind, given)?,
        base_path: base_path(key, kind, given, notes),
        headers: given.headers.clone().unwrap_or_default(),
        authentication: given.authentication.as_ref().and_then(|given| authentication(key, kind, given, notes)),
        balancing,
        breaker: breaker(key, given, notes),
        max_retries: retries(key, given)?,
        probe: probe::convert(&format!("{key}.health_check"), kind, given, notes)?,
        ..PoolConfig::default()
    })
}

/// How often another node is asked.
fn retries(key: &str, given: &Backend) -> Result<u8, ConfigError> {
    let Whole(most) = given.max_retries.unwrap_or(Whole(1));
    let most = u8::try_from(most).ok().filter(|most| *most <= 3);
    most.ok_or_else(|| ConfigError::invalid(&format!("{key}.max_retries"), "must be 0 to 3"))
}

fn endpoints(key: &str, kind: RpcType, given: &Backend) -> Result<Vec<EndpointConfig>, ConfigError> {
    let mut names = BTreeSet::new();
    let mut endpoints = Vec::new();
    for Endpoint { name, url: text } in listed(key, given)? {
        let name = name.filter(|name| !name.is_empty());
        let mut endpoint = EndpointConfig { name, ..EndpointConfig::of(url(key, kind, &text)?) };
        if endpoint.name.is_none() {
            // Nodes that differ in their path only had one name.
            let host = endpoint.label().to_owned();
            if names.contains(&host) {
                endpoint.name =
                    (2..=u32::MAX).map(|number| format!("{host}#{number}")).find(|name| !names.contains(name));
            }
        }
        if !names.insert(endpoint.label().to_owned()) {
            let message = format!("two nodes are called `{}`", endpoint.label());
            return Err(ConfigError::invalid(&format!("{key}.urls"), message));
        }
        endpoints.push(endpoint);
    }
    distinct(key, &endpoints)?;
    Ok(endpoints)
}

fn listed(key: &str, given: &Backend) -> Result<Vec<Endpoint>, ConfigError> {
    let one = given.url.clone().filter(|url| !url.is_empty());
    let several = given.urls.clone().filter(|urls| !urls.is_empty());
    let listed = match (one, several) {
        (Some(url), None) => vec![Endpoint { name: None, url }],
        (None, Some(urls)) => urls,
        (None, None) => return Err(ConfigError::invalid(key, "needs `url` for one node or `urls` for several")),
        (Some(_), Some(_)) => return Err(ConfigError::invalid(key, "has both `url` and `urls`; leave one out")),
    };
    if let Some(at) = listed.iter().position(|node| node.url.trim().is_empty()) {
        return Err(ConfigError::invalid(&format!("{key}.urls[{at}]"), "is empty"));
    }
    Ok(listed)
}

/// A bare `host:port` is plain: HTTP, or gRPC over HTTP/2 without TLS.
fn url(key: &str, kind: RpcType, text: &str) -> Result<String, ConfigError> {
    let text = text.trim();
    let (bare, known, example): (_, &[&str], _) = match kind {
        RpcType::WebSocket => (None, &["ws", "wss"], "ws://host:port/path or wss://host/path"),
        RpcType::Grpc => {
            (Some("grpc"), &["grpc", "grpcs", "http", "https"], "host:port, grpc://host:port or grpcs://host:port")
        }
        RpcType::JsonRpc | RpcType::Rest | RpcType::CometBft => {
            (Some("http"), &["http", "https"], "http://host:port, https://host/path or host:port")
        }
    };
    let full = match (text.split_once("://"), bare) {
        (Some((scheme, _)), _) if known.contains(&scheme) => Some(text.to_owned()),
        (None, Some(scheme)) => Some(format!("{scheme}://{text}")),
        _ => None,
    };
    let has_host =
        |url: &String| url.parse::<http::Uri>().is_ok_and(|url| url.host().is_some_and(|host| !host.is_empty()));
    // The URL is not repeated: it may hold a credential.
    full.filter(has_host)
        .ok_or_else(|| ConfigError::invalid(&format!("{key}.url"), format!("must look like {example}")))
}

/// No node twice. Scheme and query make no other node.
fn distinct(key: &str, endpoints: &[EndpointConfig]) -> Result<(), ConfigError> {
    let mut places = BTreeSet::new();
    for endpoint in endpoints {
        let place = endpoint.url.split_once("://").map_or("", |(_, place)| place);
        let place = place.split(['?', '#']).next().unwrap_or_default().trim_end_matches('/');
        if !places.insert(place.to_ascii_lowercase()) {
            let message = format!("`{}` is named twice with the same path", endpoint.label());
            return Err(ConfigError::invalid(&format!("{key}.urls"), message));
        }
    }
    Ok(())
}

/// It went in front of the paths of HTTP requests only.
fn base_path(key: &str, kind: RpcType, given: &Backend, notes: &mut Notes) -> Option<String> {
    let path = given.base_path.as_deref().map(str::trim).filter(|path| !path.is_empty())?;
    if matches!(kind, RpcType::Grpc | RpcType::WebSocket) {
        notes.ignored(format!("{key}.base_path"), format!("it never had one for {kind}: put the path into the URL"));
        return None;
    }
    Some(if path.starts_with('/') { path.to_owned() } else { format!("/{path}") })
}

/// The first of user, bearer token and plain token that is given counts, as it always did.
fn authentication(key: &str, kind: RpcType, given: &Authentication, notes: &mut Notes) -> Option<AuthenticationConfig> {
    let text = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    let (user, bearer, plain) = (text(&given.username), text(&given.bearer_token), text(&given.plain_token));
    if [user.is_some(), bearer.is_some(), plain.is_some()].into_iter().filter(|given| *given).count() > 1 {
        notes.ignored(format!("{key}.authentication"), "of several credentials the user counts, else the bearer token");
    }
    let none = AuthenticationConfig::default();
    let credential = match (user, text(&given.password), bearer, plain) {
        (Some(user), Some(password), ..) => {
            AuthenticationConfig { username: Some(user), password: Some(password), ..none }
        }
        // Some services take the whole key as the name of the user.
        (Some(user), None, ..) => {
            let token = format!("Basic {}", STANDARD.encode(format!("{user}:")));
            AuthenticationConfig { plain_token: Some(token), ..none }
        }
        (None, _, Some(token), _) => AuthenticationConfig { bearer_token: Some(token), ..none },
        (None, _, None, Some(token)) => AuthenticationConfig { plain_token: Some(token), ..none },
        (None, _, None, None) => return None,
    };
    if kind == RpcType::WebSocket {
        notes.changed(format!("{key}.authentication"), "it is sent with WebSocket handshakes as well");
    }
    Some(credential)
}

fn breaker(key: &str, given: &Backend, notes: &mut Notes) -> BreakerConfig {
    let usual = BreakerConfig::default();
    let threshold = given.health_check.as_ref().and_then(|check| check.unhealthy_threshold);
    let failures = u32::try_from(or_default(threshold, u64::from(usual.failures))).unwrap_or(u32::MAX);
    if given.recovery_timeout_seconds == Some(Whole(0)) {
        let text = "0 would keep a node out for ever that nothing probes: it is tried again after 30 s";
        notes.changed(format!("{key}.recovery_timeout_seconds"), text);
    }
    let recovery = Period::from_secs(or_default(given.recovery_timeout_seconds, 30));
    BreakerConfig { failures, recovery }
}
