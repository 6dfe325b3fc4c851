//! State in Redis: the log of relays, leases, records of sessions. `docs/state.md` describes keys and rules.
//!
//! The log is the truth: a relay is appended once, and everything else can be made from it again. What miners write is
//! guarded by a [`Fence`]; a script refuses it unless the lease carries exactly that token.

mod append;
mod budget;
mod cache;
mod checks;
mod command;
mod config;
mod confirm;
mod copies;
mod durability;
mod entry;
mod error;
mod events;
mod finish;
mod fleet;
mod incarnation;
mod inspect;
pub mod keys;
mod leader;
mod lease;
mod link;
mod living;
mod once;
mod open;
mod read;
mod record;
mod schema;
mod scripts;
mod seal;
mod supplier;
#[cfg(test)]
mod tests;
mod transaction;
mod watcher;

use std::sync::{Arc, RwLock};

use tokio::sync::watch;

use crate::budget::Factors;
use crate::clock::Clock;

pub use append::{Append, AppendOutcome, Appended};
pub use budget::{Slice, SliceCall};
pub use cache::Refreshed;
pub use checks::Warning;
pub use config::{ChainIdentity, StoreConfig};
pub use confirm::{Confirmation, Stamp};
pub use durability::Durability;
pub use entry::{EntryId, EntryIdError, LogEntry};
pub use error::StoreError;
pub use events::Event;
pub use fleet::Memory;
pub use incarnation::Incarnation;
pub use inspect::{Inspection, inspect};
pub use keys::Keys;
pub use leader::FedBlock;
pub use lease::{Acquisition, Fence, InstanceId, LEASES_A_ROUND, Lease};
pub use link::RedisUrl;
pub use living::{Member, Pending};
pub use read::{SessionSummary, SupplierHeads};
pub use schema::LAYOUT;
pub use seal::{Seal, Sealed};
pub use supplier::{KnownSupplier, SupplierMoney, SupplierState};

/// One pool's state in one Redis. Cheap to clone; all clones share two connections.
///
/// Every call ends within the configured time-outs. A call that timed out may still have happened: appends may be repeated,
/// because a relay's identity is its hash, and everything else gives the same result when it is repeated.
#[derive(Debug, Clone)]
pub struct Store {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    config: StoreConfig,
    keys: Keys,
    clock: Clock,
    /// Small commands: leases, appends, records. Never waits behind a large read.
    link: Arc<link::Link>,
    /// Large reads.
    bulk: Arc<link::Link>,
    barrier: Arc<durability::Barrier>,
    warnings: Vec<Warning>,
    watcher: watcher::Watcher,
    /// The service factors that were last read.
    factors: RwLock<Arc<Factors>>,
}

impl Store {
    /// What start-up checks advise, each a sentence for people.
    #[must_use]
    pub fn warnings(&self) -> &[Warning] {
        &self.shared.warnings
    }

    /// The keys of this pool.
    #[must_use]
    pub fn keys(&self) -> &Keys {
        &self.shared.keys
    }

    /// The settings in force.
    #[must_use]
    pub fn config(&self) -> &StoreConfig {
        &self.shared.config
    }

    /// The clock that leases and confirmations are measured with.
    #[must_use]
    pub fn clock(&self) -> Clock {
        self.shared.clock
    }

    /// The incarnation that was last seen, compared every two seconds and after every broken connection.
    #[must_use]
    pub fn watch_incarnation(&self) -> watch::Receiver<Incarnation> {
        self.shared.watcher.incarnation()
    }

    /// Whether Redis answered within the last few rounds of the watcher: for readiness.
    #[must_use]
    pub fn is_reachable(&self) -> bool {
        self.shared.watcher.heard_within(self.shared.clock, self.shared.config.silence.0)
    }
}
