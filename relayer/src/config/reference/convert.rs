use relay_core::config::reference::{Keys, Note, Notes, address, node};
use relay_core::config::{ChainSection, ConfigError, KeysSection, Period, RedisSection};
use relay_core::telemetry::{LogConfig, LogFormat};

use super::file::{FailBehavior, File, Identity, Logging, Redis, Simulation, Whole};
use super::profiles::Profiles;
use super::services;
use crate::config::{
    BudgetConfig, CompressionConfig, Config, DrainConfig, IdentityConfig, LimitsConfig, OnError, RecordingConfig,
    SimulationConfig, ValidationMode, WebSocketConfig,
};

/// The parts that the reference shares out in Redis; ours has one prefix for all.
const NAMESPACE: &str = "relayers and miners of this program agree by `redis.namespace.base_prefix` alone";
/// Body cap of a request where none is given, bytes.
pub(super) const BODY_BYTES: u64 = 10 << 20;

/// Our configuration with the meaning of `file`, and what an operator should know about the difference. The first problem is
/// reported, in the order of the keys in the reference's manual and, for services, of their ids.
pub fn convert(file: &File) -> Result<(Config, Vec<Note>), ConfigError> {
    let mut notes = Notes::default();
    let listen = address("listen_addr", file.listen_addr.as_deref().unwrap_or("0.0.0.0:8080"))?;
    let redis = redis(file, &mut notes);
    let pocket = file.pocket_node.clone().unwrap_or_default();
    let node = node(&pocket)?;
    let query_timeout = Period::from_secs(pocket.query_timeout_seconds.filter(|seconds| *seconds > 0).unwrap_or(5));
    let keys = keys(file.keys.as_ref(), &mut notes)?;
    let default_body = or_default(file.default_max_body_size_bytes, BODY_BYTES);
    note_body_caps(file, &mut notes);
    let profiles = Profiles::read(file, &mut notes)?;
    let services = services::convert(file, &profiles, &mut notes)?;
    if services.is_empty() {
        return Err(ConfigError::invalid("services", "is empty; a relayer needs at least one service"));
    }
    let admin = admin(file, &mut notes)?;
    let simulation = simulation(file.simulation.as_ref(), &mut notes)?;
    let budget = meter(file, &mut notes)?;
    cache_warmup(file, &mut notes);
    let largest = services.values().filter_map(|service| service.request_bytes).max().unwrap_or_default();
    let request_bytes = bytes("default_max_body_size_bytes", default_body)?;
    let config = Config {
        name: "relayer".to_owned(),
        listen,
        tls: None,
        admin,
        logs: logs(&file.logging.clone().unwrap_or_default(), &mut notes)?,
        chain: ChainSection { id: pocket.chain_id, nodes: vec![node], query_timeout },
        redis,
        keys,
        services,
        validation: file.default_validation_mode.unwrap_or(ValidationMode::Optimistic),
        // The reference has one cap for answers, the largest of all caps for requests.
        limits: limits(request_bytes, largest),
        response_compression: compression(file),
        websocket: WebSocketConfig::default(),
        recording: RecordingConfig::default(),
        budget,
        simulation,
        drain: DrainConfig::default(),
        max_block_age: Period::from_secs(300),
    };
    config.check()?;
    Ok((config, notes.into_vec()))
}

/// What is given, unless it is 0.
pub(super) fn or_default(given: Option<Whole>, default: u64) -> u64 {
    given.map(|Whole(number)| number).filter(|number| *number > 0).unwrap_or(default)
}

pub(super) fn bytes(key: &str, number: u64) -> Result<usize, ConfigError> {
    usize::try_from(number).map_err(|_| ConfigError::invalid(key, "is larger than the memory of any machine"))
}

fn redis(file: &File, notes: &mut Notes) -> RedisSection {
    let redis = file.redis.clone().unwrap_or_default();
    let url = redis.url.clone().filter(|url| !url.is_empty()).unwrap_or_else(|| "redis://localhost:6379".to_owned());
    pools(&redis, notes);
    let namespace = redis.namespace.unwrap_or_default();
    let given = [
        ("cache_prefix", namespace.cache_prefix.is_some()),
        ("events_prefix", namespace.events_prefix.is_some()),
        ("streams_prefix", namespace.streams_prefix.is_some()),
        ("miner_prefix", namespace.miner_prefix.is_some()),
        ("supplier_prefix", namespace.supplier_prefix.is_some()),
        ("meter_prefix", namespace.meter_prefix.is_some()),
        ("params_prefix", namespace.params_prefix.is_some()),
        ("consumer_group_prefix", namespace.consumer_group_prefix.is_some()),
    ];
    notes.ignored_if("redis.namespace.", &given, NAMESPACE);
    let prefix = namespace.base_prefix.filter(|prefix| !prefix.is_empty()).unwrap_or_else(|| "ha".to_owned());
    notes.changed(
        "redis.namespace.base_prefix",
        format!("relays are recorded under `{prefix}:{{…}}` in a layout that only miners of this program read"),
    );
    RedisSection::new(url, prefix)
}

