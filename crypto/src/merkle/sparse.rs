//! A tree as a map of its nodes.

use alloc::collections::BTreeMap;
use core::convert::Infallible;

use super::{Batch, Depth, Header, NodeId, NodeStore, PersistentTree, TreeHash};

/// A tree in memory that holds no node of an empty subtree.
///
/// Deleting a leaf frees its nodes. Takes about 60 bytes and one search for each node, and any
/// depth up to 32.
///
/// # Examples
///
/// ```
/// use logos_crypto::Fr;
/// use logos_crypto::merkle::{Depth, LeafIndex, MerkleTree, PoseidonHasher, SparseTree};
///
/// let hash = PoseidonHasher::default();
/// let mut tree = SparseTree::in_memory(hash, Depth::MAX);
/// let far = LeafIndex::new(u64::from(u32::MAX));
/// tree.set(far, Fr::ONE)?;
/// assert!(tree.proof(far)?.verify(&hash, &Fr::ONE, &tree.root()));
///
/// assert_eq!(tree.store().len(), 33);
/// tree.delete(far)?;
/// assert!(tree.store().is_empty());
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
pub type SparseTree<H> = PersistentTree<H, MemoryStore<<H as TreeHash>::Node>>;

impl<H: TreeHash> SparseTree<H> {
    /// A tree without leaves.
    #[must_use]
    pub fn in_memory(hash: H, depth: Depth) -> Self {
        Self::empty(hash, depth, MemoryStore::default())
    }
}

/// Nodes in a map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemoryStore<N> {
    header: Option<Header>,
    nodes: BTreeMap<NodeId, N>,
}

impl<N> MemoryStore<N> {
    /// How many nodes it holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Does it hold no nodes?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }
}

impl<N> Default for MemoryStore<N> {
    fn default() -> Self {
        Self { header: None, nodes: BTreeMap::new() }
    }
}

impl<N: Copy> NodeStore for MemoryStore<N> {
    type Node = N;
    type Error = Infallible;

    fn header(&self) -> Result<Option<Header>, Infallible> {
        Ok(self.header)
    }

    fn get(&self, id: NodeId) -> Result<Option<N>, Infallible> {
        Ok(self.nodes.get(&id).copied())
    }

    fn commit(&mut self, batch: &Batch<N>) -> Result<(), Infallible> {
        self.header = Some(batch.header);
        for (id, node) in &batch.nodes {
            match node {
                Some(node) => self.nodes.insert(*id, *node),
                None => self.nodes.remove(id),
            };
        }
        Ok(())
    }
}
