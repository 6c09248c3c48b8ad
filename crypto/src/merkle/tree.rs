//! The operations that every tree has.

use alloc::vec::Vec;
use core::error::Error;

use thiserror::Error;

use super::{Changed, Delta, Depth, LeafIndex, NodeId, Path, RangeProof, TreeHash};

/// Why a leaf could not be read, set, deleted or proved. `E` is the store's own error.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum LeafError<E> {
    /// The tree has no such leaf.
    #[error("leaf {index} is not among {capacity} leaves")]
    OutOfRange {
        /// The leaf asked for.
        index: LeafIndex,
        /// How many leaves the tree has.
        capacity: u64,
    },
    /// The store failed. Nothing was written.
    #[error("the tree's store failed")]
    Store(#[source] E),
}

/// Why adjacent leaves could not be set or proved.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum RangeError<E> {
    /// A proof of no leaves says nothing.
    #[error("a range without leaves has no proof")]
    Empty,
    /// The range ends behind the tree's last leaf.
    #[error("{count} leaves from {first} on do not fit among {capacity}")]
    OutOfRange {
        /// The first leaf.
        first: LeafIndex,
        /// How many.
        count: u64,
        /// How many leaves the tree has.
        capacity: u64,
    },
    /// The store failed. Nothing was written.
    #[error("the tree's store failed")]
    Store(#[source] E),
}

/// Why leaves could not be appended.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum AppendError<E> {
    /// There is no room for all of them, so none was appended.
    #[error("{wanted} leaves do not fit: {free} are free")]
    Full {
        /// How many were to be appended.
        wanted: u64,
        /// How many fit.
        free: u64,
    },
    /// The store failed. Nothing was written.
    #[error("the tree's store failed")]
    Store(#[source] E),
}

/// Why scattered leaves could not be set.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum UpdateError<E> {
    /// A leaf is given twice, so the result would depend on an order.
    #[error("leaf {index} is given twice")]
    Duplicate {
        /// The leaf.
        index: LeafIndex,
    },
    /// The tree has no such leaf.
    #[error("leaf {index} is not among {capacity} leaves")]
    OutOfRange {
        /// The leaf.
        index: LeafIndex,
        /// How many leaves the tree has.
        capacity: u64,
    },
    /// The store failed. Nothing was written.
    #[error("the tree's store failed")]
    Store(#[source] E),
}

/// The node type of a tree.
pub type NodeOf<T> = <<T as MerkleTree>::Hash as TreeHash>::Node;

/// A binary Merkle tree of fixed depth.
///
/// Leaves that were never set hold [`TreeHash::empty_leaf`]. Trees of the same hash and depth that
/// hold the same leaves have the same root, whatever their kind and history. An operation that
/// fails changes nothing.
///
/// | tree | memory | for |
/// |---|---|---|
/// | [`DenseTree`](super::DenseTree) | 2 nodes a leaf up to the last used | members of one group, fastest |
/// | [`SparseTree`](super::SparseTree) | the nodes over leaves that are not empty | few leaves far apart |
/// | [`PersistentTree`](super::PersistentTree) | what the store keeps in memory | trees that outlive the process |
/// | [`Frontier`](super::Frontier) | one node a level | following a root; not of this trait |
///
/// # Examples
///
/// ```
/// use logos_crypto::Fr;
/// use logos_crypto::merkle::{DenseTree, Depth, LeafIndex, MerkleTree, PoseidonHasher, SparseTree};
///
/// let hash = PoseidonHasher::default();
/// let depth = Depth::new(12)?;
/// let mut dense = DenseTree::new(hash, depth)?;
/// let mut sparse = SparseTree::in_memory(hash, depth);
///
/// let leaves = [1u64, 2, 3].map(Fr::from);
/// dense.append(&leaves)?;
/// sparse.append(&leaves)?;
/// dense.delete(LeafIndex::new(1))?;
/// sparse.delete(LeafIndex::new(1))?;
///
/// assert_eq!(dense.root(), sparse.root());
/// assert_eq!(dense.used(), 3);
/// assert_eq!(dense.leaf(LeafIndex::new(1))?, Fr::ZERO);
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
pub trait MerkleTree {
    /// The hash of its nodes.
    type Hash: TreeHash;
    /// How its store fails; [`Infallible`](core::convert::Infallible) in memory.
    type StoreError: Error;

    /// The hash of its nodes.
    fn hash(&self) -> &Self::Hash;

    /// Its depth.
    fn depth(&self) -> Depth;

