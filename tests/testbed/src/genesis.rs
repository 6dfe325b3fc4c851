//! A chain's genesis, described by how many of everything it has.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::hex;

/// Builder of the specification that `chain-testbed init` reads.
///
/// Names are `supplier1…`, `svc1…`, `app1…`, `gateway1…`, plus `dao`, which owns the services and may change parameters.
/// An application is staked for exactly one service (the chain wants it so): `app1` for `svc1`, and round again when there
/// are more applications than services. Every application delegates to every gateway, every supplier serves every service.
///
/// ```no_run
/// # async fn example() -> Result<(), testbed::Error> {
/// use testbed::{Chain, Genesis};
/// let genesis = Genesis::new().suppliers(3).services(2).param("proof", serde_json::json!({"proof_request_probability": 1}));
/// let chain = Chain::start(genesis).await?;
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
pub struct Genesis {
    suppliers: usize,
    services: usize,
    applications: Option<usize>,
    gateways: usize,
    endpoint: String,
    supplier_owner: Option<String>,
    compute_units_per_relay: u64,
    application_stake: u64,
    accounts: BTreeMap<String, Map<String, Value>>,
    params: BTreeMap<String, Value>,
    difficulties: BTreeMap<String, Value>,
    extra: Map<String, Value>,
    pub(crate) block_time: Duration,
    pub(crate) on_disk: bool,
}

impl Default for Genesis {
    fn default() -> Self {
        Self::new()
    }
}

impl Genesis {
    /// One supplier, one service, one application, one gateway; sessions of six blocks of 300 ms, windows of four.
    #[must_use]
    pub fn new() -> Self {
        let shared = json!({
            "num_blocks_per_session": 6, "grace_period_end_offset_blocks": 1,
            "claim_window_open_offset_blocks": 1, "claim_window_close_offset_blocks": 4,
            "proof_window_open_offset_blocks": 0, "proof_window_close_offset_blocks": 4,
            "compute_units_to_tokens_multiplier": 100, "compute_unit_cost_granularity": 1,
            // Unbonding must outlast the proof window, which is longer than one such session.
            "supplier_unbonding_period_sessions": 2, "application_unbonding_period_sessions": 2,
            "gateway_unbonding_period_sessions": 2,
        });
        let proof = json!({
            "proof_request_probability": 0.25, "proof_requirement_threshold": "20000000upokt",
            "proof_missing_penalty": "320000000upokt", "proof_submission_fee": "1000000upokt",
        });
        Self {
            suppliers: 1,
            services: 1,
            applications: None,
            gateways: 1,
            endpoint: "http://127.0.0.1:8180".into(),
            supplier_owner: None,
            compute_units_per_relay: 1000,
            application_stake: 10_000_000_000,
            accounts: BTreeMap::new(),
            params: BTreeMap::from([
                ("shared".into(), shared),
                ("proof".into(), proof),
                ("session".into(), json!({"num_suppliers_per_session": 5})),
            ]),
            difficulties: BTreeMap::new(),
            extra: Map::new(),
            block_time: Duration::from_millis(300),
            on_disk: false,
        }
    }

    /// How many suppliers, each staked for every service.
    #[must_use]
    pub fn suppliers(mut self, count: usize) -> Self {
        self.suppliers = count;
        self
    }

    /// How many services.
    #[must_use]
    pub fn services(mut self, count: usize) -> Self {
        self.services = count;
        self
    }

    /// How many applications; one for each service unless said otherwise.
    #[must_use]
    pub fn applications(mut self, count: usize) -> Self {
        self.applications = Some(count);
        self
    }

    /// How many gateways, each with a delegation of every application.
    #[must_use]
    pub fn gateways(mut self, count: usize) -> Self {
        self.gateways = count;
        self
    }

    /// The URL that every supplier advertises for JSON-RPC.
    #[must_use]
    pub fn endpoint(mut self, url: impl Into<String>) -> Self {
        self.endpoint = url.into();
        self
    }

    /// An account that owns every supplier, and so receives what they earn. Without it each supplier owns itself.
    #[must_use]
    pub fn supplier_owner(mut self, name: &str) -> Self {
        self.supplier_owner = Some(name.into());
        self.account(name, json!({}))
    }

    /// Compute units of one relay, the same for every service.
    #[must_use]
    pub fn compute_units_per_relay(mut self, units: u64) -> Self {
        self.compute_units_per_relay = units;
        self
    }

    /// Stake of every application in uPOKT: what it may spend.
    #[must_use]
    pub fn application_stake(mut self, upokt: u64) -> Self {
        self.application_stake = upokt;
        self
    }

    /// A relay mining difficulty in force from genesis; `target` is the threshold that a relay's hash must be below.
    #[must_use]
    pub fn difficulty(mut self, service: &str, target: [u8; 32]) -> Self {
        self.difficulties.insert(service.into(), json!({"target_hash": hex::encode(&target), "num_relays_ema": 1}));
        self
    }

    /// An account beyond the numbered ones, or more settings for one of them: `balance`, `hex`, `mnemonic`, `no_pubkey`, `absent`.
    #[must_use]
    pub fn account(mut self, name: &str, settings: Value) -> Self {
        if let Value::Object(settings) = settings {
            self.accounts.entry(name.into()).or_default().extend(settings);
        }
        self
    }

