//! Which suppliers this miner owns: membership, leases, and one task an owned supplier.
//!
//! `plan` decides, `rounds` carries out, `charges` has what is owned, `work` says what owning means.

mod asking;
mod assign;
mod backoff;
mod charges;
mod hand_over;
mod hearing;
mod members;
mod memory;
mod owners;
mod plan;
mod rounds;
mod tenure;
mod work;

pub use assign::ranked;
pub use hand_over::HandedOver;
pub use memory::Weighs;
pub use owners::{Keys, Owners};
pub use plan::Reason;
pub use rounds::{Means, Ownership};
pub use tenure::Tenure;
pub use work::{Desk, End, Mandate, Work};
