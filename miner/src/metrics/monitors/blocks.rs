use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use relay_core::units::Height;

/// The pace of blocks. Only the leader has it.
#[derive(Debug, Clone, Default)]
pub struct BlockMetrics {
    height: Gauge,
    expected: Gauge<f64, AtomicU64>,
    interval: Gauge<f64, AtomicU64>,
    slow: Counter,
    slow_in_a_row: Gauge,
}

impl BlockMetrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let it = Self::default();
        registry.register("current_block_height", "The newest block that the leader looked at", it.height.clone());
        registry.register(
            "configured_block_time_seconds",
            "The time between blocks that is expected",
            it.expected.clone(),
        );
        registry.register(
            "current_block_interval_seconds",
            "The time between the last two blocks",
            it.interval.clone(),
        );
        registry.register("fullnode_slow_blocks", "Blocks that took too long", it.slow.clone());
        registry.register(
            "fullnode_slow_blocks_consecutive",
            "How many of the last blocks in a row took too long",
            it.slow_in_a_row.clone(),
        );
        it
    }

    pub(crate) fn seen(&self, height: Height, interval: Duration, expected: Duration, slow_in_a_row: u32) {
        self.height.set(height.0);
        self.expected.set(expected.as_secs_f64());
        self.interval.set(interval.as_secs_f64());
        self.slow_in_a_row.set(i64::from(slow_in_a_row));
        if slow_in_a_row > 0 {
            self.slow.inc();
        }
    }
}
