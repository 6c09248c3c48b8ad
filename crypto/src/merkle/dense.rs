//! A tree in flat arrays.

#![expect(clippy::indexing_slicing, reason = "levels are grown before they are indexed")]
#![expect(clippy::cast_possible_truncation, reason = "indices are below 2^26")]

use alloc::vec::Vec;
use core::convert::Infallible;

use super::hash::empty_subtrees;
use super::tree::{changed_by, fits, sorted};
use super::{
    Changed, Depth, DepthError, LeafError, LeafIndex, MerkleTree, NodeId, Path, RangeError,
    TreeHash, UpdateError,
};

/// A tree in memory, one array for each level.
///
/// The arrays reach as far as the last leaf used, so an empty tree takes one node a level and a
/// full one of 2^20 field elements 64 MiB. Reading a path takes a fraction of a microsecond. A
/// batch is hashed in place, level by level.
///
/// # Examples
///
/// ```
/// use logos_crypto::Fr;
/// use logos_crypto::merkle::{DenseTree, Depth, LeafIndex, MerkleTree, PoseidonHasher};
///
/// let mut tree = DenseTree::new(PoseidonHasher::default(), Depth::RLN)?;
/// let members: Vec<Fr> = (1..=16u64).map(Fr::from).collect();
/// tree.append(&members)?;
/// assert_eq!(tree.next_free(), Some(LeafIndex::new(16)));
/// assert_eq!(tree.leaf(LeafIndex::new(3))?, Fr::from(4u64));
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct DenseTree<H: TreeHash> {
    hash: H,
    depth: Depth,
    /// Roots of empty subtrees by height.
    empty: Vec<H::Node>,
    /// Nodes by height. What lies behind the end of a level is empty.
    // Invariant: below the root every length is even, and every node is the hash of its children.
    levels: Vec<Vec<H::Node>>,
    used: u64,
}

impl<H: TreeHash> DenseTree<H> {
    /// The deepest tree of this kind; a full one takes 4 GiB of 32-byte nodes.
    pub const MAX_DEPTH: u8 = 26;

    /// A tree without leaves.
    ///
    /// # Errors
    ///
    /// [`DepthError`] above [`DenseTree::MAX_DEPTH`], because one far leaf could take all memory.
    pub fn new(hash: H, depth: Depth) -> Result<Self, DepthError> {
        if depth.get() > Self::MAX_DEPTH {
            let (depth, max) = (u32::from(depth.get()), u32::from(Self::MAX_DEPTH));
            return Err(DepthError { depth, max });
        }
        let empty = empty_subtrees(&hash, depth);
        let levels = depth.heights().map(|_| Vec::new()).collect();
        Ok(Self { hash, depth, empty, levels, used: 0 })
    }

    fn get(&self, height: usize, index: usize) -> H::Node {
        self.levels[height].get(index).copied().unwrap_or(self.empty[height])
    }

    /// Makes every level reach over leaf `last`.
    fn grow(&mut self, last: usize) {
        let top = usize::from(self.depth.get());
        for (height, (level, empty)) in self.levels.iter_mut().zip(&self.empty).enumerate() {
            let nodes = if height == top { 1 } else { ((last >> height) + 1).next_multiple_of(2) };
            if level.len() < nodes {
                level.resize(nodes, *empty);
            }
        }
        self.used = self.used.max(last as u64 + 1);
    }

    /// Hashes what lies above the leaves from `first` to `last`.
    fn rehash_run(&mut self, first: usize, last: usize) {
        for height in 1..self.levels.len() {
            let (from, to) = (first >> height, (last >> height) + 1);
            let (below, above) = self.levels.split_at_mut(height);
            let (pairs, _) = below[height - 1][2 * from..2 * to].as_chunks();
            self.hash.compress_many(height as u8, pairs, &mut above[0][from..to]);
        }
    }

    /// Hashes what lies above these leaves, sorted by index.
    fn rehash_scattered(&mut self, leaves: &[(u64, H::Node)]) {
        let mut indices: Vec<usize> = leaves.iter().map(|(index, _)| *index as usize).collect();
        let mut parents = Vec::new();
        for height in 1..self.levels.len() {
            indices.iter_mut().for_each(|index| *index >>= 1);
            indices.dedup();
            let (below, above) = self.levels.split_at_mut(height);
            let (children, _) = below[height - 1].as_chunks::<2>();
            let pairs: Vec<_> = indices.iter().map(|&index| children[index]).collect();
            parents.resize(pairs.len(), self.empty[height]);
            self.hash.compress_many(height as u8, &pairs, &mut parents[..pairs.len()]);
            for (&index, parent) in indices.iter().zip(&parents) {
                above[0][index] = *parent;
            }
        }
    }
}

impl<H: TreeHash> MerkleTree for DenseTree<H> {
    type Hash = H;
    type StoreError = Infallible;

    fn hash(&self) -> &H {
        &self.hash
    }

    fn depth(&self) -> Depth {
        self.depth
    }

    fn root(&self) -> H::Node {
        self.get(usize::from(self.depth.get()), 0)
    }

    fn used(&self) -> u64 {
        self.used
    }

    fn node(&self, id: NodeId) -> Result<H::Node, Infallible> {
        let height = usize::from(id.height()).min(self.empty.len() - 1);
        let index = usize::try_from(id.index()).unwrap_or(usize::MAX);
        Ok(self.get(height, index))
    }

    fn fill(
        &mut self,
        first: LeafIndex,
        leaves: &[H::Node],
    ) -> Result<Changed, RangeError<Infallible>> {
        let (count, capacity) = (leaves.len() as u64, self.depth.capacity());
        if !fits(first, count, self.depth) {
            return Err(RangeError::OutOfRange { first, count, capacity });
        }
        if leaves.is_empty() {
            return Ok(Changed::default());
        }
        let from = first.get() as usize;
        let last = from + leaves.len() - 1;
        self.grow(last);
        self.levels[0][from..=last].copy_from_slice(leaves);
        self.rehash_run(from, last);
        Ok(Changed::run(first.get(), count))
    }

    fn update(
        &mut self,
        leaves: &[(LeafIndex, H::Node)],
    ) -> Result<Changed, UpdateError<Infallible>> {
        let leaves = sorted(leaves, self.depth)?;
        let Some((last, _)) = leaves.last() else { return Ok(Changed::default()) };
        self.grow(*last as usize);
        for (index, leaf) in &leaves {
            self.levels[0][*index as usize] = *leaf;
        }
        self.rehash_scattered(&leaves);
        Ok(changed_by(&leaves))
    }

    fn set(&mut self, index: LeafIndex, leaf: H::Node) -> Result<Changed, LeafError<Infallible>> {
        self.fill(index, &[leaf])
            .map_err(|_| LeafError::OutOfRange { index, capacity: self.depth.capacity() })
    }

    fn proof(&self, index: LeafIndex) -> Result<Path<H::Node>, LeafError<Infallible>> {
        self.check(index)?;
        let leaf = index.get() as usize;
        let siblings = (0..usize::from(self.depth.get()))
            .map(|height| self.get(height, (leaf >> height) ^ 1))
            .collect();
        Ok(Path::from_tree(index, siblings))
    }
}
