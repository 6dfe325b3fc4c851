use relay_core::telemetry::Registry;
use relay_core::validate;

use super::{Finding, Level};
use crate::config::{Config, Loaded};
use crate::metrics::Metrics;
use crate::service::{self, Means};

/// What the files alone tell: keys of the configuration that have no effect, the suppliers' keys, the pools.
#[must_use]
pub fn offline(loaded: &Loaded) -> Vec<Finding> {
    let mut findings = validate::of_file(&loaded.notes, &loaded.passed_over);
    findings.extend(loaded.config.simulation.warnings().into_iter().map(|text| Finding::warning("simulation", text)));
    findings.extend(validate::keys(&loaded.config.keys, Level::Error).1);
    findings.push(pools(&loaded.config));
    findings
}

fn pools(config: &Config) -> Finding {
    let metrics = Metrics::register(&mut Registry::default());
    let built = Means::new(&metrics).and_then(|means| service::build(config, &means, None));
    match built {
        Err(error) => Finding::error("services", error.to_string()),
        Ok(services) => {
            let pools = services.values().map(|service| service.pools.len()).sum::<usize>();
            let nodes = config.services.values().flat_map(|service| service.backends.values());
            let nodes = nodes.map(|pool| pool.nodes().len()).sum::<usize>();
            Finding::info("services", format!("{} services, {pools} pools, {nodes} nodes", services.len()))
        }
    }
}
