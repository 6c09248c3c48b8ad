//! Workers: they take jobs from the store, prove them, and put the proofs into the stream.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rand_core::Rng;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use super::clock::Clock;
use super::group::Group;
use super::job::{FailReason, Finished, Job, JobId, WorkerId};
use super::metrics::Metrics;
use super::registry::MemberRecord;
use super::store::{Store, StoreError};
use super::trace::{Outcome, Step};
use super::workshop::Workshop;
use crate::random::os_seeded;

/// How long a worker may be silent before others take its jobs.
pub const LEASE_MS: u64 = 30_000;
/// Jobs that a worker takes at once: another worker is as near as the next job.
const BATCH: usize = 1;
/// How long to look away at most when nothing is announced.
const POLL: Duration = Duration::from_millis(500);

/// What workers need.
#[derive(Clone, Debug)]
pub struct Workers {
    /// Where jobs and members are.
    pub store: Arc<dyn Store>,
    /// Who proves.
    pub workshop: Arc<Workshop>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The members, to find whose jobs they are.
    pub group: Arc<Group>,
    /// What is measured.
    pub metrics: Arc<Metrics>,
}

impl Workers {
    /// Works on `cores` cores until `stop` turns true; then finishes what it holds and returns.
    ///
    /// Two tasks share a core, so that one proves while the other waits for the store.
    pub async fn run(self, cores: usize, stop: watch::Receiver<bool>) {
        let cpu = Arc::new(Semaphore::new(cores.max(1)));
        let mut tasks = JoinSet::new();
        for _ in 0..2 * cores.max(1) {
            tasks.spawn(work(self.clone(), Arc::clone(&cpu), stop.clone()));
        }
        while tasks.join_next().await.is_some() {}
    }
}

async fn work(workers: Workers, cpu: Arc<Semaphore>, mut stop: watch::Receiver<bool>) {
    let Ok(mut rng) = os_seeded() else { return };
    let mut id = WorkerId([0; 16]);
    rng.fill_bytes(&mut id.0);
    let mut changes = workers.store.changes();
    while !*stop.borrow() {
        changes.mark_unchanged();
        match round(&workers, &cpu, id).await {
            Ok(0) => tokio::select! {
                _ = changes.changed() => {}
                _ = stop.changed() => {}
                () = tokio::time::sleep(POLL) => {}
            },
            Ok(_) => {}
            Err(error) => {
                tracing::warn!(%error, "a worker cannot reach the store");
                tokio::time::sleep(POLL).await;
            }
        }
    }
}

/// Takes jobs, proves them, and ends them; returns how many.
async fn round(workers: &Workers, cpu: &Arc<Semaphore>, id: WorkerId) -> Result<usize, StoreError> {
    let Workers { store, clock, metrics, .. } = workers;
    let now = clock.now();
    let jobs = store.claim(now, id, BATCH, now.plus(LEASE_MS)).await?;
    if jobs.is_empty() {
        return Ok(0);
    }
    let count = jobs.len();
    for job in &jobs {
        metrics.queue_wait.observe(Duration::from_millis(now.since(job.created)));
    }
    let finished = on_a_core(workers, cpu, jobs).await;
    let failed = finished.iter().filter(|finished| finished.outcome.is_err()).count();
    metrics.failed.add(failed as u64);
    let (ids, started): (Vec<JobId>, _) =
        (finished.iter().map(|finished| finished.id).collect(), Instant::now());
    let ended = store.finish(clock.now(), id, finished).await?;
    for (id, job) in ids.into_iter().zip(&ended) {
        metrics.traces.step(id, Step::Record, started);
        metrics.traces.end_as(id, job.as_ref());
    }
    Ok(count)
}

/// Proves on a thread that may compute. A proof that panics fails alone: its job is taken up again
/// when the lease ends, and fails for good after some attempts.
async fn on_a_core(workers: &Workers, cpu: &Arc<Semaphore>, jobs: Vec<Job>) -> Vec<Finished> {
    let mut finished = Vec::with_capacity(jobs.len());
    for job in jobs {
        let member = match member_of(workers, &job).await {
            Ok(member) => member,
            Err(error) => {
                tracing::warn!(%error, "a job waits for its lease to end");
                continue;
            }
        };
        let Some(member) = member else {
            finished.push(Finished { id: job.id, outcome: Err(FailReason::MemberGone) });
            continue;
        };
        let _core = cpu.acquire().await;
        let (workshop, traces) = (Arc::clone(&workers.workshop), &workers.metrics.traces);
        traces.taken(&job);
        let (id, started) = (job.id, Instant::now());
        match tokio::task::spawn_blocking(move || workshop.prove(&job, &member)).await {
            Ok(outcome) => {
                traces.step(id, Step::Prove, started);
                finished.push(Finished { id, outcome });
            }
            Err(error) => {
                traces.end(id, Outcome::Failed("GIVEN_UP"));
                tracing::error!(%error, "a proof was given up");
            }
        }
    }
    finished
}

/// Whose job it is. A member may have joined through another instance a moment ago: then the tree
/// is brought up to date first.
async fn member_of(workers: &Workers, job: &Job) -> Result<Option<Arc<MemberRecord>>, StoreError> {
    let Workers { group, store, .. } = workers;
    let Some(member) = group.keyed(&**store, job.reservation.member).await? else {
        return Ok(None);
    };
    if group.place(&member).is_none() {
        group.follow(&**store).await?;
    }
    Ok(Some(member))
}
