//! The lock of the one miner with fleet duties, and the feed of blocks that it writes.

use std::time::Duration;

use redis::cmd;

use super::command::Call;
use super::{Fence, InstanceId, Store, StoreError, scripts};
use crate::chain::{Block, ChainTime};
use crate::units::Height;

/// Blocks that the feed keeps: two sessions of the main network, for those who come late.
const BLOCKS_KEPT: usize = 256;

/// A block as the feed tells of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FedBlock {
    /// Its height.
    pub height: Height,
    /// Its hash.
    pub hash: [u8; 32],
    /// Its header time.
    pub time: ChainTime,
}

impl From<&Block> for FedBlock {
    fn from(block: &Block) -> Self {
        Self { height: block.height, hash: block.hash, time: block.time }
    }
}

impl Store {
    /// Takes the lock of the leader when it is free, under an epoch of at least `least`. Returns whether it is ours now, and
    /// the token of whoever holds it. An instance that finds it in its own name gets a new token.
    pub async fn acquire_leader(
        &self,
        instance: &InstanceId,
        least: u64,
        ttl: Duration,
    ) -> Result<(bool, Fence), StoreError> {
        let call = Call::new(&scripts::LEAD)
            .key(self.shared.keys.leader())
            .key(self.shared.keys.leader_epoch())
            .argument(instance.as_str())
            .argument(hex::encode(rand::random::<[u8; 8]>()))
            .argument(milliseconds(ttl))
            .argument(least);
        let (is_ours, holder): (bool, String) = self.shared.link.call(call).await?;
        Ok((is_ours, holder.parse()?))
    }

    /// Prolongs a tenure of the leader; `false` when it is lost.
    pub async fn renew_leader(&self, token: &str, ttl: Duration) -> Result<bool, StoreError> {
        let call =
            Call::new(&scripts::RENEW).key(self.shared.keys.leader()).argument(token).argument(milliseconds(ttl));
        self.shared.link.call(call).await
    }

    /// Gives the lock of the leader back, if this token holds it.
    pub async fn release_leader(&self, token: &str) -> Result<(), StoreError> {
        let call = Call::new(&scripts::RELEASE).key(self.shared.keys.leader()).argument(token);
        self.shared.link.call::<u8>(call).await.map(|_| ())
    }

    /// Who leads.
    pub async fn leader(&self) -> Result<Option<Fence>, StoreError> {
        let token: Option<String> = self.shared.link.run(cmd("GET").arg(self.shared.keys.leader())).await?;
        token.as_deref().map(str::parse).transpose()
    }

    /// Adds blocks to the fleet's feed, as its leader. They must be in order; those that are in it are left out. Returns how many
    /// were new.
    pub async fn put_blocks(&self, token: &str, blocks: &[FedBlock]) -> Result<usize, StoreError> {
        let mut call = Call::new(&scripts::PUT_BLOCKS)
            .key(self.shared.keys.leader())
            .key(self.shared.keys.blocks())
            .argument(token)
            .argument(BLOCKS_KEPT)
            .argument(self.shared.keys.events());
        for block in blocks {
            call = call.argument(block.height.0).argument(hex::encode(block.hash)).argument(block.time.0);
        }
        self.shared.link.call(call).await
    }

    /// The newest block of the fleet's feed.
    pub async fn newest_block(&self) -> Result<Option<FedBlock>, StoreError> {
        Ok(self.blocks(1).await?.pop())
    }

    /// The last blocks of the fleet's feed, the newest first.
    pub async fn blocks(&self, most: usize) -> Result<Vec<FedBlock>, StoreError> {
        let mut command = cmd("XREVRANGE");
        command.arg(self.shared.keys.blocks()).arg("+").arg("-").arg("COUNT").arg(most);
        let entries: Vec<(String, Vec<(String, String)>)> = self.shared.link.run(&command).await?;
        entries.iter().map(|(id, fields)| read_block(id, fields)).collect()
    }
}

fn read_block(id: &str, fields: &[(String, String)]) -> Result<FedBlock, StoreError> {
    let malformed = || StoreError::malformed("a block of the feed", id);
    let field = |name: &str| fields.iter().find(|(key, _)| key == name).map(|(_, value)| value).ok_or_else(malformed);
    let height = id.split('-').next().and_then(|height| height.parse().ok()).ok_or_else(malformed)?;
    let mut hash = [0; 32];
    hex::decode_to_slice(field("hash")?, &mut hash).map_err(|_| malformed())?;
    let time = field("time")?.parse().map_err(|_| malformed())?;
    Ok(FedBlock { height: Height(height), hash, time: ChainTime(time) })
}

pub(super) fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
