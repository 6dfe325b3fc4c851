//! Publishes the service factors of the configuration for relayers, and takes back those that are not in it any more.

use std::sync::Arc;
use std::time::Duration;

use tracing::info;

use super::{DutyError, Term};

/// A Redis that lost them has them again after this long.
const EVERY: Duration = Duration::from_secs(30);

pub(super) async fn publish(term: Arc<Term>) -> Result<(), DutyError> {
    loop {
        let factors = &term.realm.leader.service_factors;
        if term.realm.store.put_factors(&term.token, factors).await? {
            info!(services = factors.services.len(), default = factors.default.is_some(), "service factors published");
        }
        tokio::time::sleep(EVERY).await;
    }
}
