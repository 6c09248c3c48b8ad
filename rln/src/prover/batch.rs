//! Many proofs at once.

use alloc::vec::Vec;

use rand_core::CryptoRng;
use thiserror::Error;

use super::{ProveError, Prover, draw_blinding};
use crate::membership::Membership;
use crate::message::Message;
use crate::partial::PartialProof;
use crate::proof::{Blinding, RlnProof};

/// Who proves what: one statement of a batch.
#[derive(Clone, Copy, Debug)]
pub struct Statement<'a> {
    membership: &'a Membership,
    message: &'a Message,
}

impl<'a> Statement<'a> {
    /// A member's message.
    #[must_use]
    pub const fn new(membership: &'a Membership, message: &'a Message) -> Self {
        Self { membership, message }
    }
}

/// Why a batch was not proved. Nothing was.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("statement {index}: {error}")]
pub struct BatchError {
    /// The first statement that cannot be proved, counted from 0.
    pub index: usize,
    /// What is wrong with it.
    pub error: ProveError,
}

impl Prover {
    /// Proves many statements, of one member or of many, and gives the proofs in their order.
    ///
    /// Neighbours that name the same [`Membership`] (the same place in memory) share the work that
    /// depends on the member, so sort statements by member: such a run costs one
    /// [`Prover::partial`] and a [`Prover::finish`] each. With the feature `parallel` the runs
    /// spread over the caller's rayon pool, and the statements of a long run do too. The proofs
    /// are the same for the same `rng`, however many threads there are.
    ///
    /// # Errors
    ///
    /// [`BatchError`] names the first statement that cannot be proved. All are looked at before
    /// any work is done.
    ///
    /// # Security
    ///
    /// As [`Prover::prove`]: burn the message ids of all statements first.
    ///
    /// # Examples
    ///
    /// ```
    /// use logos_crypto::Fr;
    /// use logos_rln::{
    ///     ExternalNullifier, Identity, Membership, MerklePath, Message, MessageLimit, Prover,
    ///     Signal, Statement, Verifier,
    /// };
    /// # use rand_core::SeedableRng;
    /// # let mut rng = rand_chacha::ChaCha20Rng::from_seed([7; 32]);
    ///
    /// let prover = Prover::new(logos_rln_keys::single());
    /// let limit = MessageLimit::new(10)?;
    /// let path = MerklePath::new(vec![Fr::ZERO; 20], 0)?;
    /// let secret = Identity::random(&mut rng).secret().duplicate();
    /// let member = Membership::new(secret, limit, path);
    /// let epoch = ExternalNullifier::new(b"1763701200", b"chat");
    /// let texts: [&[u8]; 3] = [b"one", b"two", b"three"];
    /// let messages = texts.iter().zip(0..).map(|(text, id)| {
    ///     Ok(Message::new(epoch, Signal::from_message(text), limit.id(id)?))
    /// });
    /// let messages: Vec<Message> = messages.collect::<Result<_, logos_rln::LimitError>>()?;
    ///
    /// let statements: Vec<_> = messages.iter().map(|one| Statement::new(&member, one)).collect();
    /// let proofs = prover.prove_batch(&statements, &mut rng)?;
    ///
    /// let verifier = Verifier::new(logos_rln_keys::single_verifying_key());
    /// for (proof, message) in proofs.iter().zip(&messages) {
    ///     verifier.verify(proof, message.signal, &[member.root()])?;
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn prove_batch(
        &self,
        statements: &[Statement<'_>],
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<Vec<RlnProof>, BatchError> {
        for (index, statement) in statements.iter().enumerate() {
            self.check(statement).map_err(|error| BatchError { index, error })?;
        }
        let blindings: Vec<Blinding> = statements.iter().map(|_| draw_blinding(rng)).collect();
        let mut blindings = blindings.as_slice();
        let runs: Vec<Run<'_>> = statements
            .chunk_by(|one, next| core::ptr::eq(one.membership, next.membership))
            .filter_map(|statements| {
                let (own, rest) = blindings.split_at_checked(statements.len())?;
                blindings = rest;
                Some(Run { statements, blindings: own })
            })
            .collect();
        let proofs = each(&runs, |run| run.prove(self));
        Ok(proofs.into_iter().flatten().collect())
    }

    fn check(&self, statement: &Statement<'_>) -> Result<(), ProveError> {
        statement.membership.check(&self.key.circuit)?;
        let limit = statement.membership.limit();
        Ok(statement.message.ids.check(&self.key.circuit, limit)?)
    }
}

/// Checked statements of one member, with the randomness of their proofs.
struct Run<'a> {
    statements: &'a [Statement<'a>],
    blindings: &'a [Blinding],
}

