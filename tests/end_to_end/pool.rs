//! Miners and relayers that share suppliers, a Redis and a prefix.

use std::collections::BTreeMap;
use std::path::Path;

use relay_core::address::Address;
use relay_core::store::{ChainIdentity, Store, StoreConfig, StoreError};
use serde_json::{Value, json};
use tempfile::TempDir;
use testbed::free_address;

use crate::role::Role;
use crate::stage::Stage;

pub(crate) struct Pool {
    folder: TempDir,
    pub(crate) prefix: String,
    shared: Value,
    backend: String,
    services: Vec<String>,
    pub(crate) suppliers: Vec<Address>,
}

/// A relayer and where it listens.
pub(crate) struct Relayer {
    pub(crate) role: Role,
    pub(crate) url: String,
}

impl Pool {
    /// A pool of these suppliers, by their names in the genesis, on the chain's own node.
    pub(crate) fn new(stage: &Stage, prefix: &str, suppliers: &[String], services: &[&str]) -> Self {
        Self::on_node(stage, prefix, suppliers, services, stage.chain.rpc(), &stage.chain.grpc())
    }

    /// The same on another node.
    pub(crate) fn on_node(
        stage: &Stage,
        prefix: &str,
        suppliers: &[String],
        services: &[&str],
        rpc: &str,
        grpc: &str,
    ) -> Self {
        let folder = TempDir::with_prefix("pocket-pool-").unwrap();
        let keys = folder.path().join("keys");
        std::fs::create_dir(&keys).unwrap();
        let addresses = suppliers.iter().map(|name| {
            let account = stage.chain.account(name).unwrap();
            std::fs::write(keys.join(&account.address), &account.private_key).unwrap();
            account.address.parse().unwrap()
        });
        let suppliers = addresses.collect();
        let shared = json!({
            "chain": {"id": stage.chain.chain_id(), "nodes": [{"name": "node", "rpc": rpc, "grpc": grpc}]},
            "redis": {"url": stage.redis.url(), "prefix": prefix},
            "keys": {"directory": keys},
        });
        Self {
            folder,
            prefix: prefix.to_owned(),
            shared,
            backend: stage.backend.url(),
            services: services.iter().map(|&id| id.to_owned()).collect(),
            suppliers,
        }
    }

    pub(crate) fn miner(&self, name: &str) -> Role {
        Role::start(self.folder.path(), "miner", name, self.shared.clone())
    }

    /// A miner whose configuration has these entries besides the usual ones.
    pub(crate) fn miner_with(&self, name: &str, more: Value) -> Role {
        let mut config = self.shared.clone();
        if let (Value::Object(config), Value::Object(more)) = (&mut config, more) {
            config.extend(more);
        }
        Role::start(self.folder.path(), "miner", name, config)
    }

    /// A relayer whose configuration has these entries besides the usual ones.
    pub(crate) fn relayer(&self, name: &str, more: Value) -> Relayer {
        let address = free_address().unwrap();
        let services: BTreeMap<_, _> =
            self.services.iter().map(|id| (id, json!({"backends": {"jsonrpc": {"url": self.backend}}}))).collect();
        let mut config = self.shared.clone();
        config["listen"] = address.to_string().into();
        config["services"] = json!(services);
        if let (Value::Object(config), Value::Object(more)) = (&mut config, more) {
            config.extend(more);
        }
        let role = Role::start(self.folder.path(), "relayer", name, config);
        Relayer { role, url: format!("http://{address}") }
    }

    /// Where configurations, logs and keys are.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The pool's state, for looking at its log.
    pub(crate) async fn store(&self, stage: &Stage) -> Result<Store, StoreError> {
        let identity = stage.client.identity().await.unwrap();
        let config = StoreConfig { url: stage.redis.url(), prefix: self.prefix.clone(), ..StoreConfig::default() };
        Store::open(config, ChainIdentity::from(&identity)).await
    }
}
