//! Who is alive, by heartbeats at Redis' own time: members of the fleet, and relayers that hold relays.

use std::time::Duration;

use redis::cmd;

use super::command::Call;
use super::{InstanceId, Store, StoreError, scripts};
use crate::address::Address;
use crate::units::Height;

/// A live process of the fleet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Which one.
    pub instance: InstanceId,
    /// Since its last heartbeat.
    pub age: Duration,
    /// What it said about itself with it.
    pub about: String,
}

/// A live relayer that has relays which are not appended yet: in flight, or spooled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pending {
    /// Which one.
    pub instance: InstanceId,
    /// Since its last heartbeat.
    pub age: Duration,
    /// The lowest end of the sessions that it has relays for. Sessions that end earlier get none from it any more.
    pub lowest_session_end: Height,
}

impl Store {
    /// Says that this process is alive. `about` is for the others to read.
    pub async fn heartbeat(&self, instance: &InstanceId, about: &str) -> Result<(), StoreError> {
        let call =
            Call::new(&scripts::HEARTBEAT).key(self.shared.keys.members()).argument(instance.as_str()).argument(about);
        self.shared.link.call::<u8>(call).await.map(|_| ())
    }

    /// Says that this process ends.
    pub async fn leave(&self, instance: &InstanceId) -> Result<(), StoreError> {
        let mut command = cmd("HDEL");
        command.arg(self.shared.keys.members()).arg(instance.as_str());
        self.shared.link.run::<u8>(&command).await.map(|_| ())
    }

    /// The live processes, in order of their names.
    pub async fn members(&self) -> Result<Vec<Member>, StoreError> {
        let living = self.living(self.shared.keys.members()).await?;
        Ok(living.into_iter().map(|(instance, age, about)| Member { instance, age, about }).collect())
    }

    /// Says for each supplier up to where this relayer still has relays; `None` when it has none. Repeat it well within
    /// `dead_after` for as long as it has: one round trip for all.
    pub async fn put_pending(
        &self,
        instance: &InstanceId,
        lowest: &[(Address, Option<Height>)],
    ) -> Result<(), StoreError> {
        let mut calls = Vec::new();
        let mut done = redis::pipe();
        for (supplier, end) in lowest {
            let key = self.shared.keys.pending(supplier);
            match end {
                Some(end) => {
                    calls.push(Call::new(&scripts::HEARTBEAT).key(key).argument(instance.as_str()).argument(end.0));
                }
                None => {
                    done.cmd("HDEL").arg(key).arg(instance.as_str());
                }
            }
        }
        self.shared.link.calls::<u8>(&calls).await?;
        if !done.is_empty() {
            self.shared.link.pipe::<Vec<u8>>(&done).await?;
        }
        Ok(())
    }

    /// The live relayers that hold relays of this supplier.
    pub async fn pending(&self, supplier: &Address) -> Result<Vec<Pending>, StoreError> {
        let living = self.living(self.shared.keys.pending(supplier)).await?;
        let read = |(instance, age, end): (InstanceId, Duration, String)| {
            let end = end.parse().map_err(|_| StoreError::malformed("a relayer's pending height", end))?;
            Ok(Pending { instance, age, lowest_session_end: Height(end) })
        };
        living.into_iter().map(read).collect()
    }

    async fn living(&self, key: String) -> Result<Vec<(InstanceId, Duration, String)>, StoreError> {
        let limit = u64::try_from(self.shared.config.dead_after.0.as_millis()).unwrap_or(u64::MAX);
        let call = Call::new(&scripts::LIVING).key(key).argument(limit);
        let mut living: Vec<(String, u64, String)> = self.shared.link.call(call).await?;
        living.sort_unstable();
        let named = |(instance, age, text): (String, u64, String)| {
            (InstanceId::from_stored(&instance), Duration::from_millis(age), text)
        };
        Ok(living.into_iter().map(named).collect())
    }
}
