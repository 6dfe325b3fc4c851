//! Looking: what the chain and the miners say right now.

use std::path::Path;
use std::time::{Duration, SystemTime};

use futures::StreamExt as _;
use relay_core::address::Address;
use relay_core::chain::{Chain, ChainConfig, ChainError, NodeConfig};
use relay_core::proto::pocket::shared::{self, RpcType as ChainRpcType};

use super::admin::AdminClient;
use super::workspace::{FleetFile, Workspace, WorkspaceError};
use crate::api::{RpcType, Supplier};
use crate::build::Role;
use crate::status::{self, ChainFacts, Known, MinerReport, OnChain};
use crate::validate::{Fleet, MinerFleet};

/// Questions in flight to one chain.
const CONCURRENT: usize = 16;

/// The suppliers of a fleet with their status, and for how long the fleet has run.
#[derive(Debug)]
pub struct Observed {
    /// In the order of pools and files.
    pub suppliers: Vec<Supplier>,
    /// `None`: no fleet runs.
    pub age: Option<Duration>,
}

/// Asks everybody once. What cannot be reached becomes a condition of the suppliers concerned.
pub async fn observe(fleet: &Fleet, state_folder: &Path) -> Result<Observed, WorkspaceError> {
    let running = Workspace::running(state_folder)?;
    let reports = match &running {
        Some(running) => Some(miner_reports(running).await),
        None => None,
    };
    let mut suppliers = Vec::new();
    for pool in &fleet.pools {
        let addresses: Vec<Address> = pool.suppliers.iter().map(|member| member.key.address().clone()).collect();
        let facts = chain_facts(pool, &addresses).await;
        for (member, facts) in pool.suppliers.iter().zip(facts) {
            let mut object = Supplier::new(&member.supplier.name.name, member.supplier.spec.clone());
            object.metadata.namespace = Some(member.supplier.name.namespace.clone());
            object.status = Some(status::supplier(&object.spec, &facts, reports.as_deref()));
            suppliers.push(object);
        }
    }
    Ok(Observed { suppliers, age: running.map(|running| age(&running)) })
}

fn age(running: &FleetFile) -> Duration {
    let started = SystemTime::UNIX_EPOCH + Duration::from_secs(running.started);
    // A clock that was set back makes a young fleet, not an error.
    SystemTime::now().duration_since(started).unwrap_or_default()
}

async fn miner_reports(running: &FleetFile) -> Vec<MinerReport> {
    let client = AdminClient::new();
    let miners = running.processes.iter().filter(|process| process.role == Role::Miner);
    let questions = miners.map(|miner| client.status::<MinerReport>(miner.admin));
    futures::future::join_all(questions).await.into_iter().filter_map(Result::ok).collect()
}

async fn chain_facts(pool: &MinerFleet, addresses: &[Address]) -> Vec<ChainFacts> {
    let network = &pool.pool.spec.network;
    let nodes = network.nodes.iter();
    let nodes =
        nodes.map(|node| NodeConfig { name: node.name.clone(), rpc: node.rpc.clone(), grpc: node.grpc.clone() });
    let config = ChainConfig { chain_id: Some(network.chain_id.clone()), ..ChainConfig::new(nodes.collect()) };
    match Chain::new(&config) {
        Ok(chain) => {
            let questions = addresses.iter().map(|address| ask(&chain, address));
            futures::stream::iter(questions).buffered(CONCURRENT).collect().await
        }
        Err(error) => {
            let silent = || ChainFacts { staked: Known::No(error.to_string()), balance: Known::No(error.to_string()) };
            addresses.iter().map(|_| silent()).collect()
        }
    }
}

async fn ask(chain: &Chain, address: &Address) -> ChainFacts {
    let (supplier, balance) = tokio::join!(chain.supplier(address), chain.balance(address));
    ChainFacts {
        staked: match supplier {
            Ok(supplier) => Known::Yes(Some(on_chain(&supplier))),
            Err(ChainError::NotFound { .. }) => Known::Yes(None),
            Err(error) => Known::No(error.to_string()),
        },
        balance: match balance {
            Ok((height, amount)) => Known::Yes((height.0, amount)),
            Err(error) => Known::No(error.to_string()),
        },
    }
}

fn on_chain(supplier: &shared::Supplier) -> OnChain {
    let services = supplier.services.iter();
    let services = services.map(|service| {
        let endpoints = service.endpoints.iter();
        let endpoints = endpoints.map(|endpoint| (endpoint.url.clone(), rpc_type(endpoint.rpc_type()))).collect();
        (service.service_id.clone(), endpoints)
    });
    OnChain {
        stake: supplier.stake.as_ref().map_or_else(String::new, |stake| format!("{}{}", stake.amount, stake.denom)),
        services: services.collect(),
        unstaking_at: i64::try_from(supplier.unstake_session_end_height).ok().filter(|height| *height > 0),
    }
}

fn rpc_type(chain: ChainRpcType) -> Option<RpcType> {
    Some(match chain {
        ChainRpcType::UnknownRpc => return None,
        ChainRpcType::Grpc => RpcType::Grpc,
        ChainRpcType::Websocket => RpcType::Websocket,
        ChainRpcType::JsonRpc => RpcType::JsonRpc,
        ChainRpcType::Rest => RpcType::Rest,
        ChainRpcType::CometBft => RpcType::CometBft,
    })
}
