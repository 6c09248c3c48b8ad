//! The stream of proofs: from any number on, across restarts, at the pace of each subscriber.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, mpsc, watch};

use super::job::{JobId, ProofRecord};
use super::metrics::Metrics;
use super::problem::Problem;
use super::store::{Store, StoreError};

/// Proofs that stay in memory for subscribers who keep up.
const RECENT: usize = 4096;
/// Proofs that are read from the store at once.
const PAGE: usize = 256;
/// Proofs that wait for one subscriber in memory.
const AHEAD: usize = 64;
/// How long to look away at most when nothing is announced.
const POLL: Duration = Duration::from_millis(500);

/// What happens to a subscriber who falls behind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Slow {
    /// Its stream ends, and it resumes where it was.
    #[default]
    Disconnect,
    /// The stream waits.
    Wait,
    /// It misses what it could not take; numbers show the gap.
    Skip,
}

/// What a subscriber wants.
#[derive(Clone, Debug, Default)]
pub struct Subscription {
    /// The first number; 0: from now on.
    pub from: u64,
    /// Of these members only; none: of all.
    pub members: HashSet<Vec<u8>>,
    /// What happens if it is slow.
    pub slow: Slow,
    /// How many proofs it may be behind before it counts as slow.
    pub patience: u64,
}

/// Follows the store and serves subscribers. One reader for all who keep up.
#[derive(Debug)]
pub struct Stream {
    store: Arc<dyn Store>,
    metrics: Arc<Metrics>,
    recent: Mutex<VecDeque<Arc<ProofRecord>>>,
    waiting: Mutex<HashMap<JobId, Arc<Notify>>>,
    head: watch::Sender<u64>,
}

/// Somebody who waits for a job's proof.
#[derive(Debug)]
pub struct Waiting<'a> {
    stream: &'a Stream,
    job: JobId,
    notice: Arc<Notify>,
}

impl Waiting<'_> {
    /// Ends when the proof is in the stream, if it comes after this call.
    pub fn ended(&self) -> impl Future<Output = ()> + use<> {
        let notified = Arc::clone(&self.notice).notified_owned();
        let mut notified = Box::pin(notified);
        notified.as_mut().enable();
        notified
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut waiting = self.stream.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        // One in the table, one here: nobody else waits.
        if Arc::strong_count(&self.notice) <= 2 {
            waiting.remove(&self.job);
        }
    }
}

impl Stream {
    /// A stream over what the store holds.
    ///
    /// # Errors
    ///
    /// The store's.
    pub async fn new(store: Arc<dyn Store>, metrics: Arc<Metrics>) -> Result<Self, StoreError> {
        let head = watch::Sender::new(store.depths().await?.proofs);
        let (recent, waiting) = (Mutex::default(), Mutex::default());
        Ok(Self { store, metrics, recent, waiting, head })
    }

    /// The last number.
    #[must_use]
    pub fn head(&self) -> u64 {
        *self.head.borrow()
    }

    /// Follows the store until `stop` turns true.
    pub async fn follow(&self, mut stop: watch::Receiver<bool>) {
        let mut changes = self.store.changes();
        while !*stop.borrow() {
            changes.mark_unchanged();
            match self.step().await {
                Ok(true) => {}
                Ok(false) => tokio::select! {
                    _ = changes.changed() => {}
                    _ = stop.changed() => {}
                    () = tokio::time::sleep(POLL) => {}
                },
                Err(error) => {
                    tracing::warn!(%error, "the stream cannot reach the store");
                    tokio::time::sleep(POLL).await;
                }
            }
        }
    }

    /// Takes in the next proofs; returns whether there were any.
    async fn step(&self) -> Result<bool, StoreError> {
        let head = self.head();
        let page = self.store.proofs(head + 1, PAGE).await?;
        let Some(last) = page.last().map(|proof| proof.seq) else { return Ok(false) };
        self.metrics.traces.seen(&page);
        self.announce(&page);
        {
            let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
            recent.extend(page.into_iter().map(Arc::new));
            let over = recent.len().saturating_sub(RECENT);
            recent.drain(..over);
        }
        self.head.send_replace(last);
        Ok(true)
    }

    /// Wakes who waits for one of these proofs.
    fn announce(&self, page: &[ProofRecord]) {
        let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        for notice in page.iter().filter_map(|proof| waiting.get(&proof.job)) {
            notice.notify_waiters();
        }
    }

