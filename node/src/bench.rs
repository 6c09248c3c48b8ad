//! How long proofs take on this machine.

use logos_crypto::Fr;
use logos_rln::{
    ExternalNullifier, Identity, Membership, MerklePath, Message, MessageIds, MessageIdsError,
    MessageLimit, PathError, Proof, ProofValues, ProveError, Prover, RlnProof, Signal, Verifier,
    VerifyError,
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
    /// The most memory the process had resident so far, where the system tells.
    pub peak_memory_bytes: Option<u64>,
}

/// Why nothing was measured.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
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
    let rounds = rounds.max(1);
    let member = member(prover, rng)?;
    let step = |stage, done| progress(Step { stage, done, of: rounds });
    let sample = |stage, work: &mut dyn FnMut(usize) -> Result<(), BenchError>| {
        let timed = (0..rounds).map(|round| {
            let (result, time) = Samples::time(|| work(round));
            step(stage, round + 1);
            result.map(|()| time)
        });
        let samples: Samples = timed.collect::<Result<_, _>>()?;
        Ok::<_, BenchError>(Timing::new(stage, &samples))
    };
    let mut proofs: Vec<(RlnProof, Signal)> = Vec::new();
    let prove = sample("full proof", &mut |round| {
        let (message, signal) = message(prover, round)?;
        proofs.push((prover.prove(&member, &message, rng)?, signal));
        Ok(())
    })?;
    let mut partial = prover.partial(&member)?;
    let prepare = sample("partial proof", &mut |_| {
        partial = prover.partial(&member)?;
        Ok(())
    })?;
    let finish = sample("finish", &mut |round| {
        let (message, signal) = message(prover, rounds + round)?;
        proofs.push((prover.finish(&partial, &message, rng)?, signal));
        Ok(())
    })?;
    let roots = [member.root()];
    for (proof, signal) in &proofs {
        verifier.verify(proof, *signal, &roots)?;
    }
    let mut all = proofs.iter().cycle();
    let verify = sample("verify", &mut |_| match all.next() {
        Some((proof, signal)) => Ok(verifier.verify(proof, *signal, &roots)?),
        None => Ok(()),
    })?;
    let batch = batches(verifier, &proofs, rounds, rng, progress)?;
    let timings = vec![prove, prepare, finish, verify, batch];
    Ok(Figures { timings, peak_memory_bytes: peak_memory_bytes() })
}

fn batches(
    verifier: &Verifier,
    proofs: &[(RlnProof, Signal)],
    rounds: usize,
    rng: &mut impl CryptoRng,
    progress: Progress<'_>,
) -> Result<Timing, BenchError> {
    let stage = "verify in batches of 64, a proof";
    let batch: Vec<(Proof, &ProofValues)> =
        proofs.iter().cycle().take(BATCH).map(|(proof, _)| (proof.proof, &proof.values)).collect();
    let mut times = Vec::with_capacity(rounds);
    for round in 0..rounds {
        let (verdicts, time) = Samples::time(|| verifier.verify_batch(&batch, rng));
        verdicts.into_iter().collect::<Result<(), _>>()?;
        times.push(time / u32::try_from(BATCH).unwrap_or(u32::MAX));
        progress(Step { stage, done: round + 1, of: rounds });
    }
    Ok(Timing::new(stage, &times.into_iter().collect()))
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

fn message(prover: &Prover, round: usize) -> Result<(Message, Signal), BenchError> {
    let signal = Signal::from_message(&round.to_le_bytes());
    let epoch = ExternalNullifier::new(&round.to_le_bytes(), b"logos-bench");
    let id = largest_limit(prover)?.id(0).map_err(MessageIdsError::from)?;
    let ids = match prover.circuit().kind() {
        logos_rln::CircuitKind::Multi { slots } => MessageIds::burn(&[id], slots)?,
        _ => id.into(),
    };
    Ok((Message::new(epoch, signal, ids), signal))
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
            assert_eq!(counts, [1; 5]);
        }
    }
}
