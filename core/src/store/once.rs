use std::time::Duration;

use redis::cmd;

use super::{Store, StoreError};

impl Store {
    /// Marks a simulated relay as served, for all relayers of the pool. `false`: it was served within the last `keep`. After
    /// a [time-out](StoreError::TimedOut) the mark may stand all the same.
    pub async fn mark_simulated(&self, digest: &[u8; 32], keep: Duration) -> Result<bool, StoreError> {
        let milliseconds = u64::try_from(keep.as_millis()).unwrap_or(u64::MAX).max(1);
        let mut command = cmd("SET");
        command.arg(self.shared.keys.simulated(digest)).arg("1").arg("NX").arg("PX").arg(milliseconds);
        let set: Option<String> = self.shared.link.run(&command).await?;
        Ok(set.is_some())
    }

    /// Asks Redis for a sign of life.
    pub async fn ping(&self) -> Result<(), StoreError> {
        let _: String = self.shared.link.run(&cmd("PING")).await?;
        Ok(())
    }
}
