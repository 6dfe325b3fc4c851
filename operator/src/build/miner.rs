use std::net::SocketAddr;
use std::path::Path;

use miner::Config;
use miner::config::{LeaderSection, LeaseSection, MonitorSection, TransactionSection};

use super::{BuildError, Process, Role, Site, chain, keys, process_name, redis, serialise};
use crate::validate::MinerFleet;

/// The `index`-th miner of a pool.
pub(super) fn process(pool: &MinerFleet, index: u32, admin: SocketAddr, site: &Site) -> Result<Process, BuildError> {
    let name = process_name(&pool.pool.name, Role::Miner, index);
    let config = Config {
        admin: admin.to_string(),
        leases: leases(pool)?,
        leader: LeaderSection::default(),
        monitors: MonitorSection::default(),
        transactions: transactions(pool)?,
        logs: site.logs.clone(),
        ..Config::new(name.clone(), chain(pool), redis(pool), keys(pool, site))
    };
    config.check().map_err(|error| refused(pool, "spec", &error))?;
    Ok(Process {
        role: Role::Miner,
        pool: pool.pool.name.clone(),
        admin,
        listen: None,
        path: Path::new("config").join(format!("{name}.yaml")),
        config: serialise(&name, &config)?,
        name,
    })
}

fn leases(pool: &MinerFleet) -> Result<LeaseSection, BuildError> {
    let mut section = LeaseSection::default();
    let wanted = pool.pool.spec.leases.as_ref();
    if let Some(ttl) = wanted.and_then(|leases| leases.ttl.as_deref()) {
        section.ttl = ttl.parse().map_err(|error| refused(pool, "spec.leases.ttl", &error))?;
    }
    if let Some(renew) = wanted.and_then(|leases| leases.renew.as_deref()) {
        section.renew = renew.parse().map_err(|error| refused(pool, "spec.leases.renew", &error))?;
    }
    Ok(section)
}

fn transactions(pool: &MinerFleet) -> Result<TransactionSection, BuildError> {
    let mut section = TransactionSection::default();
    let wanted = pool.pool.spec.transactions.as_ref();
    if let Some(price) = wanted.and_then(|transactions| transactions.gas_price.as_deref()) {
        section.gas_price = price.parse().map_err(|error| refused(pool, "spec.transactions.gasPrice", &error))?;
    }
    Ok(section)
}

fn refused<E: std::error::Error>(pool: &MinerFleet, path: &str, error: &E) -> BuildError {
    BuildError::Refused(pool.pool.problem(path, "ConfigInvalid", error.to_string()))
}