fn pools(redis: &Redis, notes: &mut Notes) {
    let given = [
        ("pool_size", redis.pool_size.is_some()),
        ("min_idle_conns", redis.min_idle_conns.is_some()),
        ("pool_timeout_seconds", redis.pool_timeout_seconds.is_some()),
        ("conn_max_idle_time_seconds", redis.conn_max_idle_time_seconds.is_some()),
    ];
    notes.ignored_if("redis.", &given, "all commands share a few connections, so there is no pool to size");
}

fn keys(keys: Option<&Keys>, notes: &mut Notes) -> Result<KeysSection, ConfigError> {
    let keys = keys.cloned().unwrap_or_default();
    if keys.hot_reload_enabled == Some(false) {
        notes.changed("keys.hot_reload_enabled", "reloading happens whenever keys change or the process is told to");
    }
    keys.section(std::env::home_dir().map(|home| home.join(".pocket")), notes)
}

fn note_body_caps(file: &File, notes: &mut Notes) {
    if file.default_max_body_size_bytes == Some(Whole(0)) {
        notes.changed("default_max_body_size_bytes", "0 stands for the default of 10 MiB, and not for no body at all");
    }
    notes.changed(
        "default_max_body_size_bytes",
        "a request whose relay could not travel in a proof transaction (about 512 KiB) is refused however large the cap",
    );
}

/// One port has metrics, health and readiness; the reference has one for each.
fn admin(file: &File, notes: &mut Notes) -> Result<String, ConfigError> {
    let metrics = file.metrics.clone().unwrap_or_default();
    let health = file.health_check.clone().unwrap_or_default();
    let pprof = file.pprof.clone().unwrap_or_default();
    let metrics_at = address("metrics.addr", metrics.addr.as_deref().unwrap_or("0.0.0.0:9090"))?;
    let health_at = address("health_check.addr", health.addr.as_deref().unwrap_or("0.0.0.0:8081"))?;
    if pprof.enabled.unwrap_or(true) {
        notes.ignored("pprof", "there is no profile endpoint");
    }
    match (metrics.enabled.unwrap_or(true), health.enabled.unwrap_or(true)) {
        (true, true) if metrics_at != health_at => {
            notes.changed(
                "health_check.addr",
                format!("health and readiness are answered beside the metrics, at {metrics_at}: point probes there"),
            );
            Ok(metrics_at)
        }
        (true, _) => Ok(metrics_at),
        (false, true) => {
            notes.changed(
                "metrics.enabled",
                format!("metrics are answered beside health and readiness, at {health_at}"),
            );
            Ok(health_at)
        }
        (false, false) => {
            let text = "metrics, health and readiness are answered all the same, at 127.0.0.1:9090";
            notes.changed("metrics.enabled", text);
            Ok("127.0.0.1:9090".to_owned())
        }
    }
}