    /// Parameters of a module, merged into what is there: `param("shared", json!({"num_blocks_per_session": 10}))`.
    #[must_use]
    pub fn param(mut self, module: &str, values: Value) -> Self {
        match (self.params.get_mut(module), values) {
            (Some(Value::Object(existing)), Value::Object(more)) => existing.extend(more),
            (_, values) => {
                self.params.insert(module.into(), values);
            }
        }
        self
    }

    /// Any other key of the specification, as its README documents it (`consensus`, `genesis_patch`, `chain_id`, …).
    #[must_use]
    pub fn with(mut self, key: &str, value: Value) -> Self {
        self.extra.insert(key.into(), value);
        self
    }

    /// The pace of the chain when it starts.
    #[must_use]
    pub fn block_time(mut self, pace: Duration) -> Self {
        self.block_time = pace;
        self
    }

    /// Keeps the chain's state on disk, so that it can be restarted. Without it the state lives in memory.
    #[must_use]
    pub fn on_disk(mut self) -> Self {
        self.on_disk = true;
        self
    }

    /// Mnemonics that the specification names, by account.
    pub(crate) fn mnemonics(&self) -> BTreeMap<String, String> {
        self.accounts
            .iter()
            .filter_map(|(name, settings)| Some((name.clone(), settings.get("mnemonic")?.as_str()?.to_owned())))
            .collect()
    }

    /// The specification as `chain-testbed init` reads it.
    pub(crate) fn specification(&self) -> Value {
        let named = |prefix: &'static str, count| (1..=count).map(move |n| format!("{prefix}{n}"));
        let services: Vec<_> = named("svc", self.services).collect();
        let gateways: Vec<_> = named("gateway", self.gateways).collect();
        let applications: Vec<_> = named("app", self.applications.unwrap_or(self.services)).collect();
        let suppliers: Vec<_> = named("supplier", self.suppliers).collect();

        let mut specification = json!({
            "block_time": format!("{}ms", self.block_time.as_millis()),
            "min_gas_prices": "0.000001upokt",
            "authority": "dao",
            "accounts": self.account_list(gateways.iter().chain(&applications).chain(&suppliers)),
            "services": services.iter().map(|id| self.service(id)).collect::<Vec<_>>(),
            "gateways": gateways.iter().map(|name| json!({"account": name, "stake": "1000000upokt"})).collect::<Vec<_>>(),
            "applications": applications.iter().zip(services.iter().cycle()).map(|(name, service)| json!({
                "account": name, "stake": format!("{}upokt", self.application_stake),
                "services": [service], "delegates_to": gateways,
            })).collect::<Vec<_>>(),
            "suppliers": suppliers.iter().map(|name| self.supplier(name, &services)).collect::<Vec<_>>(),
            "params": self.params,
        });
        if let Value::Object(specification) = &mut specification {
            specification.extend(self.extra.clone());
        }
        specification
    }

    fn account_list<'a>(&self, staked: impl Iterator<Item = &'a String>) -> Vec<Value> {
        let mut all: BTreeMap<String, Map<String, Value>> =
            staked.cloned().chain(["dao".into()]).map(|name| (name, Map::new())).collect();
        for (name, settings) in &self.accounts {
            all.entry(name.clone()).or_default().extend(settings.clone());
        }
        all.into_iter()
            .map(|(name, mut settings)| {
                // A fixed address carries its own balance or none.
                if !settings.contains_key("address") && !settings.contains_key("absent") {
                    settings.entry("balance").or_insert("1000000000000upokt".into());
                }
                settings.insert("name".into(), name.into());
                Value::Object(settings)
            })
            .collect()
    }

    fn service(&self, id: &str) -> Value {
        let mut service = json!({"id": id, "compute_units_per_relay": self.compute_units_per_relay, "owner": "dao"});
        if let Some(difficulty) = self.difficulties.get(id) {
            service["difficulty"] = difficulty.clone();
        }
        service
    }

    fn supplier(&self, name: &str, services: &[String]) -> Value {
        let endpoints = json!([{"url": self.endpoint, "rpc_type": "JSON_RPC"}]);
        let services: Vec<_> = services.iter().map(|id| json!({"id": id, "endpoints": endpoints})).collect();
        json!({
            "operator": name, "owner": self.supplier_owner.as_deref().unwrap_or(name),
            "stake": "2000000000upokt", "services": services,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn applications_go_round_the_services() {
        let spec = Genesis::new().services(2).applications(3).specification();
        let staked: Vec<_> = (0..3).map(|n| spec["applications"][n]["services"][0].as_str().unwrap()).collect();
        assert_eq!(staked, ["svc1", "svc2", "svc1"]);
    }

    #[test]
    fn settings_are_merged() {
        let genesis = Genesis::new()
            .account("app1", json!({"no_pubkey": true}))
            .param("shared", json!({"num_blocks_per_session": 10}))
            .with("chain_id", json!("pocket-other"));
        let spec = genesis.specification();
        assert_eq!(spec["params"]["shared"]["num_blocks_per_session"], 10);
        assert_eq!(spec["params"]["shared"]["grace_period_end_offset_blocks"], 1);
        assert_eq!(spec["chain_id"], "pocket-other");
        let accounts = spec["accounts"].as_array().unwrap();
        let app = accounts.iter().find(|account| account["name"] == "app1").unwrap();
        assert_eq!(app["no_pubkey"], true);
        assert_eq!(app["balance"], "1000000000000upokt");
    }
}