    /// Waits for a job's proof.
    #[must_use]
    pub fn wait_for(&self, job: JobId) -> Waiting<'_> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let notice = Arc::clone(waiting.entry(job).or_default());
        Waiting { stream: self, job, notice }
    }

    /// Proofs from `next` on that are in memory; `None` if the first of them is not.
    fn recent(&self, next: u64) -> Option<Vec<Arc<ProofRecord>>> {
        let recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        let first = recent.front()?.seq;
        if next < first {
            return None;
        }
        let place = recent.partition_point(|proof| proof.seq < next);
        Some(recent.iter().skip(place).take(PAGE).cloned().collect())
    }

    async fn page(&self, next: u64) -> Result<Vec<Arc<ProofRecord>>, Problem> {
        if let Some(page) = self.recent(next) {
            return Ok(page);
        }
        let page = self.store.proofs(next, PAGE).await?;
        Ok(page.into_iter().map(Arc::new).collect())
    }

    /// Starts a subscription: proofs arrive in the channel until the subscriber is gone or `stop`
    /// turns true.
    #[must_use]
    pub fn subscribe(
        self: &Arc<Self>,
        subscription: Subscription,
        stop: watch::Receiver<bool>,
    ) -> mpsc::Receiver<Result<Arc<ProofRecord>, Problem>> {
        let (send, receive) = mpsc::channel(AHEAD);
        let stream = Arc::clone(self);
        // Now is now, not when the task first runs.
        let next = if subscription.from == 0 { self.head() + 1 } else { subscription.from };
        tokio::spawn(async move {
            let _held = stream.metrics.subscribers.hold();
            let served = serve(&stream, &subscription, next, &send, stop).await;
            if let Err(problem) = served {
                // The subscriber may be gone; then nobody needs to know.
                send.send(Err(problem)).await.ok();
            }
        });
        receive
    }
}

async fn serve(
    stream: &Stream,
    wants: &Subscription,
    mut next: u64,
    send: &mpsc::Sender<Result<Arc<ProofRecord>, Problem>>,
    mut stop: watch::Receiver<bool>,
) -> Result<(), Problem> {
    let mut heads = stream.head.subscribe();
    let mut resumed = wants.from != 0;
    while !*stop.borrow() {
        let head = *heads.borrow_and_update();
        if next > head {
            tokio::select! {
                changed = heads.changed() => if changed.is_err() { return Ok(()) },
                () = send.closed() => return Ok(()),
                _ = stop.changed() => {}
            }
            continue;
        }
        let page = stream.page(next).await?;
        if page.is_empty() {
            // All that was there has been forgotten.
            let first = head + 1;
            if resumed {
                return Err(Problem::Forgotten { first });
            }
            next = first;
        }
        for proof in page {
            if proof.seq > next && resumed {
                return Err(Problem::Forgotten { first: proof.seq });
            }
            resumed = wants.slow != Slow::Skip;
            next = proof.seq + 1;
            if !wants.members.is_empty() && !wants.members.contains(&proof.sender) {
                continue;
            }
            let expected = next;
            if !pass(stream, wants, send, proof, &mut next, &mut stop).await? {
                return Ok(());
            }
            if next > expected {
                break;
            }
        }
    }
    Ok(())
}

