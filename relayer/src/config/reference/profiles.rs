use std::collections::BTreeMap;

use relay_core::config::{ConfigError, Period};

use super::convert::or_default;
use super::file::{File, HttpTransport, PoolProfile, TimeoutProfile, Whole};
use super::note::Notes;

/// The longest time that a service may take for an answer, seconds.
const LONGEST: u64 = 600;

/// The profiles that services may name. Given ones replace built-in ones of their name as a whole.
pub(super) struct Profiles {
    timeouts: BTreeMap<String, Period>,
    pools: Vec<String>,
}

impl Profiles {
    pub(super) fn read(file: &File, notes: &mut Notes) -> Result<Self, ConfigError> {
        let default = or_default(file.default_request_timeout_seconds, 30);
        let mut timeouts = BTreeMap::new();
        for (name, seconds) in [("fast", 30), ("streaming", 600)] {
            timeouts.insert(name.to_owned(), Period::from_secs(seconds));
        }
        for (name, profile) in file.timeout_profiles.iter().flatten() {
            let key = format!("timeout_profiles.{name}");
            timeouts.insert(name.clone(), timeout(&key, profile, default, notes)?);
        }
        let mut pools: Vec<String> = ["low", "medium", "high"].map(str::to_owned).into();
        for (name, profile) in file.pool_profiles.iter().flatten() {
            note_pool(&format!("pool_profiles.{name}"), profile, notes);
            pools.push(name.clone());
        }
        if let Some(transport) = &file.http_transport {
            note_transport(transport, notes);
        }
        Ok(Self { timeouts, pools })
    }

    /// How long the answers of a service with this profile may take.
    pub(super) fn timeout(&self, key: &str, name: Option<&str>) -> Result<Period, ConfigError> {
        let name = name.filter(|name| !name.is_empty()).unwrap_or("fast");
        let known: Vec<&str> = self.timeouts.keys().map(String::as_str).collect();
        self.timeouts.get(name).copied().ok_or_else(|| unknown(key, name, &known))
    }

    /// Checks that a pool profile exists.
    pub(super) fn check_pool(&self, key: &str, name: &str) -> Result<(), ConfigError> {
        let known: Vec<&str> = self.pools.iter().map(String::as_str).collect();
        if known.contains(&name) { Ok(()) } else { Err(unknown(key, name, &known)) }
    }
}

fn unknown(key: &str, name: &str, known: &[&str]) -> ConfigError {
    ConfigError::invalid(key, format!("there is no profile `{name}`; there are {}", known.join(", ")))
}

fn timeout(key: &str, profile: &TimeoutProfile, default: u64, notes: &mut Notes) -> Result<Period, ConfigError> {
    let seconds = or_default(profile.request_timeout_seconds, default);
    if seconds > LONGEST {
        let message = format!("is {seconds}, but at most {LONGEST} are possible: sessions end");
        return Err(ConfigError::invalid(&format!("{key}.request_timeout_seconds"), message));
    }
    // 0 stands for "as long as the request may take", which is how it is here anyway.
    let headers = profile.response_header_timeout_seconds.unwrap_or_default();
    if headers != Whole(0) && headers.0 < seconds {
        notes.changed(
            format!("{key}.response_header_timeout_seconds"),
            "headers may come as late as the request's time allows",
        );
    }
    let other = [
        ("dial_timeout_seconds", profile.dial_timeout_seconds.is_some_and(|given| given.0 > 0)),
        ("tls_handshake_timeout_seconds", profile.tls_handshake_timeout_seconds.is_some_and(|given| given.0 > 0)),
    ];
    let text = "a connection may take 5 s, with its handshake, whatever the service";
    notes.ignored_if(&format!("{key}."), &other, text);
    Ok(Period::from_secs(seconds))
}

const CONNECTIONS: &str = "connections are opened as they are needed, without a cap, and kept for 90 s; to bound a node's load, \
                           bound the relays in progress";

fn note_pool(key: &str, profile: &PoolProfile, notes: &mut Notes) {
    // 0 took the value of `http_transport`; here neither has an effect.
    let given = [
        ("max_conns_per_host", profile.max_conns_per_host.is_some_and(|most| most.0 > 0)),
        ("max_idle_conns_per_host", profile.max_idle_conns_per_host.is_some_and(|most| most.0 > 0)),
        ("idle_conn_timeout_seconds", profile.idle_conn_timeout_seconds.is_some_and(|time| time.0 > 0)),
    ];
    notes.ignored_if(&format!("{key}."), &given, CONNECTIONS);
}

fn note_transport(transport: &HttpTransport, notes: &mut Notes) {
    let given = |value: Option<Whole>| value.is_some_and(|value| value.0 > 0);
    let pools = [
        ("max_idle_conns", given(transport.max_idle_conns)),
        ("max_idle_conns_per_host", given(transport.max_idle_conns_per_host)),
        // 0 is documented as "unlimited", which is what it is here; the reference takes it for 500.
        ("max_conns_per_host", given(transport.max_conns_per_host)),
        ("idle_conn_timeout_seconds", given(transport.idle_conn_timeout_seconds)),
    ];
    notes.ignored_if("http_transport.", &pools, CONNECTIONS);
    let times = [
        ("dial_timeout_seconds", given(transport.dial_timeout_seconds)),
        ("tls_handshake_timeout_seconds", given(transport.tls_handshake_timeout_seconds)),
    ];
    notes.ignored_if("http_transport.", &times, "a connection may take 5 s, with its handshake, whatever the service");
    let never = [("response_header_timeout_seconds", given(transport.response_header_timeout_seconds))];
    notes.ignored_if("http_transport.", &never, "the profile's value has always replaced it");
    let other = [("expect_continue_timeout_seconds", given(transport.expect_continue_timeout_seconds))];
    notes.ignored_if("http_transport.", &other, "requests never ask whether to continue");
    // 0 is documented as "off", which is what it is here; the reference takes it for 30.
    let alive = [("tcp_keep_alive_seconds", given(transport.tcp_keep_alive_seconds))];
    notes.ignored_if("http_transport.", &alive, "idle connections are not probed but closed after 90 s");
    if transport.disable_compression == Some(false) {
        notes.changed("http_transport.disable_compression", "nodes are always asked not to compress");
    }
}
