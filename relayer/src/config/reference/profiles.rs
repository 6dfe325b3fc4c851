use std::collections::BTreeMap;

use relay_core::config::reference::Notes;
use relay_core::config::{ConfigError, Period};

use super::convert::{bytes, or_default};
use super::file::{File, HttpTransport, PoolProfile, TimeoutProfile, Whole};
use crate::config::{ConnectionsConfig, TimeoutsConfig};

/// The longest time that a service may take for an answer, seconds.
const LONGEST: u64 = 600;
/// Time for a connection and its TLS handshake where none is given, seconds.
const DIAL: u64 = 5;

/// The profiles that services may name. Given ones replace built-in ones of their name as a whole.
pub(super) struct Profiles {
    times: BTreeMap<String, Times>,
    pools: BTreeMap<String, PoolSize>,
    usual_pool: PoolSize,
}

/// How long a service's answers may take.
#[derive(Clone)]
pub(super) struct Times {
    /// All of it.
    pub(super) whole: Period,
    /// Parts of it.
    pub(super) parts: TimeoutsConfig,
}

/// What each node of a pool is given at a time.
#[derive(Clone)]
pub(super) struct PoolSize {
    /// `None`: without bound.
    most: Option<u64>,
    idle: u64,
    idle_seconds: u64,
}

impl PoolSize {
    /// For a pool of so many nodes. A request needed a connection of its own, so their number bounded the requests.
    pub(super) fn of(&self, key: &str, nodes: usize) -> Result<ConnectionsConfig, ConfigError> {
        let usual = ConnectionsConfig::default();
        let max = match self.most {
            Some(most) => bytes(key, most)?.saturating_mul(nodes.max(1)),
            None => usize::MAX,
        };
        let idle_timeout = Period::from_secs(self.idle_seconds);
        Ok(ConnectionsConfig { max, queue: usual.queue.max(max), max_idle: bytes(key, self.idle)?, idle_timeout })
    }
}

impl Profiles {
    pub(super) fn read(file: &File, notes: &mut Notes) -> Result<Self, ConfigError> {
        let transport = file.http_transport.clone().unwrap_or_default();
        note_transport(&transport, notes);
        let dial = or_default(transport.dial_timeout_seconds, DIAL);
        let default = or_default(file.default_request_timeout_seconds, 30);
        let mut times = BTreeMap::new();
        for (name, seconds, headers, dial) in [("fast", 30, Some(30), 5), ("streaming", 600, None, 10)] {
            let parts = TimeoutsConfig { dial: Period::from_secs(dial), headers: headers.map(Period::from_secs) };
            times.insert(name.to_owned(), Times { whole: Period::from_secs(seconds), parts });
        }
        for (name, profile) in file.timeout_profiles.iter().flatten() {
            times.insert(name.clone(), read_times(&format!("timeout_profiles.{name}"), profile, default, dial, notes)?);
        }
        let usual_pool = PoolSize {
            // 0 is documented as "unlimited".
            most: Some(transport.max_conns_per_host.map_or(500, |Whole(most)| most)).filter(|most| *most > 0),
            idle: or_default(transport.max_idle_conns_per_host, 100),
            idle_seconds: or_default(transport.idle_conn_timeout_seconds, 90),
        };
        let mut pools = BTreeMap::new();
        for (name, most, idle) in [("low", 10, 5), ("medium", 100, 20), ("high", 250, 50)] {
            pools.insert(name.to_owned(), PoolSize { most: Some(most), idle, idle_seconds: 90 });
        }
        for (name, profile) in file.pool_profiles.iter().flatten() {
            pools.insert(name.clone(), read_pool(profile, &usual_pool));
        }
        Ok(Self { times, pools, usual_pool })
    }