    /// Its root. Costs nothing.
    fn root(&self) -> NodeOf<Self>;

    /// Leaves up to the last one ever set; deleting does not lower it. The next leaf to append
    /// has this index.
    fn used(&self) -> u64;

    /// A node: a leaf, an inner node, the root of a subtree. One that nothing was written below,
    /// or that lies outside of the tree, reads as the root of an empty subtree.
    ///
    /// # Errors
    ///
    /// The store's.
    fn node(&self, id: NodeId) -> Result<NodeOf<Self>, Self::StoreError>;

    /// Several nodes, in the order of `ids`, as [`MerkleTree::node`] gives them.
    ///
    /// # Errors
    ///
    /// The store's.
    fn nodes(&self, ids: &[NodeId]) -> Result<Vec<NodeOf<Self>>, Self::StoreError> {
        ids.iter().map(|id| self.node(*id)).collect()
    }

    /// Sets adjacent leaves from `first` on. Hashes each node above them once.
    ///
    /// # Errors
    ///
    /// - [`RangeError::OutOfRange`] if the last one would lie outside.
    /// - [`RangeError::Store`] if the store fails.
    fn fill(
        &mut self,
        first: LeafIndex,
        leaves: &[NodeOf<Self>],
    ) -> Result<Changed, RangeError<Self::StoreError>>;

    /// Sets leaves anywhere, in any order. Hashes each node above them once.
    ///
    /// # Errors
    ///
    /// - [`UpdateError::OutOfRange`] if the tree lacks one of them.
    /// - [`UpdateError::Duplicate`] if one is given twice.
    /// - [`UpdateError::Store`] if the store fails.
    fn update(
        &mut self,
        leaves: &[(LeafIndex, NodeOf<Self>)],
    ) -> Result<Changed, UpdateError<Self::StoreError>>;

    /// Sets one leaf. One hash for each level.
    ///
    /// # Errors
    ///
    /// - [`LeafError::OutOfRange`] if there is no such leaf.
    /// - [`LeafError::Store`] if the store fails.
    fn set(
        &mut self,
        index: LeafIndex,
        leaf: NodeOf<Self>,
    ) -> Result<Changed, LeafError<Self::StoreError>> {
        self.check(index)?;
        self.update(&[(index, leaf)]).map_err(|error| match error {
            UpdateError::Store(error) => LeafError::Store(error),
            _ => LeafError::OutOfRange { index, capacity: self.depth().capacity() },
        })
    }

    /// Empties one leaf. Its place is not used again by [`MerkleTree::append`].
    ///
    /// # Errors
    ///
    /// - [`LeafError::OutOfRange`] if there is no such leaf.
    /// - [`LeafError::Store`] if the store fails.
    fn delete(&mut self, index: LeafIndex) -> Result<Changed, LeafError<Self::StoreError>> {
        self.check(index)?;
        if index.get() >= self.used() {
            return Ok(Changed::default());
        }
        self.set(index, self.hash().empty_leaf())
    }

    /// Sets the leaves behind the last one used; the change tells their indices.
    ///
    /// # Errors
    ///
    /// - [`AppendError::Full`] if they do not all fit.
    /// - [`AppendError::Store`] if the store fails.
    fn append(
        &mut self,
        leaves: &[NodeOf<Self>],
    ) -> Result<Changed, AppendError<Self::StoreError>> {
        let used = self.used();
        self.fill(LeafIndex::new(used), leaves).map_err(|error| match error {
            RangeError::Store(error) => AppendError::Store(error),
            _ => AppendError::Full {
                wanted: leaves.len() as u64,
                free: self.depth().capacity().saturating_sub(used),
            },
        })
    }

    /// A leaf.
    ///
    /// # Errors
    ///
    /// - [`LeafError::OutOfRange`] if there is no such leaf.
    /// - [`LeafError::Store`] if the store fails.
    fn leaf(&self, index: LeafIndex) -> Result<NodeOf<Self>, LeafError<Self::StoreError>> {
        self.check(index)?;
        self.node(index.into()).map_err(LeafError::Store)
    }

    /// The index of the next leaf to append, or `None` if the last one is used.
    fn next_free(&self) -> Option<LeafIndex> {
        (self.used() < self.depth().capacity()).then(|| LeafIndex::new(self.used()))
    }

    /// The leaves below [`MerkleTree::used`] that are empty, from left to right. Reads them one
    /// by one as the iterator advances.
    fn empty_leaves(&self) -> impl Iterator<Item = Result<LeafIndex, Self::StoreError>> {
        (0..self.used()).map(LeafIndex::new).filter_map(|index| match self.node(index.into()) {
            Ok(leaf) => (leaf == self.hash().empty_leaf()).then_some(Ok(index)),
            Err(error) => Some(Err(error)),
        })
    }

