//! A tree over a store of nodes.

use alloc::vec::Vec;
use core::error::Error;

use thiserror::Error;

use super::hash::empty_subtrees;
use super::tree::{changed_by, fits, sorted};
use super::{
    Changed, Depth, LeafIndex, MerkleTree, NodeId, NodeOf, RangeError, TreeHash, UpdateError,
};

/// What a store keeps beside the nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Depth of the tree whose nodes these are.
    pub depth: Depth,
    /// Leaves up to the last one ever set.
    pub used: u64,
}

/// All that one operation writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch<N> {
    /// The header after the operation.
    pub header: Header,
    /// Nodes to write, or to remove where there is none: an empty subtree has no nodes. Sorted by
    /// height and index, each place once.
    pub nodes: Vec<(NodeId, Option<N>)>,
}

/// Where a [`PersistentTree`] keeps its nodes.
///
/// # Contract
///
/// After [`NodeStore::commit`] returned `Ok`, the whole batch is what is read, also after the
/// process ended at any later moment. After `Err`, or an end of the process before it returned,
/// either the whole batch or nothing of it is; after `Err` nothing is.
pub trait NodeStore {
    /// What a node is.
    type Node: Copy;
    /// How the store fails.
    type Error: Error;

    /// The header of the last commit, or `None` if there was none.
    ///
    /// # Errors
    ///
    /// The store's.
    fn header(&self) -> Result<Option<Header>, Self::Error>;

    /// A node, or `None` if none was written there.
    ///
    /// # Errors
    ///
    /// The store's.
    fn get(&self, id: NodeId) -> Result<Option<Self::Node>, Self::Error>;

    /// Several nodes, in the order of `ids`; stores that open a transaction for each read do
    /// better than to ask for one after another.
    ///
    /// # Errors
    ///
    /// The store's.
    fn get_many(&self, ids: &[NodeId]) -> Result<Vec<Option<Self::Node>>, Self::Error> {
        ids.iter().map(|id| self.get(*id)).collect()
    }

    /// Writes a batch, all or nothing.
    ///
    /// # Errors
    ///
    /// The store's, with nothing written.
    fn commit(&mut self, batch: &Batch<Self::Node>) -> Result<(), Self::Error>;
}

/// The store holds another tree, or failed.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum OpenError<E> {
    /// The store holds a tree of another depth.
    #[error("the store holds a tree of depth {}, not {}", stored.get(), wanted.get())]
    OtherDepth {
        /// What is there.
        stored: Depth,
        /// What was asked for.
        wanted: Depth,
    },
    /// The store holds nodes under a header that no tree has.
    #[error("the store's header says that {used} leaves are used")]
    Header {
        /// More than a tree of that depth has.
        used: u64,
    },
    /// The store failed.
    #[error("the tree's store failed")]
    Store(#[source] E),
}

/// A tree whose nodes live in a [`NodeStore`].
///
/// An operation reads the siblings it needs, hashes, and hands everything it writes to the store
/// in one [`Batch`]; the tree changes once the store has taken it.
///
/// # Examples
///
/// ```
/// use logos_crypto::Fr;
/// use logos_crypto::merkle::{Depth, MemoryStore, MerkleTree, PersistentTree, PoseidonHasher};
///
/// let hash = PoseidonHasher::default();
/// let depth = Depth::new(10)?;
/// let mut tree = PersistentTree::open(hash, depth, MemoryStore::default())?;
/// tree.append(&[Fr::ONE])?;
/// let root = tree.root();
///
/// let reopened = PersistentTree::open(hash, depth, tree.into_store())?;
/// assert_eq!(reopened.root(), root);
/// assert_eq!(reopened.used(), 1);
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct PersistentTree<H: TreeHash, S> {
    hash: H,
    header: Header,
    /// Roots of empty subtrees by height.
    empty: Vec<H::Node>,
    // Invariant: the root of what is in the store.
    root: H::Node,
    store: S,
}

impl<H: TreeHash, S: NodeStore<Node = H::Node>> PersistentTree<H, S> {
    /// The tree in `store`, an empty one if nothing was ever committed to it.
    ///
    /// # Errors
    ///
    /// - [`OpenError::OtherDepth`] if the store holds a tree of another depth.
    /// - [`OpenError::Header`] if it holds no tree at all.
    /// - [`OpenError::Store`] if the store fails.
    pub fn open(hash: H, depth: Depth, store: S) -> Result<Self, OpenError<S::Error>> {
        let stored = store.header().map_err(OpenError::Store)?;
        let header = stored.unwrap_or(Header { depth, used: 0 });
        if header.depth != depth {
            return Err(OpenError::OtherDepth { stored: header.depth, wanted: depth });
        }
        if header.used > depth.capacity() {
            return Err(OpenError::Header { used: header.used });
        }
        let root = store.get(NodeId::root(depth)).map_err(OpenError::Store)?;
        let tree = Self::empty(hash, depth, store);
        Ok(Self { header, root: root.unwrap_or(tree.root), ..tree })
    }

