use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use relay_core::store::StoreError;
use tokio::time::Instant;
use tracing::{debug, error, warn};

use super::{DutyError, Term};

const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// A duty: it works until its tenure ends, and returns only when it cannot go on.
pub(super) type Duty = fn(Arc<Term>) -> BoxFuture<'static, Result<(), DutyError>>;

/// Keeps a duty going for as long as the tenure lasts: what fails, or panics, is started again after a pause that grows while it
/// goes on failing.
pub(super) async fn keep_up(name: &'static str, duty: Duty, term: Arc<Term>) {
    let mut pause = FIRST_PAUSE;
    loop {
        let began = Instant::now();
        match AssertUnwindSafe(duty(Arc::clone(&term))).catch_unwind().await {
            Ok(Ok(())) => debug!(duty = name, "the duty has nothing more to do"),
            // The tenure is over; whoever watches it ends this task in a moment.
            Ok(Err(DutyError::Store(StoreError::FenceLost))) => debug!(duty = name, "another miner leads"),
            Ok(Err(error)) => {
                term.realm.metrics.leader.duty_failed(name);
                warn!(duty = name, %error, "a duty of the leader failed and is started again");
            }
            Err(_) => {
                term.realm.metrics.leader.duty_failed(name);
                error!(duty = name, "a duty of the leader panicked and is started again");
            }
        }
        if began.elapsed() > LONGEST_PAUSE {
            pause = FIRST_PAUSE;
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}
