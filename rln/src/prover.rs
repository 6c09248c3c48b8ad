//! Making proofs.

mod batch;

use alloc::boxed::Box;
use alloc::vec::Vec;

use ark_bn254::G1Projective;
use ark_ec::AffineRepr;
use ark_ff::Field;
use logos_crypto::Fr;
use logos_crypto::backend::Backend;
use logos_crypto::hazmat::to_ark;
use once_cell::race::OnceBox;
use rand_core::CryptoRng;
use thiserror::Error;

pub use batch::{BatchError, Statement};

use crate::circuit::{Assignment, Circuit, fill_fixed, fill_message};
use crate::key::ProvingKey;
use crate::membership::{Membership, MembershipError, MerklePath};
use crate::message::{Message, MessageIdsError};
use crate::partial::PartialProof;
use crate::proof::{Blinding, ProofPoints, RlnProof};
use crate::quotient::{Domain, Rows, changing_rows};
use crate::slot::Online;
use crate::sums::Sums;
use crate::tables::{TableSize, Tables};
use crate::values::{MultiValues, ProofValues, SingleValues};

/// Why no proof can be made.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProveError {
    /// The membership does not fit the circuit.
    #[error(transparent)]
    Membership(#[from] MembershipError),
    /// The message ids do not fit the circuit or the member.
    #[error(transparent)]
    MessageIds(#[from] MessageIdsError),
    /// The partial proof is of another circuit.
    #[error("the partial proof is of another circuit")]
    OtherCircuit,
}

/// Makes proofs with one key.
///
/// A full proof is one call of [`Prover::prove`]; a member who sends several messages under one
/// root does the larger half once with [`Prover::partial`] and [`Prover::finish`]es each message.
///
/// # Examples
///
/// ```no_run
/// use logos_crypto::Fr;
/// use logos_rln::{
///     ExternalNullifier, Identity, Membership, MerklePath, Message, MessageLimit, PointChecks,
///     Prover, ProvingKey, Signal, Verifier,
/// };
/// # let mut rng = rand_chacha::ChaCha20Rng::from_seed([0; 32]);
/// # use rand_core::SeedableRng;
/// # let key_bytes = Vec::new();
///
/// let key = ProvingKey::from_arkzkey(&key_bytes, PointChecks::All, &mut |_| ())?;
/// let verifier = Verifier::new(key.verifying_key().clone());
/// let prover = Prover::new(key);
///
/// let identity = Identity::random(&mut rng);
/// let limit = MessageLimit::new(10)?;
/// let path = MerklePath::new(vec![Fr::ZERO; 20], 0)?;
/// let member = Membership::new(identity.secret().duplicate(), limit, path);
/// let signal = Signal::from_message(b"hello");
/// let epoch = ExternalNullifier::new(b"1763701200", b"chat");
/// let proof = prover.prove(&member, &Message::new(epoch, signal, limit.id(0)?), &mut rng)?;
/// verifier.verify(&proof, signal, &[member.root()])?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Prover {
    pub(crate) key: ProvingKey,
    pub(crate) domain: Domain,
    pub(crate) sums: Sums,
    online: OnceBox<Online>,
    /// Rows a message changes, in order.
    pub(crate) changing_rows: Vec<u32>,
}

impl Prover {
    /// Takes a key and builds its tables ([`TableSize::Small`]) for the fastest arithmetic this
    /// processor has: about a third of a second.
    #[must_use]
    pub fn new(key: ProvingKey) -> Self {
        Self::with_backend(key, Backend::detect(), &mut |_| ())
    }

    /// As [`Prover::new`] with arithmetic of the caller's choice; `progress` is told the part
    /// done, from 0 to 1.
    #[must_use]
    pub fn with_backend(key: ProvingKey, backend: Backend, progress: &mut dyn FnMut(f32)) -> Self {
        Self::with_table_size(key, TableSize::Small, backend, progress)
    }

    /// As [`Prover::with_backend`] with tables of the caller's choice, built here.
    #[must_use]
    pub fn with_table_size(
        key: ProvingKey,
        size: TableSize,
        backend: Backend,
        progress: &mut dyn FnMut(f32),
    ) -> Self {
        let tables = Tables::build(&key, backend, size, progress);
        Self::with_tables(key, tables)
    }

