//! Hashing what changed, from the deepest level up.
//!
//! In a large trie the memory is slower than the hash: nodes lie in the order of insertion, so every child is a cache miss.
//! Going level by level, the children of a whole batch are read before the first of its nodes is hashed, and the misses
//! overlap.

use std::mem;

use super::digest::{Digest, PLACEHOLDER, chain_digest, inner_digest};
use super::tree::{Link, Node, Tree};

/// Nodes whose children are read together.
const BATCH: usize = 32;

impl<R> Tree<R> {
    /// Computes what is missing and returns the digest of the root.
    pub(super) fn settle(&mut self) -> Digest {
        for level in self.dirty_levels().iter().rev() {
            for batch in level.chunks(BATCH) {
                self.settle_batch(batch);
            }
        }
        self.root_link().map_or(PLACEHOLDER, |root| self.digest(root))
    }

    /// Indices of the dirty inners, the root's level first. Whatever is above a dirty inner is dirty.
    fn dirty_levels(&self) -> Vec<Vec<u32>> {
        let mut levels = Vec::new();
        let mut level: Vec<u32> = self.root_link().and_then(|root| self.dirty_inner(root)).into_iter().collect();
        while !level.is_empty() {
            let children = level.iter().flat_map(|index| self.inner(*index as usize).children);
            let below = children.filter_map(|link| self.dirty_inner(link)).collect();
            levels.push(mem::replace(&mut level, below));
        }
        levels
    }

    fn dirty_inner(&self, link: Link) -> Option<u32> {
        match link.node() {
            Node::Inner(index) if self.inner(index).dirty => u32::try_from(index).ok(),
            _ => None,
        }
    }

    /// Settles up to [`BATCH`] inners of one level, whose children are settled.
    fn settle_batch(&mut self, batch: &[u32]) {
        let mut children = [[PLACEHOLDER; 2]; BATCH];
        for (index, children) in batch.iter().zip(&mut children) {
            *children = self.inner(*index as usize).children.map(|child| self.digest(child));
        }
        for (index, [left, right]) in batch.iter().zip(&children) {
            let inner = self.inner(*index as usize);
            let (start, depth) = inner.span();
            let top = chain_digest(start, depth, self.edge_path(inner), inner_digest(left, right));
            self.inner_mut(*index as usize).settle(&top);
        }
    }
}
