//! Proofs that are answered before they are on the disk, for clients who would rather not wait.
//!
//! The message id of such a proof was burnt on the disk before the proof was begun. What is still
//! to be written is what others read: the job, and the proof's place in the stream.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::Service;
use crate::prover::clock::Clock;
use crate::prover::epoch::Millis;
use crate::prover::job::{Job, JobId, ProofRecord, Submission};
use crate::prover::metrics::Metrics;
use crate::prover::store::{Delivery, Store, StoreError};
use crate::prover::trace::{Outcome, Step};

/// Jobs that are not recorded, at most; whoever comes then is queued.
const MAX_UNRECORDED: usize = 1024;
/// How long somebody who asks for a job waits at most until it is recorded.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long to wait after the store failed.
const PAUSE: Duration = Duration::from_millis(500);

/// What became of a submission.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    /// The job; as it was taken in, if its proof is there before it is recorded.
    pub job: Job,
    /// The proof of a job that is not recorded yet; it has no number.
    pub early: Option<ProofRecord>,
}

impl From<Job> for Answered {
    fn from(job: Job) -> Self {
        Self { job, early: None }
    }
}

/// Jobs that are being proved from what is ahead, or were answered, and that the store does not
/// have yet.
#[derive(Debug, Default)]
pub(super) struct Unrecorded {
    jobs: Mutex<HashSet<JobId>>,
    left: watch::Sender<()>,
}

/// One of them, until this is dropped.
#[derive(Debug)]
pub(super) struct Pending {
    unrecorded: Arc<Unrecorded>,
    id: JobId,
}

/// A proof that is to be recorded.
#[derive(Debug)]
pub(super) struct Stocked {
    /// The proof.
    pub(super) delivery: Delivery,
    pending: Pending,
}

impl Drop for Pending {
    fn drop(&mut self) {
        self.unrecorded.lock().remove(&self.id);
        self.unrecorded.left.send_replace(());
    }
}

impl Unrecorded {
    fn lock(&self) -> MutexGuard<'_, HashSet<JobId>> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a job in, if it is not there and there is room.
    fn enter(self: &Arc<Self>, id: JobId) -> Option<Pending> {
        let mut jobs = self.lock();
        let enters = jobs.len() < MAX_UNRECORDED && jobs.insert(id);
        enters.then(|| Pending { unrecorded: Arc::clone(self), id })
    }

    async fn wait_while(&self, patience: Duration, waits: impl Fn(&HashSet<JobId>) -> bool) {
        let mut left = self.left.subscribe();
        let over = async { while waits(&self.lock()) && left.changed().await.is_ok() {} };
        tokio::time::timeout(patience, over).await.ok();
    }
}

impl Service {
    /// The proof of a submission, if one can be had from what is there; it is to be recorded.
    /// Nobody else makes one for the job until then.
    ///
    /// # Errors
    ///
    /// The store's.
    pub(super) async fn stocked(
        &self,
        submission: &Submission,
    ) -> Result<Option<Stocked>, StoreError> {
        let Some(pending) = self.pending(submission.id) else { return Ok(None) };
        let delivery = self.prove_from_slot(submission).await?;
        Ok(delivery.map(|delivery| Stocked { delivery, pending }))
    }

    /// Takes a job for the caller, unless somebody has it.
    pub(super) fn pending(&self, id: JobId) -> Option<Pending> {
        self.unrecorded.enter(id)
    }

    /// The answer with a proof that is recorded meanwhile.
    pub(super) fn answer_early(&self, stocked: Stocked, now: Millis) -> Answered {
        let Delivery { submission, reservation, proof } = &stocked.delivery;
        let job = Job::queued(submission, *reservation, 0, now);
        let early = Some(ProofRecord::of_job(0, &job, proof, now));
        let (store, clock) = (Arc::clone(&self.parts.store), Arc::clone(&self.parts.clock));
        tokio::spawn(record(store, clock, Arc::clone(&self.parts.metrics), stocked));
        Answered { job, early }
    }

    /// Waits until nobody has a job.
    pub(super) async fn recorded(&self, id: JobId) {
        self.unrecorded.wait_while(PATIENCE, |jobs| jobs.contains(&id)).await;
    }

    /// Waits until everything that was answered is recorded.
    pub async fn all_recorded(&self, patience: Duration) {
        self.unrecorded.wait_while(patience, |jobs| !jobs.is_empty()).await;
    }
}

/// Records a proof that was answered; while the store fails, until its proof is of no use.
async fn record(
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    metrics: Arc<Metrics>,
    stocked: Stocked,
) {
    let Stocked { delivery, pending } = stocked;
    let (id, recording) = (delivery.submission.id, Instant::now());
    loop {
        let now = clock.now();
        match store.deliver(now, vec![delivery.clone()]).await {
            Ok(delivered) => {
                metrics.traces.step(id, Step::Record, recording);
                metrics.traces.end_as(id, delivered.first().and_then(Option::as_ref));
                break;
            }
            Err(error) if delivery.submission.deadline <= now => {
                tracing::error!(%error, "a proof that was answered is not in the stream");
                metrics.traces.end(id, Outcome::Failed("STORE_UNAVAILABLE"));
                break;
            }
            Err(error) => tracing::warn!(%error, "a proof that was answered waits for the store"),
        }
        tokio::time::sleep(PAUSE).await;
    }
    drop(pending);
}
