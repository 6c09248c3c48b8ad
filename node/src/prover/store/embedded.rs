//! The store in one file, or in memory: redb behind a thread that commits for everybody at once.
//!
//! A commit waits for the disk, some milliseconds. The writer takes whatever has come in by then,
//! up to [`GROUP`] changes, into the next commit, so the rate of changes is not the disk's.

use std::fmt;
use std::path::Path;
use std::sync::{Arc, mpsc};
use std::thread;

use redb::backends::InMemoryBackend;
use redb::{
    Builder, Database, Durability, ReadTransaction, ReadableDatabase, ReadableTableMetadata,
    StorageBackend, WriteTransaction,
};
use tokio::sync::{oneshot, watch};
use tonic::async_trait;

use super::record::Record;
use super::tables::{
    CHANGED, CHANGES, COMMITMENTS, COUNTERS, DENIED, DOUBLES, ENTRIES, Entry, HEADS, MARKS,
    MEMBERS, NAMES, OPEN, PROOFS, SETTINGS,
};
use super::{
    Admitted, Delivery, Denied, Depths, Publication, ReserveRequest, SCHEDULE, Store, StoreError,
    ledger,
};
use crate::prover::epoch::{Epoch, EpochSchedule, Millis};
use crate::prover::job::{Finished, Job, JobId, ProofRecord, Submission, WorkerId};
use crate::prover::mark::{Evidence, Mark, Recorded};
use crate::prover::registry::{Amendment, Leaf, MemberRecord, RegisterRefusal, Registration};
use crate::prover::reservation::{Counter, MemberKey, Refusal, Reservation};
use crate::store::from_redb;

impl From<redb::Error> for StoreError {
    fn from(error: redb::Error) -> Self {
        match error {
            error @ (redb::Error::Corrupted(_) | redb::Error::UpgradeRequired(_)) => {
                Self::Damaged(error.to_string())
            }
            error => Self::Unavailable(error.to_string()),
        }
    }
}

from_redb!(StoreError);

/// Changes that share one commit at most.
const GROUP: usize = 1024;
/// Bytes of the database that are kept in memory; the operating system keeps more.
const CACHE_BYTES: usize = 8 << 20;

/// Everything in one redb database.
///
/// # Examples
///
/// ```
/// use std::num::NonZeroU64;
/// use logos_node::prover::{EmbeddedStore, EpochSchedule, Millis, Store};
///
/// let schedule = EpochSchedule::new(Millis(0), NonZeroU64::new(1000).unwrap(), "chat");
/// let store = EmbeddedStore::in_memory(&schedule, 30_000)?;
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// store.set("paused", "no").await?;
/// assert_eq!(store.setting("paused").await?.as_deref(), Some("no"));
/// # Ok::<(), logos_node::prover::StoreError>(())
/// # })?;
/// # Ok::<(), logos_node::prover::StoreError>(())
/// ```
pub struct EmbeddedStore {
    database: Arc<Database>,
    writer: mpsc::Sender<Change>,
    changes: watch::Receiver<u64>,
    /// Epochs by which a clock may be behind a member's epoch.
    tolerance: u64,
}

impl fmt::Debug for EmbeddedStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EmbeddedStore").field("tolerance", &self.tolerance).finish_non_exhaustive()
    }
}

/// How a change is committed.
struct Manner<T> {
    /// Must it be on the disk before it is told?
    durable: bool,
    /// Is somebody waiting for what it came to?
    is_news: fn(&T) -> bool,
}

impl<T> Manner<T> {
    /// On the disk, and told to all who wait for changes.
    const NEWS: Self = Self { durable: true, is_news: |_| true };
    /// On the disk; nobody waits for it.
    const QUIET: Self = Self { durable: true, is_news: |_| false };
    /// Lost with the process if nothing else is committed after it.
    const LOOSE: Self = Self { durable: false, is_news: |_| false };
}

