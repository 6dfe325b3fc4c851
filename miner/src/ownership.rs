//! Which suppliers this miner owns: membership, leases, and one task an owned supplier.

mod assign;
mod tasks;
mod tenure;

pub use assign::preferred;
pub use tasks::{Keys, Ownership};
pub use tenure::Tenure;
