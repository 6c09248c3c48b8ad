//! What is done for each submission, and when, for whoever keeps traces.
//!
//! A trace begins with the request and ends when the proof is recorded, or it is clear that there
//! will be none. It holds neither member nor message. Without a [`TraceSink`] nothing is noted.

mod parent;

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt::Debug;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use http::HeaderMap;
pub use parent::TraceParent;

use super::epoch::{Epoch, Millis};
use super::job::{Job, JobId, JobState, ProofRecord, Submission};
use super::problem::Problem;
use super::service::{Answered, Order};

/// Traces of jobs that have not ended, at most; further ones end with the answer.
const MAX_OPEN: usize = 16_384;
/// Steps of one trace, at most: each worker that takes a job adds three.
const MAX_STEPS: usize = 24;
/// How long this process may take to end a trace itself after its proof appeared in the stream.
const LAST_STEP: Duration = Duration::from_secs(1);
/// Milliseconds after its deadline when a job is given up.
const GRACE_MS: u64 = 5_000;

/// A part of what is done for a submission.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Step {
    /// Its message ids are reserved and its job queued, durably.
    Reserve,
    /// It waits for a worker.
    Queue,
    /// Its proof is made.
    Prove,
    /// Its proof is made from a slot; the message id was reserved before anybody asked.
    ProveFromSlot,
    /// Its proof is put into the stream, durably.
    Record,
}

impl Step {
    /// As spans are named.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Reserve => "reserve",
            Self::Queue => "queue",
            Self::Prove => "prove",
            Self::ProveFromSlot => "prove from slot",
            Self::Record => "record",
        }
    }
}

/// What became of a submission.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// The proof has this number in the stream.
    Recorded(u64),
    /// The client was told why not.
    Refused(&'static str),
    /// There is no proof, through no fault of the client's.
    Failed(&'static str),
    /// The client gave it up.
    Cancelled,
    /// It is queued, and another trace, or none, tells of the rest.
    Queued,
    /// This process ended first.
    Left,
}

impl Outcome {
    /// One word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Recorded(_) => "RECORDED",
            Self::Refused(reason) | Self::Failed(reason) => reason,
            Self::Cancelled => "CANCELLED",
            Self::Queued => "QUEUED",
            Self::Left => "LEFT",
        }
    }

    /// How a job ended, if it did.
    const fn of(state: &JobState) -> Option<Self> {
        Some(match state {
            JobState::Queued | JobState::Proving { .. } => return None,
            JobState::Done { seq } => Self::Recorded(*seq),
            JobState::Failed(reason) => Self::Failed(reason.name()),
            JobState::Expired => Self::Failed("EPOCH_OR_DEADLINE_PASSED"),
            JobState::Cancelled => Self::Cancelled,
        })
    }
}

impl From<&Problem> for Outcome {
    fn from(problem: &Problem) -> Self {
        match problem {
            Problem::Store => Self::Failed(problem.reason()),
            _ => Self::Refused(problem.reason()),
        }
    }
}

/// What was done for one submission.
#[derive(Clone, Debug)]
pub struct Trace {
    /// The caller's span.
    pub parent: Option<TraceParent>,
    /// The job; none if the submission was refused before it had one.
    pub job: Option<JobId>,
    /// The epoch of its ids.
    pub epoch: Option<Epoch>,
    /// How many message ids it burns.
    pub ids: u32,
    /// Was it another process that took the submission in? Then this one only proved.
    pub is_of_other: bool,
    /// When the request came.
    pub from: Instant,
    /// When it was over.
    pub to: Instant,
    /// What was done, from when to when.
    pub steps: Vec<(Step, Instant, Instant)>,
    /// What became of it.
    pub outcome: Outcome,
}

impl Trace {
    fn begun(parent: Option<TraceParent>, ids: u32, now: Instant) -> Self {
        let (steps, outcome) = (Vec::new(), Outcome::Left);
        let (job, epoch, is_of_other) = (None, None, false);
        Self { parent, job, epoch, ids, is_of_other, from: now, to: now, steps, outcome }
    }

    fn note(&mut self, step: Step, from: Instant, to: Instant) {
        if self.steps.len() < MAX_STEPS {
            self.steps.push((step, from, to));
        }
    }

