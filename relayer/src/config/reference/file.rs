use std::collections::BTreeMap;

use relay_core::config::reference::{Keys, PocketNode};
use relay_core::units::ServiceId;
use serde::{Deserialize, Deserializer};

use super::service::Service;
use crate::config::ValidationMode;

/// A relayer's file in the layout of the Go relay miner. `None`: not given, which is not always the same as 0.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[allow(
    missing_docs,
    clippy::struct_field_names,
    reason = "the keys are that program's, and its manual describes them"
)]
pub struct File {
    pub listen_addr: Option<String>,
    pub redis: Option<Redis>,
    pub pocket_node: Option<PocketNode>,
    pub keys: Option<Keys>,
    pub services: Option<BTreeMap<ServiceId, Service>>,
    pub default_validation_mode: Option<ValidationMode>,
    pub default_request_timeout_seconds: Option<Whole>,
    pub default_max_body_size_bytes: Option<Whole>,
    pub metrics: Option<Port>,
    pub pprof: Option<Port>,
    pub health_check: Option<Port>,
    pub cache_warmup: Option<CacheWarmup>,
    pub logging: Option<Logging>,
    pub relay_meter: Option<RelayMeter>,
    pub http_transport: Option<HttpTransport>,
    pub response_compression: Option<ResponseCompression>,
    pub timeout_profiles: Option<BTreeMap<String, TimeoutProfile>>,
    pub pool_profiles: Option<BTreeMap<String, PoolProfile>>,
    pub simulation: Option<Simulation>,
}

/// A number that must not be negative.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Whole(pub u64);

impl<'de> Deserialize<'de> for Whole {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = i64::deserialize(deserializer)?;
        let whole = u64::try_from(number);
        whole.map(Self).map_err(|_| serde::de::Error::custom(format!("{number} must not be negative")))
    }
}

macro_rules! sections {
    ($($(#[$meta:meta])* $name:ident { $($key:ident: $kind:ty,)* })*) => {
        $(
            $(#[$meta])*
            #[derive(Clone, Default, PartialEq, Eq, serde::Deserialize)]
            #[serde(deny_unknown_fields, default)]
            #[allow(missing_docs, clippy::struct_field_names, reason = "the keys are that program's, and its manual describes them")]
            pub struct $name {
                $(pub $key: Option<$kind>,)*
            }

            // URLs, headers and tokens are credentials, so nothing of a section is printed.
            impl std::fmt::Debug for $name {
                fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    f.debug_struct(stringify!($name)).finish_non_exhaustive()
                }
            }
        )*
    };
}
pub(super) use sections;

sections! {
    /// `redis`
    Redis {
        url: String,
        pool_size: Whole,
        min_idle_conns: Whole,
        pool_timeout_seconds: Whole,
        conn_max_idle_time_seconds: Whole,
        namespace: Namespace,
    }

    /// `redis.namespace`
    Namespace {
        base_prefix: String,
        cache_prefix: String,
        events_prefix: String,
        streams_prefix: String,
        miner_prefix: String,
        supplier_prefix: String,
        meter_prefix: String,
        params_prefix: String,
        consumer_group_prefix: String,
    }

    /// `metrics`, `pprof` and `health_check`
    Port {
        enabled: bool,
        addr: String,
    }

    /// `cache_warmup`
    CacheWarmup {
        enabled: bool,
        known_applications: Vec<String>,
        warmup_concurrency: Whole,
        warmup_timeout_seconds: Whole,
    }

    /// `logging`
    Logging {
        level: String,
        format: String,
        r#async: bool,
        async_buffer_size: i64,
        async_poll_interval: i64,
        sampling: bool,
        sampling_initial: Whole,
        sampling_thereafter: Whole,
        enable_caller: bool,
    }

    /// `relay_meter`
    RelayMeter {
        enabled: bool,
        redis_key_prefix: String,
        fail_behavior: FailBehavior,
        cache_ttl: String,
    }

    /// `http_transport`
    HttpTransport {
        max_idle_conns: Whole,
        max_idle_conns_per_host: Whole,
        max_conns_per_host: Whole,
        idle_conn_timeout_seconds: Whole,
        dial_timeout_seconds: Whole,
        tls_handshake_timeout_seconds: Whole,
        response_header_timeout_seconds: Whole,
        expect_continue_timeout_seconds: Whole,
        tcp_keep_alive_seconds: Whole,
        disable_compression: bool,
    }

    /// `response_compression`
    ResponseCompression {
        enabled: bool,
        min_size_bytes: Whole,
    }

    /// An entry of `timeout_profiles`.
    TimeoutProfile {
        name: String,
        request_timeout_seconds: Whole,
        response_header_timeout_seconds: Whole,
        dial_timeout_seconds: Whole,
        tls_handshake_timeout_seconds: Whole,
    }

    /// An entry of `pool_profiles`.
    PoolProfile {
        name: String,
        max_conns_per_host: Whole,
        max_idle_conns_per_host: Whole,
        idle_conn_timeout_seconds: Whole,
    }

    /// `simulation`
    Simulation {
        enabled: bool,
        max_concurrent: i64,
        freshness_window_seconds: i64,
        identities: Vec<Identity>,
    }

    /// An entry of `simulation.identities`.
    Identity {
        key_id: String,
        enabled: bool,
        not_after: String,
        max_rps: i64,
        app_pubkey_hex: String,
        gateway_pubkeys_hex: Vec<String>,
        allowed_services: Vec<ServiceId>,
    }
}

/// What happens to relays whose budget cannot be known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FailBehavior {
    /// They are served.
    #[default]
    Open,
    /// They are refused.
    Closed,
}
