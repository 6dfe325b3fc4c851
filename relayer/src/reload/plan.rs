//! Which parts of a new configuration can be applied.

use std::collections::BTreeSet;

use relay_core::telemetry::LogConfig;
use serde_json::Value;

use crate::Config;
use crate::config::BudgetConfig;

/// What [`in_force`] takes from a new configuration; everything else needs a restart.
const LIVE: [&str; 7] =
    ["services", "validation", "simulation", "keys", "logs.level", "budget.serviceFactor", "budget.serviceFactors"];

/// The running configuration with those parts of a new one that can change at run time.
pub(super) fn in_force(running: &Config, new: &Config) -> Config {
    Config {
        services: new.services.clone(),
        validation: new.validation,
        simulation: new.simulation.clone(),
        keys: new.keys.clone(),
        budget: BudgetConfig {
            service_factor: new.budget.service_factor,
            service_factors: new.budget.service_factors.clone(),
            ..running.budget.clone()
        },
        logs: LogConfig { level: new.logs.level.clone(), format: running.logs.format },
        ..running.clone()
    }
}

/// The keys, as `listen` or `limits.inFlight`, that differ and cannot be applied.
pub(super) fn needs_restart(running: &Config, new: &Config) -> Vec<String> {
    // A configuration is data, which always can be written as JSON.
    let value = |config| serde_json::to_value(config).unwrap_or_default();
    let mut changed = Vec::new();
    differences("", &value(running), &value(new), &mut changed);
    changed
}

fn differences(path: &str, running: &Value, new: &Value, changed: &mut Vec<String>) {
    if running == new || LIVE.contains(&path) {
        return;
    }
    match (running, new) {
        (Value::Object(running), Value::Object(new)) => {
            let keys: BTreeSet<&String> = running.keys().chain(new.keys()).collect();
            for key in keys {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                let of = |object: &serde_json::Map<String, Value>| object.get(key).cloned().unwrap_or_default();
                differences(&path, &of(running), &of(new), changed);
            }
        }
        _ => changed.push(path.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUNNING: &str = "
chain: {nodes: [{name: one, rpc: 'http://127.0.0.1:26657', grpc: '127.0.0.1:9090'}]}
redis: {url: 'redis://127.0.0.1:6379', prefix: pocket}
keys: {directory: /keys}
services:
  anvil: {backends: {jsonrpc: {url: 'http://127.0.0.1:8545'}}}
";

    fn config(text: &str) -> Config {
        Config::parse(text, "relayer.yaml").unwrap()
    }

    #[test]
    fn what_can_change_at_run_time_does() {
        let new = RUNNING.replace("8545", "8546").replace("/keys", "/other").replace("anvil", "geth");
        let budget = "budget: {serviceFactor: 0.5, serviceFactors: {geth: 0.02}}";
        let new = config(&format!("{new}\nlogs: {{level: debug}}\nvalidation: optimistic\n{budget}\n"));
        let running = config(RUNNING);
        assert!(needs_restart(&running, &new).is_empty());
        assert_eq!(in_force(&running, &new), new);
    }

    #[test]
    fn what_cannot_is_named_and_stays() {
        let new = RUNNING.replace("6379", "6380").replace("26657", "26658").replace("prefix: pocket", "prefix: other");
        let new = config(&format!(
            "{new}\nlisten: '0.0.0.0:1'\nadmin: '0.0.0.0:2'\nlogs: {{format: text}}\nlimits: {{inFlight: 7}}\nmaxBlockAge: 1m\n"
        ));
        let running = config(RUNNING);
        let expected = [
            "admin",
            "chain.nodes",
            "limits.inFlight",
            "listen",
            "logs.format",
            "maxBlockAge",
            "redis.prefix",
            "redis.url",
        ];
        assert_eq!(needs_restart(&running, &new), expected);
        assert_eq!(in_force(&running, &new), running);
    }
}
