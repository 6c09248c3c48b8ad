//! What stands behind a proof, for measurements and for other provers.

mod parts;

use alloc::vec::Vec;

use logos_crypto::Fr;

use crate::membership::Membership;
use crate::message::Message;
use crate::prover::{ProveError, Prover};

pub use parts::{JoinError, Part, PartialWork, ProofParts};

/// The value of every wire of the circuit, wire 0 being one, in the order of the deployed keys.
///
/// # Errors
///
/// As [`Prover::prove`].
///
/// # Security
///
/// The assignment holds the identity secret in clear and is the caller's to wipe.
pub fn assignment(
    prover: &Prover,
    membership: &Membership,
    message: &Message,
) -> Result<Vec<Fr>, ProveError> {
    Ok(prover.assignment(membership, message)?.as_slice().to_vec())
}
