//! The shape of the trie: leaves and branching nodes in two arenas, tied by 32-bit links.
//!
//! One [`Inner`] stands for a node with two children *and* for the chain of one-child nodes above it, so every insertion adds
//! at most one leaf and one inner. Hashes are computed when they are asked for: an insertion only marks what it changed.
//! Sums wrap here exactly as they do on chain; the rules of a session are the business of [`Trie`](super::Trie).

use super::digest::{Digest, extension_preimage, inner_digest, inner_preimage};
use super::path::{Path, bit, first_difference};

/// A leaf. The relay itself stays in the log, where `value_ref` finds it.
#[derive(Debug, Clone)]
pub(super) struct Leaf<R> {
    pub(super) path: Path,
    pub(super) hash: [u8; 32],
    pub(super) weight: u64,
    pub(super) value_ref: R,
}

/// A node with two children at `depth`, and its edge: the one-child nodes at depths `start` to `depth - 1`.
#[derive(Debug, Clone)]
pub(super) struct Inner {
    /// Hash, sum and count of the topmost node of the edge. Meaningless while `dirty`.
    hash: [u8; 32],
    sum: u64,
    count: u32,
    pub(super) children: [Link; 2],
    /// A leaf whose path gives the bits of the edge. Other bits of it are seen in proofs, so splits inherit it.
    edge_leaf: u32,
    start: u8,
    depth: u8,
    pub(super) dirty: bool,
}

/// Index of a node: the top bit tells leaves from inners.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Link(u32);

/// A [`Link`], taken apart.
#[derive(Debug, Clone, Copy)]
pub(super) enum Node {
    Leaf(usize),
    Inner(usize),
}

/// Where a path stands in relation to a tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// The tree has no leaves.
    Empty,
    /// This leaf has the path.
    Present(usize),
    /// No leaf has the path; it leaves the tree at this bit.
    Apart(u8),
}

/// No memory for another leaf, or no index.
#[derive(Debug)]
pub(super) struct Full;

#[derive(Debug, Clone)]
pub(super) struct Tree<R> {
    pub(super) leaves: Vec<Leaf<R>>,
    inners: Vec<Inner>,
    root: Option<Link>,
}

const LEAF_BIT: u32 = 1 << 31;

impl Link {
    fn leaf(index: usize) -> Option<Self> {
        u32::try_from(index).ok().filter(|index| index & LEAF_BIT == 0).map(|index| Self(index | LEAF_BIT))
    }

    fn inner(index: usize) -> Option<Self> {
        u32::try_from(index).ok().filter(|index| index & LEAF_BIT == 0).map(Self)
    }

    pub(super) fn node(self) -> Node {
        let index = (self.0 & !LEAF_BIT) as usize;
        if self.0 & LEAF_BIT == 0 { Node::Inner(index) } else { Node::Leaf(index) }
    }
}

impl Inner {
    fn digest(&self) -> Digest {
        Digest { hash: self.hash, sum: self.sum, count: u64::from(self.count) }
    }

    /// The depths of the edge, and the depth at which this node branches.
    pub(super) fn span(&self) -> (u8, u8) {
        (self.start, self.depth)
    }

    /// Takes the digest of the topmost node of the edge.
    pub(super) fn settle(&mut self, top: &Digest) {
        self.hash = top.hash;
        self.sum = top.sum;
        // Never more than the number of leaf indices.
        self.count = u32::try_from(top.count).unwrap_or(u32::MAX);
        self.dirty = false;
    }
}

impl<R> Tree<R> {
    pub(super) fn new() -> Self {
        Self { leaves: Vec::new(), inners: Vec::new(), root: None }
    }

    pub(super) fn root_link(&self) -> Option<Link> {
        self.root
    }

    pub(super) fn inner(&self, index: usize) -> &Inner {
        &self.inners[index]
    }

    pub(super) fn inner_mut(&mut self, index: usize) -> &mut Inner {
        &mut self.inners[index]
    }

    /// The path whose bits are those of the inner's edge.
    pub(super) fn edge_path(&self, inner: &Inner) -> &Path {
        &self.leaves[inner.edge_leaf as usize].path
    }