    /// Takes a key and tables of it, of another size or made before.
    #[must_use]
    pub fn with_tables(key: ProvingKey, tables: Tables) -> Self {
        let sums = Sums::new(&key, tables);
        Self::assemble(key, sums)
    }

    /// The tables, to keep them or to ask their size.
    #[must_use]
    pub const fn tables(&self) -> &Tables {
        &self.sums.tables
    }

    fn assemble(key: ProvingKey, sums: Sums) -> Self {
        let domain = Domain::new(key.circuit.domain_size(), sums.backend());
        let changing_rows = changing_rows(&key);
        Self { key, domain, sums, online: OnceBox::new(), changing_rows }
    }

    /// What slots need, made when the first one is: some ten milliseconds.
    pub(crate) fn online(&self) -> &Online {
        self.online.get_or_init(|| Box::new(Online::new(&self.key)))
    }

    /// The arithmetic in use.
    #[must_use]
    pub fn backend(&self) -> Backend {
        self.sums.backend()
    }

    /// The circuit proofs are made for.
    #[must_use]
    pub const fn circuit(&self) -> Circuit {
        self.key.circuit
    }

    /// The key inside.
    #[must_use]
    pub const fn key(&self) -> &ProvingKey {
        &self.key
    }

    /// Makes a proof from nothing.
    ///
    /// # Errors
    ///
    /// [`ProveError::Membership`] or [`ProveError::MessageIds`].
    ///
    /// # Security
    ///
    /// Proving two messages under one epoch and message id publishes the identity secret. Keep
    /// account of used ids in durable storage before a proof leaves.
    pub fn prove(
        &self,
        membership: &Membership,
        message: &Message,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<RlnProof, ProveError> {
        let assignment = self.assignment(membership, message)?;
        Ok(self.whole(&assignment, &draw_blinding(rng)))
    }

    /// The values a proof would have, without making it: some 25 hashes.
    ///
    /// # Errors
    ///
    /// As [`Prover::prove`].
    pub fn values(
        &self,
        membership: &Membership,
        message: &Message,
    ) -> Result<ProofValues, ProveError> {
        Ok(self.public_values(&self.assignment(membership, message)?))
    }

    /// Does the part of a proof that depends on the membership alone.
    ///
    /// # Errors
    ///
    /// [`ProveError::Membership`].
    pub fn partial(&self, membership: &Membership) -> Result<PartialProof, ProveError> {
        membership.check(&self.key.circuit)?;
        Ok(self.begin(membership))
    }

    /// Brings a partial proof to another root: after somebody else joined or left, at the cost of
    /// the wires that changed, some 240 a level from the changed sibling up.
    ///
    /// # Errors
    ///
    /// [`ProveError::OtherCircuit`], or [`ProveError::Membership`] for a path of another depth.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # use logos_crypto::Fr;
    /// # use logos_crypto::merkle::{Delta, Path};
    /// # use logos_rln::{MerklePath, PartialProof, ProveError, Prover};
    /// # fn follow(prover: &Prover, partial: PartialProof, path: &mut Path<Fr>, delta: &Delta<Fr>)
    /// # -> Result<PartialProof, Box<dyn std::error::Error>> {
    /// path.apply(delta)?;
    /// let partial = prover.refresh(&partial, MerklePath::try_from(&*path)?)?;
    /// # Ok(partial)
    /// # }
    /// ```
    pub fn refresh(
        &self,
        partial: &PartialProof,
        path: MerklePath,
    ) -> Result<PartialProof, ProveError> {
        if partial.circuit() != self.key.circuit {
            return Err(ProveError::OtherCircuit);
        }
        let member = partial.membership(path);
        member.check(&self.key.circuit)?;
        let assignment = fill_fixed(&self.key.layout, &self.key.sponges, &member);
        let change = self.sums.difference(partial.assignment(), &assignment);
        Ok(partial.moved(self, assignment, &change))
    }

    /// Finishes a partial proof for a message.
    ///
    /// # Errors
    ///
    /// [`ProveError::MessageIds`], or [`ProveError::OtherCircuit`].
    ///
    /// # Security
    ///
    /// As [`Prover::prove`].
    pub fn finish(
        &self,
        partial: &PartialProof,
        message: &Message,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<RlnProof, ProveError> {
        if partial.circuit() != self.key.circuit {
            return Err(ProveError::OtherCircuit);
        }
        message.ids.check(&self.key.circuit, partial.limit())?;
        Ok(self.end(partial, message, &draw_blinding(rng)))
    }

    pub(crate) fn assignment(
        &self,
        membership: &Membership,
        message: &Message,
    ) -> Result<Assignment, ProveError> {
        membership.check(&self.key.circuit)?;
        message.ids.check(&self.key.circuit, membership.limit())?;
        Ok(self.fill(membership, message))
    }

    /// The assignment of a statement that was checked.
    fn fill(&self, membership: &Membership, message: &Message) -> Assignment {
        let (layout, sponges) = (&self.key.layout, &self.key.sponges);
        let mut assignment = fill_fixed(layout, sponges, membership);
        fill_message(layout, sponges, &message.inputs(), &mut assignment);
        assignment
    }

    /// A whole proof of a full assignment.
    fn whole(&self, assignment: &Assignment, blinding: &Blinding) -> RlnProof {
        let rows = Rows::evaluate(&self.key, assignment).quotient(&self.domain);
        let points = self.constants().plus(&self.sums.full(assignment, &rows));
        self.blinded(&points, assignment, blinding)
    }

    /// The partial proof of a membership that was checked.
    fn begin(&self, membership: &Membership) -> PartialProof {
        let assignment = fill_fixed(&self.key.layout, &self.key.sponges, membership);
        PartialProof::new(self, membership.limit(), assignment)
    }

    /// Finishes for a message that was checked.
    fn end(&self, partial: &PartialProof, message: &Message, blinding: &Blinding) -> RlnProof {
        let mut assignment = partial.assignment().duplicate();
        fill_message(&self.key.layout, &self.key.sponges, &message.inputs(), &mut assignment);
        let rows = partial.rows.with_changes(&self.key, &assignment, &self.changing_rows);
        let rows = rows.quotient(&self.domain);
        let points = partial.points.plus(&self.sums.changes(&assignment, &rows));
        self.blinded(&points, &assignment, blinding)
    }

    pub(crate) fn blinded(
        &self,
        points: &ProofPoints,
        assignment: &Assignment,
        blinding: &Blinding,
    ) -> RlnProof {
        let blinded = points.blind(blinding, &self.key.verifying.delta_g2);
        RlnProof { proof: blinded.to_proof(), values: self.public_values(assignment) }
    }

    /// Rows that stay while the membership does.
    pub(crate) fn fixed_rows(&self) -> impl Iterator<Item = usize> {
        let n_rows = self.key.points.rows.len();
        let mut changing = self.changing_rows.iter().map(|row| *row as usize).peekable();
        (0..n_rows).filter(move |row| changing.next_if_eq(row).is_none())
    }

    /// The constant points every proof starts from.
    pub(crate) fn constants(&self) -> ProofPoints {
        ProofPoints {
            a: self.key.verifying.alpha_g1.into_group(),
            b: self.key.verifying.beta_g2.into_group(),
            c: G1Projective::default(),
        }
    }

    pub(crate) fn public_values(&self, assignment: &Assignment) -> ProofValues {
        let layout = &self.key.layout;
        let wire = |wire| assignment.wire(wire);
        if !layout.is_multi() {
            return ProofValues::Single(SingleValues {
                y: wire(layout.ys),
                root: wire(layout.root),
                nullifier: wire(layout.nullifiers),
                x: wire(layout.x),
                external_nullifier: wire(layout.external_nullifier),
            });
        }
        let slots = |first: usize| (first..first + layout.slots()).map(wire);
        ProofValues::Multi(MultiValues {
            ys: slots(layout.ys).collect(),
            root: wire(layout.root),
            nullifiers: slots(layout.nullifiers).collect(),
            x: wire(layout.x),
            external_nullifier: wire(layout.external_nullifier),
            selector: slots(layout.selector).map(|used| used == Fr::ONE).collect(),
        })
    }
}

/// A uniform pair, the first of it not zero.
pub(crate) fn draw_blinding(rng: &mut (impl CryptoRng + ?Sized)) -> Blinding {
    loop {
        let first = to_ark(&Fr::random(rng));
        if let Some(first_inverse) = first.inverse() {
            return Blinding { first, first_inverse, second: to_ark(&Fr::random(rng)) };
        }
    }
}