/// Hands one proof over; returns whether the subscriber is still there.
async fn pass(
    stream: &Stream,
    wants: &Subscription,
    send: &mpsc::Sender<Result<Arc<ProofRecord>, Problem>>,
    proof: Arc<ProofRecord>,
    next: &mut u64,
    stop: &mut watch::Receiver<bool>,
) -> Result<bool, Problem> {
    let seq = proof.seq;
    match send.try_send(Ok(proof)) {
        Ok(()) => Ok(true),
        Err(mpsc::error::TrySendError::Closed(_)) => Ok(false),
        Err(mpsc::error::TrySendError::Full(proof)) => {
            let behind = stream.head().saturating_sub(seq);
            match wants.slow {
                Slow::Disconnect if behind > wants.patience => Err(Problem::Behind { next: seq }),
                Slow::Skip if behind > wants.patience => {
                    *next = stream.head() + 1;
                    Ok(true)
                }
                _ => tokio::select! {
                    sent = send.send(proof) => Ok(sent.is_ok()),
                    _ = stop.changed() => Ok(false),
                },
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU64;

    use super::*;
    use crate::prover::epoch::{Epoch, EpochSchedule, Millis};
    use crate::prover::job::JobId;
    use crate::prover::store::{EmbeddedStore, Publication};
    use crate::store::tests::Folder;

    fn schedule() -> EpochSchedule {
        EpochSchedule::new(Millis(0), NonZeroU64::new(1000).unwrap(), "test")
    }

    async fn publish(store: &dyn Store, number: u16) {
        let mut id = [0; 32];
        id[..2].copy_from_slice(&number.to_be_bytes());
        let sender = vec![u8::try_from(number % 2).unwrap()];
        let (subject, proof) = (number.to_be_bytes().to_vec(), vec![1; 289]);
        let epoch = Epoch(1);
        let one = Publication { id: JobId(id), sender, subject, epoch, proof };
        store.publish(Millis(1), one).await.unwrap();
    }

    async fn stream(store: &Arc<dyn Store>) -> (Arc<Stream>, watch::Sender<bool>) {
        let metrics = Arc::new(Metrics::default());
        let stream = Arc::new(Stream::new(Arc::clone(store), metrics).await.unwrap());
        let (stop, stopped) = watch::channel(false);
        let follower = Arc::clone(&stream);
        tokio::spawn(async move { follower.follow(stopped).await });
        (stream, stop)
    }

    #[tokio::test]
    async fn a_subscriber_who_resumes_after_a_restart_misses_nothing_and_sees_nothing_twice() {
        let folder = Folder::new("prover-stream");
        let path = folder.join("prover.redb");
        let mut seen = Vec::new();
        for life in 0..3u16 {
            let store: Arc<dyn Store> = loop {
                // The writer of the last life ends on its own thread.
                match EmbeddedStore::open(&path, &schedule(), 0) {
                    Ok(store) => break Arc::new(store),
                    Err(_) => tokio::task::yield_now().await,
                }
            };
            let (stream, stop) = stream(&store).await;
            let from = seen.last().map_or(1, |last| last + 1);
            let wants = Subscription { from, slow: Slow::Wait, ..Subscription::default() };
            let mut proofs = stream.subscribe(wants, stop.subscribe());
            let published = Arc::clone(&store);
            let publisher = tokio::spawn(async move {
                for number in 0..100 {
                    publish(&*published, life * 100 + number).await;
                }
            });
            // It drops off in the middle; proofs it has not read are read in the next life.
            for _ in 0..70 {
                seen.push(proofs.recv().await.unwrap().unwrap().seq);
            }
            drop(proofs);
            publisher.await.unwrap();
            stop.send(true).unwrap();
            stop.closed().await;
            drop(stream);
        }
        assert_eq!(seen, (1..=210).collect::<Vec<_>>());
    }

    #[tokio::test]
    async fn a_filter_passes_the_members_it_names() {
        let store: Arc<dyn Store> = Arc::new(EmbeddedStore::in_memory(&schedule(), 0).unwrap());
        for number in 0..6 {
            publish(&*store, number).await;
        }
        let (stream, stop) = stream(&store).await;
        let members = HashSet::from([vec![1]]);
        let wants = Subscription { from: 1, members, ..Subscription::default() };
        let mut proofs = stream.subscribe(wants, stop.subscribe());
        for seq in [2, 4, 6] {
            assert_eq!(proofs.recv().await.unwrap().unwrap().seq, seq);
        }
    }

    #[tokio::test]
    async fn a_slow_subscriber_is_told_where_to_resume_or_shown_the_gap() {
        let store: Arc<dyn Store> = Arc::new(EmbeddedStore::in_memory(&schedule(), 0).unwrap());
        for number in 0..200 {
            publish(&*store, number).await;
        }
        let (stream, stop) = stream(&store).await;
        let wants = |slow| Subscription { from: 1, slow, patience: 10, ..Default::default() };
        let mut ended = stream.subscribe(wants(Slow::Disconnect), stop.subscribe());
        let mut waited = stream.subscribe(wants(Slow::Wait), stop.subscribe());
        let mut skipped = stream.subscribe(wants(Slow::Skip), stop.subscribe());
        // Nobody reads until all three channels are full.
        while [&ended, &waited, &skipped].iter().any(|channel| channel.len() < AHEAD) {
            tokio::task::yield_now().await;
        }
        let mut next = 1;
        let told = loop {
            match ended.recv().await.unwrap() {
                Ok(proof) => {
                    assert_eq!(proof.seq, next);
                    next += 1;
                }
                Err(problem) => break problem,
            }
        };
        assert_eq!(told, Problem::Behind { next });
        for seq in 1..=200 {
            assert_eq!(waited.recv().await.unwrap().unwrap().seq, seq);
        }
        publish(&*store, 200).await;
        let mut last = 0;
        while last < 201 {
            let seq = skipped.recv().await.unwrap().unwrap().seq;
            assert!(seq == last + 1 || (last == AHEAD as u64 && seq == 201), "{last} then {seq}");
            last = seq;
        }
    }

    #[tokio::test]
    async fn what_is_not_kept_any_more_cannot_be_resumed() {
        let store: Arc<dyn Store> = Arc::new(EmbeddedStore::in_memory(&schedule(), 0).unwrap());
        for number in 0..4 {
            publish(&*store, number).await;
        }
        assert_eq!(store.prune(Millis(2), 2).await.unwrap(), 2);
        let (stream, stop) = stream(&store).await;
        let wants = Subscription { from: 1, ..Subscription::default() };
        let mut proofs = stream.subscribe(wants, stop.subscribe());
        let told = proofs.recv().await.unwrap().unwrap_err();
        assert_eq!(told, Problem::Forgotten { first: 3 });
        drop(stop);

        assert_eq!(store.prune(Millis(2), 9).await.unwrap(), 2);
        let (stream, stop) = self::stream(&store).await;
        let wants = Subscription { from: 3, ..Subscription::default() };
        let mut proofs = stream.subscribe(wants, stop.subscribe());
        let told = proofs.recv().await.unwrap().unwrap_err();
        assert_eq!(told, Problem::Forgotten { first: 5 }, "nothing is left");
    }
}