    /// Finds `path`. Bits inside edges are not looked at on the way: the leaf found there tells the first difference.
    pub(super) fn locate(&self, path: &Path) -> Place {
        let Some(mut link) = self.root else { return Place::Empty };
        loop {
            match link.node() {
                Node::Inner(index) => {
                    let inner = &self.inners[index];
                    link = inner.children[bit(path, usize::from(inner.depth))];
                }
                Node::Leaf(index) => {
                    return first_difference(path, &self.leaves[index].path)
                        .map_or(Place::Present(index), Place::Apart);
                }
            }
        }
    }

    /// Adds a leaf whose path stands at `place`, as told by [`Self::locate`] and not [`Place::Present`]. Nothing changes
    /// if there is no memory for it.
    pub(super) fn add(&mut self, place: Place, leaf: Leaf<R>) -> Result<(), Full> {
        let new_leaf = self.leaves.len();
        let leaf_link = Link::leaf(new_leaf).ok_or(Full)?;
        let inner_link = Link::inner(self.inners.len()).ok_or(Full)?;
        grow(&mut self.leaves)?;
        grow(&mut self.inners)?;
        let (Place::Apart(depth), Some(root)) = (place, self.root) else {
            self.root = Some(leaf_link);
            self.leaves.push(leaf);
            return Ok(());
        };

        let (parent, below) = self.descend_to(root, depth, &leaf.path);
        let edge_leaf = match below.node() {
            Node::Inner(index) => {
                // The lower part of a split edge: its branch stays, only what hangs above it gets shorter.
                let below = &mut self.inners[index];
                below.start = depth + 1;
                below.dirty = true;
                below.edge_leaf
            }
            Node::Leaf(_) => leaf_link.0 & !LEAF_BIT,
        };
        let mut children = [below; 2];
        children[bit(&leaf.path, usize::from(depth))] = leaf_link;
        let start = match parent {
            None => 0,
            Some((index, _)) => self.inners[index].depth + 1,
        };
        self.inners.push(Inner { hash: [0; 32], sum: 0, count: 0, children, edge_leaf, start, depth, dirty: true });
        self.leaves.push(leaf);
        match parent {
            None => self.root = Some(inner_link),
            Some((index, side)) => self.inners[index].children[side] = inner_link,
        }
        Ok(())
    }

    /// The topmost node along `path` that is a leaf or branches below `depth`, and the inner above it with the side it hangs
    /// on. Everything above is marked dirty.
    fn descend_to(&mut self, root: Link, depth: u8, path: &Path) -> (Option<(usize, usize)>, Link) {
        let (mut parent, mut link) = (None, root);
        while let Node::Inner(index) = link.node() {
            let inner = &mut self.inners[index];
            if inner.depth > depth {
                break;
            }
            inner.dirty = true;
            let side = bit(path, usize::from(inner.depth));
            parent = Some((index, side));
            link = inner.children[side];
        }
        (parent, link)
    }

    /// The digest that the parent of `link` stores. The tree is settled.
    pub(super) fn digest(&self, link: Link) -> Digest {
        match link.node() {
            Node::Inner(index) => self.inners[index].digest(),
            Node::Leaf(index) => {
                let leaf = &self.leaves[index];
                Digest { hash: leaf.hash, sum: leaf.weight, count: 1 }
            }
        }
    }

    /// The preimage of an inner, or of the extension above it if it has an edge. The tree is settled.
    pub(super) fn preimage(&self, inner: &Inner) -> Vec<u8> {
        let [left, right] = inner.children.map(|child| self.digest(child));
        if inner.start == inner.depth {
            inner_preimage(&left, &right).to_vec()
        } else {
            let child = inner_digest(&left, &right);
            extension_preimage(inner.start, inner.depth, self.edge_path(inner), &child)
        }
    }

    /// Bytes held on the heap, spare capacity included.
    pub(super) fn heap_bytes(&self) -> usize {
        self.leaves.capacity() * size_of::<Leaf<R>>() + self.inners.capacity() * size_of::<Inner>()
    }
}

/// Makes room for one more element. Grows by an eighth, not by doubling: tries are the bulk of a miner's memory.
fn grow<T>(arena: &mut Vec<T>) -> Result<(), Full> {
    if arena.len() < arena.capacity() {
        return Ok(());
    }
    arena.try_reserve_exact((arena.len() / 8).max(4)).map_err(|_| Full)
}
