//! Who receives the messages and believes nothing.

use std::num::NonZeroUsize;
use std::time::Duration;

use logos_crypto::Fr;
use logos_crypto::merkle::RootHistory;
use logos_rln::{
    NullifierLog, NullifierLogError, Proof, ProofValues, RlnProof, Signal, Verdict, Verifier,
    VerifyError,
};
use rand_core::CryptoRng;
use thiserror::Error;

use super::group::Group;
use super::report::Report;
use super::traffic::{Envelope, Schedule};
use super::{Progress, Step};
use crate::proof_file::{ProofFileError, decode_proof};
use crate::timing::Samples;

/// Proofs that are checked together.
const BATCH: usize = 64;

/// Why a message is dropped.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub(super) enum ReceiveError {
    #[error(transparent)]
    Decode(#[from] ProofFileError),
    #[error(transparent)]
    Verify(#[from] VerifyError),
    #[error(transparent)]
    Log(#[from] NullifierLogError),
}

/// A verifier with what it remembers: accepted roots, open epochs, nullifiers.
pub(super) struct Receiver {
    verifier: Verifier,
    roots: RootHistory<Fr>,
    log: NullifierLog,
}

impl Receiver {
    /// Accepts no root and no epoch yet. The window of one root makes a removal count at once.
    pub(super) fn new(verifier: Verifier) -> Self {
        let roots = RootHistory::new(NonZeroUsize::MIN);
        Self { verifier, roots, log: NullifierLog::new(1, 1) }
    }

    /// Takes the group's root and opens the epochs of the schedule.
    pub(super) fn follow(&mut self, group: &Group, schedule: &Schedule<'_>) {
        self.accept_root(group);
        // One more, for messages after a removal.
        let epochs = schedule.epochs() + 1;
        self.log = NullifierLog::new(epochs, schedule.plan.messages);
        for number in 0..epochs {
            self.log.open(Schedule::epoch(number));
        }
    }

    pub(super) fn accept_root(&mut self, group: &Group) {
        self.roots.push(group.root());
    }

    pub(super) fn receive(&mut self, envelope: &Envelope) -> Result<Verdict, ReceiveError> {
        let (_, proof) = decode_proof(&envelope.proof)?;
        self.verify(&proof, envelope)?;
        Ok(self.log.record(&proof.values)?)
    }

    fn verify(&self, proof: &RlnProof, envelope: &Envelope) -> Result<(), VerifyError> {
        let roots: Vec<Fr> = self.roots.iter().copied().collect();
        let signal = Signal::from_message(envelope.text.as_bytes());
        self.verifier.verify_in_epoch(proof, signal, &roots, envelope.epoch)
    }

    /// Every message is accepted once, and together they are the text.
    pub(super) fn check_each(
        &mut self,
        sent: &[Envelope],
        text: &str,
        report: &mut Report,
        progress: Progress<'_>,
    ) {
        let mut times = Vec::with_capacity(sent.len());
        let mut received = String::with_capacity(text.len());
        let mut fresh = 0;
        for (done, envelope) in (1..).zip(sent) {
            let (verdict, time) = Samples::time(|| self.receive(envelope));
            times.push(time);
            if verdict == Ok(Verdict::Fresh) {
                fresh += 1;
                received.push_str(&envelope.text);
            }
            progress(Step { stage: "verifying one by one", done, of: sent.len() });
        }
        report.timing("decode, verify and log one proof", &times.into_iter().collect());
        report.claim(
            fresh == sent.len(),
            format!("{fresh} of {} proofs were accepted one by one, none as spam", sent.len()),
        );
        report.claim(received == text, "the accepted messages make up the text, byte for byte");
    }

    /// Batches give the same answers, and single out one bad proof.
    pub(super) fn check_batches(
        &self,
        sent: &[Envelope],
        rng: &mut impl CryptoRng,
        report: &mut Report,
        progress: Progress<'_>,
    ) {
        let decoded = sent.iter().filter_map(|envelope| decode_proof(&envelope.proof).ok());
        let proofs: Vec<RlnProof> = decoded.map(|(_, proof)| proof).collect();
        let mut times: Vec<Duration> = Vec::new();
        let mut valid = 0;
        for batch in proofs.chunks(BATCH) {
            let entries: Vec<_> = batch.iter().map(|proof| (proof.proof, &proof.values)).collect();
            let (verdicts, time) = Samples::time(|| self.verifier.verify_batch(&entries, rng));
            valid += verdicts.iter().filter(|verdict| verdict.is_ok()).count();
            let each = u32::try_from(batch.len()).unwrap_or(1).max(1);
            times.extend(batch.iter().map(|_| time / each));
            progress(Step { stage: "verifying in batches", done: valid, of: proofs.len() });
        }
        report.timing("verify in batches of 64, a proof", &times.into_iter().collect());
        report.claim(
            valid == sent.len(),
            format!("{valid} of {} proofs were accepted in batches of {BATCH}", sent.len()),
        );
        let found = self.singles_out(&proofs, rng);
        report.claim(found, "a batch with one bad proof in it refuses that one alone");
    }

    /// Puts another message's proof to the values of the second one.
    fn singles_out(&self, proofs: &[RlnProof], rng: &mut impl CryptoRng) -> bool {
        let mut entries: Vec<(Proof, &ProofValues)> =
            proofs.iter().take(BATCH).map(|proof| (proof.proof, &proof.values)).collect();
        let [first, second, ..] = entries.as_mut_slice() else { return false };
        second.0 = first.0;
        let verdicts = self.verifier.verify_batch(&entries, rng);
        let expected = |place: usize| if place == 1 { Err(VerifyError::Invalid) } else { Ok(()) };
        verdicts.iter().enumerate().all(|(place, verdict)| *verdict == expected(place))
    }

    /// The same message again is no offence.
    pub(super) fn check_duplicates(&mut self, sent: &[Envelope], report: &mut Report) {
        let again = || sent.iter().step_by((sent.len() / 20).max(1));
        let before = self.log.len();
        let ignored =
            again().filter(|envelope| self.receive(envelope) == Ok(Verdict::Duplicate)).count();
        report.claim(
            ignored == again().count() && self.log.len() == before,
            format!("{ignored} exact repetitions were ignored and nobody blamed"),
        );
    }

    /// A proof is good for its message, epoch and group alone.
    pub(super) fn check_alterations(&mut self, sent: &[Envelope], report: &mut Report) {
        let Some(honest) = sent.first() else { return };
        let text = Envelope { text: format!("{}!", honest.text), ..honest.clone() };
        let late = Envelope { epoch: Schedule::epoch(1), ..honest.clone() };
        report.claim(
            self.receive(&text) == Err(VerifyError::OtherSignal.into()),
            "a proof under another message was refused",
        );
        report.claim(
            self.receive(&late) == Err(VerifyError::OtherExternalNullifier.into()),
            "a proof in another epoch was refused",
        );
        let bits = 8 * honest.proof.len();
        let refused = (0..bits).step_by(bits.div_ceil(64).max(1)).filter(|bit| {
            let mut altered = honest.clone();
            if let Some(byte) = altered.proof.get_mut(bit / 8) {
                *byte ^= 1 << (bit % 8);
            }
            self.receive(&altered).is_err()
        });
        let (refused, tried) = (refused.count(), bits.div_ceil(bits.div_ceil(64).max(1)));
        report.claim(
            refused == tried,
            format!("{refused} of {tried} copies with one bit changed were refused"),
        );
        let short = honest.proof.split_last().map_or(&[][..], |(_, short)| short).to_vec();
        let cut = Envelope { proof: short, ..honest.clone() };
        report.claim(
            matches!(self.receive(&cut), Err(ReceiveError::Decode(_))),
            "a proof cut short was refused",
        );
    }
}
