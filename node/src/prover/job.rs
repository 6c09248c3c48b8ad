//! A request for a proof, from submission to its end.

use sha2::{Digest, Sha256};

use super::epoch::{Epoch, Millis};
use super::reservation::{MemberKey, Reservation, Wanted};

/// Names a job: SHA-256 of the member and the client's idempotency key, so asking twice with one
/// key finds the same job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct JobId(pub [u8; 32]);

impl JobId {
    /// The job of a member and an idempotency key.
    #[must_use]
    pub fn of(member: &MemberKey, key: &[u8]) -> Self {
        Self(Sha256::new().chain_update(member.0).chain_update(key).finalize().into())
    }
}

/// Names a worker for as long as it runs: 16 random bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct WorkerId(pub [u8; 16]);

/// The longest [`Submission::subject`] and [`Submission::sender`].
pub const LABEL_BYTES: usize = 64;

/// What a client asks to have proved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Submission {
    /// The job's name, by the client's idempotency key.
    pub id: JobId,
    /// Whose message ids are used.
    pub member: MemberKey,
    /// Epoch, number of ids and quota.
    pub wanted: Wanted,
    /// The message as the circuit sees it: a field element that is not zero.
    pub signal: [u8; 32],
    /// The member's name as the client gave it, at most [`LABEL_BYTES`]; subscribers filter by it.
    pub sender: Vec<u8>,
    /// What the proof is for, such as a transaction hash, at most [`LABEL_BYTES`].
    pub subject: Vec<u8>,
    /// After this the proof is of no use.
    pub deadline: Millis,
}

/// Why a job failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FailReason {
    /// The member left the tree before its proof was made.
    MemberGone,
    /// The service holds no secret for the member, or cannot open it.
    NoSecret,
    /// Workers died over it too often.
    Attempts,
    /// The prover refused the inputs.
    Prover,
}

impl FailReason {
    /// The number it is stored and sent as.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::MemberGone => 1,
            Self::NoSecret => 2,
            Self::Attempts => 3,
            Self::Prover => 4,
        }
    }

    /// The reason of a number.
    #[must_use]
    pub const fn from_code(code: u8) -> Option<Self> {
        Some(match code {
            1 => Self::MemberGone,
            2 => Self::NoSecret,
            3 => Self::Attempts,
            4 => Self::Prover,
            _ => return None,
        })
    }

    /// One word for metrics and machines.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::MemberGone => "MEMBER_GONE",
            Self::NoSecret => "NO_SECRET",
            Self::Attempts => "ATTEMPTS",
            Self::Prover => "PROVER",
        }
    }
}

/// Where a job stands: `queued -> proving -> done | failed | expired | cancelled`, and back from
/// `proving` to `queued` if its worker dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum JobState {
    /// Waits for a worker.
    Queued,
    /// A worker has it until its lease ends.
    Proving {
        /// Which worker.
        worker: WorkerId,
        /// When others may take it over.
        until: Millis,
    },
    /// The proof stands in the stream under this number.
    Done {
        /// Its sequence number.
        seq: u64,
    },
    /// There is no proof, and there will be none. Its message ids are burnt.
    Failed(FailReason),
    /// The deadline passed first. Its message ids are burnt.
    Expired,
    /// The client gave it up. Its message ids are burnt.
    Cancelled,
}

impl JobState {
    /// Will it never change again?
    #[must_use]
    pub const fn is_final(&self) -> bool {
        !matches!(self, Self::Queued | Self::Proving { .. })
    }

    /// One word for machines.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Proving { .. } => "proving",
            Self::Done { .. } => "done",
            Self::Failed(_) => "failed",
            Self::Expired => "expired",
            Self::Cancelled => "cancelled",
        }
    }
}

/// Workers that may die over a job before it fails.
pub const MAX_ATTEMPTS: u32 = 5;

