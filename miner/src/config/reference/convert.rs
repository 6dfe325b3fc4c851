use relay_core::chain::tx::GasPrice;
use relay_core::config::reference::{Note, Notes, PocketNode, address, node};
use relay_core::config::{ChainSection, ConfigError, Period, RedisSection};

use super::file::{File, Redis, Transaction};
use super::{Overrides, parts};
use crate::config::{Config, TransactionSection};

/// The parts that the reference shares out in Redis; ours has one prefix for all.
const NAMESPACE: &str = "relayers and miners of this program agree by `redis.namespace.base_prefix` alone";

/// Our configuration with the meaning of `file`, and what an operator should know about the difference. The first problem is
/// reported, in the order of the keys in the reference's manual. Keys that are given on the command line may be missing.
pub fn convert(file: &File, overrides: &Overrides) -> Result<(Config, Vec<Note>), ConfigError> {
    let mut notes = Notes::default();
    let given = file.redis.clone().unwrap_or_default();
    let redis = redis(&given, &mut notes);
    let name = given.consumer_name.filter(|name| !name.is_empty());
    if name.is_some() {
        notes.changed(
            "redis.consumer_name",
            "is the name in logs and status; leases use an id that is new with each start",
        );
    }
    let chain = chain(&file.pocket_node.clone().unwrap_or_default())?;
    let keys = file.keys.clone().unwrap_or_default();
    let keys = match overrides.keys()? {
        Some(keys) => keys,
        None => keys.section(std::env::home_dir().map(|home| home.join(".pocket")), &mut notes)?,
    };
    let mut config = Config::new(name.unwrap_or_else(|| "miner".to_owned()), chain, redis, keys);
    config.transactions = transactions(&file.transaction.clone().unwrap_or_default(), &mut notes)?;
    config.admin = admin(file, &mut notes)?;
    config.logs = parts::logs(&file.logging.clone().unwrap_or_default(), &mut notes)?;
    config.hot_reload =
        file.hot_reload_enabled.or(file.keys.as_ref().and_then(|keys| keys.hot_reload_enabled)).unwrap_or(true);
    config.leader = parts::leader(file, &mut notes)?;
    config.monitors = parts::monitors(file, &mut notes);
    parts::without_meaning(file, &mut notes);
    Ok((config, notes.into_vec()))
}

fn redis(redis: &Redis, notes: &mut Notes) -> RedisSection {
    let url = redis.url.clone().filter(|url| !url.is_empty()).unwrap_or_else(|| "redis://localhost:6379".to_owned());
    let pools = [
        ("pool_size", redis.pool_size.is_some()),
        ("min_idle_conns", redis.min_idle_conns.is_some()),
        ("pool_timeout_seconds", redis.pool_timeout_seconds.is_some()),
        ("conn_max_idle_time_seconds", redis.conn_max_idle_time_seconds.is_some()),
    ];
    notes.ignored_if("redis.", &pools, "all commands share a few connections, so there is no pool to size");
    let idle = [("claim_idle_timeout_ms", redis.claim_idle_timeout_ms.is_some())];
    notes.ignored_if("redis.", &idle, "nothing is pending: an owner reads a log from its own place in it");
    let namespace = redis.namespace.clone().unwrap_or_default();
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
        format!("relays are read under `{prefix}:{{…}}` in a layout that only relayers of this program write"),
    );
    RedisSection::new(url, prefix)
}

fn chain(pocket: &PocketNode) -> Result<ChainSection, ConfigError> {
    let id = pocket.chain_id.clone().filter(|id| !id.is_empty()).unwrap_or_else(|| "pocket".to_owned());
    let seconds = pocket.query_timeout_seconds.filter(|seconds| *seconds > 0).unwrap_or(5);
    Ok(ChainSection { id: Some(id), nodes: vec![node(pocket)?], query_timeout: Period::from_secs(seconds) })
}

fn transactions(given: &Transaction, notes: &mut Notes) -> Result<TransactionSection, ConfigError> {
    let mut section = TransactionSection::default();
    if given.gas_limit.is_some_and(|limit| limit > 0) {
        notes.changed("transaction.gas_limit", "gas is found by simulation for each transaction, whatever its size");
    }
    let price = given.gas_price.as_deref().filter(|price| !price.is_empty()).unwrap_or("0.000001upokt");
    section.gas_price = price.parse::<GasPrice>().map_err(|error| {
        ConfigError::invalid("transaction.gas_price", format!("{error}; write such as 0.000001upokt"))
    })?;
    section.gas_adjustment = given.gas_adjustment.filter(|factor| *factor > 0.0).unwrap_or(1.7);
    let alone = [
        ("disable_claim_batching", given.disable_claim_batching == Some(true)),
        ("disable_proof_batching", given.disable_proof_batching == Some(true)),
    ];
    for (key, _) in alone.into_iter().filter(|(_, alone)| *alone) {
        section.max_messages = 1;
        notes.changed(format!("transaction.{key}"), "one message a transaction, for claims and proofs alike");
    }
    let times = [
        ("tx_timeout_min_seconds", given.tx_timeout_min_seconds.is_some()),
        ("tx_timeout_max_seconds", given.tx_timeout_max_seconds.is_some()),
        ("tx_timeout_default_seconds", given.tx_timeout_default_seconds.is_some()),
        ("tx_timeout_clock_skew_buffer_seconds", given.tx_timeout_clock_skew_buffer_seconds.is_some()),
    ];
    notes.ignored_if(
        "transaction.",
        &times,
        "a transaction lives by block time, within its window and the chain's limit",
    );
    let claims = [("disable_pre_proof_claim_verification", given.disable_pre_proof_claim_verification == Some(true))];
    notes.ignored_if("transaction.", &claims, "no proof is sent before the chain was asked about its claim");
    let again = [
        ("disable_inclusion_reconciler", given.disable_inclusion_reconciler == Some(true)),
        ("inclusion_reconciler_max_concurrent", given.inclusion_reconciler_max_concurrent.is_some()),
        ("max_rebroadcasts", given.max_rebroadcasts.is_some()),
        ("rebroadcast_safety_blocks", given.rebroadcast_safety_blocks.is_some()),
        ("inclusion_reconciler_per_group_timeout_ms", given.inclusion_reconciler_per_group_timeout_ms.is_some()),
    ];
    notes.ignored_if("transaction.", &again, "the same bytes are sent again until they are in a block or have run out");
    Ok(section)
}

fn admin(file: &File, notes: &mut Notes) -> Result<String, ConfigError> {
    let metrics = file.metrics.clone().unwrap_or_default();
    if file.pprof.as_ref().is_some_and(|pprof| pprof.enabled == Some(true)) {
        notes.ignored("pprof", "there is no profile endpoint");
    }
    if metrics.enabled == Some(false) {
        let text = "metrics, health, readiness and status are answered all the same, at 127.0.0.1:9092";
        notes.changed("metrics.enabled", text);
        return Ok("127.0.0.1:9092".to_owned());
    }
    address("metrics.addr", metrics.addr.as_deref().filter(|addr| !addr.is_empty()).unwrap_or("0.0.0.0:9092"))
}
