use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};

use super::KeyRing;
use crate::address::Address;

/// What one source held when it was read without trouble.
#[derive(Debug, Clone, Default)]
pub(super) struct Reading {
    /// Its keys, and the files that gave none.
    pub(super) ring: KeyRing,
    /// Which file gave which key; empty for sources that are one file.
    pub(super) files: BTreeMap<OsString, Address>,
}

impl From<KeyRing> for Reading {
    fn from(ring: KeyRing) -> Self {
        Self { ring, files: BTreeMap::new() }
    }
}

/// The keys of one source that count: those of its last good reading, and those that went missing only just now.
#[derive(Debug, Default)]
pub(super) struct Held {
    /// As it was read.
    last: Reading,
    /// What counts.
    counts: Reading,
    /// Keys that count and were not in so many good readings in a row.
    missing: BTreeMap<Address, u32>,
}

impl Held {
    /// What counts.
    pub(super) fn ring(&self) -> &KeyRing {
        &self.counts.ring
    }

    /// Whether further good readings may remove keys.
    pub(super) fn waits(&self) -> bool {
        !self.missing.is_empty()
    }

    /// Takes in a good reading. Keys that it adds count at once. Those that it lacks count until `removal` good readings in a row
    /// lacked them, and for as long as the file that they came from is there and refused: it may be half written.
    pub(super) fn take(&mut self, reading: Reading, removal: u32) {
        let refused: BTreeSet<&OsStr> =
            reading.ring.refused().iter().filter_map(|file| file.path.file_name()).collect();
        let mut counts = reading.clone();
        for (file, address) in self.counts.files.iter().filter(|(file, _)| refused.contains(file.as_os_str())) {
            if let Some(key) = self.counts.ring.get(address) {
                counts.ring.insert(key.clone());
                counts.files.insert(file.clone(), address.clone());
            }
        }
        let mut missing = BTreeMap::new();
        for address in self.counts.ring.addresses().filter(|address| counts.ring.get(address).is_none()) {
            let times = self.missing.get(address).copied().unwrap_or(0) + 1;
            if times < removal {
                missing.insert(address.clone(), times);
            }
        }
        for address in missing.keys() {
            if let Some(key) = self.counts.ring.get(address) {
                counts.ring.insert(key.clone());
            }
        }
        *self = Self { last: reading, counts, missing };
    }

    /// The source was looked at and is as it was at its last good reading.
    pub(super) fn take_again(&mut self, removal: u32) {
        let last = std::mem::take(&mut self.last);
        self.take(last, removal);
    }

    /// The source could not be read: nothing is known about what it lacks.
    pub(super) fn fail(&mut self) {
        self.missing.clear();
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use proptest::prelude::*;

    use super::*;
    use crate::address::SecretKey;

    fn key(number: u8) -> SecretKey {
        SecretKey::from_hex(&hex::encode([number + 1; 32])).unwrap()
    }

    fn reading(keys: &BTreeSet<u8>) -> Reading {
        let mut ring = KeyRing::default();
        let mut files = BTreeMap::new();
        for number in keys {
            ring.insert(key(*number));
            files.insert(number.to_string().into(), key(*number).address().clone());
        }
        Reading { ring, files }
    }

    fn refuse(mut reading: Reading, file: &str) -> Reading {
        reading.ring.refuse(PathBuf::from("/anywhere/..data").join(file), "half written".to_owned());
        reading
    }

    #[test]
    fn a_file_that_became_unreadable_keeps_its_key_for_as_long_as_it_is_there() {
        let mut held = Held::default();
        held.take(reading(&[1, 2].into()), 1);
        for _ in 0..5 {
            held.take(refuse(reading(&[2].into()), "1"), 1);
            assert_eq!((held.ring().len(), held.ring().refused().len(), held.waits()), (2, 1, false));
        }
        held.take(reading(&[2].into()), 1);
        assert_eq!(held.ring().len(), 1, "now it is gone");
    }

    #[test]
    fn a_failure_starts_the_count_of_a_removal_anew() {
        let mut held = Held::default();
        held.take(reading(&[1].into()), 3);
        held.take(reading(&[].into()), 3);
        held.take_again(3);
        held.fail();
        held.take_again(3);
        held.take_again(3);
        assert!(held.ring().len() == 1 && held.waits());
        held.take_again(3);
        assert!(held.ring().is_empty() && !held.waits());
    }

    proptest! {
        /// Whatever comes and goes: a key counts exactly if one of the last `removal` good readings since the last failure held it, or
        /// if it counted at that failure and not all of `removal` readings since then lacked it.
        #[test]
        fn a_key_counts_until_enough_good_readings_lacked_it(
            steps in prop::collection::vec(prop::option::weighted(0.8, prop::collection::btree_set(0u8..4, 0..4)), 1..30),
            removal in 1u32..4,
        ) {
            let mut held = Held::default();
            let mut counting: BTreeMap<u8, u32> = BTreeMap::new();
            for step in steps {
                match step {
                    None => {
                        held.fail();
                        for misses in counting.values_mut() {
                            *misses = 0;
                        }
                    }
                    Some(keys) => {
                        held.take(reading(&keys), removal);
                        for misses in counting.values_mut() {
                            *misses += 1;
                        }
                        counting.extend(keys.iter().map(|number| (*number, 0)));
                        counting.retain(|_, misses| *misses < removal);
                    }
                }
                let expected: BTreeSet<Address> = counting.keys().map(|number| key(*number).address().clone()).collect();
                let held: BTreeSet<Address> = held.ring().addresses().cloned().collect();
                prop_assert_eq!(held, expected);
            }
        }
    }
}
