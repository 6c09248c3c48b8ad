//! The store for several instances: a stock PostgreSQL, version 15 or later, no extension.
//!
//! Ids, job and announcement are one transaction. What orders members is an advisory lock on the
//! member, what orders the stream is the lock on its head; both are released by the commit, so
//! READ COMMITTED is enough. Instances may have different clocks: no statement asks for the time.

mod jobs;
mod marks;
mod members;

use std::fmt;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgListener, PgPool, PgPoolOptions, PgRow};
use sqlx::{Acquire, PgConnection, Row};
use tokio::sync::watch;
use tonic::async_trait;

use super::{
    Admitted, Delivery, Denied, Depths, Publication, ReserveRequest, SCHEDULE, Store, StoreError,
};
use crate::prover::epoch::{Epoch, EpochSchedule, Millis};
use crate::prover::job::{Finished, Job, JobId, ProofRecord, Submission, WorkerId};
use crate::prover::mark::{Evidence, Mark, Recorded};
use crate::prover::registry::{Amendment, Leaf, MemberRecord, RegisterRefusal, Registration};
use crate::prover::reservation::{Counter, MemberKey, Refusal, Reservation};

/// The schema, one step a version. A step is never changed, only followed.
const STEPS: &[&str] = &[include_str!("postgres/schema.sql"), include_str!("postgres/leaves.sql")];
/// The advisory lock under which the schema is brought up to date.
const SCHEMA_LOCK: i64 = 0x6c6f_676f_7301;
/// The advisory lock under which members are added.
const MEMBERS_LOCK: i64 = 0x6c6f_676f_7302;
/// The channel on which instances tell each other that there is something new.
const CHANNEL: &str = "logos_prover";
/// How long to look away at most when nothing is announced.
const POLL: Duration = Duration::from_millis(500);

type Done<T> = Result<T, StoreError>;

/// What PostgreSQL, or the way to it, says.
fn failed(error: sqlx::Error) -> StoreError {
    match error {
        sqlx::Error::ColumnDecode { .. } | sqlx::Error::ColumnNotFound(_) => {
            StoreError::Damaged(error.to_string())
        }
        error => StoreError::Unavailable(error.to_string()),
    }
}

/// Everything in a PostgreSQL database that other instances use as well.
pub struct PostgresStore {
    pool: PgPool,
    changes: watch::Receiver<u64>,
    tolerance: u64,
}

impl fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresStore").field("tolerance", &self.tolerance).finish_non_exhaustive()
    }
}

impl PostgresStore {
    /// Connects with up to `connections` connections and brings the schema up to date.
    ///
    /// `url` is as libpq's: `postgres://user@host/database?host=/socket/folder`. `skew` is how
    /// many milliseconds the clocks of instances may differ.
    ///
    /// # Errors
    ///
    /// [`StoreError`]; [`StoreError::OtherSchedule`] if the database is of other epochs.
    pub async fn connect(
        url: &str,
        connections: u32,
        schedule: &EpochSchedule,
        skew: u64,
    ) -> Result<Self, StoreError> {
        let options: PgConnectOptions = url.parse().map_err(failed)?;
        let pool = PgPoolOptions::new()
            .max_connections(connections)
            .acquire_timeout(Duration::from_secs(10))
            .connect_with(options)
            .await
            .map_err(failed)?;
        migrate(&pool).await?;
        let wanted = schedule.fingerprint();
        let found = keep_schedule(&pool, &wanted).await?;
        if found != wanted {
            return Err(StoreError::OtherSchedule { found, wanted });
        }
        let mut listener = PgListener::connect_with(&pool).await.map_err(failed)?;
        listener.listen(CHANNEL).await.map_err(failed)?;
        let (tell, changes) = watch::channel(0);
        tokio::spawn(listen(listener, tell));
        Ok(Self { pool, changes, tolerance: schedule.epochs_in(skew) })
    }

    /// A transaction that is undone unless it is committed.
    async fn begin(&self) -> Done<sqlx::Transaction<'static, sqlx::Postgres>> {
        self.pool.begin().await.map_err(failed)
    }
}

/// Applies what is missing of [`STEPS`], one instance at a time.
async fn migrate(pool: &PgPool) -> Done<()> {
    let mut connection = pool.acquire().await.map_err(failed)?;
    let mut transaction = connection.begin().await.map_err(failed)?;
    lock(&mut transaction, SCHEMA_LOCK).await?;
    sqlx::query("CREATE TABLE IF NOT EXISTS schema_version (version bigint NOT NULL)")
        .execute(&mut *transaction)
        .await
        .map_err(failed)?;
    let row = sqlx::query("SELECT count(*) FROM schema_version")
        .fetch_one(&mut *transaction)
        .await
        .map_err(failed)?;
    let applied = usize::try_from(number(&row, 0)?).unwrap_or(usize::MAX);
    for (version, step) in STEPS.iter().enumerate().skip(applied) {
        sqlx::raw_sql(*step).execute(&mut *transaction).await.map_err(failed)?;
        sqlx::query("INSERT INTO schema_version VALUES ($1)")
            .bind(signed(version as u64))
            .execute(&mut *transaction)
            .await
            .map_err(failed)?;
    }
    transaction.commit().await.map_err(failed)
}

