//! Keys: what a proof is made and checked with.
//!
//! | bytes | made by | read by |
//! |---|---|---|
//! | arkzkey | zerokit | [`ProvingKey::from_arkzkey`] |
//! | zkey | snarkjs | [`ProvingKey::from_zkey`] |
//! | prepared | [`ProvingKey::to_bytes`] | [`ProvingKey::from_bytes`] |
//!
//! The first two are keys as a ceremony leaves them. Reading one checks its points, finds out
//! which circuit it is for, compares that circuit's constraints with the key's own, and prepares
//! the points for the prover, which takes seconds; the prepared form is what to keep.

mod arkzkey;
mod ceremony;
mod points;
mod prepare;
mod prepared;
mod verifying;
mod zkey;

use alloc::vec::Vec;

use ark_bn254::{G1Affine, G2Affine};
use logos_crypto::codec::DecodeError;
use sha2::{Digest, Sha256};
use thiserror::Error;

pub(crate) use ceremony::{CeremonyKey, RawVerifyingKey};
pub use verifying::VerifyingKey;

use crate::circuit::{Circuit, Layout, SparseMatrix, Sponges};

/// Why bytes are not a key.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyError {
    /// The bytes end early, go on too long or claim impossible lengths.
    #[error("key bytes are damaged: {0}")]
    Decode(#[from] DecodeError),
    /// A coordinate or coefficient is not below its modulus.
    #[error("a coordinate or coefficient of the key is not canonical")]
    NotCanonical,
    /// A point is not on its curve.
    #[error("point {index} of the key's {query:?} query is not on the curve")]
    OffCurve {
        /// Part of the key.
        query: Query,
        /// Which point of it.
        index: usize,
    },
    /// A point is on the curve but not in the group of prime order.
    #[error("point {index} of the key's {query:?} query is outside the prime-order subgroup")]
    OutsideSubgroup {
        /// Part of the key.
        query: Query,
        /// Which point of it.
        index: usize,
    },
    /// The parts of the key have sizes that do not belong together.
    #[error("the key's parts have sizes that do not belong together")]
    Ragged,
    /// No RLN circuit has this many wires and constraints.
    #[error("no RLN circuit has {wires} wires and {constraints} constraints")]
    UnknownCircuit {
        /// Wires of the key.
        wires: usize,
        /// Constraints of the key.
        constraints: usize,
    },
    /// The key's constraints are not those of the RLN circuit of its size.
    #[error("constraint {row} of the key is not the RLN circuit's")]
    ForeignConstraint {
        /// The first row that differs.
        row: usize,
    },
    /// The bytes are of another format or version.
    #[error("not a key of this format")]
    Format,
    /// The stored checksum is not that of the bytes.
    #[error("key bytes are damaged: checksum mismatch")]
    Checksum,
}

/// A part of a key, for error messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Query {
    /// The verifying key.
    Verifying,
    /// The `A` query.
    A,
    /// The `B` query in G1, which proving here does not use.
    BInG1,
    /// The `B` query in G2.
    B,
    /// The `H` query.
    H,
    /// The `L` query.
    L,
}

/// SHA-256 of a key's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct KeyHash(pub [u8; 32]);

impl KeyHash {
    /// The deployed single-message-id key (ceremony of the PSE team, depth 20), as arkzkey.
    pub const SINGLE_20: Self = Self([
        0x47, 0x36, 0xd2, 0x8b, 0xe8, 0x56, 0xaf, 0x6a, 0x73, 0x9e, 0x1d, 0x5e, 0x9b, 0xeb, 0xb6,
        0x9f, 0xd1, 0x7f, 0x47, 0x6a, 0x57, 0xcf, 0x4a, 0xd8, 0x63, 0x75, 0xed, 0x6c, 0xfd, 0xa9,
        0x82, 0x7a,
    ]);
    /// The deployed multi-message-id key (depth 20, four slots), as arkzkey.
    pub const MULTI_20: Self = Self([
        0xbd, 0x9e, 0xb1, 0x0c, 0x32, 0xea, 0x21, 0x06, 0x60, 0x6e, 0x96, 0xc5, 0xe2, 0xfd, 0x1d,
        0x39, 0x1e, 0x0f, 0x49, 0xc6, 0x7d, 0x36, 0x97, 0xd9, 0x99, 0xfd, 0x49, 0xeb, 0x88, 0xc9,
        0xb1, 0x5f,
    ]);

    /// Hashes key bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }
}

/// Whether the points of a key are checked to be on their curves and in the prime-order group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PointChecks<'a> {
    /// Check every point: for a key of unknown origin. Takes seconds.
    All,
    /// Check every point unless the key's hash is in this list of keys that were checked before.
    UnlessKnown(&'a [KeyHash]),
}

impl PointChecks<'_> {
    pub(crate) fn wanted(self, bytes: &[u8]) -> bool {
        match self {
            Self::All => true,
            Self::UnlessKnown(known) => !known.contains(&KeyHash::of(bytes)),
        }
    }
}

/// A key ready to prove with.
///
/// Holds the circuit, its constraints and four sets of points: `A` and `B` as the ceremony made
/// them, and the two sums that make up `C`, one over the wires and one over the constraint rows
/// (`H` in Lagrange form, with the linear part of the quotient folded into `L`).
pub struct ProvingKey {
    pub(crate) circuit: Circuit,
    pub(crate) layout: Layout,
    pub(crate) sponges: Sponges,
    pub(crate) verifying: VerifyingKey,
    pub(crate) a_matrix: SparseMatrix,
    pub(crate) b_matrix: SparseMatrix,
    pub(crate) points: QueryPoints,
}

/// The points a proof is summed from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct QueryPoints {
    /// `[A_w]`, one a wire.
    pub(crate) a: Vec<G1Affine>,
    /// `[B_w]` in G2, one a wire.
    pub(crate) b: Vec<G2Affine>,
    /// What a wire adds to `C`, one a wire.
    pub(crate) wires: Vec<G1Affine>,
    /// What a row's quotient adds to `C`, one a row with the consistency rows.
    pub(crate) rows: Vec<G1Affine>,
}

impl ProvingKey {
    /// Reads the key format of zerokit (arkworks, uncompressed, matrices behind the points).
    ///
    /// `progress` is called with the part done, from 0 to 1, as the points are prepared: some
    /// seconds on one core.
    ///
    /// # Errors
    ///
    /// One [`KeyError`] a defect. Nothing is allocated from a length the bytes do not bear out.
    pub fn from_arkzkey(
        bytes: &[u8],
        checks: PointChecks<'_>,
        progress: &mut dyn FnMut(f32),
    ) -> Result<Self, KeyError> {
        CeremonyKey::from_arkzkey(bytes, checks.wanted(bytes))?.prepare(progress)
    }

    /// Reads the key format of snarkjs (`.zkey`, Groth16 over BN254).
    ///
    /// # Errors
    ///
    /// As [`ProvingKey::from_arkzkey`].
    pub fn from_zkey(
        bytes: &[u8],
        checks: PointChecks<'_>,
        progress: &mut dyn FnMut(f32),
    ) -> Result<Self, KeyError> {
        CeremonyKey::from_zkey(bytes, checks.wanted(bytes))?.prepare(progress)
    }

    /// The circuit this key is for.
    #[must_use]
    pub const fn circuit(&self) -> Circuit {
        self.circuit
    }

    /// The part a verifier needs.
    #[must_use]
    pub const fn verifying_key(&self) -> &VerifyingKey {
        &self.verifying
    }
}

impl core::fmt::Debug for ProvingKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("ProvingKey").field("circuit", &self.circuit).finish_non_exhaustive()
    }
}
