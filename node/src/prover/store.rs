//! What has to outlive a process: counters, jobs, proofs, nullifiers, members.
//!
//! One trait, two stores, one suite of tests for both ([`EmbeddedStore`] in a file or in memory,
//! [`PostgresStore`]). What they have in common is the order of things: a reservation is durable
//! before anybody sees it, together with its job; a proof has its place in the stream and its job
//! is done in one step; places in the stream become visible in their order.

mod embedded;
mod ledger;
mod postgres;
mod record;
mod tables;

use std::fmt::Debug;

use thiserror::Error;
use tokio::sync::watch;
use tonic::async_trait;

pub use embedded::EmbeddedStore;
pub use postgres::PostgresStore;

use super::epoch::{Epoch, Millis};
use super::job::{Finished, Job, JobId, ProofRecord, Submission, WorkerId};
use super::mark::{Evidence, Mark, Recorded};
use super::registry::{Amendment, Leaf, MemberRecord, RegisterRefusal, Registration};
use super::reservation::{Counter, MemberKey, Refusal, Reservation, Wanted};

/// Why a store failed. Whoever sees this does not know whether the change was made; ids that were
/// asked for are to be treated as burnt.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreError {
    /// The database cannot be reached or written; it may come back.
    #[error("the store is not available: {0}")]
    Unavailable(String),
    /// The database holds something no store wrote.
    #[error("the store is damaged: {0}")]
    Damaged(String),
    /// The database belongs to a service with other epochs.
    #[error("the store was made for epochs {found}, not {wanted}")]
    OtherSchedule {
        /// What the store was made for.
        found: String,
        /// What was asked for.
        wanted: String,
    },
    /// The database holds members from elsewhere.
    #[error("the store has members from {found}, not {wanted}")]
    OtherMembers {
        /// Where they are from.
        found: String,
        /// What was asked for.
        wanted: String,
    },
}

/// A submission that was taken in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admitted {
    /// The job.
    pub job: Job,
    /// Was it there before? Then nothing was reserved.
    pub repeated: bool,
}

/// Ids that a client wants for itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReserveRequest {
    /// Names the request: asking again with the same name gives the same ids.
    pub id: JobId,
    /// Whose ids.
    pub member: MemberKey,
    /// Epoch, number and quota.
    pub wanted: Wanted,
}

/// A submission whose proof is there already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// What was asked for.
    pub submission: Submission,
    /// The ids it burnt; the reservation is durable.
    pub reservation: Reservation,
    /// The proof's bytes.
    pub proof: Vec<u8>,
}

/// A proof that a client made itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Publication {
    /// Names the publication: publishing again under it changes nothing.
    pub id: JobId,
    /// As in [`ProofRecord::sender`].
    pub sender: Vec<u8>,
    /// As in [`ProofRecord::subject`].
    pub subject: Vec<u8>,
    /// The epoch it counts in.
    pub epoch: Epoch,
    /// The proof's bytes.
    pub proof: Vec<u8>,
}

/// An entry of the deny list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denied {
    /// Who.
    pub name: Vec<u8>,
    /// Why, at most 256 bytes.
    pub reason: String,
    /// Until when.
    pub until: Millis,
    /// Since when.
    pub since: Millis,
}

/// What waits and what was done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Depths {
    /// Jobs that wait for a worker or are with one.
    pub open: u64,
    /// The last place of the stream.
    pub proofs: u64,
    /// The last place among the double signals.
    pub double_signals: u64,
    /// Leaves that somebody has or had.
    pub members: u64,
}

/// Where a service keeps what must not be lost.
///
/// Every method either did all it says, durably, or failed. Time is an argument: no store reads
/// a clock, so instances with different clocks may share one.
#[async_trait]
pub trait Store: Debug + Send + Sync {
    /// Reserves ids and queues jobs, all of a batch in one transaction. A job that exists is
    /// returned as it is; a refusal consumes nothing.
    async fn submit(
        &self,
        now: Millis,
        batch: Vec<Submission>,
    ) -> Result<Vec<Result<Admitted, Refusal>>, StoreError>;

    /// Puts proofs into the stream whose ids were reserved before anybody asked, each with its job,
    /// which is done. `None` for a job that exists: then nothing happened.
    async fn deliver(
        &self,
        now: Millis,
        batch: Vec<Delivery>,
    ) -> Result<Vec<Option<Job>>, StoreError>;

    /// Reserves ids for a client that proves by itself.
    async fn reserve(
        &self,
        now: Millis,
        request: ReserveRequest,
    ) -> Result<Result<Reservation, Refusal>, StoreError>;

