//! What a tree is made with: the hash of two nodes.

use alloc::vec::Vec;
use core::fmt::Debug;

use super::Depth;
use crate::Fr;
use crate::backend::Backend;
use crate::poseidon;

/// The hash of a tree's inner nodes.
///
/// Implemented by [`PoseidonHasher`] for RLN. A tree hashes whole levels with
/// [`TreeHash::compress_many`], so a wrapper that splits the work over threads is an
/// implementation of this trait and needs nothing from the trees.
///
/// # Examples
///
/// ```
/// use logos_crypto::merkle::{DenseTree, Depth, MerkleTree, TreeHash};
/// use sha2::{Digest, Sha256};
///
/// struct Sha256Hasher;
///
/// impl TreeHash for Sha256Hasher {
///     type Node = [u8; 32];
///
///     fn empty_leaf(&self) -> [u8; 32] {
///         [0; 32]
///     }
///
///     fn compress(&self, _height: u8, left: &[u8; 32], right: &[u8; 32]) -> [u8; 32] {
///         Sha256::new().chain_update(left).chain_update(right).finalize().into()
///     }
/// }
///
/// let mut tree = DenseTree::new(Sha256Hasher, Depth::new(4)?)?;
/// let before = tree.root();
/// tree.append(&[[7; 32], [8; 32]])?;
/// assert_ne!(tree.root(), before);
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
pub trait TreeHash {
    /// A leaf or an inner node.
    type Node: Copy + Eq + Debug;

    /// What a leaf holds that was never set or was deleted.
    fn empty_leaf(&self) -> Self::Node;

    /// The node over `left` and `right`; `height` is that of the new node, 1 above the leaves.
    fn compress(&self, height: u8, left: &Self::Node, right: &Self::Node) -> Self::Node;

    /// The nodes over each of `pairs`, all at `height`. Both slices have the same length.
    fn compress_many(&self, height: u8, pairs: &[[Self::Node; 2]], parents: &mut [Self::Node]) {
        for (parent, [left, right]) in parents.iter_mut().zip(pairs) {
            *parent = self.compress(height, left, right);
        }
    }
}

/// Poseidon over two field elements: the trees of RLN.
///
/// # Examples
///
/// ```
/// use logos_crypto::merkle::{DenseTree, Depth, MerkleTree, PoseidonHasher};
///
/// let tree = DenseTree::new(PoseidonHasher::default(), Depth::RLN)?;
/// assert_eq!(
///     tree.root().to_string(),
///     "15019797232609675441998260052101280400536945603062888308240081994073687793470"
/// );
/// # Ok::<(), logos_crypto::merkle::DepthError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoseidonHasher {
    backend: Backend,
    empty_leaf: Fr,
}

impl PoseidonHasher {
    /// Hashes batches on `backend`. Empty leaves are zero, as in RLN.
    #[must_use]
    pub const fn new(backend: Backend) -> Self {
        Self { backend, empty_leaf: Fr::ZERO }
    }

    /// The same with other empty leaves.
    #[must_use]
    pub const fn with_empty_leaf(self, empty_leaf: Fr) -> Self {
        Self { empty_leaf, ..self }
    }
}

impl Default for PoseidonHasher {
    /// On the fastest backend of this processor.
    fn default() -> Self {
        Self::new(Backend::detect())
    }
}

impl TreeHash for PoseidonHasher {
    type Node = Fr;

    fn empty_leaf(&self) -> Fr {
        self.empty_leaf
    }

    fn compress(&self, _height: u8, left: &Fr, right: &Fr) -> Fr {
        poseidon::hash2(*left, *right)
    }

    fn compress_many(&self, _height: u8, pairs: &[[Fr; 2]], parents: &mut [Fr]) {
        poseidon::hash_each(self.backend, pairs, parents);
    }
}

/// The roots of empty subtrees by height, from the empty leaf to the root of the empty tree.
pub(super) fn empty_subtrees<H: TreeHash>(hash: &H, depth: Depth) -> Vec<H::Node> {
    let mut node = hash.empty_leaf();
    let mut nodes = Vec::from([node]);
    for height in depth.heights().skip(1) {
        node = hash.compress(height, &node, &node);
        nodes.push(node);
    }
    nodes
}
