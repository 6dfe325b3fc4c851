//! Names of keys. Braces are hash tags of Redis Cluster: everything of one supplier is in one slot, so that scripts may
//! touch it together.

use crate::address::Address;
use crate::units::SessionId;

use super::StoreError;

const LONGEST_PREFIX: usize = 64;

/// Builds the names of a pool's keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keys {
    prefix: String,
}

impl Keys {
    /// # Errors
    /// [`StoreError::Prefix`] when the prefix could be confused with the rest of a key.
    pub fn new(prefix: &str) -> Result<Self, StoreError> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || "-_.:".contains(c);
        if prefix.is_empty() || prefix.len() > LONGEST_PREFIX || !prefix.chars().all(allowed) {
            return Err(StoreError::Prefix(prefix.to_owned()));
        }
        Ok(Self { prefix: prefix.to_owned() })
    }

    fn fleet(&self, rest: &str) -> String {
        format!("{}:{{fleet}}:{rest}", self.prefix)
    }

    fn of(&self, supplier: &Address, rest: &str) -> String {
        format!("{}:{{{supplier}}}:{rest}", self.prefix)
    }

    /// What the state belongs to.
    #[must_use]
    pub fn schema(&self) -> String {
        self.fleet("schema")
    }

    /// The lock of the one miner with fleet duties.
    #[must_use]
    pub fn leader(&self) -> String {
        self.fleet("leader")
    }

    /// Counts leaders.
    #[must_use]
    pub fn leader_epoch(&self) -> String {
        self.fleet("leader:epoch")
    }

    /// Live miners.
    #[must_use]
    pub fn members(&self) -> String {
        self.fleet("members")
    }

    /// Capped stream of block headers.
    #[must_use]
    pub fn blocks(&self) -> String {
        self.fleet("blocks")
    }

    /// The channel on which processes tell each other of changes.
    #[must_use]
    pub fn events(&self) -> String {
        self.fleet("events")
    }

    /// A marker that is written before waiting for durability.
    #[must_use]
    pub fn barrier(&self) -> String {
        self.fleet("barrier")
    }

    /// The same on one server of a cluster: `tag` leads to a slot of its own.
    #[must_use]
    pub fn barrier_at(&self, tag: &str) -> String {
        format!("{}:{{{tag}}}:barrier", self.prefix)
    }

    /// A random text in one slot of a cluster. Is it gone, the server that held it lost data.
    #[must_use]
    pub fn canary(&self, tag: &str) -> String {
        format!("{}:{{{tag}}}:canary", self.prefix)
    }

    /// A supplier's state on chain, for relayers.
    #[must_use]
    pub fn supplier(&self, supplier: &Address) -> String {
        self.fleet(&format!("supplier:{supplier}"))
    }

    /// Says that a simulated relay with this request digest was served.
    #[must_use]
    pub fn simulated(&self, digest: &[u8; 32]) -> String {
        self.fleet(&format!("sim:replay:{}", hex::encode(digest)))
    }

    /// A value that can be fetched again.
    #[must_use]
    pub fn cache(&self, name: &str) -> String {
        self.fleet(&format!("cache:{name}"))
    }

    /// Says who is asking the chain for a value.
    #[must_use]
    pub fn cache_task(&self, name: &str) -> String {
        self.fleet(&format!("task:{name}"))
    }

    /// The names of values that are kept fresh.
    #[must_use]
    pub fn caches_in_use(&self) -> String {
        self.fleet("caches")
    }

    /// When each supplier was last looked at on chain.
    #[must_use]
    pub fn suppliers(&self) -> String {
        self.fleet("suppliers")
    }

    /// Service factors for relayers.
    #[must_use]
    pub fn factors(&self) -> String {
        self.fleet("factors")
    }

    /// What was settled so far, and up to which block.
    #[must_use]
    pub fn settlement(&self) -> String {
        self.fleet("settlement")
    }

    /// Session id → header.
    #[must_use]
    pub fn sessions(&self, supplier: &Address) -> String {
        self.of(supplier, "sessions")
    }

    /// Session id → number of appended relays.
    #[must_use]
    pub fn head(&self, supplier: &Address) -> String {
        self.of(supplier, "head")
    }

    /// The relays of a session.
    #[must_use]
    pub fn log(&self, supplier: &Address, session: &SessionId) -> String {
        self.of(supplier, &format!("log:{session}"))
    }

    /// Relayer instance → lowest session end that it has relays for.
    #[must_use]
    pub fn pending(&self, supplier: &Address) -> String {
        self.of(supplier, "pending")
    }

    /// The live fence token.
    #[must_use]
    pub fn lease(&self, supplier: &Address) -> String {
        self.of(supplier, "lease")
    }

    /// Counts owners.
    #[must_use]
    pub fn epoch(&self, supplier: &Address) -> String {
        self.of(supplier, "epoch")
    }

    /// Close mark, seal, and the miner's record of a session.
    #[must_use]
    pub fn record(&self, supplier: &Address, session: &SessionId) -> String {
        self.of(supplier, &format!("record:{session}"))
    }

    /// A transaction's bytes.
    #[must_use]
    pub fn transaction(&self, supplier: &Address, hash: &str) -> String {
        self.of(supplier, &format!("tx:{hash}"))
    }

    /// What an application may still spend in a session.
    #[must_use]
    pub fn budget(&self, supplier: &Address, session: &SessionId) -> String {
        self.of(supplier, &format!("budget:{session}"))
    }

    /// Tombstone of a session.
    #[must_use]
    pub fn closed(&self, supplier: &Address, session: &SessionId) -> String {
        self.of(supplier, &format!("closed:{session}"))
    }

    /// The last sessions that ended, youngest first.
    #[must_use]
    pub fn ended(&self, supplier: &Address) -> String {
        self.of(supplier, "ended")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Changing one of these strands the state of every running pool: it takes a new layout.
    // rule: G-09, C-27
    #[test]
    fn every_key_is_what_it_was() {
        let keys = Keys::new("prod.eu:1").unwrap();
        let supplier = Address::from_payload(&[7; 20]).unwrap();
        let session = SessionId::from("aa01");
        let golden = [
            (keys.schema(), "prod.eu:1:{fleet}:schema"),
            (keys.leader(), "prod.eu:1:{fleet}:leader"),
            (keys.leader_epoch(), "prod.eu:1:{fleet}:leader:epoch"),
            (keys.members(), "prod.eu:1:{fleet}:members"),
            (keys.blocks(), "prod.eu:1:{fleet}:blocks"),
            (keys.events(), "prod.eu:1:{fleet}:events"),
            (keys.barrier(), "prod.eu:1:{fleet}:barrier"),
            (keys.barrier_at("77"), "prod.eu:1:{77}:barrier"),
            (keys.canary("77"), "prod.eu:1:{77}:canary"),
            (keys.supplier(&supplier), "prod.eu:1:{fleet}:supplier:ADDRESS"),
            (keys.simulated(&[0xab; 32]), &format!("prod.eu:1:{{fleet}}:sim:replay:{}", "ab".repeat(32))),
            (keys.cache("params"), "prod.eu:1:{fleet}:cache:params"),
            (keys.cache_task("params"), "prod.eu:1:{fleet}:task:params"),
            (keys.caches_in_use(), "prod.eu:1:{fleet}:caches"),
            (keys.suppliers(), "prod.eu:1:{fleet}:suppliers"),
            (keys.factors(), "prod.eu:1:{fleet}:factors"),
            (keys.settlement(), "prod.eu:1:{fleet}:settlement"),
            (keys.sessions(&supplier), "prod.eu:1:{ADDRESS}:sessions"),
            (keys.head(&supplier), "prod.eu:1:{ADDRESS}:head"),
            (keys.log(&supplier, &session), "prod.eu:1:{ADDRESS}:log:aa01"),
            (keys.pending(&supplier), "prod.eu:1:{ADDRESS}:pending"),
            (keys.lease(&supplier), "prod.eu:1:{ADDRESS}:lease"),
            (keys.epoch(&supplier), "prod.eu:1:{ADDRESS}:epoch"),
            (keys.record(&supplier, &session), "prod.eu:1:{ADDRESS}:record:aa01"),
            (keys.transaction(&supplier, "C0FFEE"), "prod.eu:1:{ADDRESS}:tx:C0FFEE"),
            (keys.budget(&supplier, &session), "prod.eu:1:{ADDRESS}:budget:aa01"),
            (keys.closed(&supplier, &session), "prod.eu:1:{ADDRESS}:closed:aa01"),
            (keys.ended(&supplier), "prod.eu:1:{ADDRESS}:ended"),
        ];
        for (built, expected) in golden {
            assert_eq!(built, expected.replace("ADDRESS", "pokt1qurswpc8qurswpc8qurswpc8qurswpc8w4cwue"));
        }
    }

    // rule: G-09
    #[test]
    fn a_prefix_cannot_break_hash_tags() {
        for prefix in ["", "a{b", "a}b", "a b", "a\n", "ü", &"x".repeat(65)] {
            assert_eq!(Keys::new(prefix), Err(StoreError::Prefix(prefix.to_owned())));
        }
    }
}
