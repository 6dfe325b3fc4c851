//! The tables of the points that lately verified signatures used, bounded in bytes.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard};

use k256::AffinePoint;

use super::comb::Table;
use super::hash::Compressed;

/// A table replaces another only if that was not used in this many verifications for each table of the cache. Building the
/// tables of a ring costs as much as four verifications without, so replacing tables that are still in use would be slower
/// than having none.
const PATIENCE: u64 = 8;

/// What a point is to a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Role {
    /// A member's public key.
    Member,
    /// The curve hash of a member's public key, which is what its 33 bytes name.
    MemberHash,
    /// A key image.
    KeyImage,
}

/// A point with its table.
pub(super) struct Prepared {
    pub(super) point: AffinePoint,
    pub(super) table: Table,
}

impl Prepared {
    /// `None` for the identity.
    pub(super) fn new(point: &AffinePoint) -> Option<Self> {
        Some(Self { point: *point, table: Table::new(point)? })
    }
}

/// What one entry takes, including its place in the map.
const ENTRY_BYTES: usize = Table::BYTES + size_of::<Prepared>() + 2 * size_of::<(Role, Compressed, Entry)>();

struct Entry {
    prepared: Arc<Prepared>,
    last_used: AtomicU64,
}

/// A bounded map from points to tables. Looking up takes a shared lock and allocates nothing.
pub(super) struct Tables {
    capacity: usize,
    entries: RwLock<HashMap<(Role, Compressed), Entry>>,
    /// Held while tables are built: one thread at a time builds, the others verify without tables meanwhile. The number is
    /// the verification before which no table is looked for to replace.
    building: Mutex<u64>,
}

impl Tables {
    pub(super) fn new(max_bytes: usize) -> Self {
        let capacity = max_bytes / ENTRY_BYTES;
        Self { capacity, entries: RwLock::default(), building: Mutex::default() }
    }

    /// The table of a point; counts as its use in verification number `now`.
    pub(super) fn get(&self, role: Role, name: &Compressed, now: u64) -> Option<Arc<Prepared>> {
        let entries = self.read();
        let entry = entries.get(&(role, *name))?;
        entry.last_used.store(now, Ordering::Relaxed);
        Some(Arc::clone(&entry.prepared))
    }

    /// The point alone; does not count as a use.
    pub(super) fn point(&self, role: Role, name: &Compressed) -> Option<AffinePoint> {
        self.read().get(&(role, *name)).map(|entry| entry.prepared.point)
    }

    /// Builds the tables of those points that have none yet, if there is room for all of them and no other thread builds.
    pub(super) fn build(&self, points: &[(Role, Compressed, AffinePoint)], now: u64) {
        let Ok(mut look_again) = self.building.try_lock() else { return };
        let missing: Vec<_> = {
            let entries = self.read();
            points.iter().filter(|(role, name, _)| !entries.contains_key(&(*role, *name))).collect()
        };
        if missing.is_empty() || !self.make_room(missing.len(), now, &mut look_again) {
            return;
        }
        for (role, name, point) in missing {
            let Some(prepared) = Prepared::new(point).map(Arc::new) else { continue };
            let mut entries = self.entries.write().unwrap_or_else(PoisonError::into_inner);
            entries.insert((*role, *name), Entry { prepared, last_used: AtomicU64::new(now) });
        }
    }

    /// Removes the longest unused tables until `count` more fit. Removes none if some of those would still be in use.
    fn make_room(&self, count: usize, now: u64, look_again: &mut u64) -> bool {
        let mut by_use: Vec<_> = {
            let entries = self.read();
            if entries.len() + count <= self.capacity {
                return true;
            }
            if count > self.capacity || now < *look_again {
                return false;
            }
            entries.iter().map(|(key, entry)| (entry.last_used.load(Ordering::Relaxed), *key)).collect()
        };
        let excess = by_use.len() + count - self.capacity;
        by_use.sort_unstable_by_key(|(last_used, _)| *last_used);
        let capacity = u64::try_from(self.capacity).unwrap_or(u64::MAX);
        let unused_since = now.saturating_sub(capacity.saturating_mul(PATIENCE));
        if by_use.get(excess - 1).is_none_or(|(last_used, _)| *last_used >= unused_since) {
            *look_again = now.saturating_add(capacity);
            return false;
        }
        let mut entries = self.entries.write().unwrap_or_else(PoisonError::into_inner);
        for (_, key) in &by_use[..excess] {
            entries.remove(key);
        }
        true
    }

    /// Bytes held now.
    pub(super) fn bytes(&self) -> usize {
        self.read().len() * ENTRY_BYTES
    }

    // A panic elsewhere cannot leave the map half changed, so a poisoned lock is as good as any.
    fn read(&self) -> RwLockReadGuard<'_, HashMap<(Role, Compressed), Entry>> {
        self.entries.read().unwrap_or_else(PoisonError::into_inner)
    }
}
