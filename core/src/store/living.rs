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

    /// [`Store::heartbeat`] and [`Store::members`] in one command.
    pub async fn attend(&self, instance: &InstanceId, about: &str) -> Result<Vec<Member>, StoreError> {
        let call = Call::new(&scripts::ATTEND)
            .key(self.shared.keys.members())
            .argument(instance.as_str())
            .argument(about)
            .argument(milliseconds(self.shared.config.lease.0));
        Ok(members(self.shared.link.call(call).await?))
    }

    /// Says that this process ends.
    pub async fn leave(&self, instance: &InstanceId) -> Result<(), StoreError> {
        let mut command = cmd("HDEL");
        command.arg(self.shared.keys.members()).arg(instance.as_str());
        self.shared.link.run::<u8>(&command).await.map(|_| ())
    }

    /// The live processes, in order of their instance ids. One whose heart does not beat for the life of a lease has lost
    /// what it owned, and is none.
    pub async fn members(&self) -> Result<Vec<Member>, StoreError> {
        Ok(members(self.living(self.shared.keys.members(), self.shared.config.lease.0).await?))
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
        let living = self.living(self.shared.keys.pending(supplier), self.shared.config.dead_after.0).await?;
        let read = |(instance, age, end): Living| {
            let instance = InstanceId::from_stored(&instance);
            let end = end.parse().map_err(|_| StoreError::malformed("a relayer's pending height", end))?;
            Ok(Pending { instance, age: Duration::from_millis(age), lowest_session_end: Height(end) })
        };
        living.into_iter().map(read).collect()
    }

    async fn living(&self, key: String, dead_after: Duration) -> Result<Vec<Living>, StoreError> {
        let call = Call::new(&scripts::LIVING).key(key).argument(milliseconds(dead_after));
        let mut living: Vec<Living> = self.shared.link.call(call).await?;
        living.sort_unstable();
        Ok(living)
    }
}

/// Instance, milliseconds since its last heartbeat, and what it said with it.
type Living = (String, u64, String);

fn members(mut living: Vec<Living>) -> Vec<Member> {
    living.sort_unstable();
    let named = |(instance, age, about): Living| Member {
        instance: InstanceId::from_stored(&instance),
        age: Duration::from_millis(age),
        about,
    };
    living.into_iter().map(named).collect()
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
