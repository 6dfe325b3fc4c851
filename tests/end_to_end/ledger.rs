//! What was answered, kept by the one who asked.

use std::collections::{BTreeMap, BTreeSet};

use relay_core::address::Address;
use relay_core::proto::pocket::service::RelayRequest;
use relay_core::relay::{MinedRelay, RelayHash};
use relay_core::session::SessionHeader;
use relay_core::smst::{Root, Trie};
use relay_core::units::SessionId;

/// Compute units of a relay in the genesis of these tests.
const WEIGHT: u64 = 1000;

/// A supplier's part of a session.
pub(crate) type Part = (Address, SessionId);

/// Mined relays by supplier and session.
#[derive(Debug, Default)]
pub(crate) struct Ledger(BTreeMap<Part, Vec<MinedRelay>>);

impl Ledger {
    pub(crate) fn enter(&mut self, request: &RelayRequest, mined: MinedRelay) {
        let meta = request.meta.as_ref().unwrap();
        let header = SessionHeader::try_from(meta.session_header.as_ref().unwrap()).unwrap();
        self.put((meta.supplier_operator_address.parse().unwrap(), header.id), mined);
    }

    pub(crate) fn put(&mut self, part: Part, mined: MinedRelay) {
        self.0.entry(part).or_default().push(mined);
    }

    pub(crate) fn merge(&mut self, other: Self) {
        for (part, relays) in other.0 {
            self.0.entry(part).or_default().extend(relays);
        }
    }

    /// Number of different relays.
    pub(crate) fn relays(&self) -> usize {
        self.hashes().len()
    }

    /// Which parts have relays.
    pub(crate) fn parts(&self) -> impl Iterator<Item = &Part> {
        self.0.keys()
    }

    /// Every relay with its part.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&Part, RelayHash)> {
        self.0.iter().flat_map(|(part, relays)| relays.iter().map(move |relay| (part, relay.hash)))
    }

    pub(crate) fn hashes(&self) -> BTreeSet<RelayHash> {
        self.0.values().flatten().map(|relay| relay.hash).collect()
    }

    /// The root that each part's claim must have.
    pub(crate) fn roots(&self) -> BTreeMap<Part, Root> {
        let root = |relays: &Vec<MinedRelay>| {
            let mut trie = Trie::new(WEIGHT);
            for relay in relays {
                trie.insert(&relay.hash.0, &relay.bytes, WEIGHT, ()).unwrap();
            }
            trie.root()
        };
        self.0.iter().map(|(part, relays)| (part.clone(), root(relays))).collect()
    }
}
