//! What the embedded store does inside one write transaction.
//!
//! Each function checks everything before it changes anything, so a refusal leaves the transaction
//! as it was and others may share it. A storage error spoils the whole transaction.

use redb::{ReadableTable, ReadableTableMetadata, WriteTransaction};

use super::record::Record;
use super::tables::{
    CHANGED, CHANGES, COMMITMENTS, COUNTERS, DENIED, DOUBLES, ENDED, ENTRIES, Entry, HEADS, MARKS,
    MEMBERS, NAMES, OPEN, PROOFS, SETTINGS,
};
use super::{Admitted, Delivery, Denied, Publication, ReserveRequest, StoreError};
use crate::prover::epoch::{Epoch, Millis};
use crate::prover::job::{Finished, Job, JobId, JobState, ProofRecord, Submission, WorkerId};
use crate::prover::mark::{Evidence, Mark, Recorded};
use crate::prover::registry::{Amendment, MemberRecord, RegisterRefusal, Registration};
use crate::prover::reservation::{
    Counter, MemberKey, Refusal, Reservation, Wanted, reserve as next_ids,
};

type Done<T> = Result<T, StoreError>;

/// Makes every table, so that readers find them.
pub(super) fn prepare(transaction: &WriteTransaction) -> Done<()> {
    transaction.open_table(COUNTERS)?;
    transaction.open_table(ENTRIES)?;
    transaction.open_table(OPEN)?;
    transaction.open_table(ENDED)?;
    transaction.open_table(PROOFS)?;
    transaction.open_table(HEADS)?;
    transaction.open_table(MARKS)?;
    transaction.open_table(DOUBLES)?;
    transaction.open_table(MEMBERS)?;
    transaction.open_table(CHANGES)?;
    transaction.open_table(CHANGED)?;
    transaction.open_table(NAMES)?;
    transaction.open_table(COMMITMENTS)?;
    transaction.open_table(DENIED)?;
    transaction.open_table(SETTINGS)?;
    Ok(())
}

/// Numbers the leaves of a file that was written before leaves could change hands.
pub(super) fn number_leaves(transaction: &WriteTransaction) -> Done<()> {
    let mut changed = transaction.open_table(CHANGED)?;
    if !changed.is_empty()? {
        return Ok(());
    }
    let mut changes = transaction.open_table(CHANGES)?;
    for kept in transaction.open_table(MEMBERS)?.iter()? {
        let index = kept?.0.value();
        let number = next_number(transaction, "members")?;
        changed.insert(index, number)?;
        changes.insert(number, index)?;
    }
    Ok(())
}

/// Puts jobs back whose workers ended with the last process.
pub(super) fn release_all(transaction: &WriteTransaction) -> Done<()> {
    for id in open_jobs(transaction, usize::MAX)? {
        if let Some(Entry::Job(job)) = entry(transaction, id)?
            && matches!(job.state, JobState::Proving { .. })
        {
            put_entry(transaction, id, &Entry::Job(Job { state: JobState::Queued, ..job }))?;
        }
    }
    Ok(())
}

