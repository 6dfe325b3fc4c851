use std::collections::BTreeMap;
use std::fmt;

use relay_core::relay::RpcType;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::file::{Whole, sections};
use crate::config::ValidationMode;

sections! {
    /// An entry of `services`.
    Service {
        validation_mode: Inherited<ValidationMode>,
        timeout_profile: String,
        pool_profile: String,
        max_body_size_bytes: Whole,
        default_backend: Inherited<RpcType>,
        backends: BTreeMap<RpcType, Backend>,
    }

    /// An entry of `services.<id>.backends`.
    Backend {
        url: String,
        urls: Vec<Endpoint>,
        base_path: String,
        load_balancing: Inherited<LoadBalancing>,
        headers: BTreeMap<String, String>,
        authentication: Authentication,
        health_check: HealthCheck,
        max_retries: Whole,
        recovery_timeout_seconds: Whole,
    }

    /// `authentication`
    Authentication {
        username: String,
        password: String,
        bearer_token: String,
        plain_token: String,
    }

    /// `health_check` of a backend.
    HealthCheck {
        enabled: bool,
        endpoint: String,
        interval_seconds: Whole,
        timeout_seconds: Whole,
        unhealthy_threshold: Whole,
        healthy_threshold: Whole,
        method: String,
        request_body: String,
        content_type: String,
        expected_body: String,
        expected_status: Vec<u16>,
        headers: BTreeMap<String, String>,
    }
}

/// Which endpoint of a pool is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LoadBalancing {
    /// The first healthy one.
    FirstHealthy,
    /// All healthy ones in turn.
    RoundRobin,
}

/// A word of a list, or the empty text for "as usual".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Inherited<T>(pub Option<T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Inherited<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text.is_empty() {
            return Ok(Self(None));
        }
        T::deserialize(serde::de::value::StringDeserializer::<D::Error>::new(text)).map(Some).map(Self)
    }
}

/// An entry of `urls`: the URL, or a mapping with a name.
#[derive(Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// How metrics and logs call it.
    pub name: Option<String>,
    /// Where it is.
    pub url: String,
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The URL may hold a credential.
        f.debug_struct("Endpoint").field("name", &self.name).finish_non_exhaustive()
    }
}

impl<'de> Deserialize<'de> for Endpoint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(EndpointVisitor)
    }
}

struct EndpointVisitor;

impl<'de> Visitor<'de> for EndpointVisitor {
    type Value = Endpoint;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a URL, or a mapping with `name` and `url`")
    }

    fn visit_str<E: Error>(self, url: &str) -> Result<Endpoint, E> {
        Ok(Endpoint { name: None, url: url.to_owned() })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Endpoint, A::Error> {
        const KEYS: &[&str] = &["name", "url"];
        let (mut name, mut url) = (None, None);
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "name" => name = map.next_value()?,
                "url" => url = map.next_value()?,
                _ => return Err(Error::unknown_field(&key, KEYS)),
            }
        }
        Ok(Endpoint { name, url: url.ok_or_else(|| Error::missing_field("url"))? })
    }
}
