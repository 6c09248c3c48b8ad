//! What members send.

use logos_rln::{
    ExternalNullifier, Message, MessageId, MessageLimit, PartialProof, ProveError, Prover, Signal,
};
use rand_chacha::ChaCha20Rng;
use rand_core::{CryptoRng, SeedableRng};

use super::group::Group;
use super::report::Report;
use super::{DemoError, Plan, Progress, workers};
use crate::proof_file::encode_proof;

/// The application's name in external nullifiers.
const APPLICATION: &[u8] = b"logos-demo";
/// Seconds of an epoch, and the first one of this demonstration's clock.
const EPOCH_SECONDS: u64 = 60;
const FIRST_EPOCH: u64 = 1_763_701_200;

/// A message as it travels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Envelope {
    /// Which epoch it says it is of.
    pub(super) epoch: ExternalNullifier,
    /// What it says.
    pub(super) text: String,
    /// The bytes of the proof.
    pub(super) proof: Vec<u8>,
}

/// Which member sends which piece of the text when. Members take turns; when all have used up
/// their limit the next epoch begins.
pub(super) struct Schedule<'a> {
    pub(super) plan: Plan,
    pub(super) pieces: Vec<&'a str>,
}

/// One message of the schedule.
pub(super) struct Turn<'a> {
    pub(super) member: usize,
    pub(super) epoch: ExternalNullifier,
    pub(super) id: u32,
    pub(super) text: &'a str,
}

impl Schedule<'_> {
    /// Messages all members together may send in an epoch.
    fn messages_an_epoch(&self) -> usize {
        self.plan.members.saturating_mul(usize::try_from(self.plan.limit).unwrap_or(usize::MAX))
    }

    pub(super) fn epochs(&self) -> usize {
        self.plan.messages.div_ceil(self.messages_an_epoch().max(1))
    }

    pub(super) fn epoch(number: usize) -> ExternalNullifier {
        let seconds = FIRST_EPOCH + EPOCH_SECONDS * number as u64;
        ExternalNullifier::new(seconds.to_string().as_bytes(), APPLICATION)
    }

    pub(super) fn turn(&self, number: usize) -> Option<Turn<'_>> {
        let in_epoch = number % self.messages_an_epoch();
        Some(Turn {
            member: in_epoch % self.plan.members,
            epoch: Self::epoch(number / self.messages_an_epoch()),
            id: u32::try_from(in_epoch / self.plan.members).ok()?,
            text: self.pieces.get(number)?,
        })
    }

    fn turns(&self) -> impl Iterator<Item = Turn<'_>> {
        (0..self.pieces.len()).filter_map(|number| self.turn(number))
    }
}

/// The half of every member's proofs that is done once.
pub(super) fn partial_proofs(
    group: &Group,
    prover: &Prover,
    threads: usize,
    report: &mut Report,
    progress: Progress<'_>,
) -> Result<Vec<PartialProof>, DemoError> {
    let members: Vec<_> = (0..group.len()).filter_map(|member| group.membership(member)).collect();
    let stage = ("preparing members' proofs", progress);
    let (partials, times) =
        workers::map(&members, threads, stage, |member| prover.partial(member))?;
    report.timing("partial proof, once a member", &times);
    Ok(partials)
}

/// Everybody sends what the schedule says.
pub(super) fn send(
    schedule: &Schedule<'_>,
    prover: &Prover,
    partials: &[PartialProof],
    rng: &mut impl CryptoRng,
    report: &mut Report,
    progress: Progress<'_>,
) -> Result<Vec<Envelope>, DemoError> {
    // A generator for each proof, because threads share none.
    let work: Vec<_> = schedule.turns().map(|turn| (turn, ChaCha20Rng::from_rng(rng))).collect();
    let stage = ("finishing proofs", progress);
    let (sent, times) = workers::map(&work, schedule.plan.threads, stage, |(turn, rng)| {
        let Some(partial) = partials.get(turn.member) else { return Ok(None) };
        let id = partial.limit().id(turn.id).map_err(logos_rln::MessageIdsError::from)?;
        let message = Message::new(turn.epoch, Signal::from_message(turn.text.as_bytes()), id);
        let proof = prover.finish(partial, &message, &mut rng.clone())?;
        let proof = encode_proof(&proof);
        Ok::<_, ProveError>(Some(Envelope { epoch: turn.epoch, text: turn.text.to_owned(), proof }))
    })?;
    let sent: Vec<Envelope> = sent.into_iter().flatten().collect();
    report.messages = sent.len();
    report.epochs = schedule.epochs();
    report.proof_bytes = sent.first().map_or(0, |envelope| envelope.proof.len());
    report.timing("finish a proof, each message", &times);
    report.claim(
        sent.len() == schedule.plan.messages,
        format!("{} messages were sent, {} an epoch and member", sent.len(), schedule.plan.limit),
    );
    check_limit(prover, partials, report);
    Ok(sent)
}

/// Nobody can prove a message over the limit.
fn check_limit(prover: &Prover, partials: &[PartialProof], report: &mut Report) {
    let refused = partials.first().is_some_and(|partial| {
        let over = wider(partial.limit()).and_then(|(wider, id)| wider.id(id).ok());
        let Some(over) = over else { return false };
        let message = Message::new(Schedule::epoch(0), Signal::from_message(b"one more"), over);
        let mut rng = ChaCha20Rng::from_seed([0; 32]);
        matches!(prover.finish(partial, &message, &mut rng), Err(ProveError::MessageIds(_)))
    });
    report.claim(refused, "a message over the limit has no proof");
}

/// A limit that has one id more, and that id.
fn wider(limit: MessageLimit) -> Option<(MessageLimit, u32)> {
    Some((MessageLimit::new(limit.get().checked_add(1)?).ok()?, limit.get()))
}

/// A message id within `limit`.
pub(super) fn id(limit: MessageLimit, id: u32) -> Result<MessageId, DemoError> {
    Ok(limit.id(id)?)
}
