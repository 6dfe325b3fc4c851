//! What the chain will check of a claim and of a proof, checked before they are sent: a refused message costs its fee, and a
//! proof that is judged invalid costs the stake.

mod claim;
mod proof;

pub use claim::{ClaimRefusal, ClaimTerms, check_claim};
#[cfg(test)]
pub(super) use proof::check_basics;
pub use proof::{ProofRefusal, ProofTerms, check_submission};
