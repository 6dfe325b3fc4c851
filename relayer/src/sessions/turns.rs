use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::LookupError;

/// How long a relay waits for its turn to have something looked up.
const PATIENCE: Duration = Duration::from_secs(5);

/// Bounds the questions to the chain at a time.
#[derive(Debug, Clone)]
pub(super) struct Turns(Arc<Semaphore>);

impl Turns {
    pub(super) fn new(at_a_time: usize) -> Self {
        Self(Arc::new(Semaphore::new(at_a_time)))
    }

    pub(super) async fn take(&self) -> Result<OwnedSemaphorePermit, LookupError> {
        let waited = tokio::time::timeout(PATIENCE, Arc::clone(&self.0).acquire_owned()).await;
        let turn = waited.ok().and_then(Result::ok);
        turn.ok_or_else(|| LookupError::Unavailable("too many lookups at a time".to_owned()))
    }
}