fn logs(logging: &Logging, notes: &mut Notes) -> Result<LogConfig, ConfigError> {
    let level = match logging.level.as_deref().unwrap_or_default() {
        "" => "info",
        level @ ("debug" | "info" | "warn" | "error") => level,
        other => {
            let message = format!("`{other}` is no level: write debug, info, warn or error");
            return Err(ConfigError::invalid("logging.level", message));
        }
    };
    let format = match logging.format.as_deref().unwrap_or_default() {
        "" | "json" => LogFormat::Json,
        "text" => LogFormat::Text,
        other => return Err(ConfigError::invalid("logging.format", format!("`{other}` is neither json nor text"))),
    };
    let given = [
        ("async", logging.r#async.is_some()),
        ("async_buffer_size", logging.async_buffer_size.is_some()),
        ("async_poll_interval", logging.async_poll_interval.is_some()),
    ];
    notes.ignored_if("logging.", &given, "lines are written as they come, and none is dropped");
    let given = [
        ("sampling", logging.sampling == Some(true)),
        ("sampling_initial", logging.sampling_initial.is_some()),
        ("sampling_thereafter", logging.sampling_thereafter.is_some()),
    ];
    notes.ignored_if("logging.", &given, "nothing is logged for each relay, so nothing is sampled");
    notes.ignored_if("logging.", &[("enable_caller", logging.enable_caller == Some(true))], "lines name the module");
    Ok(LogConfig { level: level.to_owned(), format })
}

/// A section that is not enabled is passed over, whatever it holds; its identities are kept to be warned of.
fn simulation(simulation: Option<&Simulation>, notes: &mut Notes) -> Result<SimulationConfig, ConfigError> {
    let usual = SimulationConfig::default();
    let Some(simulation) = simulation else { return Ok(usual) };
    let identities = simulation.identities.iter().flatten().map(identity).collect();
    if simulation.enabled != Some(true) {
        notes.ignored("simulation", "it is not enabled");
        return Ok(SimulationConfig { identities, ..usual });
    }
    let positive = |key: &str, given: Option<i64>| match given {
        None | Some(0) => Ok(None),
        Some(number) => match u64::try_from(number) {
            Ok(number) => Ok(Some(number)),
            Err(_) => Err(ConfigError::invalid(&format!("simulation.{key}"), "must be > 0")),
        },
    };
    let most = positive("max_concurrent", simulation.max_concurrent)?;
    let window = positive("freshness_window_seconds", simulation.freshness_window_seconds)?;
    Ok(SimulationConfig {
        enabled: true,
        max_concurrent: most.and_then(|most| usize::try_from(most).ok()).unwrap_or(usual.max_concurrent),
        freshness_window: window.map_or(usual.freshness_window, Period::from_secs),
        identities,
        ..usual
    })
}

fn identity(identity: &Identity) -> IdentityConfig {
    let identity = identity.clone();
    IdentityConfig {
        key_id: identity.key_id.unwrap_or_default(),
        enabled: identity.enabled.unwrap_or_default(),
        not_after: identity.not_after.filter(|end| !end.is_empty()),
        max_rps: identity.max_rps.unwrap_or_default(),
        app_pubkey_hex: identity.app_pubkey_hex.unwrap_or_default(),
        gateway_pubkeys_hex: identity.gateway_pubkeys_hex.unwrap_or_default(),
        allowed_services: identity.allowed_services.unwrap_or_default(),
    }
}

fn meter(file: &File, notes: &mut Notes) -> Result<BudgetConfig, ConfigError> {
    let meter = file.relay_meter.clone().unwrap_or_default();
    let prefix = file.redis.clone().unwrap_or_default().namespace.unwrap_or_default().base_prefix;
    let prefix = prefix.filter(|prefix| !prefix.is_empty()).unwrap_or_else(|| "ha".to_owned());
    match meter.redis_key_prefix {
        Some(other) if !other.is_empty() && other != prefix => {
            let message = format!(
                "is `{other}`, but budgets are kept with everything else under redis.namespace.base_prefix, which is \
                 `{prefix}`: leave this key out"
            );
            return Err(ConfigError::invalid("relay_meter.redis_key_prefix", message));
        }
        Some(_) => notes.ignored("relay_meter.redis_key_prefix", "it is always `redis.namespace.base_prefix`"),
        None => {}
    }
    if let Some(ttl) = meter.cache_ttl {
        duration("relay_meter.cache_ttl", &ttl)?;
        notes.ignored(
            "relay_meter.cache_ttl",
            "budgets live as long as their session, and relays until they are settled",
        );
    }
    let on_error = match meter.fail_behavior.unwrap_or_default() {
        FailBehavior::Open => OnError::Open,
        FailBehavior::Closed => OnError::Closed,
    };
    Ok(BudgetConfig { enabled: meter.enabled.unwrap_or(true), on_error, ..BudgetConfig::default() })
}

/// Go's lengths of time: numbers with units, one after another, as `1h30m`.
fn duration(key: &str, text: &str) -> Result<(), ConfigError> {
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    let mut parts = 0;
    while !rest.is_empty() && rest != "0" {
        let number = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (digits, tail) = rest.split_at(number);
        let unit = ["ns", "us", "µs", "ms", "s", "m", "h"]
            .into_iter()
            .filter(|unit| tail.starts_with(unit))
            .max_by_key(|u| u.len());
        match (digits.parse::<f64>(), unit) {
            (Ok(_), Some(unit)) => rest = &tail[unit.len()..],
            _ => {
                return Err(ConfigError::invalid(key, format!("`{text}` is not a length of time such as 2h or 1h30m")));
            }
        }
        parts += 1;
    }
    if parts == 0 && rest != "0" {
        return Err(ConfigError::invalid(key, "is empty; write a length of time such as 2h"));
    }
    Ok(())
}

fn limits(request_bytes: usize, largest: usize) -> LimitsConfig {
    let (defaults, largest) = (LimitsConfig::default(), request_bytes.max(largest));
    let body_bytes = defaults.body_bytes.max(largest.saturating_mul(4));
    LimitsConfig { request_bytes, response_bytes: largest, body_bytes, ..defaults }
}

fn compression(file: &File) -> CompressionConfig {
    let given = file.response_compression.clone().unwrap_or_default();
    let least = or_default(given.min_size_bytes, 1024);
    CompressionConfig {
        enabled: given.enabled.unwrap_or_default(),
        min_bytes: usize::try_from(least).unwrap_or(usize::MAX),
    }
}

fn cache_warmup(file: &File, notes: &mut Notes) {
    if let Some(warmup) = &file.cache_warmup {
        let applications = warmup.known_applications.as_ref().is_some_and(|list| !list.is_empty());
        let given = [
            ("enabled", warmup.enabled == Some(true) && !applications),
            ("known_applications", applications),
            ("warmup_concurrency", warmup.warmup_concurrency.is_some()),
            ("warmup_timeout_seconds", warmup.warmup_timeout_seconds.is_some()),
        ];
        notes.ignored_if("cache_warmup.", &given, "sessions and rings are fetched when the first relay needs them");
    }
}
