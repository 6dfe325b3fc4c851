//! The form of a proof that is sent: absent siblings become bits of a mask.

use super::digest::{DIGEST, PLACEHOLDER};
use super::proof::{ClosestProof, MAX_DEPTH, ProofError};

/// A closest proof as it stands on the wire, field by field and unchecked; [`CompactProof::expand`] checks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CompactProof {
    /// 32 bytes.
    pub path: Vec<u8>,
    /// Big-endian numbers of one or two bytes.
    pub flipped_bits: Vec<Vec<u8>>,
    /// A big-endian number of one or two bytes.
    pub depth: Vec<u8>,
    /// 32 bytes.
    pub closest_path: Vec<u8>,
    /// The relay, its weight and the count 1.
    pub closest_value_hash: Vec<u8>,
    /// The siblings; `None` where the sender left the pointer unset.
    pub closest_proof: Option<CompactSides>,
}

/// The siblings of a [`CompactProof`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CompactSides {
    /// Digests of 48 bytes, without those of absent siblings.
    pub side_nodes: Vec<Vec<u8>>,
    /// Never sent in a closest proof.
    pub non_membership_leaf_data: Vec<u8>,
    /// One bit for each level, the leaf's first: 1 where the sibling is absent.
    pub bit_mask: Vec<u8>,
    /// Number of levels.
    pub num_side_nodes: i64,
    /// Preimage of the leaf's sibling; may be empty.
    pub sibling_data: Vec<u8>,
}

/// See [`ClosestProof::compact`].
pub(super) fn compact(proof: &ClosestProof) -> CompactProof {
    let absent = PLACEHOLDER.to_bytes();
    let mut bit_mask = vec![0; proof.side_nodes.len().div_ceil(8)];
    for (level, _) in proof.side_nodes.iter().enumerate().filter(|(_, side_node)| **side_node == absent) {
        bit_mask[level / 8] |= 0x80 >> (level % 8);
    }
    let side_nodes = proof.side_nodes.iter().filter(|side_node| **side_node != absent);
    CompactProof {
        path: proof.path.to_vec(),
        flipped_bits: proof.flipped_bits.iter().copied().map(minimal_bytes).collect(),
        depth: minimal_bytes(proof.depth),
        closest_path: proof.closest_path.to_vec(),
        closest_value_hash: proof.closest_value.clone(),
        closest_proof: Some(CompactSides {
            side_nodes: side_nodes.map(|side_node| side_node.to_vec()).collect(),
            non_membership_leaf_data: Vec::new(),
            bit_mask,
            num_side_nodes: i64::try_from(proof.side_nodes.len()).unwrap_or(i64::MAX),
            sibling_data: proof.sibling_data.clone(),
        }),
    }
}

/// Big-endian, without leading zero bytes; zero is one zero byte.
fn minimal_bytes(number: u16) -> Vec<u8> {
    match number.to_be_bytes() {
        [0, low] => vec![low],
        both => both.to_vec(),
    }
}

impl CompactProof {
    /// Checks the form and restores the absent siblings.
    ///
    /// Everything the chain refuses here is refused here, in the same order, and besides what the chain silently cuts or
    /// ignores: other lengths of `ClosestPath` and of side nodes, data about a leaf that is not proven, unused mask bits.
    pub fn expand(&self) -> Result<ClosestProof, ProofError> {
        let path = array("Path", &self.path)?;
        let depth = number("Depth", &self.depth)?;
        let flipped_bits =
            self.flipped_bits.iter().map(|bytes| number("FlippedBits", bytes)).collect::<Result<_, _>>()?;
        let sides = self.closest_proof.as_ref().ok_or(ProofError::NoSides)?;
        let side_nodes = sides.expand()?;
        let closest_path = array("ClosestPath", &self.closest_path)?;
        if !sides.non_membership_leaf_data.is_empty() {
            let length = sides.non_membership_leaf_data.len();
            return Err(ProofError::Length { field: "NonMembershipLeafData", length });
        }
        Ok(ClosestProof {
            path,
            flipped_bits,
            depth,
            closest_path,
            closest_value: self.closest_value_hash.clone(),
            side_nodes,
            sibling_data: sides.sibling_data.clone(),
        })
    }
}

impl CompactSides {
    fn expand(&self) -> Result<Vec<[u8; DIGEST]>, ProofError> {
        let levels = usize::try_from(self.num_side_nodes).ok().filter(|levels| *levels <= MAX_DEPTH.into());
        let levels = levels.ok_or(ProofError::SideNodes)?;
        let absent = |level: usize| self.bit_mask[level / 8] & (0x80 >> (level % 8)) != 0;
        if self.bit_mask.len() != levels.div_ceil(8) || (levels..self.bit_mask.len() * 8).any(absent) {
            return Err(ProofError::SideNodes);
        }
        if (0..levels).filter(|level| !absent(*level)).count() != self.side_nodes.len() {
            return Err(ProofError::SideNodes);
        }
        let mut present = self.side_nodes.iter();
        let side_node = |level| {
            if absent(level) {
                return Ok(PLACEHOLDER.to_bytes());
            }
            array("SideNodes", present.next().ok_or(ProofError::SideNodes)?)
        };
        (0..levels).map(side_node).collect()
    }
}

fn array<const N: usize>(field: &'static str, bytes: &[u8]) -> Result<[u8; N], ProofError> {
    bytes.try_into().map_err(|_| ProofError::Length { field, length: bytes.len() })
}

fn number(field: &'static str, bytes: &[u8]) -> Result<u16, ProofError> {
    match *bytes {
        [] => Ok(0),
        [low] => Ok(low.into()),
        [high, low] => Ok(u16::from_be_bytes([high, low])),
        _ => Err(ProofError::Length { field, length: bytes.len() }),
    }
}
