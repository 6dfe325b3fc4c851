use relay_core::address::SecretKey;
use zeroize::Zeroizing;

use crate::api::{MinerPoolSpec, RelayerPoolSpec, SupplierSpec};
use crate::manifest::{Name, Object};

/// Everything that a folder asks for, with all references followed.
#[derive(Debug, Default)]
pub struct Fleet {
    /// One per miner pool, in the order of the files.
    pub pools: Vec<MinerFleet>,
}

/// A miner pool with what belongs to it.
#[derive(Debug)]
pub struct MinerFleet {
    /// The pool.
    pub pool: Object<MinerPoolSpec>,
    /// The URL of its Redis, credentials included.
    pub redis_url: Zeroizing<String>,
    /// What stands in front of its keys there.
    pub redis_prefix: String,
    /// Its suppliers.
    pub suppliers: Vec<SupplierMember>,
    /// The relayer pools that serve them.
    pub relayers: Vec<RelayerFleet>,
}

/// A supplier of a pool with its key.
#[derive(Debug)]
pub struct SupplierMember {
    /// The supplier.
    pub supplier: Object<SupplierSpec>,
    /// The key; its address is the supplier's operator address.
    pub key: SecretKey,
    /// The same as 64 hex digits.
    pub text: Zeroizing<String>,
}

/// A relayer pool.
#[derive(Debug)]
pub struct RelayerFleet {
    /// The pool.
    pub pool: Object<RelayerPoolSpec>,
}

impl Fleet {
    /// The miner pool of that name.
    pub(super) fn pool_mut(&mut self, name: &Name) -> Option<&mut MinerFleet> {
        self.pools.iter_mut().find(|fleet| fleet.pool.name == *name)
    }

    /// All suppliers, by pool and in the order of the files.
    pub fn suppliers(&self) -> impl Iterator<Item = (&MinerFleet, &SupplierMember)> {
        self.pools.iter().flat_map(|pool| pool.suppliers.iter().map(move |supplier| (pool, supplier)))
    }
}
