//! Having proofs made: submissions and their jobs.

use std::time::{Duration, Instant};

use logos_rln::Signal;
use sha2::{Digest, Sha256};

use super::early::Stocked;
use super::{Answered, MAX_BATCH, MAX_KEY_BYTES, MAX_MESSAGE_BYTES, MAX_WAIT, Service, check};
use crate::prover::epoch::{Epoch, Millis};
use crate::prover::job::{Job, JobId, JobState, LABEL_BYTES, Submission};
use crate::prover::problem::Problem;
use crate::prover::registry::MemberRecord;
use crate::prover::reservation::{Refusal, Wanted};
use crate::prover::trace::{Begun, Outcome, Step, TraceParent};
use crate::prover::workshop::MAX_IDS;

/// A request for a proof, as clients put it.
#[derive(Clone, Debug, Default)]
pub struct Order {
    /// The member's name.
    pub member: Vec<u8>,
    /// What it is about.
    pub message: Vec<u8>,
    /// The idempotency key; empty: the message is its own.
    pub key: Vec<u8>,
    /// Message ids to burn; 0 is 1.
    pub ids: u32,
    /// Only this epoch; 0: the current one.
    pub epoch: u64,
    /// The deadline; 0: the end of the epoch.
    pub deadline: u64,
    /// Returned with the proof.
    pub subject: Vec<u8>,
    /// Answer with the proof before it is recorded, if it can be made from a slot. Until then, a
    /// crash, or another instance, does not know the key: asking again burns an id more.
    pub early: bool,
    /// Where the request stands in the client's trace.
    pub parent: Option<TraceParent>,
}

/// How long a wait goes without looking: a proof is announced, other ends are not.
const LOOK_AGAIN: Duration = Duration::from_millis(250);

impl Service {
    /// Queues proofs: everything is checked before anything is consumed; each is answered by
    /// itself.
    ///
    /// # Errors
    ///
    /// [`Problem::Store`], and what concerns the batch as a whole.
    pub async fn submit(
        &self,
        orders: &[Order],
    ) -> Result<Vec<Result<Answered, Problem>>, Problem> {
        let mut begun = self.parts.metrics.traces.begin(orders);
        let answers = self.answers(orders, &mut begun).await;
        self.parts.metrics.traces.answered(begun, &answers);
        answers
    }

    async fn answers(
        &self,
        orders: &[Order],
        begun: &mut [Begun],
    ) -> Result<Vec<Result<Answered, Problem>>, Problem> {
        self.check_open()?;
        check("requests", "a batch has 1 to 256", (1..=MAX_BATCH).contains(&orders.len()))?;
        let started = Instant::now();
        let now = self.parts.clock.now();
        let mut answers: Vec<Result<Answered, Problem>> = Vec::with_capacity(orders.len());
        let mut admissible = Vec::new();
        for (place, order) in orders.iter().enumerate() {
            // Overwritten for those that are admissible.
            answers.push(Err(Problem::Store));
            match self.admissible(order, now).await {
                Ok(submission) => {
                    self.parts.metrics.traces.enter(begun.get_mut(place), &submission);
                    admissible.push((place, submission));
                }
                Err(problem) => put(&mut answers, place, Err(problem)),
            }
        }
        let metrics = &self.parts.metrics;
        let admissible = self.deliver(orders, now, admissible, &mut answers).await?;
        let (places, batch): (Vec<usize>, Vec<Submission>) = admissible.into_iter().unzip();
        let asked = batch.clone();
        let reserving = Instant::now();
        let submitted =
            if batch.is_empty() { Vec::new() } else { self.parts.store.submit(now, batch).await? };
        for place in &places {
            if let Some(Begun::Entered(id)) = begun.get(*place) {
                metrics.traces.step(*id, Step::Reserve, reserving);
            }
        }
        for ((place, answer), asked) in places.into_iter().zip(submitted).zip(asked) {
            let answer = match answer {
                Ok(admitted) if admitted.repeated => {
                    metrics.repeated.add(1);
                    Ok(admitted.job)
                }
                Ok(admitted) => {
                    metrics.submitted.add(1);
                    Ok(admitted.job)
                }
                Err(refusal) => match self.last_stocked(refusal, &asked, now).await? {
                    Some(job) => {
                        metrics.submitted.add(1);
                        Ok(job)
                    }
                    None => Err(self.refused(refusal, &asked.sender, now)),
                },
            };
            put(&mut answers, place, answer.map(Answered::from));
        }
        metrics.refused.add(answers.iter().filter(|answer| answer.is_err()).count() as u64);
        metrics.reserve.observe(started.elapsed());
        Ok(answers)
    }

    /// Answers what can be proved from ids burnt ahead; returns the others, once nothing of theirs
    /// is still to be recorded.
    async fn deliver(
        &self,
        orders: &[Order],
        now: Millis,
        admissible: Vec<(usize, Submission)>,
        answers: &mut [Result<Answered, Problem>],
    ) -> Result<Vec<(usize, Submission)>, Problem> {
        let (mut left, mut ready) = (Vec::new(), Vec::new());
        for (place, submission) in admissible {
            match self.stocked(&submission).await? {
                Some(stocked) if orders.get(place).is_some_and(|order| order.early) => {
                    self.parts.metrics.submitted.add(1);
                    put(answers, place, Ok(self.answer_early(stocked, now)));
                }
                Some(stocked) => ready.push((place, stocked)),
                None => left.push((place, submission)),
            }
        }
        left.extend(self.answer_recorded(now, ready, answers).await?);
        for (_, submission) in &left {
            self.recorded(submission.id).await;
        }
        Ok(left)
    }