pub(super) fn submit(
    transaction: &WriteTransaction,
    now: Millis,
    submission: &Submission,
    tolerance: u64,
) -> Done<Result<Admitted, Refusal>> {
    match entry(transaction, submission.id)? {
        Some(Entry::Job(job)) if job.answers(submission) => {
            return Ok(Ok(Admitted { job, repeated: true }));
        }
        Some(_) => return Ok(Err(Refusal::KeyReused)),
        None => {}
    }
    let reserved = advance(transaction, submission.member, submission.wanted, tolerance)?;
    let reservation = match reserved {
        Ok(reservation) => reservation,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let number = next_number(transaction, "jobs")?;
    let job = Job::queued(submission, reservation, number, now);
    transaction.open_table(OPEN)?.insert(number, job.id.0)?;
    put_entry(transaction, job.id, &Entry::Job(job.clone()))?;
    Ok(Ok(Admitted { job, repeated: false }))
}

pub(super) fn reserve(
    transaction: &WriteTransaction,
    now: Millis,
    request: &ReserveRequest,
    tolerance: u64,
) -> Done<Result<Reservation, Refusal>> {
    let ReserveRequest { id, member, wanted } = *request;
    match entry(transaction, id)? {
        Some(Entry::Reserved(kept)) if kept.member == member && kept.count == wanted.count => {
            return Ok(Ok(kept));
        }
        Some(_) => return Ok(Err(Refusal::KeyReused)),
        None => {}
    }
    let reserved = advance(transaction, member, wanted, tolerance)?;
    if let Ok(reservation) = &reserved {
        put_entry(transaction, id, &Entry::Reserved(*reservation))?;
        transaction.open_table(ENDED)?.insert((now.0, id.0), ())?;
    }
    Ok(reserved)
}

/// Applies the rule of [`reserve`](next_ids) to the stored counter.
fn advance(
    transaction: &WriteTransaction,
    member: MemberKey,
    wanted: Wanted,
    tolerance: u64,
) -> Done<Result<Reservation, Refusal>> {
    let mut counters = transaction.open_table(COUNTERS)?;
    let kept = counters.get(member.0)?.map(|kept| kept.value());
    let kept = kept.map(|(epoch, next)| Counter { epoch: Epoch(epoch), next });
    Ok(match next_ids(member, kept, wanted, tolerance) {
        Ok((reservation, counter)) => {
            counters.insert(member.0, (counter.epoch.0, counter.next))?;
            Ok(reservation)
        }
        Err(refusal) => Err(refusal),
    })
}

pub(super) fn claim(
    transaction: &WriteTransaction,
    now: Millis,
    worker: WorkerId,
    max: usize,
    until: Millis,
) -> Done<Vec<Job>> {
    let mut claimed = Vec::new();
    for id in open_jobs(transaction, CLAIM_LOOKS)? {
        if claimed.len() == max {
            break;
        }
        let Some(Entry::Job(job)) = entry(transaction, id)? else { continue };
        if !job.is_free(now) {
            continue;
        }
        let job = job.claimed(now, worker, until);
        if job.state.is_final() {
            end(transaction, now, &job)?;
        } else {
            put_entry(transaction, id, &Entry::Job(job.clone()))?;
            claimed.push(job);
        }
    }
    Ok(claimed)
}

/// Open jobs that are looked at for one claim: more than all workers of a machine hold.
const CLAIM_LOOKS: usize = 4096;

fn open_jobs(transaction: &WriteTransaction, max: usize) -> Done<Vec<JobId>> {
    let open = transaction.open_table(OPEN)?;
    let jobs = open.iter()?.take(max);
    jobs.map(|job| Ok(JobId(job?.1.value()))).collect()
}

pub(super) fn finish(
    transaction: &WriteTransaction,
    now: Millis,
    worker: WorkerId,
    finished: &Finished,
) -> Done<Option<Job>> {
    let Some(Entry::Job(job)) = entry(transaction, finished.id)? else { return Ok(None) };
    if !job.is_held_by(worker) {
        return Ok(None);
    }
    let state = match &finished.outcome {
        Ok(_) if job.deadline <= now => JobState::Expired,
        Ok(proof) => JobState::Done { seq: append_proof(transaction, now, &job, proof)? },
        Err(reason) => JobState::Failed(*reason),
    };
    let job = Job { state, ..job };
    end(transaction, now, &job)?;
    Ok(Some(job))
}

pub(super) fn deliver(
    transaction: &WriteTransaction,
    now: Millis,
    delivery: &Delivery,
) -> Done<Option<Job>> {
    let Delivery { submission, reservation, proof } = delivery;
    if entry(transaction, submission.id)?.is_some() {
        return Ok(None);
    }
    let number = next_number(transaction, "jobs")?;
    let job = Job::queued(submission, *reservation, number, now);
    let state = JobState::Done { seq: append_proof(transaction, now, &job, proof)? };
    let job = Job { state, ..job };
    end(transaction, now, &job)?;
    Ok(Some(job))
}

fn append_proof(transaction: &WriteTransaction, now: Millis, job: &Job, proof: &[u8]) -> Done<u64> {
    let seq = next_number(transaction, "proofs")?;
    let record = ProofRecord::of_job(seq, job, proof, now);
    transaction.open_table(PROOFS)?.insert(seq, record.to_record().as_slice())?;
    Ok(seq)
}

/// Writes a job that ended and takes it from the queue.
fn end(transaction: &WriteTransaction, now: Millis, job: &Job) -> Done<()> {
    transaction.open_table(OPEN)?.remove(job.number)?;
    transaction.open_table(ENDED)?.insert((now.0, job.id.0), ())?;
    put_entry(transaction, job.id, &Entry::Job(job.clone()))
}

pub(super) fn cancel(transaction: &WriteTransaction, id: JobId) -> Done<Option<Job>> {
    let Some(Entry::Job(job)) = entry(transaction, id)? else { return Ok(None) };
    if job.state.is_final() {
        return Ok(Some(job));
    }
    let job = Job { state: JobState::Cancelled, ..job };
    end(transaction, job.created, &job)?;
    Ok(Some(job))
}

/// Is the deadline of one of the first `max` open jobs past, and nobody working on it?
pub(super) fn is_overdue(
    open: &impl ReadableTable<u64, [u8; 32]>,
    entries: &impl ReadableTable<[u8; 32], &'static [u8]>,
    now: Millis,
    max: usize,
) -> Done<bool> {
    for id in open.iter()?.take(max) {
        let kept = entries.get(id?.1.value())?;
        let kept = kept.map(|kept| Entry::from_record(kept.value())).transpose()?;
        if let Some(Entry::Job(job)) = kept
            && job.is_free(now)
            && job.deadline <= now
        {
            return Ok(true);
        }
    }
    Ok(false)
}

pub(super) fn sweep(transaction: &WriteTransaction, now: Millis, max: usize) -> Done<usize> {
    let mut ended = 0;
    for id in open_jobs(transaction, max)? {
        if let Some(Entry::Job(job)) = entry(transaction, id)?
            && job.is_free(now)
            && job.deadline <= now
        {
            end(transaction, now, &Job { state: JobState::Expired, ..job })?;
            ended += 1;
        }
    }
    Ok(ended)
}

pub(super) fn publish(
    transaction: &WriteTransaction,
    now: Millis,
    publication: &Publication,
) -> Done<u64> {
    if let Some(Entry::Published(seq)) = entry(transaction, publication.id)? {
        return Ok(seq);
    }
    let seq = next_number(transaction, "proofs")?;
    let Publication { id, sender, subject, epoch, proof } = publication.clone();
    let (first, count) = (0, 0);
    let record = ProofRecord { seq, job: id, sender, subject, epoch, first, count, proof, at: now };
    transaction.open_table(PROOFS)?.insert(seq, record.to_record().as_slice())?;
    put_entry(transaction, id, &Entry::Published(seq))?;
    transaction.open_table(ENDED)?.insert((now.0, id.0), ())?;
    Ok(seq)
}

pub(super) fn prune(transaction: &WriteTransaction, before: Millis, max: usize) -> Done<usize> {
    let mut ended = transaction.open_table(ENDED)?;
    let old: Vec<(u64, [u8; 32])> = ended
        .range((0_u64, [0_u8; 32])..(before.0, [0_u8; 32]))?
        .take(max)
        .map(|old| Ok(old?.0.value()))
        .collect::<Done<_>>()?;
    for key in &old {
        ended.remove(*key)?;
        let place = match entry(transaction, JobId(key.1))? {
            Some(Entry::Job(Job { state: JobState::Done { seq }, .. }) | Entry::Published(seq)) => {
                Some(seq)
            }
            _ => None,
        };
        if let Some(seq) = place {
            transaction.open_table(PROOFS)?.remove(seq)?;
        }
        transaction.open_table(ENTRIES)?.remove(key.1)?;
    }
    Ok(old.len())
}

pub(super) fn record(transaction: &WriteTransaction, now: Millis, mark: &Mark) -> Done<Recorded> {
    let mut marks = transaction.open_table(MARKS)?;
    let place = (mark.epoch.0, mark.nullifier);
    let kept = marks.get(place)?.map(|kept| Mark::from_record(kept.value())).transpose()?;
    let Some(first) = kept else {
        marks.insert(place, mark.to_record().as_slice())?;
        return Ok(Recorded::Fresh);
    };
    if first.is_same_point(mark) {
        return Ok(Recorded::Duplicate);
    }
    let seq = next_number(transaction, "doubles")?;
    let evidence = Evidence { seq, first, second: *mark, at: now };
    transaction.open_table(DOUBLES)?.insert(seq, evidence.to_record().as_slice())?;
    Ok(Recorded::DoubleSignal { seq })
}

pub(super) fn forget_marks(transaction: &WriteTransaction, epoch: Epoch) -> Done<()> {
    let mut marks = transaction.open_table(MARKS)?;
    marks.retain_in((0_u64, [0_u8; 32])..(epoch.0, [0_u8; 32]), |_, _| false)?;
    Ok(())
}

pub(super) fn register(
    transaction: &WriteTransaction,
    registration: &Registration,
    capacity: u64,
) -> Done<Result<MemberRecord, RegisterRefusal>> {
    if let Err(refusal) = registration.check() {
        return Ok(Err(refusal));
    }
    if let Some(kept) = member_keyed(transaction, registration.member)? {
        let same = kept.name == registration.name && kept.limit == registration.limit;
        return Ok(if same { Ok(kept) } else { Err(RegisterRefusal::IdentityTaken) });
    }
    if transaction.open_table(NAMES)?.get(registration.name.as_slice())?.is_some() {
        return Ok(Err(RegisterRefusal::NameTaken));
    }
    let last = transaction.open_table(CHANGED)?.last()?.map(|(last, _)| last.value());
    let index = last.map_or(0, |last| last + 1);
    if index >= capacity {
        return Ok(Err(RegisterRefusal::Full));
    }
    let member = registration.clone().at(index);
    put_leaf(transaction, index, Some(&member))?;
    Ok(Ok(member))
}

fn member_keyed(transaction: &WriteTransaction, key: MemberKey) -> Done<Option<MemberRecord>> {
    let index = transaction.open_table(COMMITMENTS)?.get(key.0)?.map(|index| index.value());
    let Some(index) = index else { return Ok(None) };
    let members = transaction.open_table(MEMBERS)?;
    members.get(index)?.map(|kept| MemberRecord::from_record(kept.value())).transpose()
}

pub(super) fn amend(transaction: &WriteTransaction, amendment: &Amendment) -> Done<bool> {
    if setting(transaction, amendment.cursor)? != amendment.before {
        return Ok(false);
    }
    for (index, registration) in amendment.last_of_each() {
        let member = registration.map(|registration| registration.clone().at(index));
        put_leaf(transaction, index, member.as_ref())?;
    }
    set(transaction, amendment.cursor, &amendment.after)?;
    Ok(true)
}

/// Gives a leaf to a member, or to nobody. Where two leaves have one name or commitment, it leads
/// to the one that came last.
fn put_leaf(transaction: &WriteTransaction, index: u64, member: Option<&MemberRecord>) -> Done<()> {
    let number = next_number(transaction, "members")?;
    let old = transaction.open_table(CHANGED)?.insert(index, number)?.map(|old| old.value());
    let mut changes = transaction.open_table(CHANGES)?;
    if let Some(old) = old {
        changes.remove(old)?;
    }
    changes.insert(number, index)?;
    let mut members = transaction.open_table(MEMBERS)?;
    let mut names = transaction.open_table(NAMES)?;
    let mut commitments = transaction.open_table(COMMITMENTS)?;
    let left = members.remove(index)?.map(|kept| MemberRecord::from_record(kept.value()));
    if let Some(left) = left.transpose()? {
        let leads_here = |place: Option<redb::AccessGuard<'_, u64>>| {
            place.is_some_and(|place| place.value() == index)
        };
        if leads_here(names.get(left.name.as_slice())?) {
            names.remove(left.name.as_slice())?;
        }
        if leads_here(commitments.get(left.member.0)?) {
            commitments.remove(left.member.0)?;
        }
    }
    if let Some(member) = member {
        members.insert(index, member.to_record().as_slice())?;
        names.insert(member.name.as_slice(), index)?;
        commitments.insert(member.member.0, index)?;
    }
    Ok(())
}

