//! A tree that only grows to the right and keeps only its edge.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use thiserror::Error;

use super::hash::empty_subtrees;
use super::tree::fits;
use super::{AppendError, Depth, LeafIndex, NodeId, Path, TreeHash};
use core::convert::Infallible;

/// The parts of a frontier do not fit together.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum FrontierError {
    /// More leaves than a tree of that depth has.
    #[error("{used} leaves do not fit in a tree of {capacity}")]
    Overfull {
        /// How many were given.
        used: u64,
        /// How many there is room for.
        capacity: u64,
    },
    /// There is one node for each set bit of the number of leaves.
    #[error("{found} nodes are given where {wanted} belong")]
    Nodes {
        /// How many were given.
        found: usize,
        /// How many the number of leaves asks for.
        wanted: usize,
    },
}

/// What a frontier is kept as: see [`Frontier::parts`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FrontierParts<N> {
    /// Leaves appended so far.
    pub used: u64,
    /// The roots of the full subtrees that these leaves make up, the smallest first: one for each
    /// set bit of `used`.
    pub nodes: Vec<N>,
}

/// The right edge of an append-only tree.
///
/// Holds one node for each level, whatever the number of leaves, and knows the root. Leaves that
/// were chosen when they were appended are followed: their paths stay up to date at no hash.
///
/// # Examples
///
/// A member follows the group from the moment it joins:
///
/// ```
/// use logos_crypto::Fr;
/// use logos_crypto::merkle::{Depth, Frontier, PoseidonHasher};
///
/// let hash = PoseidonHasher::default();
/// let mut group = Frontier::new(hash, Depth::RLN);
/// group.append(&[1u64, 2, 3].map(Fr::from))?;
///
/// let me = Fr::from(42u64);
/// let index = group.append_followed(me)?;
/// group.append(&[5u64, 6].map(Fr::from))?;
///
/// let path = group.path(index).ok_or("followed")?;
/// assert!(path.verify(&hash, &me, &group.root()));
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Frontier<H: TreeHash> {
    hash: H,
    depth: Depth,
    /// Roots of empty subtrees by height.
    empty: Vec<H::Node>,
    used: u64,
    root: H::Node,
    /// By height, the last full subtree that is a left child and whose sibling is not full.
    // Invariant: where the bit of `used` at a height is set, the node there is current.
    left: Vec<H::Node>,
    followed: BTreeMap<LeafIndex, Path<H::Node>>,
}

impl<H: TreeHash> Frontier<H> {
    /// A tree without leaves.
    #[must_use]
    pub fn new(hash: H, depth: Depth) -> Self {
        let empty = empty_subtrees(&hash, depth);
        let root = *empty.last().unwrap_or(&hash.empty_leaf());
        let (left, followed) = (empty.clone(), BTreeMap::new());
        Self { hash, depth, empty, used: 0, root, left, followed }
    }

    /// Continues from what [`Frontier::parts`] gave. One hash for each level.
    ///
    /// # Errors
    ///
    /// - [`FrontierError::Overfull`] if there are more leaves than the tree has.
    /// - [`FrontierError::Nodes`] unless there is one node for each set bit of their number.
    pub fn from_parts(
        hash: H,
        depth: Depth,
        parts: &FrontierParts<H::Node>,
    ) -> Result<Self, FrontierError> {
        let (used, capacity) = (parts.used, depth.capacity());
        if used > capacity {
            return Err(FrontierError::Overfull { used, capacity });
        }
        let (found, wanted) = (parts.nodes.len(), used.count_ones() as usize);
        if found != wanted {
            return Err(FrontierError::Nodes { found, wanted });
        }
        let mut frontier = Self::new(hash, depth);
        let places = frontier.left.iter_mut().enumerate();
        let set = places.filter(|(height, _)| used >> height & 1 == 1);
        for ((_, place), node) in set.zip(&parts.nodes) {
            *place = *node;
        }
        frontier.used = used;
        frontier.root = frontier.hash_edge();
        Ok(frontier)
    }

    /// All that is needed to continue later. Followed paths are not part of it.
    #[must_use]
    pub fn parts(&self) -> FrontierParts<H::Node> {
        let set = self.left.iter().enumerate().filter(|(height, _)| self.used >> height & 1 == 1);
        FrontierParts { used: self.used, nodes: set.map(|(_, node)| *node).collect() }
    }

    /// The root.
    #[must_use]
    pub const fn root(&self) -> H::Node {
        self.root
    }

    /// The depth.
    #[must_use]
    pub const fn depth(&self) -> Depth {
        self.depth
    }