    /// Takes up to `max` free jobs, oldest first, until `until`. Jobs past their deadline, or
    /// tried too often, end here and are not returned.
    async fn claim(
        &self,
        now: Millis,
        worker: WorkerId,
        max: usize,
        until: Millis,
    ) -> Result<Vec<Job>, StoreError>;

    /// Ends jobs. For each, its place in the stream (`None` if it failed), or nothing happened
    /// because the worker does not hold it any more.
    async fn finish(
        &self,
        now: Millis,
        worker: WorkerId,
        batch: Vec<Finished>,
    ) -> Result<Vec<Option<Job>>, StoreError>;

    /// Gives a job up if it has not ended; returns it as it is then.
    async fn cancel(&self, id: JobId) -> Result<Option<Job>, StoreError>;

    /// Ends queued jobs whose deadline passed, at most `max`; returns how many.
    async fn sweep(&self, now: Millis, max: usize) -> Result<usize, StoreError>;

    /// A job.
    async fn job(&self, id: JobId) -> Result<Option<Job>, StoreError>;

    /// How far a member has come.
    async fn counter(&self, member: MemberKey) -> Result<Option<Counter>, StoreError>;

    /// Puts a client's proof into the stream; returns its place, the old one if it is there.
    async fn publish(&self, now: Millis, publication: Publication) -> Result<u64, StoreError>;

    /// Proofs from a place on, at most `max`.
    async fn proofs(&self, from: u64, max: usize) -> Result<Vec<ProofRecord>, StoreError>;

    /// Forgets jobs that ended before `before`, their proofs and reservations, at most `max`;
    /// returns how many. Counters stay: forgetting a job never frees its ids.
    async fn prune(&self, before: Millis, max: usize) -> Result<usize, StoreError>;

    /// Records the marks of one proof, and the evidence if one of them was used otherwise.
    async fn record(&self, now: Millis, marks: Vec<Mark>) -> Result<Vec<Recorded>, StoreError>;

    /// The mark under a nullifier.
    async fn mark(&self, epoch: Epoch, nullifier: [u8; 32]) -> Result<Option<Mark>, StoreError>;

    /// Double signals from a place on, at most `max`.
    async fn double_signals(&self, from: u64, max: usize) -> Result<Vec<Evidence>, StoreError>;

    /// Drops the marks of all epochs before `epoch`.
    async fn forget_marks(&self, epoch: Epoch) -> Result<(), StoreError>;

    /// Adds a member behind the last one, or finds it unchanged; `capacity` leaves there are.
    async fn register(
        &self,
        registration: Registration,
        capacity: u64,
    ) -> Result<Result<MemberRecord, RegisterRefusal>, StoreError>;

    /// Leaves that changed after change number `after`, each once as it is now, in the order of
    /// their last changes, at most `max`. Change numbers become visible in their order.
    async fn leaves(&self, after: u64, max: usize) -> Result<Vec<Leaf>, StoreError>;

    /// The member of a leaf.
    async fn member_at(&self, leaf: u64) -> Result<Option<MemberRecord>, StoreError>;

    /// The member of a name.
    async fn member_named(&self, name: &[u8]) -> Result<Option<MemberRecord>, StoreError>;

    /// The member of a commitment.
    async fn member_keyed(&self, member: MemberKey) -> Result<Option<MemberRecord>, StoreError>;

    /// Takes in changes of members that are kept elsewhere, and how far that was read, in one step.
    /// Does nothing and returns false if somebody else has read further meanwhile.
    async fn amend(&self, amendment: Amendment) -> Result<bool, StoreError>;

    /// Puts a name on the deny list or changes its entry; `None` takes it off. Was it there?
    async fn deny(&self, name: Vec<u8>, entry: Option<Denied>) -> Result<bool, StoreError>;

    /// An entry of the deny list.
    async fn denied(&self, name: &[u8]) -> Result<Option<Denied>, StoreError>;

    /// A setting shared by all instances, such as the kill switch or how far somebody has read.
    async fn setting(&self, name: &str) -> Result<Option<String>, StoreError>;

    /// Changes a setting.
    async fn set(&self, name: &str, value: &str) -> Result<(), StoreError>;

    /// Changes a setting if it is `before`; was it?
    async fn replace(
        &self,
        name: &str,
        before: Option<&str>,
        value: &str,
    ) -> Result<bool, StoreError>;

    /// Sizes.
    async fn depths(&self) -> Result<Depths, StoreError>;

    /// A number that grows when something was committed that others may wait for, here or by another
    /// instance. It may grow for no reason; whoever waits looks for himself, and now and then
    /// without being told.
    fn changes(&self) -> watch::Receiver<u64>;
}

/// The name of the setting in which a store keeps its schedule.
const SCHEDULE: &str = "schedule";

#[cfg(test)]
mod conformance;