    /// How long the answers of a service with this profile may take.
    pub(super) fn times(&self, key: &str, name: Option<&str>) -> Result<&Times, ConfigError> {
        let name = name.filter(|name| !name.is_empty()).unwrap_or("fast");
        self.times.get(name).ok_or_else(|| unknown(key, name, self.times.keys()))
    }

    /// What the nodes of a service with this profile are given at a time.
    pub(super) fn pool(&self, key: &str, name: Option<&str>) -> Result<&PoolSize, ConfigError> {
        match name.filter(|name| !name.is_empty()) {
            None => Ok(&self.usual_pool),
            Some(name) => self.pools.get(name).ok_or_else(|| unknown(key, name, self.pools.keys())),
        }
    }
}

fn unknown<'n>(key: &str, name: &str, known: impl Iterator<Item = &'n String>) -> ConfigError {
    let known: Vec<&str> = known.map(String::as_str).collect();
    ConfigError::invalid(key, format!("there is no profile `{name}`; there are {}", known.join(", ")))
}

fn read_times(
    key: &str,
    profile: &TimeoutProfile,
    default: u64,
    usual_dial: u64,
    notes: &mut Notes,
) -> Result<Times, ConfigError> {
    let seconds = or_default(profile.request_timeout_seconds, default);
    if seconds > LONGEST {
        let message = format!("is {seconds}, but at most {LONGEST} are possible: sessions end");
        return Err(ConfigError::invalid(&format!("{key}.request_timeout_seconds"), message));
    }
    let tls = [("tls_handshake_timeout_seconds", profile.tls_handshake_timeout_seconds.is_some_and(|time| time.0 > 0))];
    notes.ignored_if(&format!("{key}."), &tls, HANDSHAKE);
    // Here 0 has always stood for "none of its own".
    let headers = profile.response_header_timeout_seconds.map(|Whole(headers)| headers).filter(|headers| *headers > 0);
    let dial = Period::from_secs(or_default(profile.dial_timeout_seconds, usual_dial));
    Ok(Times {
        whole: Period::from_secs(seconds),
        parts: TimeoutsConfig { dial, headers: headers.map(Period::from_secs) },
    })
}

/// 0 takes the value of `http_transport`.
fn read_pool(profile: &PoolProfile, usual: &PoolSize) -> PoolSize {
    PoolSize {
        most: profile.max_conns_per_host.map(|Whole(most)| most).filter(|most| *most > 0).or(usual.most),
        idle: or_default(profile.max_idle_conns_per_host, usual.idle),
        idle_seconds: or_default(profile.idle_conn_timeout_seconds, usual.idle_seconds),
    }
}

const HANDSHAKE: &str = "a TLS handshake counts to the time for the headers";

fn note_transport(transport: &HttpTransport, notes: &mut Notes) {
    let given = |value: Option<Whole>| value.is_some_and(|value| value.0 > 0);
    let idle = [("max_idle_conns", given(transport.max_idle_conns))];
    notes.ignored_if("http_transport.", &idle, "`max_idle_conns_per_host` bounds the connections to each node");
    let tls = [("tls_handshake_timeout_seconds", given(transport.tls_handshake_timeout_seconds))];
    notes.ignored_if("http_transport.", &tls, HANDSHAKE);
    let never = [("response_header_timeout_seconds", given(transport.response_header_timeout_seconds))];
    notes.ignored_if("http_transport.", &never, "the profile's value has always replaced it");
    let other = [("expect_continue_timeout_seconds", given(transport.expect_continue_timeout_seconds))];
    notes.ignored_if("http_transport.", &other, "requests never ask whether to continue");
    // 0 is documented as "off", which is what it is here; the reference takes it for 30.
    let alive = [("tcp_keep_alive_seconds", given(transport.tcp_keep_alive_seconds))];
    notes.ignored_if("http_transport.", &alive, "idle connections are not probed but closed after their time");
    if transport.disable_compression == Some(false) {
        notes.changed("http_transport.disable_compression", "nodes are always asked not to compress");
    }
}