pub(super) fn deny(
    transaction: &WriteTransaction,
    name: &[u8],
    entry: Option<&Denied>,
) -> Done<bool> {
    let mut denied = transaction.open_table(DENIED)?;
    let old = match entry {
        Some(entry) => denied.insert(name, entry.to_record().as_slice())?.is_some(),
        None => denied.remove(name)?.is_some(),
    };
    Ok(old)
}

pub(super) fn set(transaction: &WriteTransaction, name: &str, value: &str) -> Done<()> {
    transaction.open_table(SETTINGS)?.insert(name, value)?;
    Ok(())
}

pub(super) fn setting(transaction: &WriteTransaction, name: &str) -> Done<Option<String>> {
    let settings = transaction.open_table(SETTINGS)?;
    Ok(settings.get(name)?.map(|value| value.value().to_owned()))
}

fn entry(transaction: &WriteTransaction, id: JobId) -> Done<Option<Entry>> {
    let entries = transaction.open_table(ENTRIES)?;
    let kept = entries.get(id.0)?;
    kept.map(|kept| Entry::from_record(kept.value())).transpose()
}

fn put_entry(transaction: &WriteTransaction, id: JobId, entry: &Entry) -> Done<()> {
    transaction.open_table(ENTRIES)?.insert(id.0, entry.to_record().as_slice())?;
    Ok(())
}

/// The number after the last one given out under `name`, from 1.
fn next_number(transaction: &WriteTransaction, name: &str) -> Done<u64> {
    let mut heads = transaction.open_table(HEADS)?;
    let next = heads.get(name)?.map_or(0, |head| head.value()) + 1;
    heads.insert(name, next)?;
    Ok(next)
}
