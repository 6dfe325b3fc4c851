//! Looks at the memory of Redis. Every miner does: a Redis that is full costs everybody.

use relay_core::store::Store;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use crate::config::MemoryMonitor;
use crate::metrics::MemoryMetrics;

/// Looks until `stop`.
pub async fn watch(store: Store, settings: MemoryMonitor, metrics: MemoryMetrics, stop: CancellationToken) {
    if !settings.enabled {
        return;
    }
    loop {
        match store.memory().await {
            Ok(memory) => {
                let ratio = metrics.seen(memory);
                if ratio >= settings.warning {
                    warn!(used = memory.used, most = memory.most, ratio, "Redis is nearly full: raise maxmemory");
                }
            }
            Err(error) => debug!(%error, "the memory of Redis could not be looked at"),
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(settings.every.0) => {}
        }
    }
}
