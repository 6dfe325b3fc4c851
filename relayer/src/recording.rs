//! From a served relay to an entry in the log.
//!
//! ```text
//! reserve ─▶ serve ─▶ record ─┬▶ appended ─▶ retained until durable ─▶ forgotten
//!    │                        │                    └ Redis lost its tail ─▶ appended again
//!    └ no room: shed          └ not in time: the answer leaves (bounded) or is withheld (strict)
//! ```
//!
//! All requests share one publisher: while a batch of a supplier is on its way the next one gathers. Memory is reserved
//! before a relay is served, so nothing that was served can be dropped for lack of room.

mod append;
mod lanes;
mod marks;
mod publisher;
mod retained;
mod room;
mod waiting;
mod watch;

pub(crate) use publisher::{Publisher, Recorded};
pub(crate) use room::Room;
