//! A member's place in the group: secret, limit and path.

use alloc::vec::Vec;

use logos_crypto::{Fr, poseidon};
use thiserror::Error;

use crate::circuit::Circuit;
use crate::identity::IdentitySecret;
use crate::limit::{LimitError, MessageLimit};

/// Why a path is none.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum PathError {
    /// No tree here is that deep, or it has no level.
    #[error("a path of {depth} levels is not in 1..={max}")]
    Depth {
        /// Levels given.
        depth: usize,
        /// The most.
        max: usize,
    },
    /// The tree has no such leaf.
    #[error("leaf {index} is not in a tree of depth {depth}")]
    IndexOutOfRange {
        /// Leaf asked for.
        index: u64,
        /// Levels of the tree.
        depth: usize,
    },
    /// An index bit is neither zero nor one.
    #[error("index bit {value} at level {level} is not a bit")]
    NotABit {
        /// Level from the leaf.
        level: usize,
        /// What stands there.
        value: u8,
    },
    /// There are not as many index bits as siblings.
    #[error("{siblings} siblings with {bits} index bits")]
    Ragged {
        /// Number of siblings.
        siblings: usize,
        /// Number of index bits.
        bits: usize,
    },
}

/// The way from a leaf to the root: one sibling a level, leaf first, and the leaf's index, whose
/// bit `i` says on which side of level `i` the node stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MerklePath {
    siblings: Vec<Fr>,
    index: u64,
}

impl MerklePath {
    /// Takes a path.
    ///
    /// # Errors
    ///
    /// [`PathError::Depth`] or [`PathError::IndexOutOfRange`].
    pub fn new(siblings: Vec<Fr>, index: u64) -> Result<Self, PathError> {
        let depth = siblings.len();
        let max = usize::from(Circuit::MAX_DEPTH);
        if depth == 0 || depth > max {
            return Err(PathError::Depth { depth, max });
        }
        if index >> depth != 0 {
            return Err(PathError::IndexOutOfRange { index, depth });
        }
        Ok(Self { siblings, index })
    }

    /// Takes a path whose index comes as one byte a level, as zerokit writes it.
    ///
    /// # Errors
    ///
    /// [`PathError::Ragged`], [`PathError::NotABit`], or those of [`MerklePath::new`].
    pub fn from_index_bits(siblings: Vec<Fr>, bits: &[u8]) -> Result<Self, PathError> {
        if siblings.len() != bits.len() {
            return Err(PathError::Ragged { siblings: siblings.len(), bits: bits.len() });
        }
        let max = usize::from(Circuit::MAX_DEPTH);
        if bits.len() > max {
            return Err(PathError::Depth { depth: bits.len(), max });
        }
        let mut index = 0;
        for (level, value) in bits.iter().copied().enumerate() {
            if value > 1 {
                return Err(PathError::NotABit { level, value });
            }
            index |= u64::from(value) << level;
        }
        Self::new(siblings, index)
    }

    /// Siblings, leaf first.
    #[must_use]
    pub fn siblings(&self) -> &[Fr] {
        &self.siblings
    }

    /// The leaf's index.
    #[must_use]
    pub const fn index(&self) -> u64 {
        self.index
    }

    /// Does the node at `level` stand on the right?
    #[must_use]
    pub const fn is_right(&self, level: usize) -> bool {
        level < 64 && self.index >> level & 1 == 1
    }

    /// One byte a level, as zerokit writes it.
    #[must_use]
    pub fn index_bits(&self) -> Vec<u8> {
        (0..self.siblings.len()).map(|level| u8::from(self.is_right(level))).collect()
    }

    /// The root that `leaf` has under this path: one hash a level.
    #[must_use]
    pub fn root(&self, leaf: Fr) -> Fr {
        self.siblings.iter().enumerate().fold(leaf, |node, (level, sibling)| {
            if self.is_right(level) {
                poseidon::hash(&[*sibling, node])
            } else {
                poseidon::hash(&[node, *sibling])
            }
        })
    }
}

impl TryFrom<&logos_crypto::merkle::Path<Fr>> for MerklePath {
    type Error = PathError;

    fn try_from(path: &logos_crypto::merkle::Path<Fr>) -> Result<Self, PathError> {
        Self::new(path.siblings().to_vec(), path.index().get())
    }
}

