//! How long proofs take on this machine.

#[cfg(feature = "zerokit")]
mod zerokit;

use logos_crypto::Fr;
use logos_rln::{
    BurnError, ExternalNullifier, Identity, Membership, MemoryLedger, MerklePath, Message,
    MessageIds, MessageIdsError, MessageLimit, PathError, Proof, ProofValues, ProveError, Prover,
    RlnProof, Signal, SlotError, SlotFactory, Verifier, VerifyError, burn,
};
use rand_core::CryptoRng;
use serde::Serialize;
use thiserror::Error;

use crate::demo::{Progress, Step, Timing};
use crate::timing::{Samples, peak_memory_bytes};

/// Proofs of one batch.
pub const BATCH: usize = 64;

/// What a measurement found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Figures {
    /// One row for each kind of work, on one thread.
    pub timings: Vec<Timing>,
    /// The same of zerokit in this run, for a program built with the feature `zerokit`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub zerokit: Vec<Timing>,
    /// The size of the prover's tables in a word.
    pub tables: &'static str,
    /// Bytes of the prover's tables.
    pub table_bytes: usize,
    /// The most memory the process had resident up to the last of `timings`, where the system
    /// tells.
    pub peak_memory_bytes: Option<u64>,
}

/// Why nothing was measured.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum BenchError {
    /// A proof could not be made.
    #[error(transparent)]
    Prove(#[from] ProveError),
    /// A proof just made is not valid: the figures would mean nothing.
    #[error("a proof made here was refused: {0}")]
    Verify(#[from] VerifyError),
    /// The circuit's depth is none of a path.
    #[error(transparent)]
    Path(#[from] PathError),
    /// The circuit's slots are none.
    #[error(transparent)]
    MessageIds(#[from] MessageIdsError),
    /// A message id could not be taken.
    #[error(transparent)]
    Burn(#[from] BurnError<core::convert::Infallible>),
    /// A slot made here was refused.
    #[error(transparent)]
    Slot(#[from] SlotError),
    /// zerokit refused what was proved here, or could not prove.
    #[cfg(feature = "zerokit")]
    #[error("zerokit: {0}")]
    Zerokit(String),
}

/// Makes and checks `rounds` proofs of each kind, and batches of them, on the calling thread.
///
/// # Errors
///
/// [`BenchError`]; every proof measured is verified.
pub fn measure(
    prover: &Prover,
    verifier: &Verifier,
    rounds: usize,
    rng: &mut impl CryptoRng,
    progress: Progress<'_>,
) -> Result<Figures, BenchError> {
    let mut run = Run { prover, verifier, rounds: rounds.max(1), progress, proofs: Vec::new() };
    let member = member(prover, rng)?;
    let mut timings = run.two_steps(&member, rng)?;
    timings.extend(run.two_phases(&member, rng)?);
    timings.extend(run.verification(&member, rng)?);
    // Before anybody else's keys are loaded.
    let peak_memory_bytes = peak_memory_bytes();
    #[cfg(feature = "zerokit")]
    let zerokit = zerokit::measure(&run, &member)?;
    #[cfg(not(feature = "zerokit"))]
    let zerokit = Vec::new();
    let tables = prover.tables();
    let (tables, table_bytes) = (tables.size().name(), tables.memory());
    Ok(Figures { timings, zerokit, tables, table_bytes, peak_memory_bytes })
}

/// One measurement: what with, how often, and what it made so far.
struct Run<'a> {
    prover: &'a Prover,
    verifier: &'a Verifier,
    rounds: usize,
    progress: Progress<'a>,
    proofs: Vec<(RlnProof, Signal)>,
}

impl Run<'_> {
    fn sample(
        &self,
        stage: &'static str,
        work: &mut dyn FnMut(usize) -> Result<(), BenchError>,
    ) -> Result<Timing, BenchError> {
        let timed = (0..self.rounds).map(|round| {
            let (result, time) = Samples::time(|| work(round));
            (self.progress)(Step { stage, done: round + 1, of: self.rounds });
            result.map(|()| time)
        });
        let samples: Samples = timed.collect::<Result<_, _>>()?;
        Ok(Timing::new(stage, &samples))
    }

    /// A proof at once, and in the part of the member and that of the message.
    fn two_steps(
        &mut self,
        member: &Membership,
        rng: &mut impl CryptoRng,
    ) -> Result<Vec<Timing>, BenchError> {
        let (prover, rounds) = (self.prover, self.rounds);
        let mut proofs = Vec::new();
        let full = self.sample("full proof", &mut |round| {
            let message = message(prover, round)?;
            proofs.push((prover.prove(member, &message, rng)?, message.signal));
            Ok(())
        })?;
        let mut partial = prover.partial(member)?;
        let prepare = self.sample("partial proof", &mut |_| {
            partial = prover.partial(member)?;
            Ok(())
        })?;
        let finish = self.sample("finish", &mut |round| {
            let message = message(prover, rounds + round)?;
            proofs.push((prover.finish(&partial, &message, rng)?, message.signal));
            Ok(())
        })?;
        self.proofs.append(&mut proofs);
        Ok(vec![full, prepare, finish])
    }

    /// A proof made ahead, and the message put into it.
    fn two_phases(
        &mut self,
        member: &Membership,
        rng: &mut impl CryptoRng,
    ) -> Result<Vec<Timing>, BenchError> {
        let prover = self.prover;
        let factory = SlotFactory::new(prover, member)?;
        let mut ledger = MemoryLedger::default();
        let mut ready = Vec::new();
        let offline = self.sample("slot, before the message", &mut |round| {
            let message = message(prover, round)?;
            let slot = factory.make(prover, message.external_nullifier, &message.ids, rng)?;
            ready.push((slot, message));
            Ok(())
        })?;
        let ids = [largest_limit(prover)?.id(0).map_err(MessageIdsError::from)?];
        let mut waiting = ready.into_iter().map(|(slot, message)| {
            Ok((slot, burn(&mut ledger, message.external_nullifier, &ids)?, message.signal))
        });
        let mut proofs = Vec::new();
        let online = self.sample("online proof, slot ready", &mut |_| {
            let Some(next) = waiting.next() else { return Ok(()) };
            let (slot, burnt, signal) = next.map_err(BenchError::Burn)?;
            proofs.push((slot.prove(prover, burnt, signal)?, signal));
            Ok(())
        })?;
        self.proofs.append(&mut proofs);
        Ok(vec![offline, online])
    }

    /// Every proof made, one by one and in batches.
    fn verification(
        &self,
        member: &Membership,
        rng: &mut impl CryptoRng,
    ) -> Result<Vec<Timing>, BenchError> {
        let roots = [member.root()];
        for (proof, signal) in &self.proofs {
            self.verifier.verify(proof, *signal, &roots)?;
        }
        let mut all = self.proofs.iter().cycle();
        let single = self.sample("verify", &mut |_| match all.next() {
            Some((proof, signal)) => Ok(self.verifier.verify(proof, *signal, &roots)?),
            None => Ok(()),
        })?;
        Ok(vec![single, self.batches(rng)?])
    }

    fn batches(&self, rng: &mut impl CryptoRng) -> Result<Timing, BenchError> {
        let stage = "verify in batches of 64, a proof";
        let all = self.proofs.iter().cycle().take(BATCH);
        let batch: Vec<(Proof, &ProofValues)> =
            all.map(|(proof, _)| (proof.proof, &proof.values)).collect();
        let mut times = Vec::with_capacity(self.rounds);
        for round in 0..self.rounds {
            let (verdicts, time) = Samples::time(|| self.verifier.verify_batch(&batch, rng));
            verdicts.into_iter().collect::<Result<(), _>>()?;
            times.push(time / u32::try_from(BATCH).unwrap_or(u32::MAX));
            (self.progress)(Step { stage, done: round + 1, of: self.rounds });
        }
        Ok(Timing::new(stage, &times.into_iter().collect()))
    }
}

/// A member of a tree of one, with the largest limit the circuit proves.
fn member(prover: &Prover, rng: &mut impl CryptoRng) -> Result<Membership, BenchError> {
    let circuit = prover.circuit();
    let path = MerklePath::new(vec![Fr::ZERO; usize::from(circuit.depth())], 0)?;
    let secret = Identity::random(rng).secret().duplicate();
    Ok(Membership::new(secret, largest_limit(prover)?, path))
}

fn largest_limit(prover: &Prover) -> Result<MessageLimit, BenchError> {
    Ok(MessageLimit::new(prover.circuit().max_limit()).map_err(MessageIdsError::from)?)
}

fn message(prover: &Prover, round: usize) -> Result<Message, BenchError> {
    let signal = Signal::from_message(&round.to_le_bytes());
    let epoch = ExternalNullifier::new(&round.to_le_bytes(), b"logos-bench");
    let id = largest_limit(prover)?.id(0).map_err(MessageIdsError::from)?;
    let ids = match prover.circuit().kind() {
        logos_rln::CircuitKind::Multi { slots } => MessageIds::burn(&[id], slots)?,
        _ => id.into(),
    };
    Ok(Message::new(epoch, signal, ids))
}

#[cfg(test)]
mod tests {
    use rand_chacha::ChaCha20Rng;
    use rand_core::SeedableRng;

    use super::*;

    #[test]
    fn both_circuits_are_measured_with_valid_proofs() {
        let mut rng = ChaCha20Rng::from_seed([1; 32]);
        for key in [logos_rln_keys::single(), logos_rln_keys::multi()] {
            let verifier = Verifier::new(key.verifying_key().clone());
            let figures = measure(&Prover::new(key), &verifier, 1, &mut rng, &|_| ()).unwrap();
            let counts: Vec<usize> = figures.timings.iter().map(|row| row.count).collect();
            assert_eq!(counts, [1; 7]);
        }
    }
}