/// Writes the schedule down if nobody did; returns what is written.
async fn keep_schedule(pool: &PgPool, wanted: &str) -> Done<String> {
    sqlx::query("INSERT INTO settings VALUES ($1, $2) ON CONFLICT DO NOTHING")
        .bind(SCHEDULE)
        .bind(wanted)
        .execute(pool)
        .await
        .map_err(failed)?;
    let row = sqlx::query("SELECT value FROM settings WHERE name = $1")
        .bind(SCHEDULE)
        .fetch_one(pool)
        .await
        .map_err(failed)?;
    row.try_get(0).map_err(failed)
}

/// Passes announcements on until nobody wants them. A lost connection is made again by the
/// listener; what was announced meanwhile is found by looking now and then.
async fn listen(mut listener: PgListener, tell: watch::Sender<u64>) {
    while !tell.is_closed() {
        if let Ok(Err(error)) = tokio::time::timeout(POLL, listener.recv()).await {
            tracing::warn!(%error, "no announcements from the database");
            tokio::time::sleep(POLL).await;
        }
        tell.send_modify(|changes| *changes = changes.wrapping_add(1));
    }
}

async fn lock(connection: &mut PgConnection, key: i64) -> Done<()> {
    sqlx::query("SELECT pg_advisory_xact_lock($1)")
        .bind(key)
        .execute(connection)
        .await
        .map_err(failed)?;
    Ok(())
}

/// Tells all instances, when the transaction commits, that there is something new.
async fn announce(connection: &mut PgConnection) -> Done<()> {
    sqlx::query("SELECT pg_notify($1, '')")
        .bind(CHANNEL)
        .execute(connection)
        .await
        .map_err(failed)?;
    Ok(())
}

/// Gives out the next number under `name`; whoever wants the one after waits for the commit.
async fn next_number(connection: &mut PgConnection, name: &str) -> Done<u64> {
    let row = sqlx::query("UPDATE heads SET value = value + 1 WHERE name = $1 RETURNING value")
        .bind(name)
        .fetch_one(connection)
        .await
        .map_err(failed)?;
    number(&row, 0)
}

/// PostgreSQL's integers have a sign. Nothing here comes near 2^63; what does stays there.
fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

fn number(row: &PgRow, column: usize) -> Done<u64> {
    let value: i64 = row.try_get(column).map_err(failed)?;
    u64::try_from(value).map_err(|_| damaged("a negative number"))
}

fn small(row: &PgRow, column: usize) -> Done<u32> {
    u32::try_from(number(row, column)?).map_err(|_| damaged("a number out of range"))
}

fn bytes(row: &PgRow, column: usize) -> Done<Vec<u8>> {
    row.try_get(column).map_err(failed)
}

fn array<const N: usize>(row: &PgRow, column: usize) -> Done<[u8; N]> {
    bytes(row, column)?.try_into().map_err(|_| damaged("bytes of another length"))
}

fn damaged(what: &str) -> StoreError {
    StoreError::Damaged(what.to_owned())
}

#[async_trait]
impl Store for PostgresStore {
    async fn submit(
        &self,
        now: Millis,
        batch: Vec<Submission>,
    ) -> Result<Vec<Result<Admitted, Refusal>>, StoreError> {
        jobs::submit(self, now, batch).await
    }

    async fn deliver(
        &self,
        now: Millis,
        batch: Vec<Delivery>,
    ) -> Result<Vec<Option<Job>>, StoreError> {
        jobs::deliver(self, now, batch).await
    }

    async fn reserve(
        &self,
        now: Millis,
        request: ReserveRequest,
    ) -> Result<Result<Reservation, Refusal>, StoreError> {
        jobs::reserve(self, now, request).await
    }

    async fn claim(
        &self,
        now: Millis,
        worker: WorkerId,
        max: usize,
        until: Millis,
    ) -> Result<Vec<Job>, StoreError> {
        jobs::claim(self, now, worker, max, until).await
    }

    async fn finish(
        &self,
        now: Millis,
        worker: WorkerId,
        batch: Vec<Finished>,
    ) -> Result<Vec<Option<Job>>, StoreError> {
        jobs::finish(self, now, worker, batch).await
    }

    async fn cancel(&self, id: JobId) -> Result<Option<Job>, StoreError> {
        jobs::cancel(self, id).await
    }

    async fn sweep(&self, now: Millis, max: usize) -> Result<usize, StoreError> {
        jobs::sweep(self, now, max).await
    }

