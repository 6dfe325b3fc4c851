//! Real surroundings for tests: a Pocket chain, Redis, a Kubernetes control plane, a backend, and a proxy that misbehaves on purpose.
//!
//! Everything listens on free ports of 127.0.0.1, starts in well under a second, and ends with the test that started it:
//! a process of ours is stopped when its handle is dropped, and the chain also when the test is killed.

mod backend;
mod binary;
mod certificates;
pub mod chain;
mod error;
mod genesis;
mod hex;
pub mod kubernetes;
mod ports;
pub mod proxy;
pub mod redis;
mod request;
mod wire;

pub use backend::{Backend, Behaviour};
pub use binary::{chain_binary, kubernetes_binary};
pub use certificates::Certificates;
pub use chain::{Account, Chain, Flags, TxResult};
pub use error::Error;
pub use genesis::Genesis;
pub use kubernetes::{AuditEvent, Kubernetes, KubernetesSettings};
pub use ports::free_address;
pub use proxy::{Faults, Proxy};
pub use redis::{Cut, Redis, RedisCluster, Sentinel};
