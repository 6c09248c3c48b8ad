//! What an update changed.

use alloc::vec::Vec;
use core::ops::Range;

use thiserror::Error;

use super::{Depth, LeafIndex, NodeId};

/// Which leaves an update touched.
///
/// Ask the tree for [`MerkleTree::delta`](super::MerkleTree::delta) to see the nodes over them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changed {
    // Invariant: sorted, no range empty, no two ranges touch.
    ranges: Vec<Range<u64>>,
}

impl Changed {
    /// The leaves from `first` on.
    pub(super) fn run(first: u64, count: u64) -> Self {
        Self::from_sorted(core::iter::once(first..first + count))
    }

    /// From ranges sorted by their start.
    pub(super) fn from_sorted(ranges: impl IntoIterator<Item = Range<u64>>) -> Self {
        let mut joined: Vec<Range<u64>> = Vec::new();
        for range in ranges {
            match joined.last_mut() {
                Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
                _ if range.is_empty() => {}
                _ => joined.push(range),
            }
        }
        Self { ranges: joined }
    }

    /// The leaves of both.
    #[must_use]
    pub fn merge(&self, other: &Self) -> Self {
        let mut ranges = [self.ranges.as_slice(), &other.ranges].concat();
        ranges.sort_unstable_by_key(|range| range.start);
        Self::from_sorted(ranges)
    }

    /// The leaves from left to right.
    pub fn leaves(&self) -> impl Iterator<Item = LeafIndex> + '_ {
        self.ranges.iter().cloned().flatten().map(LeafIndex::new)
    }

    /// Was nothing touched?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// The nodes over the leaves in a tree of `depth`, in the order of a [`Delta`].
    pub(super) fn nodes_above(&self, depth: Depth) -> impl Iterator<Item = NodeId> {
        let above = |below: &Self| {
            let halved = below.ranges.iter().map(|range| range.start >> 1..range.end.div_ceil(2));
            Some(Self::from_sorted(halved))
        };
        let levels = core::iter::successors(Some(self.clone()), above);
        depth.heights().zip(levels).flat_map(|(height, level)| {
            level.ranges.into_iter().flatten().map(move |index| NodeId::new(height, index))
        })
    }
}

/// Nodes do not make up the changes of a tree.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum DeltaError {
    /// A node is not in a tree of that depth.
    #[error("node {} of height {} is outside of the tree", id.index(), id.height())]
    Outside {
        /// Its place.
        id: NodeId,
    },
    /// Nodes must be sorted by height and index, each place once.
    #[error("node {} of height {} is out of order", id.index(), id.height())]
    Unsorted {
        /// The first place that is not above the one before it.
        id: NodeId,
    },
    /// The root, which changes with every leaf, is missing.
    #[error("the changes do not tell the root")]
    NoRoot,
}

/// The nodes over leaves that changed, with the root: what others need to follow a tree.
///
/// A member keeps its [`Path`](super::Path) up to date with these and never holds the tree. One
/// changed leaf makes `depth + 1` nodes.
///
/// # Examples
///
/// A delta travels as its nodes:
///
/// ```
/// use logos_crypto::Fr;
/// use logos_crypto::merkle::{Delta, DenseTree, Depth, LeafIndex, MerkleTree, PoseidonHasher};
///
/// let mut tree = DenseTree::new(PoseidonHasher::default(), Depth::new(8)?)?;
/// let changed = tree.set(LeafIndex::new(3), Fr::ONE)?;
/// let delta = tree.delta(&changed)?;
/// assert_eq!(delta.nodes().len(), 9);
/// assert_eq!(*delta.root(), tree.root());
///
/// let received = Delta::new(delta.depth(), delta.nodes().to_vec())?;
/// assert_eq!(received, delta);
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delta<N> {
    depth: Depth,
    // Invariant: sorted, all within the depth, the root last.
    nodes: Vec<(NodeId, N)>,
    root: N,
}