/// What is done in the writer's transaction, and then, when it is on the disk or lost, told.
struct Change {
    durable: bool,
    run: Box<dyn FnOnce(&WriteTransaction) -> Run + Send>,
}

/// What a change came to: its end is told once the commit is over.
struct Run {
    /// A storage error: the transaction cannot be committed.
    broken: Option<StoreError>,
    news: bool,
    tell: Box<dyn FnOnce(Result<(), StoreError>) + Send>,
}

impl EmbeddedStore {
    /// Opens the file, and makes it if it is not there. `skew` is how many milliseconds clocks
    /// may differ.
    ///
    /// # Errors
    ///
    /// [`StoreError`]; [`StoreError::OtherSchedule`] if the file is of other epochs.
    pub fn open(path: &Path, schedule: &EpochSchedule, skew: u64) -> Result<Self, StoreError> {
        Self::start(builder().create(path)?, schedule, skew)
    }

    /// A store that is gone with its last owner.
    ///
    /// # Errors
    ///
    /// As [`EmbeddedStore::open`].
    pub fn in_memory(schedule: &EpochSchedule, skew: u64) -> Result<Self, StoreError> {
        Self::on(InMemoryBackend::new(), schedule, skew)
    }

    /// A store on any medium.
    ///
    /// # Errors
    ///
    /// As [`EmbeddedStore::open`].
    pub fn on(
        medium: impl StorageBackend,
        schedule: &EpochSchedule,
        skew: u64,
    ) -> Result<Self, StoreError> {
        Self::start(builder().create_with_backend(medium)?, schedule, skew)
    }

    fn start(database: Database, schedule: &EpochSchedule, skew: u64) -> Result<Self, StoreError> {
        let transaction = database.begin_write()?;
        ledger::prepare(&transaction)?;
        let wanted = schedule.fingerprint();
        match ledger::setting(&transaction, SCHEDULE)? {
            Some(found) if found != wanted => {
                return Err(StoreError::OtherSchedule { found, wanted });
            }
            _ => ledger::set(&transaction, SCHEDULE, &wanted)?,
        }
        ledger::number_leaves(&transaction)?;
        ledger::release_all(&transaction)?;
        transaction.commit()?;
        let database = Arc::new(database);
        let (writer, changes) = mpsc::channel();
        let (tell, told) = watch::channel(0);
        let of_writer = Arc::clone(&database);
        thread::Builder::new()
            .name("prover-store".to_owned())
            .spawn(move || write_all(&of_writer, &changes, &tell))
            .map_err(|error| StoreError::Unavailable(error.to_string()))?;
        Ok(Self { database, writer, changes: told, tolerance: schedule.epochs_in(skew) })
    }

    /// Is there anything to sweep? Looking costs no commit.
    fn is_overdue(&self, now: Millis, max: usize) -> Result<bool, StoreError> {
        let reading = self.database.begin_read()?;
        ledger::is_overdue(&reading.open_table(OPEN)?, &reading.open_table(ENTRIES)?, now, max)
    }

    /// Runs `change` in the next commit and waits until it is on the disk.
    async fn write<T: Send + 'static>(
        &self,
        manner: Manner<T>,
        change: impl FnOnce(&WriteTransaction) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let Manner { durable, is_news } = manner;
        let (tell, told) = oneshot::channel();
        let run = move |transaction: &WriteTransaction| {
            let result = change(transaction);
            let (broken, news) =
                (result.as_ref().err().cloned(), result.as_ref().is_ok_and(is_news));
            let tell = move |committed: Result<(), StoreError>| {
                // Whoever asked may be gone; the change stands all the same.
                tell.send(committed.and(result)).ok();
            };
            Run { broken, news, tell: Box::new(tell) }
        };
        let change = Change { durable, run: Box::new(run) };
        let gone = || StoreError::Unavailable("the writer has ended".to_owned());
        self.writer.send(change).map_err(|_| gone())?;
        told.await.map_err(|_| gone())?
    }
}