    /// When the last step ended.
    fn latest(&self) -> Instant {
        self.steps.iter().fold(self.from, |latest, (_, _, to)| latest.max(*to))
    }

    fn ended(mut self, outcome: Outcome, at: Instant) -> Self {
        self.outcome = outcome;
        self.to = at.max(self.latest());
        self
    }
}

/// Where traces go when they have ended.
pub trait TraceSink: Debug + Send + Sync {
    /// Takes one. Proofs wait for this, so it does not wait for anything.
    fn take(&self, trace: Trace);

    /// Hands on what it has, and takes no more; blocks for so long at most.
    fn close(&self, patience: Duration);
}

/// The traces of jobs that have not ended.
#[derive(Debug, Default)]
pub struct Traces {
    sink: Option<Arc<dyn TraceSink>>,
    open: Mutex<HashMap<JobId, Open>>,
}

#[derive(Debug)]
struct Open {
    trace: Trace,
    deadline: Millis,
    /// Was the client answered? It may be later than the end.
    is_answered: bool,
    ended: Option<(Outcome, Instant)>,
    /// When its proof was seen in the stream, whoever made it, and where.
    seen: Option<(u64, Instant)>,
}

impl Open {
    const fn of(trace: Trace, deadline: Millis, is_answered: bool) -> Self {
        Self { trace, deadline, is_answered, ended: None, seen: None }
    }

    fn end(&mut self, outcome: Outcome, at: Instant) {
        self.ended.get_or_insert((outcome, at));
    }

    const fn is_over(&self) -> bool {
        self.is_answered && self.ended.is_some()
    }

    fn into_trace(self) -> Trace {
        let (outcome, at) = self.ended.unwrap_or((Outcome::Left, self.trace.from));
        self.trace.ended(outcome, at)
    }
}

/// The trace of a submission that was not answered yet.
#[derive(Debug)]
pub(super) enum Begun {
    /// Known to nobody else.
    Alone(Trace),
    /// The job's: steps are noted wherever they are done.
    Entered(JobId),
}

impl Traces {
    /// Gives traces to `sink`.
    #[must_use]
    pub fn to(sink: Arc<dyn TraceSink>) -> Self {
        Self { sink: Some(sink), open: Mutex::default() }
    }

    /// Are there any?
    pub(super) const fn are_kept(&self) -> bool {
        self.sink.is_some()
    }

    /// Below which span a request with these headers stands, if that matters to anybody.
    pub(super) fn parent_of(&self, headers: &HeaderMap) -> Option<TraceParent> {
        if self.are_kept() { TraceParent::of(headers) } else { None }
    }

    fn open(&self) -> MutexGuard<'_, HashMap<JobId, Open>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins a trace for each order.
    pub(super) fn begin(&self, orders: &[Order]) -> Vec<Begun> {
        if !self.are_kept() {
            return Vec::new();
        }
        let now = Instant::now();
        let begun = |order: &Order| Begun::Alone(Trace::begun(order.parent, order.ids.max(1), now));
        orders.iter().map(begun).collect()
    }

    /// Makes a begun trace that of a job, unless the job has one.
    pub(super) fn enter(&self, begun: Option<&mut Begun>, submission: &Submission) {
        let Some(Begun::Alone(trace)) = begun.as_deref() else { return };
        let mut trace = trace.clone();
        let id = submission.id;
        (trace.job, trace.epoch) = (Some(id), Some(submission.wanted.epoch));
        let mut open = self.open();
        let has_room = open.len() < MAX_OPEN && !open.contains_key(&id);
        if let (true, Some(begun)) = (has_room, begun) {
            open.insert(id, Open::of(trace, submission.deadline, false));
            *begun = Begun::Entered(id);
        }
    }