impl<N: Copy> Delta<N> {
    /// Changes from their nodes, sorted by height and index, the root last.
    ///
    /// That the nodes are hashes of one another is not checked: this is a statement of whoever
    /// made it, and a path that followed a false one does not verify.
    ///
    /// # Errors
    ///
    /// - [`DeltaError::Outside`] if a node is not in a tree of `depth`.
    /// - [`DeltaError::Unsorted`] if nodes are not in order or a place appears twice.
    /// - [`DeltaError::NoRoot`] if the last node is not the root.
    pub fn new(depth: Depth, nodes: Vec<(NodeId, N)>) -> Result<Self, DeltaError> {
        if let Some((id, _)) = nodes.iter().find(|(id, _)| !id.is_within(depth)) {
            return Err(DeltaError::Outside { id: *id });
        }
        let mut neighbours = nodes.iter().zip(nodes.iter().skip(1));
        if let Some((_, (id, _))) = neighbours.find(|(one, next)| one.0 >= next.0) {
            return Err(DeltaError::Unsorted { id: *id });
        }
        match nodes.last() {
            Some((id, root)) if *id == NodeId::root(depth) => {
                let root = *root;
                Ok(Self { depth, nodes, root })
            }
            _ => Err(DeltaError::NoRoot),
        }
    }

    /// Changes read from a tree in order.
    pub(super) const fn from_tree(depth: Depth, nodes: Vec<(NodeId, N)>, root: N) -> Self {
        Self { depth, nodes, root }
    }

    /// Depth of the tree that changed.
    #[must_use]
    pub const fn depth(&self) -> Depth {
        self.depth
    }

    /// The root after the changes.
    #[must_use]
    pub const fn root(&self) -> &N {
        &self.root
    }

    /// The changed nodes, sorted by height and index; the root last.
    #[must_use]
    pub fn nodes(&self) -> &[(NodeId, N)] {
        &self.nodes
    }

    /// A changed node.
    #[must_use]
    pub fn node(&self, id: NodeId) -> Option<&N> {
        let place = self.nodes.binary_search_by_key(&id, |(id, _)| *id).ok()?;
        self.nodes.get(place).map(|(_, node)| node)
    }
}

#[cfg(test)]
mod tests {
    use std::vec;

    use super::*;

    #[test]
    fn touching_ranges_become_one() {
        let changed = Changed::from_sorted([1..3, 3..4, 6..7, 6..6, 7..9]);
        assert_eq!(changed.ranges, [1..4, 6..9]);
        assert_eq!(Changed::run(4, 2).merge(&changed), Changed::run(1, 8));
        assert!(Changed::run(4, 0).is_empty());
    }

    #[test]
    fn every_node_over_a_change_is_named_once() {
        let ids: Vec<NodeId> =
            Changed::from_sorted([1..2, 6..8]).nodes_above(Depth::new(3).unwrap()).collect();
        let expected = [(0, 1), (0, 6), (0, 7), (1, 0), (1, 3), (2, 0), (2, 1), (3, 0)];
        assert_eq!(ids, expected.map(|(height, index)| NodeId::new(height, index)));
    }

    #[test]
    fn a_delta_without_order_or_root_is_refused() {
        let depth = Depth::new(1).unwrap();
        let [leaf, root] = [NodeId::new(0, 1), NodeId::root(depth)];
        assert!(Delta::new(depth, vec![(leaf, 7), (root, 8)]).is_ok());
        assert_eq!(Delta::<u8>::new(depth, vec![]), Err(DeltaError::NoRoot));
        assert_eq!(Delta::new(depth, vec![(leaf, 7)]), Err(DeltaError::NoRoot));
        let twice = vec![(leaf, 7), (leaf, 7), (root, 8)];
        assert_eq!(Delta::new(depth, twice), Err(DeltaError::Unsorted { id: leaf }));
        let outside = NodeId::new(0, 2);
        assert_eq!(
            Delta::new(depth, vec![(outside, 7), (root, 8)]),
            Err(DeltaError::Outside { id: outside })
        );
    }
}
