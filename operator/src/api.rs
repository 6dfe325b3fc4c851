//! The three kinds of `relay.pocket.network/v1alpha1`.
//!
//! A `MinerPool` names the network and the Redis of a fleet and runs its miners. A `RelayerPool` serves relays for a miner
//! pool and inherits both, so that the two sides cannot disagree. A `Supplier` puts one supplier key into a miner pool.
//!
//! Schemas hold no `nullable` and every list and string has a bound: the rules that the API server checks with CEL are
//! priced by those bounds, and a null would count as "present" in them.

#![allow(clippy::duplicated_attributes, reason = "every printer column has a type, and many have the same")]
#![allow(unreachable_pub, reason = "the schema derive declares a hidden copy of each type inside a function")]

mod condition;
mod miner_pool;
mod network;
mod redis;
mod reference;
mod relayer_pool;
mod supplier;

pub use condition::{Condition, ConditionStatus};
pub use miner_pool::{Leases, MinerPool, MinerPoolSpec, MinerPoolStatus, Transactions};
pub use network::{Network, Node};
pub use redis::{ExternalRedis, Redis};
pub use reference::{LocalReference, SecretKeyReference};
pub use relayer_pool::{
    Backend, BackendKind, Backends, Balancing, RelayerPool, RelayerPoolSpec, RelayerPoolStatus, Service,
    TransportBackends, Validation,
};
pub use supplier::{
    Assignment, LastClaim, RpcType, Supplier, SupplierEndpoint, SupplierService, SupplierSpec, SupplierStatus,
};

/// The API group of all kinds.
pub const GROUP: &str = "relay.pocket.network";
/// The one version.
pub const VERSION: &str = "v1alpha1";
/// A Secret without this label set to `"true"` is never read: nobody can have the operator mount any Secret they name.
pub const SUPPLIER_KEY_LABEL: &str = "relay.pocket.network/supplier-key";
