//! Counters, jobs and the stream.

use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row};

use super::{
    Done, PostgresStore, announce, array, bytes, damaged, failed, lock, next_number, number,
    signed, small,
};
use crate::prover::epoch::{Epoch, Millis};
use crate::prover::job::{
    FailReason, Finished, Job, JobId, JobState, ProofRecord, Submission, WorkerId,
};
use crate::prover::reservation::{
    Counter, MemberKey, Refusal, Reservation, Wanted, reserve as next_ids,
};
use crate::prover::store::{Admitted, Delivery, Publication, ReserveRequest};

/// The columns of a job, in the order [`job_of`] reads them.
macro_rules! job_columns {
    () => {
        "id, number, member, epoch, first_id, id_count, signal, sender, subject, deadline, created, \
         attempts, state, reason, worker, until, seq"
    };
}

pub(super) async fn submit(
    store: &PostgresStore,
    now: Millis,
    batch: Vec<Submission>,
) -> Done<Vec<Result<Admitted, Refusal>>> {
    let mut transaction = store.begin().await?;
    // One order of locks for everybody: two batches of the same members cannot block each other.
    let mut order: Vec<(usize, &Submission)> = batch.iter().enumerate().collect();
    order.sort_by_key(|(_, submission)| lock_of(submission.member));
    let mut answers = Vec::with_capacity(batch.len());
    for (place, submission) in order {
        let answer = submit_one(&mut transaction, now, submission, store.tolerance).await?;
        answers.push((place, answer));
    }
    announce(&mut transaction).await?;
    transaction.commit().await.map_err(failed)?;
    answers.sort_by_key(|(place, _)| *place);
    Ok(answers.into_iter().map(|(_, answer)| answer).collect())
}

/// The advisory lock of a member. Two members may share one; they then wait for each other.
fn lock_of(member: MemberKey) -> i64 {
    let head = member.0.first_chunk().copied().unwrap_or_default();
    i64::from_be_bytes(head)
}

