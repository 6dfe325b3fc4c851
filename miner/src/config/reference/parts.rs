//! Sections that stand for themselves.

use relay_core::budget::Factor;
use relay_core::config::reference::Notes;
use relay_core::config::{ConfigError, Period};
use relay_core::telemetry::{LogConfig, LogFormat};

use super::file::{File, Logging};
use crate::config::{LeaderSection, MonitorSection};

pub(super) fn logs(logging: &Logging, notes: &mut Notes) -> Result<LogConfig, ConfigError> {
    let level = match logging.level.as_deref().unwrap_or_default() {
        "" | "trace" => "info",
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
    let lines = [
        ("async", logging.r#async.is_some()),
        ("async_buffer_size", logging.async_buffer_size.is_some()),
        ("async_poll_interval", logging.async_poll_interval.is_some()),
    ];
    notes.ignored_if("logging.", &lines, "lines are written as they come, and none is dropped");
    let samples = [
        ("sampling", logging.sampling == Some(true)),
        ("sampling_initial", logging.sampling_initial.is_some()),
        ("sampling_thereafter", logging.sampling_thereafter.is_some()),
    ];
    notes.ignored_if("logging.", &samples, "nothing is logged for each relay, so nothing is sampled");
    notes.ignored_if("logging.", &[("enable_caller", logging.enable_caller == Some(true))], "lines name the module");
    notes.ignored_if("logging.", &[("output", logging.output.is_some())], "logs go to the standard error");
    Ok(LogConfig { level: level.to_owned(), format })
}

pub(super) fn leader(file: &File, notes: &mut Notes) -> Result<LeaderSection, ConfigError> {
    let mut section = LeaderSection::default();
    if let Some(election) = &file.leader_election {
        let positive = |seconds: Option<u64>| seconds.filter(|seconds| *seconds > 0);
        if let Some(ttl) = positive(election.leader_ttl_seconds) {
            section.ttl = Period::from_secs(ttl);
            let renew = positive(election.heartbeat_rate_seconds).unwrap_or(section.renew.0.as_secs());
            let slow = renew.saturating_mul(3) > ttl;
            section.renew = Period(if slow { section.ttl.0 / 3 } else { Period::from_secs(renew).0 });
            if slow {
                let text = format!("renewed every {}, so that the lock survives two missed renewals", section.renew);
                notes.changed("leader_election.heartbeat_rate_seconds", text);
            }
        } else if election.heartbeat_rate_seconds.is_some() {
            notes.ignored("leader_election.heartbeat_rate_seconds", "it goes with a `leader_ttl_seconds`");
        }
    }
    if let Some(number) = file.default_service_factor {
        section.service_factors.default = factor("default_service_factor", number)?;
    }
    for (service, number) in file.service_factors.iter().flatten() {
        if let Some(factor) = factor(&format!("service_factors.{service}"), *number)? {
            section.service_factors.services.insert(service.as_str().into(), factor);
        }
    }
    Ok(section)
}

/// A factor of 0 there stands for none.
fn factor(key: &str, number: f64) -> Result<Option<Factor>, ConfigError> {
    if number == 0.0 {
        return Ok(None);
    }
    let factor = serde_json::from_value(serde_json::json!(number));
    factor.map(Some).map_err(|error| ConfigError::invalid(key, error.to_string()))
}

pub(super) fn monitors(file: &File, notes: &mut Notes) -> MonitorSection {
    let mut section = MonitorSection::default();
    let positive = |number: Option<u64>, usual: u64| number.filter(|number| *number > 0).unwrap_or(usual);
    if let Some(given) = &file.balance_monitor {
        let balance = &mut section.balance;
        balance.enabled = given.enabled.unwrap_or(true);
        if given.enabled == Some(false) {
            notes.changed("balance_monitor.enabled", "off means off, whatever the threshold");
        }
        balance.every = Period::from_secs(positive(given.check_interval_seconds, 300));
        balance.threshold_upokt = positive(given.balance_threshold_upokt, balance.threshold_upokt);
        balance.stake_warning = positive(given.stake_warning_proof_threshold, balance.stake_warning);
        balance.stake_critical = positive(given.stake_critical_proof_threshold, balance.stake_critical);
    }
    section.blocks.block_time = file.block_time_seconds.filter(|seconds| *seconds > 0).map(Period::from_secs);
    if let Some(given) = &file.block_health_monitor {
        section.blocks.enabled = given.enabled.unwrap_or(false);
        if let Some(slowness) = given.slowness_threshold.filter(|slowness| *slowness > 0.0) {
            section.blocks.slowness = slowness;
        }
    }
    if let Some(enabled) = file.settlement_monitor.as_ref().and_then(|given| given.enabled) {
        section.settlement.enabled = enabled;
    }
    section
}

/// Keys that stand for something that this program has not.
pub(super) fn without_meaning(file: &File, notes: &mut Notes) {
    let mut ignore = |keys: &[(&str, bool)], text: &str| notes.ignored_if("", keys, text);
    let log = "logs are read in large pieces from a place of the owner's own, and nothing is acknowledged";
    ignore(&[("batch_size", file.batch_size.is_some()), ("ack_batch_size", file.ack_batch_size.is_some())], log);
    let once = "a relay is known by its hash in its session's trie, for as long as the session lasts";
    ignore(&[("deduplication_ttl_blocks", file.deduplication_ttl_blocks.is_some())], once);
    let lasting = "nothing that can still earn expires";
    ignore(&[("session_ttl", file.session_ttl.is_some()), ("cache_ttl", file.cache_ttl.is_some())], lasting);
    let checkpoints = "a trie is made from the log again, so there are no checkpoints of it";
    ignore(&[("smst_live_root_checkpoint_interval", file.smst_live_root_checkpoint_interval.is_some())], checkpoints);
    let tracking = "records of sessions that are over stay for a week";
    ignore(&[("submission_tracking_ttl", file.submission_tracking_ttl.is_some())], tracking);
    let stakes = "stakes are looked at with the blocks";
    ignore(&[("supplier_reconcile_interval_seconds", file.supplier_reconcile_interval_seconds.is_some())], stakes);
    ignore(&[("known_applications", file.known_applications.is_some())], "applications are known from their relays");
    let transitions = "each supplier has a task of its own, and steps wait for no place in a pool";
    ignore(&[("session_lifecycle", file.session_lifecycle.is_some())], transitions);
    ignore(&[("worker_pools", file.worker_pools.is_some())], "there are no pools of workers to size");
    ignore(&[("suppliers", file.suppliers.is_some())], "suppliers are those whose keys are here; it was never read");
    if file.supplier_claiming.is_some() {
        let text = "leases last 6 s and are renewed every 2 s; only in our layout can that be set";
        notes.changed("supplier_claiming", text);
    }
}