/// Commits what comes in until nobody can send any more.
fn write_all(database: &Database, changes: &mpsc::Receiver<Change>, tell: &watch::Sender<u64>) {
    while let Ok(first) = changes.recv() {
        let group = std::iter::once(first).chain(changes.try_iter()).take(GROUP).collect();
        if commit(database, group) {
            tell.send_modify(|commits| *commits = commits.wrapping_add(1));
        }
    }
}

/// Commits a group; returns whether there are news in it.
fn commit(database: &Database, group: Vec<Change>) -> bool {
    let durable = group.iter().any(|change| change.durable);
    let transaction = match begin(database, durable) {
        Ok(transaction) => transaction,
        Err(error) => {
            // Those who asked see their channel closed; the next group tries again.
            tracing::error!(%error, "the store cannot begin a transaction");
            return false;
        }
    };
    let runs: Vec<Run> = group.into_iter().map(|change| (change.run)(&transaction)).collect();
    let broken = runs.iter().find_map(|run| run.broken.clone());
    let committed = match broken {
        Some(error) => Err(error),
        None => transaction.commit().map_err(StoreError::from),
    };
    if let Err(error) = &committed {
        tracing::error!(%error, "the store lost a commit");
    }
    let news = committed.is_ok() && runs.iter().any(|run| run.news);
    for run in runs {
        (run.tell)(committed.clone());
    }
    news
}

fn begin(database: &Database, durable: bool) -> Result<WriteTransaction, StoreError> {
    let mut transaction = database.begin_write()?;
    let durability = if durable { Durability::Immediate } else { Durability::None };
    transaction.set_durability(durability)?;
    Ok(transaction)
}

fn builder() -> Builder {
    let mut builder = Database::builder();
    builder.set_cache_size(CACHE_BYTES);
    builder
}

fn member_at(
    reading: &ReadTransaction,
    index: Option<u64>,
) -> Result<Option<MemberRecord>, StoreError> {
    let Some(index) = index else { return Ok(None) };
    let members = reading.open_table(MEMBERS)?;
    members.get(index)?.map(|kept| MemberRecord::from_record(kept.value())).transpose()
}

#[async_trait]
impl Store for EmbeddedStore {
    async fn submit(
        &self,
        now: Millis,
        batch: Vec<Submission>,
    ) -> Result<Vec<Result<Admitted, Refusal>>, StoreError> {
        let tolerance = self.tolerance;
        self.write(Manner::NEWS, move |transaction| {
            let each = |one| ledger::submit(transaction, now, one, tolerance);
            batch.iter().map(each).collect()
        })
        .await
    }

    async fn deliver(
        &self,
        now: Millis,
        batch: Vec<Delivery>,
    ) -> Result<Vec<Option<Job>>, StoreError> {
        self.write(Manner::NEWS, move |transaction| {
            batch.iter().map(|one| ledger::deliver(transaction, now, one)).collect()
        })
        .await
    }

    async fn reserve(
        &self,
        now: Millis,
        request: ReserveRequest,
    ) -> Result<Result<Reservation, Refusal>, StoreError> {
        let tolerance = self.tolerance;
        self.write(Manner::NEWS, move |transaction| {
            ledger::reserve(transaction, now, &request, tolerance)
        })
        .await
    }

    async fn claim(
        &self,
        now: Millis,
        worker: WorkerId,
        max: usize,
        until: Millis,
    ) -> Result<Vec<Job>, StoreError> {
        if self.database.begin_read()?.open_table(OPEN)?.is_empty()? {
            return Ok(Vec::new());
        }
        // A claim that a crash undoes leaves the job queued, which is what it then is.
        let claim = move |transaction: &WriteTransaction| {
            ledger::claim(transaction, now, worker, max, until)
        };
        self.write(Manner::LOOSE, claim).await
    }