async fn submit_one(
    connection: &mut PgConnection,
    now: Millis,
    submission: &Submission,
    tolerance: u64,
) -> Done<Result<Admitted, Refusal>> {
    lock(connection, lock_of(submission.member)).await?;
    match job(connection, submission.id).await? {
        Some(job) if job.answers(submission) => {
            return Ok(Ok(Admitted { job, repeated: true }));
        }
        Some(_) => return Ok(Err(Refusal::KeyReused)),
        None => {}
    }
    let reserved = advance(connection, submission.member, submission.wanted, tolerance).await?;
    let reservation = match reserved {
        Ok(reservation) => reservation,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let job = put_job(connection, now, submission, reservation).await?;
    Ok(Ok(Admitted { job, repeated: false }))
}

async fn put_job(
    connection: &mut PgConnection,
    now: Millis,
    submission: &Submission,
    reservation: Reservation,
) -> Done<Job> {
    let row = sqlx::query(
        "INSERT INTO jobs (id, member, epoch, first_id, id_count, signal, sender, subject, \
         deadline, created) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) RETURNING number",
    )
    .bind(submission.id.0)
    .bind(reservation.member.0)
    .bind(signed(reservation.epoch.0))
    .bind(i64::from(reservation.first))
    .bind(i64::from(reservation.count))
    .bind(submission.signal)
    .bind(&submission.sender)
    .bind(&submission.subject)
    .bind(signed(submission.deadline.0))
    .bind(signed(now.0))
    .fetch_one(connection)
    .await
    .map_err(failed)?;
    Ok(Job::queued(submission, reservation, number(&row, 0)?, now))
}

pub(super) async fn deliver(
    store: &PostgresStore,
    now: Millis,
    batch: Vec<Delivery>,
) -> Done<Vec<Option<Job>>> {
    let mut transaction = store.begin().await?;
    // All members before the head of the stream, and in one order.
    let mut members: Vec<i64> = batch.iter().map(|one| lock_of(one.submission.member)).collect();
    members.sort_unstable();
    for member in members {
        lock(&mut transaction, member).await?;
    }
    let mut delivered = Vec::with_capacity(batch.len());
    for delivery in &batch {
        delivered.push(deliver_one(&mut transaction, now, delivery).await?);
    }
    announce(&mut transaction).await?;
    transaction.commit().await.map_err(failed)?;
    Ok(delivered)
}

async fn deliver_one(
    connection: &mut PgConnection,
    now: Millis,
    delivery: &Delivery,
) -> Done<Option<Job>> {
    let Delivery { submission, reservation, proof } = delivery;
    if job(connection, submission.id).await?.is_some() {
        return Ok(None);
    }
    let job = put_job(connection, now, submission, *reservation).await?;
    let state = append_proof(connection, now, &job, proof).await?;
    let job = Job { state, ..job };
    put_state(connection, now, &job).await?;
    Ok(Some(job))
}

/// Applies the rule of [`reserve`](next_ids). The caller holds the member's lock.
async fn advance(
    connection: &mut PgConnection,
    member: MemberKey,
    wanted: Wanted,
    tolerance: u64,
) -> Done<Result<Reservation, Refusal>> {
    let kept = counter(connection, member).await?;
    let (reservation, next) = match next_ids(member, kept, wanted, tolerance) {
        Ok(reserved) => reserved,
        Err(refusal) => return Ok(Err(refusal)),
    };
    sqlx::query(
        "INSERT INTO counters VALUES ($1, $2, $3) \
         ON CONFLICT (member) DO UPDATE SET epoch = $2, next = $3",
    )
    .bind(member.0)
    .bind(signed(next.epoch.0))
    .bind(i64::from(next.next))
    .execute(connection)
    .await
    .map_err(failed)?;
    Ok(Ok(reservation))
}

pub(super) async fn counter(
    connection: &mut PgConnection,
    member: MemberKey,
) -> Done<Option<Counter>> {
    let row = sqlx::query("SELECT epoch, next FROM counters WHERE member = $1")
        .bind(member.0)
        .fetch_optional(connection)
        .await
        .map_err(failed)?;
    row.map(|row| Ok(Counter { epoch: Epoch(number(&row, 0)?), next: small(&row, 1)? })).transpose()
}

pub(super) async fn reserve(
    store: &PostgresStore,
    now: Millis,
    request: ReserveRequest,
) -> Done<Result<Reservation, Refusal>> {
    let ReserveRequest { id, member, wanted } = request;
    let mut transaction = store.begin().await?;
    lock(&mut transaction, lock_of(member)).await?;
    let kept =
        sqlx::query("SELECT member, epoch, first_id, id_count FROM reservations WHERE id = $1")
            .bind(id.0)
            .fetch_optional(&mut *transaction)
            .await
            .map_err(failed)?;
    if let Some(row) = kept {
        let kept = reservation_of(&row, 0)?;
        let same = kept.member == member && kept.count == wanted.count;
        return Ok(if same { Ok(kept) } else { Err(Refusal::KeyReused) });
    }
    let reservation = match advance(&mut transaction, member, wanted, store.tolerance).await? {
        Ok(reservation) => reservation,
        Err(refusal) => return Ok(Err(refusal)),
    };
    sqlx::query("INSERT INTO reservations VALUES ($1, $2, $3, $4, $5, $6)")
        .bind(id.0)
        .bind(member.0)
        .bind(signed(reservation.epoch.0))
        .bind(i64::from(reservation.first))
        .bind(i64::from(reservation.count))
        .bind(signed(now.0))
        .execute(&mut *transaction)
        .await
        .map_err(failed)?;
    transaction.commit().await.map_err(failed)?;
    Ok(Ok(reservation))
}

/// Takes free jobs. Rows that another instance is taking are passed over.
pub(super) async fn claim(
    store: &PostgresStore,
    now: Millis,
    worker: WorkerId,
    max: usize,
    until: Millis,
) -> Done<Vec<Job>> {
    let mut transaction = store.begin().await?;
    let rows = sqlx::query(concat!(
        "SELECT ",
        job_columns!(),
        " FROM jobs WHERE state = 0 OR (state = 1 AND until <= $1) \
         ORDER BY number LIMIT $2 FOR UPDATE SKIP LOCKED"
    ))
    .bind(signed(now.0))
    .bind(signed(max as u64))
    .fetch_all(&mut *transaction)
    .await
    .map_err(failed)?;
    let mut claimed = Vec::with_capacity(rows.len());
    for row in &rows {
        let job = job_of(row)?.claimed(now, worker, until);
        put_state(&mut transaction, now, &job).await?;
        if !job.state.is_final() {
            claimed.push(job);
        }
    }
    transaction.commit().await.map_err(failed)?;
    Ok(claimed)
}

async fn put_state(connection: &mut PgConnection, now: Millis, job: &Job) -> Done<()> {
    let State { code, reason, worker, until, seq } = State::of(&job.state);
    sqlx::query(
        "UPDATE jobs SET state = $2, reason = $3, worker = $4, until = $5, seq = $6, \
         attempts = $7, ended = $8 WHERE id = $1",
    )
    .bind(job.id.0)
    .bind(code)
    .bind(reason)
    .bind(worker)
    .bind(until)
    .bind(seq)
    .bind(i64::from(job.attempts))
    .bind(job.state.is_final().then(|| signed(now.0)))
    .execute(connection)
    .await
    .map_err(failed)?;
    Ok(())
}

pub(super) async fn finish(
    store: &PostgresStore,
    now: Millis,
    worker: WorkerId,
    batch: Vec<Finished>,
) -> Done<Vec<Option<Job>>> {
    let mut transaction = store.begin().await?;
    let mut ended = Vec::with_capacity(batch.len());
    for finished in &batch {
        ended.push(finish_one(&mut transaction, now, worker, finished).await?);
    }
    announce(&mut transaction).await?;
    transaction.commit().await.map_err(failed)?;
    Ok(ended)
}

async fn finish_one(
    connection: &mut PgConnection,
    now: Millis,
    worker: WorkerId,
    finished: &Finished,
) -> Done<Option<Job>> {
    let Some(job) = locked_job(connection, finished.id).await? else { return Ok(None) };
    if !job.is_held_by(worker) {
        return Ok(None);
    }
    let state = match &finished.outcome {
        Ok(_) if job.deadline <= now => JobState::Expired,
        Ok(proof) => append_proof(connection, now, &job, proof).await?,
        Err(reason) => JobState::Failed(*reason),
    };
    let job = Job { state, ..job };
    put_state(connection, now, &job).await?;
    Ok(Some(job))
}

/// Puts a job's proof at the end of the stream; returns the state the job has then.
async fn append_proof(
    connection: &mut PgConnection,
    now: Millis,
    job: &Job,
    proof: &[u8],
) -> Done<JobState> {
    let seq = next_number(connection, "proofs").await?;
    let record = ProofRecord::of_job(seq, job, proof, now);
    put_proof(connection, &record).await?;
    Ok(JobState::Done { seq })
}

async fn put_proof(connection: &mut PgConnection, record: &ProofRecord) -> Done<()> {
    sqlx::query("INSERT INTO proofs VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)")
        .bind(signed(record.seq))
        .bind(record.job.0)
        .bind(&record.sender)
        .bind(&record.subject)
        .bind(signed(record.epoch.0))
        .bind(i64::from(record.first))
        .bind(i64::from(record.count))
        .bind(&record.proof)
        .bind(signed(record.at.0))
        .execute(connection)
        .await
        .map_err(failed)?;
    Ok(())
}

pub(super) async fn cancel(store: &PostgresStore, id: JobId) -> Done<Option<Job>> {
    let mut transaction = store.begin().await?;
    let Some(job) = locked_job(&mut transaction, id).await? else { return Ok(None) };
    if job.state.is_final() {
        return Ok(Some(job));
    }
    let job = Job { state: JobState::Cancelled, ..job };
    put_state(&mut transaction, job.created, &job).await?;
    announce(&mut transaction).await?;
    transaction.commit().await.map_err(failed)?;
    Ok(Some(job))
}

pub(super) async fn sweep(store: &PostgresStore, now: Millis, max: usize) -> Done<usize> {
    let swept = sqlx::query(
        "UPDATE jobs SET state = 4, ended = $1 WHERE id IN (SELECT id FROM jobs \
         WHERE (state = 0 OR (state = 1 AND until <= $1)) AND deadline <= $1 \
         ORDER BY number LIMIT $2 FOR UPDATE SKIP LOCKED)",
    )
    .bind(signed(now.0))
    .bind(signed(max as u64))
    .execute(&store.pool)
    .await
    .map_err(failed)?;
    Ok(usize::try_from(swept.rows_affected()).unwrap_or(usize::MAX))
}

pub(super) async fn job(connection: &mut PgConnection, id: JobId) -> Done<Option<Job>> {
    let row = sqlx::query(concat!("SELECT ", job_columns!(), " FROM jobs WHERE id = $1"))
        .bind(id.0)
        .fetch_optional(connection)
        .await
        .map_err(failed)?;
    row.as_ref().map(job_of).transpose()
}

async fn locked_job(connection: &mut PgConnection, id: JobId) -> Done<Option<Job>> {
    let row =
        sqlx::query(concat!("SELECT ", job_columns!(), " FROM jobs WHERE id = $1 FOR UPDATE"))
            .bind(id.0)
            .fetch_optional(connection)
            .await
            .map_err(failed)?;
    row.as_ref().map(job_of).transpose()
}

pub(super) async fn publish(
    store: &PostgresStore,
    now: Millis,
    publication: Publication,
) -> Done<u64> {
    let mut transaction = store.begin().await?;
    // Holding the head first makes looking and adding one step for all publishers.
    let seq = next_number(&mut transaction, "proofs").await?;
    let kept = sqlx::query("SELECT seq FROM proofs WHERE job = $1")
        .bind(publication.id.0)
        .fetch_optional(&mut *transaction)
        .await
        .map_err(failed)?;
    if let Some(row) = kept {
        return number(&row, 0);
    }
    let Publication { id, sender, subject, epoch, proof } = publication;
    let (first, count) = (0, 0);
    let record = ProofRecord { seq, job: id, sender, subject, epoch, first, count, proof, at: now };
    put_proof(&mut transaction, &record).await?;
    announce(&mut transaction).await?;
    transaction.commit().await.map_err(failed)?;
    Ok(seq)
}

pub(super) async fn proofs(store: &PostgresStore, from: u64, max: usize) -> Done<Vec<ProofRecord>> {
    let rows = sqlx::query("SELECT * FROM proofs WHERE seq >= $1 ORDER BY seq LIMIT $2")
        .bind(signed(from))
        .bind(signed(max as u64))
        .fetch_all(&store.pool)
        .await
        .map_err(failed)?;
    rows.iter().map(proof_of).collect()
}

pub(super) async fn prune(store: &PostgresStore, before: Millis, max: usize) -> Done<usize> {
    let mut transaction = store.begin().await?;
    let statements = [
        "DELETE FROM jobs WHERE id IN (SELECT id FROM jobs WHERE state >= 2 AND ended < $1 \
         ORDER BY ended LIMIT $2)",
        "DELETE FROM reservations WHERE id IN (SELECT id FROM reservations WHERE created < $1 \
         ORDER BY created LIMIT $2)",
        "DELETE FROM proofs WHERE seq IN (SELECT seq FROM proofs WHERE at < $1 \
         ORDER BY at LIMIT $2)",
    ];
    let mut pruned = 0;
    for statement in statements {
        let deleted = sqlx::query(statement)
            .bind(signed(before.0))
            .bind(signed(max as u64))
            .execute(&mut *transaction)
            .await
            .map_err(failed)?;
        pruned += usize::try_from(deleted.rows_affected()).unwrap_or(usize::MAX);
    }
    transaction.commit().await.map_err(failed)?;
    Ok(pruned)
}

/// A job's state as columns.
struct State {
    code: i16,
    reason: Option<i16>,
    worker: Option<Vec<u8>>,
    until: Option<i64>,
    seq: Option<i64>,
}

impl State {
    fn of(state: &JobState) -> Self {
        let bare = |code| Self { code, reason: None, worker: None, until: None, seq: None };
        match state {
            JobState::Queued => bare(0),
            JobState::Proving { worker, until } => {
                Self { worker: Some(worker.0.to_vec()), until: Some(signed(until.0)), ..bare(1) }
            }
            JobState::Done { seq } => Self { seq: Some(signed(*seq)), ..bare(2) },
            JobState::Failed(reason) => Self { reason: Some(i16::from(reason.code())), ..bare(3) },
            JobState::Expired => bare(4),
            JobState::Cancelled => bare(5),
        }
    }
}

fn state_of(row: &PgRow) -> Done<JobState> {
    let code: i16 = row.try_get(12).map_err(failed)?;
    Ok(match code {
        0 => JobState::Queued,
        1 => {
            JobState::Proving { worker: WorkerId(array(row, 14)?), until: Millis(number(row, 15)?) }
        }
        2 => JobState::Done { seq: number(row, 16)? },
        3 => {
            let reason: i16 = row.try_get(13).map_err(failed)?;
            let reason = u8::try_from(reason).ok().and_then(FailReason::from_code);
            JobState::Failed(reason.ok_or_else(|| damaged("an unknown reason"))?)
        }
        4 => JobState::Expired,
        5 => JobState::Cancelled,
        _ => return Err(damaged("an unknown state")),
    })
}

fn reservation_of(row: &PgRow, at: usize) -> Done<Reservation> {
    Ok(Reservation {
        member: MemberKey(array(row, at)?),
        epoch: Epoch(number(row, at + 1)?),
        first: small(row, at + 2)?,
        count: small(row, at + 3)?,
    })
}

fn job_of(row: &PgRow) -> Done<Job> {
    Ok(Job {
        id: JobId(array(row, 0)?),
        number: number(row, 1)?,
        reservation: reservation_of(row, 2)?,
        signal: array(row, 6)?,
        sender: bytes(row, 7)?,
        subject: bytes(row, 8)?,
        deadline: Millis(number(row, 9)?),
        created: Millis(number(row, 10)?),
        attempts: small(row, 11)?,
        state: state_of(row)?,
    })
}

fn proof_of(row: &PgRow) -> Done<ProofRecord> {
    Ok(ProofRecord {
        seq: number(row, 0)?,
        job: JobId(array(row, 1)?),
        sender: bytes(row, 2)?,
        subject: bytes(row, 3)?,
        epoch: Epoch(number(row, 4)?),
        first: small(row, 5)?,
        count: small(row, 6)?,
        proof: bytes(row, 7)?,
        at: Millis(number(row, 8)?),
    })
}