impl Run<'_> {
    fn prove(&self, prover: &Prover) -> Vec<RlnProof> {
        let work: Vec<_> = self.statements.iter().zip(self.blindings).collect();
        if let [(statement, blinding)] = work.as_slice() {
            let assignment = prover.fill(statement.membership, statement.message);
            return alloc::vec![prover.whole(&assignment, blinding)];
        }
        let Some(first) = self.statements.first() else { return Vec::new() };
        let partial: PartialProof = prover.begin(first.membership);
        each(&work, |(statement, blinding)| prover.end(&partial, statement.message, blinding))
    }
}

#[cfg(feature = "parallel")]
fn each<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Send + Sync) -> Vec<R> {
    use rayon::iter::{IntoParallelRefIterator, ParallelIterator};
    items.par_iter().map(work).collect()
}

#[cfg(not(feature = "parallel"))]
fn each<T, R>(items: &[T], work: impl Fn(&T) -> R) -> Vec<R> {
    items.iter().map(work).collect()
}

#[cfg(test)]
mod tests {
    use std::vec;

    use logos_crypto::Fr;
    use rand_chacha::ChaCha20Rng;
    use rand_core::SeedableRng;

    use super::*;
    use crate::{
        Circuit, CircuitKind, ExternalNullifier, IdentitySecret, LimitError, MerklePath,
        MessageIdsError, MessageLimit, Signal, Verifier, development_setup,
    };

    fn member(rng: &mut ChaCha20Rng) -> Membership {
        let path = MerklePath::new(vec![Fr::ONE; 2], 1).unwrap();
        Membership::new(IdentitySecret::random(rng), MessageLimit::new(9).unwrap(), path)
    }

    fn message(id: u32) -> Message {
        let limit = MessageLimit::new(30).unwrap();
        let epoch = ExternalNullifier::new(b"1", b"test");
        Message::new(epoch, Signal::from_message(&id.to_le_bytes()), limit.id(id).unwrap())
    }

    fn prover(rng: &mut ChaCha20Rng) -> Prover {
        let circuit = Circuit::new(2, 8, CircuitKind::Single).unwrap();
        Prover::new(development_setup(circuit, rng).prepare(&mut |_| ()).unwrap())
    }

    #[test]
    fn a_batch_of_several_members_verifies_in_its_order() {
        let mut rng = ChaCha20Rng::from_seed([1; 32]);
        let prover = prover(&mut rng);
        let members = [member(&mut rng), member(&mut rng), member(&mut rng)];
        let messages: Vec<Message> = (0..6).map(message).collect();
        // Runs of three, one and two.
        let of = [0, 0, 0, 1, 2, 2].map(|member: usize| &members[member]);
        let statements: Vec<_> =
            of.iter().zip(&messages).map(|(member, one)| Statement::new(member, one)).collect();
        let proofs = prover.prove_batch(&statements, &mut rng).unwrap();
        let verifier = Verifier::new(prover.key().verifying_key().clone());
        assert_eq!(proofs.len(), 6);
        for ((proof, message), member) in proofs.iter().zip(&messages).zip(of) {
            verifier.verify(proof, message.signal, &[member.root()]).unwrap();
            assert_eq!(proof.values, prover.values(member, message).unwrap());
        }
    }

    #[test]
    fn one_bad_statement_stops_the_batch_before_any_randomness_is_drawn() {
        let mut rng = ChaCha20Rng::from_seed([2; 32]);
        let prover = prover(&mut rng);
        let member = member(&mut rng);
        let messages = [message(0), message(9)];
        let statements = [0, 1].map(|at: usize| Statement::new(&member, &messages[at]));
        let mut untouched = rng.clone();
        let error = prover.prove_batch(&statements, &mut rng).unwrap_err();
        let reason = LimitError::IdNotBelowLimit { id: 9, limit: 9 };
        let expected = ProveError::MessageIds(MessageIdsError::Limit(reason));
        assert_eq!(error, BatchError { index: 1, error: expected });
        use rand_core::Rng;
        assert_eq!(rng.next_u64(), untouched.next_u64());
    }

    #[test]
    fn no_statements_make_no_proofs() {
        let mut rng = ChaCha20Rng::from_seed([3; 32]);
        assert_eq!(prover(&mut rng).prove_batch(&[], &mut rng), Ok(Vec::new()));
    }
}