    async fn finish(
        &self,
        now: Millis,
        worker: WorkerId,
        batch: Vec<Finished>,
    ) -> Result<Vec<Option<Job>>, StoreError> {
        self.write(Manner::NEWS, move |transaction| {
            batch.iter().map(|one| ledger::finish(transaction, now, worker, one)).collect()
        })
        .await
    }

    async fn cancel(&self, id: JobId) -> Result<Option<Job>, StoreError> {
        self.write(Manner::NEWS, move |transaction| ledger::cancel(transaction, id)).await
    }

    async fn sweep(&self, now: Millis, max: usize) -> Result<usize, StoreError> {
        if !self.is_overdue(now, max)? {
            return Ok(0);
        }
        let sweep = move |transaction: &WriteTransaction| ledger::sweep(transaction, now, max);
        self.write(Manner::NEWS, sweep).await
    }

    async fn job(&self, id: JobId) -> Result<Option<Job>, StoreError> {
        let entries = self.database.begin_read()?.open_table(ENTRIES)?;
        let kept = entries.get(id.0)?;
        Ok(match kept.map(|kept| Entry::from_record(kept.value())).transpose()? {
            Some(Entry::Job(job)) => Some(job),
            _ => None,
        })
    }

    async fn counter(&self, member: MemberKey) -> Result<Option<Counter>, StoreError> {
        let counters = self.database.begin_read()?.open_table(COUNTERS)?;
        let kept = counters.get(member.0)?.map(|kept| kept.value());
        Ok(kept.map(|(epoch, next)| Counter { epoch: Epoch(epoch), next }))
    }

    async fn publish(&self, now: Millis, publication: Publication) -> Result<u64, StoreError> {
        self.write(Manner::NEWS, move |transaction| ledger::publish(transaction, now, &publication))
            .await
    }

    async fn proofs(&self, from: u64, max: usize) -> Result<Vec<ProofRecord>, StoreError> {
        let proofs = self.database.begin_read()?.open_table(PROOFS)?;
        let records = proofs.range(from..)?.take(max);
        records.map(|kept| ProofRecord::from_record(kept?.1.value())).collect()
    }

    async fn prune(&self, before: Millis, max: usize) -> Result<usize, StoreError> {
        let prune = move |transaction: &WriteTransaction| ledger::prune(transaction, before, max);
        self.write(Manner::QUIET, prune).await
    }

    async fn record(&self, now: Millis, marks: Vec<Mark>) -> Result<Vec<Recorded>, StoreError> {
        let is_news = |all: &Vec<Recorded>| {
            all.iter().any(|one| matches!(one, Recorded::DoubleSignal { .. }))
        };
        self.write(Manner { durable: true, is_news }, move |transaction| {
            marks.iter().map(|mark| ledger::record(transaction, now, mark)).collect()
        })
        .await
    }

    async fn mark(&self, epoch: Epoch, nullifier: [u8; 32]) -> Result<Option<Mark>, StoreError> {
        let marks = self.database.begin_read()?.open_table(MARKS)?;
        let kept = marks.get((epoch.0, nullifier))?;
        kept.map(|kept| Mark::from_record(kept.value())).transpose()
    }

    async fn double_signals(&self, from: u64, max: usize) -> Result<Vec<Evidence>, StoreError> {
        let doubles = self.database.begin_read()?.open_table(DOUBLES)?;
        let records = doubles.range(from..)?.take(max);
        records.map(|kept| Evidence::from_record(kept?.1.value())).collect()
    }

    async fn forget_marks(&self, epoch: Epoch) -> Result<(), StoreError> {
        let forget = move |transaction: &WriteTransaction| ledger::forget_marks(transaction, epoch);
        self.write(Manner::QUIET, forget).await
    }

    async fn register(
        &self,
        registration: Registration,
        capacity: u64,
    ) -> Result<Result<MemberRecord, RegisterRefusal>, StoreError> {
        self.write(Manner::NEWS, move |transaction| {
            ledger::register(transaction, &registration, capacity)
        })
        .await
    }