/// A job as it is stored.
///
/// Its message ids and its message never change, so making its proof twice, after a worker died,
/// opens the member's line at one point only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// Its name.
    pub id: JobId,
    /// Its place in the queue.
    pub number: u64,
    /// The ids that are burnt for it.
    pub reservation: Reservation,
    /// The message as the circuit sees it.
    pub signal: [u8; 32],
    /// As in [`Submission::sender`].
    pub sender: Vec<u8>,
    /// As in [`Submission::subject`].
    pub subject: Vec<u8>,
    /// After this the proof is of no use.
    pub deadline: Millis,
    /// When it was submitted.
    pub created: Millis,
    /// Workers that have taken it.
    pub attempts: u32,
    /// Where it stands.
    pub state: JobState,
}

impl Job {
    /// A submission whose ids were reserved.
    #[must_use]
    pub fn queued(
        submission: &Submission,
        reservation: Reservation,
        number: u64,
        now: Millis,
    ) -> Self {
        Self {
            id: submission.id,
            number,
            reservation,
            signal: submission.signal,
            sender: submission.sender.clone(),
            subject: submission.subject.clone(),
            deadline: submission.deadline,
            created: now,
            attempts: 0,
            state: JobState::Queued,
        }
    }

    /// Is this the job of `submission`, asked for again?
    #[must_use]
    pub fn answers(&self, submission: &Submission) -> bool {
        self.reservation.member == submission.member
            && self.reservation.count == submission.wanted.count
            && self.signal == submission.signal
            && self.sender == submission.sender
            && self.subject == submission.subject
    }

    /// Can a worker take it now? Queued, or left by a worker whose lease ended.
    #[must_use]
    pub fn is_free(&self, now: Millis) -> bool {
        match self.state {
            JobState::Queued => true,
            JobState::Proving { until, .. } => until <= now,
            _ => false,
        }
    }

    /// What becomes of it when a worker comes by: it is overdue, or was tried too often, or is
    /// the worker's until `until`.
    #[must_use]
    pub fn claimed(mut self, now: Millis, worker: WorkerId, until: Millis) -> Self {
        self.state = if self.deadline <= now {
            JobState::Expired
        } else if self.attempts >= MAX_ATTEMPTS {
            JobState::Failed(FailReason::Attempts)
        } else {
            self.attempts += 1;
            JobState::Proving { worker, until }
        };
        self
    }

    /// Has `worker` the right to finish it?
    #[must_use]
    pub fn is_held_by(&self, worker: WorkerId) -> bool {
        matches!(self.state, JobState::Proving { worker: holder, .. } if holder == worker)
    }
}

/// How a worker ends a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finished {
    /// Which job.
    pub id: JobId,
    /// The proof's bytes, or why there is none.
    pub outcome: Result<Vec<u8>, FailReason>,
}

/// A proof in the stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProofRecord {
    /// Its place: 1, 2, 3 and so on, without gaps, in the order in which proofs became visible.
    pub seq: u64,
    /// The job it was made for, or the name that a client's own proof was published under.
    pub job: JobId,
    /// Whose, by name.
    pub sender: Vec<u8>,
    /// What for.
    pub subject: Vec<u8>,
    /// The epoch it counts in.
    pub epoch: Epoch,
    /// The first message id, and how many; unknown (zero ids) for a proof a client made.
    pub first: u32,
    /// How many message ids it burns.
    pub count: u32,
    /// The proof, in the frame of zerokit 3.0.
    pub proof: Vec<u8>,
    /// When it was stored.
    pub at: Millis,
}

impl ProofRecord {
    /// The proof of a job, in its place in the stream.
    pub(super) fn of_job(seq: u64, job: &Job, proof: &[u8], at: Millis) -> Self {
        let Reservation { epoch, first, count, .. } = job.reservation;
        let (sender, subject) = (job.sender.clone(), job.subject.clone());
        Self { seq, job: job.id, sender, subject, epoch, first, count, proof: proof.to_vec(), at }
    }
}
