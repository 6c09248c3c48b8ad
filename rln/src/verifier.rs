//! Checking proofs.

mod batch;

use ark_bn254::{G1Affine, G1Projective};
use ark_ec::CurveGroup;
use logos_crypto::Fr;
use logos_crypto::backend::Backend;
use logos_crypto::curve::FixedSum;
use logos_crypto::msm::G1;
use logos_crypto::pairing::{self, PreparedG2, Target};
use thiserror::Error;

use crate::circuit::Circuit;
use crate::epoch::{ExternalNullifier, Signal};
use crate::key::VerifyingKey;
use crate::proof::{Proof, RlnProof};
use crate::values::ProofValues;

/// Why a proof is refused. The checks run in this order, the cheap ones first.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum VerifyError {
    /// The values are not of this circuit: single for multi, or another number of slots.
    #[error("the proof's values are of another circuit")]
    OtherCircuit,
    /// The message's field element is zero, which shows the sender's secret.
    #[error("x is zero: the proof shows the sender's secret")]
    ZeroSignal,
    /// No root is acceptable, so none can be matched.
    #[error("no acceptable root was given")]
    NoRoots,
    /// The proof was made under another root.
    #[error("the proof's root is not acceptable")]
    UnknownRoot,
    /// The proof is about another message.
    #[error("the proof is about another message")]
    OtherSignal,
    /// The proof counts in another epoch or application.
    #[error("the proof counts in another epoch or application")]
    OtherExternalNullifier,
    /// The pairing equation does not hold.
    #[error("the proof is not valid")]
    Invalid,
}

/// Checks proofs against one verifying key. Holds tables of a few hundred kilobytes, made once;
/// the proving key is not needed.
///
/// # Examples
///
/// ```no_run
/// # use logos_crypto::Fr;
/// # use logos_rln::{KeyError, RlnProof, Signal, Verifier, VerifyError, VerifyingKey};
/// # fn check(key: VerifyingKey, proof: &RlnProof, roots: &[Fr]) -> Result<(), VerifyError> {
/// let verifier = Verifier::new(key);
/// verifier.verify(proof, Signal::from_message(b"hello"), roots)?;
/// # Ok(())
/// # }
/// ```
pub struct Verifier {
    circuit: Circuit,
    backend: Backend,
    /// `e(alpha, beta)`.
    alpha_beta: Target,
    /// `-alpha` and `beta`, for batches.
    negated_alpha: G1Affine,
    beta: PreparedG2,
    /// `-gamma` and `-delta`, prepared.
    negated_gamma: PreparedG2,
    negated_delta: PreparedG2,
    /// The point of the constant signal.
    constant: G1Affine,
    /// The points of the public signals.
    inputs: FixedSum<G1>,
    n_inputs: usize,
}

impl Verifier {
    /// Prepares a verifying key: some milliseconds.
    #[must_use]
    pub fn new(key: VerifyingKey) -> Self {
        Self::with_backend(key, Backend::detect())
    }

    /// As [`Verifier::new`] with arithmetic of the caller's choice.
    #[must_use]
    pub fn with_backend(key: VerifyingKey, backend: Backend) -> Self {
        let (constant, inputs) = match key.inputs.as_slice() {
            [constant, inputs @ ..] => (*constant, inputs),
            [] => (G1Affine::default(), [].as_slice()),
        };
        Self {
            circuit: key.circuit,
            backend,
            alpha_beta: pairing::product(backend, &[(key.alpha_g1, key.beta_g2)], &[]),
            negated_alpha: -key.alpha_g1,
            beta: PreparedG2::new(backend, &key.beta_g2),
            negated_gamma: PreparedG2::new(backend, &-key.gamma_g2),
            negated_delta: PreparedG2::new(backend, &-key.delta_g2),
            constant,
            inputs: FixedSum::new(backend, inputs),
            n_inputs: inputs.len(),
        }
    }

    /// The circuit whose proofs are checked.
    #[must_use]
    pub const fn circuit(&self) -> Circuit {
        self.circuit
    }

    /// Checks that `proof` is about `signal` and was made under one of `roots`.
    ///
    /// This is what a node asks of every message, together with
    /// [`Verifier::verify_in_epoch`]'s check where the epoch is not compared elsewhere.
    ///
    /// # Errors
    ///
    /// One [`VerifyError`] a reason. An empty list of roots is an error, never a skipped check.
    ///
    /// # Security
    ///
    /// All of `proof` is the sender's choice. A proof can be rerandomised by anybody, so count
    /// messages by nullifier and share, not by proof bytes.
    pub fn verify(
        &self,
        proof: &RlnProof,
        signal: Signal,
        roots: &[Fr],
    ) -> Result<(), VerifyError> {
        self.check_claims(&proof.values, signal, roots)?;
        self.verify_values(&proof.proof, &proof.values)
    }

    /// As [`Verifier::verify`], and the proof must count in `epoch`.
    ///
    /// # Errors
    ///
    /// As [`Verifier::verify`], and [`VerifyError::OtherExternalNullifier`].
    pub fn verify_in_epoch(
        &self,
        proof: &RlnProof,
        signal: Signal,
        roots: &[Fr],
        epoch: ExternalNullifier,
    ) -> Result<(), VerifyError> {
        if proof.values.external_nullifier() != epoch {
            return Err(VerifyError::OtherExternalNullifier);
        }
        self.verify(proof, signal, roots)
    }

    /// Checks the pairing equation alone: the values were proved, whatever they say.
    ///
    /// # Errors
    ///
    /// [`VerifyError::OtherCircuit`], [`VerifyError::ZeroSignal`] or [`VerifyError::Invalid`].
    pub fn verify_values(&self, proof: &Proof, values: &ProofValues) -> Result<(), VerifyError> {
        self.check_shape(values)?;
        let inputs = self.input_sum(values).into_affine();
        let product = pairing::product(
            self.backend,
            &[(proof.a, proof.b)],
            &[(inputs, &self.negated_gamma), (proof.c, &self.negated_delta)],
        );
        if product == self.alpha_beta { Ok(()) } else { Err(VerifyError::Invalid) }
    }

    fn check_claims(
        &self,
        values: &ProofValues,
        signal: Signal,
        roots: &[Fr],
    ) -> Result<(), VerifyError> {
        if roots.is_empty() {
            return Err(VerifyError::NoRoots);
        }
        if !roots.contains(&values.root()) {
            return Err(VerifyError::UnknownRoot);
        }
        if values.x() != signal.to_field() {
            return Err(VerifyError::OtherSignal);
        }
        Ok(())
    }

    /// Are these values that the circuit can have proved?
    fn check_shape(&self, values: &ProofValues) -> Result<(), VerifyError> {
        let rectangular = match values {
            ProofValues::Single(_) => true,
            ProofValues::Multi(values) => values.is_rectangular(),
        };
        if values.kind() != self.circuit.kind() || !rectangular {
            return Err(VerifyError::OtherCircuit);
        }
        if values.x().is_zero() {
            return Err(VerifyError::ZeroSignal);
        }
        Ok(())
    }

    /// `IC_0 + sum x_i IC_i`.
    fn input_sum(&self, values: &ProofValues) -> G1Projective {
        self.inputs.vartime_sum(&values.public_signals()) + self.constant
    }
}

impl core::fmt::Debug for Verifier {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Verifier").field("circuit", &self.circuit).finish_non_exhaustive()
    }
}
