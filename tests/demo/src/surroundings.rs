//! What a supplier operator has before there is a fleet: a chain, a Redis, nodes to serve from.

use std::time::Duration;

use testbed::{Account, Backend, Chain, Error as TestbedError, Genesis, Redis};

use crate::{Error, say};

/// Id of the one service.
pub(crate) const SERVICE: &str = "svc1";

/// Everything around the fleet, on free ports of this machine.
pub(crate) struct Surroundings {
    pub(crate) chain: Chain,
    pub(crate) redis: Redis,
    pub(crate) backend: Backend,
}

impl Surroundings {
    pub(crate) async fn start() -> Result<Self, Error> {
        let chain = Chain::start(genesis()).await?;
        say(&format!("chain {} makes a block a second: {}, gRPC {}", chain.chain_id(), chain.rpc(), chain.grpc()));
        let redis = Redis::start().await?;
        let backend = Backend::start().await?;
        say(&format!("Redis: {}; backend: {}", redis.url(), backend.url()));
        Ok(Self { chain, redis, backend })
    }

    pub(crate) fn account(&self, name: &str) -> Result<&Account, TestbedError> {
        self.chain.account(name)
    }

    pub(crate) fn show(&self) {
        say(&format!("chain: {}, gRPC {}, control {}", self.chain.rpc(), self.chain.grpc(), self.chain.control()));
        say(&format!("Redis: {}; backend: {}", self.redis.url(), self.backend.url()));
    }
}

/// Two suppliers and short sessions. Every claim needs a proof, so that the demonstration shows one of each.
fn genesis() -> Genesis {
    Genesis::new()
        .suppliers(2)
        .block_time(Duration::from_secs(1))
        .param(
            "shared",
            serde_json::json!({
                "num_blocks_per_session": 10,
                "claim_window_close_offset_blocks": 20, "proof_window_close_offset_blocks": 8,
                "supplier_unbonding_period_sessions": 4, "application_unbonding_period_sessions": 4,
                "gateway_unbonding_period_sessions": 4,
            }),
        )
        .param("proof", serde_json::json!({"proof_request_probability": 1}))
}