    async fn job(&self, id: JobId) -> Result<Option<Job>, StoreError> {
        let mut connection = self.pool.acquire().await.map_err(failed)?;
        jobs::job(&mut connection, id).await
    }

    async fn counter(&self, member: MemberKey) -> Result<Option<Counter>, StoreError> {
        let mut connection = self.pool.acquire().await.map_err(failed)?;
        jobs::counter(&mut connection, member).await
    }

    async fn publish(&self, now: Millis, publication: Publication) -> Result<u64, StoreError> {
        jobs::publish(self, now, publication).await
    }

    async fn proofs(&self, from: u64, max: usize) -> Result<Vec<ProofRecord>, StoreError> {
        jobs::proofs(self, from, max).await
    }

    async fn prune(&self, before: Millis, max: usize) -> Result<usize, StoreError> {
        jobs::prune(self, before, max).await
    }

    async fn record(&self, now: Millis, marks: Vec<Mark>) -> Result<Vec<Recorded>, StoreError> {
        marks::record(self, now, marks).await
    }

    async fn mark(&self, epoch: Epoch, nullifier: [u8; 32]) -> Result<Option<Mark>, StoreError> {
        let mut connection = self.pool.acquire().await.map_err(failed)?;
        marks::mark(&mut connection, epoch, nullifier).await
    }

    async fn double_signals(&self, from: u64, max: usize) -> Result<Vec<Evidence>, StoreError> {
        marks::double_signals(self, from, max).await
    }

    async fn forget_marks(&self, epoch: Epoch) -> Result<(), StoreError> {
        marks::forget(self, epoch).await
    }

    async fn register(
        &self,
        registration: Registration,
        capacity: u64,
    ) -> Result<Result<MemberRecord, RegisterRefusal>, StoreError> {
        members::register(self, registration, capacity).await
    }

    async fn leaves(&self, after: u64, max: usize) -> Result<Vec<Leaf>, StoreError> {
        members::leaves(self, after, max).await
    }

    async fn member_at(&self, leaf: u64) -> Result<Option<MemberRecord>, StoreError> {
        members::at(self, leaf).await
    }

    async fn member_named(&self, name: &[u8]) -> Result<Option<MemberRecord>, StoreError> {
        members::named(self, name).await
    }

    async fn member_keyed(&self, member: MemberKey) -> Result<Option<MemberRecord>, StoreError> {
        members::keyed(self, member).await
    }

    async fn amend(&self, amendment: Amendment) -> Result<bool, StoreError> {
        members::amend(self, &amendment).await
    }

    async fn deny(&self, name: Vec<u8>, entry: Option<Denied>) -> Result<bool, StoreError> {
        members::deny(self, name, entry).await
    }

    async fn denied(&self, name: &[u8]) -> Result<Option<Denied>, StoreError> {
        members::denied(self, name).await
    }

    async fn setting(&self, name: &str) -> Result<Option<String>, StoreError> {
        let row = sqlx::query("SELECT value FROM settings WHERE name = $1")
            .bind(name)
            .fetch_optional(&self.pool)
            .await
            .map_err(failed)?;
        row.map(|row| row.try_get(0).map_err(failed)).transpose()
    }

    async fn set(&self, name: &str, value: &str) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO settings VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = $2",
        )
        .bind(name)
        .bind(value)
        .execute(&self.pool)
        .await
        .map_err(failed)?;
        Ok(())
    }

    async fn replace(
        &self,
        name: &str,
        before: Option<&str>,
        value: &str,
    ) -> Result<bool, StoreError> {
        let replace = match before {
            None => sqlx::query("INSERT INTO settings VALUES ($1, $2) ON CONFLICT DO NOTHING"),
            Some(_) => sqlx::query("UPDATE settings SET value = $2 WHERE name = $1 AND value = $3"),
        };
        let replace = replace.bind(name).bind(value);
        let replace = match before {
            None => replace,
            Some(before) => replace.bind(before),
        };
        let done = replace.execute(&self.pool).await.map_err(failed)?;
        Ok(done.rows_affected() == 1)
    }

    async fn depths(&self) -> Result<Depths, StoreError> {
        let row = sqlx::query(
            "SELECT (SELECT count(*) FROM jobs WHERE state < 2), \
             (SELECT value FROM heads WHERE name = 'proofs'), \
             (SELECT value FROM heads WHERE name = 'doubles'), \
             (SELECT coalesce(max(index) + 1, 0) FROM members)",
        )
        .fetch_one(&self.pool)
        .await
        .map_err(failed)?;
        Ok(Depths {
            open: number(&row, 0)?,
            proofs: number(&row, 1)?,
            double_signals: number(&row, 2)?,
            members: number(&row, 3)?,
        })
    }

    fn changes(&self) -> watch::Receiver<u64> {
        self.changes.clone()
    }
}
