//! The second step: manifests in, a fleet that makes sense out. Pure.
//!
//! What one object may say is the business of its schema; here is what several objects must agree on. All problems are
//! found in one go, each with the constant that a condition of the object would have as its reason.

mod fleet;
mod keys;
mod pools;

pub use fleet::{Fleet, MinerFleet, RelayerFleet, SupplierMember};

use crate::manifest::{Manifests, Problem};

/// Checks everything and joins what belongs together.
pub fn validate(manifests: &Manifests) -> Result<Fleet, Vec<Problem>> {
    let mut problems = Vec::new();
    pools::names(manifests, &mut problems);
    let mut fleet = pools::join(manifests, &mut problems);
    keys::assign(manifests, &mut fleet, &mut problems);
    pools::separate_state(manifests, &fleet, &mut problems);
    if problems.is_empty() {
        // Only now: a supplier that was refused above is not missing as well.
        pools::suppliers_to_serve(&fleet, &mut problems);
    }
    if problems.is_empty() {
        Ok(fleet)
    } else {
        problems.sort();
        problems.dedup();
        Err(problems)
    }
}
