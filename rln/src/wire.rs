//! The byte formats of the deployed network, both ways.
//!
//! All of them are zerokit's: those of its release 3.0, and for proofs the frames of 0.9 and 2.0,
//! which are still in use. Every reader is canonical: it takes the bytes that the writer writes
//! and no others, so nothing may follow a value, a yes is the byte 1, a field element is below
//! the modulus, and a point is on its curve and in its group. No reader reserves memory for a
//! length before the bytes that should fill it are there.
//!
//! | value | layout | bytes (depth 20, four slots) | read and written by |
//! |---|---|---|---|
//! | proof | `A` 32, `B` 64, `C` 32, compressed | 128 | [`Proof::from_bytes`] |
//! | | the same, uncompressed | 256 | [`Proof::from_uncompressed`] |
//! | values, single | `00`, y, root, nullifier, x, external nullifier | 161 | [`ProofValues::from_bytes`] |
//! | values, multi | `01`, ys, root, nullifiers, x, external nullifier, selector | 381 | |
//! | proof with values | see [`Frame`] | 289, 509 | [`RlnProof::from_bytes`] |
//! | identity | secret, commitment | 64 | [`Identity::from_bytes`] |
//! | extended identity | trapdoor, nullifier, secret, commitment | 128 | [`ExtendedIdentity::from_bytes`] |
//! | path | siblings, index bits | 676 | [`MerklePath::from_bytes`] |
//! | membership | secret, limit, path | 740 | [`Membership::from_bytes`] |
//! | membership and message | see [`read_witness`] | 837, 953 | [`read_witness`] |
//! | sums of a proof | see [`ProofParts::to_bytes`] | 257 | [`ProofParts::from_bytes`] |
//! | partial proof | which wires are known, points | 6011, 7568 | [`ForeignPartial::from_bytes`] |
//!
//! A field element is 32 bytes. A list is a count of 8 bytes and its entries; entries that say yes
//! or no take a byte each. Counts and field elements stand in the [`ByteOrder`] the caller names;
//! points are always least significant byte first. zerokit calls a membership a partial witness
//! and a membership with a message a witness.
//!
//! [`ExtendedIdentity::from_bytes`]: crate::ExtendedIdentity::from_bytes
//! [`Identity::from_bytes`]: crate::Identity::from_bytes
//! [`Membership::from_bytes`]: crate::Membership::from_bytes
//! [`MerklePath::from_bytes`]: crate::MerklePath::from_bytes
//! [`Proof::from_bytes`]: crate::Proof::from_bytes
//! [`Proof::from_uncompressed`]: crate::Proof::from_uncompressed
//! [`ProofParts::from_bytes`]: crate::hazmat::ProofParts::from_bytes
//! [`ProofParts::to_bytes`]: crate::hazmat::ProofParts::to_bytes
//! [`ProofValues::from_bytes`]: crate::ProofValues::from_bytes
//! [`RlnProof::from_bytes`]: crate::RlnProof::from_bytes

mod fields;
mod identity;
mod membership;
mod partial;
mod parts;
mod points;
mod proof;
mod secret_bytes;
mod values;
mod witness;

use logos_crypto::codec::DecodeError;
use logos_crypto::field::NotCanonical;
use thiserror::Error;

pub use partial::{AdoptError, ForeignPartial, PartialKey};
pub use proof::Frame;
pub use secret_bytes::SecretBytes;
pub use witness::{read_witness, write_witness};

use crate::identity::IdentityError;
use crate::limit::LimitError;
use crate::membership::PathError;
use crate::message::MessageIdsError;

/// Which byte of a number stands first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "there are two byte orders")]
pub enum ByteOrder {
    /// The least significant one: zerokit's `CanonicalSerialize`.
    Little,
    /// The most significant one: zerokit's `CanonicalSerializeBE`.
    Big,
}

/// A point of a proof, for error messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ProofPoint {
    /// The first point of G1.
    A,
    /// The point of G2.
    B,
    /// The second point of G1.
    C,
}

/// Why bytes are not a value of this crate.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum WireError {
    /// The bytes end early, go on too long, claim impossible lengths or have an unknown tag.
    #[error("bytes are damaged: {0}")]
    Decode(#[from] DecodeError),
    /// A field element or a coordinate is not below its modulus.
    #[error("a field element or coordinate is not canonical")]
    NotCanonical,
    /// The flags of a point are not those its writer sets.
    #[error("point {0:?} has flags no writer sets")]
    PointFlags(ProofPoint),
    /// A point is at infinity, as no point of an honest proof is.
    #[error("point {0:?} is at infinity")]
    PointAtInfinity(ProofPoint),
    /// A point is not on its curve.
    #[error("point {0:?} is not on the curve")]
    OffCurve(ProofPoint),
    /// A point is on its curve but not in the group of prime order.
    #[error("point {0:?} is outside the prime-order subgroup")]
    OutsideSubgroup(ProofPoint),
    /// A byte that says yes or no is neither zero nor one.
    #[error("byte {value} says neither yes nor no")]
    NotABool {
        /// What stands there.
        value: u8,
    },
    /// Lists that go together have different lengths, or no entry at all.
    #[error("lists that go together have lengths that do not")]
    Ragged,
    /// The frame has no room for values of several message ids.
    #[error("the frame is for one message id")]
    SingleOnly,
    /// A limit or a message id is beyond any circuit.
    #[error("a limit or message id does not fit 32 bits")]
    TooLarge,
    /// The message's field element is zero, at which a proof shows the secret.
    #[error("x is zero: a proof would show the secret")]
    ZeroSignal,
    /// The identity is none.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The limit is none, or the message id is not below it.
    #[error(transparent)]
    Limit(#[from] LimitError),
    /// The path is none.
    #[error(transparent)]
    Path(#[from] PathError),
    /// The message ids do not go together or are not below the limit.
    #[error(transparent)]
    MessageIds(#[from] MessageIdsError),
}

impl From<NotCanonical> for WireError {
    fn from(_: NotCanonical) -> Self {
        Self::NotCanonical
    }
}