    /// The path from a leaf to the root. No hash.
    ///
    /// # Errors
    ///
    /// - [`LeafError::OutOfRange`] if there is no such leaf.
    /// - [`LeafError::Store`] if the store fails.
    fn proof(&self, index: LeafIndex) -> Result<Path<NodeOf<Self>>, LeafError<Self::StoreError>> {
        self.check(index)?;
        let heights = 0..self.depth().get();
        let beside: Vec<NodeId> =
            heights.map(|height| NodeId::new(height, index.get() >> height).sibling()).collect();
        let siblings = self.nodes(&beside).map_err(LeafError::Store)?;
        Ok(Path::from_tree(index, siblings))
    }

    /// A proof of `count` adjacent leaves from `first` on. No hash.
    ///
    /// # Errors
    ///
    /// - [`RangeError::Empty`] if `count` is zero.
    /// - [`RangeError::OutOfRange`] if the last one would lie outside.
    /// - [`RangeError::Store`] if the store fails.
    fn range_proof(
        &self,
        first: LeafIndex,
        count: u64,
    ) -> Result<RangeProof<NodeOf<Self>>, RangeError<Self::StoreError>> {
        let depth = self.depth();
        if count == 0 {
            return Err(RangeError::Empty);
        }
        if !fits(first, count, depth) {
            return Err(RangeError::OutOfRange { first, count, capacity: depth.capacity() });
        }
        let beside: Vec<NodeId> = RangeProof::<NodeOf<Self>>::places(depth, first, count).collect();
        let siblings = self.nodes(&beside).map_err(RangeError::Store)?;
        Ok(RangeProof::from_tree(depth, first, siblings))
    }

    /// The nodes over changed leaves as they are now, for those who follow this tree. Leaves
    /// outside of the tree are left out.
    ///
    /// # Errors
    ///
    /// The store's.
    fn delta(&self, changed: &Changed) -> Result<Delta<NodeOf<Self>>, Self::StoreError> {
        let depth = self.depth();
        let ids = changed.nodes_above(depth).filter(|id| id.is_within(depth));
        let mut ids: Vec<NodeId> = ids.collect();
        if changed.is_empty() {
            ids.push(NodeId::root(depth));
        }
        let nodes = self.nodes(&ids)?;
        Ok(Delta::from_tree(depth, ids.into_iter().zip(nodes).collect(), self.root()))
    }

    /// Is there such a leaf?
    ///
    /// # Errors
    ///
    /// [`LeafError::OutOfRange`] if not.
    fn check(&self, index: LeafIndex) -> Result<(), LeafError<Self::StoreError>> {
        let capacity = self.depth().capacity();
        if index.get() < capacity { Ok(()) } else { Err(LeafError::OutOfRange { index, capacity }) }
    }
}

/// Do `count` leaves from `first` on fit?
pub(super) fn fits(first: LeafIndex, count: u64, depth: Depth) -> bool {
    first.get().checked_add(count).is_some_and(|end| end <= depth.capacity())
}

/// The leaves sorted by index.
///
/// # Errors
///
/// [`UpdateError::Duplicate`] and [`UpdateError::OutOfRange`].
pub(super) fn sorted<N: Copy, E>(
    leaves: &[(LeafIndex, N)],
    depth: Depth,
) -> Result<Vec<(u64, N)>, UpdateError<E>> {
    let capacity = depth.capacity();
    if let Some(&(index, _)) = leaves.iter().find(|(index, _)| index.get() >= capacity) {
        return Err(UpdateError::OutOfRange { index, capacity });
    }
    let mut sorted: Vec<_> = leaves.iter().map(|(index, leaf)| (index.get(), *leaf)).collect();
    sorted.sort_unstable_by_key(|(index, _)| *index);
    let mut neighbours = sorted.iter().zip(sorted.iter().skip(1));
    if let Some(((index, _), _)) = neighbours.find(|(one, next)| one.0 == next.0) {
        return Err(UpdateError::Duplicate { index: LeafIndex::new(*index) });
    }
    Ok(sorted)
}

/// Which leaves a sorted list changes.
pub(super) fn changed_by<N>(sorted: &[(u64, N)]) -> Changed {
    Changed::from_sorted(sorted.iter().map(|(index, _)| *index..*index + 1))
}
