//! The store against a real redis-server.

mod budgets;
mod cluster;
mod durability;
mod failover;
mod fences;
mod fleet;
mod leader;
mod leases;
mod living;
mod log;
mod loss;
mod once;
mod records;
mod scene;
mod start;
mod tls;
mod trouble;
