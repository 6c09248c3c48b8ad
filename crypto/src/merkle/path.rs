//! Proof that a leaf is in a tree.

use alloc::vec::Vec;

use thiserror::Error;

use super::{Delta, Depth, LeafIndex, NodeId, TreeHash};

/// The parts of a path do not fit together.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum PathError {
    /// There are no siblings, or more than a tree has levels.
    #[error("a path of {siblings} siblings belongs to no tree")]
    Depth {
        /// How many siblings were given.
        siblings: usize,
    },
    /// The index is not in a tree of that depth.
    #[error("leaf {index} is not among {capacity} leaves")]
    OutOfRange {
        /// The leaf.
        index: LeafIndex,
        /// How many leaves a tree of that depth has.
        capacity: u64,
    },
}

/// The changes belong to a tree of another depth than the path.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("changes of a tree of depth {delta} do not apply to a path of depth {path}")]
#[non_exhaustive]
pub struct OtherDepth {
    /// Depth of the path.
    pub path: u8,
    /// Depth of the tree that changed.
    pub delta: u8,
}

/// What [`Path::apply`] changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PathChange<N> {
    /// The lowest height at which a sibling is another one now. Nodes of the path up to that
    /// height are still good; those above it have to be hashed again.
    pub lowest: Option<u8>,
    /// The path's own leaf, if the changes set it.
    pub leaf: Option<N>,
}

/// The siblings on the way from a leaf to the root: a Merkle proof.
///
/// The leaf itself is no part of it. Siblings are ordered from the leaf's to the one below the
/// root; on which side of it the path passes is a bit of the leaf's index.
///
/// # Examples
///
/// ```
/// use logos_crypto::Fr;
/// use logos_crypto::merkle::{DenseTree, Depth, LeafIndex, MerkleTree, PoseidonHasher};
///
/// let hash = PoseidonHasher::default();
/// let mut tree = DenseTree::new(hash, Depth::new(10)?)?;
/// let member = Fr::from(42u64);
/// tree.append(&[Fr::ONE, member])?;
///
/// let path = tree.proof(LeafIndex::new(1))?;
/// assert!(path.verify(&hash, &member, &tree.root()));
/// assert!(!path.verify(&hash, &Fr::ONE, &tree.root()));
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path<N> {
    // Invariant: 1 to 32 siblings, and the index is below 2^siblings.
    index: LeafIndex,
    siblings: Vec<N>,
}

impl<N: Copy + Eq> Path<N> {
    /// A path from its parts, the leaf's sibling first.
    ///
    /// # Errors
    ///
    /// - [`PathError::Depth`] unless there are 1 to 32 siblings.
    /// - [`PathError::OutOfRange`] if a tree of that depth has no leaf `index`.
    pub fn new(index: LeafIndex, siblings: Vec<N>) -> Result<Self, PathError> {
        let depth = u32::try_from(siblings.len())
            .ok()
            .and_then(|depth| Depth::new(depth).ok())
            .ok_or(PathError::Depth { siblings: siblings.len() })?;
        if index.get() >= depth.capacity() {
            return Err(PathError::OutOfRange { index, capacity: depth.capacity() });
        }
        Ok(Self { index, siblings })
    }

    /// A path read from a tree, which has the index and a sibling at every height.
    pub(super) const fn from_tree(index: LeafIndex, siblings: Vec<N>) -> Self {
        Self { index, siblings }
    }

    /// Sets the sibling at `height`.
    pub(super) fn replace(&mut self, height: u8, sibling: N) {
        if let Some(place) = self.siblings.get_mut(usize::from(height)) {
            *place = sibling;
        }
    }

    /// The leaf that the path starts at.
    #[must_use]
    pub const fn index(&self) -> LeafIndex {
        self.index
    }

    /// The siblings, the leaf's first. As many as the tree is deep.
    #[must_use]
    pub fn siblings(&self) -> &[N] {
        &self.siblings
    }

    /// For each sibling, is it on the left? What circuits call the path's index bits.
    pub fn sides(&self) -> impl ExactSizeIterator<Item = bool> + '_ {
        let index = self.index.get();
        self.siblings.iter().enumerate().map(move |(height, _)| index >> height & 1 == 1)
    }

    /// The root that a tree with `leaf` at the end of this path has. One hash for each level.
    pub fn root<H: TreeHash<Node = N>>(&self, hash: &H, leaf: &N) -> N {
        let steps = (1..).zip(self.siblings.iter().zip(self.sides()));
        steps.fold(*leaf, |node, (height, (sibling, on_the_left))| match on_the_left {
            true => hash.compress(height, sibling, &node),
            false => hash.compress(height, &node, sibling),
        })
    }

    /// Is `leaf` at this path's end of the tree with that root?
    ///
    /// # Security
    ///
    /// Whoever made the path chose its depth: compare [`Path::siblings`] with the depth that is
    /// expected, or an inner node may pass for a leaf.
    #[must_use]
    pub fn verify<H: TreeHash<Node = N>>(&self, hash: &H, leaf: &N, root: &N) -> bool {
        self.root(hash, leaf) == *root
    }

    /// Brings the path up to date with changes of its tree, at no hash and one search a level.
    ///
    /// # Errors
    ///
    /// [`OtherDepth`] if the tree that changed has another depth; the path is as it was.
    ///
    /// # Examples
    ///
    /// ```
    /// use logos_crypto::Fr;
    /// use logos_crypto::merkle::{DenseTree, Depth, LeafIndex, MerkleTree, PoseidonHasher};
    ///
    /// let mut tree = DenseTree::new(PoseidonHasher::default(), Depth::new(10)?)?;
    /// tree.append(&[Fr::ONE])?;
    /// let mut path = tree.proof(LeafIndex::new(0))?;
    ///
    /// let changed = tree.set(LeafIndex::new(5), Fr::ONE)?;
    /// let change = path.apply(&tree.delta(&changed)?)?;
    /// assert_eq!(change.lowest, Some(2), "leaves 4 to 7 stand beside leaves 0 to 3");
    /// assert_eq!(path, tree.proof(LeafIndex::new(0))?);
    /// # Ok::<(), Box<dyn core::error::Error>>(())
    /// ```
    pub fn apply(&mut self, delta: &Delta<N>) -> Result<PathChange<N>, OtherDepth> {
        let depth = delta.depth().get();
        if usize::from(depth) != self.siblings.len() {
            // Invariant: a path has at most 32 siblings.
            let path = u8::try_from(self.siblings.len()).unwrap_or(u8::MAX);
            return Err(OtherDepth { path, delta: depth });
        }
        let mut lowest = None;
        for (height, sibling) in (0..).zip(&mut self.siblings) {
            let id = NodeId::new(height, self.index.get() >> height).sibling();
            match delta.node(id) {
                Some(node) if node != sibling => {
                    *sibling = *node;
                    lowest = lowest.or(Some(height));
                }
                _ => {}
            }
        }
        Ok(PathChange { lowest, leaf: delta.node(self.index.into()).copied() })
    }
}