    /// Records proofs and answers them; returns what has a proof already: somebody else was faster
    /// with the same key, and theirs is the answer.
    async fn answer_recorded(
        &self,
        now: Millis,
        ready: Vec<(usize, Stocked)>,
        answers: &mut [Result<Answered, Problem>],
    ) -> Result<Vec<(usize, Submission)>, Problem> {
        if ready.is_empty() {
            return Ok(Vec::new());
        }
        let deliveries = ready.iter().map(|(_, stocked)| stocked.delivery.clone()).collect();
        let recording = Instant::now();
        let delivered = self.parts.store.deliver(now, deliveries).await?;
        let mut left = Vec::new();
        for ((place, stocked), job) in ready.into_iter().zip(delivered) {
            let id = stocked.delivery.submission.id;
            self.parts.metrics.traces.step(id, Step::Record, recording);
            match job {
                Some(job) => {
                    self.parts.metrics.submitted.add(1);
                    put(answers, place, Ok(job.into()));
                }
                None => left.push((place, stocked.delivery.submission)),
            }
        }
        Ok(left)
    }

    /// Checks an order as far as that goes without consuming anything.
    async fn admissible(&self, order: &Order, now: Millis) -> Result<Submission, Problem> {
        let member = self.member(&order.member).await?;
        if member.sealed.is_none() {
            return Err(Problem::ClientHeld);
        }
        check("message", "is longer than 65536 bytes", order.message.len() <= MAX_MESSAGE_BYTES)?;
        check("message", "is empty", !order.message.is_empty())?;
        check("subject", "is longer than 64 bytes", order.subject.len() <= LABEL_BYTES)?;
        check("idempotency_key", "is longer than 256 bytes", order.key.len() <= MAX_KEY_BYTES)?;
        let (wanted, epoch) = self.wanted(&member, order.ids, order.epoch, now)?;
        self.check_denied(&member.name, now).await?;
        let signal = Signal::from_message(&order.message).to_field().to_bytes();
        let key = match order.key.as_slice() {
            [] => Sha256::new().chain_update(b"message").chain_update(&order.message).finalize(),
            key => Sha256::new().chain_update(b"key").chain_update(key).finalize(),
        };
        let last = self.parts.schedule.ends(epoch).plus(self.parts.rules.grace);
        let deadline = if order.deadline == 0 { last } else { Millis(order.deadline).min(last) };
        check("deadline_ms", "has passed", deadline > now)?;
        Ok(Submission {
            id: JobId::of(&member.member, &key),
            member: member.member,
            wanted,
            signal,
            sender: member.name.clone(),
            subject: order.subject.clone(),
            deadline,
        })
    }

    /// What is asked of the rule, and in which epoch by this clock.
    fn wanted(
        &self,
        member: &MemberRecord,
        ids: u32,
        epoch: u64,
        now: Millis,
    ) -> Result<(Wanted, Epoch), Problem> {
        let current = self.parts.schedule.at(now);
        let count = ids.max(1);
        if count > MAX_IDS {
            let refusal = Refusal::Count { asked: count, max: MAX_IDS };
            return Err(self.refused(refusal, &member.name, now));
        }
        let (exact, asked) = (epoch != 0, if epoch == 0 { current } else { Epoch(epoch) });
        if asked != current {
            return Err(Problem::Epoch { asked, current });
        }
        Ok((Wanted { epoch: asked, exact, count, quota: self.quota_of(member) }, asked))
    }

    /// A job.
    ///
    /// # Errors
    ///
    /// [`Problem::NotFound`] or [`Problem::Store`].
    pub async fn job(&self, id: JobId) -> Result<Job, Problem> {
        self.recorded(id).await;
        self.parts.store.job(id).await?.ok_or(Problem::NotFound("job"))
    }

    /// A job when it has ended, or as it is after `patience`.
    ///
    /// # Errors
    ///
    /// As [`Service::job`].
    pub async fn wait(&self, id: JobId, patience: Duration) -> Result<Job, Problem> {
        let until = Instant::now() + patience.min(MAX_WAIT);
        let (waiting, mut stop) = (self.stream.wait_for(id), self.stopped());
        loop {
            // Listening begins before looking, so that no end is missed in between.
            let ended = waiting.ended();
            let job = self.job(id).await?;
            let left = until.saturating_duration_since(Instant::now());
            if job.state.is_final() || left.is_zero() || *stop.borrow() {
                return Ok(job);
            }
            tokio::select! {
                () = ended => {}
                _ = stop.changed() => {}
                () = tokio::time::sleep(left.min(LOOK_AGAIN)) => {}
            }
        }
    }

    /// Gives a job up.
    ///
    /// # Errors
    ///
    /// As [`Service::job`].
    pub async fn cancel(&self, id: JobId) -> Result<Job, Problem> {
        self.recorded(id).await;
        let job = self.parts.store.cancel(id).await?.ok_or(Problem::NotFound("job"))?;
        if job.state == JobState::Cancelled {
            self.parts.metrics.traces.end(id, Outcome::Cancelled);
        }
        Ok(job)
    }
}

fn put(answers: &mut [Result<Answered, Problem>], place: usize, answer: Result<Answered, Problem>) {
    if let Some(slot) = answers.get_mut(place) {
        *slot = answer;
    }
}
