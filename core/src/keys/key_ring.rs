use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use sha2::{Digest, Sha256};

use crate::address::{Address, SecretKey};

/// The private keys of suppliers, by address. Printing it shows addresses only; dropping it zeroises the keys.
#[derive(Clone, Default)]
pub struct KeyRing {
    keys: BTreeMap<Address, SecretKey>,
    refused: Vec<RefusedFile>,
}

/// A file of a key directory that gave no key. The others are used all the same, so report these.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedFile {
    /// Where it is.
    pub path: PathBuf,
    /// Why, and what to do. Never contains the key.
    pub reason: String,
}

impl KeyRing {
    /// The key of this supplier.
    #[must_use]
    pub fn get(&self, address: &Address) -> Option<&SecretKey> {
        self.keys.get(address)
    }

    /// All addresses, sorted.
    pub fn addresses(&self) -> impl Iterator<Item = &Address> {
        self.keys.keys()
    }

    /// How many keys there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether there is no key.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Files of key directories that were passed over.
    #[must_use]
    pub fn refused(&self) -> &[RefusedFile] {
        &self.refused
    }

    /// A hash over the sorted addresses, the same for two processes exactly if they hold keys of the same suppliers.
    #[must_use]
    pub fn fingerprint(&self) -> [u8; 32] {
        let mut hasher = Sha256::new();
        for address in self.addresses() {
            hasher.update(address.as_str());
            hasher.update(b"\n");
        }
        hasher.finalize().into()
    }

    /// Adds a key. The same key twice counts once.
    pub fn insert(&mut self, key: SecretKey) {
        self.keys.insert(key.address().clone(), key);
    }

    /// Adds all keys of another ring, and what it refused.
    pub fn extend(&mut self, other: Self) {
        self.keys.extend(other.keys);
        self.refused.extend(other.refused);
    }

    pub(super) fn refuse(&mut self, path: PathBuf, reason: String) {
        self.refused.push(RefusedFile { path, reason });
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.addresses()).finish()
    }
}
