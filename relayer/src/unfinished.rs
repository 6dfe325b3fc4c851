use std::fmt;
use std::sync::Arc;

use prometheus_client::metrics::gauge::Gauge;

use crate::books::Books;

/// What a relayer would lose if its process ended at once. Printing it tells how much that is now.
#[derive(Debug, Clone)]
pub struct Unfinished {
    pub(crate) books: Arc<Books>,
    pub(crate) in_flight: Gauge,
}

impl Unfinished {
    /// Answered relays that are in memory only.
    #[must_use]
    pub fn unrecorded(&self) -> u64 {
        self.books.entries().unrecorded
    }

    /// Relays that have no answer yet.
    #[must_use]
    pub fn in_progress(&self) -> i64 {
        self.in_flight.get()
    }
}

impl fmt::Display for Unfinished {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (unrecorded, in_progress) = (self.unrecorded(), self.in_progress());
        write!(f, "{unrecorded} answered relays are lost unrecorded, {in_progress} in progress get no answer")
    }
}
