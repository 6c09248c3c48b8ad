//! Merkle trees of fixed depth.
//!
//! One trait, [`MerkleTree`], for trees that answer everything about themselves, and the
//! [`Frontier`] for those who only follow a root. All are generic over the hash of two nodes,
//! [`TreeHash`]; RLN uses [`PoseidonHasher`].
//!
//! | type | what it is |
//! |---|---|
//! | [`DenseTree`] | flat arrays in memory |
//! | [`SparseTree`] | a map of the nodes that are not empty |
//! | [`PersistentTree`] | any store of nodes with an atomic commit |
//! | [`Frontier`] | append only, one node a level, follows chosen leaves |
//! | [`Path`], [`RangeProof`] | that a leaf, or adjacent leaves, are in a tree |
//! | [`Changed`], [`Delta`] | what an update changed, and the nodes that others need of it |
//! | [`RootHistory`] | the window of roots that are still accepted |
//!
//! # Conventions
//!
//! Leaves have height 0. Bit `i` of a leaf's index is 0 where its path arrives from the left at
//! height `i + 1`. In the API of zerokit levels are counted from the root, which is level 0 there.

mod delta;
mod dense;
mod frontier;
mod hash;
mod history;
mod path;
mod persistent;
mod position;
mod range;
mod sparse;
mod tree;

#[cfg(test)]
mod tests;

pub use delta::{Changed, Delta, DeltaError};
pub use dense::DenseTree;
pub use frontier::{Frontier, FrontierError, FrontierParts};
pub use hash::{PoseidonHasher, TreeHash};
pub use history::RootHistory;
pub use path::{OtherDepth, Path, PathChange, PathError};
pub use persistent::{Batch, Header, NodeStore, OpenError, PersistentTree};
pub use position::{Depth, DepthError, LeafIndex, NodeId};
pub use range::{RangeProof, RangeProofError};
pub use sparse::{MemoryStore, SparseTree};
pub use tree::{AppendError, LeafError, MerkleTree, NodeOf, RangeError, UpdateError};
