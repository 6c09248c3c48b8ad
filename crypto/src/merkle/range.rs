//! Proof that adjacent leaves are in a tree.

use alloc::vec::Vec;

use thiserror::Error;

use super::tree::fits;
use super::{Depth, LeafIndex, NodeId, TreeHash};

/// A range proof does not hold.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum RangeProofError {
    /// There are no leaves, or they reach outside of the tree.
    #[error("{count} leaves from {first} on are no range of the tree")]
    OutOfRange {
        /// The first leaf.
        first: LeafIndex,
        /// How many.
        count: usize,
    },
    /// A proof of that range has another number of siblings.
    #[error("the proof has {siblings} siblings")]
    Siblings {
        /// How many it has.
        siblings: usize,
    },
    /// The leaves and siblings hash to another root.
    #[error("the leaves are not in the tree")]
    OtherRoot,
}

/// The nodes beside a range of adjacent leaves: a Merkle proof for all of them at once.
///
/// At most two siblings a level: the one left of the range where it starts at an odd index, then
/// the one right of it where it ends after an even one, from the leaves up.
///
/// # Examples
///
/// ```
/// use logos_crypto::Fr;
/// use logos_crypto::merkle::{DenseTree, Depth, LeafIndex, MerkleTree, PoseidonHasher};
///
/// let hash = PoseidonHasher::default();
/// let mut tree = DenseTree::new(hash, Depth::new(10)?)?;
/// let leaves: Vec<Fr> = (1..=100u64).map(Fr::from).collect();
/// tree.append(&leaves)?;
///
/// let proof = tree.range_proof(LeafIndex::new(10), 50)?;
/// proof.verify(&hash, &leaves[10..60], &tree.root())?;
/// assert!(proof.verify(&hash, &leaves[11..61], &tree.root()).is_err());
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RangeProof<N> {
    depth: Depth,
    first: LeafIndex,
    siblings: Vec<N>,
}

impl<N: Copy + Eq> RangeProof<N> {
    /// A proof from its parts. Whether they fit the leaves is for [`RangeProof::verify`] to say.
    #[must_use]
    pub const fn new(depth: Depth, first: LeafIndex, siblings: Vec<N>) -> Self {
        Self { depth, first, siblings }
    }

    pub(super) const fn from_tree(depth: Depth, first: LeafIndex, siblings: Vec<N>) -> Self {
        Self::new(depth, first, siblings)
    }

    /// The first leaf of the range.
    #[must_use]
    pub const fn first(&self) -> LeafIndex {
        self.first
    }

    /// Depth of the tree.
    #[must_use]
    pub const fn depth(&self) -> Depth {
        self.depth
    }

    /// The nodes beside the range.
    #[must_use]
    pub fn siblings(&self) -> &[N] {
        &self.siblings
    }

    /// Are `leaves` in the tree with that root, from [`RangeProof::first`] on? As many hashes as
    /// leaves, and up to two more a level.
    ///
    /// # Errors
    ///
    /// - [`RangeProofError::OutOfRange`] if there are no leaves or they reach outside.
    /// - [`RangeProofError::Siblings`] if the proof is of another shape than the range.
    /// - [`RangeProofError::OtherRoot`] if they hash to another root.
    pub fn verify<H: TreeHash<Node = N>>(
        &self,
        hash: &H,
        leaves: &[N],
        root: &N,
    ) -> Result<(), RangeProofError> {
        let count = leaves.len();
        let first = self.first;
        if count == 0 || !fits(first, count as u64, self.depth) {
            return Err(RangeProofError::OutOfRange { first, count });
        }
        let shape = RangeProofError::Siblings { siblings: self.siblings.len() };
        if Self::places(self.depth, first, count as u64).count() != self.siblings.len() {
            return Err(shape);
        }
        let mut siblings = self.siblings.iter().copied();
        let mut first = first.get();
        let mut level = leaves.to_vec();
        for height in self.depth.heights().skip(1) {
            if first & 1 == 1 {
                level.insert(0, siblings.next().ok_or(shape)?);
            }
            if level.len() % 2 == 1 {
                level.push(siblings.next().ok_or(shape)?);
            }
            first >>= 1;
            level = parents(hash, height, &level);
        }
        if level.first() == Some(root) { Ok(()) } else { Err(RangeProofError::OtherRoot) }
    }

    /// Where the siblings of a range stand, in order.
    pub(super) fn places(
        depth: Depth,
        first: LeafIndex,
        count: u64,
    ) -> impl Iterator<Item = NodeId> {
        let (first, end) = (first.get(), first.get() + count);
        depth.heights().take(usize::from(depth.get())).flat_map(move |height| {
            let first = first >> height;
            let last = (end - 1) >> height;
            let left = (first & 1 == 1).then(|| NodeId::new(height, first - 1));
            let right = (last & 1 == 0).then_some(NodeId::new(height, last + 1));
            left.into_iter().chain(right)
        })
    }
}

/// The level above an even number of nodes.
fn parents<H: TreeHash>(hash: &H, height: u8, level: &[H::Node]) -> Vec<H::Node> {
    let (pairs, _) = level.as_chunks();
    let mut parents = alloc::vec![hash.empty_leaf(); pairs.len()];
    hash.compress_many(height, pairs, &mut parents);
    parents
}
