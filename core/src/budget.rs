//! What an application may still spend with one supplier in one session: the price of a relay, the limit, and how the relays
//! that the limit pays for are shared between relayers.
//!
//! A price holds for a whole session, so everything here ends in a number of relays. Chain data is read as untrusted: a value
//! that makes no sense is an error, never a limit.

mod factor;
mod factors;
mod limit;
mod price;
mod slices;
#[cfg(test)]
mod vectors;

pub use factor::{Factor, FactorError};
pub use factors::Factors;
pub use limit::{Limit, LimitError, Terms, stake};
pub use price::{Price, PriceError};
pub use slices::{relays_per_entry, share};

/// The most relays that a budget counts: what Redis' scripts still count exactly.
pub const MOST_RELAYS: u64 = 1 << 53;
