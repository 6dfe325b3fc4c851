use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

use crate::books::Books;

/// The books and the sizes that change without an event, read when Prometheus asks.
pub(crate) struct Snapshot<F> {
    pub(crate) books: Arc<Books>,
    /// Height, bytes in the spool, bytes retained.
    pub(crate) sizes: F,
}

impl<F> std::fmt::Debug for Snapshot<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Snapshot").field("books", &self.books).finish_non_exhaustive()
    }
}

impl<F: Fn() -> (i64, usize, usize) + Send + Sync + 'static> Collector for Snapshot<F> {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let books = self.books.entries();
        let counters = [
            ("answered", "Signed answers given", books.answered),
            ("appended", "Answered relays that are in the log", books.appended),
            ("late", "Answered relays whose session was closed", books.late),
            ("below_difficulty", "Answered relays that do not count", books.below_difficulty),
            ("withheld", "Relays served but refused by strict recording", books.withheld),
            ("appended_withheld", "Withheld relays that are in the log", books.appended_withheld),
            ("appended_again", "Relays written once more after Redis lost its last seconds", books.appended_again),
            ("again_late", "Relays that could not be written once more", books.again_late),
            ("replayed", "Requests refused as replays", books.replayed),
            ("shed", "Relays refused for lack of room", books.shed),
        ];
        for (name, help, value) in counters {
            let counter = ConstCounter::new(value);
            let name = format!("ha_relayer_books_{name}");
            counter.encode(encoder.encode_descriptor(&name, help, None, counter.metric_type())?)?;
        }
        let (height, spooled, retained) = (self.sizes)();
        let size = |bytes: usize| i64::try_from(bytes).unwrap_or(i64::MAX);
        let gauges = [
            ("current_block_height", "Height of the newest block seen", height),
            ("books_unrecorded", "Answered relays in memory only", i64::try_from(books.unrecorded).unwrap_or(i64::MAX)),
            ("spool_bytes", "Memory of relays in progress or not recorded yet", size(spooled)),
            ("retained_bytes", "Memory of relays not known to be durable yet", size(retained)),
        ];
        for (name, help, value) in gauges {
            let gauge = ConstGauge::new(value);
            let name = format!("ha_relayer_{name}");
            gauge.encode(encoder.encode_descriptor(&name, help, None, gauge.metric_type())?)?;
        }
        Ok(())
    }
}
