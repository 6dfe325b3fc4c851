use relay_core::keys::KeySource;
use relay_core::telemetry::Registry;

use super::Finding;
use crate::config::reference::{Note, Weight};
use crate::config::{Config, Loaded};
use crate::metrics::Metrics;
use crate::service::{self, Means};

/// What the files alone tell: keys of the configuration that have no effect, the suppliers' keys, the pools.
#[must_use]
pub fn offline(loaded: &Loaded) -> Vec<Finding> {
    let passed_over = loaded.passed_over.iter().map(|text| Finding::warning("configuration", text));
    let mut findings: Vec<Finding> = passed_over.chain(loaded.notes.iter().map(of_note)).collect();
    findings.extend(loaded.config.simulation.warnings().into_iter().map(|text| Finding::warning("simulation", text)));
    findings.extend(keys(&loaded.config));
    findings.push(pools(&loaded.config));
    findings
}

fn of_note(note: &Note) -> Finding {
    match note.weight {
        Weight::Changed => Finding::warning(&note.key, &note.text),
        Weight::Ignored => Finding::info(&note.key, format!("no effect: {}", note.text)),
    }
}

fn keys(config: &Config) -> Vec<Finding> {
    let ring = match KeySource::from_section(&config.keys).load() {
        Ok(ring) => ring,
        Err(error) => return vec![Finding::error("keys", error.to_string())],
    };
    let refused = ring.refused().iter();
    let mut findings: Vec<Finding> =
        refused.map(|file| Finding::warning(file.path.display().to_string(), &file.reason)).collect();
    findings.push(if ring.is_empty() {
        Finding::error("keys", "no supplier key was found; put one into the file or directory that `keys` names")
    } else {
        Finding::info("keys", format!("{} suppliers", ring.len()))
    });
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
