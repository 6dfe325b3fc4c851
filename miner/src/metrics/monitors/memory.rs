use std::sync::atomic::AtomicU64;

use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use relay_core::store::Memory;

/// The memory of Redis.
#[derive(Debug, Clone, Default)]
pub struct MemoryMetrics {
    used: Gauge<f64, AtomicU64>,
    most: Gauge<f64, AtomicU64>,
    ratio: Gauge<f64, AtomicU64>,
}

impl MemoryMetrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let it = Self::default();
        registry.register("redis_used_memory_bytes", "What Redis uses", it.used.clone());
        registry.register("redis_max_memory_bytes", "What Redis may use; 0 without a limit", it.most.clone());
        registry.register(
            "redis_memory_usage_ratio",
            "What Redis uses of what it may; -1 without a limit",
            it.ratio.clone(),
        );
        it
    }

    /// Shows what was seen, and returns the ratio.
    pub(crate) fn seen(&self, memory: Memory) -> f64 {
        #[allow(clippy::cast_precision_loss, reason = "a gauge is a float")]
        let float = |bytes: u64| bytes as f64;
        let ratio = memory.most.map_or(-1.0, |most| float(memory.used) / float(most));
        self.used.set(float(memory.used));
        self.most.set(float(memory.most.unwrap_or_default()));
        self.ratio.set(ratio);
        ratio
    }
}