    /// Leaves appended so far.
    #[must_use]
    pub const fn used(&self) -> u64 {
        self.used
    }

    /// Appends leaves and returns the index of the first. Hashes each node above them once; takes
    /// memory for them and a copy while it works.
    ///
    /// # Errors
    ///
    /// [`AppendError::Full`] if they do not all fit; then none was appended.
    pub fn append(&mut self, leaves: &[H::Node]) -> Result<LeafIndex, AppendError<Infallible>> {
        let (wanted, free) = (leaves.len() as u64, self.depth.capacity() - self.used);
        let first = LeafIndex::new(self.used);
        if !fits(first, wanted, self.depth) {
            return Err(AppendError::Full { wanted, free });
        }
        if !leaves.is_empty() {
            self.climb(leaves.to_vec());
        }
        Ok(first)
    }

    /// Appends one leaf and keeps its path up to date from now on.
    ///
    /// # Errors
    ///
    /// [`AppendError::Full`] if there is no room.
    pub fn append_followed(&mut self, leaf: H::Node) -> Result<LeafIndex, AppendError<Infallible>> {
        let siblings = (0..u32::from(self.depth.get())).zip(self.left.iter().zip(&self.empty));
        let used = self.used;
        let siblings = siblings
            .map(|(height, (left, empty))| if used >> height & 1 == 1 { *left } else { *empty })
            .collect();
        let index = self.append(&[leaf])?;
        self.followed.insert(index, Path::from_tree(index, siblings));
        Ok(index)
    }

    /// The path of a followed leaf.
    #[must_use]
    pub fn path(&self, index: LeafIndex) -> Option<&Path<H::Node>> {
        self.followed.get(&index)
    }

    /// Stops following a leaf and returns its path as it is now.
    pub fn unfollow(&mut self, index: LeafIndex) -> Option<Path<H::Node>> {
        self.followed.remove(&index)
    }

    /// The leaves that are followed, from left to right.
    pub fn followed(&self) -> impl Iterator<Item = LeafIndex> + '_ {
        self.followed.keys().copied()
    }

    /// Takes the new leaves up to the root.
    fn climb(&mut self, mut level: Vec<H::Node>) {
        let mut first = self.used;
        self.used += level.len() as u64;
        for height in self.depth.heights() {
            self.show(height, first, &level);
            if first & 1 == 1 {
                level.insert(0, self.left_at(height));
                first -= 1;
            }
            self.remember(height, first, &level);
            if height == self.depth.get() {
                break;
            }
            if level.len() % 2 == 1 {
                level.push(self.empty_at(height));
            }
            let (pairs, _) = level.as_chunks();
            let mut parents = alloc::vec![self.root; pairs.len()];
            self.hash.compress_many(height + 1, pairs, &mut parents);
            (level, first) = (parents, first >> 1);
        }
        self.root = level.first().copied().unwrap_or(self.root);
    }

    /// Hands new nodes to the followed paths that they stand beside.
    fn show(&mut self, height: u8, first: u64, level: &[H::Node]) {
        for path in self.followed.values_mut() {
            let sibling = NodeId::new(height, path.index().get() >> height).sibling();
            let place = sibling.index().checked_sub(first).and_then(|i| usize::try_from(i).ok());
            if let Some(node) = place.and_then(|place| level.get(place)) {
                path.replace(height, *node);
            }
        }
    }

    /// Keeps the full subtree left of the edge, if it is among these nodes.
    fn remember(&mut self, height: u8, first: u64, level: &[H::Node]) {
        let edge = self.used >> height;
        let place = (edge & 1 == 1).then(|| (edge - 1).checked_sub(first)).flatten();
        let node = place.and_then(|i| usize::try_from(i).ok()).and_then(|i| level.get(i));
        if let (Some(node), Some(left)) = (node, self.left.get_mut(usize::from(height))) {
            *left = *node;
        }
    }

    /// The root from the left subtrees alone.
    fn hash_edge(&self) -> H::Node {
        let full = self.depth.get();
        if self.used == self.depth.capacity() {
            return self.left_at(full);
        }
        (0..full).fold(self.empty_at(0), |node, height| match self.used >> height & 1 {
            1 => self.hash.compress(height + 1, &self.left_at(height), &node),
            _ => self.hash.compress(height + 1, &node, &self.empty_at(height)),
        })
    }

    fn left_at(&self, height: u8) -> H::Node {
        self.left.get(usize::from(height)).copied().unwrap_or(self.root)
    }

    fn empty_at(&self, height: u8) -> H::Node {
        self.empty.get(usize::from(height)).copied().unwrap_or(self.root)
    }
}