    /// The clients are answered: ends what ended with that.
    pub(super) fn answered(
        &self,
        begun: Vec<Begun>,
        answers: &Result<Vec<Result<Answered, Problem>>, Problem>,
    ) {
        let Some(sink) = &self.sink else { return };
        let now = Instant::now();
        for (place, begun) in begun.into_iter().enumerate() {
            let answer = match answers {
                Ok(answers) => answers.get(place).map(Result::as_ref),
                Err(problem) => Some(Err(problem)),
            };
            let (epoch, outcome) = match answer {
                Some(Ok(Answered { job, .. })) => {
                    (Some(job.reservation.epoch), Outcome::of(&job.state))
                }
                Some(Err(problem)) => (None, Some(problem.into())),
                None => (None, Some(Outcome::Left)),
            };
            match begun {
                Begun::Alone(trace) => {
                    sink.take(trace.ended(outcome.unwrap_or(Outcome::Queued), now));
                }
                Begun::Entered(id) => self.change(id, |open| {
                    open.is_answered = true;
                    open.trace.epoch = epoch.or(open.trace.epoch);
                    if let Some(outcome) = outcome {
                        open.end(outcome, now);
                    }
                }),
            }
        }
    }

    /// Changes an open trace, and hands it on if it is over.
    fn change(&self, id: JobId, change: impl FnOnce(&mut Open)) {
        let Some(sink) = &self.sink else { return };
        let over = {
            let mut open = self.open();
            let Entry::Occupied(mut entry) = open.entry(id) else { return };
            change(entry.get_mut());
            if !entry.get().is_over() {
                return;
            }
            entry.remove()
        };
        sink.take(over.into_trace());
    }

    /// A step was done, from then until now.
    pub(super) fn step(&self, id: JobId, step: Step, from: Instant) {
        self.change(id, |open| open.trace.note(step, from, Instant::now()));
    }

    /// A worker begins with a job. One that another process took in has a trace of its own here.
    pub(super) fn taken(&self, job: &Job) {
        if !self.are_kept() {
            return;
        }
        let now = Instant::now();
        let mut open = self.open();
        if open.len() >= MAX_OPEN {
            return;
        }
        let open = open.entry(job.id).or_insert_with(|| {
            let mut trace = Trace::begun(None, job.reservation.count, now);
            (trace.job, trace.epoch) = (Some(job.id), Some(job.reservation.epoch));
            trace.is_of_other = true;
            Open::of(trace, job.deadline, true)
        });
        if !open.trace.is_of_other {
            let from = open.trace.latest();
            open.trace.note(Step::Queue, from, now);
        }
    }

    /// There is nothing more to be done for a job.
    pub(super) fn end(&self, id: JobId, outcome: Outcome) {
        self.change(id, |open| open.end(outcome, Instant::now()));
    }

    /// A job ended as it says, or is somebody else's now.
    pub(super) fn end_as(&self, id: JobId, job: Option<&Job>) {
        let outcome = job.and_then(|job| Outcome::of(&job.state));
        self.end(id, outcome.unwrap_or(Outcome::Failed("LEASE_LOST")));
    }

    /// Proofs appeared in the stream. Whoever recorded them here notes that as well.
    pub(super) fn seen(&self, page: &[ProofRecord]) {
        if !self.are_kept() {
            return;
        }
        let now = Instant::now();
        for proof in page {
            self.change(proof.job, |open| open.seen = Some((proof.seq, now)));
        }
    }

    /// Ends traces whose proofs others made, and those of jobs whose deadline passed.
    pub(super) fn tidy(&self, now: Millis) {
        let Some(sink) = &self.sink else { return };
        let at = Instant::now();
        let over = |open: &mut Open| match open.seen {
            Some((seq, seen)) if at.saturating_duration_since(seen) >= LAST_STEP => {
                open.end(Outcome::Recorded(seq), seen);
                true
            }
            _ if open.deadline.plus(GRACE_MS) <= now => {
                open.end(Outcome::Failed("EPOCH_OR_DEADLINE_PASSED"), at);
                true
            }
            _ => false,
        };
        let over: Vec<Open> =
            self.open().extract_if(|_, open| over(open)).map(|(_, open)| open).collect();
        for open in over {
            sink.take(open.into_trace());
        }
    }

    /// Ends everything; blocks for so long at most.
    pub(super) fn close(&self, patience: Duration) {
        let Some(sink) = &self.sink else { return };
        let at = Instant::now();
        let open: Vec<Open> = self.open().drain().map(|(_, open)| open).collect();
        for mut open in open {
            open.end(open.seen.map_or(Outcome::Left, |(seq, _)| Outcome::Recorded(seq)), at);
            sink.take(open.into_trace());
        }
        sink.close(patience);
    }
}

#[cfg(test)]
mod tests;
