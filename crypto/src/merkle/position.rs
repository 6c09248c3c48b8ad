//! Where in a tree: its depth, a leaf, a node.

use thiserror::Error;

/// The depth is not in `1..=32`, or above what a kind of tree takes.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("tree depth {depth} is not in 1..={max}")]
#[non_exhaustive]
pub struct DepthError {
    /// The depth asked for.
    pub depth: u32,
    /// The largest there is.
    pub max: u32,
}

/// How many levels of nodes stand above the leaves: 1 to 32.
///
/// # Examples
///
/// ```
/// use logos_crypto::merkle::Depth;
///
/// assert_eq!(Depth::new(20)?.capacity(), 1 << 20);
/// assert!(Depth::new(33).is_err());
/// # Ok::<(), logos_crypto::merkle::DepthError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Depth(u8);

impl Depth {
    /// The deepest tree.
    pub const MAX: Self = Self(32);
    /// The depth of the deployed RLN circuits: 20, room for 2^20 members.
    pub const RLN: Self = Self(20);

    /// A depth from 1 to 32.
    ///
    /// # Errors
    ///
    /// [`DepthError`] for any other number.
    pub fn new(depth: u32) -> Result<Self, DepthError> {
        match u8::try_from(depth) {
            Ok(small @ 1..=32) => Ok(Self(small)),
            _ => Err(DepthError { depth, max: u32::from(Self::MAX.0) }),
        }
    }

    /// As a number.
    #[must_use]
    pub const fn get(self) -> u8 {
        self.0
    }

    /// How many leaves there are.
    #[must_use]
    pub const fn capacity(self) -> u64 {
        1 << self.0
    }

    /// Every height of nodes, the leaves' height 0 first, the root's last.
    pub(super) fn heights(self) -> impl DoubleEndedIterator<Item = u8> {
        0..=self.0
    }
}

/// The place of a leaf, counted from 0 on the left.
///
/// Bit `i` says on which side the path from the leaf arrives at height `i + 1`: 0 from the left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LeafIndex(u64);

impl LeafIndex {
    /// Leaf `index`. Whether a tree has it is for the tree to say.
    #[must_use]
    pub const fn new(index: u64) -> Self {
        Self(index)
    }

    /// As a number.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl From<u32> for LeafIndex {
    fn from(index: u32) -> Self {
        Self(u64::from(index))
    }
}

impl core::fmt::Display for LeafIndex {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.0.fmt(f)
    }
}

/// The place of a node: its height over the leaves, and its index among the nodes of that height.
///
/// Ordered by height, then index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId {
    height: u8,
    index: u64,
}

impl NodeId {
    /// Node `index` of the nodes at `height`; height 0 are the leaves.
    #[must_use]
    pub const fn new(height: u8, index: u64) -> Self {
        Self { height, index }
    }

    /// The root of a tree.
    #[must_use]
    pub const fn root(depth: Depth) -> Self {
        Self::new(depth.0, 0)
    }

    /// Levels above the leaves.
    #[must_use]
    pub const fn height(self) -> u8 {
        self.height
    }

    /// Nodes to the left at the same height.
    #[must_use]
    pub const fn index(self) -> u64 {
        self.index
    }

    /// The node that has the same parent.
    #[must_use]
    pub const fn sibling(self) -> Self {
        Self::new(self.height, self.index ^ 1)
    }

    /// Is it in a tree of this depth?
    #[must_use]
    pub const fn is_within(self, depth: Depth) -> bool {
        self.height <= depth.0 && self.index < 1 << (depth.0 - self.height)
    }
}

impl From<LeafIndex> for NodeId {
    fn from(index: LeafIndex) -> Self {
        Self::new(0, index.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_depth_is_between_1_and_32() {
        assert_eq!(Depth::new(0), Err(DepthError { depth: 0, max: 32 }));
        assert_eq!(Depth::new(256 + 20), Err(DepthError { depth: 276, max: 32 }));
        assert_eq!(Depth::new(32).unwrap().capacity(), 1 << 32);
    }

    #[test]
    fn a_node_beside_or_above_the_tree_is_not_within() {
        let depth = Depth::new(3).unwrap();
        assert!(NodeId::new(0, 7).is_within(depth));
        assert!(!NodeId::new(0, 8).is_within(depth));
        assert!(NodeId::root(depth).is_within(depth));
        assert!(!NodeId::new(3, 1).is_within(depth));
        assert!(!NodeId::new(4, 0).is_within(depth));
    }
}
