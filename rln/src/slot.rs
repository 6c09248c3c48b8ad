//! Proofs in two phases: all but the message ahead, the message in a fraction of a millisecond.
//!
//! In RLN-V2 the message `x` meets the witness in one constraint, `y = a0 + x a1`. With all else
//! fixed the assignment is affine in `x`, so the rows of `A` and `B` are, and the quotient is
//! quadratic: the three points of a proof are polynomials in `x`,
//!
//! ```text
//! A(x) = A0 + x A1        B(x) = B0 + x B1        C(x) = C0 + x C1 + x^2 C2
//! ```
//!
//! A [`Slot`] holds their coefficients for one membership root, epoch and set of message ids, with
//! the blinding folded in; turning it into a proof takes a few multiplications. The result is
//! distributed exactly as that of [`Prover::prove`].
//!
//! | step | what | cost |
//! |---|---|---|
//! | [`SlotFactory::new`] | once a membership root | a partial proof and three sums of rows |
//! | [`SlotFactory::make`] | once a message id | about one [`Prover::finish`] |
//! | [`Slot::prove`] | once a message | a fraction of a millisecond |
//!
//! # Security
//!
//! A slot is as secret as the identity: it holds `a0` and `a1`. One slot is for one message; it is
//! consumed by value and asks for the [`BurntIds`] that a durable [`IdLedger`] gives out once.
//! The message phase has no branch and no address that depends on the identity secret; table
//! addresses follow `x` times the blinding factor of the slot, which is used once and then wiped.

mod burn;
mod direction;
mod factory;
mod pool;
mod split;

use alloc::vec::Vec;

use ark_bn254::{G1Projective, G2Projective};
use logos_crypto::Fr;
use logos_crypto::curve::to_affine;
use logos_crypto::hazmat::to_ark;
use thiserror::Error;
use zeroize::Zeroize;

pub use burn::{BurnError, BurntIds, IdLedger, MemoryLedger, burn, next_id};
pub(crate) use direction::Online;
pub use factory::SlotFactory;
pub use pool::{PoolPolicy, SlotPool, Wanted};
use split::SplitPoint;

use crate::circuit::Circuit;
use crate::epoch::{ExternalNullifier, Signal};
use crate::identity::SecretFr;
use crate::proof::{Proof, RlnProof};
use crate::prover::Prover;
use crate::values::ProofValues;

/// Why a slot was not turned into a proof. The slot is gone all the same.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum SlotError {
    /// The burnt ids are not those the slot was made for.
    #[error("the burnt message ids are not the slot's")]
    OtherIds,
    /// The slot was made with another circuit's key.
    #[error("the slot is of another circuit")]
    OtherCircuit,
}

/// A proof that waits for its message. Secret and single use.
///
/// # Examples
///
/// A slot cannot be used twice:
///
/// ```compile_fail,E0382
/// # use logos_rln::{BurntIds, Prover, Signal, Slot};
/// fn twice(slot: Slot, prover: &Prover, ids: BurntIds, again: BurntIds) {
///     let _ = slot.prove(prover, ids, Signal::from_message(b"one"));
///     let _ = slot.prove(prover, again, Signal::from_message(b"two"));
/// }
/// ```
///
/// nor copied:
///
/// ```compile_fail,E0599
/// # use logos_rln::Slot;
/// fn copy(slot: &Slot) -> Slot {
///     slot.clone()
/// }
/// ```
pub struct Slot {
    circuit: Circuit,
    /// The public values for `x = 0`, where every `y` is the secret.
    values: ProofValues,
    ids: Vec<u32>,
    secret: SecretFr,
    /// `a1` of each slot of the circuit in use, zero for the others.
    slopes: Vec<SecretFr>,
    a: G1Projective,
    b: G2Projective,
    c: G1Projective,
    /// What each wire of the direction adds to `A` and `B` for `x = 1`.
    a_steps: Vec<Fr>,
    b_steps: Vec<Fr>,
    linear: SplitPoint,
    quadratic: SplitPoint,
}

impl Slot {
    /// Epoch and application it was made for.
    #[must_use]
    pub const fn external_nullifier(&self) -> ExternalNullifier {
        self.values.external_nullifier()
    }

    /// The message ids it uses up.
    #[must_use]
    pub fn ids(&self) -> &[u32] {
        &self.ids
    }

    /// The root it was made under. When that root is no longer accepted, drop the slot.
    #[must_use]
    pub const fn root(&self) -> Fr {
        self.values.root()
    }

    /// Makes the proof for a message.
    ///
    /// # Errors
    ///
    /// [`SlotError::OtherIds`] or [`SlotError::OtherCircuit`]; the slot is consumed either way.
    pub fn prove(
        self,
        prover: &Prover,
        burnt: BurntIds,
        signal: Signal,
    ) -> Result<RlnProof, SlotError> {
        if !burnt.covers(self.external_nullifier(), &self.ids) {
            return Err(SlotError::OtherIds);
        }
        if self.circuit != prover.circuit() {
            return Err(SlotError::OtherCircuit);
        }
        let x = signal.to_field();
        let (step_a, step_b) = prover.online().steps(&self.a_steps, &self.b_steps, x);
        let scalar = to_ark(&x);
        let step_c =
            SplitPoint::vartime_sum(&[(&self.linear, scalar), (&self.quadratic, scalar * scalar)]);
        let ([a, c], [b]) = to_affine([self.a + step_a, self.c + step_c], [self.b + step_b]);
        let values = self.open(x);
        Ok(RlnProof { proof: Proof { a, b, c }, values })
    }

    /// The public values at `x`.
    fn open(&self, x: Fr) -> ProofValues {
        let secret = *self.secret.expose();
        let mut values = self.values.clone();
        match &mut values {
            ProofValues::Single(values) => {
                values.x = x;
                let slope = self.slopes.first().map(|slope| *slope.expose());
                values.y = secret + slope.unwrap_or_default() * x;
            }
            ProofValues::Multi(values) => {
                values.x = x;
                let slots = values.ys.iter_mut().zip(&values.selector).zip(&self.slopes);
                for ((y, used), slope) in slots {
                    *y = if *used { secret + *slope.expose() * x } else { Fr::ZERO };
                }
            }
        }
        values
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.a_steps.iter_mut().chain(&mut self.b_steps).for_each(Zeroize::zeroize);
        match &mut self.values {
            ProofValues::Single(values) => values.y.zeroize(),
            ProofValues::Multi(values) => values.ys.iter_mut().for_each(Zeroize::zeroize),
        }
    }
}

impl core::fmt::Debug for Slot {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Slot")
            .field("circuit", &self.circuit)
            .field("external_nullifier", &self.external_nullifier())
            .field("ids", &self.ids)
            .finish_non_exhaustive()
    }
}