    /// The tree over a store that holds no nodes.
    pub(super) fn empty(hash: H, depth: Depth, store: S) -> Self {
        let empty = empty_subtrees(&hash, depth);
        let root = empty_at(&empty, depth.get());
        Self { hash, header: Header { depth, used: 0 }, empty, root, store }
    }

    /// The store, for what it keeps beside the tree.
    #[must_use]
    pub const fn store(&self) -> &S {
        &self.store
    }

    /// Gives the store back.
    #[must_use]
    pub fn into_store(self) -> S {
        self.store
    }

    /// Writes leaves, sorted by index and all within the tree, and the nodes above them.
    fn write(&mut self, leaves: Vec<(u64, H::Node)>) -> Result<(), S::Error> {
        let Some((last, _)) = leaves.last() else { return Ok(()) };
        let header = Header { used: self.header.used.max(last + 1), ..self.header };
        let mut level = leaves;
        let mut nodes = Vec::new();
        for height in header.depth.heights() {
            if height > 0 {
                level = self.parents(height, &level)?;
            }
            let empty = empty_at(&self.empty, height);
            nodes.extend(level.iter().map(|(index, node)| {
                (NodeId::new(height, *index), (*node != empty).then_some(*node))
            }));
        }
        self.store.commit(&Batch { header, nodes })?;
        self.header = header;
        // The last level holds the root alone.
        self.root = level.first().map_or(self.root, |(_, root)| *root);
        Ok(())
    }

    /// The nodes at `height` over `level`, which is sorted by index.
    fn parents(
        &self,
        height: u8,
        level: &[(u64, H::Node)],
    ) -> Result<Vec<(u64, H::Node)>, S::Error> {
        let families = level.chunk_by(|(one, _), (next, _)| one >> 1 == next >> 1);
        let only_children = families.clone().filter_map(|family| match family {
            [(index, _)] => Some(NodeId::new(height - 1, *index).sibling()),
            _ => None,
        });
        let stored = self.store.get_many(&only_children.collect::<Vec<_>>())?;
        let empty = empty_at(&self.empty, height - 1);
        let mut siblings = stored.into_iter().map(|node| node.unwrap_or(empty));
        let mut indices = Vec::new();
        let mut pairs = Vec::new();
        for family in families {
            let (index, pair) = match *family {
                [(index, left), (_, right)] => (index, [left, right]),
                [(index, node)] => {
                    let sibling = siblings.next().unwrap_or(empty);
                    (index, if index & 1 == 0 { [node, sibling] } else { [sibling, node] })
                }
                _ => continue,
            };
            indices.push(index >> 1);
            pairs.push(pair);
        }
        let mut nodes = alloc::vec![empty; pairs.len()];
        self.hash.compress_many(height, &pairs, &mut nodes);
        Ok(indices.into_iter().zip(nodes).collect())
    }
}

impl<H: TreeHash, S: NodeStore<Node = H::Node>> MerkleTree for PersistentTree<H, S> {
    type Hash = H;
    type StoreError = S::Error;

    fn hash(&self) -> &H {
        &self.hash
    }

    fn depth(&self) -> Depth {
        self.header.depth
    }

    fn root(&self) -> H::Node {
        self.root
    }

    fn used(&self) -> u64 {
        self.header.used
    }

    fn node(&self, id: NodeId) -> Result<H::Node, S::Error> {
        let stored = if id.is_within(self.depth()) { self.store.get(id)? } else { None };
        Ok(stored.unwrap_or_else(|| empty_at(&self.empty, id.height())))
    }

    fn nodes(&self, ids: &[NodeId]) -> Result<Vec<NodeOf<Self>>, S::Error> {
        let stored = self.store.get_many(ids)?.into_iter();
        Ok(stored
            .zip(ids)
            .map(|(node, id)| node.unwrap_or_else(|| empty_at(&self.empty, id.height())))
            .collect())
    }

    fn fill(
        &mut self,
        first: LeafIndex,
        leaves: &[H::Node],
    ) -> Result<Changed, RangeError<S::Error>> {
        let (count, depth) = (leaves.len() as u64, self.depth());
        if !fits(first, count, depth) {
            return Err(RangeError::OutOfRange { first, count, capacity: depth.capacity() });
        }
        let placed = (first.get()..).zip(leaves.iter().copied()).collect();
        self.write(placed).map_err(RangeError::Store)?;
        Ok(Changed::run(first.get(), count))
    }

    fn update(
        &mut self,
        leaves: &[(LeafIndex, H::Node)],
    ) -> Result<Changed, UpdateError<S::Error>> {
        let leaves = sorted(leaves, self.depth())?;
        let changed = changed_by(&leaves);
        self.write(leaves).map_err(UpdateError::Store)?;
        Ok(changed)
    }
}

/// The root of an empty subtree of that height; heights above the tree count as its root's.
fn empty_at<N: Copy>(empty: &[N], height: u8) -> N {
    let top = empty.len().saturating_sub(1);
    #[expect(clippy::indexing_slicing, reason = "a tree has at least two heights")]
    empty[usize::from(height).min(top)]
}