/// Why somebody is not a member whom a circuit can prove for.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum MembershipError {
    /// The circuit is for trees of another depth.
    #[error("path of {path} levels for a circuit of depth {circuit}")]
    DepthMismatch {
        /// Levels of the path.
        path: usize,
        /// Levels of the circuit.
        circuit: usize,
    },
    /// The limit has no proofs in this circuit.
    #[error(transparent)]
    Limit(#[from] LimitError),
}

/// Everything of a proof that stays while a member's place in the tree does.
///
/// # Examples
///
/// ```
/// use logos_crypto::Fr;
/// use logos_rln::{Identity, Membership, MerklePath, MessageLimit};
///
/// let identity = Identity::seeded(b"example");
/// let path = MerklePath::new(vec![Fr::ZERO; 20], 0)?;
/// let member = Membership::new(identity.secret().duplicate(), MessageLimit::new(10)?, path);
/// let leaf = identity.rate_commitment(MessageLimit::new(10)?);
/// assert_eq!(member.rate_commitment(), leaf);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, PartialEq)]
pub struct Membership {
    secret: IdentitySecret,
    limit: MessageLimit,
    path: MerklePath,
}

impl Membership {
    /// Puts the parts together; whether they fit a circuit is checked when one is known.
    #[must_use]
    pub const fn new(secret: IdentitySecret, limit: MessageLimit, path: MerklePath) -> Self {
        Self { secret, limit, path }
    }

    /// The member's secret.
    #[must_use]
    pub const fn secret(&self) -> &IdentitySecret {
        &self.secret
    }

    /// The member's limit.
    #[must_use]
    pub const fn limit(&self) -> MessageLimit {
        self.limit
    }

    /// The member's way to the root.
    #[must_use]
    pub const fn path(&self) -> &MerklePath {
        &self.path
    }

    /// The member's leaf: two hashes.
    #[must_use]
    pub fn rate_commitment(&self) -> crate::RateCommitment {
        self.secret.commitment().rate_commitment(self.limit)
    }

    /// The root this membership proves to be in: one hash a level and two.
    #[must_use]
    pub fn root(&self) -> Fr {
        self.path.root(self.rate_commitment().to_field())
    }

    /// Checks that `circuit` can prove for this member.
    ///
    /// # Errors
    ///
    /// [`MembershipError::DepthMismatch`] or [`MembershipError::Limit`].
    pub fn check(&self, circuit: &Circuit) -> Result<(), MembershipError> {
        let (path, depth) = (self.path.siblings.len(), usize::from(circuit.depth()));
        if path != depth {
            return Err(MembershipError::DepthMismatch { path, circuit: depth });
        }
        circuit.check_limit(self.limit)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    #[test]
    fn an_index_byte_over_one_is_refused() {
        assert_eq!(
            MerklePath::from_index_bits(vec![Fr::ZERO; 2], &[1, 2]),
            Err(PathError::NotABit { level: 1, value: 2 })
        );
        assert_eq!(
            MerklePath::from_index_bits(vec![Fr::ZERO; 2], &[1]),
            Err(PathError::Ragged { siblings: 2, bits: 1 })
        );
        let path = MerklePath::from_index_bits(vec![Fr::ZERO; 3], &[1, 0, 1]).unwrap();
        assert_eq!((path.index(), path.index_bits()), (5, vec![1, 0, 1]));
    }

    #[test]
    fn a_leaf_outside_the_tree_is_refused() {
        assert_eq!(
            MerklePath::new(vec![Fr::ZERO; 3], 8),
            Err(PathError::IndexOutOfRange { index: 8, depth: 3 })
        );
        assert_eq!(MerklePath::new(vec![], 0), Err(PathError::Depth { depth: 0, max: 32 }));
    }

    #[test]
    fn a_limit_the_circuit_cannot_prove_is_refused() {
        let path = MerklePath::new(vec![Fr::ZERO; 20], 0).unwrap();
        let secret = IdentitySecret::from_field(Fr::ONE).unwrap();
        let member = Membership::new(secret, MessageLimit::new(65_537).unwrap(), path);
        assert_eq!(
            member.check(&Circuit::SINGLE_20),
            Err(LimitError::OverCircuit { limit: 65_537, max: 65_536 }.into())
        );
    }
}
