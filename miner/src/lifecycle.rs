//! The life of a session as one pure function: what is known goes in, what to do now comes out.
//!
//! [`next`] is evaluated at every height by whoever owns the supplier. Conditions are levels, never edges: a height that was
//! skipped, a crash, or a second evaluation changes nothing. See `docs/protocol/claims-and-proofs.md` for the windows.

mod next;
mod view;

#[cfg(test)]
mod facts;
#[cfg(test)]
mod model;

pub(crate) use next::LAST_CALL;
pub use next::next;
pub use view::{Action, ChainView, ClaimView, LogView, Phase, Requirement, Send, Situation, Verdict};
