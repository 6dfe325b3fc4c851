use tokio::time::Instant;
use tonic::Status;

use crate::listener::Listener;
use crate::pipeline::Exchange;

impl Listener {
    /// Waits for what ends a stream from outside, and gives the status that its caller sees.
    pub(super) async fn ending(&self, exchange: &Exchange) -> Status {
        let over = exchange.admitted_until();
        tokio::select! {
            () = self.stop.cancelled() => Status::unavailable("relayer is shutting down"),
            () = at(exchange.until()) => Status::deadline_exceeded("the caller's deadline has passed"),
            // A new session has other suppliers: the caller has to begin anew, not to try again.
            _ = self.pipeline.feed.reached(over + 1) => {
                Status::aborted(format!("the session takes no more relays after height {over}; go on in the next one"))
            }
        }
    }
}

/// Waits for a moment; for ever when there is none.
pub(super) async fn at(moment: Option<Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment).await,
        None => std::future::pending().await,
    }
}
