//! The way from the root to the leaf closest to a path, and the proof written along it.

use super::digest::{Digest, PLACEHOLDER, leaf_digest, leaf_preimage, tail};
use super::path::{Path, bit};
use super::proof::ClosestProof;
use super::tree::{Link, Node, Tree};
use super::trie::{ClosestLeaf, Trie, TrieError};

/// Whether a proof carries the preimage of the proven leaf's sibling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SiblingData {
    /// Byte for byte what other miners send.
    Send,
    /// The chain accepts the proof without it, which saves a whole second relay where the sibling is a leaf.
    Omit,
}

/// A descent: at each depth the sibling, `None` where there is only one child.
struct Descent {
    leaf: usize,
    flipped_bits: Vec<u16>,
    siblings: Vec<Option<Link>>,
}

impl<R> Tree<R> {
    /// Follows the bits of `path`; where only the other side exists, flips the bit and goes on with the rest of `path`.
    fn descend(&self, path: &Path) -> Option<Descent> {
        let mut link = self.root_link()?;
        let mut descent = Descent { leaf: 0, flipped_bits: Vec::new(), siblings: Vec::new() };
        loop {
            match link.node() {
                Node::Leaf(index) => {
                    descent.leaf = index;
                    return Some(descent);
                }
                Node::Inner(index) => {
                    let inner = self.inner(index);
                    let edge = self.edge_path(inner);
                    let (start, depth) = inner.span();
                    let differing =
                        (start..depth).filter(|depth| bit(path, (*depth).into()) != bit(edge, (*depth).into()));
                    descent.flipped_bits.extend(differing.map(u16::from));
                    descent.siblings.extend((start..depth).map(|_| None));
                    let side = bit(path, depth.into());
                    link = inner.children[side];
                    descent.siblings.push(Some(inner.children[1 - side]));
                }
            }
        }
    }
}

impl Descent {
    /// The sibling of the leaf: a descent ends below a node with two children.
    fn sibling(&self) -> Option<Node> {
        self.siblings.last().copied().flatten().map(Link::node)
    }
}

impl<R: Copy> Trie<R> {
    /// Which relays a proof for `path` needs; `None` if the trie is empty.
    #[must_use]
    pub fn closest(&self, path: &[u8; 32]) -> Option<ClosestLeaf<R>> {
        let descent = self.tree.descend(path)?;
        let sibling = match descent.sibling() {
            Some(Node::Leaf(index)) => Some(self.tree.leaves[index].value_ref),
            _ => None,
        };
        Some(ClosestLeaf { relay: self.tree.leaves[descent.leaf].value_ref, sibling })
    }

    /// Proves the leaf closest to `path`. `value_of` gives the bytes of the relays named by [`Self::closest`]; the sibling's
    /// are asked for only with [`SiblingData::Send`]. Bytes that are not those of the leaf are refused.
    pub fn prove<V: AsRef<[u8]>>(
        &mut self,
        path: &[u8; 32],
        sibling_data: SiblingData,
        value_of: impl Fn(&R) -> Option<V>,
    ) -> Result<ClosestProof, TrieError> {
        self.tree.settle();
        self.tree.prove(path, sibling_data, value_of)
    }
}

impl<R> Tree<R> {
    /// See [`Trie::prove`]. The tree is settled.
    pub(super) fn prove<V: AsRef<[u8]>>(
        &self,
        path: &Path,
        sibling_data: SiblingData,
        value_of: impl Fn(&R) -> Option<V>,
    ) -> Result<ClosestProof, TrieError> {
        let descent = self.descend(path).ok_or(TrieError::Empty)?;
        let leaf = &self.leaves[descent.leaf];
        let value = self.value(descent.leaf, &value_of)?;
        let sibling_data = match (sibling_data, descent.sibling()) {
            (SiblingData::Omit, _) | (_, None) => Vec::new(),
            (SiblingData::Send, Some(Node::Inner(index))) => self.preimage(self.inner(index)),
            (SiblingData::Send, Some(Node::Leaf(index))) => {
                let sibling = &self.leaves[index];
                leaf_preimage(&sibling.path, self.value(index, &value_of)?.as_ref(), sibling.weight)
            }
        };
        let digests = descent.siblings.iter().rev().map(|link| link.map_or(PLACEHOLDER, |link| self.digest(link)));
        let side_nodes: Vec<_> = digests.map(Digest::to_bytes).collect();
        Ok(ClosestProof {
            path: *path,
            flipped_bits: descent.flipped_bits,
            depth: u16::try_from(side_nodes.len()).unwrap_or(u16::MAX),
            closest_path: leaf.path,
            closest_value: [value.as_ref(), &tail(leaf.weight, 1)].concat(),
            side_nodes,
            sibling_data,
        })
    }

    /// The bytes of a leaf, checked against its hash.
    fn value<V: AsRef<[u8]>>(&self, index: usize, value_of: impl Fn(&R) -> Option<V>) -> Result<V, TrieError> {
        let leaf = &self.leaves[index];
        let value = value_of(&leaf.value_ref).ok_or(TrieError::ValueMissing)?;
        if leaf_digest(&leaf.path, value.as_ref(), leaf.weight, 1).hash != leaf.hash {
            return Err(TrieError::ValueDiffers);
        }
        Ok(value)
    }
}
