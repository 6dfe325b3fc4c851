//! A tree with the manners of the reference library: it wraps sums, allows any weights, replaces leaves and keeps values.

use std::collections::BTreeMap;

use super::super::closest::SiblingData;
use super::super::digest::{inner_digest, inner_preimage, leaf_digest, leaf_preimage};
use super::super::proof::ClosestProof;
use super::super::root::Root;
use super::super::tree::{Leaf, Link, Node, Place, Tree};
use super::sha256;

/// One insertion.
pub(super) struct Entry {
    pub(super) key: Vec<u8>,
    pub(super) value: Vec<u8>,
    pub(super) weight: u64,
}

/// A settled tree; the value reference of a leaf is an index of `values`.
pub(super) struct ReferenceTree {
    tree: Tree<usize>,
    values: Vec<Vec<u8>>,
    pub(super) root: Root,
}

impl ReferenceTree {
    /// Inserts in order. A replaced leaf keeps its place in the tree, so it is the first insertion with the last value.
    pub(super) fn new(entries: impl IntoIterator<Item = Entry>) -> Self {
        let mut distinct: Vec<Entry> = Vec::new();
        let mut seen = BTreeMap::new();
        for entry in entries {
            let at = *seen.entry(entry.key.clone()).or_insert(distinct.len());
            if at == distinct.len() {
                distinct.push(entry);
            } else {
                distinct[at] = entry;
            }
        }
        let mut tree = Tree::new();
        let mut values = Vec::new();
        for (value_ref, Entry { key, value, weight }) in distinct.into_iter().enumerate() {
            let path = sha256(&key);
            let place = tree.locate(&path);
            assert!(!matches!(place, Place::Present(_)));
            let hash = leaf_digest(&path, &value, weight, 1).hash;
            tree.add(place, Leaf { path, hash, weight, value_ref }).unwrap();
            values.push(value);
        }
        let root = Root(tree.settle().to_bytes());
        Self { tree, values, root }
    }

    pub(super) fn prove(&self, path: &[u8; 32]) -> ClosestProof {
        self.tree.prove(path, SiblingData::Send, |index| self.values.get(*index)).unwrap()
    }

    /// Everything the reference would have stored: preimages by digest, both in hex.
    pub(super) fn stored(&self) -> BTreeMap<String, String> {
        let mut stored = BTreeMap::new();
        if let Some(root) = self.tree.root_link() {
            self.store_below(root, &mut stored);
        }
        stored
    }

    fn store_below(&self, link: Link, stored: &mut BTreeMap<String, String>) {
        let digest = hex::encode(self.tree.digest(link).to_bytes());
        match link.node() {
            Node::Leaf(index) => {
                let leaf = &self.tree.leaves[index];
                let preimage = leaf_preimage(&leaf.path, &self.values[leaf.value_ref], leaf.weight);
                stored.insert(digest, hex::encode(preimage));
            }
            Node::Inner(index) => {
                let inner = self.tree.inner(index);
                let children = inner.children;
                stored.insert(digest, hex::encode(self.tree.preimage(inner)));
                let [left, right] = children.map(|child| self.tree.digest(child));
                let own = hex::encode(inner_digest(&left, &right).to_bytes());
                stored.insert(own, hex::encode(inner_preimage(&left, &right)));
                for child in children {
                    self.store_below(child, stored);
                }
            }
        }
    }
}