    async fn leaves(&self, after: u64, max: usize) -> Result<Vec<Leaf>, StoreError> {
        let reading = self.database.begin_read()?;
        let (changes, members) = (reading.open_table(CHANGES)?, reading.open_table(MEMBERS)?);
        let page = changes.range(after.saturating_add(1)..)?.take(max);
        page.map(|change| -> Result<Leaf, StoreError> {
            let (number, index) = change?;
            let (number, index) = (number.value(), index.value());
            let kept = members.get(index)?;
            let member = kept.map(|kept| MemberRecord::from_record(kept.value())).transpose()?;
            Ok(Leaf { number, index, member })
        })
        .collect()
    }

    async fn member_at(&self, leaf: u64) -> Result<Option<MemberRecord>, StoreError> {
        member_at(&self.database.begin_read()?, Some(leaf))
    }

    async fn member_named(&self, name: &[u8]) -> Result<Option<MemberRecord>, StoreError> {
        let reading = self.database.begin_read()?;
        let index = reading.open_table(NAMES)?.get(name)?.map(|index| index.value());
        member_at(&reading, index)
    }

    async fn member_keyed(&self, member: MemberKey) -> Result<Option<MemberRecord>, StoreError> {
        let reading = self.database.begin_read()?;
        let index = reading.open_table(COMMITMENTS)?.get(member.0)?.map(|index| index.value());
        member_at(&reading, index)
    }

    async fn amend(&self, amendment: Amendment) -> Result<bool, StoreError> {
        self.write(Manner::NEWS, move |transaction| ledger::amend(transaction, &amendment)).await
    }

    async fn deny(&self, name: Vec<u8>, entry: Option<Denied>) -> Result<bool, StoreError> {
        self.write(Manner::NEWS, move |transaction| {
            ledger::deny(transaction, &name, entry.as_ref())
        })
        .await
    }

    async fn denied(&self, name: &[u8]) -> Result<Option<Denied>, StoreError> {
        let denied = self.database.begin_read()?.open_table(DENIED)?;
        let kept = denied.get(name)?;
        kept.map(|kept| Denied::from_record(kept.value())).transpose()
    }

    async fn setting(&self, name: &str) -> Result<Option<String>, StoreError> {
        let settings = self.database.begin_read()?.open_table(SETTINGS)?;
        Ok(settings.get(name)?.map(|value| value.value().to_owned()))
    }

    async fn set(&self, name: &str, value: &str) -> Result<(), StoreError> {
        let (name, value) = (name.to_owned(), value.to_owned());
        self.write(Manner::NEWS, move |transaction| ledger::set(transaction, &name, &value)).await
    }

    async fn replace(
        &self,
        name: &str,
        before: Option<&str>,
        value: &str,
    ) -> Result<bool, StoreError> {
        let (name, value) = (name.to_owned(), value.to_owned());
        let before = before.map(str::to_owned);
        let replace = move |transaction: &_| {
            let is_before = ledger::setting(transaction, &name)? == before;
            if is_before {
                ledger::set(transaction, &name, &value)?;
            }
            Ok(is_before)
        };
        self.write(Manner::QUIET, replace).await
    }

    async fn depths(&self) -> Result<Depths, StoreError> {
        let reading = self.database.begin_read()?;
        let heads = reading.open_table(HEADS)?;
        let head = |name: &str| -> Result<u64, redb::StorageError> {
            Ok(heads.get(name)?.map_or(0, |head| head.value()))
        };
        Ok(Depths {
            open: reading.open_table(OPEN)?.len()?,
            proofs: head("proofs")?,
            double_signals: head("doubles")?,
            members: reading.open_table(CHANGED)?.len()?,
        })
    }

    fn changes(&self) -> watch::Receiver<u64> {
        self.changes.clone()
    }
}
