//! Node digests: SHA-256 of a node's preimage, together with the sum and the number of the leaves below it.

use sha2::{Digest as _, Sha256};

use super::path::{Path, bit};

/// Length of the sum and the count behind every hash and every preimage.
pub(super) const TAIL: usize = 16;
/// Length of a digest on the wire.
pub(super) const DIGEST: usize = 32 + TAIL;
/// First byte of a leaf's preimage.
const LEAF: u8 = 0;
/// First byte of an inner node's preimage.
const INNER: u8 = 1;
/// First byte of an extension's preimage.
const EXTENSION: u8 = 2;
/// Length of an inner node's preimage.
const INNER_PREIMAGE: usize = 1 + 2 * DIGEST + TAIL;

/// What a parent stores about a child.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Digest {
    pub(super) hash: [u8; 32],
    pub(super) sum: u64,
    pub(super) count: u64,
}

/// The digest of an absent subtree, and of the empty trie.
pub(super) const PLACEHOLDER: Digest = Digest { hash: [0; 32], sum: 0, count: 0 };

impl Digest {
    pub(super) fn to_bytes(self) -> [u8; DIGEST] {
        let mut bytes = [0; DIGEST];
        bytes[..32].copy_from_slice(&self.hash);
        bytes[32..].copy_from_slice(&tail(self.sum, self.count));
        bytes
    }

    pub(super) fn from_bytes(bytes: &[u8; DIGEST]) -> Self {
        let mut hash = [0; 32];
        hash.copy_from_slice(&bytes[..32]);
        let (sum, count) = sum_and_count(&bytes[32..]);
        Self { hash, sum, count }
    }
}

/// Reads a [`tail`] of 16 bytes.
pub(super) fn sum_and_count(tail: &[u8]) -> (u64, u64) {
    let number = |bytes: &[u8]| bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte));
    (number(&tail[..8]), number(&tail[8..]))
}

/// Sum and count as they stand at the end of digests and preimages.
pub(super) fn tail(sum: u64, count: u64) -> [u8; TAIL] {
    ((u128::from(sum) << 64) | u128::from(count)).to_be_bytes()
}

/// The digest of the leaf that holds `value` at `path`. `count` is 1, except in a proof that lies.
pub(super) fn leaf_digest(path: &Path, value: &[u8], weight: u64, count: u64) -> Digest {
    let preimage = Sha256::new().chain_update([LEAF]).chain_update(path).chain_update(value);
    Digest { hash: preimage.chain_update(tail(weight, count)).finalize().into(), sum: weight, count }
}

/// The preimage of that leaf.
pub(super) fn leaf_preimage(path: &Path, value: &[u8], weight: u64) -> Vec<u8> {
    [&[LEAF], path.as_slice(), value, &tail(weight, 1)].concat()
}

/// The preimage of a node with two children. Sums wrap, as they do on chain; [`Trie`](super::Trie) refuses leaves that would
/// make one wrap.
pub(super) fn inner_preimage(left: &Digest, right: &Digest) -> [u8; INNER_PREIMAGE] {
    let mut preimage = [INNER; INNER_PREIMAGE];
    preimage[1..=DIGEST].copy_from_slice(&left.to_bytes());
    preimage[1 + DIGEST..=2 * DIGEST].copy_from_slice(&right.to_bytes());
    let (sum, count) = (left.sum.wrapping_add(right.sum), left.count.wrapping_add(right.count));
    preimage[1 + 2 * DIGEST..].copy_from_slice(&tail(sum, count));
    preimage
}

/// The digest of a node with two children.
pub(super) fn inner_digest(left: &Digest, right: &Digest) -> Digest {
    let hash = Sha256::digest(inner_preimage(left, right)).into();
    Digest { hash, sum: left.sum.wrapping_add(right.sum), count: left.count.wrapping_add(right.count) }
}

/// The digest of the chain of one-child nodes at depths `start` to `end - 1` along `path`, above `child`.
pub(super) fn chain_digest(start: u8, end: u8, path: &Path, child: Digest) -> Digest {
    (start..end).rev().fold(child, |below, depth| place(bit(path, usize::from(depth)), &below, &PLACEHOLDER))
}

/// The digest of a node whose child on `side` is `child` and whose other child is `other`.
pub(super) fn place(side: usize, child: &Digest, other: &Digest) -> Digest {
    if side == 0 { inner_digest(child, other) } else { inner_digest(other, child) }
}

/// The preimage of the extension that stands for that chain.
pub(super) fn extension_preimage(start: u8, end: u8, path: &Path, child: &Digest) -> Vec<u8> {
    [&[EXTENSION, start, end], path.as_slice(), &child.to_bytes(), &tail(child.sum, child.count)].concat()
}

/// The digest of the node with this preimage, as verifiers compute it: that of the chain for an extension, hash and tail for
/// everything else. `None` if it is no preimage.
pub(super) fn preimage_digest(preimage: &[u8]) -> Option<Digest> {
    let (body, tail) = preimage.split_last_chunk::<TAIL>()?;
    if let [EXTENSION, start, end, rest @ ..] = body {
        let (path, child) = rest.split_first_chunk::<32>()?;
        let child = Digest::from_bytes(child.try_into().ok()?);
        return (start < end).then(|| chain_digest(*start, *end, path, child));
    }
    let (sum, count) = sum_and_count(tail);
    Some(Digest { hash: Sha256::digest(preimage).into(), sum, count })
}
