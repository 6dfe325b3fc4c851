//! When a claim needs a proof, which leaf it must show, what it is worth, and what the chain will check of both.
//!
//! The formulas are in `docs/protocol/claims-and-proofs.md`. All amounts are exact: a claim that is priced one uPOKT too low
//! can be judged not to need a proof that the chain then misses.

mod amount;
mod claim;
mod difficulty;
mod params;
mod path;
mod requirement;
mod sample;
mod submission;
#[cfg(test)]
mod vectors;

pub use amount::{AmountError, Pricing, claimed_upokt, estimated_compute_units, estimated_relays};
pub use claim::{Claim, ClaimError};
pub use difficulty::{next_average, next_target};
pub use params::{ProofParams, ProofParamsError};
pub use path::proof_path;
pub use requirement::{Requirement, requirement};
pub use sample::seeded_float;
pub use submission::{ClaimRefusal, ClaimTerms, ProofRefusal, ProofTerms, check_claim, check_submission};
