//! Ids that are burnt before anybody asks, for members who ask often.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rand_core::Rng;

use super::{Parts, Service};
use crate::prover::epoch::{Epoch, Millis};
use crate::prover::job::{Job, JobId, Submission};
use crate::prover::registry::MemberRecord;
use crate::prover::reservation::{Counter, MemberKey, Refusal, Wanted};
use crate::prover::store::{Delivery, ReserveRequest, StoreError};
use crate::prover::trace::Step;
use crate::prover::workshop::Workshop;
use crate::random::os_seeded;

/// How often hot members are looked for.
const LOOK: Duration = Duration::from_millis(20);
/// How long to wait after the store failed.
const PAUSE: Duration = Duration::from_millis(500);

impl Service {
    /// Burns ids ahead for members who are hot in `workshop`, and serves them from there, until the
    /// service stops.
    pub async fn stock_up(self: Arc<Self>, workshop: Arc<Workshop>) {
        let workshop = Arc::clone(self.workshop.get_or_init(|| workshop));
        let mut stop = self.stopped();
        while !*stop.borrow() {
            let now = self.parts.clock.now();
            let wanted = self.is_ready().then(|| workshop.wants_ids(self.parts.schedule.at(now)));
            let pause = match wanted.flatten() {
                None => LOOK,
                Some(member) => match self.stock(&workshop, &member, now).await {
                    Ok(()) => continue,
                    Err(error) => {
                        tracing::warn!(%error, "no ids are burnt ahead");
                        PAUSE
                    }
                },
            };
            tokio::select! {
                _ = stop.changed() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// Reserves ids for one member. An error means that ids may be burnt that nobody will use.
    async fn stock(
        &self,
        workshop: &Workshop,
        member: &MemberRecord,
        now: Millis,
    ) -> Result<(), StoreError> {
        let _stocking = self.stocking.lock().await;
        let (key, epoch) = (member.member, self.parts.schedule.at(now));
        let quota = self.quota_of(member);
        let counter = self.parts.store.counter(key).await?;
        let counter = counter.unwrap_or(Counter { epoch, next: 0 });
        let used = if counter.epoch == epoch { counter.next } else { 0 };
        let count = workshop.ids_ahead(quota.saturating_sub(used));
        let mut id = JobId([0; 32]);
        if let (true, Ok(mut rng)) = (count > 0, os_seeded()) {
            rng.fill_bytes(&mut id.0);
            let wanted = Wanted { epoch, exact: true, count, quota };
            let request = ReserveRequest { id, member: key, wanted };
            if let Ok(reservation) = self.parts.store.reserve(now, request).await? {
                workshop.stock(reservation);
                return Ok(());
            }
        }
        workshop.refuse(key);
        Ok(())
    }

    /// Ids of a member that are burnt and wait here for a message.
    pub(super) fn ahead(&self, member: MemberKey, epoch: Epoch) -> u32 {
        self.workshop.get().map_or(0, |workshop| workshop.ahead(member, epoch))
    }

    /// A member whose quota is used up may have ids ahead that have no slot yet: they are for the
    /// asking. The job of a submission that was refused, made from one of them, here or by whoever
    /// was faster with the same key.
    ///
    /// # Errors
    ///
    /// The store's.
    pub(super) async fn last_stocked(
        &self,
        refusal: Refusal,
        submission: &Submission,
        now: Millis,
    ) -> Result<Option<Job>, StoreError> {
        let (Refusal::OverQuota { .. }, 1) = (refusal, submission.wanted.count) else {
            return Ok(None);
        };
        let Some(_pending) = self.pending(submission.id) else {
            self.recorded(submission.id).await;
            return self.job_of(submission).await;
        };
        while self.ahead(submission.member, submission.wanted.epoch) > 0 {
            let delivery = match self.prove_from_slot(submission).await? {
                Some(delivery) => Some(delivery),
                None => self.unslotted(submission, now).await?,
            };
            if let Some(delivery) = delivery {
                let recording = Instant::now();
                let job = self.parts.store.deliver(now, vec![delivery]).await?.pop().flatten();
                self.parts.metrics.traces.step(submission.id, Step::Record, recording);
                return if job.is_some() { Ok(job) } else { self.job_of(submission).await };
            }
            // A slot is being made for the last one.
            tokio::time::sleep(LOOK).await;
        }
        self.job_of(submission).await
    }

    /// The job of a submission, if there is one.
    async fn job_of(&self, submission: &Submission) -> Result<Option<Job>, StoreError> {
        let job = self.parts.store.job(submission.id).await?;
        Ok(job.filter(|job| job.answers(submission)))
    }

    async fn unslotted(
        &self,
        submission: &Submission,
        now: Millis,
    ) -> Result<Option<Delivery>, StoreError> {
        let (Parts { group, store, .. }, Some(workshop)) = (&self.parts, self.workshop.get())
        else {
            return Ok(None);
        };
        let member = group.keyed(&**store, submission.member).await?;
        let (Some(member), Some(reservation)) = (member, workshop.take_bare(submission)) else {
            return Ok(None);
        };
        let job = Job::queued(submission, reservation, 0, now);
        let (workshop, started) = (Arc::clone(workshop), Instant::now());
        let proof = tokio::task::spawn_blocking(move || workshop.prove(&job, &member)).await;
        self.parts.metrics.traces.step(submission.id, Step::Prove, started);
        let submission = submission.clone();
        Ok(proof.ok().and_then(Result::ok).map(|proof| Delivery { submission, reservation, proof }))
    }

    /// The proof of a submission from a slot, if there is one and no job yet. Nobody has seen it
    /// before it is delivered.
    ///
    /// # Errors
    ///
    /// The store's.
    pub(super) async fn prove_from_slot(
        &self,
        submission: &Submission,
    ) -> Result<Option<Delivery>, StoreError> {
        let Some(workshop) = self.workshop.get() else { return Ok(None) };
        if workshop.ahead(submission.member, submission.wanted.epoch) == 0
            || self.parts.store.job(submission.id).await?.is_some()
        {
            return Ok(None);
        }
        let Some(ready) = workshop.take(submission) else { return Ok(None) };
        let (reservation, started) = (ready.reservation, Instant::now());
        let proof = workshop.prove_ready(ready, submission);
        self.parts.metrics.traces.step(submission.id, Step::ProveFromSlot, started);
        let submission = submission.clone();
        Ok(proof.map(|proof| Delivery { submission, reservation, proof }))
    }
}
