//! The third step: a fleet in, the configuration of every process out. Pure.
//!
//! What is built is held to the checks of the roles themselves, so that a mistake is told here, with the place in the
//! user's file, and not by a process that fails to start.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use relay_core::chain::NodeConfig;
use relay_core::config::{ChainSection, KeysSection, Period, RedisSection};
use relay_core::telemetry::LogConfig;
use zeroize::Zeroizing;

use crate::manifest::{Name, Problem};
use crate::validate::{Fleet, MinerFleet};

mod miner;
mod relayer;

/// Where things go on this machine.
#[derive(Debug, Clone)]
pub struct Site {
    /// The folder that holds keys and configurations.
    pub folder: PathBuf,
    /// Where each relayer listens, see [`Fleet::relayers`].
    pub relay_addresses: Vec<SocketAddr>,
    /// The administration address of each process, miners first, see [`Fleet::processes`].
    pub admin_addresses: Vec<SocketAddr>,
    /// The log of each process.
    pub logs: LogConfig,
}

impl Site {
    /// A place where nothing will run: enough to see whether a fleet can be built.
    #[must_use]
    pub fn imaginary(fleet: &Fleet) -> Self {
        let port = |index: usize| u16::try_from(index).ok().and_then(|index| index.checked_add(1024)).unwrap_or(1023);
        let addresses =
            (0..fleet.processes() + fleet.relayers()).map(|index| SocketAddr::from(([127, 0, 0, 1], port(index))));
        let mut addresses: Vec<SocketAddr> = addresses.collect();
        let admin_addresses = addresses.split_off(fleet.relayers());
        Self { folder: PathBuf::from("/"), relay_addresses: addresses, admin_addresses, logs: LogConfig::default() }
    }
}

/// Everything that a fleet becomes.
#[derive(Debug)]
pub struct Bundle {
    /// The key files.
    pub keys: Vec<KeyFile>,
    /// The processes, miners before the relayers that depend on them.
    pub processes: Vec<Process>,
}

/// A file with one private key.
#[derive(Debug)]
pub struct KeyFile {
    /// Where it goes, below [`Site::folder`].
    pub path: PathBuf,
    /// 64 hex digits.
    pub text: Zeroizing<String>,
}

/// One process.
#[derive(Debug, Clone)]
pub struct Process {
    /// Its name, as in `demo-miner-0`.
    pub name: String,
    /// What it does.
    pub role: Role,
    /// The pool it belongs to.
    pub pool: Name,
    /// Where it answers health, readiness and status.
    pub admin: SocketAddr,
    /// Where it answers relays, if it is a relayer.
    pub listen: Option<SocketAddr>,
    /// Its configuration file, below [`Site::folder`].
    pub path: PathBuf,
    /// What that file says. It may hold the password of a Redis.
    pub config: Zeroizing<String>,
}

/// What a process does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Claims and proves.
    Miner,
    /// Answers relays.
    Relayer,
}

impl Role {
    /// The sub-command of the program.
    #[must_use]
    pub fn command(self) -> &'static str {
        match self {
            Self::Miner => "miner",
            Self::Relayer => "relayer",
        }
    }
}

/// Why a fleet cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// A role refuses what the files ask for.
    #[error("{0}")]
    Refused(Problem),
    /// The site has fewer addresses than there are processes.
    #[error("there are {needed} processes but only {given} addresses for them")]
    Addresses {
        /// Processes.
        needed: usize,
        /// Addresses.
        given: usize,
    },
    /// A configuration cannot be written as YAML.
    #[error("cannot write the configuration of {process}: {reason}")]
    Serialise {
        /// Whose.
        process: String,
        /// What the serialiser said.
        reason: String,
    },
}

impl Fleet {
    /// How many relayers it has.
    #[must_use]
    pub fn relayers(&self) -> usize {
        let replicas = self.pools.iter().flat_map(|pool| &pool.relayers).map(|pool| pool.pool.spec.replicas);
        replicas.map(|replicas| replicas as usize).sum()
    }

    /// How many processes it has in all.
    #[must_use]
    pub fn processes(&self) -> usize {
        self.pools.iter().map(|pool| pool.pool.spec.replicas as usize).sum::<usize>() + self.relayers()
    }
}

/// Renders keys and configurations.
pub fn build(fleet: &Fleet, site: &Site) -> Result<Bundle, BuildError> {
    let (needed, given) = (fleet.processes(), site.admin_addresses.len());
    if given < needed || site.relay_addresses.len() < fleet.relayers() {
        return Err(BuildError::Addresses { needed, given: given.min(site.relay_addresses.len()) });
    }
    let mut admins = site.admin_addresses.iter().copied();
    let mut listens = site.relay_addresses.iter().copied();
    let mut processes = Vec::with_capacity(needed);
    for pool in &fleet.pools {
        for (index, admin) in (0..pool.pool.spec.replicas).zip(&mut admins) {
            processes.push(miner::process(pool, index, admin, site)?);
        }
    }
    for pool in &fleet.pools {
        for relayers in &pool.relayers {
            for ((index, admin), listen) in (0..relayers.pool.spec.replicas).zip(&mut admins).zip(&mut listens) {
                processes.push(relayer::process(pool, relayers, index, admin, listen, site)?);
            }
        }
    }
    Ok(Bundle { keys: fleet.pools.iter().flat_map(key_files).collect(), processes })
}

fn key_files(pool: &MinerFleet) -> impl Iterator<Item = KeyFile> {
    let folder = key_folder(pool);
    pool.suppliers
        .iter()
        .map(move |member| KeyFile { path: folder.join(member.key.address().as_str()), text: member.text.clone() })
}

fn key_folder(pool: &MinerFleet) -> PathBuf {
    Path::new("keys").join(file_name(&pool.pool.name))
}

/// `default` is where a folder without namespaces lives; everything else is told apart.
fn file_name(name: &Name) -> String {
    if name.namespace == "default" { name.name.clone() } else { format!("{}.{}", name.namespace, name.name) }
}

fn process_name(pool: &Name, role: Role, index: u32) -> String {
    format!("{}-{}-{index}", file_name(pool), role.command())
}

fn chain(pool: &MinerFleet) -> ChainSection {
    let network = &pool.pool.spec.network;
    let nodes = network.nodes.iter();
    ChainSection {
        id: Some(network.chain_id.clone()),
        nodes: nodes
            .map(|node| NodeConfig { name: node.name.clone(), rpc: node.rpc.clone(), grpc: node.grpc.clone() })
            .collect(),
        query_timeout: Period::from_secs(5),
    }
}

fn redis(pool: &MinerFleet) -> RedisSection {
    RedisSection::new(pool.redis_url.to_string(), pool.redis_prefix.clone())
}

fn keys(pool: &MinerFleet, site: &Site) -> KeysSection {
    KeysSection { directory: Some(site.folder.join(key_folder(pool))), ..KeysSection::default() }
}

fn serialise<T: serde::Serialize>(process: &str, config: &T) -> Result<Zeroizing<String>, BuildError> {
    serde_saphyr::to_string(config)
        .map(Zeroizing::new)
        .map_err(|error| BuildError::Serialise { process: process.to_owned(), reason: error.to_string() })
}
