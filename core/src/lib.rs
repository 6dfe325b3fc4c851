//! What relayer, miner, operator and command line share: the protocol of Pocket Network, its chain, and the state in Redis.
//!
//! The first group of modules is pure: no clock, no network, no runtime. They are proven on known answers of the network's
//! own code. The second group does I/O.

// Pure
pub mod address;
pub mod budget;
pub mod proof;
pub mod proto;
pub mod relay;
pub mod ring;
pub mod session;
pub mod smst;
pub mod units;

// Effects
pub mod chain;
pub mod client;
pub mod clock;
pub mod config;
pub mod keys;
pub mod leader;
pub mod start;
pub mod store;
pub mod telemetry;
pub mod validate;
