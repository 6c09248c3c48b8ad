//! One proof made in several places that share no memory.
//!
//! A proof is four sums over one witness. Who has two processors and no shared memory (two workers
//! of a browser) gives both the membership and the message, lets each do some of the sums, and
//! joins them in one place. The witness itself is a few milliseconds and is computed in both.

use alloc::vec::Vec;

use logos_crypto::Fr;
use rand_core::CryptoRng;
use thiserror::Error;

use crate::circuit::Assignment;
use crate::membership::Membership;
use crate::message::Message;
use crate::proof::{ProofPoints, RlnProof};
use crate::prover::{ProveError, Prover, draw_blinding};
use crate::quotient::Rows;

/// One of the sums that a proof consists of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "a proof has these four sums")]
pub enum Part {
    /// `A`, in G1, over the wires.
    A,
    /// `B`, in G2, over the wires: the dearest.
    B,
    /// What the wires add to `C`.
    Wires,
    /// What the quotient adds to `C`: needs four transforms first.
    Rows,
}

impl Part {
    /// All four.
    pub const ALL: [Self; 4] = [Self::A, Self::B, Self::Wires, Self::Rows];

    pub(crate) const fn bit(self) -> u8 {
        match self {
            Self::A => 1,
            Self::B => 2,
            Self::Wires => 4,
            Self::Rows => 8,
        }
    }
}

/// Why parts do not make a proof.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum JoinError {
    /// A part was done twice.
    #[error("part {0:?} was done twice")]
    Repeated(Part),
    /// A part was not done.
    #[error("part {0:?} was not done")]
    Missing(Part),
}

/// Some of the sums of one proof, without blinding.
///
/// # Security
///
/// Secret: sums of the witness, by which guesses of it can be tested. Seal them wherever they
/// travel.
#[derive(Clone, Copy)]
pub struct ProofParts {
    pub(crate) done: u8,
    pub(crate) points: ProofPoints,
}

impl ProofParts {
    /// Is this sum among them?
    #[must_use]
    pub const fn has(&self, part: Part) -> bool {
        self.done & part.bit() != 0
    }

    fn plus(&self, other: &Self) -> Result<Self, JoinError> {
        match Part::ALL.into_iter().find(|part| self.has(*part) && other.has(*part)) {
            Some(part) => Err(JoinError::Repeated(part)),
            None => {
                Ok(Self { done: self.done | other.done, points: self.points.plus(&other.points) })
            }
        }
    }
}

impl core::fmt::Debug for ProofParts {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let Self { done, points: _ } = self;
        f.debug_struct("ProofParts").field("done", done).finish_non_exhaustive()
    }
}

/// A proof being made in parts: the witness of one membership and message.
///
/// # Examples
///
/// Two provers of one key, as two workers have them:
///
/// ```
/// # use logos_crypto::Fr;
/// # use logos_rln::{ExternalNullifier, Identity, Membership, MerklePath, Message, MessageLimit};
/// # use logos_rln::{Prover, Signal, TableSize, Verifier};
/// # use rand_core::SeedableRng;
/// use logos_rln::hazmat::{Part, PartialWork};
/// # let mut rng = rand_chacha::ChaCha20Rng::from_seed([7; 32]);
/// # let backend = logos_crypto::backend::Backend::detect();
/// # let build =
/// #     || Prover::with_table_size(logos_rln_keys::single(), TableSize::None, backend, &mut |_| ());
/// # let (here, there) = (build(), build());
/// # let limit = MessageLimit::new(10)?;
/// # let path = MerklePath::new(vec![Fr::ZERO; 20], 0)?;
/// # let member = Membership::new(Identity::random(&mut rng).secret().duplicate(), limit, path);
/// # let signal = Signal::from_message(b"hello");
/// # let message = Message::new(ExternalNullifier::new(b"1", b"app"), signal, limit.id(0)?);
///
/// let theirs = PartialWork::new(&there, &member, &message)?.parts(&there, &[Part::A, Part::B]);
/// let work = PartialWork::new(&here, &member, &message)?;
/// let ours = work.parts(&here, &[Part::Wires, Part::Rows]);
/// let proof = work.join(&here, &[ours, theirs], &mut rng)?;
/// # let verifier = Verifier::new(logos_rln_keys::single_verifying_key());
/// verifier.verify(&proof, signal, &[member.root()])?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct PartialWork {
    assignment: Assignment,
}

impl PartialWork {
    /// Computes the witness.
    ///
    /// # Errors
    ///
    /// As [`Prover::prove`].
    pub fn new(
        prover: &Prover,
        membership: &Membership,
        message: &Message,
    ) -> Result<Self, ProveError> {
        Ok(Self { assignment: prover.assignment(membership, message)? })
    }

    /// Does some of the sums with a prover of the same key. One named twice is done once.
    #[must_use]
    pub fn parts(&self, prover: &Prover, wanted: &[Part]) -> ProofParts {
        let rows = if wanted.contains(&Part::Rows) {
            Rows::evaluate(&prover.key, &self.assignment).quotient(&prover.domain)
        } else {
            Vec::<Fr>::new()
        };
        let mut sums = ProofParts { done: 0, points: ProofPoints::default() };
        for part in Part::ALL.into_iter().filter(|part| wanted.contains(part)) {
            sums.points = sums.points.plus(&prover.sums.part(part, &self.assignment, &rows));
            sums.done |= part.bit();
        }
        sums
    }

    /// Joins all four sums to a proof, blinded as any other.
    ///
    /// # Errors
    ///
    /// [`JoinError`] unless every part was done once.
    ///
    /// # Security
    ///
    /// As [`Prover::prove`]. Parts of another witness make a proof that does not verify.
    pub fn join(
        &self,
        prover: &Prover,
        parts: &[ProofParts],
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<RlnProof, JoinError> {
        let none = ProofParts { done: 0, points: prover.constants() };
        let sums = parts.iter().try_fold(none, |sum, part| sum.plus(part))?;
        match Part::ALL.into_iter().find(|part| !sums.has(*part)) {
            Some(part) => Err(JoinError::Missing(part)),
            None => Ok(prover.blinded(&sums.points, &self.assignment, &draw_blinding(rng))),
        }
    }
}

impl core::fmt::Debug for PartialWork {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let Self { assignment: _ } = self;
        f.debug_struct("PartialWork").finish_non_exhaustive()
    }
}
