//! Checking proofs and nullifiers of others.

use logos_crypto::Fr;
use logos_rln::{Proof, ProofValues, RlnProof, Signal, VerifyError};
use sha2::{Digest, Sha256};

use super::Service;
use crate::prover::epoch::Epoch;
use crate::prover::mark::{Mark, Recorded};
use crate::prover::problem::Problem;
use crate::random::os_seeded;

/// A proof, and what somebody says it is for.
#[derive(Clone, Copy, Debug)]
pub struct Claim<'a> {
    /// The message.
    pub message: &'a [u8],
    /// The epoch it must count in; 0: the current one or the one before.
    pub epoch: u64,
    /// The proof, in a frame of any release.
    pub proof: &'a [u8],
}

/// A proof that holds, and the epoch it counts in.
type Checked = Result<(RlnProof, Epoch), Problem>;

impl Service {
    /// Checks a proof against message, accepted roots and epoch.
    ///
    /// # Errors
    ///
    /// [`Problem::BadProof`].
    pub fn verify(&self, message: &[u8], epoch: u64, proof: &[u8]) -> Checked {
        let claim = Claim { message, epoch, proof };
        self.verify_batch(&[claim])?.pop().ok_or(Problem::Store)?
    }

    /// Checks many proofs, at a fifth of the cost of one by one; the answers stand in the order of
    /// the claims, each [`Problem::BadProof`] or what was proved.
    ///
    /// # Errors
    ///
    /// [`Problem::Store`] if the operating system gives no randomness.
    pub fn verify_batch(&self, claims: &[Claim<'_>]) -> Result<Vec<Checked>, Problem> {
        let roots = self.parts.group.roots();
        let mut checked: Vec<_> = claims.iter().map(|claim| self.claimed(claim, &roots)).collect();
        for single in [true, false] {
            let of_kind = checked.iter().enumerate().filter_map(|(place, one)| {
                let (proof, _) = one.as_ref().ok()?;
                (is_single(proof) == single).then_some((place, (proof.proof, &proof.values)))
            });
            let (places, proofs): (Vec<usize>, Vec<(Proof, &ProofValues)>) = of_kind.unzip();
            if proofs.is_empty() {
                continue;
            }
            let mut rng = os_seeded().map_err(|_| Problem::Store)?;
            let verdicts = self.parts.circuits.verifier(single).verify_batch(&proofs, &mut rng);
            for (place, verdict) in places.into_iter().zip(verdicts) {
                if let (Err(error), Some(one)) = (verdict, checked.get_mut(place)) {
                    *one = Err(bad(error));
                }
            }
        }
        Ok(checked)
    }

    /// All but the pairing: is the proof about this message, these roots, this epoch?
    fn claimed(&self, claim: &Claim<'_>, roots: &[Fr]) -> Checked {
        let proof = RlnProof::from_bytes(claim.proof)
            .map_err(|error| Problem::BadProof(error.to_string()))?;
        let schedule = &self.parts.schedule;
        let current = schedule.at(self.parts.clock.now());
        let accepted = match claim.epoch {
            0 => vec![current, Epoch(current.0.saturating_sub(1))],
            epoch => vec![Epoch(epoch)],
        };
        let named = proof.values.external_nullifier();
        let epoch = accepted.into_iter().find(|epoch| schedule.external_nullifier(*epoch) == named);
        let epoch = epoch.ok_or_else(|| bad(VerifyError::OtherExternalNullifier))?;
        if !roots.contains(&proof.values.root()) {
            return Err(bad(VerifyError::UnknownRoot));
        }
        if proof.values.x() != Signal::from_message(claim.message).to_field() {
            return Err(bad(VerifyError::OtherSignal));
        }
        Ok((proof, epoch))
    }

    /// Was a nullifier seen in an epoch?
    ///
    /// # Errors
    ///
    /// [`Problem::Store`], or [`Problem::Invalid`] for one that has not 32 bytes.
    pub async fn is_seen(&self, nullifier: &[u8], epoch: u64) -> Result<bool, Problem> {
        let (store, epoch, proved) = (&self.parts.store, Epoch(epoch), nullifier_of(nullifier)?);
        let bare = bare(epoch, &proved).nullifier;
        let found = [store.mark(epoch, proved).await?, store.mark(epoch, bare).await?];
        Ok(found.iter().any(Option::is_some))
    }

    /// Notes a nullifier whose proof somebody else has verified; returns whether it was new.
    ///
    /// It never counts as one half of a double signal, because nothing here was proved.
    ///
    /// # Errors
    ///
    /// As [`Service::is_seen`], and [`Problem::Epoch`] for one that is neither the current one nor
    /// beside it.
    pub async fn note_nullifier(&self, nullifier: &[u8], epoch: u64) -> Result<bool, Problem> {
        let (epoch, proved) = (Epoch(epoch), nullifier_of(nullifier)?);
        self.check_near(epoch)?;
        let store = &self.parts.store;
        if store.mark(epoch, proved).await?.is_some() {
            return Ok(false);
        }
        let recorded = store.record(self.parts.clock.now(), vec![bare(epoch, &proved)]).await?;
        Ok(recorded == [Recorded::Fresh])
    }
}

fn bad(error: VerifyError) -> Problem {
    Problem::BadProof(error.to_string())
}

const fn is_single(proof: &RlnProof) -> bool {
    matches!(proof.values, ProofValues::Single(_))
}

fn nullifier_of(bytes: &[u8]) -> Result<[u8; 32], Problem> {
    let invalid = |_| Problem::Invalid { field: "nullifier", reason: "has not 32 bytes" };
    bytes.try_into().map_err(invalid)
}

/// The mark of a nullifier without a point. Under a name of its own, so that it does not stand in
/// the way of a proved one.
fn bare(epoch: Epoch, nullifier: &[u8; 32]) -> Mark {
    let name = Sha256::new().chain_update(b"bare nullifier").chain_update(nullifier).finalize();
    Mark { epoch, nullifier: name.into(), x: [0; 32], y: [0; 32] }
}
