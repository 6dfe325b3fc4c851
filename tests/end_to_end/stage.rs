//! What surrounds a fleet: chain, Redis, backend.

use std::time::Duration;

use relay_core::address::{Address, SecretKey};
use relay_core::chain::{Chain as ChainClient, ChainConfig, NodeConfig};
use serde_json::json;
use testbed::{Backend, Chain, Genesis, Redis};

/// The account that owns every supplier and is paid for all of them; it sends no transactions itself.
pub(crate) const OWNER: &str = "owner";

pub(crate) struct Stage {
    pub(crate) chain: Chain,
    pub(crate) redis: Redis,
    pub(crate) backend: Backend,
    /// The client that the test asks with; always the chain itself, never a proxy.
    pub(crate) client: ChainClient,
}

/// Sessions of ten seconds and windows in proportion: a claim waits until its relays count as durable (10 s where Redis
/// cannot say so itself) and for two barriers of 2.5 s. Every claim needs a proof.
pub(crate) fn genesis() -> Genesis {
    genesis_with_windows(20, 8)
}

/// The same with windows of so many blocks for claims and for proofs.
pub(crate) fn genesis_with_windows(claim: u32, proof: u32) -> Genesis {
    let unbonding = (claim + proof) / 10 + 2; // sessions; must outlast both windows
    Genesis::new()
        .block_time(Duration::from_secs(1))
        .supplier_owner(OWNER)
        .param(
            "shared",
            json!({
                "num_blocks_per_session": 10,
                "claim_window_close_offset_blocks": claim, "proof_window_close_offset_blocks": proof,
                "supplier_unbonding_period_sessions": unbonding, "application_unbonding_period_sessions": unbonding,
                "gateway_unbonding_period_sessions": unbonding,
            }),
        )
        .param("proof", json!({"proof_request_probability": 1}))
}

impl Stage {
    pub(crate) async fn start(genesis: Genesis) -> Self {
        let chain = Chain::start(genesis).await.unwrap();
        let redis = Redis::start().await.unwrap();
        let backend = Backend::start().await.unwrap();
        let node = NodeConfig { name: "test".into(), rpc: chain.rpc().into(), grpc: chain.grpc() };
        let client = ChainClient::new(&ChainConfig::new(vec![node])).unwrap();
        Self { chain, redis, backend, client }
    }

    pub(crate) fn key(&self, name: &str) -> SecretKey {
        SecretKey::from_hex(&self.chain.account(name).unwrap().private_key).unwrap()
    }

    pub(crate) fn address(&self, name: &str) -> Address {
        self.key(name).address().clone()
    }
}
