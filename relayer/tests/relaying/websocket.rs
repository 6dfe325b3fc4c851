//! Sockets: a gateway and a node that speak WebSocket with a public library or byte by byte, and a relayer between them.

#![allow(clippy::panic)]

#[path = "websocket/abuse.rs"]
mod abuse;
#[path = "websocket/bridged.rs"]
mod bridged;
#[path = "websocket/budgets.rs"]
mod budgets;
#[path = "websocket/ends.rs"]
mod ends;
#[path = "websocket/gateway.rs"]
mod gateway;
#[path = "websocket/node.rs"]
mod node;
#[path = "websocket/opened.rs"]
mod opened;
#[path = "websocket/raw.rs"]
mod raw;
#[path = "websocket/simulated.rs"]
mod simulated;

use relay_core::relay::RpcType;
use relayer::Config;
use relayer::config::PoolConfig;
use testbed::Genesis;

use super::stage::{SERVICE, Stage, still};
use node::Node;

/// A stage with a node for sockets.
async fn stage(adjust: impl FnOnce(&mut Config)) -> (Stage, Node) {
    stage_on(still(), adjust).await
}

async fn stage_on(genesis: Genesis, adjust: impl FnOnce(&mut Config)) -> (Stage, Node) {
    let node = Node::start().await;
    let url = node.url();
    let stage = Stage::with(genesis, |config| {
        let service = config.services.get_mut(&SERVICE.into()).unwrap();
        service.backends.insert(RpcType::WebSocket, PoolConfig::of(url));
        adjust(config);
    })
    .await;
    (stage, node)
}
